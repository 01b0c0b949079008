"""Why something is refused, in the words that the user of Neutron and Nova gets to read.

Nova keeps 255 characters of a text, so the reason comes first.
"""

from __future__ import absolute_import

from networking_romana.compat import exceptions


class RomanaInvalid(exceptions.BadRequest):
    """The request cannot be, whatever the state of things."""

    message = "%(reason)s"


class RomanaForbidden(exceptions.NotAuthorized):
    """The request is not for this user."""

    message = "%(reason)s"


class RomanaRefused(exceptions.Conflict):
    """romana-server says no; `code` is its error code, `details` its details."""

    message = "%(reason)s"

    def __init__(self, reason, code=None, details=None):
        super(RomanaRefused, self).__init__(reason=reason)
        self.code = code
        self.details = details or {}


class RomanaUnavailable(exceptions.ServiceUnavailable):
    """Something that is needed for an answer does not answer."""

    message = "%(reason)s"
