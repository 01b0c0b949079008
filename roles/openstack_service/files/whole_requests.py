"""Runs the WSGI application of the file $ROMANA_APPLICATION, and reads of a request what that has left unread.

When uWSGI closes a connection of which something is unread, the kernel resets it, and whoever asked may see that
instead of the answer: a token that has expired, for one, is refused before the body is read.

An application that asks other services takes their replies when they come (prompt_replies).

What is imported before uWSGI's processes part may make the hub of eventlet's, by which a process waits. All would wait
by one, and take what comes for another for what they wait for: one has then waited for ever for a program that it had
started. So each has a hub of its own, as oslo.service has it for processes that it starts.
"""

import contextlib
import os
import runpy
import sys

import prompt_replies
import uwsgi

LIMIT = 1 << 20  # bytes; who sends more than that in vain is not waited for

if "eventlet.hubs" in sys.modules:
    sys.modules["eventlet.hubs"].use_hub()
_application = runpy.run_path(os.environ["ROMANA_APPLICATION"], run_name="romana_application")["application"]
if "oslo_messaging._drivers.amqpdriver" in sys.modules:
    prompt_replies.install()


def application(environ, start_response):
    """The application's own answer."""
    answer = _application(environ, start_response)
    with contextlib.suppress(OSError):  # whoever asked has gone
        _read_rest(environ)
    return answer


def _read_rest(environ):
    if environ.get("HTTP_TRANSFER_ENCODING", "").lower() == "chunked":
        total = 0
        while total < LIMIT and (chunk := uwsgi.chunked_read()):
            total += len(chunk)
    elif 0 < int(environ.get("CONTENT_LENGTH") or 0) <= LIMIT:
        environ["wsgi.input"].read()
