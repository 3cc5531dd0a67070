"""From a program to NumPy code.

`code.py` writes lines and knows how arrays are laid out, `lowering.py` writes the forward and the
backward pass by it, and `tape.py` the steps that run row by row.
"""
