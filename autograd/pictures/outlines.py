"""A graph as a tree of lines, for a terminal: the result at the top, operands indented under it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from autograd import notation
from autograd.engine import Value, operands_of

_MOST_LINES = 60
_MOST_DEPTH = 16
_MOST_OPERANDS = 9


def outline(
    roots: Sequence[Value], show: Collection[str], size: int, variables: Collection[Value]
) -> str:
    """Write a graph as a tree.

    A node that is used more than once has its operands where it is first met, and a number in
    brackets, by which it goes from then on. What is shown as "local" is the derivative of the node
    above with respect to it. `variables` are leaves that are no numbers even without a name; `size`
    is how many nodes there are, not counting numbers.

    >>> x = Value(2.0, "x")
    >>> y = x * 3
    >>> print(outline([y * y], ["data"], 3, {x}))
                data
    ×             36
    ├─ × [1]       6
    │  ├─ x        2
    │  └─ 3
    └─ × [1] ↑     6
    """
    lines, met, again = _visited(roots, variables)
    marks = {node: f" [{i}]" for i, node in enumerate(again, start=1)}
    words = [word for word in ("data", "grad", "local") if word in show]
    rows = [("", *words)] if words else []
    for line in lines:
        node = line.node
        if isinstance(node, Value):
            mark = marks.get(node, "") + (" ↑" if line.is_back else "")
            numbers = {"data": node.data, "grad": node.grad, "local": line.local}
        else:
            mark, numbers = "", {}
        written = ["" if (x := numbers.get(word)) is None else notation.number(x) for word in words]
        rows.append((f"{line.indent}{line.label}{mark}", *written))
    text = notation.aligned(rows)
    if left := size - len(met):
        text += f"\n… and {notation.count(left, 'more node')} of {size:,}"
    return text


@dataclass(slots=True)
class _Branch:
    """A line of the tree.

    Attributes:
        node: the node, a number, or None where operands are left out.
        indent: the lines of the tree in front of it.
        label: how it is called.
        local: the local derivative of the node above with respect to it, if it has one.
        is_back: whether the node has been met before.
    """

    node: Any
    indent: str
    label: str
    local: float | None = None
    is_back: bool = False


def _visited(
    roots: Sequence[Value], variables: Collection[Value]
) -> tuple[list[_Branch], set[Value], dict[Value, None]]:
    """Walk the graph from the roots; give the lines, and the nodes met once and again."""
    lines: list[_Branch] = []
    met: set[Value] = set()
    again: dict[Value, None] = {}
    # what is to come: a line, the indent of lines under it, and its depth
    stack = [(_Branch(root, "", _label(root)), "", 0) for root in reversed(roots)]
    while stack and len(lines) < _MOST_LINES:
        line, indent, depth = stack.pop()
        lines.append(line)
        node = line.node
        if not isinstance(node, Value):
            continue
        if not (node.op or node.name or node in variables):
            line.node = node.data  # a number, of which somebody has seen the node
            continue
        if node in met:
            line.is_back = True
            again[node] = None
            continue
        met.add(node)
        operands = operands_of(node)
        if operands and depth == _MOST_DEPTH:
            lines.append(_Branch(None, f"{indent}└─ ", "…"))
            continue
        below = _operands(node, operands, indent)
        stack += [(line, under, depth + 1) for line, under in reversed(below)]
    return lines, met, again


def _operands(node: Value, operands: Sequence[Any], indent: str) -> list[tuple[_Branch, str]]:
    """Return the lines of the operands of a node, and the indents of what comes under each."""
    roles = notation.roles(node.op, len(operands))
    locals_ = node.local_derivatives
    places: list[int | None] = list(range(len(operands)))
    if len(operands) > _MOST_OPERANDS:  # leave out those in the middle
        ends = _MOST_OPERANDS // 2
        places[ends:-ends] = [None]
    below = []
    for i in places:
        corner, under = ("└─ ", "   ") if i == len(operands) - 1 else ("├─ ", "│  ")
        if i is None:
            left = f"… {notation.count(len(operands) - len(places) + 1, 'more operand')}"
            line = _Branch(None, indent + corner, left)
        else:
            role = f"{roles[i]}: " if roles[i] else ""
            line = _Branch(operands[i], indent + corner, role + _label(operands[i]), locals_[i])
        below.append((line, indent + under))
    return below


def _label(x: Any) -> str:
    """Write how a node or a number is called."""
    if not isinstance(x, Value):
        return notation.number(x)
    name = notation.label(x.name)
    if x.op:
        return f"{notation.label(notation.symbol(x.op))} {name}".rstrip()
    return name or notation.number(x.data)
