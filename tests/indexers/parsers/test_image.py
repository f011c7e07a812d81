import io
import json
import struct
import zlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from PIL.TiffImagePlugin import ImageFileDirectory_v2

from indexers.decoders import PICTURES
from indexers.errors import Broken, FileError, Unreadable
from indexers.parsers import parser_for
from indexers.parsers.image import parse_image
from indexers.parsers.image_words import MAX_CHARS, iso_date, name_words
from indexers.protocols import Source
from indexers.types import Parsed, WholeLocator

XMP_HEAD = (
    '<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">'
    '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:dc="http://purl.org/dc/elements/1.1/"'
    ' xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmlns:exif="http://ns.adobe.com/exif/1.0/"'
    ' xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/" xmlns:core="http://iptc.org/std/Iptc4xmpCore/1.0/xmlns/"'
    ' xmlns:ext="http://iptc.org/std/Iptc4xmpExt/2008-02-29/" xmlns:lr="http://ns.adobe.com/lightroom/1.0/"'
    ' xmlns:mwg-rs="http://www.metadataworkinggroup.com/schemas/regions/">'
)
XMP_FOOT = '</rdf:RDF></x:xmpmeta>   \n<?xpacket end="w"?>'


def xmp(inner: str, attributes: str = "") -> bytes:
    return f'{XMP_HEAD}<rdf:Description rdf:about="" {attributes}>{inner}</rdf:Description>{XMP_FOOT}'.encode()


def iptc(*fields: tuple[int, int, bytes]) -> bytes:
    return b"".join(struct.pack(">BBBH", 0x1C, record, number, len(value)) + value for record, number, value in fields)


def jpeg(
    exif: Image.Exif | None = None, packet: bytes = b"", record: bytes = b"", comment: bytes = b"", side: int = 20
) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (2 * side, side)).save(buffer, "JPEG", exif=Image.Exif() if exif is None else exif)
    segments = b""
    if packet:
        segments += _segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + packet)
    if record:
        padded = record + bytes(len(record) % 2)
        segments += _segment(0xED, b"Photoshop 3.0\x008BIM\x04\x04\0\0" + struct.pack(">I", len(record)) + padded)
    if comment:
        segments += _segment(0xFE, comment)
    return buffer.getvalue()[:2] + segments + buffer.getvalue()[2:]


def _segment(marker: int, data: bytes) -> bytes:
    return bytes([0xFF, marker]) + struct.pack(">H", len(data) + 2) + data


def parse(
    tmp_path: Path, data: bytes, name: str = "IMG_2034.JPG", format_name: str = "jpeg", **beside: bytes
) -> Parsed:
    file = tmp_path / "picture"
    file.write_bytes(data)
    companions = []
    for companion, content in beside.items():
        companions.append(tmp_path / companion.replace("__", "."))
        companions[-1].write_bytes(content)
    return parse_image(Source(file, name, format_name, tuple(companions)))


def blocks(parsed: Parsed) -> list[str]:
    """The texts of the blocks; all of them are of the file as a whole."""
    for block in parsed.blocks:
        assert all(piece.locator == WholeLocator() for piece in block.pieces)
    return ["\n".join(piece.text for piece in block.pieces) for block in parsed.blocks]


def exif_of(tags: dict[int, Any], inner: dict[int, Any] | None = None, gps: dict[int, Any] | None = None) -> Image.Exif:
    exif = Image.Exif()
    exif.update(tags)
    exif.get_ifd(0x8769).update(inner or {})
    exif.get_ifd(0x8825).update(gps or {})
    return exif


# --- name --------------------------------------------------------------------------------------


