"""What `fit` does, and all it needs.

Read `loop.py` first. Its epochs run on an engine: the scalar code as it stands (`engines.py`) or
compiled (`compiled.py`). `samples.py` checks the data, `precautions.py` looks for mistakes before
the first step; `run.py` and `callbacks.py` are for code that follows a training, `history.py` is
what it measured.
"""
