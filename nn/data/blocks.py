"""Tables of numbers in files, read block by block: npy, Parquet and CSV.

Each kind of file is cut into blocks of rows that can be read in any order. `streams.py` makes an
epoch of them.
"""

from __future__ import annotations

import io
import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cached_property
from itertools import accumulate
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from autograd.extras import imported
from nn.data.csv_files import Table

Array: TypeAlias = np.ndarray[Any, np.dtype[np.float64]]

_BLOCK = 2**19  # numbers, that is 4 MiB: read in one go, and some of them fit into memory
_CSV_BLOCK = 2**23  # bytes


class Blocks(ABC):
    """A table in a file, in blocks.

    Attributes:
        file: its name.
        names: the names of the columns; x1, x2, … if the file has none.
        sizes: how many rows each block has.
    """

    names: Sequence[str]
    sizes: Sequence[int]

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.file = os.fspath(path)

    @abstractmethod
    def read(self, k: int) -> Array:
        """Read block k: an array of its rows.

        Raises:
            ValueError: a cell is no number; the message says where.
        """

    @cached_property
    def starts(self) -> list[int]:
        """How many rows there are before each block."""
        return list(accumulate(self.sizes, initial=0))[:-1]


class NpyBlocks(Blocks):
    """An array of two axes in a file of NumPy."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        super().__init__(path)
        table = np.load(self.file, mmap_mode="r", allow_pickle=False)
        if table.ndim != 2 or table.dtype.kind not in "fiub":
            raise ValueError(
                f"{self.file}: it must hold one number per row and column, and it is an array of "
                f"{table.ndim} axes of {table.dtype}"
            )
        if not table.flags.c_contiguous:
            raise ValueError(
                f"{self.file}: the array is stored column by column, and is read by rows; "
                "store numpy.ascontiguousarray of it"
            )
        self.names = [f"x{k}" for k in range(1, table.shape[1] + 1)]
        self._dtype, self._offset = table.dtype, table.offset
        n, block = len(table), max(1, _BLOCK // table.shape[1])
        self.sizes = [min(block, n - start) for start in range(0, n, block)]

    def read(self, k: int) -> Array:
        """Read block k, but not through the memory map, whose pages would count as memory."""
        width, size = len(self.names), self.sizes[k]
        offset = self._offset + self.starts[k] * width * self._dtype.itemsize
        cells = np.fromfile(self.file, self._dtype, size * width, offset=offset)
        return cells.reshape(size, width).astype(np.float64, copy=False)


class ParquetBlocks(Blocks):
    """A Parquet file, whose row groups are the blocks."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        super().__init__(path)
        parquet = imported("pyarrow.parquet", "data", self.file)
        # not memory-mapped, for its pages would count as memory
        self._table = parquet.ParquetFile(self.file, memory_map=False)
        types = imported("pyarrow.types", "data", self.file)
        numeric = types.is_integer, types.is_floating, types.is_boolean
        for field in self._table.schema_arrow:
            if not any(is_kind(field.type) for is_kind in numeric):
                raise ValueError(
                    f"{self.file}: column {field.name!r} holds {field.type}, and a network takes "
                    "numbers; leave the column out, or put a number in its place"
                )
        self.names = self._table.schema_arrow.names
        groups = self._table.metadata
        self.sizes = [groups.row_group(k).num_rows for k in range(groups.num_row_groups)]

    def read(self, k: int) -> Array:
        """Read block k."""
        return _array(self._table.read_row_group(k, use_threads=False))


class CsvBlocks(Blocks):
    """A CSV file, cut at the ends of lines. A cell must not have a line end in it."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        super().__init__(path)
        self._csv = imported("pyarrow.csv", "data", self.file)
        self._spans: list[tuple[int, int]] = []
        self._lines: list[int] = []
        self.sizes = []
        with Path(self.file).open("rb") as file:
            start = Table.parse(self.file, file.read(2**16) + file.readline()).headed(None)
            self.names = start.names or tuple(f"x{k}" for k in range(1, start.width + 1))
            self._start = replace(start.subset([]), names=self.names)
            file.seek(0)
            line = 1
            if start.names:
                file.readline()
                line = 2
            while text := file.read(_CSV_BLOCK) + file.readline():
                self._spans.append((file.tell() - len(text), len(text)))
                self._lines.append(line)
                self.sizes.append(sum(map(bool, map(bytes.strip, text.splitlines()))))
                line += text.count(b"\n")

    def read(self, k: int) -> Array:
        """Read block k."""
        import pyarrow

        start, length = self._spans[k]
        with Path(self.file).open("rb") as file:
            file.seek(start)
            text = file.read(length)
        kinds = dict.fromkeys(self.names, pyarrow.float64())
        try:
            table = self._csv.read_csv(
                io.BytesIO(text),
                self._csv.ReadOptions(column_names=self.names, use_threads=False),
                self._csv.ParseOptions(delimiter=self._start.delimiter),
                self._csv.ConvertOptions(
                    column_types=kinds, decimal_point="," if self._start.decimal_comma else "."
                ),
            )
        except pyarrow.ArrowInvalid as error:
            self._start.check_numbers(text, self._lines[k])
            raise ValueError(f"{self.file}, from row {self._lines[k]} on: {error}") from error
        return _array(table)


def blocks(path: str | os.PathLike[str]) -> Blocks:
    """Open a file; its ending tells the format."""
    ending = Path(path).suffix.lower()
    if ending not in _FORMATS:
        raise ValueError(
            f"{os.fspath(path)}: the name must end in {', '.join(_FORMATS)}, which says how to "
            "read it"
        )
    table = _FORMATS[ending](path)
    if not table.sizes:
        raise ValueError(f"{os.fspath(path)}: there are no rows")
    return table


_FORMATS: dict[str, Callable[[str | os.PathLike[str]], Blocks]] = {
    ".npy": NpyBlocks,
    ".parquet": ParquetBlocks,
    ".csv": CsvBlocks,
}


def _array(table: Any) -> Array:
    """Make an array of a table of Arrow; what is missing becomes nan."""
    array = np.empty((table.num_rows, table.num_columns))
    for j, column in enumerate(table.columns):
        array[:, j] = column.to_numpy()
    return array
