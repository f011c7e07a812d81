import base64
import importlib.util
import io
import struct
import sys
import tracemalloc
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFile
from PIL.TiffImagePlugin import ImageFileDirectory_v2, TiffImageFile

from indexers.decoders import PICTURES, decoder_for
from indexers.decoders.picture import decode_picture
from indexers.decoders.picture_pixels import MAX_SIDE, to_rgb
from indexers.errors import Broken, FileError, TooLarge, Unreadable, Unsupported
from indexers.protocols import Source
from indexers.types import Decoded, PageLocator, Pixels, TimeLocator, WholeLocator

PILLOW = {"png": "PNG", "jpeg": "JPEG", "webp": "WEBP", "gif": "GIF", "bmp": "BMP", "tiff": "TIFF"} | {
    "avif": "AVIF",
    "jp2": "JPEG2000",
    "ico": "ICO",
}
TURNED = {  # EXIF's orientation → what a viewer makes of the stored pixels
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.transpose(1, 0, 2),
    6: lambda a: np.rot90(a, -1),
    7: lambda a: np.rot90(a, 2).transpose(1, 0, 2),
    8: lambda a: np.rot90(a, 1),
}
# 64 × 32, the left half red, the right half white; HEVC, as phones write it.
HEIC = base64.b85decode(
    "0000SW^{RQXk}?*00000ZE0pPXk}?*ZE0a<0005LZDn*}000000000XXk=`10000000000aA{+700000000000000000000G-+&aV*mgE07O"
    "6l0ssL300001;s5~v00000001Qb0ssI200IX90RR9100000JOBUyIB98aW&i*H00062000$fZf0cy000000RRAKc4ILB0000LX>Mj^0ssI3"
    "00IC2MR;ju000004sdC7Z2$lO00031008}IaB^?}007--aAR)(004Gqc4I>U18@KU0FVFx0000U@BsY%`1k+-4+CHT0RR|40Sp2E{{wIU00"
    "RJ!0009300RIXx&lC90096hLID8-Z~y=U0FVFx0{{R603M(qfd!W8<fgf}2xu@M00096AOHXZ03l)k0RRR>0l{;?i2wiq6Ju{|a&BX6cmM$"
    "a4FCp!0000KX>)L8000000000$0000$0000eV{Bn?0000$000010000W000010000000002|NsBs000020000GaA|mH000000|*ER0000OX"
    ">e^}0000000001009Mo0s{qv0000QX>w&|000000000EV`Ot<00IC3009610BLPxVRQfh03j#=uNi>vNu|I4;)Wmjt!w_jvKNK?q>y)rbbr"
    "he4Yj-g000I>cxh$;08LE*DgXcg2mk^B4gdlG000XB001Td5&#1L000311^@s60000%AaZ47AZTH1W&i*"
)


