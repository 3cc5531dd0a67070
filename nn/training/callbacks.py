"""Callbacks: what `fit` calls between epochs."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from typing import Any, final

from autograd.files import write_atomically
from nn.layers import count
from nn.training.history import Epoch
from nn.training.run import Callback, Run


@final
class EarlyStopping(Callback):
    """Stop when a quantity has not got better for some epochs, and go back to the best of them.

    Args:
        patience: how many epochs in a row may bring nothing better, at least 1.
        monitor: the quantity: "val_loss", "val_accuracy", "loss" or "accuracy".
        restore_best: whether the model gets back, at the end, the parameters of the best epoch.

    Attributes:
        best_epoch: the number of the best epoch so far, 0 before the first.

    Raises:
        ValueError: `patience` is below 1, or there is no such quantity; or, when the training
            begins, it is not measured.

    >>> EarlyStopping(patience=5).monitor
    'val_loss'
    """

    def __init__(
        self, patience: int = 10, monitor: str = "val_loss", *, restore_best: bool = True
    ) -> None:
        count("patience", patience)
        if monitor not in _MONITORED:
            raise ValueError(f"monitor must be one of {', '.join(_MONITORED)}, not {monitor!r}")
        self.patience = patience
        self.monitor = monitor
        self.restore_best = restore_best
        self.best_epoch = 0
        self._parameters: dict[str, float] = {}

    def on_train_begin(self, run: Run) -> None:
        """Raise a ValueError unless the quantity is measured."""
        if self.monitor not in run.measured:
            raise ValueError(
                f"EarlyStopping is to monitor {self.monitor}, which is not measured in this "
                f"training, only {', '.join(run.measured)}; is the argument validation missing?"
            )
        if not run.history:
            self.best_epoch = 0
        run.stopped = len(run.history) - self.best_epoch >= self.patience

    def on_epoch_end(self, run: Run) -> None:
        """Note the best epoch, or stop."""
        best = self._score(run.history[self.best_epoch - 1]) if self.best_epoch else -math.inf
        if self._score(run.history[-1]) > best:
            self.best_epoch = len(run.history)
            self._parameters = run.model.state_dict()
        elif len(run.history) - self.best_epoch >= self.patience:
            run.stopped = True

    def on_train_end(self, run: Run) -> None:
        """Give the model the parameters of the best epoch."""
        if self.restore_best and self.best_epoch:
            run.model.load_state_dict(self._parameters)

    def state_dict(self) -> dict[str, Any]:
        """Return the number and the parameters of the best epoch."""
        return {"best_epoch": self.best_epoch, "parameters": self._parameters}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over what `state_dict` returned.

        >>> stop = EarlyStopping()
        >>> stop.load_state_dict({"best_epoch": 3, "parameters": {"w1": 0.5}})
        >>> stop.best_epoch, stop.state_dict()
        (3, {'best_epoch': 3, 'parameters': {'w1': 0.5}})
        """
        self.best_epoch = state["best_epoch"]
        self._parameters = state["parameters"]

    def _score(self, epoch: Epoch) -> float:
        """Return a number that is larger for a better epoch; nan, as ever, is not larger."""
        value: float = getattr(epoch, self.monitor)
        return value if self.monitor.endswith("accuracy") else -value


_MONITORED = ("val_loss", "val_accuracy", "loss", "accuracy")


@final
class Checkpoint(Callback):
    """Write, at the beginning and after each epoch, a file from which `fit` can resume.

    `fit(…, resume=path)` with otherwise the same arguments then ends with the same numbers, bit for
    bit, as if there had been no interruption. Among the callbacks of a run it comes last, so that
    the file knows what the others have done.

    Args:
        path: the file, in JSON; at every moment it is that of one epoch, entire.

    >>> import tempfile
    >>> from nn import MLP
    >>> from nn.training.loop import fit
    >>> X, y = [[0.0], [1.0]], [1.0, 3.0]
    >>> whole, parts = MLP(1, [1], seed=0), MLP(1, [1], seed=0)
    >>> _ = fit(whole, X, y, "mse_loss", epochs=5, progress=False)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = f"{folder}/checkpoint.json"
    ...     _ = fit(parts, X, y, "mse_loss", epochs=3, progress=False, callbacks=[Checkpoint(path)])
    ...     _ = fit(parts, X, y, "mse_loss", epochs=5, progress=False, resume=path)
    >>> whole.state_dict() == parts.state_dict()
    True
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = path

    def on_train_begin(self, run: Run) -> None:
        """Write the file."""
        write_atomically(self.path, json.dumps(run.state_dict()) + "\n")

    on_epoch_end = on_train_begin
