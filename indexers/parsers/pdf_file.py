"""Opening PDFs and their pages with pdfium, the same way for whoever reads their text or looks at their pictures.

Everything is closed by hand: pdfium is not thread-safe, and a finalizer may run in any thread.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from indexers.errors import Encrypted


@contextmanager
def open_document(path: Path) -> Iterator[Any]:
    """A ``pypdfium2.PdfDocument``, opened with the empty password.

    Raises:
        Encrypted: it does not open with the empty password.
        pypdfium2.PdfiumError: pdfium can not make sense of it.
    """
    import pypdfium2

    try:
        document = pypdfium2.PdfDocument(path)
    except pypdfium2.PdfiumError as error:
        if error.err_code == pypdfium2.raw.FPDF_ERR_PASSWORD:
            raise Encrypted("needs a password") from error
        raise
    try:
        if has_forms(document):
            document.init_forms()
        yield document
    finally:
        document.close()


def has_forms(document: Any) -> bool:
    """Whether the document holds a form."""
    import pypdfium2.raw as pdfium

    return bool(document.get_formtype() != pdfium.FORMTYPE_NONE)


@contextmanager
def open_page(document: Any, index: int) -> Iterator[Any]:
    """The ``pypdfium2.PdfPage`` at ``index`` (from 0), with what is typed into a form as content of the page.

    Raises:
        pypdfium2.PdfiumError: pdfium can not make sense of it.
    """
    page = document[index]
    try:
        if has_forms(document):
            # What is typed into a form stands in annotations; flattening makes it text of the page.
            page.flatten()
            # A flattened page shows its new content only when it is loaded anew.
            page.close()
            page = document[index]
        yield page
    finally:
        page.close()
