"""The samples that `fit` trains on: checked, set aside, picked."""

from __future__ import annotations

import hashlib
import math
import random
from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np

from autograd import no_grad
from autograd.errors import as_float
from nn.data import Stream, batches, is_number
from nn.forward import entries, rows
from nn.layers import MLP
from nn.module import Module
from nn.predictions import count_of, index_of, target_class


@dataclass(frozen=True, slots=True, eq=False)
class Samples:
    """Inputs and targets.

    Args:
        X: n inputs: an array, whose first axis they are; or, if they have different shapes, a
            list of nested lists of floats.
        y: n targets, as the loss takes them.
        classes: the n classes that the targets stand for, an array; None if they do not.
        chosen: the indices of those that an epoch goes through; None if it is all.
    """

    X: Any
    y: list[Any]
    classes: Any = None
    chosen: Sequence[int] | None = None

    def __len__(self) -> int:
        return len(self.X if self.chosen is None else self.chosen)

    def inputs(self, indices: Iterable[int]) -> list[Any]:
        """Return inputs as a model takes them one by one: lists of floats, or floats.

        >>> checked([[1, 2], [3, 4]], [0, 1]).inputs([1])
        [[3.0, 4.0]]
        """
        return [x if isinstance(x, list) else x.tolist() for x in map(self.X.__getitem__, indices)]

    def subset(self, indices: Sequence[int]) -> Samples:
        """Pick samples by their index.

        >>> checked([1, 2, 3], [0, 1, 0]).subset([2, 0])
        Samples(X=array([3., 1.]), y=[0, 0], classes=None, chosen=None)
        """
        return Samples(
            [self.X[i] for i in indices] if isinstance(self.X, list) else self.X[indices],
            [self.y[i] for i in indices],
            None if self.classes is None else self.classes[indices],
        )

    def classified(self, model: Module) -> Samples:
        """Note the classes that the targets stand for, if they do for outputs of this model.

        >>> from nn import MLP
        >>> checked([[1.0], [2.0]], [-1, 1]).classified(MLP(1, [1])).classes
        array([0, 1])
        """
        if not self:
            return self
        n_outputs = self.n_outputs(model)
        if not n_outputs:
            return self
        try:
            return self.with_classes(n_outputs)
        except (TypeError, ValueError):
            return self

    def with_classes(self, n_outputs: int) -> Samples:
        """Note the classes that the targets stand for; raise if one stands for none.

        >>> checked([[1.0], [2.0]], [2, 0]).with_classes(3).classes
        array([2, 0])
        """
        targets = distinct(self.y)
        classes = [target_class(t, n_outputs) for t in targets]
        if len(targets) < len(self.y):
            class_of = dict(zip(targets, classes, strict=True))
            classes = [class_of[t] for t in self.y]
        return replace(self, classes=np.array(classes))

    def epoch(self, batch_size: int, rng: random.Random) -> Parts:
        """Go through the samples once: return parts of them, here a single one, with minibatches.

        >>> [(part, minibatches)] = checked([1, 2], [0, 1]).epoch(2, random.Random(0))
        >>> [sorted(indices) for indices in minibatches]
        [[0, 1]]
        """
        minibatches = list(batches(len(self), batch_size, rng=rng))
        if self.chosen is not None:
            minibatches = [[self.chosen[i] for i in minibatch] for minibatch in minibatches]
        yield self, minibatches

    def check_width(self, model: MLP, name: str) -> None:
        """Check that all inputs have as many numbers as a network takes.

        >>> from nn import MLP
        >>> checked([[1.0, 2.0], [3.0]], [0, 1]).check_width(MLP(2, [1]), "X")
        Traceback (most recent call last):
        ValueError: X[1]: MLP(2 → 1 linear) takes 2 inputs, not 1
        """
        n_in = model.layers[0].n_in
        for i, x in enumerate(self.X if isinstance(self.X, list) else self.X[:1]):
            width = len(x) if hasattr(x, "__len__") else 1
            if width != n_in:
                raise ValueError(f"{name}[{i}]: {model!r} takes {n_in} inputs, not {width}")

    def numbered(self, model: Module, names: Sequence[str], two_signs: bool) -> Samples:
        """Put indices of classes in the place of their names, if the targets are names.

        `two_signs` says that a single output tells -1 from 1, rather than 0 from 1.

        Raises:
            ValueError: the model does not have an output per class, or a target is no class.

        >>> from nn import MLP
        >>> checked([1.0, 2.0], ["b", "a"]).numbered(MLP(1, [2]), ["a", "b"], False).y
        [1, 0]
        """
        if not names or not self:
            return self
        n_outputs = self.n_outputs(model)
        if len(names) != max(n_outputs, 2):
            raise ValueError(
                f"y has {len(names)} classes, {', '.join(names[:8])}{', …' * (len(names) > 8)}, so "
                f"the model needs {len(names)} outputs, and it has {n_outputs}"
            )
        indices = [index_of(name, names, f"y[{i}]") for i, name in enumerate(self.y)]
        signs = two_signs and n_outputs == 1
        return replace(self, y=[2 * k - 1 for k in indices] if signs else indices)

    def n_outputs(self, model: Module) -> int:
        """Count the outputs of a model that takes these inputs; 0 where they are lists of lists."""
        with no_grad():
            (output,) = map(model, self.inputs([0]))
        nested = isinstance(output, list) and any(isinstance(row, list) for row in output)
        return 0 if nested else count_of(output)

    def fingerprint(self) -> str:
        """Return a short text that tells these samples from any others.

        >>> checked([1.0], [0]).fingerprint() == checked([1.0], [1]).fingerprint()
        False
        """
        digest = hashlib.sha256(f"{self.y}{self.chosen or ''}".encode())
        for x in self.X:
            digest.update(repr(x).encode() if isinstance(x, list) else x.tobytes())
        return digest.hexdigest()[:16]


