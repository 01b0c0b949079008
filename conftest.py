"""What all tests need."""

import signal


def pytest_configure() -> None:
    """Give Ctrl-C its meaning back: a shell that starts us in the background has it ignored, by our children too."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
