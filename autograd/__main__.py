"""`python -m autograd`; see `autograd.command.cli`."""

import os
import signal
import sys


def _leave(*_: object) -> None:
    """End at Ctrl-C without an exception, which would be lost where an import runs in C code."""
    os.write(2, b"interrupted\n")
    os._exit(130)


if __name__ == "__main__":
    signal.signal(signal.SIGINT, _leave)
    from autograd.command.cli import main

    sys.exit(main())