def checked(X: Any, y: Any, place: str = "") -> Samples:
    """Check inputs and targets of all kinds, and turn them into `Samples`.

    Args:
        X: n inputs, each a number, or nested lists of numbers; an array or a DataFrame will do.
        y: n targets.
        place: what an error puts before "X" and "y".

    Raises:
        ValueError: there are none, or not as many targets as inputs, or an input is not finite.
        TypeError: an input is not a number.

    >>> checked([[1, 2]], [3])
    Samples(X=array([[1., 2.]]), y=[3], classes=None, chosen=None)
    """
    inputs, targets = _inputs(rows(X), f"{place}X"), _listed(entries(y), f"{place}y")
    if len(inputs) != len(targets):
        raise ValueError(f"{place}X has {len(inputs)} samples, but {place}y has {len(targets)}")
    if not targets:
        raise ValueError(f"{place}X is empty: there are no samples")
    return Samples(inputs, targets)


@dataclass(frozen=True, slots=True, eq=False)
class Streamed:
    """The samples of a stream, a few of them to look at, and the model that is to be trained."""

    stream: Stream
    few: Samples
    model: Module

    def __len__(self) -> int:
        return len(self.stream)

    def epoch(self, batch_size: int, rng: random.Random) -> Parts:
        """Go through the samples once: see `Samples.epoch`.

        Raises:
            ValueError: a sample is no numbers, or a target no class while the first ones are.
        """
        n_outputs = 0 if self.few.classes is None else self.few.n_outputs(self.model)
        for X, y in self.stream.chunks(rng, multiple=batch_size):
            part = Samples(X, y.tolist())
            starts = range(0, len(part), batch_size)
            minibatches = [range(start, min(start + batch_size, len(part))) for start in starts]
            yield part.with_classes(n_outputs) if n_outputs else part, minibatches


# Parts of samples, each with the indices of its minibatches
Parts: TypeAlias = Iterator[tuple[Samples, Sequence[Sequence[int]]]]


def first_of(stream: Stream, y: Any, validation: Any) -> Samples:
    """Return the first samples of a stream, to check what does not depend on all of them.

    Raises:
        ValueError: the user gave targets beside it, or a share to set aside for validation.
    """
    if y is not None:
        raise ValueError(f"y must not be given beside a stream, whose targets are in {stream!r}")
    if isinstance(validation, (int, float)):
        raise ValueError(
            f"validation={validation} of a stream cannot be set aside, since it is not in memory: "
            "pass validation=(X, y)"
        )
    X, targets = stream.first(1000)
    return Samples(X, targets.tolist())


