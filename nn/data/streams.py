"""Data that do not fit into memory: files read in chunks, in random order.

An epoch takes the blocks of a file in random order and shuffles the rows of a few of them among
each other: a chunk. That is nearly as random as a shuffle of all rows, and reads the file in long
runs, as disks like it. While one chunk is used, a thread reads the next.
"""

from __future__ import annotations

import hashlib
import os
import random
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from autograd.extras import imported
from autograd.files import atomically
from nn.data.blocks import Array, Blocks, blocks
from nn.data.csv_files import column_called
from nn.data.scaling import Standardiser

_CHUNK = 2**21  # numbers, that is 16 MiB


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Stream:
    """Samples and their targets in a file, read in chunks. `stream` opens one.

    Args:
        table: the file.
        target: which column holds the targets, from 0.
        standardiser: the map of the features, none if they are taken as they are.

    >>> import tempfile
    >>> import numpy as np
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     np.save(f"{folder}/toy.npy", [[1.0, 2.0, 0.0], [3.0, 4.0, 1.0]])
    ...     toy = stream(f"{folder}/toy.npy")
    ...     chunks = [(X.tolist(), y.tolist()) for X, y in toy.chunks()]
    >>> toy
    <Stream toy.npy: 2 samples, 2 features, target x3>
    >>> chunks
    [([[1.0, 2.0], [3.0, 4.0]], [0.0, 1.0])]
    """

    table: Blocks
    target: int
    standardiser: Standardiser | None = None

    def __len__(self) -> int:
        return sum(self.table.sizes)

    def __repr__(self) -> str:
        return (
            f"<Stream {Path(self.table.file).name}: {len(self)} samples, {self.n_features} "
            f"features, target {self.table.names[self.target]}>"
        )

    @property
    def n_features(self) -> int:
        """The number d of features."""
        return len(self.table.names) - 1

    @property
    def feature_names(self) -> tuple[str, ...]:
        """The names of the features."""
        return tuple(name for j, name in enumerate(self.table.names) if j != self.target)

    def chunks(
        self, rng: random.Random | None = None, multiple: int = 1
    ) -> Iterator[tuple[Array, Array]]:
        """Read all samples once.

        Args:
            rng: the generator that shuffles; passing the same one again gives another order. None
                reads the file in its own order.
            multiple: a number that divides the length of each chunk but the last.

        Returns:
            An iterator over chunks: n × d features, and n targets.

        Raises:
            ValueError: a cell is no finite number; the message says where.
        """
        order = list(range(len(self.table.sizes)))
        if rng is not None:
            rng.shuffle(order)
        parts = self._parts(order)
        seeds = [None if rng is None else rng.getrandbits(64) for _ in parts]
        left = np.empty((0, len(self.table.names)))
        with ThreadPoolExecutor(1) as reader:
            coming = reader.submit(self._read, parts[0], seeds[0])
            for k in range(len(parts)):
                rows = coming.result()
                if k + 1 < len(parts):
                    coming = reader.submit(self._read, parts[k + 1], seeds[k + 1])
                if len(left):
                    rows = np.concatenate([left, rows])
                stop = len(rows) if k + 1 == len(parts) else len(rows) // multiple * multiple
                rows, left = rows[:stop], rows[stop:]
                if len(rows):
                    yield self._divided(rows)

    def first(self, n: int) -> tuple[Array, Array]:
        """Read the first n samples of the file; there may be fewer, but not none."""
        return self._divided(self._read([0], None)[:n])

    def standardised(self, standardiser: Standardiser | None = None) -> Stream:
        """Return a stream of the same samples, brought to one scale as they are read.

        Without a map, it is taken from these data, for which they are read once.
        """
        fitted = standardiser or Standardiser.from_parts(X for X, _ in self.chunks())
        return replace(self, standardiser=fitted)

    def fingerprint(self) -> str:
        """Return a short text that tells these data from others, most likely."""
        ends = self._read([0], None), self._read([len(self.table.sizes) - 1], None)
        digest = hashlib.sha256(repr((len(self), self.target, self.standardiser)).encode())
        for rows in ends:
            digest.update(rows.tobytes())
        return digest.hexdigest()[:16]

    def _parts(self, order: list[int]) -> list[list[int]]:
        """Divide blocks into chunks."""
        most = _CHUNK // len(self.table.names)
        parts, size = [order[:1]], self.table.sizes[order[0]]
        for k in order[1:]:
            size += self.table.sizes[k]
            if size > most:
                parts.append([])
                size = self.table.sizes[k]
            parts[-1].append(k)
        return parts

    def _read(self, part: list[int], seed: int | None) -> Array:
        """Read some blocks, and shuffle their rows."""
        rows = np.concatenate([self._checked(k) for k in part])
        return rows if seed is None else rows[np.random.default_rng(seed).permutation(len(rows))]

    def _checked(self, k: int) -> Array:
        """Read a block, all of whose numbers must be finite."""
        rows = self.table.read(k)
        if not np.isfinite(rows).all():
            i, j = np.argwhere(~np.isfinite(rows))[0].tolist()
            raise ValueError(
                f"{self.table.file}, row {self.table.starts[k] + i} of the data (counted from 0), "
                f"column {self.table.names[j]!r}: the number is missing or not finite"
            )
        return rows

    def _divided(self, rows: Array) -> tuple[Array, Array]:
        """Divide features from targets."""
        X, y = np.delete(rows, self.target, axis=1), rows[:, self.target].copy()
        if self.standardiser is not None:
            X -= self.standardiser.mean
            X /= self.standardiser.scale
        return X, y