def test_a_picture_without_words_is_found_by_its_name(tmp_path: Path) -> None:
    parsed = parse(tmp_path, jpeg(), "old-mill_atSunset.jpg")
    assert blocks(parsed) == ["old mill at Sunset"]
    assert parsed.title == "old-mill_atSunset"
    assert parsed.unread == ("pictures",)
    assert parsed.coverage == 1.0
    assert dict(parsed.metadata) == {"width": "40", "height": "20"}


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("IMG_2034.JPG", "IMG_2034"),
        ("DSC00017.jpg", "DSC00017"),
        ("PXL_20210714_151617123.MP.jpg", "PXL_20210714_151617123.MP"),
        ("IMG-20190714-WA0001.jpg", "IMG-20190714-WA0001"),
        ("IMG_2034(1).jpg", "IMG_2034(1)"),
        ("IMG_E2034.JPG", "IMG_E2034"),
        ("20190714_150301.jpg", "20190714_150301"),
        ("IMG_2034 Anna_at_sea.jpg", "IMG_2034 Anna at sea"),
        ("2019-07-14 Lake.jpg", "2019-07-14 Lake"),
        ("HTMLParser.png", "HTML Parser"),
        ("a%20b+c.png", "a b c"),
        ("été-àLaPlage.jpg", "été à La Plage"),
        ("図面.png", "図面"),
        ("___.png", "___"),
    ],
)
def test_names_are_taken_apart(name: str, words: str) -> None:
    assert name_words(name) == words


def test_a_date_in_the_name_counts_when_there_is_no_better(tmp_path: Path) -> None:
    parsed = parse(tmp_path, jpeg(), "PXL_20210714_151617123.jpg")
    assert blocks(parsed)[1:] == ["Dated on 14 July 2021"]
    assert parsed.metadata["date"] == "2021-07-14"
    taken = exif_of({}, {0x9003: "2019:07:14 15:03:22"})
    assert blocks(parse(tmp_path, jpeg(taken), "IMG_20210101_1.jpg"))[1:] == ["Taken on 14 July 2019 at 15:03"]


# --- EXIF --------------------------------------------------------------------------------------


def test_exif_says_who_what_when_and_where(tmp_path: Path) -> None:
    exif = exif_of(
        {0x010E: "The wheel turns again", 0x013B: "Anna Berg", 0x8298: "Hallstatt Archive", 0x0112: 6},
        {0x9003: "2019:07:14 15:03:22"},
        {1: "S", 2: (47.0, 33.0, 44.0), 3: "W", 4: (13.0, 38.0, 57.0)},
    )
    parsed = parse(tmp_path, jpeg(exif))
    assert blocks(parsed) == [
        "IMG_2034",
        "The wheel turns again",
        "Coordinates: 47.5622° S, 13.6492° W",
        "Taken on 14 July 2019 at 15:03",
        "By Anna Berg",
        "Rights: Hallstatt Archive",
    ]
    assert dict(parsed.metadata) == {
        "date": "2019-07-14T15:03:22",
        "author": "Anna Berg",
        "width": "20",
        "height": "40",
    }


def test_windows_writes_utf16(tmp_path: Path) -> None:
    def wide(text: str) -> bytes:
        return text.encode("utf-16-le") + b"\0\0"

    exif = exif_of(
        {
            0x9C9B: wide("Die alte Mühle"),
            0x9C9C: wide("水車"),
            0x9C9D: wide("Jörg"),
            0x9C9E: wide("Fluss;Rad"),
            0x9C9F: wide("Ausflug"),
        }
    )
    parsed = parse(tmp_path, jpeg(exif))
    assert parsed.title == "Die alte Mühle"
    assert blocks(parsed)[1:4] == ["Die alte Mühle", "水車", "Ausflug"]
    assert parsed.metadata["keywords"] == "Fluss, Rad"
    assert parsed.metadata["author"] == "Jörg"
    assert parsed.metadata["subject"] == "Ausflug"


@pytest.mark.parametrize("text", ["Opa vor der Mühle", "grandfather"])
def test_captions_in_any_encoding(tmp_path: Path, text: str) -> None:
    for written in (
        b"UNICODE\0" + text.encode("utf-16-le"),
        b"UNICODE\0" + text.encode("utf-16-be"),
        b"ASCII\0\0\0" + text.encode("utf-8"),
        bytes(8) + text.encode("cp1252"),
        text.encode(),
    ):
        assert blocks(parse(tmp_path, jpeg(exif_of({}, {0x9286: written}))))[1:] == [text], written
    assert blocks(parse(tmp_path, jpeg(comment=text.encode("cp1252"))))[1:] == [text]


