"""Change the source at random, one place at a time, and see whether the tests notice.

    python tests/mutation.py --count 100 --seed 0          the whole source
    python tests/mutation.py --only autograd/engine        one folder or file of it

A mutant is the source with one place changed: `<` to `<=`, `+` to `-`, a condition negated, a
number moved, a statement left out. It is killed if a test fails or runs for too long, and survives
if all pass; a survivor shows code that no test holds to its meaning, or code that has none. Changes
that are none by nature are not made: see `_is_idle`; nor those of a decorator's options, which
guard (`frozen`) or spare (`slots`).

Which tests run a line is measured once, with coverage, and kept in `.mutation/` until the source or
a test changes. Of those the quickest run first. Everything happens in copies of what git tracks, so
the checkout is never touched. It is not a test itself: a hundred mutants take about half an hour.

mutmut and cosmic-ray do the like, but both want the tests of a module named by hand or run them all
for every mutant, which here would take hours; this one asks coverage.
"""

from __future__ import annotations

import argparse
import ast
import hashlib
import json
import math
import os
import random
import shutil
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
KEPT = ROOT / ".mutation"
PACKAGES = ("autograd", "nn")
ANY = "any"

_PAIRS = [
    *((ast.Lt, ast.LtE), (ast.Gt, ast.GtE), (ast.Eq, ast.NotEq), (ast.Is, ast.IsNot)),
    *((ast.In, ast.NotIn), (ast.And, ast.Or), (ast.BitAnd, ast.BitOr)),
    *((ast.Add, ast.Sub), (ast.Mult, ast.Div)),
]
SWAPPED: dict[type, type] = {
    **dict.fromkeys((ast.Mod, ast.FloorDiv, ast.Pow), ast.Mult),
    **{one: other for pair in _PAIRS for one, other in (pair, pair[::-1])},
}


# --- mutants --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Mutant:
    """One change: in a file, from one place of its text to another, to other code."""

    file: str
    line: int
    start: int
    stop: int
    code: str

    def applied(self, text: str) -> str:
        """Return the text of the file with the change made."""
        raw = text.encode()
        return (raw[: self.start] + self.code.encode() + raw[self.stop :]).decode()


def mutants_of(file: str, text: str) -> Iterator[Mutant]:
    """List every mutant of a file. What has no meaning at run time has none: annotations, texts."""
    tree = ast.parse(text)
    starts = [0]
    for line in text.encode().splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    for node in _alive(tree):
        for changed in _changes(node):
            code = ast.unparse(ast.fix_missing_locations(changed))
            yield Mutant(
                file,
                node.lineno,
                starts[node.lineno - 1] + node.col_offset,
                starts[node.end_lineno - 1] + node.end_col_offset,
                f"({code})" if isinstance(changed, ast.expr) else code,
            )


def _alive(node: ast.AST) -> Iterator[Any]:
    """Walk through all code whose change a test can notice."""
    if isinstance(node, (ast.expr, ast.stmt)):
        yield node
    for name, field in ast.iter_fields(node):
        if name not in ("annotation", "returns", "type_comment", "decorator_list"):
            for child in field if isinstance(field, list) else [field]:
                if isinstance(child, ast.AST) and not _is_idle(child, node):
                    yield from _alive(child)


def _is_idle(node: ast.AST, parent: ast.AST) -> bool:
    """Tell of what a change is none by nature, or none of meaning."""
    match node:
        case ast.JoinedStr() | ast.Raise():  # texts; that an error comes, its condition tells
            return True
        case ast.keyword("strict"):  # a guard: the lengths are equal if the code is right
            return True
        case ast.If(test=ast.Name("TYPE_CHECKING")):
            return True
        case ast.Assign(value=ast.Constant(int(n)) | ast.Tuple([ast.Constant(int(n)), *_])):
            # a limit or a size that somebody chose: one more is as good
            return isinstance(parent, ast.Module) and n >= 10
        case _:
            return False


