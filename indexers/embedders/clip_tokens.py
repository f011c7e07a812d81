"""CLIP's stock tokenizer from the files of the open_clip package, without importing open_clip and with it torch.

Importing those takes seconds, and a query needs nothing else of them once the graphs are exported. Texts are cleaned
exactly as open_clip cleans them; merging is done by the ``tokenizers`` library (byte-level BPE with a mark at the
end of a word, Radford et al. 2021). The one difference: the names of the two special tokens are plain
text here, so that a text can not end itself early.
"""

from __future__ import annotations

import gzip
import html
from collections.abc import Callable, Sequence
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from indexers.errors import ModelFailed

_MERGES = 49152 - 256 - 2
"""The file holds more merges than the model has tokens."""
_START, _END = 49406, 49407
_WORDS = r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"


class StockTokenizer:
    """Texts to rows of token ids. Calls from several threads are allowed."""

    def __init__(self, context_tokens: int) -> None:
        """``context_tokens``: how long every row is; longer texts are cut, shorter ones filled up with zeros."""
        self._context = context_tokens

    def __call__(self, texts: Sequence[str]) -> NDArray[np.int64]:
        """``(len(texts), context_tokens)`` int64.

        Raises:
            ModelFailed: the open_clip package lacks its vocabulary.
        """
        rows = np.zeros((len(texts), self._context), np.int64)
        words = [self._split(_cleaned(text)) for text in texts]
        encoded = self._tokenizer.encode_batch_fast(words, is_pretokenized=True, add_special_tokens=False)
        for row, text in zip(rows, encoded, strict=True):
            ids = [_START, *text.ids[: self._context - 2], _END]
            row[: len(ids)] = ids
        return rows

    @cached_property
    def _split(self) -> Callable[[str], list[str]]:
        """Not by the ``tokenizers`` library: its regular expressions know letters of an older Unicode."""
        import regex

        split: Callable[[str], list[str]] = regex.compile(_WORDS, regex.IGNORECASE).findall
        return split

    @cached_property
    def _tokenizer(self) -> Any:
        from tokenizers import Tokenizer, models, pre_tokenizers

        package = find_spec("open_clip")
        path = Path(str(package and package.origin)).parent / "bpe_simple_vocab_16e6.txt.gz"
        try:
            lines = gzip.decompress(path.read_bytes()).decode("utf-8").split("\n")
        except (OSError, EOFError, ValueError) as error:
            raise ModelFailed(f"CLIP's vocabulary can not be read: {error}") from error
        merges = [(first, second) for first, _, second in (line.partition(" ") for line in lines[1 : _MERGES + 1])]
        letters = _byte_letters()
        words = [*letters, *(f"{letter}</w>" for letter in letters), *(first + second for first, second in merges)]
        vocabulary = {word: number for number, word in enumerate(words)}
        tokenizer = Tokenizer(models.BPE(vocabulary, merges, end_of_word_suffix="</w>"))
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
        return tokenizer


def _cleaned(text: str) -> str:
    """Mended, unescaped, in lower case, one space between words."""
    import ftfy

    mended = html.unescape(html.unescape(ftfy.fix_text(text)))
    return " ".join(mended.split()).lower()


def _byte_letters() -> list[str]:
    """The letter that stands for each byte, in the vocabulary's order: printable bytes first, each for itself."""
    printable = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    others = 256 - len(printable)
    return [chr(byte) for byte in printable] + [chr(256 + index) for index in range(others)]
