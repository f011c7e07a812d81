"""The second reader of PDFs: pypdf, for files that pdfium can not open at all.

It is slow and gives no boxes, but it repairs cross-reference tables that pdfium gives up on. The pieces are lines
with their page; everything else (outline, metadata, attachments) is left out: half of a broken file is not to be
trusted, and its text is what people look for.
"""

from __future__ import annotations

from indexers.errors import Broken, Encrypted
from indexers.parsers.pdf_page import clean
from indexers.protocols import Source
from indexers.types import Block, PageLocator, Parsed, Piece


def rescue_pdf(source: Source, cause: Exception | None) -> Parsed:
    """The text of a damaged PDF, as far as pypdf can recover it.

    Args:
        source: the file.
        cause: why pdfium could not read it, if it said so.

    Raises:
        Encrypted: pypdf finds that it needs a password.
        Broken: no text can be recovered.
    """
    import logging

    from pypdf import PdfReader
    from pypdf.errors import FileNotDecryptedError, PyPdfError

    # pypdf warns about every flaw; the outcome is said once, in the notes.
    logging.getLogger("pypdf").setLevel(logging.CRITICAL)
    # On damaged objects pypdf's own code stumbles in many ways; each of them means the same here.
    damaged = (
        *(PyPdfError, ArithmeticError, AttributeError, LookupError, OSError, TypeError, ValueError),
        *(NotImplementedError, RecursionError),
    )
    blocks: list[Block] = []
    unreadable = 0
    try:
        reader = PdfReader(source.path)
        count = len(reader.pages)
        for number in range(1, count + 1):
            try:
                text = reader.pages[number - 1].extract_text()
            except FileNotDecryptedError:
                raise
            except damaged:
                unreadable += 1
                continue
            lines = [line for line in map(clean, text.splitlines()) if line]
            if lines:
                blocks.append(Block(tuple(Piece(line, PageLocator(number)) for line in lines)))
                source.keep(blocks, (number - unreadable) / count, f"page {number} of {count}")
    except FileNotDecryptedError as error:
        raise Encrypted("needs a password") from error
    except damaged as error:
        raise Broken("is damaged, or no PDF at all") from (cause or error)
    if not blocks:
        raise Broken("is damaged: no text could be recovered") from cause
    notes = ("is damaged; its text was recovered without places on the page",)
    return Parsed(tuple(blocks), coverage=1.0 - unreadable / count, notes=notes, extent=("pages", count))
