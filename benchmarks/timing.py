"""What the benchmarks share: taking times in turn, describing the machine, tables and JSON.

Nothing outside the standard library is imported here, since a big heap makes every collection of
garbage dearer for everybody who is measured.
"""

from __future__ import annotations

import argparse
import gc
import json
import math
import os
import platform
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any, TypeVar

Name = TypeVar("Name", bound=Hashable)

RESULTS = Path(__file__).parent / "results"

# What BLAS reads in the environment when NumPy is imported: one thread for everybody
ONE_THREAD = dict.fromkeys(
    ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"), "1"
)


def parser_of(name: str, about: str | None, rounds: int | None = None) -> argparse.ArgumentParser:
    """Make the parser of the options that the benchmarks share, with so many rounds by default."""
    parser = argparse.ArgumentParser(prog=f"python -m benchmarks.{name}", description=about)
    parser.add_argument("--out", type=Path, default=RESULTS / f"{name}.json", metavar="FILE")
    parser.add_argument("--quick", action="store_true", help="try it out: the times mean nothing")
    if rounds is not None:
        parser.add_argument("--rounds", type=int, default=rounds, help="samples of each contender")
    return parser


def seconds(
    run: Callable[[], object], loops: int = 1, clock: Callable[[], float] = perf_counter
) -> float:
    """Return the time of one call of `run` in a loop of such calls, the mean over `loops` of them.

    The heap is cleared of the garbage of others first, and a call that does not count leaves that
    of `run` itself. After that the collector of garbage works as it does for users: it is not
    paused, and its time counts. The clock is that of the wall, or another such as
    `time.process_time`, which a busy machine does not disturb.
    """
    gc.collect()
    run()
    start = clock()
    for _ in range(loops):
        run()
    return (clock() - start) / loops


def loops_for(one_run: float, shortest: float = 0.02) -> int:
    """Return how many calls make a sample that is long against the clock's resolution."""
    return max(1, math.ceil(shortest / one_run))


def in_turn(
    contenders: Mapping[Name, Callable[[], float]], rounds: int, patience: float = math.inf
) -> dict[Name, list[float]]:
    """Take samples of all contenders in turn, so that a busy spell of the machine hits them all.

    Args:
        contenders: by name, functions that take one sample and return its seconds.
        rounds: how many samples to take of each.
        patience: seconds after which no more samples are taken of a slow contender.
    """
    samples: dict[Name, list[float]] = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, sample in contenders.items():
            if sum(samples[name]) < patience:
                samples[name].append(sample())
    return samples


def race(
    samples: Mapping[str, Callable[[], float]],
    rounds: int,
    differences: Mapping[str, float],
    first_call: Mapping[str, float],
    patience: float = math.inf,
) -> dict[str, Any]:
    """Take samples in turn; return them, their medians and what was found before, to report.

    Args:
        samples: see `in_turn`.
        rounds: likewise.
        differences: the largest difference of each contender's numbers.
        first_call: the seconds of each contender's first call.
        patience: see `in_turn`.
    """
    seconds = in_turn(samples, rounds, patience)
    return {
        "largest_difference": differences,
        "first_call": first_call,
        "seconds": seconds,
        "medians": medians(seconds),
    }


def medians(samples: Mapping[str, Sequence[float]]) -> dict[str, float]:
    """Return the median of each contender's samples."""
    return {name: median(times) for name, times in samples.items()}


def largest_difference(numbers: Sequence[float], expected: Sequence[float]) -> float:
    """Return the largest difference of two lists, relative to the largest number expected."""
    scale = max(map(abs, expected)) or 1.0
    return max(abs(a - b) for a, b in zip(numbers, expected, strict=True)) / scale


def refuse_disagreement(differences: Mapping[str, float], tolerance: float = 1e-9) -> None:
    """Stop if a contender computed something else: its time would mean nothing."""
    for name, difference in differences.items():
        if not difference <= tolerance:
            raise SystemExit(f"{name} computed other numbers: they differ by {difference:.1e}")


@dataclass(frozen=True)
class Requirement:
    """A figure that the project promises, with the one measured."""

    what: str
    measured: float
    relation: str  # "at least" or "at most"
    limit: float
    unit: str = "×"

    @property
    def met(self) -> bool:
        """Whether the promise is kept."""
        if self.relation == "at least":
            return self.measured >= self.limit
        return self.measured <= self.limit

    def row(self) -> list[str]:
        """Return the cells of the line that shows it."""
        verdict = "met" if self.met else "MISSED"
        limit = f"{self.relation} {self.limit:g}{self.unit}"
        return [self.what, f"{self.measured:.2f}{self.unit}", limit, verdict]


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Lay out a table: the first column to the left, the others to the right.

    >>> print(table(["name", "ms"], [["a", "1.5"], ["longer", "10.0"]]))
    name      ms
    ------  ----
    a        1.5
    longer  10.0
    """
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    lines = [head, ["-" * width for width in widths], *rows]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if place else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )


def machine() -> dict[str, Any]:
    """Describe the machine and the interpreter."""
    return {
        "platform": platform.platform(),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "python": f"{platform.python_implementation()} {platform.python_version()}",
    }


def _processor() -> str:
    """Name the processor; Linux keeps its name in a file."""
    information = Path("/proc/cpuinfo")
    if information.exists():
        for line in information.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def version(distribution: str) -> str | None:
    """Return the version of an installed distribution, or None."""
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None


def save(path: Path, report: Mapping[str, Any], requirements: Sequence[Requirement]) -> None:
    """Print what is required; write the report with it and the machine to a JSON file."""
    rows = [requirement.row() for requirement in requirements]
    print(f"\n{table(['required', 'measured', 'limit', ''], rows)}")
    verdicts = [{**asdict(required), "met": required.met} for required in requirements]
    path.parent.mkdir(parents=True, exist_ok=True)
    content = {"machine": machine(), **report, "requirements": verdicts}
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"\nall samples are in {path}")
