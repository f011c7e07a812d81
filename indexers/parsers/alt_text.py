"""What people wrote about a picture, told from what programs put in its place. Pure.

Word processors, phones and web publishing fill the alternative text of a picture with its file name, a running
number or a guess of their own ("A picture containing text"). None of it was written by anybody; to search it would
find pictures by the habits of a program. What a picture shows is better told by looking at it.
"""

from __future__ import annotations

import re

_EXTENSION = r"\.(?:png|jpe?g|jfif|gif|bmp|svg|tiff?|webp|heic|avif|ico|emf|wmf|eps|wdp)"
_NOUN = (
    r"(?:img|image|picture|pict?|photo|foto|fotografie|bild|grafik|grafi[ck]|graphic|imagen?|imagem|immagine"
    r"|afbeelding|figure|screenshot|screen[ _-]?shot|bildschirmfoto|screen|scan|dsc[nf]?|pxl|mvimg|wp|obje[ck]t"
    r"|thumbnail|diagramm?|(?:content )?placeholder|(?:inhalts)?platzhalter|rectangle|rechteck|group|gruppe"
    r"|alt(?: text)?|icon)"
)
_SAYS_NOTHING = re.compile(
    rf"\S*{_EXTENSION}(?:\?\S*)?"  # a file's name, or its address
    rf"|{_NOUN}?[\W\d_]*(?:(?:at|um|am|pm)[\W\d_]*)*(?:{_EXTENSION})?"  # "Picture 3", "20240501_1", "Screenshot … at …"
    r"|[a-z]{1,5}[_-]?\d{3,}"  # "P1010023", "IMGP0031"
    r"|(?:https?|data|file|cid):\S+"
    r"|[a-z]:\\.*|\\\\.*",
    re.IGNORECASE,
)
_BY_MACHINE = re.compile(
    r"description automatically generated|automatically generated description|AI-generated content may be incorrect"
    r"|automatisch generierte beschreibung|KI-generierte Inhalte können fehlerhaft sein"
    r"|description générée automatiquement|contenu généré par l['’]IA"
    r"|descripción generada automáticamente|contenido generado por IA"
    r"|descrizione generata automaticamente|contenuto generato dall['’]IA"
    r"|descrição gerada automaticamente|automatisch gegenereerde beschrijving"
    r"|^(?:image may contain|may be an image of|no photo description available)\b",
    re.IGNORECASE,
)
_MAX_CHARS = 5_000


def alt_texts(*candidates: str) -> list[str]:
    """What is said in the alternative text, the title … of one picture, a line each, nothing twice.

    >>> alt_texts("IMG_2034.jpg", "A picture containing text  Description automatically generated")
    []
    >>> alt_texts("A red bicycle", "bicycle")
    ['A red bicycle']
    """
    kept: list[str] = []
    for candidate in candidates:
        text = " ".join(candidate[:_MAX_CHARS].split())
        if not text or _SAYS_NOTHING.fullmatch(text) or _BY_MACHINE.search(text):
            continue
        if not any(text.casefold() in other.casefold() for other in kept):
            kept = [other for other in kept if other.casefold() not in text.casefold()] + [text]
    return kept
