"""The drivers under Python 2.7: what of ../inside_neutron does not take the tests of a later Neutron."""

from __future__ import annotations

import pytest

from .inside import Inside


@pytest.mark.parametrize("file", ["test_choices.py", "test_client.py", "test_ipam.py", "test_modules.py"])
def test_python_27(inside: Inside, file: str) -> None:
    done = inside.run(file)
    assert done.returncode == 0, done.stdout + done.stderr
