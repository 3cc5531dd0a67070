"""Data sets: real ones, toy ones and your own CSV files, split, scaled and cut into minibatches.

Everything here is plain Python lists of floats, one row per sample, because that is what a scalar
engine reads. Nothing in this module knows about the engine or the network.
"""

from __future__ import annotations

import csv
import math
import os
import random
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from numbers import Integral
from pathlib import Path

__all__ = [
    "Dataset",
    "Standardiser",
    "batches",
    "breast_cancer",
    "circles",
    "digits",
    "iris",
    "load",
    "load_csv",
    "moons",
    "one_hot",
    "standardise",
    "train_test_split",
    "wine",
]


@dataclass(frozen=True, slots=True, repr=False)
class Dataset:
    """Samples and their targets.

    Args:
        X: The samples, n rows of d features.
        y: One target per sample: a class index 0 … C-1, or a float for regression. Empty when the
            samples carry no targets, as in a file to predict.
        feature_names: d names, one per column of `X`.
        class_names: C names, the class index being the position; empty for regression.
        name: What to call the data set in titles and messages.

    Raises:
        ValueError: If a row has another length than `feature_names`, `X` and `y` differ in length,
            or a class index is outside `class_names`.
        TypeError: If there are class names and a target is not an integer.

    Example:
        >>> Dataset([[0.0, 1.0], [1.0, 0.0]], [1, 0], ("x1", "x2"), ("no", "yes"), "toy")
        <Dataset toy: 2 samples, 2 features, 2 classes>
    """

    X: list[list[float]]
    y: list[int] | list[float]
    feature_names: tuple[str, ...]
    class_names: tuple[str, ...]
    name: str

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
                _class_index(label, self.n_classes, i)

    def __len__(self) -> int:
        return len(self.X)

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
        """Pick samples by their index, in the order given.

        Args:
            indices: Positions in this data set, each in 0 … n-1.

        Returns:
            A data set of those samples, sharing their rows with this one.

        Example:
            >>> iris().subset(range(40, 60))
            <Dataset iris: 20 samples, 4 features, 3 classes>
        """
        return replace(
            self,
            X=[self.X[i] for i in indices],
            y=[self.y[i] for i in indices] if self.y else [],
        )


# --- Data sets ------------------------------------------------------------------------------------


def digits() -> Dataset:
    """Load 1797 handwritten digits, 8x8 pixels each, in 10 classes.

    The pixels are the raw grey levels 0 … 16, row by row. Scale them before training:
    `Standardiser.from_range(0, 16, n_features=64)` maps them to [0, 1], `standardise` is the usual
    alternative.

    Returns:
        1797 samples of 64 features, from the copy that scikit-learn ships (UCI, Alpaydin et al.).

    Example:
        >>> digits()
        <Dataset digits: 1797 samples, 64 features, 10 classes>
    """
    return _bundled("digits")


def iris() -> Dataset:
    """Load Fisher's iris flowers: four lengths in cm, three species.

    Returns:
        150 samples of 4 features, from the copy that scikit-learn ships.

    Example:
        >>> iris().class_names
        ('setosa', 'versicolor', 'virginica')
    """
    return _bundled("iris")


def wine() -> Dataset:
    """Load the wine recognition data: chemical analyses of wines from three growers.

    Returns:
        178 samples of 13 features, from the copy that scikit-learn ships (UCI, Forina et al.).

    Example:
        >>> wine()
        <Dataset wine: 178 samples, 13 features, 3 classes>
    """
    return _bundled("wine")


def breast_cancer() -> Dataset:
    """Load the Wisconsin breast cancer data: measurements of cell nuclei, malignant or benign.

    Returns:
        569 samples of 30 features, from the copy that scikit-learn ships (UCI, Wolberg et al.).

    Example:
        >>> breast_cancer().class_names
        ('malignant', 'benign')
    """
    return _bundled("breast_cancer")


def moons(n: int = 200, noise: float = 0.1, *, seed: int = 0) -> Dataset:
    """Make two interleaved half circles, which no straight line separates.

    Args:
        n: The number of samples, at least 2; half of them in each class.
        noise: Standard deviation of the Gaussian noise added to both coordinates.
        seed: The same seed gives the same points.

    Returns:
        n samples of 2 features in the classes upper and lower.

    Raises:
        ValueError: If `n` is below 2, or `noise` is negative or not finite.

    Example:
        >>> moons(n=100, noise=0.2)
        <Dataset moons: 100 samples, 2 features, 2 classes>
    """
    from sklearn.datasets import make_moons

    _check_toy(n, noise)
    points, y = make_moons(n, noise=noise, random_state=seed)
    return Dataset(points.tolist(), y.tolist(), ("x1", "x2"), ("upper", "lower"), "moons")


