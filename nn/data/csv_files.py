"""Your own data: CSV files.

`load_csv` reads a file into a `Table` of cells, whose columns become features and targets by the
rules that it documents. What it decided on the way stands in the notes of the data set.
"""

from __future__ import annotations

import csv
import io
import math
import os
import re
import shlex
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, SupportsIndex

from nn.data.dataset import Column, Dataset, Note

_MOST_CLASSES = 20  # more whole numbers than that are rather amounts
_MOST_CATEGORIES = 50  # more texts than that are rather names


def load_csv(
    path: str | os.PathLike[str],
    *,
    label: int | str | None = -1,
    header: bool | None = None,
    empty: Literal["drop", "mean"] | None = None,
    task: Literal["classes", "numbers"] | None = None,
    columns: Sequence[Column] | None = None,
) -> Dataset:
    r"""Read a table from a file: one sample per row, its target in one of the columns.

    The targets decide the task, unless `task` does. If all are integers, written without a decimal
    point, they are classes in numeric order; but more than 20 different ones (in a short file, more
    than half as many as there are rows) are numbers. If any has a decimal point or an exponent, all
    must be numbers and the task is regression (so write `3.0` if the targets of a regression happen
    to be whole). Otherwise they are classes in alphabetical order.

    All other columns are features. In one without any number, each text becomes a feature, which is
    1 where the cell has that text and 0 elsewhere. In all others the cells are finite numbers. A
    cell is empty, too, if it says NA, N/A, NaN, null or ?.

    Cells are separated by commas; or by semicolons or tabs, if each row has them, all equally many.
    Numbers may then have decimal commas, and points between thousands. Blank lines are skipped. The
    file is UTF-8, with or without a byte-order mark, with any line ends and with quoted cells.

    Args:
        path: the file.
        label: the column with the target, by its name or by its index from 0 (-1 is the last).
            None for a file that has features only.
        header: whether the first row holds the column names. None to find out: it does if `label`
            is a name, or if no cell in it is a number.
        empty: what to do about empty cells: "drop" leaves out their rows; "mean" fills in the mean
            of the column, and leaves out rows without a target. None refuses them.
        task: what targets that are all integers stand for: "classes" or "numbers". None to find
            out. With "numbers", texts are refused.
        columns: for more of the data that a network was trained on, their `Dataset.columns`. The
            file must have the same, by name in any order or, if the names are others, in order; it
            may lack the label. Empty cells are filled in with the means of those data.

    Returns:
        The samples, named after the file. Without a header the features are called x1, x2, …

    Raises:
        ValueError: the file is empty, ragged or not UTF-8, has no such label column, or has a
            cell that is empty, not finite or not a number. The message names the file, the row
            (the line of the file, from 1) and the column.
        FileNotFoundError: there is no such file.

    >>> import pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder) / "pets.csv"
    ...     _ = path.write_text("weight,coat,kind\n4.0,short,cat\n30.5,long,dog\n")
    ...     pets = load_csv(path, label="kind")
    >>> pets.feature_names, pets.class_names
    (('weight', 'coat=long', 'coat=short'), ('cat', 'dog'))
    >>> pets.X, pets.y
    ([[4.0, 0.0, 1.0], [30.5, 1.0, 0.0]], [0, 1])
    """
    file = os.fspath(path)
    table = Table.parse(file, Path(file).read_bytes())
    if columns is not None and table.lacks_label(columns):
        label = None
    if isinstance(label, str):
        if header is False:
            raise ValueError(
                f"label {label!r} is a name, but header=False says that the columns have none; "
                "give the index of the label column"
            )
        header = True
    table = table.headed(header)
    target = None if label is None else column_called(label, table.names, table.width, file)
    places = [j for j in range(table.width) if j != target]
    if not places:
        raise ValueError(
            f"{table.file}: there is only one column, the label, and no feature; "
            "the cells of a row must be separated by commas, semicolons or tabs"
        )
    if columns is None:
        table, more = _completed(table, places, target, empty)
        columns = [
            _described(table, j, table.names[j] if table.names else f"x{k}")
            for k, j in enumerate(places, 1)
        ]
        more += [
            Note(f"column {column.name!r} is text: its features are {', '.join(column.features)}")
            for column in columns
            if column.categories
        ]
    else:
        places, columns, more = _arranged(table, places, columns)
    y, class_names, last = ([], (), []) if target is None else _targets(table, target, task)
    features = [_features(table, j, column) for j, column in zip(places, columns, strict=True)]
    return Dataset(
        X=[[x for part in parts for x in part] for parts in zip(*features, strict=True)],
        y=y,
        feature_names=tuple(name for column in columns for name in column.features),
        class_names=class_names,
        name=Path(table.file).stem,
        columns=tuple(columns),
        notes=(*table.notes, *more, *last),
    )