def names_of(y: Sequence[Any]) -> tuple[str, ...]:
    """Return the names that targets have, in alphabetical order; none, if they are not names.

    >>> names_of(["dog", "cat", "dog"]), names_of([1, 0, 1])
    (('cat', 'dog'), ())
    """
    others = [i for i, t in enumerate(y) if not isinstance(t, str)]
    if len(others) == len(y):
        return ()
    if others:
        raise TypeError(f"y[{others[0]}] is {y[others[0]]!r}, but other targets are names")
    return tuple(sorted(set(y)))


def set_aside(samples: Samples, validation: Any, rng: random.Random) -> tuple[Samples, Samples]:
    """Return the samples to train on, and those to validate with, maybe none.

    The latter are others that are given, or a copy of the share of the samples to set aside.

    >>> samples = checked([1.0, 2.0, 3.0, 4.0], [0, 1, 0, 1])
    >>> [len(part) for part in set_aside(samples, 0.25, random.Random(0))]
    [3, 1]
    """
    if validation is None:
        return samples, Samples([], [])
    if isinstance(validation, (tuple, list)) and len(validation) == 2:
        return samples, checked(validation[0], validation[1], "validation ")
    if not isinstance(validation, (int, float)):
        raise TypeError(
            "validation must be a pair of samples and targets, or a share between 0 and 1; "
            f"it is a {type(validation).__name__}"
        )
    n, count = len(samples), round(len(samples) * validation)
    if not 0 < count < n:
        raise ValueError(
            f"validation={validation} of {n} samples is {count}: "
            "that leaves none to validate with or none to train on"
        )
    order = list(range(n))
    rng.shuffle(order)
    return replace(samples, chosen=order[count:]), samples.subset(order[:count])


def _inputs(X: Any, name: str) -> Any:
    """Check inputs, and make them an array if they are all of one length, else a list."""
    if isinstance(X, np.ndarray) and X.dtype.kind in "fiub" and X.ndim:
        array = np.asarray(X, dtype=np.float64)
        for place in np.argwhere(~np.isfinite(array))[:1].tolist():
            _finite(array[tuple(place)], name + "".join(f"[{i}]" for i in place))
        return array
    inputs = [_input(x, f"{name}[{i}]") for i, x in enumerate(_listed(X, name))]
    try:
        return np.array(inputs)
    except ValueError:  # of different shapes
        return inputs


def _listed(table: Any, name: str) -> list[Any]:
    """Turn a sequence or an array, also one level down, into lists."""
    try:
        listed = list(table)
    except TypeError as error:
        message = f"{name} must be a list with one element per sample, not {table!r}: {error}"
        raise TypeError(message) from None
    return [row.tolist() if hasattr(row, "tolist") else row for row in listed]


def _input(x: Any, place: str) -> Any:
    """Check an input and turn its numbers into floats."""
    if not isinstance(x, (list, tuple)):
        return _finite(x, place)
    if all(v.__class__ is float and math.isfinite(v) for v in x):
        return list(x)
    return [_input(v, f"{place}[{j}]") for j, v in enumerate(x)]


def _finite(v: Any, place: str) -> float:
    """Check a number."""
    if isinstance(v, str) and not is_number(v):
        raise TypeError(
            f"{place} is the text {v!r}, and a network takes numbers; make a feature of each text "
            "in the column, as nn.data.load_csv and pandas.get_dummies do"
        )
    number = as_float(v, place)
    if not math.isfinite(number):
        raise ValueError(f"{place} is {number}; only finite numbers can be trained on")
    return number


def distinct(targets: Sequence[Any]) -> list[Any]:
    """Leave out repetitions, as far as that is easy.

    >>> distinct([1, 0, 1])
    [1, 0]
    """
    hashable = all(isinstance(target, Hashable) for target in targets)
    return list(dict.fromkeys(targets)) if hashable else list(targets)
