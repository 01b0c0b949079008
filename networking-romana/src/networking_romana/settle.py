"""Passes on what Neutron says, until what was passed on is what Neutron says."""

from __future__ import absolute_import


def settle(read, tell):
    """Tell what Neutron says, and ask it again: of several who pass on changes at a time, the last may have read first.

    Args:
        read: function that returns what Neutron says now; None for what is gone.
        tell: function that passes that on. It may be called again, with the same.

    Returns what was told last. Raises what the functions raise.
    """
    told, wanted = object(), read()  # nothing is as this object
    while wanted != told:
        tell(wanted)
        told, wanted = wanted, read()
    return told
