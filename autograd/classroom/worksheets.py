"""Worksheets: a small graph whose values and gradients are to be found by hand, and their key."""

from __future__ import annotations

import argparse
import html
import operator
import random
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass
from fractions import Fraction
from os import PathLike
from pathlib import Path

from autograd.classroom.animation import filled
from autograd.classroom.paper import Page, pdf
from autograd.engine import Value
from autograd.engine.functions import dot, maximum, relu, square
from autograd.explanations import Graph, swept
from autograd.files import write_atomically
from autograd.pictures import graph_source
from autograd.pictures.render import render

LEVELS = {
    1: "sums and products",
    2: "a node with two users; squares and ReLU",
    3: "several nodes with two users; quotients and maxima",
    4: "a network of two ReLU neurons with a squared error",
}
"""What there is to learn, by level."""

_LARGEST_NUMERATOR, _LARGEST_DENOMINATOR = 60, 8  # of numbers that are pleasant to work with
_ATTEMPTS = 10_000  # far more than it takes: at least one graph in twenty will do


@dataclass(frozen=True)
class Worksheet:
    """A graph to work through, with the page to fill in and the page of answers.

    Attributes:
        root: the result; its graph has its gradients.
        level: the level of difficulty, a key of `LEVELS`.
        seed: what the graph was made from.
    """

    root: Value
    level: int
    seed: int

    def sheet(self) -> str:
        """Return the page to fill in, as HTML that needs no other file."""
        return _as_html(self._page(solved=False))

    def key(self) -> str:
        """Return the page with the answers, and how each gradient comes about."""
        return _as_html(self._page(solved=True))

    def save(self, path: str | PathLike[str]) -> tuple[Path, Path]:
        """Write both pages, as .html or .pdf; return their paths: of the sheet, and of the key.

        Raises:
            ValueError: the name ends in something else.
            OSError: a file cannot be written.
        """
        return save([self], path)

    def _page(self, solved: bool) -> Page:
        graph = Graph(self.root)
        workings = _workings(graph)
        rows = []
        for node in sorted(
            graph.order, key=lambda node: (bool(node.op), not node.op and node.name)
        ):
            row = [
                graph.names[node],
                graph.formula(node) if node.op else "given",
                _as_fraction(node.data) if solved or not node.op else "",
                _as_fraction(node.grad) if solved else "",
            ]
            rows.append([*row, workings[node]] if solved else row)
        source = graph_source(
            graph.order,
            [self.root],
            name_of=graph.names.__getitem__,
            number_of=getattr if solved else _given,
        )
        result = graph.names[self.root]
        header = ["node", "computed as", "value", f"∂{result}/∂node"]
        return Page(
            title="Back-propagation by hand" + (": key" if solved else ""),
            subtitle=f"Level {self.level}: {LEVELS[self.level]} · sheet {self.seed}",
            task=[_SOLVED] if solved else [line.format(result=result) for line in _TASK],
            svg=render(source, "svg").decode(),
            header=[*header, "because"] if solved else header,
            rows=rows,
        )


def save(sheets: Sequence[Worksheet], path: str | PathLike[str]) -> tuple[Path, Path]:
    """Write worksheets into one file, and their keys into another beside it; return both paths.

    Args:
        sheets: the worksheets; several, as for a class, go into a PDF with a page for each.
        path: the file of the sheets, a name that ends in .html or .pdf.

    Raises:
        ValueError: the name ends in something else, or in .html for several sheets.
        OSError: a file cannot be written.
    """
    path = Path(path)
    if path.suffix not in (".html", ".pdf"):
        raise ValueError(f"cannot save a worksheet as {str(path)!r}: end the name in .html or .pdf")
    if path.suffix == ".html" and len(sheets) != 1:
        raise ValueError(f"{len(sheets)} worksheets are a PDF: end the name {str(path)!r} in .pdf")
    key = path.with_name(f"{path.stem}-key{path.suffix}")
    for file, is_key in ((key, True), (path, False)):
        pages = (sheet._page(solved=is_key) for sheet in sheets)
        write_atomically(file, pdf(pages) if path.suffix == ".pdf" else _as_html(next(pages)))
    return path, key


