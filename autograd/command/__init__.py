"""The command `python -m autograd`.

`expression.py` reads expressions such as "tanh(w*x + b)" without running any code.
"""
