"""Your own data: CSV files."""

from __future__ import annotations

import csv
import math
import os
import re
from dataclasses import dataclass
from pathlib import Path

from nn.data.dataset import Dataset


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