def test_japanese_comments(tmp_path: Path) -> None:
    comment = b"JIS\0\0\0\0\0" + "水車小屋".encode("iso2022_jp")
    assert blocks(parse(tmp_path, jpeg(exif_of({}, {0x9286: comment}))))[1:] == ["水車小屋"]


@pytest.mark.parametrize(
    "text",
    [
        *("OLYMPUS DIGITAL CAMERA", "SONY DSC", "Created with GIMP", "SAMSUNG CAMERA PICTURES", "<untitled>"),
        *("Exif_JPEG_PICTURE", "DCIM\\100MEDIA", "IMG_2034", "IMG_2034.JPG", "DSC00017.JPG", "  ", "..."),
        *("CREATOR: gd-jpeg v1.0 (using IJG JPEG v62), quality = 90", "File written by Adobe Photoshop 4.0"),
        *("Edited with Adobe Photoshop Lightroom 5", "Lavc58.54.100", "Acme Snapper 3000", "Untitled-1", "hdrpl"),
    ],
)
def test_what_cameras_and_programs_write_is_no_caption(tmp_path: Path, text: str) -> None:
    exif = exif_of({0x010E: text, 0x0110: "Acme Snapper 3000", 0x0131: "GIMP 2.10"})
    parsed = parse(tmp_path, jpeg(exif, comment=text.encode(), record=iptc((2, 5, text.encode()))))
    assert blocks(parsed) == ["IMG_2034"]
    assert parsed.title == "IMG_2034"


@pytest.mark.parametrize("text", ["Made with love by Anna", "Our new camera", "Samsung store in Vienna", "Rio 2016"])
def test_what_people_write_is_a_caption(tmp_path: Path, text: str) -> None:
    assert blocks(parse(tmp_path, jpeg(exif_of({0x010E: text}))))[1:] == [text]


@pytest.mark.parametrize(
    ("gps", "is_place"),
    [
        ({1: "N", 2: (0.0, 0.0, 0.0), 3: "E", 4: (0.0, 0.0, 0.0)}, False),
        ({1: "N", 2: (123.0, 0.0, 0.0), 3: "E", 4: (10.0, 0.0, 0.0)}, False),
        ({1: "N", 2: (47.0, 0.0, 0.0)}, False),
        ({1: "N", 2: (47.5, 0.0, 0.0), 3: "E", 4: (13.0, 0.0, 0.0)}, True),
    ],
)
def test_only_places_on_earth(tmp_path: Path, gps: dict[int, Any], is_place: bool) -> None:
    assert any("Coordinates" in text for text in blocks(parse(tmp_path, jpeg(exif_of({}, {}, gps))))) == is_place


@pytest.mark.parametrize(
    ("written", "iso"),
    [
        ("2019:07:14 15:03:22", "2019-07-14T15:03:22"),
        ("2019-07-14T15:03:22.123+02:00", "2019-07-14T15:03:22+02:00"),
        ("2019-07-14T15:03Z", "2019-07-14T15:03Z"),
        ("20190714", "2019-07-14"),
        ("1905", "1905"),
        ("Sun, 14 Jul 2019 15:03:22 +0200", "2019-07-14T15:03:22+02:00"),
        ("0000:00:00 00:00:00", ""),
        ("2019:13:45 99:00:00", ""),
        ("2019:07:14 29:61:00", ""),
        ("    :  :     :  :  ", ""),
        ("yesterday", ""),
        ("20193", ""),
    ],
)
def test_dates(written: str, iso: str) -> None:
    assert iso_date(written) == iso


@given(st.text())
def test_any_text_may_stand_for_a_date_or_a_name(text: str) -> None:
    assert isinstance(iso_date(text), str)
    assert isinstance(name_words(text), str)