def stream(path: str | os.PathLike[str], target: int | str = -1) -> Stream:
    """Open a file of samples that is read in chunks, since it may not fit into memory.

    The name tells what it is: `.npy`, an array of one row per sample; `.parquet`, whose row groups
    are read whole, so that they must fit into memory; or `.csv`, which is read some ten times as
    slowly (see `convert`). All cells must be numbers. The last two need the extra "data".

    Args:
        path: the file.
        target: the column with the target, by its name or by its index from 0 (-1 is the last).

    Returns:
        The samples, for `nn.fit` or to go through with `Stream.chunks`.

    Raises:
        ValueError: it is no table of numbers, or has no such column.
        ImportError: it needs pyarrow, which is not installed.
        OSError: it cannot be read.

    >>> import pathlib, tempfile
    >>> import numpy as np
    >>> import nn
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder) / "line.npy"
    ...     np.save(path, [[x, 2 * x] for x in (0.0, 0.5, 1.0)])
    ...     history = nn.fit(nn.MLP(1, [1], seed=0), stream(path), loss="mse_loss", lr=0.1,
    ...                      epochs=100, progress=False)
    >>> history[-1].loss < 1e-3
    True
    """
    table = blocks(path)
    place = column_called(target, table.names, len(table.names), table.file)
    if len(table.names) == 1:
        raise ValueError(f"{table.file}: there is only one column, the target, and no feature")
    return Stream(table, place)


def convert(
    source: str | os.PathLike[str], to: str | os.PathLike[str], *, progress: bool = True
) -> None:
    """Write a file of numbers in another format, once, to read it fast ever after.

    Args:
        source: a `.csv`, `.parquet` or `.npy` file.
        to: the new file, `.npy` or `.parquet`; it is there whole or not at all.
        progress: whether to show a progress bar, on standard error.

    Raises:
        ValueError: a cell is no number, or `to` has another ending.
        ImportError: it needs pyarrow, which is not installed.
        OSError: a file cannot be read or written.

    >>> import tempfile
    >>> import numpy as np
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     np.save(f"{folder}/a.npy", [[1, 2], [3, 4]])
    ...     convert(f"{folder}/a.npy", f"{folder}/b.npy", progress=False)
    ...     np.load(f"{folder}/b.npy").tolist()
    [[1.0, 2.0], [3.0, 4.0]]
    """
    from tqdm.auto import tqdm

    table = blocks(source)
    ending = Path(to).suffix.lower()
    if ending not in _WRITERS:
        raise ValueError(f"{os.fspath(to)}: the name must end in {' or '.join(_WRITERS)}")
    with (
        atomically(to) as file,
        _WRITERS[ending](file, table) as write,
        tqdm(total=sum(table.sizes), unit="row", unit_scale=True, disable=not progress) as bar,
    ):
        for k, size in enumerate(table.sizes):
            write(table.read(k))
            bar.update(size)


@contextmanager
def _npy_writer(file: BinaryIO, table: Blocks) -> Iterator[Callable[[Array], Any]]:
    """Begin a file of NumPy; what is returned writes blocks of the table."""
    shape = sum(table.sizes), len(table.names)
    header = {"descr": np.dtype(np.float64).str, "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(file, header)
    yield lambda rows: file.write(rows.tobytes())


@contextmanager
def _parquet_writer(file: BinaryIO, table: Blocks) -> Iterator[Callable[[Array], Any]]:
    """Begin a Parquet file; what is returned writes blocks of the table, as row groups."""
    arrow, parquet = (
        imported(module, "data", table.file) for module in ("pyarrow", "pyarrow.parquet")
    )
    schema = arrow.schema([(name, arrow.float64()) for name in table.names])
    with parquet.ParquetWriter(file, schema) as writer:
        yield lambda rows: writer.write_table(arrow.table(list(rows.T), schema=schema))


_WRITERS = {".npy": _npy_writer, ".parquet": _parquet_writer}
