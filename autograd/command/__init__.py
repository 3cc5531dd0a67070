"""The command `python -m autograd`.

`cli.py` is the command line; `expression.py` reads expressions such as "tanh(w*x + b)" without
running any code; `status.py` says how a command ends.
"""

from autograd.command.expression import ExpressionError, evaluate
from autograd.command.status import failed, status_of

__all__ = ["ExpressionError", "cli", "evaluate", "failed", "status_of"]
