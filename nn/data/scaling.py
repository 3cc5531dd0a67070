"""Features brought to one scale."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from nn.data.dataset import Dataset


@dataclass(frozen=True, slots=True)
class Standardiser:
    """The map x ↦ (x - mean) / scale, feature by feature.

    Fit it on the training set and apply the same map to everything that the model sees later: the
    test set must not influence it. `to_dict` puts it into a file next to the model.

    Args:
        mean: d numbers, in the units of the features.
        scale: d positive numbers, in the same units.

    Raises:
        ValueError: `mean` and `scale` differ in length, a mean is not finite, or a scale is not
            finite and positive.

    >>> from nn.data import iris, train_test_split
    >>> train, test = train_test_split(iris())
    >>> standardiser = Standardiser.fit(train)
    >>> test = standardiser.apply(test)
    >>> [round(m, 2) for m in standardiser.mean]
    [5.86, 3.05, 3.76, 1.21]
    """

    mean: tuple[float, ...]
    scale: tuple[float, ...]

    def __post_init__(self) -> None:
        if len(self.mean) != len(self.scale):
            raise ValueError(f"there are {len(self.mean)} means, but {len(self.scale)} scales")
        for j, (mean, scale) in enumerate(zip(self.mean, self.scale, strict=True)):
            if not math.isfinite(mean):
                raise ValueError(f"feature {j}: the mean must be finite, not {mean}")
            if not 0 < scale < math.inf:
                raise ValueError(f"feature {j}: the scale must be finite and positive, not {scale}")

    @classmethod
    def fit(cls, dataset: Dataset) -> Standardiser:
        """Take mean and standard deviation from a training set, so that they become 0 and 1.

        A constant feature gets scale 1, so it becomes 0.

        Raises:
            ValueError: the data set is empty or has a value that is not finite.

        >>> Standardiser.fit(Dataset([[1.0, 7.0], [5.0, 7.0]], [], ("x1", "x2"), (), "toy"))
        Standardiser(mean=(3.0, 7.0), scale=(2.0, 1.0))
        """
        if not dataset.X:
            raise ValueError(f"{dataset.name}: cannot standardise a data set without samples")
        for i, row in enumerate(dataset.X):
            for name, x in zip(dataset.feature_names, row, strict=True):
                if not math.isfinite(x):
                    raise ValueError(f"{dataset.name}: row {i}, feature {name!r} is {x}")
        return cls.from_parts([dataset.X])

    @classmethod
    def from_parts(cls, parts: Iterable[Any]) -> Standardiser:
        """Take mean and standard deviation from data that come in parts, see `fit`.

        Args:
            parts: samples, as lists of rows or arrays, such as the chunks of a `Stream`; at least
                one in all.

        >>> Standardiser.from_parts([[[1.0, 7.0]], [[5.0, 7.0]]])
        Standardiser(mean=(3.0, 7.0), scale=(2.0, 1.0))
        """
        from sklearn.preprocessing import StandardScaler

        scaler = StandardScaler()
        for part in parts:
            scaler.partial_fit(part)
        return cls(tuple(scaler.mean_.tolist()), tuple(scaler.scale_.tolist()))

    @classmethod
    def from_dict(cls, state: Mapping[str, Sequence[float]]) -> Standardiser:
        """Rebuild a map from what `to_dict` returned; a ValueError is raised for anything else.

        >>> Standardiser.from_dict({"mean": [3.0], "scale": [2.0]})
        Standardiser(mean=(3.0,), scale=(2.0,))
        """
        if set(state) != {"mean", "scale"}:
            raise ValueError(f"expected the keys 'mean' and 'scale', found {sorted(state)}")
        return cls(tuple(map(float, state["mean"])), tuple(map(float, state["scale"])))

    def to_dict(self) -> dict[str, list[float]]:
        """Return the map as plain data, ready for JSON.

        >>> Standardiser(mean=(3.0,), scale=(2.0,)).to_dict()
        {'mean': [3.0], 'scale': [2.0]}
        """
        return {"mean": list(self.mean), "scale": list(self.scale)}

    def transform(self, rows: Sequence[Sequence[float]]) -> list[list[float]]:
        """Return new lists of any number of mapped samples, which must have d features each.

        >>> Standardiser(mean=(3.0,), scale=(2.0,)).transform([[3.0], [7.0]])
        [[0.0], [2.0]]
        """
        for i, row in enumerate(rows):
            if len(row) != len(self.mean):
                raise ValueError(
                    f"row {i} has {len(row)} features, the standardiser has {len(self.mean)}"
                )
        return [
            [(x - mean) / scale for x, mean, scale in zip(row, self.mean, self.scale, strict=True)]
            for row in rows
        ]

    def apply(self, dataset: Dataset) -> Dataset:
        """Return a data set with the samples mapped, and the same targets and names.

        >>> from nn.data import iris
        >>> Standardiser(mean=(1.0,) * 4, scale=(2.0,) * 4).apply(iris()).X[0]
        [2.05, 1.25, 0.19999999999999996, -0.4]
        """
        return replace(dataset, X=self.transform(dataset.X))


def standardise(train: Dataset, *others: Dataset) -> tuple[Dataset, ...]:
    """Standardise data sets, in the order given, with mean and standard deviation of the first.

    Args:
        train: the data set that `Standardiser.fit` sees.
        others: data sets to map in the same way, such as the test set.

    >>> from nn.data import train_test_split, wine
    >>> train, test = standardise(*train_test_split(wine()))
    >>> abs(sum(row[0] for row in train.X) / len(train)) < 1e-12
    True
    """
    standardiser = Standardiser.fit(train)
    return tuple(standardiser.apply(dataset) for dataset in (train, *others))
