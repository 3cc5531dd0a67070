"""What `fit` does, and all it needs.

Read `loop.py` first. Its epochs run on an engine: the scalar code as it stands (`engines.py`) or
compiled (`compiled.py`), also by XLA on several devices (`scanned.py`), which may be those of
several processes (`processes.py`). `samples.py` checks the data, `precautions.py` looks for
mistakes before the first step; `run.py` and `callbacks.py` are for code that follows a training,
`history.py` is what it measured.
"""

from nn.training.callbacks import Checkpoint, EarlyStopping
from nn.training.engines import needs_value
from nn.training.history import Epoch, History, described
from nn.training.loop import LOSSES, OPTIMIZERS, fit, loss_called
from nn.training.processes import joined
from nn.training.run import Callback, Run
from nn.training.samples import checked

__all__ = ["LOSSES", "OPTIMIZERS", "Callback", "Checkpoint", "EarlyStopping", "Epoch", "History"]
__all__ += ["Run", "checked", "described", "fit", "joined", "loss_called", "needs_value"]
