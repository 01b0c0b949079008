"""botocore's descriptions of AWS's services, which it reads anew for each session: a fifth of a second for EC2's."""

from __future__ import annotations

from functools import cache
from typing import Any


def keep() -> None:
    """Have the sessions that this process makes from now on share what they read.

    It is shared among the clients of one session anyway: none changes it.
    """
    from botocore.loaders import JSONFileLoader, Loader  # slow to import, and other targets do without it

    if Loader.FILE_LOADER_CLASS is JSONFileLoader:
        read = cache(JSONFileLoader().load_file)

        class Reader(JSONFileLoader):  # type: ignore[misc] # botocore has no types
            def load_file(self, file_path: str) -> Any:
                return read(file_path)

        Loader.FILE_LOADER_CLASS = Reader
