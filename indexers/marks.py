"""Which snapshot files belong to a catalog: each carries a random mark, and the catalog knows the last two.

Change numbers alone can not tell: a snapshot of another library, or one that was made before the catalog was put back
to a backup, may carry a number that this catalog has reached too, by other changes. The new mark is stored before the
file is written and the old one stays known, so that a process that dies in between leaves a file that is believed.
"""

from __future__ import annotations

import secrets

from indexers.catalog import Catalog


def is_known(catalog: Catalog, name: str, mark: str) -> bool:
    """Whether the catalog knows this mark of the snapshot ``name``. To be asked after the file was read."""
    return mark in (catalog.fact(_fact(name)) or "").split()


def new_mark(catalog: Catalog, name: str) -> str:
    """A mark for the snapshot ``name`` that is about to be written; the one before the last is forgotten.

    Raises:
        LocusError: the catalog can not be written.
    """
    mark = secrets.token_hex(8)
    last = (catalog.fact(_fact(name)) or "").split()[-1:]
    catalog.set_fact(_fact(name), " ".join([*last, mark]))
    return mark


def _fact(name: str) -> str:
    return f"mark of {name}"
