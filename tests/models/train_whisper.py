"""Trains the tests' tiny Whisper (``whisper/``, 1.4 million parameters) on the recordings of ``spoken.py``.

It knows sixteen sentences in the voices of eSpeak NG and nothing else: any other speech comes back as one of them.
That is enough to prove what lies around a model (loading, windows, times, errors) without a download. The folder has
CTranslate2's format and is loaded as any other; its windows are 8 s instead of 30 s long
(``preprocessor_config.json``), so that every window holds a few sentences and training is short.

``python tests/models/train_whisper.py`` repeats the training: seeds and step counts are fixed, only the order in which
threads add may differ. It needs ``espeak-ng``, and about twenty minutes on two busy cores; the tests need neither.
What helps such a small model: a second loss that names the word in every frame; timestamps that begin as the
encoder's positions and are learned as narrow bells; and the padding of a window (22 of its 30 s) computed at a few
random positions that weigh as much as all of them.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from faster_whisper.feature_extractor import FeatureExtractor
from numpy.typing import NDArray
from spoken import ACCENTS, RATE, SENTENCES, VARIANTS, Recording, record, speak
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

HERE = Path(__file__).resolve().parent
WINDOW = 800  # frames of 10 ms that a window holds
BINS = WINDOW // 2 + 1  # timestamps 0.00, 0.02 … 8.00
SILENT_POSITIONS = 1500 - WINDOW // 2  # of the encoder, that hold nothing but padding
SAMPLED = 32  # how many of them are computed

SPECIAL = [
    f"<|{name}|>"
    for name in """
    endoftext startoftranscript en translate transcribe startoflm startofprev nospeech notimestamps
    """.split()
]
WORD_CLASSES = 1 + sum(len(sentence.split()) for sentence in SENTENCES)  # silence, then every word of every sentence


# --- windows as the model sees them ------------------------------------------------------------


@dataclass(slots=True)
class Heard:
    """A recording as features, with the word that is said in each frame (0: none)."""

    mel: Tensor  # (80, frames) float16
    words: NDArray[np.int64]  # (frames,)
    said: list[tuple[int, float, float]]


def hear(recording: Recording) -> Heard:
    """Features as faster-whisper makes them; words are placed in their sentence by their number of letters."""
    mel = FeatureExtractor()(recording.samples)
    words = np.zeros(mel.shape[1], np.int64)
    for sentence, start_s, end_s in recording.said:
        first = 1 + sum(len(earlier.split()) for earlier in SENTENCES[:sentence])
        letters = np.cumsum([0] + [len(word) + 1 for word in SENTENCES[sentence].split()])
        edges = (100 * (start_s + (end_s - start_s) * letters / letters[-1])).astype(int)
        for i, (left, right) in enumerate(pairwise(edges)):
            words[left:right] = first + i
    return Heard(torch.from_numpy(mel).half(), words, recording.said)


def make_tokenizer(folder: Path) -> Any:
    """A byte-level tokenizer in which every word of the sentences is one token, as ``tokenizer.json``."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=2000, initial_alphabet=alphabet, show_progress=False)
    tokenizer.train_from_iterator([f" {sentence}" for sentence in SENTENCES], trainer)
    tokenizer.add_special_tokens(SPECIAL)
    tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "tokenizer_config.json").write_text('{"tokenizer_class": "PreTrainedTokenizerFast"}')
    return tokenizer