def photo(width: int = 90, height: int = 60) -> Image.Image:
    """Red grows to the right, green to the foot: every turn is told apart, and no two rows are alike."""
    y, x = np.mgrid[0:height, 0:width]
    return Image.fromarray(np.stack([x * 255 // width, y * 255 // height, (x + y) % 64], -1).astype(np.uint8))


def encoded(image: Image.Image, format_name: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, PILLOW[format_name], **options)
    return buffer.getvalue()


def decode(tmp_path: Path, data: bytes, format_name: str, start: float = 0) -> Decoded:
    file = tmp_path / "picture"
    file.write_bytes(data)
    return decode_picture(Source(file, f"a.{format_name}", format_name), start)


def only(decoded: Decoded) -> Pixels:
    assert len(decoded.pictures) == 1
    assert decoded.next_start is None
    assert decoded.pictures[0].locator == WholeLocator()
    return decoded.pictures[0].pixels


def alike(one: Pixels, other: Pixels, within: float = 8.0) -> bool:
    return one.shape == other.shape and float(np.abs(one.astype(int) - other.astype(int)).mean()) < within


# --- formats, modes, turns ---------------------------------------------------------------------


@pytest.mark.parametrize("format_name", sorted(PILLOW))
def test_every_format_gives_its_pixels(tmp_path: Path, format_name: str) -> None:
    decoded = decode(tmp_path, encoded(photo(48, 48), format_name), format_name)
    pixels = only(decoded)
    assert pixels.dtype == np.uint8
    assert alike(pixels, np.asarray(photo(48, 48)))
    assert decoded.notes == ()


def test_the_registry_knows_the_decoder_of_every_picture() -> None:
    assert {decoder_for("pictures", name) for name in PICTURES} == {decode_picture}
    assert set(PICTURES) == {*PILLOW, "heic"}


def test_only_the_format_that_was_found_is_tried(tmp_path: Path) -> None:
    with pytest.raises(Broken, match="head"):
        decode(tmp_path, encoded(photo(), "bmp"), "png")
    with pytest.raises(Unsupported):
        decode(tmp_path, b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "postscript")


@pytest.mark.parametrize("format_name", ["jpeg", "png", "webp", "tiff", "avif"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_pictures_are_upright(tmp_path: Path, format_name: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    pixels = only(decode(tmp_path, encoded(photo(), format_name, exif=exif), format_name))
    assert alike(pixels, TURNED[orientation](np.asarray(photo())))


def test_an_orientation_that_makes_no_sense_is_upright(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 77
    assert alike(only(decode(tmp_path, encoded(photo(), "jpeg", exif=exif), "jpeg")), np.asarray(photo()))


def halves(mode: str) -> Image.Image:
    """The left half black, the right half white, in any mode."""
    image = Image.new("RGB", (40, 20), "white")
    image.paste("black", (0, 0, 20, 20))
    if mode == "LAB":
        lab = Image.new("LAB", image.size, (255, 128, 128))
        lab.paste((0, 128, 128), (0, 0, 20, 20))
        return lab
    through = {"La": "LA", "RGBa": "RGBA", "PA": "P"}.get(mode)
    return (image.convert(through) if through else image).convert(mode)


@pytest.mark.parametrize(
    "mode", ["1", "L", "LA", "La", "P", "PA", "RGB", "RGBA", "RGBa", "RGBX", "CMYK", "YCbCr", "HSV", "LAB"]
)
def test_every_mode_becomes_rgb(mode: str) -> None:
    assert alike(np.asarray(to_rgb(halves(mode))), np.asarray(halves("RGB")), within=3)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "LAB"])
def test_every_mode_of_a_file_becomes_rgb(tmp_path: Path, mode: str) -> None:
    pixels = only(decode(tmp_path, encoded(halves(mode), "tiff"), "tiff"))
    assert alike(pixels, np.asarray(halves("RGB")), within=3)
    if mode == "CMYK":
        assert alike(only(decode(tmp_path, encoded(halves(mode), "jpeg"), "jpeg")), np.asarray(halves("RGB")))


@pytest.mark.parametrize("bits", [8, 10, 12, 16])
def test_deep_greys_use_the_whole_scale(tmp_path: Path, bits: int) -> None:
    ramp = np.linspace(0, 2**bits - 1, 256).astype(np.uint16).reshape(1, 256).repeat(4, 0)
    for format_name in ("png", "tiff"):
        pixels = only(decode(tmp_path, encoded(Image.fromarray(ramp), format_name), format_name))
        assert alike(pixels[..., 0], np.arange(256, dtype=np.uint8)[None].repeat(4, 0), within=1.5)


def test_fractions_span_from_least_to_most(tmp_path: Path) -> None:
    heights = np.linspace(-3.5, 9.0, 256, dtype=np.float32).reshape(1, 256).repeat(2, 0)
    heights[1, 0] = np.nan
    pixels = only(decode(tmp_path, encoded(Image.fromarray(heights), "tiff"), "tiff"))
    assert (pixels[0, :, 0] == np.arange(256)).all()
    assert pixels[1, 0, 0] == 0


@pytest.mark.parametrize("mode", ["RGBA", "P", "LA"])
def test_what_is_transparent_is_white(tmp_path: Path, mode: str) -> None:
    image = Image.new("RGBA", (20, 10), (0, 0, 0, 0))
    image.paste((0, 0, 0, 255), (0, 0, 10, 10))
    pixels = only(decode(tmp_path, encoded(image.convert(mode), "png"), "png"))
    assert (pixels[:, :10] == 0).all()
    assert (pixels[:, 10:] == 255).all()


def test_a_colour_may_be_transparent(tmp_path: Path) -> None:
    image = Image.new("RGB", (20, 10), (7, 7, 7))
    image.paste((200, 0, 0), (0, 0, 10, 10))
    pixels = only(decode(tmp_path, encoded(image, "png", transparency=(7, 7, 7)), "png"))
    assert pixels[0, 0].tolist() == [200, 0, 0]
    assert pixels[0, 19].tolist() == [255, 255, 255]


def test_heic_is_read_or_the_way_out_is_said(tmp_path: Path) -> None:
    if importlib.util.find_spec("pi_heif") is None:
        with pytest.raises(Unsupported, match="save it as JPEG, or pip install pi-heif"):
            decode(tmp_path, HEIC, "heic")
        return
    pixels = only(decode(tmp_path, HEIC, "heic"))
    assert pixels.shape == (32, 64, 3)
    assert (np.abs(pixels[16, 8].astype(int) - [255, 0, 0]) < 8).all()
    with pytest.raises(Broken):
        decode(tmp_path, HEIC[: len(HEIC) // 2], "heic")


def test_without_pi_heif_the_way_out_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pi_heif", None)
    with pytest.raises(Unsupported, match="save it as JPEG"):
        decode(tmp_path, HEIC, "heic")


# --- size --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((5400, 108), (MAX_SIDE, MAX_SIDE // 50)),
        ((120, 12000), (MAX_SIDE // 100, MAX_SIDE)),
        ((1, 60000), (1, MAX_SIDE)),
        ((60000, 1), (MAX_SIDE, 1)),
        ((MAX_SIDE, 10), (MAX_SIDE, 10)),
        ((1, 1), (1, 1)),
    ],
)
@pytest.mark.parametrize("format_name", ["png", "jpeg"])
def test_the_longest_side_is_bounded(
    tmp_path: Path, format_name: str, size: tuple[int, int], expected: tuple[int, int]
) -> None:
    pixels = only(decode(tmp_path, encoded(photo(*size), format_name), format_name))
    assert (pixels.shape[1], pixels.shape[0]) == expected


def test_a_reduced_picture_shows_the_same(tmp_path: Path) -> None:
    large = photo(7000, 140)
    expected = np.asarray(large.resize((MAX_SIDE, round(140 * MAX_SIDE / 7000)), Image.Resampling.BOX))
    for format_name in ("png", "jpeg", "jp2"):
        assert alike(only(decode(tmp_path, encoded(large, format_name), format_name)), expected), format_name


def png_head(width: int, height: int, pixels: bytes = b"") -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def test_a_bomb_is_refused_by_its_head(tmp_path: Path) -> None:
    before = Image.MAX_IMAGE_PIXELS
    with pytest.raises(TooLarge, match="60,000 × 60,000 pixels"):
        decode(tmp_path, png_head(60000, 60000), "png")
    assert before == Image.MAX_IMAGE_PIXELS


def test_a_bomb_among_pages_is_skipped_with_a_note(tmp_path: Path) -> None:
    tags = [(256, 60000), (257, 60000), (258, 8), (259, 1), (262, 1), (273, 8), (277, 1), (278, 60000), (279, 1)]
    small = encoded(photo(), "tiff")
    assert small[:4] == b"II*\0"
    data = bytearray(small + bytes(len(small) % 2))
    directory = struct.pack("<H", len(tags)) + b"".join(struct.pack("<HHII", tag, 4, 1, n) for tag, n in tags)
    first = struct.unpack_from("<I", data, 4)[0]
    following = first + 2 + 12 * struct.unpack_from("<H", data, first)[0]
    struct.pack_into("<I", data, following, len(data))
    decoded = decode(tmp_path, bytes(data) + directory + bytes(4), "tiff")
    assert len(decoded.pictures) == 1
    assert decoded.next_start == 1
    last = decode(tmp_path, bytes(data) + directory + bytes(4), "tiff", 1)
    assert last.pictures == ()
    assert last.next_start is None
    assert "page 2: it is 60,000 × 60,000 pixels" in last.notes[0]


def test_a_progressive_jpeg_can_not_be_scaled_while_it_is_decoded(tmp_path: Path) -> None:
    data = bytearray(encoded(photo(16, 16), "jpeg", progressive=True))
    at = data.index(b"\xff\xc2")
    struct.pack_into(">HH", data, at + 5, 20000, 20000)
    with pytest.raises(TooLarge, match="20,000 × 20,000"):
        decode(tmp_path, bytes(data), "jpeg")


# --- damage ------------------------------------------------------------------------------------


@pytest.mark.parametrize("tenth", range(1, 10))
@pytest.mark.parametrize("format_name", ["png", "jpeg", "gif", "tiff", "bmp"])
def test_what_is_cut_off_gives_what_is_there(tmp_path: Path, format_name: str, tenth: int) -> None:
    data = encoded(photo(400, 300), format_name, **({"interlace": 0} if format_name == "gif" else {}))
    image = only(decode(tmp_path, data, format_name))
    decoded = decode(tmp_path, data[: len(data) * tenth // 10], format_name)
    part = "upper" if format_name == "bmp" else "lower"
    assert decoded.notes == (f"cut off: the {part} part is missing",)
    pixels, rows = only(decoded), 30 * (tenth - 1) // 2  # tables take some of the file, and packing is not even
    there = slice(300 - rows, 300) if format_name == "bmp" else slice(0, rows)
    assert (pixels[there] == image[there]).all()
    assert ImageFile.LOAD_TRUNCATED_IMAGES is False


@pytest.mark.parametrize("tenth", range(0, 10))
@pytest.mark.parametrize("format_name", sorted(PILLOW))
def test_a_cut_never_crashes(tmp_path: Path, format_name: str, tenth: int) -> None:
    data = encoded(photo(48, 48), format_name)
    try:
        decoded = decode(tmp_path, data[: len(data) * tenth // 10], format_name)
    except FileError as error:
        assert str(error)
    else:
        assert decoded.notes


def test_a_head_without_pixels_is_broken(tmp_path: Path) -> None:
    with pytest.raises(Broken):
        decode(tmp_path, png_head(40, 30), "png")
    data = encoded(photo(), "jpeg")
    with pytest.raises(Broken):
        decode(tmp_path, data[: data.index(b"\xff\xda")], "jpeg")


def test_a_flaw_in_the_middle_is_said(tmp_path: Path) -> None:
    data = bytearray(encoded(photo(400, 300), "jpeg", progressive=True))
    decoded = decode(tmp_path, bytes(data[: len(data) * 9 // 10]), "jpeg")
    assert decoded.notes == ("damaged: parts of it may be missing",)
    assert alike(only(decoded), np.asarray(photo(400, 300)), within=25)


def test_a_length_that_lies_takes_no_memory(tmp_path: Path) -> None:
    data = bytearray(encoded(photo(), "png"))
    struct.pack_into(">I", data, data.index(b"IDAT") - 4, 2**31 - 1)
    tracemalloc.start()
    try:
        pixels = only(decode(tmp_path, bytes(data), "png"))
        peak_bytes = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert alike(pixels, np.asarray(photo()))
    assert peak_bytes < 100_000_000


def test_a_turned_picture_does_not_claim_to_know_its_foot(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    data = encoded(photo(400, 300), "jpeg", exif=exif)
    decoded = decode(tmp_path, data[: len(data) // 2], "jpeg")
    assert decoded.notes == ("cut off: a part is missing",)
    assert only(decoded).shape == (400, 300, 3)


def test_a_file_that_is_gone_is_unreadable(tmp_path: Path) -> None:
    with pytest.raises(Unreadable):
        decode_picture(Source(tmp_path / "gone.png", "gone.png", "png"), 0)


@pytest.mark.parametrize("format_name", sorted(PILLOW))
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_only_file_errors_come_out(tmp_path: Path, format_name: str, data: st.DataObject) -> None:
    whole = encoded(photo(24, 20), format_name)
    keep = data.draw(st.integers(0, len(whole)))
    junk = data.draw(st.binary(max_size=60))
    behind = whole[keep + len(junk) :] if data.draw(st.booleans()) else b""
    try:
        decoded = decode(tmp_path, whole[:keep] + junk + behind, format_name)
    except FileError as error:
        assert str(error)
    else:
        for picture in decoded.pictures:
            assert picture.pixels.ndim == 3
            assert min(picture.pixels.shape[:2]) >= 1
            assert max(picture.pixels.shape) <= MAX_SIDE


# --- pages and frames --------------------------------------------------------------------------


def colours(count: int, size: tuple[int, int] = (40, 30)) -> list[Image.Image]:
    return [Image.new("RGB", size, (255 * number // count, 90, 200)) for number in range(count)]


def read_all(tmp_path: Path, data: bytes) -> list[Decoded]:
    portions = [decode(tmp_path, data, "tiff")]
    while portions[-1].next_start is not None:
        portions.append(decode(tmp_path, data, "tiff", portions[-1].next_start))
    return portions


def test_pages_come_in_portions(tmp_path: Path) -> None:
    pages = colours(9, (1000, 2600))
    data = encoded(pages[0], "tiff", save_all=True, append_images=pages[1:], compression="packbits")
    portions = read_all(tmp_path, data)
    assert len(portions) == 2
    pictures = [picture for portion in portions for picture in portion.pictures]
    assert [picture.locator for picture in pictures] == [PageLocator(number) for number in range(1, 10)]
    for picture, page in zip(pictures, pages, strict=True):
        assert (picture.pixels == np.asarray(page)).all()


def test_a_single_page_is_the_whole_file(tmp_path: Path) -> None:
    assert only(decode(tmp_path, encoded(photo(), "tiff"), "tiff")).shape == (60, 90, 3)


def test_small_copies_of_a_page_are_no_pages(tmp_path: Path) -> None:
    thumbnail = photo(30, 20)
    tags = ImageFileDirectory_v2()
    tags[254] = 1
    thumbnail.encoderinfo = {"tiffinfo": tags}
    data = encoded(photo(), "tiff", save_all=True, append_images=[thumbnail])
    assert only(decode(tmp_path, data, "tiff")).shape == (60, 90, 3)


def test_a_damaged_page_costs_only_itself(tmp_path: Path) -> None:
    pages = [photo(200, 100) for _ in range(4)]
    data = bytearray(
        encoded(pages[0], "tiff", save_all=True, append_images=pages[1:], compression="tiff_adobe_deflate")
    )
    with Image.open(io.BytesIO(data)) as image:
        image.seek(2)
        assert isinstance(image, TiffImageFile)
        start = image.tag_v2[273][0]
    data[start : start + 40] = b"\xff" * 40
    portions = read_all(tmp_path, bytes(data))
    places = [picture.locator for portion in portions for picture in portion.pictures]
    assert [place for place in places if place != PageLocator(3)] == [PageLocator(1), PageLocator(2), PageLocator(4)]
    assert any(note.startswith("page 3: ") for portion in portions for note in portion.notes)


@pytest.mark.parametrize("format_name", ["gif", "webp", "png", "avif"])
def test_an_animation_gives_a_few_frames_with_their_times(tmp_path: Path, format_name: str) -> None:
    frames = colours(20)
    data = encoded(frames[0], format_name, save_all=True, append_images=frames[1:], duration=500)
    first, *later = decode(tmp_path, data, format_name).pictures
    assert first.locator == WholeLocator()
    assert alike(first.pixels, np.asarray(frames[0]))
    assert [picture.locator for picture in later] == [TimeLocator(at, at + 0.5) for at in (2.0, 4.0, 6.0, 8.0)]
    assert alike(later[-1].pixels, np.asarray(frames[16]))


def test_frames_that_show_the_same_are_given_once(tmp_path: Path) -> None:
    still, other = photo(), Image.new("RGB", (90, 60), "blue")
    frames = [still] * 9 + [other]
    frames[3] = still.copy()
    frames[3].putpixel((0, 0), (0, 0, 255))  # a pixel is no other picture
    data = encoded(frames[0], "png", save_all=True, append_images=frames[1:] * 2, duration=100)
    later = decode(tmp_path, data, "png").pictures[1:]
    assert len(later) <= 1


def test_an_animation_that_breaks_off_keeps_its_first_frame(tmp_path: Path) -> None:
    frames = colours(20, (200, 100))
    data = encoded(frames[0], "png", save_all=True, append_images=frames[1:], duration=100)
    cut = data.index(b"fdAT", len(data) // 2) + 6
    decoded = decode(tmp_path, data[:cut], "png")
    assert alike(decoded.pictures[0].pixels, np.asarray(frames[0]))
    assert "the animation is damaged" in decoded.notes[0]