def _changes(node: Any) -> Iterator[ast.AST]:
    """Return other code for a node: expressions by expressions, statements by statements."""
    match node:
        case ast.Compare(left, [operator], right):
            yield ast.Compare(left, [SWAPPED[type(operator)]()], right)
        case ast.BinOp(left, operator, right) if type(operator) in SWAPPED:
            yield ast.BinOp(left, SWAPPED[type(operator)](), right)
        case ast.BoolOp(operator, values):
            yield ast.BoolOp(SWAPPED[type(operator)](), values)
        case ast.UnaryOp(ast.Not(), operand):
            yield operand
        case ast.UnaryOp(ast.USub(), operand) if not isinstance(operand, ast.Constant):
            yield operand
        case ast.IfExp(test, body, orelse):
            yield ast.IfExp(test, orelse, body)
        case ast.Constant(bool() as value):
            yield ast.Constant(not value)
        case ast.Constant(int() | float() as value):
            yield ast.Constant(value + 1)
        case ast.Return(value) if not (value is None or ast.unparse(value) == "None"):
            yield ast.Return(ast.Constant(None))
        case ast.Expr(ast.Call()):
            yield ast.Pass()
        case ast.AugAssign(target, operator, value) if type(operator) in SWAPPED:
            yield ast.AugAssign(target, SWAPPED[type(operator)](), value)
        case ast.Break():
            yield ast.Continue()
        case ast.Continue():
            yield ast.Break()
        case _:
            return


# --- which tests run a line -----------------------------------------------------------------------


def sources(only: Sequence[str]) -> list[str]:
    """List the files of the packages that git tracks, or those of them below `only`."""
    listed = subprocess.run(
        ["git", "ls-files", *PACKAGES], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split()
    files = [file for file in listed if file.endswith(".py")]
    return [f for f in files if not only or any(f.startswith(o.rstrip("/")) for o in only)]


def copied() -> Path:
    """Copy what git tracks, as it stands in the checkout, to a new folder."""
    folder = Path(tempfile.mkdtemp(prefix="mutation-"))
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True)
    for name in listed.stdout.decode().split("\0"):
        if name and (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    return folder


def tests_by_line(folder: Path) -> dict[str, dict[str, list[str]]]:
    """Return, by file and line, the tests that run it, the quickest first.

    The line ANY stands for all that run a line of the file: what runs at import is theirs.
    """
    hashed = hashlib.sha256()
    for path in sorted(folder.rglob("*.py")):
        hashed.update(path.read_bytes())
    kept = KEPT / f"{hashed.hexdigest()[:16]}.json"
    if not kept.exists():
        KEPT.mkdir(exist_ok=True)
        kept.write_text(json.dumps(_measured(folder)), encoding="utf-8")
    return json.loads(kept.read_text(encoding="utf-8"))


def _measured(folder: Path) -> dict[str, dict[str, list[str]]]:
    """Run all tests with coverage, and note for each line by which it is run."""
    import coverage

    print("measuring which tests run which line: some minutes …", flush=True)
    data, report = folder / ".coverage", folder / "durations.xml"
    options = ["--cov", "--cov-report=", "--cov-context=test", f"--junitxml={report}", "-q"]
    command = [sys.executable, "-m", "pytest", *options, "--numprocesses=2"]
    done = subprocess.run(
        command, cwd=folder, env=_environment(folder), capture_output=True, text=True
    )
    if not report.exists():
        raise RuntimeError(f"pytest did not come to an end:\n{(done.stdout + done.stderr)[-2000:]}")
    seconds: dict[str, float] = {}
    for case in ET.parse(report).iter("testcase"):
        key = f"{case.get('classname')}.{case.get('name')}"
        seconds[key] = float(case.get("time", 0))
        if case.find("failure") is not None or case.find("error") is not None:
            seconds[key] = math.inf  # it would kill every mutant: no mutant meets it
            print(f"fails without a mutant, and is left out: {key}")

    def duration(test: str) -> float:
        path, _, name = test.partition("::")
        return seconds.get(f"{path.removesuffix('.py').replace('/', '.')}.{name}", 1.0)

    def quickest(tests: Iterable[str]) -> list[str]:
        return sorted(sorted({t for t in tests if duration(t) < math.inf}), key=duration)

    covered = coverage.CoverageData(str(data))
    covered.read()
    result: dict[str, dict[str, list[str]]] = {}
    for file in covered.measured_files():
        name = str(Path(file).relative_to(folder)) if Path(file).is_absolute() else file
        result[name] = {
            str(line): quickest(c.rpartition("|")[0] for c in contexts if c)
            for line, contexts in covered.contexts_by_lineno(file).items()
        }
        result[name][ANY] = quickest(t for x in result[name].values() for t in x)
    return result


def _environment(folder: Path) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}