class Windows:
    """Cuts windows as faster-whisper does, with what is to be written for each."""

    def __init__(self, heard: list[Heard], tokenizer: Any, chance: np.random.Generator) -> None:
        self.heard, self.chance = heard, chance
        self.texts = [tokenizer.encode(f" {sentence}").ids for sentence in SENTENCES]
        self.special = {name: tokenizer.token_to_id(f"<|{name}|>") for name in ("endoftext", "startoftranscript")}
        self.no_speech, self.begin = tokenizer.token_to_id("<|nospeech|>"), tokenizer.get_vocab_size()

    def cut(self) -> tuple[Tensor, list[int], NDArray[np.int64]]:
        """``(80, WINDOW + 8)`` features, the tokens to write, ``(WINDOW // 2,)`` the words in the frames."""
        mel, words = torch.zeros(80, WINDOW + 8), np.zeros(WINDOW, np.int64)
        if self.chance.random() < 0.03:
            hiss = self.chance.normal(0, 10 ** self.chance.uniform(-5, -2), 8 * RATE).astype(np.float32)
            mel[:, :WINDOW] = torch.from_numpy(FeatureExtractor()(hiss))[:, :WINDOW]
            return mel, [self.no_speech], words[::2]
        heard = self.heard[self.chance.integers(len(self.heard))]
        begins = [0.0] + [end_s for _, _, end_s in heard.said[:-1]]
        start_s = begins[0 if self.chance.random() < 0.3 else int(self.chance.integers(len(begins)))]
        start = max(0, int(100 * start_s + self.chance.uniform(-8, 20))) if start_s else 0
        size = min(WINDOW, heard.mel.shape[1] - start)
        if self.chance.random() < 0.2:
            size = min(size, int(self.chance.integers(320, WINDOW)))
        mel[:, :size] = heard.mel[:, start : start + size].float()
        words[:size] = heard.words[start : start + size]
        return mel, self._tokens(heard, start / 100, size / 100), words[::2]

    def _tokens(self, heard: Heard, start_s: float, size_s: float) -> list[int]:
        tokens = []
        for sentence, first_s, last_s in heard.said:
            first_s, last_s = first_s - start_s, last_s - start_s
            if first_s < -0.05 or first_s > size_s - 0.2:
                continue
            tokens.append(self.begin + round(50 * first_s) if first_s > 0 else self.begin)
            if last_s > size_s + 0.02:  # cut by the window: its start alone, the next window says it
                break
            tokens += [*self.texts[sentence], self.begin + min(BINS - 1, round(50 * last_s))]
        return [*tokens, self.special["endoftext"]]

    def batch(self, size: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Features, tokens read ``(size, t)``, tokens to write (-100: none), words in the frames."""
        cuts = [self.cut() for _ in range(size)]
        longest = max(len(tokens) for _, tokens, _ in cuts)
        read = torch.full((size, longest), self.special["endoftext"])
        write = torch.full((size, longest), -100)
        for row, (_, tokens, _) in enumerate(cuts):
            moved = [  # times that the model wrote a little beside the truth
                max(self.begin, min(self.begin + BINS - 1, token + round(self.chance.normal(0, 2))))
                if token >= self.begin else token
                for token in tokens
            ]  # fmt: skip
            read[row, : len(tokens)] = torch.tensor([self.special["startoftranscript"], *moved[:-1]])
            write[row, : len(tokens)] = torch.tensor(tokens)
        return torch.stack([c[0] for c in cuts]), read, write, torch.from_numpy(np.stack([c[2] for c in cuts]))


# --- the model ---------------------------------------------------------------------------------


def make_model(begin: int, special: dict[str, int]) -> Any:
    """A Whisper of two and two layers; ``begin`` is the first of its ``BINS`` timestamps."""
    from transformers import WhisperConfig, WhisperForConditionalGeneration

    ids = {"pad_token_id": special["endoftext"], "bos_token_id": special["endoftext"]}
    layers = {"encoder_layers": 2, "decoder_layers": 2, "encoder_attention_heads": 4, "decoder_attention_heads": 4}
    config = WhisperConfig(
        vocab_size=begin + BINS, d_model=128, encoder_ffn_dim=512, decoder_ffn_dim=512, **layers, **ids,
        eos_token_id=special["endoftext"], decoder_start_token_id=special["startoftranscript"],
        suppress_tokens=[], begin_suppress_tokens=[],
    )  # fmt: skip
    model = WhisperForConditionalGeneration(config)
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, nn.Linear | nn.Conv1d) and module is not model.proj_out:
                nn.init.xavier_uniform_(module.weight)
        tokens = model.model.decoder.embed_tokens.weight
        tokens.normal_(0, 0.05)
        tokens[begin:] = 0.1 * model.model.encoder.embed_positions.weight[:BINS]
    return model


def attend(attention: Any, x: Tensor, memory: Tensor, bias: Tensor | None, causal: bool = False) -> Tensor:
    """Multi-head attention with the weights of a Whisper attention; ``bias`` is added to the scores."""

    def heads(y: Tensor) -> Tensor:
        return y.unflatten(-1, (4, -1)).transpose(1, 2)

    q, k, v = heads(attention.q_proj(x)), heads(attention.k_proj(memory)), heads(attention.v_proj(memory))
    mixed = F.scaled_dot_product_attention(q, k, v, attn_mask=bias, is_causal=causal)
    return attention.out_proj(mixed.transpose(1, 2).flatten(-2))


def forward(model: Any, mel: Tensor, read: Tensor) -> tuple[Tensor, Tensor]:
    """``(n, t, vocabulary)`` logits, and the encoder's output at the positions that hold sound."""
    encoder, decoder = model.model.encoder, model.model.decoder
    frames = F.gelu(encoder.conv2(F.gelu(encoder.conv1(mel)))).transpose(1, 2)
    sounding, silent = frames[:, : WINDOW // 2], frames[:, WINDOW // 2 + 2 : WINDOW // 2 + 3]
    places = WINDOW // 2 + torch.randperm(SILENT_POSITIONS)[:SAMPLED]
    positions = encoder.embed_positions.weight[torch.cat([torch.arange(WINDOW // 2), places])]
    x = torch.cat([sounding, silent.expand(-1, SAMPLED, -1)], dim=1) + positions
    bias = torch.zeros(1, 1, 1, x.shape[1])
    bias[..., WINDOW // 2 :] = np.log(SILENT_POSITIONS / SAMPLED)
    for layer in encoder.layers:
        h = layer.self_attn_layer_norm(x)
        x = x + attend(layer.self_attn, h, h, bias)
        x = x + layer.fc2(F.gelu(layer.fc1(layer.final_layer_norm(x))))
    memory = encoder.layer_norm(x)
    y = decoder.embed_tokens(read) + decoder.embed_positions.weight[: read.shape[1]]
    for layer in decoder.layers:
        h = layer.self_attn_layer_norm(y)
        y = y + attend(layer.self_attn, h, h, None, causal=True)
        y = y + attend(layer.encoder_attn, layer.encoder_attn_layer_norm(y), memory, bias)
        y = y + layer.fc2(F.gelu(layer.fc1(layer.final_layer_norm(y))))
    return decoder.layer_norm(y) @ decoder.embed_tokens.weight.T, memory[:, : WINDOW // 2]


def token_loss(logits: Tensor, write: Tensor, begin: int) -> Tensor:
    """Cross entropy; the truth of a timestamp is a bell of 3 bins (60 ms) around it."""
    log_p = logits.log_softmax(-1)[write >= 0]
    truth = write[write >= 0]
    stamp = truth >= begin
    bins = torch.arange(BINS)
    bell = torch.softmax(-((bins - (truth[stamp, None] - begin)) ** 2) / (2 * 3.0**2), dim=-1)
    words = -log_p[~stamp].gather(1, truth[~stamp, None]).sum()
    return (words - (bell * log_p[stamp][:, begin:]).sum()) / len(truth)


def train(model: Any, windows: Windows, steps: int, batch: int) -> None:
    """AdamW, one warm-up and one cosine; the loss that names words fades out over the first two thirds."""
    namer = nn.Linear(128, WORD_CLASSES)
    model.model.encoder.embed_positions.requires_grad_(False)
    weights = [p for p in [*model.parameters(), *namer.parameters()] if p.requires_grad]
    optimizer = torch.optim.AdamW(weights, lr=2e-3, betas=(0.9, 0.98), weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 2e-3, total_steps=steps, pct_start=0.08)
    for step in range(steps):
        mel, read, write, words = windows.batch(batch)
        logits, memory = forward(model, mel, read)
        naming = F.cross_entropy(namer(memory).flatten(0, 1), words.flatten())
        writing = token_loss(logits, write, windows.begin)
        loss = writing + max(0.0, 1 - 1.5 * step / steps) * naming
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(weights, 1.0)
        optimizer.step()
        schedule.step()
        if step % 25 == 0 or step == steps - 1:
            print(f"step {step}: writing {writing.item():.3f}, naming {naming.item():.3f}", flush=True)


def export(model: Any, source: Path, target: Path) -> None:
    """The model as an int8 folder of CTranslate2; ``source`` holds the tokenizer."""
    from ctranslate2.converters import TransformersConverter
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(source / "tokenizer.json"))
    generation = model.generation_config
    generation.suppress_tokens = []
    generation.begin_suppress_tokens = [tokenizer.token_to_id("<|endoftext|>")]
    generation.lang_to_id = {"<|en|>": tokenizer.token_to_id("<|en|>")}
    generation.alignment_heads = [[1, head] for head in range(4)]
    (source / "preprocessor_config.json").write_text(json.dumps({"feature_size": 80, "chunk_length": WINDOW // 100}))
    model.save_pretrained(source)
    copied = ["tokenizer.json", "preprocessor_config.json"]
    TransformersConverter(str(source), copy_files=copied).convert(str(target), quantization="int8", force=True)


def main() -> None:
    """Makes the training data and the model."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--steps", type=int, default=1200)
    options.add_argument("--batch", type=int, default=16)
    options.add_argument("--recordings", type=int, default=500)
    options.add_argument("--folder", type=Path, default=HERE)
    chosen = options.parse_args()
    torch.manual_seed(0)
    chance = np.random.default_rng(0)
    settings = [
        (f"{accent}+{variant}", chance.integers(125, 185), chance.integers(25, 75))
        for accent, variant in zip(ACCENTS * 9, VARIANTS * 3, strict=False)
    ]
    voices = [[speak(sentence, *setting) for sentence in SENTENCES] for setting in settings]
    print(f"{len(voices)} voices", flush=True)
    heard = [hear(record(voices, list(chance.permutation(16)[:10]), chance)) for _ in range(chosen.recordings)]
    print(f"{len(heard)} recordings", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        tokenizer = make_tokenizer(Path(folder))
        windows = Windows(heard, tokenizer, chance)
        model = make_model(windows.begin, windows.special)
        train(model, windows, chosen.steps, chosen.batch)
        export(model, Path(folder), chosen.folder / "whisper")


if __name__ == "__main__":
    main()
