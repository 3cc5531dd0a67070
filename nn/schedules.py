"""Learning-rate schedules: η as a function of time.

Time is counted in epochs and has a fraction: `fit` asks a schedule for η before every step, at
`epoch + batch / batches`, from 0 to the number of epochs. Any function of that number is a
schedule; those here can be printed and compared, and `WarmUp` goes around any of them.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from autograd.errors import as_float

Schedule = Callable[[float], float]


class Checked:
    """What a schedule with a length of time, or a factor, checks when it is made."""

    __slots__ = ()

    def __post_init__(self) -> None:
        for name in ("lr", "every", "epochs", "factor"):
            x = as_float(getattr(self, name, 1.0), name)
            if name != "lr" and not 0.0 < x < math.inf:
                raise ValueError(f"{name} must be finite and above 0, not {x}")


@dataclass(frozen=True, slots=True)
class Constant:
    """The same learning rate η all the time.

    >>> Constant(0.1)(7.5)
    0.1
    """

    lr: float

    def __call__(self, _time: float) -> float:
        """Return η, which does not depend on the time."""
        return self.lr


@dataclass(frozen=True, slots=True)
class StepDecay(Checked):
    """A learning rate that drops at once, every so many epochs.

    Args:
        lr: η at the start.
        every: the number of epochs between two drops, above 0.
        factor: what η is multiplied by, above 0.

    Raises:
        ValueError: `every` or `factor` is not above 0.

    >>> schedule = StepDecay(0.8, every=10, factor=0.5)
    >>> schedule(9.9), schedule(10), schedule(25)
    (0.8, 0.4, 0.2)
    """

    lr: float
    every: float
    factor: float = 0.1

    def __call__(self, time: float) -> float:
        """Return η at `time`, in epochs."""
        return self.lr * math.pow(self.factor, time // self.every)


@dataclass(frozen=True, slots=True)
class Exponential(Checked):
    """A learning rate that decays exponentially.

    Args:
        lr: η at the start.
        factor: what η is multiplied by over one epoch, above 0.

    Raises:
        ValueError: `factor` is not above 0.

    >>> Exponential(0.8, factor=0.5)(2)
    0.2
    """

    lr: float
    factor: float

    def __call__(self, time: float) -> float:
        """Return η at `time`, in epochs."""
        return self.lr * math.pow(self.factor, time)


@dataclass(frozen=True, slots=True)
class Cosine(Checked):
    """A learning rate that falls along half a cosine, slowly at both ends.

    Source: Loshchilov and Hutter, arXiv:1608.03983, without restarts.

    Args:
        lr: η at the start.
        epochs: the number of epochs, above 0, until it has fallen to `floor`, where it stays.
        floor: η at the end.

    Raises:
        ValueError: `epochs` is not above 0.

    >>> schedule = Cosine(0.1, epochs=20)
    >>> schedule(0), round(schedule(10), 12), schedule(20)
    (0.1, 0.05, 0.0)
    """

    lr: float
    epochs: float
    floor: float = 0.0

    def __call__(self, time: float) -> float:
        """Return η at `time`, in epochs."""
        share = min(time / self.epochs, 1.0)
        return self.floor + (self.lr - self.floor) * 0.5 * (1.0 + math.cos(math.pi * share))


@dataclass(frozen=True, slots=True)
class WarmUp(Checked):
    """A linear rise, over the first epochs, up to another schedule, which it then leaves alone.

    Args:
        schedule: η without warm-up. Its own clock starts at time 0, not after the warm-up.
        epochs: the length of the rise, above 0.
        start: the share of η at time 0; 0 would waste the first step.

    Raises:
        ValueError: `epochs` is not above 0.

    >>> schedule = WarmUp(Constant(0.4), epochs=2, start=0.0)
    >>> schedule(0), schedule(1), schedule(2), schedule(3)
    (0.0, 0.2, 0.4, 0.4)
    """

    schedule: Schedule
    epochs: float
    start: float = 0.1

    def __call__(self, time: float) -> float:
        """Return η at `time`, in epochs."""
        risen = min(time / self.epochs, 1.0)
        return self.schedule(time) * (self.start + (1.0 - self.start) * risen)
