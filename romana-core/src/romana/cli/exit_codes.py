"""Exit codes of `romana`."""

import signal

OK = 0
FAILED = 1  # failed, refused, or a check found something
USAGE = 2  # the command line or the configuration is wrong
INTERRUPTED = 128 + signal.SIGINT
BROKEN_PIPE = 128 + signal.SIGPIPE  # the reader of the output went away
