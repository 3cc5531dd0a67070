"""Run the notebooks, and check what is committed of them.

    python notebooks/check.py run [NAME …]     run from a clean kernel; what is printed must agree
    python notebooks/check.py write [NAME …]   run, and put what comes out into the files
    python notebooks/check.py table            write README.md, the table of the lecture's rows

A check line is a line of output that begins with ✓, such as "✓ L9: σ′ = σ(1 − σ) to within 1e-15",
where L9 is a row of the lecture. A cell prints it after an assertion of the same, and it states
what was asserted, not an error that was measured: rounding differs from machine to machine. So
check lines must agree to the letter, and all other lines but for their numbers: a listing that the
compiler no longer makes is found.

Only `run` and `write` need more than Python itself: `pip install ".[notebooks]"`.
"""

from __future__ import annotations

import argparse
import base64
import difflib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from io import BytesIO
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import quote

FOLDER = Path(__file__).resolve().parent
ROOT = FOLDER.parent
README = FOLDER / "README.md"

ROWS = [f"L{i}" for i in range(1, 24)]
REFERENCES = "L23"  # the sources have no formula to check: a notebook cites those that it uses

MAX_BYTES = 1_000_000
CELL_SECONDS = 120  # a cell that takes longer has hung
KERNELS = 2  # run at the same time
SECTIONS = ("Goals", "Exercises", "Solutions", "References")
METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}

Notebook = dict[str, Any]

_PATH = re.compile(r"(?<![\w.:/-])/(?:home|root|tmp|usr|opt|var|mnt|Users)/|[A-Z]:\\+Users\\")
_ADDRESS = re.compile(r"\b0x[0-9a-f]{8,}\b")
_TIMING = re.compile(r"(?<![\w.])\d+(?:\.\d+)?(?:e-?\d+)? ?(?:ns|[µμu]s|ms|s|sec|secs|seconds?)\b")
_ROW_LINE = re.compile(r"✓ (L\d+): (.+)")
_NUMBER = re.compile(r"[-−+]?\b\d+(?:\.\d+)?(?:e[-+]?\d+)?")
_EXERCISE = re.compile(r"^\d+\. ", re.MULTILINE)


def paths(names: Sequence[str] = ()) -> list[Path]:
    """List the notebooks in their order; with names, those whose name begins with one."""
    every = sorted(FOLDER.glob("[0-9][0-9]_*.ipynb"))
    for name in names:
        if not any(path.name.startswith(name) for path in every):
            there = ", ".join(path.stem for path in every)
            raise SystemExit(f"no notebook's name begins with {name!r}; there are {there}")
    return [p for p in every if not names or p.name.startswith(tuple(names))]


def read(path: Path) -> Notebook:
    """Read a notebook file."""
    notebook: Notebook = json.loads(path.read_text(encoding="utf-8"))
    return notebook


# --- what is in a notebook ----------------------------------------------------------------------


def source(cell: Notebook) -> str:
    """Give the text of a cell."""
    return "".join(cell["source"])


def tags(cell: Notebook) -> list[str]:
    """Give the tags of a cell."""
    found: list[str] = cell["metadata"].get("tags", [])
    return found


def texts(cell: Notebook) -> Iterator[tuple[str, str]]:
    """Give the outputs of a cell that are text, pictures as SVG included, each with its kind."""
    for output in cell.get("outputs", []):
        if output["output_type"] == "stream":
            yield output["name"], "".join(output["text"])
        for kind, data in output.get("data", {}).items():
            if not kind.startswith("image/") or kind == "image/svg+xml":
                yield kind, data if isinstance(data, str) else "".join(data)


def check_lines(cells: Iterable[Notebook]) -> list[str]:
    """Give the check lines that cells have printed."""
    return [line for line in printed_lines(cells) if line.startswith("✓")]


def printed_lines(cells: Iterable[Notebook]) -> list[str]:
    """Give all lines that cells have printed, those that are no check lines without numbers."""
    return [
        line if line.startswith("✓") else " ".join(_NUMBER.sub("#", line).split())
        for cell in cells
        for kind, text in texts(cell)
        if kind == "stdout"
        for line in text.splitlines()
    ]


def headings(notebook: Notebook) -> list[str]:
    """Give, for each cell, the heading that it stands under."""
    under, found = "", []
    for cell in notebook["cells"]:
        if cell["cell_type"] == "markdown" and source(cell).startswith("#"):
            under = source(cell).splitlines()[0].lstrip("# ")
        found.append(under)
    return found


