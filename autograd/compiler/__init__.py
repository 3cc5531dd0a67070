"""Scalar code becomes NumPy code: `compile`.

`front.py` and `compiled.py` are what a user meets. A call is matched by `arguments.py`; the first
call of a kind makes a `Plan` (`plan.py`): the function is traced, simplified and grouped (`passes`)
and written as NumPy code (`codegen`). A `workspace.py` runs it. `listing` says what became of it,
in the language of the lecture.
"""
