"""Scalar code becomes NumPy code: `compile`.

`compiled.py` is what a user meets. A call is matched by `arguments.py`; the first call of a kind
makes a `Plan` (`plan.py`): the function is traced, simplified and grouped (`passes`). One of the
`backends` runs it: as NumPy code (`arraycode.py`, by `codegen`) on the arrays of `workspace.py`,
called by `runner.py`; or as code of XLA (`xla`). `listing` says what became of it, in the language
of the lecture.
"""

from autograd.compiler.compiled import Compiled, compile

__all__ = ["Compiled", "compile"]
