"""Web pages and books: the text without its furniture, whatever shape the markup is in."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indexers.errors import Empty, Encrypted
from indexers.parsers.epub import parse_epub
from indexers.parsers.web import page_blocks, parse_html
from indexers.parsers.web_page import parse_markup
from indexers.protocols import Source
from indexers.types import Parsed, SectionLocator


def read(html: str | bytes, tmp_path: Path) -> Parsed:
    path = tmp_path / "page.html"
    path.write_bytes(html.encode() if isinstance(html, str) else html)
    return parse_html(Source(path, path.name, "html"))


def texts(html: str) -> list[str]:
    return [piece.text for block in page_blocks(parse_markup(html)) for piece in block.pieces]


PROSE = "The lighthouse was built in 1871 on the northern cliff and is still lit every night. "


def test_main_text_without_furniture() -> None:
    html = f"""<body><header><a href=/>Site</a></header><nav><ul><li><a>Home</a></ul></nav>
      <div id="cookie-banner">We use cookies</div><form><label>Search</label><input></form>
      <div><h1>Light</h1><p>{PROSE}</p><p style="display: none">secret</p><p hidden>secret</p>
      <script>code()</script><style>p {{}}</style></div>
      <ul><li><a>One</a><li><a>Two</a><li><a>Three</a><li><a>Four</a></ul>
      <aside>Advert</aside><footer>Imprint</footer></body>"""
    blocks = page_blocks(parse_markup(html))
    assert [(b.headings, [p.text for p in b.pieces]) for b in blocks] == [(("Light",), [PROSE.strip()])]


def test_main_element_is_preferred_when_it_holds_most_text() -> None:
    assert texts(f"<p>teaser</p><main><p>{PROSE}</p></main>") == [PROSE.strip()]
    assert texts(f"<p>{PROSE * 3}</p><main><p>short</p></main>") == [(PROSE * 3).strip(), "short"]


def test_a_page_of_links_or_of_furniture_alone_still_has_text() -> None:
    links = "".join(f"<li><a>Link {n}</a></li>" for n in range(9))
    assert len(texts(f"<body><ul>{links}</ul></body>")) == 9
    assert texts("<body style='display:none'><nav>Only this</nav></body>") == ["Only this"]


def test_headings_lead_to_text_and_sections(tmp_path: Path) -> None:
    parsed = read("<h1>Hel<b>lo</b></h1><h2><div>Sub</div></h2>text<h2>Next</h2><p>more", tmp_path)
    assert [b.headings for b in parsed.blocks] == [("Hello", "Sub"), ("Hello", "Next")]
    assert parsed.blocks[0].pieces[0].locator == SectionLocator(("Hello", "Sub"))


def test_unclosed_heading_does_not_swallow_the_page() -> None:
    blocks = page_blocks(parse_markup(f"<h1>Title<div><p>{PROSE}</p><ul><li>a</ul>"))
    assert [[p.text for p in b.pieces] for b in blocks] == [[PROSE.strip()], ["a"]]
    assert blocks[0].headings == ("Title",)


def test_whitespace_entities_breaks_and_preformatted_text() -> None:
    html = "<p>a\n  b&nbsp;&amp; <i>c</i>d&shy;e<br>next</p><pre>def f():\n\n    return 1\n</pre>"
    assert texts(html) == ["a b & cde", "next", "def f():", "    return 1"]


def test_lists_are_one_block() -> None:
    blocks = page_blocks(parse_markup("<p>x<ul><li>a<ul><li>b</ul><li><p>c</p></ul><p>y"))
    assert [[p.text for p in b.pieces] for b in blocks] == [["x"], ["a", "b", "c"], ["y"]]


def test_tables_keep_header_and_merged_cells_once() -> None:
    html = """<table><caption>Sales</caption><tr><th>Region<th colspan=2>Year</tr>
      <tr><td>North<td rowspan=2>1<td>2</tr><tr><td>South<td>4</tr></table>"""
    blocks = page_blocks(parse_markup(html))
    assert [(b.header, [p.text for p in b.pieces]) for b in blocks] == [
        ("", ["Sales"]),
        ("Region | Year", ["North | 1 | 2", "South |  | 4"]),
    ]


def test_layout_tables_flow() -> None:
    html = "<table><tr><td>left<td><table><tr><th>k<th>v<tr><td>x<td>7</table></table>"
    blocks = page_blocks(parse_markup(html))
    assert [(b.header, [p.text for p in b.pieces]) for b in blocks] == [("", ["left"]), ("k | v", ["x | 7"])]


def test_pictures_count_by_their_alternative_text() -> None:
    html = "<figure><img alt='A red bicycle'><img alt='IMG_1.jpg'><figcaption>Fig. 1</figcaption></figure>"
    assert texts(html) == ["A red bicycle", "Fig. 1"]


def test_titles_of_pictures_count_and_ornaments_do_not() -> None:
    assert texts("<p>text<img title='A blue boat'><img alt='A gull' title='Seen in May'>") == [
        "text",
        "A blue boat",
        "A gull",
        "Seen in May",
    ]
    assert texts("<p>text<img alt='' title='Ornament'><img alt='picture 4'>") == ["text"]
    assert texts("<table><tr><td>Boat<td>Sail<tr><td><img alt='A blue boat'><td><img alt='x.png'>7</table>") == [
        "A blue boat | 7"
    ]
    assert page_blocks(parse_markup("<h1><img alt='Red Cross'></h1><p>text"))[0].headings == ("Red Cross",)


def test_head_gives_title_and_metadata(tmp_path: Path) -> None:
    parsed = read(
        """<title> My
        page </title><meta name=author content="A. Writer"><meta name=description content=About>
        <meta property=article:published_time content=2024-05-01T10:00:00Z><p>text""",
        tmp_path,
    )
    assert parsed.title == "My page"
    assert parsed.metadata == {"author": "A. Writer", "date": "2024-05-01T10:00:00Z", "subject": "About"}
    assert read("<meta property=og:title content=Og><p>text", tmp_path).title == "Og"


def test_declared_charset_is_respected(tmp_path: Path) -> None:
    html = "<meta http-equiv=content-type content='text/html; charset=koi8-r'><p>Маяк на севере"
    assert read(html.encode("koi8-r"), tmp_path).blocks[0].pieces[0].text == "Маяк на севере"
    assert read(html.encode("utf-16"), tmp_path).blocks[0].pieces[0].text == "Маяк на севере"


def test_nothing_to_read_is_empty(tmp_path: Path) -> None:
    with pytest.raises(Empty):
        read("<html><script>only()</script></html>", tmp_path)


@pytest.mark.parametrize("tag", ["<div>", "<table><tr><td>", "<header>", "<ul><li><a>"])
def test_deep_nesting_costs_linear_time(tag: str, ends: Callable[[], AbstractContextManager[None]]) -> None:
    with ends():
        assert texts(tag * 40_000 + "found") == ["found"]


@settings(max_examples=150, deadline=None)
@given(st.text(st.sampled_from("<>/&;= abhpt1'\"\0\ud800é") | st.characters(), max_size=200))
def test_any_text_is_parsed(markup: str) -> None:
    for block in page_blocks(parse_markup(markup)):
        assert all(piece.text.strip() for piece in block.pieces)


TAGS = st.sampled_from("p div h1 h2 ul li table tr td th nav main article header pre br b form a section".split())


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(TAGS, st.booleans(), st.sampled_from(["", "word", "7"])), max_size=40))
def test_text_is_never_lost_altogether(events: list[tuple[str, bool, str]]) -> None:
    markup = "".join(f"<{'/' if closes else ''}{tag}>{text}" for tag, closes, text in events)
    assert bool(texts(markup)) == any(text for _, _, text in events)


# --- epub --------------------------------------------------------------------------------------

PACKAGE = """<package xmlns="http://www.idpf.org/2007/opf"><metadata xmlns:dc="http://purl.org/dc/elements/1.1/">
<dc:title>The Book</dc:title><dc:creator>A. Writer</dc:creator><dc:date>1913</dc:date></metadata><manifest>
<item id="n" href="nav.xhtml" properties="nav" media-type="application/xhtml+xml"/>
<item id="a" href="text/a%20one.xhtml" media-type="application/xhtml+xml"/>
<item id="b" href="text/b.xhtml" media-type="application/xhtml+xml"/></manifest>
<spine><itemref idref="n"/><itemref idref="b"/><itemref idref="a"/></spine></package>"""
MEMBERS = {
    "META-INF/container.xml": '<container><rootfiles><rootfile full-path="OPS/b.opf"/></rootfiles></container>',
    "OPS/b.opf": PACKAGE,
    "OPS/nav.xhtml": '<nav><a href="text/b.xhtml">Begin</a><a href="text/a%20one.xhtml">End</a></nav>',
    "OPS/text/a one.xhtml": "<html><body><p>last</p></body></html>",
    "OPS/text/b.xhtml": "<html><body><h1>Begin</h1><p>first</p><h2>Part</h2><p>second</p></body></html>",
}


def read_epub(tmp_path: Path, members: dict[str, str]) -> Parsed:
    path = tmp_path / "a.epub"
    with zipfile.ZipFile(path, "w") as file:
        for name, text in members.items():
            file.writestr(name, text)
    return parse_epub(Source(path, path.name, "epub"))


def test_epub_reads_the_spine_in_order_under_chapter_titles(tmp_path: Path) -> None:
    parsed = read_epub(tmp_path, MEMBERS)
    assert [(b.headings, b.pieces[0].text) for b in parsed.blocks] == [
        (("Begin",), "first"),
        (("Begin", "Part"), "second"),
        (("End",), "last"),
    ]
    assert (parsed.title, parsed.metadata) == ("The Book", {"author": "A. Writer", "date": "1913"})


def test_epub_pictures_count_by_their_alternative_text(tmp_path: Path) -> None:
    page = "<html><body><p>first</p><img src='a.jpg' alt='A lighthouse'/><img src='b.jpg' alt='b.jpg'/></body></html>"
    parsed = read_epub(tmp_path, MEMBERS | {"OPS/text/b.xhtml": page})
    assert [b.pieces[0].text for b in parsed.blocks] == ["first", "A lighthouse", "last"]


def test_epub_with_a_missing_chapter_is_read_in_part(tmp_path: Path) -> None:
    parsed = read_epub(tmp_path, {name: text for name, text in MEMBERS.items() if "b.xhtml" not in name})
    assert (parsed.coverage, parsed.notes) == (0.5, ("chapter 1 of 2 could not be read",))


def test_epub_protection(tmp_path: Path) -> None:
    method = '<encryption><EncryptedData><EncryptionMethod Algorithm="{}"/></EncryptedData></encryption>'
    fonts = {"META-INF/encryption.xml": method.format("http://www.idpf.org/2008/embedding")}
    assert read_epub(tmp_path, MEMBERS | fonts).coverage == 1.0
    content = {"META-INF/encryption.xml": method.format("http://www.w3.org/2001/04/xmlenc#aes128-cbc")}
    with pytest.raises(Encrypted, match="DRM"):
        read_epub(tmp_path, MEMBERS | content)
