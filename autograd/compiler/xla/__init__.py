"""Scalar code becomes code of XLA, by JAX: the backend "jax" of `autograd.compile`.

`numbers.py` applies the rules of the table to arrays of JAX, `places.py` reads operands from them
and gives gradients back, `lowering.py` runs the steps of a program and its gradient on them, with
`tapes.py` for rows that run one by one, and `runner.py` has it compiled and calls it.
"""

__all__ = ["runner"]  # which is not loaded before it is asked for, since JAX may be missing
