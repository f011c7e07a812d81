"""Pictures of files for people to look at: what is seen, how large it is, and what hostile files come to."""

import io
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import pypdfium2
import pytest
from PIL import Image

from indexers.errors import Broken, FileError, TooLarge, Unsupported
from indexers.previews import Look, can_be_seen, checked, preview
from indexers.protocols import Source
from indexers.sandbox import Sandbox

LIBRARY = Path(__file__).parents[2] / "data" / "library"


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(timeout_s=30, memory_bytes=2**30) as sandbox:
        yield sandbox


def seen(path: Path, format: str, look: Look) -> Image.Image:
    image = Image.open(io.BytesIO(preview(Source(path, path.name, format), look)))
    assert image.format == "JPEG"
    image.load()
    return image.convert("RGB")


def colour(image: Image.Image, across: float, down: float) -> str:
    """The name of the colour at fractions of the width and height."""
    pixel = image.getpixel((int(across * image.width), int(down * image.height)))
    named = {
        "red": (255, 0, 0),
        "green": (0, 128, 0),
        "blue": (0, 0, 255),
        "white": (255, 255, 255),
        "black": (0, 0, 0),
    }
    assert isinstance(pixel, tuple)
    return min(named, key=lambda name: sum(abs(a - b) for a, b in zip(pixel, named[name], strict=True)))


