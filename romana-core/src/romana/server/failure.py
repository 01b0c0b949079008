"""Why the server cannot serve."""


class ServingError(Exception):
    """The server cannot start, or cannot take what it is told to read anew; the text says why and what to do."""
