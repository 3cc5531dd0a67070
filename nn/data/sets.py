"""The data sets that are built in: real ones, copies that scikit-learn ships, and toy ones."""

from __future__ import annotations

import math
import os
from collections.abc import Callable

from nn.data.csv_files import load_csv
from nn.data.dataset import Dataset


def digits() -> Dataset:
    """Load 1797 handwritten digits, 8x8 pixels each, in 10 classes.

    The pixels are the raw grey levels 0 … 16, row by row. Scale them before training, as
    `standardise` does. Source: UCI, Alpaydin et al.

    >>> digits()
    <Dataset digits: 1797 samples, 64 features, 10 classes>
    """
    return _bundled("digits")


def iris() -> Dataset:
    """Load Fisher's iris flowers: four lengths in cm, three species.

    >>> iris()
    <Dataset iris: 150 samples, 4 features, 3 classes>
    """
    return _bundled("iris")


def wine() -> Dataset:
    """Load chemical analyses of wines from three growers. Source: UCI, Forina et al.

    >>> wine()
    <Dataset wine: 178 samples, 13 features, 3 classes>
    """
    return _bundled("wine")


def breast_cancer() -> Dataset:
    """Load measurements of cell nuclei, malignant or benign. Source: UCI, Wolberg et al.

    >>> breast_cancer()
    <Dataset breast_cancer: 569 samples, 30 features, 2 classes>
    """
    return _bundled("breast_cancer")


def moons(n: int = 200, noise: float = 0.1, *, seed: int = 0) -> Dataset:
    """Make two interleaved half circles, upper and lower, which no straight line separates.

    Args:
        n: the number of samples, at least 2; half of them in each class.
        noise: standard deviation of the Gaussian noise added to both coordinates.
        seed: the same seed gives the same points.

    Raises:
        ValueError: `n` is below 2, or `noise` is negative or not finite.

    >>> moons(n=100, noise=0.2)
    <Dataset moons: 100 samples, 2 features, 2 classes>
    """
    return _toy("moons", ("upper", "lower"), n, noise, seed)


def circles(n: int = 200, noise: float = 0.05, *, seed: int = 0) -> Dataset:
    """Make two concentric circles, outer and inner, of radius 1 and 0.5; arguments as of `moons`.

    >>> circles(n=100)
    <Dataset circles: 100 samples, 2 features, 2 classes>
    """
    return _toy("circles", ("outer", "inner"), n, noise, seed, factor=0.5)


def load(name_or_path: str | os.PathLike[str], *, seed: int = 0) -> Dataset:
    """Load a data set by its name, or a CSV file by its path.

    Args:
        name_or_path: "digits", "iris", "wine", "breast_cancer", "moons", "circles", or a path that
            ends in .csv, read by `load_csv` with the label in the last column.
        seed: the seed of the data sets that are generated, moons and circles.

    Raises:
        ValueError: the name is not one of these, or the file is malformed.
        FileNotFoundError: the path leads nowhere.

    >>> load("wine")
    <Dataset wine: 178 samples, 13 features, 3 classes>
    """
    name = os.fspath(name_or_path)
    if name.lower().endswith(".csv"):
        return load_csv(name)
    if name in _BUNDLED:
        return _BUNDLED[name]()
    if name in _GENERATED:
        return _GENERATED[name](seed=seed)
    choices = ", ".join([*_BUNDLED, *_GENERATED])
    raise ValueError(f"no data set {name!r}; choose from {choices}, or give a path ending in .csv")


_BUNDLED = {load.__name__: load for load in (digits, iris, wine, breast_cancer)}
_GENERATED: dict[str, Callable[..., Dataset]] = {"moons": moons, "circles": circles}


def _bundled(name: str) -> Dataset:
    """Load one of the data sets that are installed with scikit-learn."""
    from sklearn import datasets

    bunch = getattr(datasets, f"load_{name}")()
    return Dataset(
        X=bunch.data.tolist(),
        y=bunch.target.tolist(),
        feature_names=tuple(map(str, bunch.feature_names)),
        class_names=tuple(map(str, bunch.target_names)),
        name=name,
    )


def _toy(
    name: str, class_names: tuple[str, str], n: int, noise: float, seed: int, **options: float
) -> Dataset:
    """Make a data set by the function of scikit-learn for it."""
    from sklearn import datasets

    if n < 2:
        raise ValueError(f"n must be at least 2, one sample per class, not {n}")
    if not 0 <= noise < math.inf:
        raise ValueError(f"noise is a standard deviation and must be finite and >= 0, not {noise}")
    make = getattr(datasets, f"make_{name}")
    points, y = make(n, noise=noise, random_state=seed, **options)
    return Dataset(points.tolist(), y.tolist(), ("x1", "x2"), class_names, name)
