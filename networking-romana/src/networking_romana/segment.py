"""Which segment of its project a port is to be in."""

from __future__ import absolute_import

from networking_romana.errors import RomanaInvalid
from networking_romana.port import INSTANCES

DEFAULT = "default"
PROFILE_KEY = "romana_segment"
TAG = "romana_segment="
METADATA_KEY = "romanaSegment"


def chosen(port, ask_metadata):
    """The segment that somebody chose for a port; None when nobody did. The first that is set counts.

    1. the port's binding:profile, key romana_segment: the administrator's word;
    2. a tag of the port, romana_segment=<name>;
    3. the metadata romanaSegment of the instance it belongs to.

    Args:
        port: a Port.
        ask_metadata: function from an instance's id to its metadata or None; called only when it is needed.

    Raises RomanaInvalid when a choice is no name, or tags contradict each other.
    """
    if PROFILE_KEY in port.profile:
        return _name(port.profile[PROFILE_KEY], "the port's binding:profile, key " + PROFILE_KEY)
    names = sorted(set(tag[len(TAG) :] for tag in port.tags if tag.startswith(TAG)))
    if len(names) > 1:
        raise RomanaInvalid(reason="the port's tags name several segments: {}; leave one".format(", ".join(names)))
    if names:
        return _name(names[0], "the port's tag " + TAG)
    if port.device_id and port.device_owner.startswith(INSTANCES):
        metadata = ask_metadata(port.device_id) or {}
        if METADATA_KEY in metadata:
            return _name(metadata[METADATA_KEY], "the instance's metadata " + METADATA_KEY)
    return None


def _name(value, where):
    if not value or not hasattr(value, "strip"):  # a text, of either of Python 2's kinds
        raise RomanaInvalid(reason="{} names no segment; give the name of one, or take it away".format(where))
    return value
