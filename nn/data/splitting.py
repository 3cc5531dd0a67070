"""Samples set aside for testing, and minibatches."""

from __future__ import annotations

import random
from collections.abc import Iterator

from nn.data.dataset import Dataset


def train_test_split(
    dataset: Dataset, test_size: float = 0.2, *, seed: int = 0, stratify: bool = True
) -> tuple[Dataset, Dataset]:
    """Shuffle the samples and set some aside: return the training and the test set.

    Args:
        dataset: the samples, at least 2. Lists and arrays are for the function of the same name in
            `sklearn.model_selection`.
        test_size: the share of the samples to set aside, between 0 and 1; or, as an int, how many.
        seed: the same seed gives the same split.
        stratify: keep the proportions of the classes in both parts. Regression has none to keep.

    Raises:
        TypeError: it is not a Dataset.
        ValueError: a part would be empty or, when stratifying, too small to hold every class; or a
            class has a single sample.

    >>> from nn.data import iris
    >>> train, test = train_test_split(iris())
    >>> len(train), len(test), [test.y.count(k) for k in range(3)]
    (120, 30, [10, 10, 10])
    """
    from sklearn.model_selection import train_test_split as split

    if not isinstance(dataset, Dataset):
        raise TypeError(
            f"train_test_split takes a Dataset, not a {type(dataset).__name__}; lists and arrays "
            "are split by sklearn.model_selection.train_test_split(X, y)"
        )
    stratify = stratify and dataset.n_classes > 0
    if stratify:
        for k, name in enumerate(dataset.class_names):
            if dataset.y.count(k) == 1:
                raise ValueError(
                    f"class {name!r} has one sample only, which cannot be in both parts; "
                    "pass stratify=False"
                )
    train, test = split(
        range(len(dataset)),
        test_size=test_size,
        random_state=seed,
        stratify=dataset.y if stratify else None,
    )
    return dataset.subset(train), dataset.subset(test)


def batches(n: int, batch_size: int, *, rng: random.Random) -> Iterator[list[int]]:
    """Cut the indices 0 … n-1, in random order, into minibatches: one epoch.

    Args:
        n: the number of samples.
        batch_size: the length of a minibatch, at least 1. The last one holds what is left.
        rng: the generator that shuffles. Passing the same one again gives another epoch.

    Raises:
        ValueError: `batch_size` is below 1 or `n` is negative.

    >>> [sorted(batch) for batch in batches(5, 2, rng=random.Random(0))]
    [[1, 2], [0, 4], [3]]
    """
    if n < 0:
        raise ValueError(f"n must not be negative, not {n}")
    if batch_size < 1:
        raise ValueError(f"batch_size must be at least 1, not {batch_size}")
    order = list(range(n))
    rng.shuffle(order)
    return (order[start : start + batch_size] for start in range(0, n, batch_size))
