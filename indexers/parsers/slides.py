"""Presentations (pptx): the text of each slide in reading order, and its notes.

python-pptx gives the shapes with their places (a placeholder inherits its place from the layout), so that
they can be read from top to bottom and left to right; the order in the file is the order of drawing. The
slide's title is its heading. Slides count from 1 as PowerPoint counts them, hidden ones too. Slide numbers
and dates in placeholders are left out, and a footer that repeats is kept once.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any
from zipfile import BadZipFile, ZipFile

from lxml import etree

from indexers.errors import Broken, Empty
from indexers.parsers.archive import attribute, local, open_archive, parse_xml, read_xml
from indexers.parsers.flow import Flow
from indexers.parsers.office_drawing import Drawn, drawn_pictures
from indexers.parsers.office_parts import core_properties, link_of, linked, related
from indexers.protocols import Source
from indexers.types import Block, Parsed, SlideLocator, Unread

_MAX_CATEGORIES = 200
_MAX_DEPTH = 50  # of groups in groups
_ROWS_PER_SLIDE = 40  # shapes whose tops are closer than a fortieth of the slide stand side by side
_NUMBER_AND_DATE = frozenset({"sldNum", "dt"})
_DIAGRAM = "http://schemas.openxmlformats.org/drawingml/2006/diagram"
# What python-pptx raises for parts that are missing, cut off or not what their type says.
_DAMAGED = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    BadZipFile,
    LookupError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
    etree.LxmlError,
    zlib.error,
)


def parse_pptx(source: Source) -> Parsed:
    """Reads a presentation.

    Raises:
        FileError: it is damaged, needs a password or holds no text.
    """
    with open_archive(source.path) as archive:
        properties = core_properties(archive)
        unread: tuple[Unread, ...] = ("pictures",) if any(slide_pictures(archive)) else ()
    presentation = _open(source.path)
    slides = presentation.slides
    height = presentation.slide_height or 1
    blocks: list[Block] = []
    notes: list[str] = []
    footers: set[str] = set()
    first_title = ""
    for number in range(1, len(slides) + 1):
        reader = _Slide(number, height, footers)
        try:
            reader.read(slides[number - 1])
        except _DAMAGED:
            reader.lost = True
        if reader.lost:
            notes.append(f"slide {number} could be read only in part")
        blocks += reader.flow.finish()
        source.keep(blocks, (number - len(notes)) / len(slides), f"slide {number} of {len(slides)}")
        first_title = first_title or reader.title
    if not blocks and (notes or not unread):
        raise Broken("damaged: none of its slides can be read") if notes else Empty("holds no text")
    title = properties.pop("title", "")
    if title in ("", "PowerPoint Presentation", "Presentation"):  # what programs write if nobody does
        title = first_title
    coverage = 1 - len(notes) / len(slides)
    return Parsed(
        tuple(blocks),
        title=title,
        metadata=properties,
        coverage=coverage,
        notes=tuple(notes),
        unread=unread,
        extent=("slides", len(slides)),
    )


def slide_pictures(archive: ZipFile) -> Iterator[tuple[int, Drawn]]:
    """The raster pictures on the slides, with the number of their slide; nothing of layouts, masters and notes.

    Slides that can not be read are passed over.
    """
    main = next(iter(related(archive, "", "officeDocument")), "ppt/presentation.xml")
    presentation, parts = read_xml(archive, main), linked(archive, main)
    entries = () if presentation is None else presentation.iter("{*}sldId")
    for number, entry in enumerate(entries, start=1):
        name = parts.get(link_of(entry), "")
        try:
            slide = read_xml(archive, name)
            if slide is not None:
                for picture in drawn_pictures(slide, linked(archive, name)):
                    yield number, picture
        except Broken:
            continue


def _open(path: Path) -> Any:
    from pptx.exc import PythonPptxError
    from pptx.package import Package

    try:
        # Not pptx.Presentation, which refuses slide shows and templates by their content type.
        return Package.open(str(path)).presentation_part.presentation
    except (PythonPptxError, *_DAMAGED) as error:
        raise Broken("damaged: it is no presentation inside") from error


class _Slide:
    """Reads one slide; what can not be read of it is left out and ``lost`` is set."""

    def __init__(self, number: int, height: int, footers: set[str]) -> None:
        self.flow = Flow(locator=SlideLocator(number))
        self.title = ""
        self.lost = False
        self._band = max(1, height // _ROWS_PER_SLIDE)
        self._footers = footers

    def read(self, slide: Any) -> None:
        """Title first, then the shapes, then the speaker's notes."""
        title = slide.shapes.title
        if title is not None and title.has_text_frame:
            self.title = " ".join(title.text_frame.text.split())
            self.flow.heading(self.title, 1)
        title_id = None if title is None else title.shape_id
        self._shapes((shape for shape in slide.shapes if shape.shape_id != title_id), 0)
        if slide.has_notes_slide and slide.notes_slide.notes_text_frame is not None:
            self._text(slide.notes_slide.notes_text_frame)

    def _shapes(self, shapes: Iterable[Any], depth: int) -> None:
        for shape in sorted(shapes, key=lambda shape: ((shape.top or 0) // self._band, shape.left or 0)):
            try:
                self._shape(shape, depth)
            except _DAMAGED:
                self.lost = True

    def _shape(self, shape: Any, depth: int) -> None:
        kind = _placeholder_kind(shape)
        if kind in _NUMBER_AND_DATE:
            return
        if hasattr(shape, "shapes"):
            if depth < _MAX_DEPTH:
                self._shapes(shape.shapes, depth + 1)
        elif getattr(shape, "has_table", False):
            self._table(shape.table)
        elif getattr(shape, "has_chart", False):
            self._chart(shape.chart)
        elif shape.has_text_frame:
            if kind != "ftr" or shape.text_frame.text not in self._footers:
                self._text(shape.text_frame)
            if kind == "ftr":
                self._footers.add(shape.text_frame.text)
        else:
            self._diagram(shape)
        properties = next((e for e in shape._element.iter() if local(e) == "cNvPr"), None)
        if properties is not None:
            self.flow.picture(attribute(properties, "descr"), attribute(properties, "title"))

    def _text(self, frame: Any) -> None:
        self.flow.end()
        for paragraph in frame.paragraphs:
            self.flow.add(paragraph.text.replace("\v", "\n"))
        self.flow.end()

    def _table(self, table: Any) -> None:
        rows = [["" if cell.is_spanned else cell.text for cell in row.cells] for row in table.rows]
        self.flow.table(rows, 1 if table.first_row else None)

    def _chart(self, chart: Any) -> None:
        """The title, and the data as a table: a row per category, a column per series."""
        if chart.has_title and chart.chart_title.has_text_frame:
            self.flow.paragraph(chart.chart_title.text_frame.text)
        for plot in chart.plots:
            series = list(plot.series)
            rows = [["", *(one.name for one in series)]]
            for at, category in enumerate(list(plot.categories)[:_MAX_CATEGORIES]):
                values = (one.values[at] if at < len(one.values) else None for one in series)
                rows.append([str(category), *map(_figure, values)])
            self.flow.table(rows, 1)

    def _diagram(self, shape: Any) -> None:
        """SmartArt: its text is a part of its own."""
        for link in shape._element.iter(f"{{{_DIAGRAM}}}relIds"):
            data = shape.part.related_part(attribute(link, "dm")).blob
            for point in parse_xml(data, "diagram").iter(f"{{{_DIAGRAM}}}pt"):
                self.flow.add("".join(run.text or "" for run in point.iter() if local(run) == "t"))
            self.flow.end()


def _placeholder_kind(shape: Any) -> str:
    mark = next((element for element in shape._element.iter() if local(element) == "ph"), None)
    return attribute(mark, "type") if mark is not None and shape.is_placeholder else ""


def _figure(value: float | None) -> str:
    """A number as the chart's sheet holds it: 4 rather than 4.0."""
    if value is None:
        return ""
    return str(int(value)) if value == int(value) else str(value)