def circles(n: int = 200, noise: float = 0.05, *, seed: int = 0) -> Dataset:
    """Make two concentric circles, of radius 1 and 0.5.

    Args:
        n: The number of samples, at least 2; half of them in each class.
        noise: Standard deviation of the Gaussian noise added to both coordinates.
        seed: The same seed gives the same points.

    Returns:
        n samples of 2 features in the classes outer and inner.

    Raises:
        ValueError: If `n` is below 2, or `noise` is negative or not finite.

    Example:
        >>> circles(n=100)
        <Dataset circles: 100 samples, 2 features, 2 classes>
    """
    from sklearn.datasets import make_circles

    _check_toy(n, noise)
    points, y = make_circles(n, noise=noise, random_state=seed, factor=0.5)
    return Dataset(points.tolist(), y.tolist(), ("x1", "x2"), ("outer", "inner"), "circles")


def load(name_or_path: str | os.PathLike[str], *, seed: int = 0) -> Dataset:
    """Load a data set by its name, or a CSV file by its path.

    Args:
        name_or_path: "digits", "iris", "wine", "breast_cancer", "moons", "circles", or a path that
            ends in .csv, read by `load_csv` with the label in the last column.
        seed: The seed of the data sets that are generated, moons and circles.

    Returns:
        The data set.

    Raises:
        ValueError: If the name is not one of these, or the file is malformed.
        FileNotFoundError: If the path leads nowhere.

    Example:
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


_BUNDLED: dict[str, Callable[[], Dataset]] = {
    "digits": digits,
    "iris": iris,
    "wine": wine,
    "breast_cancer": breast_cancer,
}
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


def _check_toy(n: int, noise: float) -> None:
    """Refuse what would leave a class empty or the noise undefined."""
    if n < 2:
        raise ValueError(f"n must be at least 2, one sample per class, not {n}")
    if not 0 <= noise < math.inf:
        raise ValueError(f"noise is a standard deviation and must be finite and >= 0, not {noise}")


# --- CSV files ------------------------------------------------------------------------------------


def load_csv(
    path: str | os.PathLike[str], *, label: int | str | None = -1, header: bool | None = None
) -> Dataset:
    r"""Read a comma-separated file: one sample per row, its target in one of the columns.

    The targets decide the task. If all are integers, written without a decimal point, they are
    classes in numeric order. If any has a decimal point or an exponent, all must be numbers and the
    task is regression (so write `3.0` if the targets of a regression happen to be whole). Otherwise
    they are classes in alphabetical order.

    All other columns are features and hold finite numbers. Blank lines are skipped. The file is
    UTF-8, with or without a byte-order mark, with any line ends and with quoted cells.

    Args:
        path: The file.
        label: The column with the target, by its name or by its index from 0 (-1 is the last).
            None for a file that has features only.
        header: Whether the first row holds the column names. None to find out: it does if `label`
            is a name, or if no cell in it is a number.

    Returns:
        The samples, named after the file. Without a header the features are called x1, x2, …

    Raises:
        ValueError: If the file is empty, ragged or not UTF-8, has no such label column, or has a
            cell that is empty, not finite or not a number. The message names the file, the row
            (the line of the file, from 1) and the column.
        FileNotFoundError: If there is no such file.

    Example:
        >>> import pathlib, tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = pathlib.Path(folder) / "pets.csv"
        ...     _ = path.write_text("height,weight,kind\n25,4.0,cat\n60,30.5,dog\n")
        ...     pets = load_csv(path, label="kind")
        >>> pets.X, pets.y, pets.class_names
        ([[25.0, 4.0], [60.0, 30.5]], [0, 1], ('cat', 'dog'))
    """
    if isinstance(label, str):
        if header is False:
            raise ValueError(
                f"label {label!r} is a name, but header=False says that the columns have none; "
                "give the index of the label column"
            )
        header = True
    table = _Table.read(os.fspath(path), header)
    target = None if label is None else table.column(label)
    features = [j for j in range(table.width) if j != target]
    if not features:
        raise ValueError(
            f"{table.file}: there is only one column, the label, and no feature; "
            "the cells of a row must be separated by commas"
        )
    y, class_names = ([], ()) if target is None else _targets(table, target)
    return Dataset(
        X=[[table.number(i, j) for j in features] for i in range(len(table.rows))],
        y=y,
        feature_names=tuple(table.names[j] for j in features)
        if table.names
        else tuple(f"x{k}" for k in range(1, len(features) + 1)),
        class_names=class_names,
        name=Path(table.file).stem,
    )


def _targets(table: _Table, j: int) -> tuple[list[int] | list[float], tuple[str, ...]]:
    """Read the targets in column j and the class names, by the rule that `load_csv` documents."""
    cells = [table.cell(i, j) for i in range(len(table.rows))]
    real = [i for i, cell in enumerate(cells) if _is_number(cell) and not _is_integer(cell)]
    for i in real:
        table.number(i, j)  # a nan among class names is a missing label, not a class
    if real:
        return [table.number(i, j) for i in range(len(cells))], ()
    if all(map(_is_integer, cells)):
        cells = [str(int(cell)) for cell in cells]  # 01 and +1 are the class 1
        names = sorted(set(cells), key=int)
    else:
        names = sorted(set(cells))
    index = {name: k for k, name in enumerate(names)}
    return [index[cell] for cell in cells], tuple(names)


def _is_integer(cell: str) -> bool:
    """Tell whether the cell is written as an integer."""
    return re.fullmatch(r"[+-]?[0-9]+", cell) is not None


def _is_number(cell: str) -> bool:
    """Tell whether the cell is a number, nan and inf included, but not Python's 1_000."""
    try:
        float(cell)
    except ValueError:
        return False
    return "_" not in cell