# --- faults in what is committed ----------------------------------------------------------------


def faults(path: Path) -> list[str]:
    """Say what is wrong with a notebook as it is committed."""
    notebook = read(path)
    found = []
    if path.stat().st_size > MAX_BYTES:
        found.append(f"the file has {path.stat().st_size} bytes, and may have {MAX_BYTES}")
    if (notebook["nbformat"], notebook["nbformat_minor"]) != (4, 5):
        found.append("it is not in format 4.5")
    if notebook["metadata"] != METADATA:
        found.append("its metadata name a machine's own kernel: use the command `write`")
    ids = [cell["id"] for cell in notebook["cells"]]
    found += [f"two cells have the id {i}" for i in sorted({i for i in ids if ids.count(i) > 1})]
    found += [f"there is no section {s}" for s in SECTIONS if s not in headings(notebook)]
    tasks = "".join(
        source(cell)
        for cell, heading in zip(notebook["cells"], headings(notebook), strict=True)
        if heading == "Exercises"
    )
    if not 3 <= len(_EXERCISE.findall(tasks)) <= 5:
        found.append("it has not three to five exercises, each beginning with a number as in '1. '")
    code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    if [cell["execution_count"] for cell in code] != list(range(1, len(code) + 1)):
        found.append("its cells were not run once each, from the first to the last")
    for cell in notebook["cells"]:
        found += [f"cell {cell['id']}: {fault}" for fault in _cell_faults(cell)]
    return [*found, *_exercise_faults(code)]


def _exercise_faults(code: Sequence[Notebook]) -> Iterator[str]:
    """Say what is wrong with the cells that students fill in, their checks and their solutions."""
    solutions = "".join([source(cell) for cell in code if "solution" in tags(cell)])
    if not any("exercise" in tags(cell) for cell in code):
        yield "there is no cell for students to fill in, with the tag exercise"
    for cell, after in pairwise(code):
        if "exercise" in tags(cell):
            name = f"check_{cell['id'].replace('-', '_')}"
            if "..." not in source(cell):
                yield f"cell {cell['id']}: there is nothing to fill in: no ..."
            if "check" not in tags(after) or f"def {name}():" not in source(after):
                yield f"cell {cell['id']}: the next is not tagged check, or does not define {name}"
            elif not any(text.startswith("Still to do") for _, text in texts(after)):
                yield f"cell {after['id']}: it does not say what is still to do"
            if f'assert {name}().startswith("Right")' not in solutions:
                yield f"cell {cell['id']}: no solution fills it in and asserts {name}"


def _cell_faults(cell: Notebook) -> Iterator[str]:
    """Say what is wrong with a cell."""
    if extra := set(cell["metadata"]) - {"jupyter", "tags"}:
        yield f"metadata {', '.join(sorted(extra))} change from run to run"
    if any(output["output_type"] == "error" for output in cell.get("outputs", [])):
        yield "an error"
    for kind, text in [("source", source(cell)), *texts(cell)]:
        if kind == "stderr":
            yield f"a warning: {text.strip()}"
        for place in (str(ROOT), str(Path.home())):
            if place in text:
                yield f"a path of the machine: {place}"
        if match := _PATH.search(text):
            yield f"a path of the machine: {match[0]}"
        if match := _ADDRESS.search(text):
            yield f"an address in memory: {match[0]}"
        if kind in ("stdout", "text/plain") and (match := _TIMING.search(text)):
            yield f"a time, which is another on each machine: {match[0]}"
    before, printed, _ = source(cell).partition("✓") if cell["cell_type"] == "code" else ("",) * 3
    if printed and "assert" not in before:
        yield "a check line without an assertion before it"


# --- the table of the lecture's rows ------------------------------------------------------------


