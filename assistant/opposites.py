"""Words that turn a statement round: a small list of opposites, and prefixes that deny ("un-", "dis-"). Pure.

A list of common pairs in English, with a few in German: what is not on it is not seen. It serves the check of an
answer, where one word put for its opposite is the likeliest slip that shares all other words with the source.
"""

from __future__ import annotations

from assistant.wording import denials, stem
from indexers.terms import terms

_PAIRS = """
increase decrease; increasing decreasing; rise fall; rose fell; risen fallen; rose dropped; rise drop; grow shrink;
grew shrank; gain loss; profit loss; win lose; won lost; winner loser; victory defeat; buy sell; bought sold;
purchase sale; buyer seller; before after; more less; more fewer; most least; higher lower; high low; highest
lowest; larger smaller; large small; largest smallest; big small; bigger smaller; greater lesser; longer shorter;
long short; longest shortest; heavy light; heavier lighter; faster slower; fast slow; strong weak; stronger weaker;
strengthen weaken; hot cold; warm cold; first last; first second; first third; second third; begin end; began ended;
start end; started ended; starts ends; begins ends; start finish; open closed; opened closed; accept reject;
accepted rejected; approved rejected; approve reject; allow forbid; allowed forbidden; permitted prohibited; permit
prohibit; include exclude; includes excludes; above below; over under; north south; east west; northern southern;
eastern western; left right; early late; earlier later; earliest latest; older younger; old new; old young; oldest
youngest; oldest newest; male female; men women; man woman; he she; his her; him her; father mother; son daughter;
brother sister; husband wife; king queen; maximum minimum; import export; true false; always never; morning evening;
day night; up down; enter leave; entered left; arrive depart; borrow lend; lender borrower; debit credit; employer
employee; landlord tenant; plaintiff defendant; teacher student; parent child; pass fail; passed failed; success
failure; positive negative; inside outside; indoor outdoor; same different; major minor; majority minority; upper
lower; with without; ally enemy; friend enemy; attack defend; attacker defender; love hate; like dislike; accelerate
slow; public private; rich poor; cheap expensive; safe dangerous; wet dry; alive dead; born died; birth death;
create destroy; built destroyed; join leave; joined left; predecessor successor; ancestor descendant; cause effect;
supply demand; input output; inflow outflow; asset liability; top bottom; front back; near far; full empty; thick
thin; deep shallow; married divorced; vor nach; mehr weniger; höher niedriger; größer kleiner; kaufen verkaufen;
gekauft verkauft; gestiegen gefallen; mieter vermieter; gewinn verlust; gewonnen verloren; erste letzte; beginnt
endet; erlaubt verboten; immer nie
"""
_PREFIXES = ("un", "in", "im", "il", "ir", "dis", "non", "mis")
_SHORTEST = 4  # letters of a word that a prefix may turn round: "un" + "der" is no denial


def _folded(word: str) -> str:
    return stem(terms(word)[0])


def _opposites() -> dict[str, frozenset[str]]:
    found: dict[str, set[str]] = {}
    for pair in _PAIRS.replace("\n", " ").split(";"):
        one, other = (_folded(word) for word in pair.split())
        found.setdefault(one, set()).add(other)
        found.setdefault(other, set()).add(one)
    return {word: frozenset(others) for word, others in found.items()}


_OPPOSITES = _opposites()


def turned_round(text: str, source: str) -> str:
    """The word of ``text`` that its source holds only as its opposite; empty if there is none.

    >>> turned_round("Sales decreased in May", "In May sales increased."), turned_round("It is safe", "It is unsafe")
    ('decreased', 'safe')
    """
    said, known = terms(text), terms(source)
    stems = {stem(word) for word in known}
    exact = frozenset(known)
    denied = frozenset(word for scope in denials(text) for word in scope)
    denied_there = frozenset(word for scope in denials(source) for word in scope)
    for word in said:
        root = stem(word)
        if root in stems:
            continue
        if _OPPOSITES.get(root, frozenset()) & stems:
            return word
        for prefix in _PREFIXES:
            # "not possible" and "impossible" are the same.
            if len(word) >= _SHORTEST and prefix + word in exact and root not in denied:
                return word
        if any(bare in exact and stem(bare) not in denied_there for bare in without_prefix(word)):
            return word
    return ""


def without_prefix(word: str) -> list[str]:
    """What a word denies, if its prefix is one of denial ("unsafe" → "safe"); candidates, not all of them words."""
    return [
        word.removeprefix(prefix)
        for prefix in _PREFIXES
        if word.startswith(prefix) and len(word) >= len(prefix) + _SHORTEST
    ]
