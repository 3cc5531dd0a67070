"""The record of a training: what was measured in each epoch."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Mapping
from dataclasses import dataclass, fields

from autograd.files import write_atomically
from nn.tables import html_table

_MOST_ROWS, _FIRST_ROWS = 12, 4  # of the table in a notebook


@dataclass(frozen=True, slots=True, kw_only=True)
class Epoch:
    """What was measured in one epoch.

    Attributes:
        epoch: its number, from 1.
        loss: the mean loss of the training samples, each taken when its minibatch was trained on,
            so before the later updates of the same epoch.
        accuracy: the share, from 0 to 1, of training samples classified rightly, taken likewise;
            None if the targets are not classes.
        val_loss: the mean loss of the validation samples at the end; None if there are none.
        val_accuracy: the share of validation samples classified rightly at the end, or None.
        lr: the learning rate of the last step.
        seconds: the time it took, validation included.

    >>> Epoch(epoch=1, loss=0.25, lr=0.1, seconds=2.0).val_loss is None
    True
    """

    epoch: int
    loss: float
    accuracy: float | None = None
    val_loss: float | None = None
    val_accuracy: float | None = None
    lr: float
    seconds: float


class History(list[Epoch]):
    """What was measured in a training: a list with one `Epoch` for each.

    Attributes:
        engine: "compiled", "jax" or "eager", by which the last epoch was computed; "" before.

    >>> history = History([Epoch(epoch=1, loss=0.5, lr=0.1, seconds=2.0)])
    >>> history[-1].loss
    0.5
    """

    engine: str = ""

    def columns(self) -> dict[str, list[float]]:
        """Return a list of one number per epoch for each quantity that was measured, by its name.

        >>> History([Epoch(epoch=1, loss=0.5, lr=0.1, seconds=2.0)]).columns()
        {'epoch': [1], 'loss': [0.5], 'lr': [0.1], 'seconds': [2.0]}
        """
        every = {f.name: [getattr(epoch, f.name) for epoch in self] for f in fields(Epoch)}
        return {name: column for name, column in every.items() if None not in column}

    def to_csv(self, path: str | os.PathLike[str]) -> None:
        """Write a row of names, and the columns, to a file: afterwards it is old or new, entire.

        Raises:
            OSError: the file cannot be written.

        >>> import pathlib, tempfile
        >>> history = History([Epoch(epoch=1, loss=0.5, lr=0.1, seconds=2.0)])
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     history.to_csv(f"{folder}/history.csv")
        ...     print(pathlib.Path(folder, "history.csv").read_text())
        epoch,loss,lr,seconds
        1,0.5,0.1,2.0
        """
        columns = self.columns()
        text = io.StringIO()
        table = csv.writer(text, lineterminator="\n")
        table.writerow(columns)
        table.writerows(zip(*columns.values(), strict=True))
        write_atomically(path, text.getvalue())

    def _repr_html_(self) -> str:
        """Give Jupyter a table, of which a long one has the first and the last epochs."""
        columns = self.columns()
        rows = [
            [
                f"{x:g}" if name == "epoch" else _written(name, x)
                for name, x in zip(columns, row, strict=True)
            ]
            for row in zip(*columns.values(), strict=True)
        ]
        if len(rows) > _MOST_ROWS:
            rows[_FIRST_ROWS : _FIRST_ROWS - _MOST_ROWS + 1] = [["…"] * len(columns)]
        caption = f"{len(self)} epochs{', ' * bool(self.engine)}{self.engine}"
        return html_table(list(columns), rows, numbers=columns, caption=caption)

    def __repr__(self) -> str:
        last = {name: column[-1] for name, column in self.columns().items() if column}
        return f"<History: {described(last) or 'no epochs'}>"


def described(measured: Mapping[str, float]) -> str:
    """Write what was measured in a line; accuracies are shares, from 0 to 1.

    >>> described({"loss": 0.123456, "val_accuracy": 0.975, "error": 39406.2})
    'loss 0.1235, val_accuracy 97.5%, error 39,406'
    """
    return ", ".join(f"{name} {_written(name, x)}" for name, x in measured.items())


def _written(name: str, x: float) -> str:
    """Write a number with four digits, or all those before the point."""
    if name.endswith("accuracy"):
        return f"{x:.1%}"
    return f"{x:,.0f}" if 1e4 <= abs(x) < 1e15 else f"{x:.4g}"
