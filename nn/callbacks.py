"""Callbacks: what `fit` calls between epochs."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, final

from nn.saving import write_atomically

if TYPE_CHECKING:
    from nn.training import Run

__all__ = ["Callback", "Checkpoint", "EarlyStopping"]


class Callback:
    """The base class of callbacks. Override what you need; nothing here does anything.

    Each method is given the run: its `model`, `optimizer`, `history` and `epochs`. A callback that
    sets `run.stopped = True` ends the training after the epoch.

    >>> class Report(Callback):
    ...     def on_epoch_end(self, run):
    ...         print(f"epoch {run.history[-1].epoch} of {run.epochs}")
    >>> from nn import MLP
    >>> from nn.training import fit
    >>> _ = fit(MLP(1, [1]), [[0.0], [1.0]], [1.0, 3.0], loss="mse_loss", epochs=2, progress=False,
    ...         callbacks=[Report()])
    epoch 1 of 2
    epoch 2 of 2
    """

    def on_train_begin(self, run: Run) -> None:
        """Do something before the first epoch, or before the next one when a run is resumed.

        Args:
            run: the run.
        """

    def on_epoch_end(self, run: Run) -> None:
        """Do something after an epoch, which is `run.history[-1]`.

        Args:
            run: the run.
        """

    def on_train_end(self, run: Run) -> None:
        """Do something at the end, unless that came by an error or a keyboard interrupt.

        Args:
            run: the run.
        """

    def state_dict(self) -> dict[str, Any]:
        """Return, as plain data for JSON, what the callback must remember if a run is resumed.

        >>> Callback().state_dict()
        {}
        """
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over what `state_dict` returned.

        Args:
            state: the saved state of a callback of this class.
        """


@final
class EarlyStopping(Callback):
    """Stop when a quantity has not got better for some epochs, and go back to the best of them.

    Args:
        patience: how many epochs in a row may pass without getting better, at least 1.
        monitor: the quantity: "val_loss", "loss", "val_accuracy" or "accuracy".
        restore_best: whether the model gets back, at the end, the parameters of the best epoch.

    Attributes:
        best: the best epoch so far; None before the first.

    Raises:
        ValueError: `patience` is below 1, or there is no such quantity; when the training begins:
            that it is not measured.

    >>> stop = EarlyStopping(patience=5)
    >>> stop.monitor
    'val_loss'
    """

    def __init__(
        self, patience: int = 10, monitor: str = "val_loss", *, restore_best: bool = True
    ) -> None:
        if patience < 1:
            raise ValueError(f"patience must be at least 1 epoch, not {patience}")
        if monitor not in MONITORED:
            raise ValueError(f"monitor must be one of {', '.join(MONITORED)}, not {monitor!r}")
        self.patience = patience
        self.monitor = monitor
        self.restore_best = restore_best
        self._best_epoch = 0
        self._best_parameters =...