def halves(left: str, right: str, size: tuple[int, int] = (400, 200)) -> Image.Image:
    image = Image.new("RGB", size, left)
    image.paste(right, (size[0] // 2, 0, *size))
    return image


def test_a_page_is_as_wide_as_asked_for_and_another_page_is_another_picture() -> None:
    path = LIBRARY / "water-lease.pdf"
    first, second = (seen(path, "pdf", Look(900, page)) for page in (1, 2))
    assert first.width == second.width == 900 and first.height == pytest.approx(900 * 842 / 595, abs=2)
    assert np.abs(np.asarray(first, int) - np.asarray(second, int)).mean() > 1
    assert seen(path, "pdf", Look(900)).tobytes() == first.tobytes()


def test_a_page_that_is_not_there_is_named_with_how_many_are() -> None:
    for page in (6, -1, 10**9):
        with pytest.raises(Unsupported, match=f"no page {page}: it has 5"):
            seen(LIBRARY / "water-lease.pdf", "pdf", Look(300, page))


@pytest.mark.parametrize(("width", "height"), [(10.0, 14_000.0), (14_000.0, 10.0), (14_000.0, 14_000.0)])
def test_no_page_is_larger_than_a_screen(tmp_path: Path, width: float, height: float) -> None:
    document = pypdfium2.PdfDocument.new()
    document.new_page(width, height)
    document.save(tmp_path / "odd.pdf")
    image = seen(tmp_path / "odd.pdf", "pdf", Look(99_999))
    assert image.width <= 2000 and image.height <= 3001


def test_a_photograph_is_upright_and_never_enlarged(tmp_path: Path) -> None:
    image = halves("red", "blue")
    exif = Image.Exif()
    exif[0x0112] = 6  # held upright: what is stored as left is shown on top
    image.save(tmp_path / "turned.jpg", exif=exif, quality=95)
    shown = seen(tmp_path / "turned.jpg", "jpeg", Look(1000))
    assert shown.size == (200, 400)
    assert (colour(shown, 0.5, 0.1), colour(shown, 0.5, 0.9)) == ("red", "blue")
    assert not shown.getexif()
    assert seen(tmp_path / "turned.jpg", "jpeg", Look(100)).size == (100, 200)


def test_what_is_clear_is_white_and_of_what_moves_the_first_frame_is_seen(tmp_path: Path) -> None:
    Image.new("RGBA", (80, 80), (0, 0, 0, 0)).save(tmp_path / "clear.png")
    assert colour(seen(tmp_path / "clear.png", "png", Look(80)), 0.5, 0.5) == "white"
    frames = [Image.new("RGB", (80, 80), name) for name in ("green", "red", "blue")]
    frames[0].save(tmp_path / "moves.gif", save_all=True, append_images=frames[1:])
    assert colour(seen(tmp_path / "moves.gif", "gif", Look(80)), 0.5, 0.5) == "green"


def test_pages_of_a_scan_are_seen_one_by_one(tmp_path: Path) -> None:
    pages = [Image.new("RGB", (80, 80), name) for name in ("green", "red", "blue")]
    pages[0].save(tmp_path / "scan.tiff", save_all=True, append_images=pages[1:])
    shown = [colour(seen(tmp_path / "scan.tiff", "tiff", Look(80, page)), 0.5, 0.5) for page in (1, 2, 3, None)]
    assert shown == ["green", "red", "blue", "green"]
    with pytest.raises(FileError):
        seen(tmp_path / "scan.tiff", "tiff", Look(80, 4))


def test_a_film_is_seen_at_its_second(tmp_path: Path) -> None:
    path = tmp_path / "three.mp4"
    with av.open(str(path), "w") as film:
        stream = film.add_stream("mpeg4", rate=10, width=64, height=64, pix_fmt="yuv420p")
        for name in ("red", "green", "blue"):
            for _ in range(20):
                film.mux(stream.encode(av.VideoFrame.from_image(Image.new("RGB", (64, 64), name))))
        film.mux(stream.encode())
    at = {second: colour(seen(path, "mp4", Look(64, second=second)), 0.5, 0.5) for second in (0, 1.5, 2.5, 4.5, 99)}
    assert at == {0: "red", 1.5: "red", 2.5: "green", 4.5: "blue", 99: "blue"}
    assert colour(seen(path, "mp4", Look(64)), 0.5, 0.5) == "red"


def test_what_can_not_be_seen_is_refused() -> None:
    assert not any(map(can_be_seen, ("mp3", "docx", "text", "unknown", "")))
    for name, format in (("mill-diary.md", "markdown"), ("talk-on-the-wheel.mp3", "mp3")):
        with pytest.raises(Unsupported):
            preview(Source(LIBRARY / name, name, format), Look(100))


def test_the_sandbox_gives_the_same_picture(sandbox: Sandbox) -> None:
    path = LIBRARY / "red-bicycle.jpg"
    source = Source(path, path.name, "jpeg")
    assert sandbox.preview(source, Look(240)) == preview(source, Look(240))


def test_broken_files_and_bombs_are_the_files_own_fault(sandbox: Sandbox, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes((LIBRARY / "water-lease.pdf").read_bytes()[:700])
    with pytest.raises(Broken):
        sandbox.preview(Source(path, "cut.pdf", "pdf"), Look(300))
    path.write_bytes(bomb(60_000))
    with pytest.raises(TooLarge, match="60,000 × 60,000"):
        sandbox.preview(Source(path, "bomb.png", "png"), Look(300))
    path.write_bytes(b"no film at all")
    with pytest.raises(Broken):
        sandbox.preview(Source(path, "film.mp4", "mp4"), Look(300, second=3))
    # And the next one is seen.
    path.write_bytes((LIBRARY / "red-bicycle.jpg").read_bytes())
    assert sandbox.preview(Source(path, "red.jpg", "jpeg"), Look(100))


def test_what_takes_too_long_is_given_up(tmp_path: Path) -> None:
    path = tmp_path / "large.png"
    path.write_bytes(bomb(12_000))
    with Sandbox(timeout_s=0.2) as sandbox, pytest.raises(Broken, match="took longer than"):
        sandbox.preview(Source(path, path.name, "png"), Look(300))


@pytest.mark.parametrize(
    "data", [b"", b"<html>", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff" + bytes(17 << 20)]
)
def test_only_a_jpeg_is_taken_from_the_child(data: bytes) -> None:
    with pytest.raises(ValueError, match="no JPEG"):
        checked(data)


def bomb(side: int) -> bytes:
    """A small PNG file of a large black square."""
    packed = zlib.compressobj(9)
    row = bytes(1 + side // 8)
    body = b"".join(packed.compress(row * 100) for _ in range(min(side, 12_000) // 100)) + packed.flush()
    head = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    chunks = [(b"IHDR", head), (b"IDAT", body), (b"IEND", b"")]
    packed_chunks = (
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(packed_chunks)
