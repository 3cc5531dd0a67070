"""Which neuron, layer and sample each node of a graph belongs to, as far as names tell.

A parameter whose name is a path, such as "layer1.neuron2.w3" or "layers.0.neurons.1.w.2", is a part
of the neuron that the path leads to. So is what multiplies it and adds the products up, and the
activation behind. A neuron that one sample after the other uses has the operations of all of them;
where the samples do not mix, each has a number.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from autograd.engine import Value, operands_of, table

Address = tuple[str, ...]

_IDENTIFIER = re.compile(r"[^\W\d]\w*")
_NEURON = re.compile(r"(neuron|unit|cell)s?_?\d*(\.\d+)?", re.IGNORECASE)

# What a neuron does to its pre-activation. Other functions of it belong to the loss.
_ACTIVATIONS = table.ACTIVATIONS | {"softmax"}


@dataclass(frozen=True)
class Membership:
    """Where nodes belong.

    Attributes:
        names: the names of leaves; those that are paths are of parameters.
        paths: for each node of a neuron the path to it, such as ("layer1", "neuron2").
        activations: the activation of each neuron that has one, by its path.
        samples: the number of the sample of each operation, from 1; empty if there is only one.
    """

    names: Mapping[Value, str] = field(default_factory=dict)
    paths: Mapping[Value, Address] = field(default_factory=dict)
    activations: Mapping[Address, str] = field(default_factory=dict)
    samples: Mapping[Value, int] = field(default_factory=dict)

    def short_name(self, node: Value) -> str | None:
        """Return the name of a node inside of its frames: without the path to its neuron."""
        name = self.names.get(node, node.name)
        path = () if node.op else self.paths.get(node, ())
        return name.removeprefix(".".join(path) + ".") if name and path else name


def membership(order: Sequence[Value], names: Mapping[Value, str] | None = None) -> Membership:
    """Find out where the nodes belong, by names of parameters or else those that they have.

    >>> from autograd import dot, tanh
    >>> w, b = Value(2.0, "layer1.neuron1.w1"), Value(1.0, "layer1.neuron1.b")
    >>> z = dot([w], [3.0], b)
    >>> found = membership([w, b, z, tanh(z)])
    >>> found.paths[z], found.activations
    (('layer1', 'neuron1'), {('layer1', 'neuron1'): 'tanh'})
    """
    if names is None:
        names = {node: str(node.name) for node in order if not node.op and node.name}
    paths = {node: path for node, name in names.items() if (path := path_of(name))}
    if not paths:
        return Membership(names)
    parameters = set(paths)
    linear = _linear_forms(order, paths)
    activations = _activations(order, paths, linear)
    return Membership(names, paths, activations, _samples(order, paths, parameters))


def path_of(name: str) -> Address:
    """Return the way that a parameter's name describes, without the parameter itself.

    >>> path_of("layer1.neuron2.w3"), path_of("layers.0.neurons.1.w.2"), path_of("w1")
    (('layer1', 'neuron2'), ('layers.0', 'neurons.1'), ())
    """
    parts: list[str] = []
    for part in name.split("."):
        if parts and part.isdecimal():
            parts[-1] += f".{part}"
        elif _IDENTIFIER.fullmatch(part):
            parts.append(part)
        else:
            return ()
    return tuple(parts[:-1])


def is_neuron(path: Address) -> bool:
    """Tell whether a path leads to a neuron, by its last part.

    >>> is_neuron(("layer1", "neuron2")), is_neuron(("head",))
    (True, False)
    """
    return bool(path) and _NEURON.fullmatch(path[-1]) is not None


def layer_of(path: Address) -> Address:
    """Return the path to the layer of a neuron.

    >>> layer_of(("layer1", "neuron2")), layer_of(("head",))
    (('layer1',), ('head',))
    """
    return path[:-1] if is_neuron(path) else path


def is_bias(name: str) -> bool:
    """Tell a bias from a weight, by the last part of its name.

    >>> is_bias("layer1.neuron2.b"), is_bias("layer1.neuron2.w1")
    (True, False)
    """
    return re.fullmatch(r"(b|bias)\d*(\.\d+)*", re.split(r"\.(?!\d)", name)[-1]) is not None


def _linear_forms(order: Iterable[Value], paths: dict[Value, Address]) -> set[Value]:
    """Find what multiplies the parameters and adds up, put it into `paths`, and return it."""
    linear: set[Value] = set()
    for node in order:
        if node.op not in ("dot", "*", "+", "fsum"):
            continue
        operands = operands_of(node)
        inner = [x for x in operands if x in linear]
        parameters = [x for x in operands if x in paths and not x.op]
        if parameters:
            adds_up = len(parameters) < len(operands)
            known = [paths[x] for x in parameters]
        else:
            known = [paths[x] for x in inner]
            whole = len(inner) == len(operands) and len(set(inner)) > 1 and len(set(known)) == 1
            zero = len(inner) == 1 and node.data == inner[0].data  # 0 + w x, as by Python's sum
            adds_up = node.op in ("+", "fsum") and (whole or zero)
        if adds_up and (path := _common(known)):
            paths[node] = path
            linear.add(node)
    return linear


def _activations(
    order: Iterable[Value], paths: dict[Value, Address], linear: set[Value]
) -> dict[Address, str]:
    """Find the activations, put their nodes into `paths`, and return their names."""
    uses: dict[Address, set[str]] = defaultdict(set)
    candidates = []
    for node in order:
        inner = [x for x in operands_of(node) if x in linear]
        if not inner or (node in linear and paths[node] in {paths[x] for x in inner}):
            continue
        for x in inner:
            uses[paths[x]].add(node.op)
        if node.op in _ACTIVATIONS:
            candidates.append((node, inner))
    found: dict[Address, str] = {}
    for node, inner in candidates:
        owners = {paths[x] for x in inner}
        if all(uses[path] == {node.op} for path in owners) and (path := _common(list(owners))):
            paths[node] = path
            found |= dict.fromkeys(owners, node.op)
    return found


def _samples(
    order: Iterable[Value], paths: Mapping[Value, Address], parameters: set[Value]
) -> dict[Value, int]:
    """Number the samples: the k-th use of a parameter that depends on no other is in sample k."""
    uses: Counter[Value] = Counter()
    samples: dict[Value, int] = {}
    mixed: set[Value] = set()
    for node in order:
        if not node.op:
            continue
        operands = operands_of(node)
        earlier = {samples[x] for x in operands if x in samples}
        of_model = node in paths
        if len(earlier) > 1 or not mixed.isdisjoint(operands):
            if of_model:  # samples are mixed, as by a recurrent network
                return {}
            mixed.add(node)
        elif earlier:
            samples[node] = earlier.pop()
        elif of_model and (used := [x for x in operands if x in parameters]):
            uses[used[0]] += 1
            samples[node] = uses[used[0]]
    return samples if max(uses.values(), default=0) > 1 else {}


def _common(paths: Sequence[Address]) -> Address:
    """Return the beginning that the paths have in common."""
    first, last = min(paths), max(paths)
    for i, part in enumerate(first):
        if part != last[i]:
            return first[:i]
    return first
