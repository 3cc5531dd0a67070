"""The command `python -m autograd`.

`cli.py` is the command line; `expression.py` reads expressions such as "tanh(w*x + b)" without
running any code.
"""

from autograd.command.expression import ExpressionError, evaluate

__all__ = ["ExpressionError", "cli", "evaluate"]
