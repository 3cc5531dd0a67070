"""A training in progress: what callbacks see of it, and what a checkpoint keeps of it.

A `Run` calls its callbacks, and a `Callback` looks at the run: neither is told without the other.
"""

from __future__ import annotations

import json
import os
import random
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, final

from nn.module import Module
from nn.optim import Optimizer
from nn.training.engines import Engine
from nn.training.history import Epoch, History

FORMAT, VERSION = "chainrule-checkpoint", 1


class Callback:
    """The base class of callbacks. Override what you need; nothing here does anything.

    Each method is given the run: its `model`, `optimizer`, `history` and `epochs`. A callback that
    sets `run.stopped = True` ends the training after the epoch.

    >>> from nn import MLP
    >>> from nn.training.loop import fit
    >>> class Report(Callback):
    ...     def on_epoch_end(self, run):
    ...         print(f"epoch {len(run.history)} of {run.epochs}")
    >>> _ = fit(MLP(1, [1]), [[0.0], [1.0]], [1.0, 3.0], "mse_loss", epochs=2, progress=False,
    ...         callbacks=[Report()])
    epoch 1 of 2
    epoch 2 of 2
    """

    def on_train_begin(self, run: Run) -> None:
        """Act before the first epoch, or before the next one when a run is resumed."""

    def on_epoch_end(self, run: Run) -> None:
        """Act after an epoch, which is `run.history[-1]`."""

    def on_train_end(self, run: Run) -> None:
        """Act at the end, unless that came by an error or a keyboard interrupt."""

    def state_dict(self) -> dict[str, Any]:
        """Return, as plain data for JSON, what the callback must know when a run is resumed.

        >>> Callback().state_dict()
        {}
        """
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over what `state_dict` returned."""


@final
@dataclass
class Run:
    """A training in progress. `fit` makes one and gives it to the callbacks.

    Attributes:
        model: the model.
        optimizer: the optimiser.
        epochs: how many epochs there will be, if nothing stops the training.
        measured: the quantities that are measured: "loss", and perhaps "accuracy", "val_loss" and
            "val_accuracy".
        callbacks: the callbacks, in the order in which they are called.
        rng: the source of the order of the samples.
        identity: what must be the same for a run that is resumed, by the name of the argument.
        history: what was measured so far.
        stopped: whether to stop after this epoch.
    """

    model: Module
    optimizer: Optimizer
    epochs: int
    measured: tuple[str, ...]
    callbacks: Sequence[Callback]
    rng: random.Random
    identity: Mapping[str, Any]
    history: History = field(default_factory=History)
    stopped: bool = False

    def last(self, prefix: str = "") -> dict[str, float]:
        """Return what was last measured, by names that begin with `prefix`, such as "val_"."""
        names = [name for name in self.measured if name.startswith(prefix)] if self.history else []
        return {name: getattr(self.history[-1], name) for name in names}

    def state_dict(self) -> dict[str, Any]:
        """Return all that it takes to resume the run, as plain data for JSON.

        Infinite numbers and nan may be among it, which Python reads and writes although JSON does
        not have them.
        """
        return {
            "format": FORMAT,
            "version": VERSION,
            "identity": self.identity,
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "rng": self.rng.getstate(),
            "history": [asdict(epoch) for epoch in self.history],
            "callbacks": [[name, c.state_dict()] for name, c in self._remembering()],
        }

    def resume(self, path: str | os.PathLike[str]) -> None:
        """Take over the state of the run that wrote a checkpoint, which must be of this one."""
        text = Path(path).read_bytes()
        try:
            state = json.loads(text)
            if not isinstance(state, dict) or state.get("format") != FORMAT:
                raise ValueError(f'it is no checkpoint: it has no field "format": "{FORMAT}"')
            if state.get("version") != VERSION:
                raise ValueError(
                    f"its version is {state.get('version')!r}, and this program reads {VERSION}"
                )
            self._load_state_dict(state)
        except (IndexError, KeyError, TypeError, ValueError) as error:
            problem = error if isinstance(error, ValueError) else f"it is damaged: {error!r}"
            raise ValueError(f"cannot resume from {os.fspath(path)}: {problem}") from error

    def _load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over what `state_dict` returned, except for the epochs still to come."""
        for name, here in self.identity.items():
            if state["identity"][name] != here:
                raise ValueError(
                    f"it belongs to another run: {name} was {state['identity'][name]!r} there, "
                    f"and is {here!r} here"
                )
        there, here = [[name for name, _ in c] for c in (state["callbacks"], self._remembering())]
        if there != here:
            raise ValueError(
                f"there, the callbacks with a memory were {', '.join(there) or 'none'}, "
                f"and here they are {', '.join(here) or 'none'}"
            )
        for (_, callback), (_, memory) in zip(self._remembering(), state["callbacks"], strict=True):
            callback.load_state_dict(memory)
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        version, numbers, gauss = state["rng"]
        self.rng.setstate((version, tuple(numbers), gauss))
        self.history[:] = [Epoch(**row) for row in state["history"]]

    def _remembering(self) -> list[tuple[str, Callback]]:
        """Return the callbacks that have a memory, each with the name of its class."""
        return [(type(c).__name__, c) for c in self.callbacks if c.state_dict()]

    @contextmanager
    def whole_epoch(self, engine: Engine) -> Iterator[None]:
        """Undo what an engine does to the model in the block if an error or Ctrl-C ends it."""
        theta, optimizer = engine.theta(), self.optimizer
        memory, lr = [x.copy() for x in optimizer.memory(slice(None))], optimizer.lr
        try:
            yield
        except BaseException:
            engine.leave(theta)
            optimizer.remember(slice(None), memory)
            optimizer.lr = lr
            raise