# --- trying them ----------------------------------------------------------------------------------


def survives(mutant: Mutant, folder: Path, tests: Sequence[str], seconds: float) -> bool:
    """Run the tests on a mutant; tell whether all of them pass in time."""
    path = folder / mutant.file
    text = path.read_text(encoding="utf-8")
    path.write_text(mutant.applied(text), encoding="utf-8")
    chosen = folder / "chosen.txt"
    chosen.write_text("\n".join(tests), encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", f"@{chosen}"]
    try:
        done = subprocess.run(
            command, cwd=folder, env=_environment(folder), capture_output=True, timeout=seconds
        )
    except subprocess.TimeoutExpired:
        return False
    finally:
        path.write_text(text, encoding="utf-8")
    if done.returncode in (4, 5):  # pytest was called wrongly, or found no such test
        raise RuntimeError(f"{mutant}: {done.stdout.decode()}{done.stderr.decode()}")
    return done.returncode == 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line asks; fail if too many mutants survive."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--count", type=int, default=100, help="how many mutants")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", nargs="*", default=[], help="files or folders of the source")
    parser.add_argument("--tests", type=int, default=400, help="how many tests a mutant meets")
    parser.add_argument("--seconds", type=float, default=240, help="after which it is killed")
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args(arguments)

    found = [
        mutant
        for file in sources(options.only)
        for mutant in mutants_of(file, (ROOT / file).read_text(encoding="utf-8"))
    ]
    chosen = random.Random(options.seed).sample(found, min(options.count, len(found)))
    folders: SimpleQueue[Path] = SimpleQueue()
    copies = [copied() for _ in range(options.jobs)]
    try:
        by_line = tests_by_line(copies[0])
        for folder in copies:
            folders.put(folder)

        def tried(mutant: Mutant) -> tuple[Mutant, int, bool]:
            lines = by_line.get(mutant.file, {ANY: []})
            tests = (lines.get(str(mutant.line)) or lines[ANY])[: options.tests]
            folder = folders.get()
            try:
                alive = not tests or survives(mutant, folder, tests, options.seconds)
            finally:
                folders.put(folder)
            return mutant, len(tests), alive

        survivors = 0
        with ThreadPoolExecutor(options.jobs) as pool:
            for mutant, count, alive in pool.map(tried, chosen):
                survivors += alive
                if alive:
                    text = (ROOT / mutant.file).read_bytes()
                    old = text[mutant.start : mutant.stop].decode()
                    tests = f"{count} tests pass" if count else "no test runs it"
                    print(f"{mutant.file}:{mutant.line}: {old!r} → {mutant.code!r}: {tests}")
                    sys.stdout.flush()
    finally:
        for folder in copies:
            shutil.rmtree(folder, ignore_errors=True)
    killed = len(chosen) - survivors
    print(f"{killed} of {len(chosen)} mutants killed ({killed / max(1, len(chosen)):.0%})")
    return 0 if killed >= 0.95 * len(chosen) else 1


if __name__ == "__main__":
    raise SystemExit(main())
