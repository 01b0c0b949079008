"""The filter that writes OpenStack's configuration files."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError
from plugins.filter.to_ini import to_ini


def test_sections_in_their_order() -> None:
    assert to_ini({"DEFAULT": {"debug": True, "workers": 2}, "b": {"c": ""}}) == (
        "[DEFAULT]\ndebug = true\nworkers = 2\n\n[b]\nc = \n"
    )


def test_list_repeats_its_key_and_null_is_left_out() -> None:
    assert to_ini({"a": {"x": ["1", "2"], "y": None}}) == "[a]\nx = 1\nx = 2\n"


@pytest.mark.parametrize("wrong", ["text", {"a": "b"}, {"a": {"x": "1\n[b]\nc = d"}}], ids=str)
def test_what_no_file_can_hold_is_refused(wrong: object) -> None:
    with pytest.raises(AnsibleFilterError, match="to_ini"):
        to_ini(wrong)