@dataclass(frozen=True, slots=True)
class _Table:
    """The cells of a CSV file, and what it takes to name one of them in an error."""

    file: str
    names: tuple[str, ...]  # of the columns; empty without a header
    lines: list[int]  # of the file, where each row starts
    rows: list[list[str]]
    header_guessed: bool

    @classmethod
    def read(cls, file: str, header: bool | None) -> _Table:
        """Read a file into rows of one length."""
        lines, rows = _read_rows(file)
        if not rows:
            raise ValueError(f"{file}: the file is empty")
        for line, row in zip(lines, rows, strict=True):
            if len(row) != len(rows[0]):
                raise ValueError(
                    f"{file}, row {line}: {len(row)} cells, but row {lines[0]} has {len(rows[0])}"
                )
        guessed = header is None
        if guessed:
            header = not any(map(_is_number, rows[0]))
        if not header:
            return cls(file, (), lines, rows, guessed)
        for j, name in enumerate(rows[0]):
            if not name:
                raise ValueError(
                    f"{file}, row {lines[0]}: column {j} (counted from 0) has no name "
                    "in the header; name it, or remove the column if it only counts the rows"
                )
            if name in rows[0][:j]:
                raise ValueError(f"{file}, row {lines[0]}: there are two columns {name!r}")
        if len(rows) == 1:
            raise ValueError(f"{file}: there is a header but no row of data")
        return cls(file, tuple(rows[0]), lines[1:], rows[1:], guessed)

    @property
    def width(self) -> int:
        """The number of columns."""
        return len(self.rows[0])

    def column(self, label: int | str) -> int:
        """Find the index, from 0, of the column with this name or index."""
        if isinstance(label, str):
            if label in self.names:
                return self.names.index(label)
        elif -self.width <= label < self.width:
            return label % self.width
        columns = ", ".join(map(repr, self.names)) or f"0 to {self.width - 1}, without names"
        raise ValueError(f"{self.file}: there is no column {label!r}; the columns are {columns}")

    def cell(self, i: int, j: int) -> str:
        """Read the cell in row i and column j, which must not be empty."""
        cell = self.rows[i][j]
        if not cell:
            raise self.error(i, j, "the cell is empty")
        return cell

    def number(self, i: int, j: int) -> float:
        """Read the finite number in row i and column j."""
        cell = self.cell(i, j)
        if not _is_number(cell):
            raise self.error(i, j, f"{cell!r} is not a number")
        if not math.isfinite(number := float(cell)):
            raise self.error(i, j, f"{cell!r} is not finite")
        return number

    def error(self, i: int, j: int, problem: str) -> ValueError:
        """Make an error that says where the problem is."""
        column = repr(self.names[j]) if self.names else f"{j} (counted from 0)"
        hint = ""
        if i == 0 and self.header_guessed and not self.names:
            hint = "; if this row holds the column names, pass header=True"
        return ValueError(f"{self.file}, row {self.lines[i]}, column {column}: {problem}{hint}")


