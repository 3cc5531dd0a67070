"""How a command ends: with an exit status, and a message if something is wrong."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable
from contextlib import suppress


def status_of(work: Callable[[], object]) -> int:
    """Do the work of a command, and return its exit status.

    Returns:
        0; or 2, after a message, if an argument, or a file that it names, is wrong.

    >>> status_of(lambda: open("no-such-file.csv"))
    2
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a name may have letters it lacks
    try:
        work()
        print(end="", flush=True)
    except OSError as error:
        if error.strerror and error.filename is None:  # it is the standard output: close it
            with suppress(OSError):  # as where it is no file
                os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if isinstance(error, BrokenPipeError):  # the reader has seen enough, as in `… | head -1`
            return 0
        text = f"{error.filename or 'the output'}: {error.strerror}" if error.strerror else error
        return failed(f"error: {text}", 2)
    except (ValueError, RuntimeError) as error:
        return failed(f"error: {error}", 2)
    return 0


def failed(message: str, status: int) -> int:
    """Print a message on standard error, and return the status."""
    print(message, file=sys.stderr)
    return status
