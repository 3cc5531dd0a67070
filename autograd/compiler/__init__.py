"""Scalar code becomes NumPy code: `compile`.

`compiled.py` is what a user meets. A call is matched by `arguments.py`; the first call of a kind
makes a `Plan` (`plan.py`): the function is traced, simplified and grouped (`passes`) and written as
NumPy code (`codegen`). `runner.py` runs it, on the arrays of `workspace.py`. `listing` says what
became of it, in the language of the lecture.
"""

from autograd.compiler.compiled import Compiled, compile

__all__ = ["Compiled", "compile"]
