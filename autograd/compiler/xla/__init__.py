"""Scalar code becomes code of XLA, by JAX: the backend "jax" of `autograd.compile`.

`numbers.py` applies the rules of the table to arrays of JAX, `places.py` reads operands from them
and gives gradients back, and `lowering.py` runs the steps of a program and its gradient on them;
rows that run one by one stand in `tapes.py`, and `loosen.py` makes more of these. `runner.py` has
all that compiled and calls it; `pure.py` is for users who write in JAX themselves.
"""

__all__ = ["pure", "runner"]  # not loaded before they are asked for, since JAX may be missing