# --- IPTC and XMP ------------------------------------------------------------------------------


def test_iptc(tmp_path: Path) -> None:
    record = iptc(
        (1, 90, b"\x1b%G"),
        (2, 5, b"The old mill"),
        (2, 120, "Müller Karl öffnet das Wehr".encode()),
        (2, 25, b"weir"),
        (2, 25, b"water"),
        (2, 55, b"20190714"),
        (2, 90, b"Hallstatt"),
        (2, 101, "Österreich".encode()),
        (2, 80, b"Anna Berg"),
    )
    parsed = parse(tmp_path, jpeg(record=record))
    assert blocks(parsed)[1:] == [
        "The old mill",
        "Müller Karl öffnet das Wehr",
        "Keywords: weir, water",
        "Place: Hallstatt, Österreich",
        "Taken on 14 July 2019",
        "By Anna Berg",
    ]
    latin = parse(tmp_path, jpeg(record=iptc((2, 120, "Müller Karl öffnet das Wehr".encode("latin-1")))))
    assert blocks(latin)[1:] == ["Müller Karl öffnet das Wehr"]


def test_what_is_written_in_a_tiff(tmp_path: Path) -> None:
    record = iptc((2, 120, b"The weir in spring"))
    record += bytes(-len(record) % 4)
    tags = ImageFileDirectory_v2()
    tags[33723] = record
    tags[270] = "The mill pond"
    tags[700] = xmp("", 'photoshop:Headline="A flood"')
    tags.tagtype |= {33723: 7, 700: 1}
    buffer = io.BytesIO()
    Image.new("L", (9, 9)).save(buffer, "TIFF", tiffinfo=tags)
    data = buffer.getvalue()
    undefined, numbers = struct.pack("<HHI", 33723, 7, len(record)), struct.pack("<HHI", 33723, 4, len(record) // 4)
    assert data.count(undefined) == 1
    for stored in (data, data.replace(undefined, numbers)):
        texts = blocks(parse(tmp_path, stored, "scan.tif", "tiff"))
        assert texts == ["scan", "A flood", "The weir in spring", "The mill pond"]


def test_xmp(tmp_path: Path) -> None:
    packet = xmp(
        '<dc:title><rdf:Alt><rdf:li xml:lang="de">Die alte Mühle</rdf:li>'
        '<rdf:li xml:lang="x-default">The old mill</rdf:li></rdf:Alt></dc:title>'
        "<dc:subject><rdf:Bag><rdf:li>weir</rdf:li></rdf:Bag></dc:subject>"
        "<lr:hierarchicalSubject><rdf:Bag><rdf:li>Places|Hallstatt</rdf:li></rdf:Bag></lr:hierarchicalSubject>"
        "<core:Location>Mill Lane</core:Location>"
        "<ext:PersonInImage><rdf:Bag><rdf:li>Anna Berg</rdf:li></rdf:Bag></ext:PersonInImage>"
        '<mwg-rs:Regions rdf:parseType="Resource"><mwg-rs:RegionList><rdf:Bag>'
        '<rdf:li><rdf:Description mwg-rs:Name="Karl" mwg-rs:Type="Face"/></rdf:li>'
        '<rdf:li rdf:parseType="Resource"><mwg-rs:Name>Rex</mwg-rs:Name><mwg-rs:Type>Pet</mwg-rs:Type></rdf:li>'
        '<rdf:li><rdf:Description mwg-rs:Name="4006381333931" mwg-rs:Type="BarCode"/></rdf:li>'
        "</rdf:Bag></mwg-rs:RegionList></mwg-rs:Regions>",
        'xmp:Rating="4" photoshop:City="Hallstatt" xmp:CreateDate="2019-07-14T15:03:22"'
        ' exif:GPSLatitude="47,33.735N" exif:GPSLongitude="13,38.954E"',
    )
    parsed = parse(tmp_path, jpeg(packet=packet))
    assert parsed.title == "The old mill"
    assert blocks(parsed)[1:] == [
        "The old mill",
        "Die alte Mühle",
        "People: Anna Berg, Karl, Rex",
        "Keywords: weir, Places, Hallstatt",
        "Place: Mill Lane, Hallstatt",
        "Coordinates: 47.5622° N, 13.6492° E",
        "Dated on 14 July 2019 at 15:03",
        "Rated 4 of 5 stars",
    ]


@pytest.mark.parametrize("codec", ["utf-16", "utf-16-be"])
def test_xmp_in_utf16(tmp_path: Path, codec: str) -> None:
    text = xmp("", 'photoshop:Headline="Die Mühle"').decode()
    packet = text.replace("<?xpacket begin", "\ufeff<?xpacket begin" if codec == "utf-16-be" else "<?xpacket begin")
    assert blocks(parse(tmp_path, jpeg(packet=packet.encode(codec))))[1:] == ["Die Mühle"]


@pytest.mark.parametrize(
    "packet",
    [
        b"<x:xmpmeta",
        b"",
        b"\xff\xfe\0",
        b'<?xml version="1.0" encoding="no-such"?><a/>',
        b'<!DOCTYPE a [<!ENTITY b "boom"><!ENTITY c "&b;&b;">]><a>&c;</a>',
        b"<a>" * 20_000,
    ],
)
def test_xmp_that_is_damaged_or_hostile_is_left_out(tmp_path: Path, packet: bytes) -> None:
    assert blocks(parse(tmp_path, jpeg(packet=packet, comment=b"The weir")))[1:] == ["The weir"]


def test_the_same_is_said_once(tmp_path: Path) -> None:
    caption = "Grandfather opens the weir."
    parsed = parse(
        tmp_path,
        jpeg(
            exif_of({0x010E: caption, 0x9C9C: "grandfather opens  the weir".encode("utf-16-le")}),
            packet=xmp(f"<dc:description><rdf:Alt><rdf:li>{caption}</rdf:li></rdf:Alt></dc:description>"),
            record=iptc((2, 120, caption.encode()), (2, 25, b"Weir"), (2, 25, b"weir"), (2, 5, b"the weir")),
            comment=caption.encode(),
        ),
        picture__txt=b"In spring, grandfather opens the weir. Then the wheel turns.",
    )
    assert blocks(parsed)[1:] == ["Keywords: Weir", "In spring, grandfather opens the weir. Then the wheel turns."]
    assert parsed.title == "the weir"


# --- PNG, GIF ----------------------------------------------------------------------------------


def png(info: PngInfo | None = None) -> bytes:
    buffer = io.BytesIO()
    Image.new("L", (30, 20)).save(buffer, "PNG", pnginfo=info)
    return buffer.getvalue()


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def test_text_of_a_png(tmp_path: Path) -> None:
    info = PngInfo()
    info.add_text("Title", "The plan")
    info.add_itxt("Description", "Plan of the weir – été", zip=True)
    info.add_text("Author", "Anna Berg", zip=True)
    info.add_text("Software", "Some Draughting Program")
    info.add_text("parameters", "a water wheel, oil painting\nSteps: 20")
    info.add_itxt("XML:com.adobe.xmp", xmp("", 'photoshop:City="Hallstatt"').decode())
    parsed = parse(tmp_path, png(info), "x.png", "png")
    assert blocks(parsed) == [
        "x",
        "The plan",
        "Plan of the weir – été",
        "a water wheel, oil painting\nSteps: 20",
        "Place: Hallstatt",
        "By Anna Berg",
    ]
    assert "width" in parsed.metadata


def test_text_behind_the_pixels_of_a_png(tmp_path: Path) -> None:
    data = png()
    exif = exif_of({0x0112: 6}, {0x9003: "2019:07:14 15:03:22"}).tobytes().removeprefix(b"Exif\0\0")
    behind = chunk(b"tEXt", b"Title\0Late words") + chunk(b"eXIf", exif)
    parsed = parse(tmp_path, data[:-12] + behind + data[-12:], "x.png", "png")
    assert blocks(parsed) == ["x", "Late words", "Taken on 14 July 2019 at 15:03"]
    assert (parsed.metadata["width"], parsed.metadata["height"]) == ("20", "30")


def test_a_text_chunk_that_is_a_bomb_is_bounded(tmp_path: Path) -> None:
    data = png()
    bomb = chunk(b"zTXt", b"Description\0\0" + zlib.compress(b"word " * 20_000_000))
    parsed = parse(tmp_path, data[:-12] + bomb + data[-12:], "x.png", "png")
    assert len(blocks(parsed)[1]) <= MAX_CHARS


def test_the_comment_of_a_gif(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    Image.new("P", (9, 9)).save(buffer, "GIF", comment="The wheel turns")
    assert blocks(parse(tmp_path, buffer.getvalue(), "wheel.gif", "gif")) == ["wheel", "The wheel turns"]


# --- beside ------------------------------------------------------------------------------------


def test_a_caption_file_is_read_whole(tmp_path: Path) -> None:
    caption = "Großvater öffnet das Wehr.\n\nDanach dreht sich das Rad."
    for data in (caption.encode(), caption.encode("utf-16"), caption.encode("cp1252")):
        parsed = parse(tmp_path, jpeg(), picture__txt=data)
        assert blocks(parsed)[1:] == [caption.replace("\n\n", "\n")]
        assert parsed.notes == ()
    long = parse(tmp_path, jpeg(), picture__md=b"wheel " * 4000)
    assert len(blocks(long)[1]) <= MAX_CHARS
    assert "only the first 20,000 characters of picture.md" in long.notes[0]


def test_the_json_of_google_photos(tmp_path: Path) -> None:
    export = {
        "title": "IMG_2034.jpg",
        "description": "Grandfather at the weir",
        "imageViews": "12",
        "photoTakenTime": {"timestamp": "1563116602", "formatted": "14.07.2019, 15:03:22 UTC"},
        "geoData": {"latitude": 47.5622, "longitude": 13.6493, "altitude": 511.0},
        "people": [{"name": "Karl"}, {"name": "Anna Berg"}],
    }
    parsed = parse(tmp_path, jpeg(), picture__jpg__json=json.dumps(export).encode())
    assert blocks(parsed)[1:] == [
        "Grandfather at the weir",
        "People: Karl, Anna Berg",
        "Coordinates: 47.5622° N, 13.6493° E",
        "Taken on 14 July 2019 at 15:03",
    ]
    assert parsed.metadata["date"] == "2019-07-14T15:03:22"
    assert parsed.title == "IMG_2034"


def test_json_with_the_usual_keys(tmp_path: Path) -> None:
    data = {"Caption": "The wheel", "tags": ["oak", {"name": "iron"}], "date": "2019-07", "location": "Hallstatt"}
    parsed = parse(tmp_path, jpeg(), picture__json=json.dumps(data).encode())
    assert blocks(parsed)[1:] == ["The wheel", "Keywords: oak, iron", "Place: Hallstatt", "Taken in July 2019"]


def test_json_about_something_else_is_not_lost(tmp_path: Path) -> None:
    parsed = parse(tmp_path, jpeg(), picture__json=b'{"wheel": {"teeth": 96}}')
    assert blocks(parsed)[1:] == ['{"wheel": {"teeth": 96}}']
    broken = parse(tmp_path, jpeg(), picture__json=b'{"caption": "The wh')
    assert "no valid JSON" in broken.notes[0]
    assert "The wh" in blocks(broken)[1]


def test_xmp_beside(tmp_path: Path) -> None:
    parsed = parse(tmp_path, jpeg(), picture__xmp=xmp("", 'photoshop:Headline="The flood"'))
    assert parsed.title == "The flood"
    damaged = parse(tmp_path, jpeg(), picture__xmp=b"<x:xmpmeta")
    assert damaged.notes == ("picture.xmp beside it is damaged",)


def test_what_is_gone_or_no_text_is_a_note(tmp_path: Path) -> None:
    file = tmp_path / "a.jpg"
    file.write_bytes(jpeg())
    parsed = parse_image(Source(file, "a.jpg", "jpeg", (tmp_path / "gone.txt",)))
    assert "gone.txt beside it can not be read" in parsed.notes[0]
    assert "beside it" in parse(tmp_path, jpeg(), picture__txt=bytes(range(256)) * 9).notes[0]


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    value=st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    ["title", "caption", "date", "timestamp", "people", "tags", "location", "lat", "lng", "x"]
                ),
                inner,
            )
        ),
    )
)
def test_any_json_may_stand_beside(tmp_path: Path, value: Any) -> None:
    assert blocks(parse(tmp_path, jpeg(side=1), picture__json=json.dumps(value).encode()))[0] == "IMG_2034"