# --- Features -------------------------------------------------------------------------------------


def _completed(
    table: Table, places: list[int], target: int | None, empty: str | None
) -> tuple[Table, list[Note]]:
    """Leave out the rows with empty cells that are not to be filled in."""
    if empty not in (None, "drop", "mean"):
        raise ValueError(f'empty must be "drop" or "mean", not {empty!r}')
    used = places if target is None else [*places, target]
    gaps = [(i, j) for i, row in enumerate(table.rows) for j in used if not row[j]]
    lost = {i: j for i, j in reversed(gaps) if empty == "drop" or j == target}
    filled = [(i, j) for i, j in gaps if i not in lost]
    if gaps and empty is None:
        remedy = 'empty="drop" leaves out such rows, and empty="mean" fills in the mean'
        raise table.error(*gaps[0], f"the cell is empty or says NA; {remedy}")
    if len(lost) == len(table.rows):
        raise table.error(*gaps[0], "the cell is empty, and so is one in every other row")
    notes = []
    if lost:
        rows = "1 row is" if len(lost) == 1 else f"{len(lost)} rows are"
        why = "cell" if empty == "drop" else "label"
        first = table.place(*min(lost.items()))
        notes.append(Note(f"{rows} left out because of an empty {why}, as in {first}", "empty"))
    if filled:
        notes.append(Note(_filled(table, filled, "column"), "empty"))
    return table.subset([i for i in range(len(table.rows)) if i not in lost]), notes


def _filled(table: Table, gaps: list[tuple[int, int]], what: str) -> str:
    """Say which cells are filled in, and with the mean of what."""
    cells = "1 empty cell is" if len(gaps) == 1 else f"{len(gaps)} empty cells are"
    return f"{cells} filled in with the mean of the {what}, as in {table.place(*gaps[0])}"


def _described(table: Table, j: int, name: str) -> Column:
    """Find out what the cells of a column hold, and the means of its features."""
    rows = [i for i, row in enumerate(table.rows) if row[j]]
    texts = {table.rows[i][j] for i in rows}
    if not texts:
        raise table.error(0, j, "every cell of the column is empty; remove the column")
    if any(map(is_number, texts)):
        return Column(name, (), (math.fsum(table.number(i, j) for i in rows) / len(rows),))
    if len(texts) > _MOST_CATEGORIES:
        raise table.error(
            rows[0],
            j,
            f"the column has {len(texts)} different texts, and only up to {_MOST_CATEGORIES} are "
            "made features; remove the column, or put a number in its place",
        )
    categories = tuple(sorted(texts))
    counts = Counter(table.rows[i][j] for i in rows)
    return Column(name, categories, tuple(counts[text] / len(rows) for text in categories))


def _arranged(
    table: Table, places: list[int], columns: Sequence[Column]
) -> tuple[list[int], list[Column], list[Note]]:
    """Find the columns of another file in this one, by name or else in order."""
    names = [column.name for column in columns]
    here = [table.names[j] for j in places] if table.names else names
    notes = []
    if sorted(here) == sorted(names):
        places = [places[here.index(name)] for name in names]
    else:
        columns = [replace(column, name=name) for column, name in zip(columns, here, strict=True)]
        if names != [f"x{k}" for k in range(1, len(names) + 1)]:
            notes.append(
                Note(
                    "the columns have other names than in the training, and were taken in the "
                    f"order {', '.join(names)}"
                )
            )
    gaps = [(i, j) for i, row in enumerate(table.rows) for j in places if not row[j]]
    if gaps:
        notes.append(Note(_filled(table, gaps, "training")))
    return places, list(columns), notes


def _features(table: Table, j: int, column: Column) -> list[tuple[float, ...]]:
    """Turn the cells of a column into features, row by row."""
    features = []
    for i, row in enumerate(table.rows):
        if not row[j]:
            features.append(column.means)
        elif not column.categories:
            features.append((table.number(i, j),))
        elif row[j] in column.categories:
            features.append(tuple(float(row[j] == text) for text in column.categories))
        else:
            known = ", ".join(column.categories)
            raise table.error(i, j, f"{row[j]!r} did not occur in the training, only {known}")
    return features


# --- Targets --------------------------------------------------------------------------------------


