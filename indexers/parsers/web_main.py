"""Which part of a web page is its text, and which parts inside it are not.

What the page says of itself (``main``, ``article``, roles, ``hidden``) comes before what is guessed (lists that
are mostly links, cookie notices), and every guess that would take most of the text away is taken back. Each pass
is one loop over the tree, so that the time grows with the page and not with its depth.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from bs4 import BeautifulSoup
from bs4.element import PreformattedString, Tag

from indexers.parsers.web_page import LISTS, NEVER_SHOWN

_FURNITURE_ROLES = frozenset({"navigation", "banner", "contentinfo", "search", "complementary", "menu", "menubar"})
_COOKIES = re.compile(r"cookie|consent|gdpr|onetrust", re.IGNORECASE)
_HIDDEN_STYLE = re.compile(r"(?:display\s*:\s*none|visibility\s*:\s*hidden)", re.IGNORECASE)
_CONTENT = frozenset({"main", "article", "section", "blockquote"})


def main_text(soup: BeautifulSoup) -> tuple[Tag, list[Tag]]:
    """The part of a page that holds its text, and the parts inside that do not belong to it."""
    body = soup.body or soup
    tags = [node for node in body.descendants if isinstance(node, Tag)]
    amounts = _amounts(body)
    total = amounts[id(body)].text
    within = _within_content(tags)
    skipped = hidden_parts(body)
    for tag in tags:
        amount = amounts[id(tag)]
        is_noise = _is_cookie_notice(tag) or _is_furniture(tag, amount, id(tag) in within)
        if is_noise and amount.text <= total / 2:
            skipped.append(tag)
    mains = [tag for tag in tags if tag.name == "main" or tag.get("role") == "main"]
    for candidates in (mains, [tag for tag in tags if tag.name == "article"]):
        if len(candidates) == 1 and amounts[id(candidates[0])].text >= total / 2:
            return candidates[0], skipped
    menus = [tag for tag in tags if tag.name in LISTS and amounts[id(tag)].is_menu]
    if sum(amounts[id(tag)].text for tag in menus) <= total / 2:
        skipped += menus
    return body, skipped


def hidden_parts(root: Tag) -> list[Tag]:
    """What the page itself says is not shown."""
    return [node for node in root.descendants if isinstance(node, Tag) and _is_hidden(node)]


@dataclass(slots=True)
class _Amount:
    """What stands below a tag: characters of text, how many of them in links, links, headings ``h1``."""

    text: int = 0
    linked: int = 0
    links: int = 0
    titles: int = 0

    @property
    def is_menu(self) -> bool:
        return self.links > 3 and self.linked > 0.8 * self.text


def _amounts(root: Tag) -> dict[int, _Amount]:
    """For each tag by ``id``. One pass from the end, so that children come before their parents."""
    amounts: dict[int, _Amount] = {id(root): _Amount()}
    for node in reversed(list(root.descendants)):
        own = _Amount()
        if isinstance(node, Tag):
            own = amounts.setdefault(id(node), own)
            if node.name in NEVER_SHOWN:
                own.text = own.linked = 0
            elif node.name == "a":
                own.linked, own.links = own.text, 1
            own.titles += node.name == "h1"
        elif not isinstance(node, PreformattedString):
            own.text = len(str(node).strip())
        above = amounts.setdefault(id(node.parent), _Amount())
        above.text += own.text
        above.linked += own.linked
        above.links += own.links
        above.titles += own.titles
    return amounts


def _within_content(tags: list[Tag]) -> set[int]:
    """The tags, by ``id``, that stand within an article, a section or the like."""
    within: set[int] = set()
    for tag in tags:  # parents come before their children
        above = tag.parent
        if above is not None and (above.name in _CONTENT or id(above) in within):
            within.add(id(tag))
    return within


def _is_hidden(tag: Tag) -> bool:
    if tag.has_attr("hidden") or tag.get("aria-hidden") == "true":
        return True
    style = tag.get("style")
    return isinstance(style, str) and _HIDDEN_STYLE.search(style) is not None


def _is_furniture(tag: Tag, amount: _Amount, within_content: bool) -> bool:
    if tag.name in ("nav", "form") or str(tag.get("role", "")) in _FURNITURE_ROLES:
        return True
    if tag.name == "header" and amount.titles:
        return False  # often the only place where the page's title stands
    return tag.name in ("header", "footer", "aside") and not within_content


def _is_cookie_notice(tag: Tag) -> bool:
    if tag.name not in ("div", "section", "aside", "dialog"):
        return False
    return _COOKIES.search(f"{tag.get('id', '')} {tag.get('class', '')}") is not None
