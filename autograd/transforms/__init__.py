"""Functions that turn a function into its derivatives: `grad` and its kin.

Read `derivatives.py`; it goes through arguments that are lists and dicts of numbers by `trees.py`,
and forward by the dual numbers of `dual.py`. `check.py` compares derivatives with finite
differences.
"""
