"""Collapsed graphs as boxes: what kind of thing a group is, its shape, its counts and ranges."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from math import isfinite

from autograd import notation
from autograd.engine import Value, operands_of
from autograd.errors import data_of, grad_of
from autograd.pictures import colours
from autograd.pictures.boxes import (
    Arrow,
    Box,
    band,
    bundle,
    field_row,
    framed,
    line,
    rounded,
    row,
    table,
    write,
)
from autograd.pictures.groups import Collapsed, Group, Link
from autograd.pictures.membership import (
    Address,
    Membership,
    is_bias,
    is_neuron,
    layer_of,
    membership,
)
from autograd.pictures.nodes import edge_look, natural, node_look, number_look, slots_of

_MOST_WEIGHTS = 30  # that are written on arrows
_MOST_KINDS = 4  # operations with a line of their own
_DOUBLE = {"shape": "box", "peripheries": "2", "width": "0", "height": "0", "margin": "0"}


def collapsed_source(
    found: Collapsed,
    members: Membership,
    order: Iterable[Value],
    show: Collection[str],
    rankdir: str,
    legend: bool,
    is_model: bool = False,
) -> str:
    """Write a collapsed graph in DOT.

    The `id` of a group's element in the SVG is "g<i>", if it stands at place i; or "n<i>" if it is
    a single node, at place i of `order`, those of the graph that are no numbers.

    In the picture of a model, numbers of parameters alone are shown, and the weight on an arrow
    that is a single edge into a neuron.
    """
    rest = () if is_model else show  # what is shown of nodes that are no parameters
    shown = [g for g in found.groups if g.kind == "module" or (rest and g.kind != "numbers")]
    gradients = [grad_of(x) for group in shown for x in group.members] if "grad" in show else []
    scale = colours.largest(gradients)
    if is_model and not any(gradients):  # there has been no backward pass yet
        show = [word for word in show if word != "grad"]
    places = {node: i for i, node in enumerate(order)}
    keys = [
        f"n{places[g.members[0]]}" if g.is_single else f"g{i}" for i, g in enumerate(found.groups)
    ]
    boxes = []
    titles = frame_titles(members)
    for key, group in zip(keys, found.groups, strict=True):
        around: tuple[str, ...] = ()
        if group.is_single:
            node = group.members[0]
            known = not is_model or node in members.names
            numbers = {"data": node.data, "grad": node.grad} if known else {}
            name = members.short_name(node)
            slots = slots_of(node, lambda x: members.paths.get(x, ()))
            look = node_look(node, name, numbers, True, show, rankdir, scale, slots)
        elif group.kind == "numbers":
            look = number_look(_numbers(group.members))
        elif group.kind == "variables":
            look = {
                "label": f"<{_variables(group, 'input' if is_model else 'variable', rest, scale)}>"
            }
        elif group.kind == "operations":
            look = _DOUBLE | {"label": f"<{_operations(group, rest, scale)}>"}
        else:
            around = frames(group.path[:-1], titles)
            look = _DOUBLE | {"label": f"<{_module(group, members, show, scale)}>"}
        boxes.append(Box(key, look, around))
    arrows: list[Arrow] = []
    weights = _weights(found) if is_model else {}
    heaviest = colours.largest(weights.values())
    for link in found.links:
        head = found.groups[link.head]
        if link in weights:
            label = notation.number(weights[link]) if len(weights) <= _MOST_WEIGHTS else ""
            look = colours.line(weights[link], heaviest) | ({"label": label} if label else {})
        else:
            look = _link_look(link, rest)
        n_slots = len(operands_of(head.members[0])) if head.is_single else 1
        port = f":p{link.operand}" if n_slots > 1 else ""
        arrow = f"e{keys[link.head]}_{link.operand}" if head.is_single else f"a{len(arrows)}"
        arrows.append(Arrow(arrow, keys[link.tail], keys[link.head] + port, look))
    parts = [colours.legend(gradients), colours.line_legend(heaviest) if weights else ""]
    rows = [row(f"<TD>{part}</TD>") for part in parts if part]
    key = table(rows) if legend and rows else ""
    first: dict[Address, int] = {}  # where the neurons of a layer begin

    def place(i: int) -> tuple[int, list[object]]:
        path = found.groups[i].path
        return (first.setdefault(path[:-1], i), natural(path)) if is_neuron(path) else (i, [])

    boxes = [boxes[i] for i in sorted(range(len(boxes)), key=place)]
    rank = {box.key: i for i, box in enumerate(boxes)}
    arrows.sort(key=lambda arrow: rank[arrow.head.split(":")[0]])
    return write(boxes, arrows, rankdir, key, in_order=bool(first))


def _weights(found: Collapsed) -> dict[Link, float]:
    """Return the weight of each arrow that is a single edge into a neuron.

    It is the local derivative of what the neuron does first: of ⟨w, x⟩ + b, towards an input.
    """
    weights = {}
    for link in found.links:
        if link.count == 1 and found.groups[link.head].kind == "module":
            local = link.node.local_derivatives[link.operand]
            if local is not None:
                weights[link] = local
    return weights


def _link_look(link: Link, show: Collection[str]) -> dict[str, str]:
    """Return the attributes of an arrow: of an edge, or of many."""
    if link.count == 1:
        local = link.node.local_derivatives[link.operand] if "local" in show else None
        return edge_look(link.node, link.operand, local)
    return bundle(link.count, "edge")


# --- what is in a box -----------------------------------------------------------------------------


def _module(group: Group, members: Membership, show: Collection[str], scale: float) -> str:
    """Lay out a neuron, a layer or a module."""
    leaves = [node for node in group.members if not node.op]
    rows = [band(notation.label(group.path[-1] if group.path else "model"))]
    if facts := facts_of(leaves, members):
        rows.append(line(facts))
    rows.append(line(notation.count(len(leaves), "parameter")))
    biases = [node for node in leaves if is_bias(members.names[node])]
    if "data" in show and len(biases) == 1 and is_neuron(group.path):
        rows.append(field_row("bias", notation.number(biases[0].data)))
    samples = {members.samples[node] for node in group.members if node in members.samples}
    if len(samples) > 1:
        rows.append(line(notation.count(len(samples), "sample")))
    rows += _ranges(leaves, show, scale)
    return framed(rows)


def frame_titles(members: Membership) -> dict[Address, str]:
    """Return for each neuron, layer and module its name, with what is known of it."""
    inside: dict[Address, list[Value]] = defaultdict(list)
    for node in members.names:
        path = members.paths.get(node, ())
        for depth in range(1, len(path) + 1):
            inside[path[:depth]].append(node)
    titles = {}
    for path, parameters in inside.items():
        facts = facts_of(parameters, members)
        titles[path] = notation.label(path[-1]) + (f": {facts}" if facts else "")
    return titles


def frames(path: Address, titles: Mapping[Address, str]) -> tuple[str, ...]:
    """Return the titles of the frames around what stands at the end of `path`."""
    return tuple([titles[path[:depth]] for depth in range(1, len(path) + 1)])


def node_frames(order: Iterable[Value], members: Membership) -> dict[Value, tuple[str, ...]]:
    """Return, for nodes that are drawn one by one, the titles of the frames around them.

    An operation, and a leaf that only one sample uses, stand in the frame of their sample.
    """
    titles = frame_titles(members)
    samples: dict[Value, set[int]] = defaultdict(set)
    for node, sample in members.samples.items():
        samples[node].add(sample)
        for x in node.parents:
            if not x.op:
                samples[x].add(sample)
    found = {}
    for node in order:
        around = frames(members.paths.get(node, ()), titles)
        if len(samples[node]) == 1 and (node.op or node not in members.paths):
            around = (f"sample {min(samples[node])}", *around)
        if around:
            found[node] = around
    return found


def frames_of(
    order: Sequence[Value], names: Mapping[Value, str]
) -> tuple[dict[Value, tuple[str, ...]], Callable[[Value], str]]:
    """Return the frames of nodes that are drawn one by one, and what each is called inside of them.

    `names` are what they are called outside: for parameters that are paths, with the path.
    """
    members = membership(order)

    def name_of(node: Value) -> str:
        path = () if node.op else members.paths.get(node, ())
        return names[node].removeprefix(".".join([*path, ""]))

    return node_frames(order, members), name_of


def shape_of(parameters: Iterable[Value], members: Membership) -> str:
    """Return the numbers of inputs and outputs, as in "2 → 16 → 1"; "" where they are not known."""
    weights: dict[Address, Counter[Address]] = {}
    for node in parameters:
        path = members.paths[node]
        if not is_neuron(path):
            return ""
        neurons = weights.setdefault(layer_of(path), Counter())
        neurons[path] += not is_bias(members.names[node])
    widths: list[int] = []
    for layer in sorted(weights, key=natural):
        neurons = weights[layer]
        n_in = max(neurons.values())
        if widths and widths[-1] != n_in:
            return ""
        widths += [len(neurons)] if widths else [n_in, len(neurons)]
    return " → ".join(map(str, widths))


def facts_of(parameters: Sequence[Value], members: Membership) -> str:
    """Return the shape and the activations, as in "2 → 16 → 1, ReLU"."""
    found = {members.activations.get(members.paths[node]) for node in parameters}
    activations = [notation.symbol(op) for op in sorted(filter(None, found))]
    return ", ".join(filter(None, [shape_of(parameters, members), *activations]))


def _operations(group: Group, show: Collection[str], scale: float) -> str:
    """Lay out operations of one or several kinds."""
    counts = Counter([node.op for node in group.members]).most_common()
    symbols = [notation.label(notation.symbol(op)) for op, _ in counts]
    rest = [", …"] * (len(symbols) > _MOST_KINDS)
    rows = [band("".join([", ".join(symbols[:_MOST_KINDS]), *rest]))]
    alone = len(group.members) == 1
    counted = len(operands_of(group.members[0])) if alone else len(group.members)
    rows.append(line(notation.count(counted, "operand" if alone else "operation")))
    if len(counts) > 1:
        for symbol, (_, n) in zip(symbols[:_MOST_KINDS], counts, strict=False):
            rows.append(field_row(symbol, f"{n:,}"))
    if group.depths > 1:
        rows.append(line(f"{group.depths:,} deep"))
    return framed([*rows, *_ranges(group.members, show, scale)])


def _variables(group: Group, what: str, show: Collection[str], scale: float) -> str:
    """Lay out leaves that belong together."""
    first, last = [notation.label(group.members[i].name) for i in (0, -1)]
    name = " … ".join(filter(None, dict.fromkeys([first, last])))
    rows = [line(name, bold=True)] if name else []
    rows.append(line(notation.count(len(group.members), what)))
    rows += _ranges(group.members, show, scale)
    return rounded(rows)


def _numbers(numbers: Sequence[float]) -> str:
    """Write a number, or how many there are."""
    if len({repr(x) for x in numbers}) == 1:
        return notation.number(numbers[0])
    return notation.count(len(numbers), "number")


def _ranges(nodes: Sequence[Value], show: Collection[str], scale: float) -> list[str]:
    """Lay out between what bounds the data and the gradients are."""
    rows = []
    for word, read in (("data", data_of), ("grad", grad_of)):
        if word in show and nodes:
            numbers = list(map(read, nodes))
            extreme = max(numbers, key=lambda x: abs(x) if isfinite(x) else float("inf"))
            colour = colours.shade(extreme, scale) if word == "grad" else None
            rows.append(field_row(word, notation.span(numbers), colour))
    return rows
