"""Processes that do not outlive the one that started them."""

from __future__ import annotations

import ctypes
import os
import signal

PR_SET_PDEATHSIG = 1  # <linux/prctl.h>


def end_with(parent: int, how: signal.Signals) -> None:
    """Let the kernel send this process a signal when its parent ends, however and whenever that happens.

    Args:
        parent: its process id, as the parent knows it.
        how: the signal.
    """
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, how, 0, 0, 0)
    if os.getppid() != parent:  # it ended before that was asked for
        os._exit(1)
