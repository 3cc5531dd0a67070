"""`python -m nn`; see `nn.command.cli`."""

import sys

from nn.command.cli import main

if __name__ == "__main__":
    sys.exit(main())
