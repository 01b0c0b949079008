"""What the module aws_tags would change, and by which calls."""

from __future__ import annotations

from plugins.modules.aws_tags import AT_A_TIME, Difference, calls, difference


def test_what_is_missing_or_different_is_put() -> None:
    there = {"i-1": {"a": "1", "x": "theirs"}, "i-2": {"a": "2"}, "i-3": {}}
    assert difference({"a": "1"}, [], there) == Difference({"i-2": {"a": "1"}, "i-3": {"a": "1"}}, {})


def test_what_is_removed_has_the_very_value() -> None:
    removed = [{"key": "a", "value": "1"}, {"key": "a", "value": "2"}, {"key": "b", "value": "1"}]
    there = {"i-1": {"a": "1"}, "i-2": {"a": "2"}, "i-3": {"a": "theirs"}, "i-4": {}}
    assert difference({"b": "2"}, removed, there).removed == {"i-1": {"a": "1"}, "i-2": {"a": "2"}}


def test_a_key_that_is_wanted_is_not_removed() -> None:
    assert difference({"a": "1"}, [{"key": "a", "value": "1"}], {"i-1": {"a": "1"}}) == Difference({}, {})


def test_resources_that_get_the_same_get_it_in_one_call() -> None:
    tag = [{"Key": "a", "Value": "1"}]
    assert list(calls({"i-1": {"a": "1"}, "i-2": {"b": "2"}, "i-3": {"a": "1"}})) == [
        {"Resources": ["i-1", "i-3"], "Tags": tag},
        {"Resources": ["i-2"], "Tags": [{"Key": "b", "Value": "2"}]},
    ]
    many = {f"i-{number}": {"a": "1"} for number in range(AT_A_TIME + 1)}
    assert [len(call["Resources"]) for call in calls(many)] == [AT_A_TIME, 1]