def _read_rows(file: str) -> tuple[list[int], list[list[str]]]:
    """Read on which lines the rows of a CSV file start, and their cells without outer blanks."""
    lines: list[int] = []
    rows: list[list[str]] = []
    line = 1
    with open(file, encoding="utf-8-sig", newline="") as stream:
        reader = csv.reader(stream, skipinitialspace=True, strict=True)
        try:
            for cells in reader:
                row = [cell.strip() for cell in cells]
                if row not in ([], [""]):
                    lines.append(line)
                    rows.append(row)
                line = reader.line_num + 1  # a quoted cell may span lines
        except csv.Error as error:
            raise ValueError(f"{file}, row {line}: malformed CSV: {error}") from error
        except UnicodeDecodeError as error:
            raise ValueError(f"{file}: the file is not UTF-8 text: {error}") from error
    return lines, rows


# --- Preparation ----------------------------------------------------------------------------------


def train_test_split(
    dataset: Dataset, test_size: float = 0.2, *, seed: int = 0, stratify: bool = True
) -> tuple[Dataset, Dataset]:
    """Shuffle the samples and set some aside for testing.

    Args:
        dataset: The samples, at least 2.
        test_size: The share of the samples to set aside, between 0 and 1; or, as an int, how many.
        seed: The same seed gives the same split.
        stratify: Keep the proportions of the classes in both parts. Regression has none to keep.

    Returns:
        The training and the test set.

    Raises:
        ValueError: If a part would be empty, or, when stratifying, if it would be too small to hold
            every class or a class has a single sample.

    Example:
        >>> train, test = train_test_split(iris())
        >>> len(train), len(test), [test.y.count(k) for k in range(3)]
        (120, 30, [10, 10, 10])
    """
    from sklearn.model_selection import train_test_split as split

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


@dataclass(frozen=True, slots=True)
class Standardiser:
    """The map x ↦ (x - mean) / scale, feature by feature.

    Fit it on the training set and apply the same map to everything that the model sees later: the
    test set must not influence it. `to_dict` puts it into a file next to the model.

    Args:
        mean: d numbers, in the units of the features.
        scale: d positive numbers, in the same units.

    Raises:
        ValueError: If `mean` and `scale` differ in length, a mean is not finite, or a scale is not
            finite and positive.

    Example:
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
        """Take mean and standard deviation from the data, so that they become 0 and 1.

        Args:
            dataset: The training set, at least one sample.

        Returns:
            The map. A constant feature gets scale 1, so it becomes 0.

        Raises:
            ValueError: If the data set is empty or has a value that is not finite.

        Example:
            >>> Standardiser.fit(Dataset([[1.0, 7.0], [5.0, 7.0]], [], ("x1", "x2"), (), "toy"))
            Standardiser(mean=(3.0, 7.0), scale=(2.0, 1.0))
        """
        from sklearn.preprocessing import StandardScaler

        if not dataset.X:
            raise ValueError(f"{dataset.name}: cannot standardise a data set without samples")
        for i, row in enumerate(dataset.X):
            for name, x in zip(dataset.feature_names, row, strict=True):
                if not math.isfinite(x):
                    raise ValueError(f"{dataset.name}: row {i}, feature {name!r} is {x}")
        scaler = StandardScaler().fit(dataset.X)
        return cls(tuple(scaler.mean_.tolist()), tuple(scaler.scale_.tolist()))

    @classmethod
    def from_range(cls, low: float, high: float, *, n_features: int) -> Standardiser:
        """Map [low, high] to [0, 1] in every feature, whatever the data.

        Args:
            low: The value that becomes 0.
            high: The value that becomes 1, above `low`.
            n_features: The number d of features.

        Returns:
            The map.

        Raises:
            ValueError: If `high` is not above `low`, or one of them is not finite.

        Example:
            >>> scaled = Standardiser.from_range(0, 16, n_features=64).apply(digits())
            >>> min(map(min, scaled.X)), max(map(max, scaled.X))
            (0.0, 1.0)
        """
        if not low < high:
            raise ValueError(f"high must be above low = {low}, not {high}")
        return cls((float(low),) * n_features, (float(high - low),) * n_features)

    @classmethod
    def from_dict(cls, state: Mapping[str, Sequence[float]]) -> Standardiser:
        """Rebuild a map from what `to_dict` returned.

        Args:
            state: "mean" and "scale", d numbers each.

        Returns:
            The map.

        Raises:
            ValueError: If one of the two is missing, there is anything else, or the numbers do not
                make a map.

        Example:
            >>> Standardiser.from_dict({"mean": [3.0], "scale": [2.0]})
            Standardiser(mean=(3.0,), scale=(2.0,))
        """
        if set(state) != {"mean", "scale"}:
            raise ValueError(f"expected the keys 'mean' and 'scale', found {sorted(state)}")
        return cls(tuple(map(float, state["mean"])), tuple(map(float, state["scale"])))

    def to_dict(self) -> dict[str, list[float]]:
        """Return the map as plain data, ready for JSON.

        Returns:
            "mean" and "scale", d floats each.

        Example:
            >>> Standardiser(mean=(3.0,), scale=(2.0,)).to_dict()
            {'mean': [3.0], 'scale': [2.0]}
        """
        return {"mean": list(self.mean), "scale": list(self.scale)}

    def transform(self, rows: Sequence[Sequence[float]]) -> list[list[float]]:
        """Map samples.

        Args:
            rows: Any number of samples, d features each.

        Returns:
            The mapped samples, in new lists.

        Raises:
            ValueError: If a row has another number of features.

        Example:
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
        """Map the samples of a data set.

        Args:
            dataset: n samples of d features.

        Returns:
            A new data set, with the same targets and names.

        Raises:
            ValueError: If it has another number of features.

        Example:
            >>> Standardiser(mean=(1.0,) * 4, scale=(2.0,) * 4).apply(iris()).X[0]
            [2.05, 1.25, 0.19999999999999996, -0.4]
        """
        return replace(dataset, X=self.transform(dataset.X))