def table() -> str:
    """Make README.md from the check lines of the notebooks.

    Raises:
        ValueError: a row of the lecture is in no notebook, or a notebook has one that is none.
    """
    lines: dict[str, list[str]] = {row: [] for row in ROWS}
    contents = []
    for path in paths():
        notebook = read(path)
        title, goals = _title_and_summary(notebook)
        contents.append(f"| [{path.stem}]({path.name}) | {title} | {goals} | {hosted(path)} |")
        for cell, heading in zip(notebook["cells"], headings(notebook), strict=True):
            where = f"[{path.stem}]({path.name}) | {heading}"
            if heading == "References" and cell["cell_type"] == "markdown":
                count = sum(line.startswith("- ") for line in source(cell).splitlines())
                lines[REFERENCES].append(f"| {REFERENCES} | {where} |  | {count} sources |")
            for line in check_lines([cell]):
                if match := _ROW_LINE.fullmatch(line):
                    row, claim = match[1], match[2].replace("|", "\\|")
                    at = f"[{cell['execution_count']}]"
                    lines.setdefault(row, []).append(f"| {row} | {where} | {at} | {claim} |")
    if unknown := [row for row in lines if row not in ROWS]:
        raise ValueError(f"the lecture has no {', '.join(unknown)}")
    if missing := [row for row in ROWS if not lines[row]]:
        raise ValueError(f"no notebook has a check line for {', '.join(missing)}")
    return _PAGE.format(
        contents="\n".join(contents), rows="\n".join(line for row in ROWS for line in lines[row])
    )


def hosted(path: Path) -> str:
    """Link to where a notebook opens without installing anything."""
    url = repository()
    raw, inside = quote(f"{url}/raw/HEAD/notebooks/{path.name}", safe=""), f"notebooks/{path.name}"
    binder = f"https://mybinder.org/v2/git/{quote(url, safe='')}/HEAD?urlpath=lab/tree/{inside}"
    return f"[Colab](https://colab.research.google.com/#fileId={raw}) [Binder]({binder})"


def repository() -> str:
    """Return the address of the repository, which stands in the README of the project."""
    (url,) = re.findall(r"^git clone (\S+)", (ROOT / "README.md").read_text("utf-8"), re.MULTILINE)
    return str(url)


def _title_and_summary(notebook: Notebook) -> tuple[str, str]:
    """Give the heading of a notebook and the paragraph below it."""
    heading, _, rest = source(notebook["cells"][0]).partition("\n")
    return heading.lstrip("# "), " ".join(rest.strip().split("\n\n")[0].split())


_PAGE = """\
<!-- Written by `python notebooks/check.py table`: change the notebooks, not this file. -->
# The lecture as notebooks

Each notebook takes some pages of the lecture, computes their formulas with the engine, draws them,
and checks every claim in a cell that prints a line with a ✓.

| notebook | title | in short | opens in |
|---|---|---|---|
{contents}

To open them here: `pip install ".[notebooks]" jupyterlab && jupyter lab notebooks`. Visual Studio
Code needs only the first of the two packages.

`python notebooks/check.py run` runs them all from a clean kernel, with warnings as errors, and
compares what they print with what is committed here: check lines to the letter, others but for
their numbers.

## Where is what

Each row of the lecture with the cells that check it: the number in brackets is that of the cell.

| row | notebook | section | cell | what is checked there |
|---|---|---|---|---|
{rows}

## Changing or adding one

- A notebook begins with its title and a paragraph about it, and has the sections Goals, Exercises
  (three to five), Solutions and References. The solutions are collapsed: `<details>` around the
  text, and `"jupyter": {{"source_hidden": true}}` in the metadata of the code.
- Curves, level lines and networks are drawn by `nn.plot`. The code of a cell that draws what it
  cannot, by eight lines or more, is hidden likewise; a click opens it.
- An exercise to fill in is a cell with the tag `exercise` and an id such as `gate`, with dots in
  place of the answers. The next, with the tag `check`, defines `check_gate`, which says in words
  what is still to do, not yet right, or right. The solution fills in the answers and asserts that
  the same function calls them right; so every run checks both.
- A cell asserts a claim and then prints it, as in `✓ L9: σ′ = σ(1 − σ) to within 1e-15`, where L9
  is the row of the lecture. It prints the bound that it asserted, never an error that it measured,
  nor a time: those are others on every machine, and the line must come out the same on each.
- `python notebooks/check.py write 03` runs the third and puts its outputs into the file;
  `python notebooks/check.py table` renews this page; the tests say what is amiss.
"""


# --- running ------------------------------------------------------------------------------------


# Of the kernels. Warnings are errors, but for those of Jupyter about Jupyter.
_SETTINGS = """\
c = get_config()
c.IPKernelApp.exec_lines = [
    "import warnings; warnings.simplefilter('error'); "
    "warnings.filterwarnings('ignore', module='.*(ipykernel|matplotlib_inline|traitlets)')"
]
c.InteractiveShell.colors = "nocolor"
c.InteractiveShell.xmode = "Minimal"
c.HistoryManager.enabled = False
"""
_OTHERS = ("PYTHONWARNINGS", "PYTEST_ADDOPTS")  # what nobody else may set
_PYTEST = [
    *("--nbmake", "--overwrite", f"--nbmake-timeout={CELL_SECONDS}", f"--numprocesses={KERNELS}"),
    *("-W", "error"),  # what is wrong with a file would be repaired with a warning only
    *("-c", os.devnull, "-p", "no:cacheprovider"),  # nothing of this checkout's own tests
    *("-q", "--durations=0", "--durations-min=1"),
]