def make(level: int, seed: int) -> Worksheet:
    """Make a worksheet; the same arguments make the same one.

    All values, gradients and contributions are small integers or simple fractions.

    Args:
        level: from 1 to 4, see `LEVELS`.
        seed: any integer.

    Raises:
        ValueError: there is no such level.

    >>> sheet = make(level=1, seed=7)
    >>> sheet.root.data == round(sheet.root.data)
    True
    """
    if level not in LEVELS:
        raise ValueError(f"level must be one of {', '.join(map(str, LEVELS))}, not {level!r}")
    rng = random.Random(f"worksheet {level} {seed}")
    for _ in range(_ATTEMPTS):
        root = _graph(rng, _RECIPES[level]) if level in _RECIPES else _network(rng)
        if root is not None and _pleasant(root):
            root.backward()
            return Worksheet(root, level, seed)
    raise RuntimeError(f"no pleasant graph found for level {level}, seed {seed}")


def command(arguments: Sequence[str]) -> None:
    """Run `python -m autograd worksheet`."""
    parser = argparse.ArgumentParser(
        prog="python -m autograd worksheet",
        description="Make a graph to fill in by hand, as a page to print, and a page with the key.",
        epilog="levels:\n" + "\n".join([f"  {n}  {what}" for n, what in LEVELS.items()]),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--level", type=int, default=1, help="from 1 to 4, by default 1")
    parser.add_argument("--seed", type=int, default=0, help="each seed gives a sheet of its own")
    parser.add_argument(
        "--count",
        type=int,
        default=1,
        metavar="N",
        help="so many sheets, for a class, each with a seed of its own: --seed and those after it",
    )
    parser.add_argument(
        "--out",
        metavar="FILE",
        help="as .html or .pdf; by default sheet.html or, of several sheets, sheets.pdf",
    )
    options = parser.parse_args(arguments)
    out = options.out or ("sheet.html" if options.count == 1 else "sheets.pdf")
    if options.count < 1:
        raise ValueError(f"--count must be at least 1, not {options.count}")
    seeds = range(options.seed, options.seed + options.count)
    sheets, keys = save([make(options.level, seed) for seed in seeds], out)
    if options.count == 1:
        print(f"The sheet is in {sheets}, its key in {keys}")
    else:
        print(f"{options.count} sheets are in {sheets}, their keys in {keys}, a page each")


# --- graphs ---------------------------------------------------------------------------------------


_SMALL = (-4.0, -3.0, -2.0, -1.0, 1.0, 2.0, 3.0, 4.0)
_UNARY = (square, relu)
_ARITHMETIC = (operator.add, operator.sub, operator.mul)


@dataclass(frozen=True)
class _Recipe:
    """What the graph of a level is made of."""

    leaves: int
    applied: int  # how many unary operations
    shared: int  # how many operands are nodes that have a user already
    numbers: Sequence[float] = _SMALL
    binary: Sequence[Callable[[Value, Value], Value]] = _ARITHMETIC
    wanted: Set[str] = frozenset("*")  # operations of which at least one must occur


_RECIPES = {
    1: _Recipe(leaves=4, applied=0, shared=0),
    2: _Recipe(leaves=3, applied=1, shared=1),
    3: _Recipe(
        leaves=4,
        applied=1,
        shared=2,
        numbers=(*_SMALL, 0.5, -0.5),
        binary=(*_ARITHMETIC, operator.truediv, maximum),
        wanted={"/", "maximum"},
    ),
}


def _graph(rng: random.Random, recipe: _Recipe) -> Value | None:
    """Combine nodes at random until one result is left; None if what is wanted is not in it."""
    leaves = [Value(rng.choice(recipe.numbers), "abcdef"[i]) for i in range(recipe.leaves)]
    unused, used = list(leaves), list[Value]()
    steps = ["unary"] * recipe.applied + ["shared"] * recipe.shared
    steps += ["binary"] * (recipe.leaves - 1)
    rng.shuffle(steps)
    for step in steps:
        x = unused.pop(rng.randrange(len(unused)))
        operands = [x]
        if step == "unary":
            result = rng.choice(_UNARY)(x)
        else:
            if step == "shared":
                y = rng.choice(used or [x])
            else:
                y = unused.pop(rng.randrange(len(unused)))
            operands.append(y)
            result = rng.choice(recipe.binary)(x, y)
        used += operands
        unused.append(result)
    (root,) = unused
    return root if any(node.op in recipe.wanted for node in (*used, root)) else None


def _network(rng: random.Random) -> Value:
    """Make the loss of a network with two inputs, two hidden neurons and one output."""

    def number(name: str) -> Value:
        return Value(rng.choice((-2.0, -1.0, 1.0, 2.0, 3.0)), name)

    x = [number("x₁"), number("x₂")]
    hidden = []
    for j in ("₁", "₂"):
        z = dot([number(f"w₁{j}"), number(f"w₂{j}")], x, number(f"b{j}"))
        hidden.append(relu(z))
        z.name, hidden[-1].name = f"z{j}", f"h{j}"
    output = dot([number("u₁"), number("u₂")], hidden, number("c"))
    error = output - number("y")
    loss: Value = square(error)
    output.name, error.name, loss.name = "ŷ", "e", "L"
    return loss


def _pleasant(root: Value) -> bool:
    """Decide whether a graph can be worked by hand, and teaches something."""
    graph = Graph(root)
    gradients: dict[Value, float] = {}
    numbers = [node.data for node in graph.order]
    for _, upstream, edges in swept(graph.differentiable, 1.0, gradients):
        numbers.append(upstream)
        for edge in edges:
            numbers += [edge.local, edge.contribution]
    leaves = [node for node in graph.order if not node.op]
    idle = sum([gradients[leaf] == 0.0 for leaf in leaves])
    on_an_edge = any(
        len({x.data for x in (*node.parents, *[Value(0.0)] * (node.op == "relu"))}) == 1
        for node in graph.order
        if node.op in ("relu", "maximum")
    )
    trivial = any(  # such as a - a
        len(node.parents) == 2 and node.parents[0] is node.parents[1] for node in graph.order
    )
    teaches = not (on_an_edge or trivial) and idle <= len(leaves) // 3
    return teaches and all(map(_simple, numbers))


# --- numbers --------------------------------------------------------------------------------------


def _fraction(x: float) -> Fraction:
    return Fraction(x).limit_denominator(_LARGEST_DENOMINATOR)


def _simple(x: float) -> bool:
    """Tell whether a number is a small integer or a simple fraction, but for rounding."""
    if not abs(x) <= _LARGEST_NUMERATOR:
        return False
    fraction = _fraction(x)
    return abs(fraction.numerator) <= _LARGEST_NUMERATOR and abs(float(fraction) - x) <= 1e-12


def _as_fraction(x: float) -> str:
    return str(_fraction(x)).replace("-", "−")


def _workings(graph: Graph) -> Mapping[Value, str]:
    """Write each gradient as the sum, over the users of its node, of upstream times local."""
    terms: dict[Value, list[str]] = {node: [] for node in graph.order}
    for node, upstream, edges in swept(graph.differentiable, 1.0, {}):
        for edge in edges:
            factors = [_as_fraction(x) for x in (upstream, edge.local)]
            terms[edge.parent].append(
                " · ".join([f"({x})" if x.startswith("−") else x for x in factors])
                + f" from {graph.names[node]}"
            )
    terms[graph.root].append("the result with respect to itself")
    return {node: " + ".join(parts) for node, parts in terms.items()}


def _given(node: Value, word: str) -> float | None:
    """Return only the numbers that are known at the start."""
    return node.data if word == "data" and not node.op else None


# --- pages ----------------------------------------------------------------------------------------

_TASK = (
    "1. Forward, from left to right: compute the value of each node.",
    "2. Backward, from right to left: start with ∂{result}/∂{result} = 1. The gradient of a node",
    "    is the sum, over the nodes that use it, of their gradient × the local derivative.",
    "Name: _______________________________",
)
_SOLVED = "Each gradient is a sum of products, upstream gradient · local derivative."


def _as_html(page: Page) -> str:
    """Write a page in HTML that needs no other file."""
    header = [f"<th scope=col>{html.escape(title)}" for title in page.header]
    rows = []
    for first, *cells in [[*map(html.escape, row)] for row in page.rows]:
        rest = "".join([f"<td>{cell}</td>" for cell in cells])
        rows.append(f"<tr><th scope=row>{first}</th>{rest}</tr>")
    return filled(
        "worksheet.html",
        title=page.title,
        subtitle=page.subtitle,
        task="<br>\n".join(map(html.escape, page.task)),
        picture=page.svg[page.svg.index("<svg") :],
        header="".join(header),
        rows="\n".join(rows),
    )
