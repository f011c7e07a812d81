"""One module per family of formats; this is their registry.

A parser is a function ``Source -> Parsed`` (see ``indexers.protocols.Parser``). The registry names it as
``"module:function"``, so that listing formats imports no parser and no parser imports another's libraries.
"""

from __future__ import annotations

from importlib import import_module
from typing import cast

from indexers.decoders import FILMS, PICTURES, SOUNDS
from indexers.protocols import Parser

PARSERS: dict[str, str] = {
    "text": "indexers.parsers.text:parse_text",
    "markdown": "indexers.parsers.text:parse_markdown",
    "code": "indexers.parsers.text:parse_code",
    "json": "indexers.parsers.data:parse_json",
    "jsonl": "indexers.parsers.data:parse_jsonl",
    "yaml": "indexers.parsers.data:parse_yaml",
    "xml": "indexers.parsers.data:parse_xml",
    "notebook": "indexers.parsers.data:parse_notebook",
    "rtf": "indexers.parsers.text:parse_rtf",
    "csv": "indexers.parsers.table:parse_csv",
    "tsv": "indexers.parsers.table:parse_csv",
    "xlsx": "indexers.parsers.table:parse_workbook",
    "xls": "indexers.parsers.table:parse_workbook",
    "ods": "indexers.parsers.table:parse_workbook",
    "docx": "indexers.parsers.office:parse_docx",
    "pptx": "indexers.parsers.slides:parse_pptx",
    "odt": "indexers.parsers.opendocument:parse_odt",
    "html": "indexers.parsers.web:parse_html",
    "epub": "indexers.parsers.epub:parse_epub",
    "eml": "indexers.parsers.mail:parse_eml",
    "msg": "indexers.parsers.mail:parse_msg",
    "pdf": "indexers.parsers.pdf:parse_pdf",
    **dict.fromkeys(PICTURES, "indexers.parsers.image:parse_image"),
    **dict.fromkeys((*SOUNDS, *FILMS), "indexers.parsers.recording:parse_recording"),
}
"""Format name (as ``indexers.media`` gives it) → where its parser is."""


def parser_for(format_name: str) -> Parser | None:
    """The parser of a format, imported now; None if nothing reads it."""
    target = PARSERS.get(format_name)
    if target is None:
        return None
    module, _, function = target.partition(":")
    return cast(Parser, getattr(import_module(module), function))
