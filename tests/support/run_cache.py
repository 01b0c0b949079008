"""The cache of a run that begins as a new user does, with none: the first installation fills it, all layers use it."""

from __future__ import annotations

import os
import shutil

from places import PLACE

DIRECTORY = PLACE / "cache"


def begin() -> None:
    """Have an empty one, and let everything that is started from now on find it, test processes too."""
    end()
    place = DIRECTORY / "romana-setup"
    place.mkdir(parents=True)
    # Other runs that end meanwhile remove what is empty.
    (place / "CACHEDIR.TAG").write_text("Signature: 8a477f597d28d172789f06886806bc55\n")
    os.environ["XDG_CACHE_HOME"] = str(DIRECTORY)


def end() -> None:
    """Remove it."""
    if DIRECTORY.exists():
        shutil.rmtree(DIRECTORY)
