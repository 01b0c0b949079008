"""Installs pip and what it needs from the wheels in $PIP_FIND_LINKS. DevStack runs it with Python 2."""

import glob
import os
import sys

sys.path[:0] = glob.glob(os.environ["PIP_FIND_LINKS"] + "/pip-*.whl")  # noqa: PTH207 - Python 2 has no pathlib

import pip

sys.exit(pip.main(["install", "pip", "setuptools", "wheel"]))
