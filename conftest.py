"""What all tests need."""

import signal

from hypothesis import settings


def pytest_configure() -> None:
    """Give Ctrl-C its meaning back: a shell that starts us in the background has it ignored, by our children too."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    # How long an example takes is the machine's affair.
    settings.register_profile("romana", deadline=None)
    settings.load_profile("romana")
