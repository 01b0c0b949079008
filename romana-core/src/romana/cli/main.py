"""Entry of `romana`: whatever goes wrong becomes one line on stderr and an exit code."""

from __future__ import annotations

import os
import sys

from romana.cli import exit_codes


def main() -> int:
    """Run the command in sys.argv and return its exit code."""
    try:
        code = _run(sys.argv[1:])
        sys.stdout.flush()  # here, so that a full disk or a closed pipe is noticed
    except BrokenPipeError:
        _drop_output()
        return exit_codes.BROKEN_PIPE
    except KeyboardInterrupt:
        return _fail("interrupted", exit_codes.INTERRUPTED)
    except OSError as error:
        _drop_output()
        return _fail(f"the output cannot be written: {error.strerror or error}", exit_codes.FAILED)
    return code


def _run(argv: list[str]) -> int:
    # rich and click, behind httpx's own command line, take longer to load than everything else together
    sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]
    from romana.cli.app import RomanaApp
    from romana.cli.errors import CommandError, UsageError
    from romana.contract import ClientError, ConfigError

    debug = "--debug" in argv
    try:
        return RomanaApp().run(argv)
    except SystemExit as error:  # argparse: --version
        return error.code if isinstance(error.code, int) else exit_codes.FAILED
    except (UsageError, ConfigError) as error:
        return _fail(str(error), exit_codes.USAGE)
    except (CommandError, ClientError) as error:
        return _fail(str(error), exit_codes.FAILED)
    except OSError:
        raise  # the caller's: the output
    except Exception as error:  # the outermost boundary: people get a line, developers ask for more with --debug
        if debug:
            raise
        return _fail(f"internal error ({type(error).__name__}: {error}); --debug shows where", exit_codes.FAILED)


def _fail(message: str, code: int) -> int:
    line = " ".join(message.split())
    print("romana: " + "".join(c if c.isprintable() else "?" for c in line), file=sys.stderr)
    return code


def _drop_output() -> None:
    """Let nothing more be written when the interpreter flushes at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    sys.exit(main())
