"""Makes the pictures, the scan, the recording and the film of the sample library.

    python data/make_media.py [FOLDER]

What they show and say is drawn and spoken here (``draw_*.py``, ``record_*.py``); this script adds what a camera, a
person or a photo service would write about the pictures. The results are committed, so that the demo needs nothing of
this; to make them again, ``espeak-ng`` has to be installed. The same versions of it and of the libraries give the same
bytes.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from draw_bakery import draw_bakery
from draw_bicycle import draw_bicycle
from draw_mill import draw_mill
from draw_papers import draw_chart, scan_letter
from PIL import Image
from record_film import record_film
from record_talk import record_talk

LIBRARY = Path(__file__).resolve().parent / "library"

MILL_TITLE = "Osier Mill in autumn"
MILL_TOLD = (
    "Osier Mill from the foot bridge on an October morning. The larch of the wheel is red because it is wet, not "
    "because anybody painted it. This is the picture on the postcard, of which 450 were printed."
)
MILL_KEYWORDS = ("autumn", "waterwheel", "River Tamble", "postcard")
MILL_TAKEN = "2024:10:19 08:05:00"

BICYCLE_TOLD = (
    "The red bicycle at the door of the cart shed. Tilda bought it from Edith Marlow, the postwoman, for £35 of her "
    "own money, and has carried the Saturday bread to the village on it ever since.\n"
)
BAKERY_TOLD = (
    "The bread table, half an hour before the doors. Jonas's sourdough is called Bertha and is older than Tilda: he "
    "has fed it since 2009."
)

_DESCRIPTION, _ARTIST, _DATE, _MAKE, _EXIF, _GPS = 0x010E, 0x013B, 0x0132, 0x010F, 0x8769, 0x8825
_TAKEN = 0x9003


def _exif() -> Image.Exif:
    """What a camera notes, with the place: somewhere out at sea, so that it is nobody's house."""
    exif = Image.Exif()
    exif[_DESCRIPTION] = MILL_TOLD
    exif[_ARTIST] = "Jonas Feld"
    exif[_DATE] = MILL_TAKEN
    exif[_MAKE] = "Drawn by a script"
    exif.get_ifd(_EXIF)[_TAKEN] = MILL_TAKEN
    exif.get_ifd(_GPS).update({1: "N", 2: (54.0, 26.0, 24.0), 3: "E", 4: (3.0, 7.0, 12.0)})
    return exif


def _xmp() -> bytes:
    """Title, description and keywords as photo programs write them."""
    keywords = "".join(f"<rdf:li>{word}</rdf:li>" for word in MILL_KEYWORDS)
    return f"""<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/">
<dc:title><rdf:Alt><rdf:li xml:lang="x-default">{MILL_TITLE}</rdf:li></rdf:Alt></dc:title>
<dc:description><rdf:Alt><rdf:li xml:lang="x-default">{MILL_TOLD}</rdf:li></rdf:Alt></dc:description>
<dc:subject><rdf:Bag>{keywords}</rdf:Bag></dc:subject>
</rdf:Description></rdf:RDF></x:xmpmeta>
<?xpacket end="w"?>""".encode()


def _exported() -> str:
    """What a photo service hands out with a picture."""
    told = {
        "title": "bread-table.jpg",
        "description": BAKERY_TOLD,
        "photoTakenTime": {"timestamp": "1746866100", "formatted": "10 May 2025, 08:35:00 UTC"},
        "geoData": {"latitude": 54.44, "longitude": 3.12, "altitude": 0.0},
        "people": [],
    }
    return json.dumps(told, indent=2, ensure_ascii=False) + "\n"


def make_pictures(folder: Path) -> None:
    """Writes the three drawings, each with its words in another place, and the chart."""
    draw_mill().save(folder / "mill-in-autumn.jpg", quality=84, exif=_exif(), xmp=_xmp())
    draw_bicycle().save(folder / "red-bicycle.jpg", quality=85)
    (folder / "red-bicycle.txt").write_text(BICYCLE_TOLD, encoding="utf-8")
    draw_bakery().save(folder / "bread-table.jpg", quality=88)
    (folder / "bread-table.jpg.json").write_text(_exported(), encoding="utf-8")
    draw_chart().save(folder / "visitors-2024.png", optimize=True)


def main(folder: Path = LIBRARY) -> None:
    """Writes everything into ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    make_pictures(folder)
    scan_letter(folder / "insurance-letter.pdf")
    record_talk(folder / "talk-on-the-wheel.mp3")
    record_film(folder / "sluice-repair.mp4")


if __name__ == "__main__":
    main(*(Path(argument) for argument in sys.argv[1:2]))