def _targets(
    table: Table, j: int, task: str | None
) -> tuple[list[int] | list[float], tuple[str, ...], list[Note]]:
    """Read the targets in column j and the class names, by the rule that `load_csv` documents."""
    if task not in (None, "classes", "numbers"):
        raise ValueError(f'task must be "classes" or "numbers", not {task!r}')
    cells = [table.cell(i, j) for i in range(len(table.rows))]
    real = [i for i, cell in enumerate(cells) if is_number(cell) and not _is_integer(cell)]
    for i in real:
        table.number(i, j)  # a nan among class names is a missing label, not a class
    whole = all(map(_is_integer, cells))
    if whole:
        cells = [str(int(cell)) for cell in cells]  # 01 and +1 are the class 1
    names = sorted(set(cells), key=int if whole else None)
    notes = []
    if task is None:
        if not whole and not real and len(names) == len(cells) > _MOST_CLASSES:
            problem = "no two labels are the same, so they are no classes; write numbers as 1234.5"
            raise table.error(0, j, problem)
        amounts = whole and len(names) > min(_MOST_CLASSES, max(5, len(cells) // 2))
        task = "numbers" if amounts else "classes"
        if amounts:
            text = (
                f"the label has {len(names)} different whole numbers, so it is taken for a number"
            )
            notes.append(Note(text, "task"))
    if real or task == "numbers":
        return [table.number(i, j) for i in range(len(cells))], (), notes
    index = {name: k for k, name in enumerate(names)}
    return [index[cell] for cell in cells], tuple(names), notes


# --- Cells ----------------------------------------------------------------------------------------


def _is_integer(cell: str) -> bool:
    """Tell whether the cell is written as an integer."""
    return re.fullmatch(r"[+-]?[0-9]+", cell) is not None


def is_number(cell: str) -> bool:
    """Tell whether a text is a number, nan and inf included, but not Python's 1_000.

    >>> [is_number(cell) for cell in ("-1e3", "nan", "1_000", "cat")]
    [True, True, False, False]
    """
    try:
        float(cell)
    except ValueError:
        return False
    return "_" not in cell


@dataclass(frozen=True, slots=True)
class Table:
    """The cells of a CSV file, and what it takes to name one of them in an error."""

    file: str
    lines: list[int]  # of the file, where each row starts
    rows: list[list[str]]
    names: tuple[str, ...] = ()  # of the columns; empty without a header
    header_guessed: bool = False
    delimiter: str = ","
    decimal_comma: bool = False

    @classmethod
    def parse(cls, file: str, data: bytes) -> Table:
        """Read a file, or its first lines, into rows of one length; the first may be the header."""
        text = _decoded(file, data)
        for delimiter in _SEPARATED:
            with suppress(ValueError):
                table = cls(file, *_cells(file, text, delimiter), delimiter=delimiter)
                if table.rows and table.width > 1:
                    table.check_widths()
                    return table.with_points()
        table = cls(file, *_cells(file, text, ","))
        if not table.rows:
            raise ValueError(f"{file}: the file is empty")
        table.check_widths()
        return table

    def check_numbers(self, text: bytes, line: int) -> None:
        """Raise at the first cell that is no number, in text of the file from `line` on."""
        lines, rows = _cells(self.file, _decoded(self.file, text), self.delimiter, line)
        table = replace(self, lines=lines, rows=rows, header_guessed=False).with_points()
        table.check_widths()
        for i, row in enumerate(table.rows):
            for j in range(len(row)):
                table.number(i, j)

    @property
    def notes(self) -> list[Note]:
        """What is unusual about the file."""
        if self.delimiter == ",":
            return []
        commas = ", and numbers have decimal commas" if self.decimal_comma else ""
        return [Note(f"cells are separated by {_SEPARATED[self.delimiter]}{commas}")]

    def check_widths(self) -> None:
        """Raise unless all rows have the same number of cells."""
        for line, row in zip(self.lines, self.rows, strict=True):
            if len(row) != self.width:
                raise ValueError(
                    f"{self.file}, row {line}: {len(row)} cells, "
                    f"but row {self.lines[0]} has {self.width}"
                )

    def with_points(self) -> Table:
        """Write numbers with decimal points, if the file has decimal commas."""
        if not any(_COMMA.fullmatch(cell) for row in self.rows for cell in row if "," in cell):
            return self
        rows = [[_with_point(cell) for cell in row] for row in self.rows]
        return replace(self, rows=rows, decimal_comma=True)

    def headed(self, header: bool | None) -> Table:
        """Take the first row for the names of the columns, if it is; None to find out."""
        guessed = header is None
        if guessed:
            header = not any(map(is_number, self.rows[0]))
        if not header:
            return replace(self, header_guessed=guessed)
        names = tuple(self.rows[0])
        for j, name in enumerate(names):
            if not name:
                raise ValueError(
                    f"{self.file}, row {self.lines[0]}: column {j} (counted from 0) has no name "
                    "in the header; name it, or remove the column if it only counts the rows"
                )
            if name in names[:j]:
                raise ValueError(
                    f"{self.file}, row {self.lines[0]}: there are two columns {name!r}"
                )
        if len(self.rows) == 1:
            raise ValueError(f"{self.file}: there is a header but no row of data")
        return replace(self, lines=self.lines[1:], rows=self.rows[1:], names=names)

    def subset(self, kept: list[int]) -> Table:
        """Pick rows."""
        lines, rows = [self.lines[i] for i in kept], [self.rows[i] for i in kept]
        return replace(self, lines=lines, rows=rows)

    @property
    def width(self) -> int:
        """The number of columns."""
        return len(self.rows[0])

    def lacks_label(self, columns: Sequence[Column]) -> bool:
        """Tell whether the table has these columns alone, or one more."""
        if self.width not in (len(columns), len(columns) + 1):
            names = ", ".join(column.name for column in columns[:8])
            raise ValueError(
                f"{self.file} has {self.width} columns, but the network was trained on "
                f"{len(columns)}: {names}{', …' if len(columns) > 8 else ''}"
            )
        return self.width == len(columns)

    def cell(self, i: int, j: int) -> str:
        """Read the label in row i and column j, which must not be empty."""
        cell = self.rows[i][j]
        if not cell:
            raise self.error(i, j, "the label is missing; fill it in, or remove the column")
        return cell

    def number(self, i: int, j: int) -> float:
        """Read the finite number in row i and column j."""
        cell = self.rows[i][j]
        if not is_number(cell):
            raise self.error(i, j, f"{cell!r} is not a number")
        if not math.isfinite(number := float(cell)):
            raise self.error(i, j, f"{cell!r} is not finite")
        return number

    def place(self, i: int, j: int) -> str:
        """Say where row i and column j are in the file."""
        column = repr(self.names[j]) if self.names else f"{j} (counted from 0)"
        return f"row {self.lines[i]}, column {column}"

    def error(self, i: int, j: int, problem: str) -> ValueError:
        """Make an error that says where the problem is."""
        hint = ""
        if i == 0 and self.header_guessed:
            hint = "; if this row holds the names of the columns, give the label by its name"
        return ValueError(f"{self.file}, {self.place(i, j)}: {problem}{hint}")


def column_called(label: int | str, names: Sequence[str], width: int, file: str) -> int:
    """Find the index, from 0, of the column of a file with this name or index."""
    if isinstance(label, str):
        if label in names:
            return names.index(label)
    elif isinstance(label, SupportsIndex) and -width <= label < width:
        return label % width
    columns = ", ".join(map(repr, names)) or f"0 to {width - 1}, without names"
    raise ValueError(f"{file}: there is no column {label!r}; the columns are {columns}")


_GAPS = {"na", "n/a", "nan", "null", "?"}  # cells that say that they are empty
_SEPARATED = {";": "semicolons", "\t": "tabs"}
_COMMA = re.compile(r"[+-]?(\d+|\d{1,3}(\.\d{3})+),\d+([eE][+-]?\d+)?")  # 0,5 or 1.234,5
_THOUSANDS = re.compile(r"[+-]?\d{1,3}(\.\d{3})+")  # in a file that has decimal commas


def _with_point(cell: str) -> str:
    """Write a number as Python does, if the cell is one of a file with decimal commas."""
    if _COMMA.fullmatch(cell) or _THOUSANDS.fullmatch(cell):
        return cell.replace(".", "").replace(",", ".")
    return cell


def _decoded(file: str, data: bytes) -> str:
    """Return the text that a file begins with, or all of it."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        encoding = "utf-16" if data[:2] in (BOM_UTF16_LE, BOM_UTF16_BE) else "latin1"
        line = data.count(b"\n", 0, error.start) + 1
        raise ValueError(
            f"{file}, row {line}: the file is not UTF-8 text, but probably {encoding}; save it as "
            f"UTF-8, in Excel as “CSV UTF-8”, or convert it: iconv -f {encoding} -t utf-8 "
            f"{shlex.quote(file)} > utf8.csv"
        ) from error


def _cells(
    file: str, text: str, delimiter: str, line: int = 1
) -> tuple[list[int], list[list[str]]]:
    """Read on which lines the rows of a CSV file start, and their cells without outer blanks."""
    lines: list[int] = []
    rows: list[list[str]] = []
    before = line - 1
    stream = io.StringIO(text, newline="")
    reader = csv.reader(stream, delimiter=delimiter, skipinitialspace=True, strict=True)
    try:
        for cells in reader:
            row = ["" if x.strip().lower() in _GAPS else x.strip() for x in cells]
            if row not in ([], [""]):
                lines.append(line)
                rows.append(row)
            line = before + reader.line_num + 1  # a quoted cell may span lines
    except csv.Error as error:
        raise ValueError(f"{file}, row {line}: malformed CSV: {error}") from error
    return lines, rows
