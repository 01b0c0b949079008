"""Makes the collection's plugins importable as `plugins`, as mypy sees them."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[3]))
