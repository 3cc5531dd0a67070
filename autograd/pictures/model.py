"""A model as a picture: inputs, neurons or layers with their shapes, and weights."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from itertools import count
from typing import Any

from autograd import notation
from autograd.engine import Value, nodes_of, topological_order
from autograd.pictures.group_boxes import collapsed_source, facts_of, node_frames
from autograd.pictures.groups import collapsed
from autograd.pictures.membership import Address, Membership, is_bias, layer_of, membership, path_of
from autograd.pictures.nodes import graph_source, with_edge
from autograd.transforms.trees import flatten


def model_picture(
    model: Any, collapse: str, show: Collection[str], rankdir: str, legend: bool
) -> tuple[str, str]:
    """Draw a model; give the DOT, and a table of the layers as text.

    The model is called once, to see how its parts are connected: with what its `example()` gives,
    or else with a list of as many inputs as its first neuron has weights. If it cannot be called
    so, its parts are drawn without arrows.
    """
    names = _names(model)
    roots = _outputs(model, names)
    order = topological_order(roots, lambda node: nodes_of(node)[::-1])
    met = set(order)
    order = [node for node in names if node not in met] + order  # parameters that nothing uses
    members = membership(order, names)
    text = _table(members)
    if collapse == "none":
        order = [node for node in names if node not in met]
        order += topological_order(roots, lambda node: node.parents[::-1])
        source = graph_source(
            order,
            [*roots, *names],
            show=show,
            rankdir=rankdir,
            clusters=node_frames(order, members),
            name_of=members.short_name,
            number_of=lambda node, word: getattr(node, word) if node in names else None,
            legend=legend,
        )
        return source, text
    variables = with_edge(order).union(roots, names)
    found = collapsed(order, variables, members, collapse)
    return collapsed_source(found, members, order, show, rankdir, legend, is_model=True), text


def _names(model: Any) -> dict[Value, str]:
    """Return the names of the parameters, each with the path to a part of the model."""
    names: dict[Value, str] = {}
    for name, parameter in model.named_parameters():
        if not isinstance(parameter, Value):
            raise TypeError(
                f"draw needs a model whose parameters are Values, and {name} is {parameter!r}"
            )
        names[parameter] = name
    if not names:
        raise ValueError(f"{type(model).__name__} has no parameters to draw")
    if not any(map(path_of, names.values())):  # a single neuron
        whole = type(model).__name__.lower()
        names = {parameter: f"{whole}.{name}" for parameter, name in names.items()}
    return names


def _outputs(model: Any, names: dict[Value, str]) -> list[Value]:
    """Call the model, and give the nodes of its output; none if it cannot be called."""
    first = path_of(next(iter(names.values())))
    weights = [name for name in names.values() if path_of(name) == first and not is_bias(name)]
    try:
        example = model.example() if hasattr(model, "example") else None
        inputs = _named([1.0] * len(weights) if example is None else example, count(1))
        return [x for x in flatten(model(inputs), "the output")[0] if isinstance(x, Value)]
    except Exception:  # whatever a model does that takes other arguments
        return []


def _named(example: Any, numbers: Iterator[int]) -> Any:
    """Make named nodes of the floats in nested lists; integers are indices."""
    if isinstance(example, (list, tuple)):
        return [_named(part, numbers) for part in example]
    return Value(example, f"x{next(numbers)}") if isinstance(example, float) else example


def _table(members: Membership) -> str:
    """List the layers, with shapes, activations and numbers of parameters."""
    layers: dict[Address, list[Value]] = {}
    for node in members.names:
        layers.setdefault(layer_of(members.paths.get(node, ())), []).append(node)
    return notation.aligned(
        [
            (
                ".".join(path) or "model",
                facts_of(nodes, members) if nodes[0] in members.paths else "",
                notation.count(len(nodes), "parameter"),
            )
            for path, nodes in layers.items()
        ],
        left=range(2),
    )
