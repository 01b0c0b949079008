"""Text that is to be read, on wide terminals and narrow ones."""

from __future__ import annotations

import pytest

from romana_install.base.terminal import table

HEADER = ("node", "applied/desired")
ROWS = (("controller", "7/7"), ("compute01", "6/7"))
WIDE = """\
  node        applied/desired
  controller  7/7
  compute01   6/7"""
NARROW = """\
  node             controller
  applied/desired  7/7

  node             compute01
  applied/desired  6/7"""


@pytest.mark.parametrize(("columns", "text"), [(29, WIDE), (28, NARROW), (1, NARROW)])
def test_no_line_is_longer_than_a_terminal_that_has_room_for_a_cell(columns: int, text: str) -> None:
    assert table(HEADER, ROWS, columns=columns) == text


def test_what_is_no_terminal_has_room_for_all() -> None:
    assert table(("name",), [("x" * 500,)]) == "  name\n  " + "x" * 500