# --- damage ------------------------------------------------------------------------------------


def test_the_registry_knows_the_parser_of_every_picture() -> None:
    assert {parser_for(name) for name in PICTURES} == {parse_image}


def test_a_broken_picture_keeps_what_is_written_beside_it(tmp_path: Path) -> None:
    with pytest.raises(Broken):
        parse(tmp_path, b"\xff\xd8\xff no picture")
    parsed = parse(tmp_path, b"\xff\xd8\xff no picture", picture__txt=b"The weir in spring")
    assert blocks(parsed) == ["IMG_2034", "The weir in spring"]
    assert parsed.unread == ()
    assert parsed.coverage == 0.0
    assert "head of the picture is damaged" in parsed.notes[0]


def test_a_bomb_keeps_its_name(tmp_path: Path) -> None:
    head = struct.pack(">IIBBBBB", 60000, 60000, 8, 2, 0, 0, 0)
    parsed = parse(tmp_path, b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", b""), "old-map.png", "png")
    assert blocks(parsed) == ["old map"]
    assert "60,000 × 60,000 pixels" in parsed.notes[0]


def test_a_picture_that_is_cut_off_says_what_stood_before_the_cut(tmp_path: Path) -> None:
    data = jpeg(exif_of({0x010E: "The weir in spring"}), side=200)
    for tenth in range(5, 10):
        assert "The weir in spring" in blocks(parse(tmp_path, data[: len(data) * tenth // 10]))


def test_a_file_that_is_gone_is_unreadable(tmp_path: Path) -> None:
    with pytest.raises(Unreadable):
        parse_image(Source(tmp_path / "gone.jpg", "gone.jpg", "jpeg"))


FULL = jpeg(
    exif_of({0x010E: "The weir", 0x9C9B: b"a\0b\0"}, {0x9286: b"UNICODE\0a\0"}, {1: "N", 2: (47.0, 1.0, 2.0)}),
    xmp("<dc:title>The weir</dc:title>"),
    iptc((1, 90, b"\x1b%G"), (2, 5, b"weir"), (2, 90, b"Hallstatt")),
    b"words",
    side=1,
)
FULL_PNG = PngInfo()
FULL_PNG.add_itxt("Title", "The weir", zip=True)
FULL_PNG.add(b"eXIf", exif_of({0x010E: "The weir"}).tobytes().removeprefix(b"Exif\0\0"))
FULL_PNG.add_text("Raw profile type iptc", "\niptc\n      9\n1c0205000161\n")


@pytest.mark.parametrize(("format_name", "whole"), [("jpeg", FULL), ("png", png(FULL_PNG))])
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_only_file_errors_come_out(tmp_path: Path, format_name: str, whole: bytes, data: st.DataObject) -> None:
    damaged = bytearray(whole)
    for _ in range(data.draw(st.integers(1, 8))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(damaged)) | st.just(len(damaged)))
    try:
        parsed = parse(tmp_path, bytes(damaged[:cut]), format_name=format_name)
    except FileError as error:
        assert str(error)
    else:
        assert blocks(parsed)[0] == "IMG_2034"