def run(chosen: Sequence[Path], *, write: bool) -> bool:
    """Run notebooks by nbmake, each from a clean kernel, with warnings as errors.

    Write what comes out, or compare what is printed.

    Returns:
        Whether all went well.
    """
    with tempfile.TemporaryDirectory() as place:
        folder, profile = Path(place, "notebooks"), Path(place, "settings", "profile_default")
        for path in (folder, profile):
            path.mkdir(parents=True)
        (profile / "ipython_kernel_config.py").write_text(_SETTINGS, encoding="utf-8")
        for path in chosen:
            shutil.copy(path, folder)
        environment = {
            **{k: v for k, v in os.environ.items() if k not in _OTHERS},
            "IPYTHONDIR": str(profile.parent),
            "PYTHONPATH": str(ROOT),  # the packages of this checkout
        }
        command = [sys.executable, "-m", "pytest", *_PYTEST, "--rootdir", place, str(folder)]
        if subprocess.run(command, env=environment, cwd=place).returncode != 0:
            return False
        fresh = {path: committable(read(folder / path.name)) for path in chosen}
    if write:
        for path, notebook in fresh.items():
            text = json.dumps(notebook, ensure_ascii=False, indent=1) + "\n"
            path.write_text(text, encoding="utf-8")
        return True
    differing = [
        path
        for path, notebook in fresh.items()
        if report(path.name, printed_lines(read(path)["cells"]), printed_lines(notebook["cells"]))
    ]
    return not differing


def committable(notebook: Notebook) -> Notebook:
    """Take from a notebook what is another in each run, and make its pictures smaller."""
    notebook["metadata"] = METADATA
    for cell in notebook["cells"]:
        cell["metadata"].pop("execution", None)
        if "outputs" in cell:
            cell["outputs"] = _joined(cell["outputs"])
        for output in cell.get("outputs", []):
            if (png := output.get("data", {}).get("image/png")) is not None:
                output["data"]["image/png"] = _smaller("".join(png))
    return notebook


def _joined(outputs: Iterable[Notebook]) -> list[Notebook]:
    """Join what was printed in one go: a kernel sends it in pieces, others in each run."""
    joined: list[Notebook] = []
    for output in outputs:
        if joined and "name" in output and output["name"] == joined[-1].get("name"):
            text = "".join([*joined[-1]["text"], *output["text"]])
            joined[-1] = {**output, "text": text.splitlines(keepends=True)}
        else:
            joined.append(output)
    return joined


def _smaller(png: str) -> str:
    """Reduce a picture, a PNG in base 64, to 256 colours on white: a plot has hardly more."""
    from PIL import Image

    picture = Image.open(BytesIO(base64.b64decode(png))).convert("RGBA")
    paper = Image.new("RGBA", picture.size, "white")
    printed = Image.alpha_composite(paper, picture).convert("RGB")
    reduced = BytesIO()
    printed.quantize(256, dither=Image.Dither.NONE).save(reduced, format="png", optimize=True)
    return base64.b64encode(reduced.getvalue()).decode()


def report(name: str, committed: Sequence[str], fresh: Sequence[str]) -> list[str]:
    """Print and return the lines in which committed and fresh outputs differ."""
    differences = list(
        difflib.unified_diff(committed, fresh, "committed", "fresh", n=0, lineterm="")
    )
    if differences:
        print(
            f"{name}: prints other lines than are committed",
            *differences,
            sep="\n",
            file=sys.stderr,
        )
    return differences


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line asks."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("command", choices=["run", "write", "table"])
    parser.add_argument("names", nargs="*", help="the beginning of a notebook's name, such as 03")
    options = parser.parse_args(arguments)
    if options.command == "table":
        README.write_text(table(), encoding="utf-8")
        return 0
    chosen = paths(options.names)
    good = run(chosen, write=options.command == "write")
    if good and options.command == "write":
        for path in chosen:
            for fault in faults(path):
                good = False
                print(f"{path.name}: {fault}", file=sys.stderr)
    return 0 if good else 1


if __name__ == "__main__":
    raise SystemExit(main())
