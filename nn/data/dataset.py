"""A table of samples and their targets, with the names of its columns and of its classes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from numbers import Integral
from typing import NamedTuple, Never


@dataclass(frozen=True, slots=True)
class Column:
    """What a column of a file holds, and how it becomes features.

    Args:
        name: its name.
        categories: the texts in it, each of which becomes a feature; none if it holds numbers.
        means: the mean of each of its features, for cells that are empty.

    >>> Column("coat", ("long", "short"), (0.25, 0.75)).features
    ('coat=long', 'coat=short')
    """

    name: str
    categories: tuple[str, ...]
    means: tuple[float, ...]

    @property
    def features(self) -> tuple[str, ...]:
        """The names of its features."""
        return tuple(f"{self.name}={text}" for text in self.categories) or (self.name,)


class Note(NamedTuple):
    """What was decided when a file was read.

    Attributes:
        text: a line that says it.
        argument: the argument of `load_csv` that decides otherwise; empty if none does.
    """

    text: str
    argument: str = ""


@dataclass(frozen=True, slots=True, repr=False)
class Dataset:
    """Samples and their targets.

    Args:
        X: the samples, n rows of d features.
        y: one target per sample: a class index 0 … C-1, or a float for regression. Empty when the
            samples carry no targets, as in a file to predict.
        feature_names: d names, one per column of `X`.
        class_names: C names, the class index being the position; empty for regression.
        name: what to call the data set in titles and messages.
        columns: the columns of the file that `load_csv` read. They tell it how to read another.
        notes: what it decided, such as to leave out rows.

    Raises:
        ValueError: a row has another length than `feature_names`, `X` and `y` differ in length,
            or a class index is outside `class_names`.
        TypeError: there are class names and a target is not an integer.

    >>> Dataset([[0.0, 1.0], [1.0, 0.0]], [1, 0], ("x1", "x2"), ("no", "yes"), "toy")
    <Dataset toy: 2 samples, 2 features, 2 classes>
    """

    X: list[list[float]]
    y: list[int] | list[float]
    feature_names: tuple[str, ...]
    class_names: tuple[str, ...]
    name: str
    columns: tuple[Column, ...] = field(default=(), compare=False)
    notes: tuple[Note, ...] = field(default=(), compare=False)

    def __post_init__(self) -> None:
        for i, row in enumerate(self.X):
            if len(row) != self.n_features:
                raise ValueError(
                    f"{self.name}: row {i} of X has {len(row)} values, "
                    f"but there are {self.n_features} feature names"
                )
        if self.y and len(self.y) != len(self.X):
            raise ValueError(f"{self.name}: X has {len(self.X)} rows, y has {len(self.y)} targets")
        if self.class_names:
            for i, label in enumerate(self.y):
                class_index(label, self.n_classes, i)

    def __len__(self) -> int:
        return len(self.X)

    def __iter__(self) -> Never:
        raise TypeError("a Dataset is not unpacked: its inputs are .X, and its targets .y")

    def __repr__(self) -> str:
        if self.class_names:
            target = f"{self.n_classes} classes"
        else:
            target = "regression" if self.y else "no targets"
        return f"<Dataset {self.name}: {len(self)} samples, {self.n_features} features, {target}>"

    @property
    def n_features(self) -> int:
        """The number d of features."""
        return len(self.feature_names)

    @property
    def n_classes(self) -> int:
        """The number C of classes, 0 for regression."""
        return len(self.class_names)

    def subset(self, indices: Sequence[int]) -> Dataset:
        """Pick samples by their index, in the order given; rows are shared with this data set.

        >>> from nn.data import iris
        >>> iris().subset(range(40, 60))
        <Dataset iris: 20 samples, 4 features, 3 classes>
        """
        return replace(
            self, X=[self.X[i] for i in indices], y=[self.y[i] for i in indices] if self.y else []
        )


def one_hot(labels: Sequence[int], n_classes: int) -> list[list[float]]:
    """Turn class indices into probability vectors with a single 1.

    Args:
        labels: n class indices, each in 0 … n_classes-1.
        n_classes: the number of classes, so of floats in each of the n rows of the result.

    Raises:
        ValueError: a label is outside the range.
        TypeError: a label is not an integer, or there is a label instead of a list.

    >>> one_hot([2, 0], 3)
    [[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]]
    """
    if isinstance(labels, Integral):
        raise TypeError(f"labels must be a list of class indices, such as [{labels}], not {labels}")
    indices = [class_index(label, n_classes, i) for i, label in enumerate(labels)]
    return [[float(k == index) for k in range(n_classes)] for index in indices]


def class_index(label: float, n_classes: int, row: int) -> int:
    """Check that a label is the index of a class."""
    if not isinstance(label, Integral):
        raise TypeError(f"row {row}: the label {label!r} is not an integer class index")
    if not 0 <= label < n_classes:
        raise ValueError(
            f"row {row}: the label {label} is outside 0 … {n_classes - 1}, "
            f"as there are {n_classes} classes"
        )
    return int(label)
