"""The library tab."""

from __future__ import annotations

from ui.desk import Desk


def build(desk: Desk) -> None:
    """Draws the tab, in the layout that is open."""
