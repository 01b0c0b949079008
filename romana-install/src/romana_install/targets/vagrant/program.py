"""Vagrant itself: which version, which plugins and which boxes it has."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from functools import cached_property

from vagrant import Vagrant

# Vagrant asks its makers for new versions of itself, unless it is told not to.
QUIET = {"VAGRANT_CHECKPOINT_DISABLE": "1"}
Version = tuple[int, ...]


@dataclass(frozen=True)
class Program:
    """An installed Vagrant. plugins, boxes: empty, too, when it cannot say them."""

    version: Version

    @classmethod
    def found(cls) -> Program | None:
        """That of this machine; None when there is none, or none that runs."""
        if shutil.which("vagrant") is None:
            return None
        try:
            return cls(parse_version(_vagrant().version()))
        except (subprocess.CalledProcessError, OSError):
            return None

    @cached_property
    def plugins(self) -> frozenset[str]:
        """The names of its plugins."""
        try:
            return frozenset(plugin.name for plugin in _vagrant().plugin_list())
        except subprocess.CalledProcessError:
            return frozenset()

    @cached_property
    def boxes(self) -> frozenset[tuple[str, str]]:
        """Name and provider of each box."""
        try:
            return frozenset((box.name, box.provider.partition(",")[0]) for box in _vagrant().box_list())
        except subprocess.CalledProcessError:
            return frozenset()


def parse_version(text: str) -> Version:
    """The numbers of the first version that a line begins with; empty when there is none. Pure."""
    match = re.search(r"^(?:Vagrant )?(\d+(?:\.\d+)+)", text, re.MULTILINE)
    return tuple(map(int, match[1].split("."))) if match else ()


def shown(version: Version) -> str:
    """A version as people write it."""
    return ".".join(map(str, version))


def _vagrant() -> Vagrant:
    # What it says of itself follows no Vagrantfile of the directory that we were started in.
    return Vagrant(root="/", env={**os.environ, **QUIET}, quiet_stderr=True)
