"""Files of the state directory."""

from __future__ import annotations

from pathlib import Path

import pytest

from romana_install.base.files import restored, write_private


@pytest.mark.parametrize("before", [None, "old"])
@pytest.mark.parametrize("after", [None, "new"])
def test_file_is_restored_also_after_a_failure(before: str | None, after: str | None, tmp_path: Path) -> None:
    path = tmp_path / "file"
    if before:
        write_private(path, before)
    with pytest.raises(KeyboardInterrupt):
        _interrupted(path, after)
    assert (path.read_text() if path.exists() else None) == before
    assert not before or path.stat().st_mode & 0o777 == 0o600


def _interrupted(path: Path, after: str | None) -> None:
    with restored(path):
        path.unlink(missing_ok=True)
        if after:
            write_private(path, after)
        raise KeyboardInterrupt