def standardise(train: Dataset, *others: Dataset) -> tuple[Dataset, ...]:
    """Standardise data sets with mean and standard deviation of the first.

    Args:
        train: The data set that `Standardiser.fit` sees.
        others: Data sets to map in the same way, such as the test set.

    Returns:
        All of them, in the order given.

    Raises:
        ValueError: If one has another number of features, or `train` cannot be fitted.

    Example:
        >>> train, test = standardise(*train_test_split(wine()))
        >>> abs(sum(row[0] for row in train.X) / len(train)) < 1e-12
        True
    """
    standardiser = Standardiser.fit(train)
    return tuple(standardiser.apply(dataset) for dataset in (train, *others))


def one_hot(labels: Sequence[int], n_classes: int) -> list[list[float]]:
    """Turn class indices into probability vectors with a single 1.

    Args:
        labels: n class indices, each in 0 … n_classes-1.
        n_classes: The number C of classes.

    Returns:
        n rows of C floats.

    Raises:
        ValueError: If a label is outside the range.
        TypeError: If a label is not an integer.

    Example:
        >>> one_hot([2, 0], 3)
        [[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]]
    """
    indices = [_class_index(label, n_classes, i) for i, label in enumerate(labels)]
    return [[float(k == index) for k in range(n_classes)] for index in indices]


def batches(n: int, batch_size: int, *, rng: random.Random) -> Iterator[list[int]]:
    """Cut the indices 0 … n-1, in random order, into minibatches: one epoch.

    Args:
        n: The number of samples.
        batch_size: The length of a minibatch, at least 1. The last one holds what is left.
        rng: The generator that shuffles. Passing the same one again gives another epoch.

    Returns:
        An iterator over lists of indices; each index occurs once.

    Raises:
        ValueError: If `batch_size` is below 1 or `n` is negative.

    Example:
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


def _class_index(label: float, n_classes: int, row: int) -> int:
    """Check that a label is the index of a class."""
    if not isinstance(label, Integral):
        raise TypeError(f"row {row}: the label {label!r} is not an integer class index")
    if not 0 <= label < n_classes:
        raise ValueError(
            f"row {row}: the label {label} is outside 0 … {n_classes - 1}, "
            f"as there are {n_classes} classes"
        )
    return int(label)
