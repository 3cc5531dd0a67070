"""Many nodes as few groups: the neurons, layers and modules that names tell, and like operations.

What no name tells, such as the loss or a function written out, is put together by operation and
depth: that is how the samples of a batch, and the components of a vector, become one box. Where
this leaves too many, depths that repeat the same operations become one group, as a loop is written,
and if need be whole stretches of depths.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from autograd.engine import Value, operands_of
from autograd.pictures.membership import Address, Membership, layer_of

LEVELS = ("neuron", "layer", "module")

MOST_BOXES, MOST_ARROWS = 40, 60  # that a reader can take in
_MOST_OPERATIONS = 16  # groups of those that no name tells
_MOST_STRETCHES = 8  # of depths that have little in common
_MOST_PERIOD = 32  # depths in one turn of a loop
_MOST_SINGLE_INPUTS = 8
_MOST_FAMILIES = 12  # groups of leaves
_MOST_SLOTS = 8  # of a single operation


@dataclass(eq=False)
class Group:
    """Nodes that are drawn as one box.

    Attributes:
        kind: "module", "operations", "variables" or "numbers".
        path: of a module, the way to it.
        members: the nodes; of numbers the floats.
        depths: of operations, the number of depths that they are spread over.
        inside: of a module, its operations between its layers; their constants are not drawn.
        place: that of the first member in the order of the graph.
    """

    kind: str
    place: int
    path: Address = ()
    members: list[Any] = field(default_factory=list)
    depths: int = 1
    inside: set[Any] = field(default_factory=set)

    @property
    def is_single(self) -> bool:
        """Whether it is one node, drawn as in a graph that is not collapsed."""
        if len(self.members) != 1 or self.kind in ("module", "numbers"):
            return False
        return len(operands_of(self.members[0])) <= _MOST_SLOTS


@dataclass(frozen=True)
class Link:
    """The edges from one group to another, or to one operand of a group that is a single node.

    Attributes:
        tail: the place in the list of groups of that where they begin.
        head: the place of that where they end.
        count: how many there are.
        node: one of the nodes where they end.
        operand: the place of the operand among the parents of `node`.
    """

    tail: int
    head: int
    count: int
    node: Value
    operand: int


@dataclass
class Collapsed:
    """A collapsed graph.

    Attributes:
        groups: in the order in which they first appear in the graph.
        links: the edges between them.
    """

    groups: list[Group]
    links: list[Link]


def collapsed(
    order: Sequence[Value], variables: Collection[Value], found: Membership, collapse: str
) -> Collapsed:
    """Collapse a graph: see `draw`. `variables` are leaves that are no numbers without a name.

    >>> from autograd import tanh
    >>> x = Value(0.5)
    >>> chain = [x]
    >>> for _ in range(1000):
    ...     chain.append(tanh(chain[-1]))
    >>> [len(g.members) for g in collapsed(chain, {x}, Membership(), "layer").groups]
    [1, 1000]
    """
    *finer, coarsest = LEVELS if collapse == "auto" else (collapse,)
    for level in finer:
        group_of: dict[Value, Group] = {}
        if _collect_modules(order, found, level, group_of) <= MOST_BOXES:
            result = _completed(order, variables, level, group_of)
            if len(result.groups) <= MOST_BOXES and len(result.links) <= MOST_ARROWS:
                return result
    group_of = {}
    _collect_modules(order, found, coarsest, group_of)
    return _completed(order, variables, coarsest, group_of)


def _completed(
    order: Sequence[Value], variables: Collection[Value], level: str, group_of: dict[Value, Group]
) -> Collapsed:
    """Put together what belongs to no module, and connect the groups."""
    _collect_operations(order, group_of)
    _collect_variables(order, variables, level, group_of)
    return _connected(order, group_of)


def _collect_modules(
    order: Sequence[Value], found: Membership, level: str, group_of: dict[Value, Group]
) -> int:
    """Put together what belongs to one neuron, layer or module, and return how many there are."""
    paths: dict[Value, Address] = dict(found.paths)
    if level != "neuron":
        paths = {node: layer_of(path) for node, path in paths.items()}
    if level == "module":
        nested = any(len(path) > 1 for path in paths.values())
        paths = {node: path[:-1] or path * nested for node, path in paths.items()}
        if nested:
            _add_operations_inside(order, paths)
    modules: dict[Address, Group] = {}
    for i, node in enumerate(order):
        path = paths.get(node)
        if path is not None:
            if path not in modules:
                modules[path] = Group("module", i, path)
            modules[path].members.append(node)
            if node not in found.paths:
                modules[path].inside.add(node)
            group_of[node] = modules[path]
    return len(modules)


def _add_operations_inside(order: Sequence[Value], paths: dict[Value, Address]) -> None:
    """Add operations to the module that alone gives their operands, or that alone uses them.

    So a head of attention has its softmax, and a norm its root. What no module comes after belongs
    to the loss.
    """
    users: dict[Value, list[Value]] = defaultdict(list)
    for node in order:
        for x in operands_of(node):
            if x.__class__ is not float:
                users[x].append(node)
    before: set[Value] = set()  # some module
    for node in reversed(order):
        if any(user in before or user in paths for user in users[node]):
            before.add(node)
    for node in order:
        if node.op and node not in paths and node in before:
            owners = {paths.get(x) for x in operands_of(node) if x.__class__ is not float}
            if len(owners) == 1 and (owner := owners.pop()) is not None:
                paths[node] = owner
    for node in reversed(order):
        if node.op and node not in paths and node in before:
            owners = {paths.get(user) for user in users[node]}
            given = {paths.get(x) for x in operands_of(node) if x.__class__ is not float}
            alone = len(owners) == 1 and given <= {None, *owners}
            if alone and (owner := owners.pop()) is not None:
                paths[node] = owner


# --- operations that no name tells ----------------------------------------------------------------


def _collect_operations(order: Iterable[Value], group_of: dict[Value, Group]) -> None:
    """Put together like operations of one depth, and depths that repeat."""
    depth: dict[Value, int] = {}
    ops_at: dict[int, Address] = {}  # for each depth the operations, sorted
    rest: list[tuple[int, Value]] = []
    for i, node in enumerate(order):
        if not (op := node.op):
            continue
        d = 1
        for x in operands_of(node):
            if x.__class__ is not float and (below := depth.get(x, 0)) >= d:
                d = below + 1
        depth[node] = d
        if node not in group_of:
            rest.append((i, node))
            ops = ops_at.get(d, ())
            if op not in ops:
                ops_at[d] = tuple(sorted([*ops, op]))
    depths = sorted(ops_at)
    runs = _runs(depths, [ops_at[d] for d in depths])
    run_at = {d: run for run in runs for d in depths[run.start : run.start + run.length]}
    groups: dict[tuple[int, str], Group] = {}
    for i, node in rest:
        run = run_at[depth[node]]
        key = run.start, node.op if run.period == 1 else ""
        if key not in groups:
            groups[key] = Group("operations", i, depths=run.length)
        groups[key].members.append(node)
        group_of[node] = groups[key]


@dataclass(frozen=True)
class _Run:
    """Successive depths that are drawn together.

    Attributes:
        start: the place of the first in the list of depths.
        length: how many there are.
        period: after how many the same operations come again; 0 if they do not. If 1, each
            operation gets a group of its own.
    """

    start: int
    length: int
    period: int


def _count(runs: Iterable[_Run], signatures: Sequence[Address]) -> int:
    """Return how many groups the runs make."""
    return sum([len(signatures[run.start]) if run.period == 1 else 1 for run in runs])


def _runs(depths: Sequence[int], signatures: Sequence[Address]) -> list[_Run]:
    """Divide the depths into runs that make at most so many groups as a reader can take in."""
    runs = _loops(depths, signatures, 1)
    if _count(runs, signatures) > _MOST_OPERATIONS:
        runs = _loops(depths, signatures, _MOST_PERIOD)
    if _count(runs, signatures) > _MOST_OPERATIONS:
        size = -(-len(runs) // _MOST_STRETCHES)
        chunks = [runs[i : i + size] for i in range(0, len(runs), size)]
        runs = [_Run(c[0].start, c[-1].start + c[-1].length - c[0].start, 0) for c in chunks]
    return runs


def _loops(depths: Sequence[int], signatures: Sequence[Address], longest: int) -> list[_Run]:
    """Make runs of depths whose operations come again and again, after `longest` depths at most.

    With 1, these are depths that have the same single operation.
    """
    numbers: dict[Address, int] = {}
    s = [numbers.setdefault(signature, len(numbers)) for signature in signatures]
    runs: list[_Run] = []
    start = 0
    while start < len(s):
        best = _Run(start, 1, 1)
        for period in range(1, longest + 1):
            is_known = best.length > 1 and period % best.period == 0
            if is_known or longest == 1 < len(signatures[start]):
                continue
            end = start + period
            while end < len(s) and s[end] == s[end - period] and depths[end] == depths[end - 1] + 1:
                end += 1
            length = (end - start) // period * period
            if length >= 2 * period and length > best.length:
                best = _Run(start, length, period)
        runs.append(best)
        start += best.length
    return runs


# --- leaves ---------------------------------------------------------------------------------------


def _collect_variables(
    order: Sequence[Value], variables: Collection[Value], level: str, group_of: dict[Value, Group]
) -> None:
    """Put together leaves that the same groups use, if their names differ in numbers only."""
    users: dict[Value, dict[Group, None]] = {}
    for node in order:
        if node.op:
            user = group_of[node]
            for x in operands_of(node):
                if x.__class__ is not float and x not in group_of:
                    users.setdefault(x, {})[user] = None
    places = {
        node: i
        for i, node in enumerate(order)
        if not node.op and node not in group_of and (node in variables or node.name)
    }
    families: dict[Any, list[Value]] = {}
    for alike in (lambda x: (_stem(x), *users.get(x, ())), _stem, bool):  # ever less particular
        families = defaultdict(list)
        for node in places:
            families[alike(node)].append(node)
        if len(families) <= _MOST_FAMILIES:
            break
    for family in families.values():
        few = len(family) <= (_MOST_SINGLE_INPUTS if level == "neuron" else 1)
        for members in [[node] for node in family] if few else [family]:
            group = Group("variables", places[members[0]], members=members)
            group_of.update(dict.fromkeys(members, group))


def _stem(node: Value) -> str:
    """Return a name without its numbers: that of "w12" is "w"."""
    return re.sub(r"[\d.,\[\]_]+", "", str(node.name or ""))


# --- the whole ------------------------------------------------------------------------------------


def _connected(order: Sequence[Value], group_of: dict[Value, Group]) -> Collapsed:
    """Put the groups in order, with the numbers they use, and bundle the edges between them."""
    groups = dict.fromkeys(group_of.values())
    counts: dict[tuple[Group, Group, int], int] = defaultdict(int)
    edges: dict[tuple[Group, Group, int], tuple[Value, int]] = {}
    numbers: dict[tuple[Group, int], Group] = {}
    for i, node in enumerate(order):
        if not node.op:
            continue
        head, operands = group_of[node], operands_of(node)
        tails = [*map(group_of.get, operands)]  # in C: most of the time goes here
        slots = range(len(operands)) if head.is_single else [-1]
        for slot in slots:
            first, last = (slot, slot + 1) if head.is_single else (0, len(operands))
            for known, count in Counter(tails[first:last]).items():
                if known is None and node in head.inside:
                    continue
                tail = known or numbers.setdefault((head, slot), Group("numbers", i))
                if known is None:
                    groups[tail] = None
                    tail.members += [
                        x if x.__class__ is float else x.data
                        for x, found in zip(operands[first:last], tails[first:last], strict=True)
                        if found is None
                    ]
                if tail is not head:
                    counts[tail, head, slot] += count
                    edges[tail, head, slot] = node, tails.index(known, first)
    sequence = sorted(groups, key=lambda group: (group.place, group.kind != "numbers"))
    place = {group: i for i, group in enumerate(sequence)}
    links = [Link(place[t], place[h], n, *edges[t, h, slot]) for (t, h, slot), n in counts.items()]
    return Collapsed(sequence, links)
