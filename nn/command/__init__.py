"""The command `python -m nn`.

`cli.py` describes the command line, `commands.py` does what it says, `task.py` knows what a data
set asks for, and `report.py` writes tables and pictures.
"""

__all__ = ["cli"]
