"""How the inventory reaches servers that were there already."""

from __future__ import annotations

from pathlib import Path

import pytest
from plugins.inventory.stack import variables

NODE = {"name": "controller", "address": "192.0.2.1", "index": 0}
SERVER = {"host": "server.example", "destination": "", "user": "debian"}


@pytest.mark.parametrize("user", ["root", "debian"])
def test_no_directory_that_somebody_else_can_have_made_holds_what_runs_as_root(user: str) -> None:
    """In one that all can write to, only its owner root keeps others' hands off what is in it."""
    place = Path(variables(NODE, {**SERVER, "user": user}, Path("/state"))["ansible_remote_tmp"])
    assert place.exists(), "a name that is not there yet is anybody's to take"
    assert place.stat().st_uid == 0
    assert place.stat().st_mode & 0o1002 != 0o0002
