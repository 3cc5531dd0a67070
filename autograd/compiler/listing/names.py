"""Names for what a compiled function reads: its arguments, and nodes from outside.

A layer's weights and biases are called W1 and b1, as in the lecture, whatever structure they came
in; what has a name of its own, such as an argument W, keeps it.

    before   params[0][i][0][j], for each neuron i and each of its inputs j
    after    W1, of which column i is params[0][i][0]
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

from autograd.compiler.arguments import Form, Leaf
from autograd.compiler.listing.vectors import Vector, Vectors
from autograd.compiler.passes import SHARED, VARYING, Program, Ref, Step
from autograd.engine import table as p
from autograd.transforms.trees import NUMBER

Keys = tuple[Any, ...]  # the name of an argument, then keys and indices

_NUMBERED = re.compile(r"(.*?[^\d_])_?(\d+)")


@dataclass(frozen=True)
class Inputs:
    """What a program reads from outside.

    Attributes:
        places: the space and place of each number.
        keys: how each is reached from an argument; or for a node, the parts of its name.
        is_parameter: whether it is the same for all samples.
        is_node: whether it is a node from outside.
    """

    places: Sequence[tuple[str, int]]
    keys: Sequence[Keys]
    is_parameter: Sequence[bool]
    is_node: Sequence[bool]


def inputs_of(program: Program, forms: Sequence[Form], names: Sequence[str]) -> Inputs:
    """List what a program reads, in the order of its inputs, by the names of its arguments."""
    keys: list[Keys] = []
    shared: list[bool] = []
    for name, form in zip(names, forms, strict=True):
        for leaf, prefix in _leaves(form, (name,)):
            own = list(_elements(leaf))
            keys += [prefix + rest for rest in own]
            shared += [not leaf.batched] * len(own)
    places = [(x.space, place) for x in program.inputs for place in x.places.tolist()]
    for node, place in program.captured:
        places.append((SHARED, place))
        keys.append(_parts(node.name) if node.name else ())
        shared.append(True)
    is_node = [False] * (len(keys) - len(program.captured)) + [True] * len(program.captured)
    return Inputs(places, keys, shared, is_node)


def _leaves(form: Form, prefix: Keys) -> Iterator[tuple[Leaf, Keys]]:
    if isinstance(form, Leaf):
        yield form, prefix
        return
    keys = form[1] if form[0] == "dict" else range(len(form[-1]))
    for key, child in zip(keys, form[-1], strict=True):
        yield from _leaves(child, (*prefix, key))


def _elements(leaf: Leaf) -> Iterator[Keys]:
    if leaf.spec == NUMBER:
        yield ()
    else:
        yield from product(*map(range, leaf.shape))


def _parts(name: str) -> Keys:
    """Take a name apart: "layer1.neuron2.b" gives ("layer", 1, "neuron", 2, "b")."""
    parts: list[Any] = []
    for part in name.split("."):
        match = _NUMBERED.fullmatch(part)
        parts += [match[1], int(match[2])] if match else [int(part) if part.isdecimal() else part]
    return tuple(parts)


def _written(keys: Sequence[Any], is_node: bool) -> str:
    """Write keys as a reader would: as an expression, or for a node as its name."""
    first, *rest = keys
    if not is_node:
        return str(first) + "".join([f"[{_key(key)}]" for key in rest])
    text = str(first)
    for key in rest:
        text += f".{key}" if isinstance(key, str) else str(key)
    return text


def _key(key: Any) -> str:
    """Write a key or an index; strings in the quotes that this project uses."""
    return f'"{key}"' if isinstance(key, str) and '"' not in key else repr(key)


class Naming:
    """Gives names to what a program reads from outside, and makes vectors own the places.

    Attributes:
        named: the vectors of the inputs.
        layers: for each step that is a layer its number, from 1, and which of its operands has the
            weights.
    """

    def __init__(
        self, program: Program, inputs: Inputs, forms: Sequence[Form], vectors: Vectors
    ) -> None:
        self.named: list[Vector] = []
        self.layers: dict[int, tuple[int, int]] = {}
        self._inputs, self._vectors = inputs, vectors
        self._counts: dict[Any, Counter[Keys]] = {}
        self._number = {space: np.full(n, -1) for space, n in program.sizes.items()}
        for i, (space, place) in enumerate(inputs.places):
            self._number[space][place] = i
        for shared, lifted in program.lifts:
            self._number[VARYING][lifted] = self._number[SHARED][shared]
        self._parameter = np.array([*inputs.is_parameter, False])  # number -1 is none
        self._taken = {
            keys[0] for keys, node in zip(inputs.keys, inputs.is_node, strict=True) if not node
        }
        for i, step in enumerate(program.steps):
            if isinstance(step, Step) and step.op is p.dot:
                self._name_layer(i, step)
        at = 0
        for form in forms:
            at = self._name_argument(form, at, 1)
        self._name_nodes(at)

    def unique(self, name: str) -> str:
        """Take a name that nothing else has."""
        while name in self._taken:
            name += "′"
        self._taken.add(name)
        return name

    def _own(self, vector: Vector, numbers: Sequence[int]) -> None:
        """Let a vector own inputs."""
        self.named.append(vector)
        vector.is_per_sample = not self._inputs.is_parameter[numbers[0]]
        space = self._inputs.places[numbers[0]][0]
        self._vectors.own(vector, space, [self._inputs.places[i][1] for i in numbers])

    def _is_free(self, numbers: Sequence[int]) -> bool:
        """Tell whether inputs stand in one space and have no owner."""
        spaces = {self._inputs.places[i][0] for i in numbers}
        places = [self._inputs.places[i][1] for i in numbers]
        return len(spaces) == 1 and self._vectors.is_free(spaces.pop(), places)

    # --- layers -----------------------------------------------------------------------------

    def _name_layer(self, at: int, step: Step) -> None:
        """Name the weights and biases of a step that multiplies by parameters."""
        left, right, bias = step.operands
        assert isinstance(left, Ref)
        assert isinstance(right, Ref)
        numbers = [self._number[ref.space][ref.places] for ref in (left, right)]
        is_weights = [bool(self._parameter[x].all()) for x in numbers]
        if not any(is_weights):
            return
        weights = 0 if is_weights[0] else 1
        if all(is_weights) and step.size == 1 and numbers[1][0, 0] < numbers[0][0, 0]:
            weights = 1  # the product of x and w; w comes first among the arguments
        if weights == 1 and step.size > 1:
            return
        layer = len(self.layers) + 1
        self.layers[at] = layer, weights
        neurons = numbers[weights]
        if (numbers[1 - weights] != numbers[1 - weights][0]).any():  # for several inputs each
            neurons = np.array(list(dict.fromkeys(map(tuple, neurons.tolist()))))
        for block in self._blocks(neurons):
            for part in self._blocks(block.T):
                self._name_parameters(part.T, "W", layer)
        if isinstance(bias, Ref):
            b = self._number[bias.space][bias.places]
            if len(neurons) < step.size:
                b = np.array(list(dict.fromkeys(b.tolist())))
            if self._parameter[b].all() and len(np.unique(b)) == len(b):
                for block in self._blocks(b[:, None]):
                    self._name_parameters(block, "b", layer)

    def _blocks(self, numbers: Any) -> Iterator[Any]:
        """Part a matrix of inputs into blocks of rows that come from one place in the arguments."""
        kinds = []
        for first in numbers[:, 0].tolist():
            keys = self._inputs.keys[first]
            kinds.append((len(keys), [key for key in keys if isinstance(key, str)]))
        start = 0
        for i in range(1, len(kinds) + 1):
            if i == len(kinds) or kinds[i] != kinds[start]:
                yield numbers[start:i]
                start = i

    def _name_parameters(self, numbers: Any, letter: str, layer: int) -> None:
        """Name the weights or biases of a layer: a row of inputs for each neuron."""
        flat = numbers.reshape(-1).tolist()
        if not self._is_free(flat) or len(set(flat)) < len(flat):
            return
        keys = [self._inputs.keys[i] for i in flat]
        is_node = self._inputs.is_node[flat[0]]
        if len({tuple(map(type, x)) for x in keys}) > 1 or not keys[0]:
            return
        m, n = numbers.shape
        corners = keys[0], keys[(m - 1) * n], keys[n - 1]  # the first, the last below, at the right
        positions = range(len(keys[0]))
        by_neuron = [k for k in positions if corners[0][k] != corners[1][k]]
        by_input = [k for k in positions if corners[0][k] != corners[2][k]]
        fixed = [k for k in positions if k not in by_neuron + by_input]
        own_name = self._own_name(keys, fixed, len(flat))
        by_row = bool(by_neuron and by_input and by_neuron[0] < by_input[0])
        is_matrix = letter == "W" and not (own_name and not by_neuron)
        vector = Vector(
            self.unique(own_name or f"{self._letter(keys[0], fixed, letter)}{layer}"),
            len(flat),
            rows=m if is_matrix else 0,
            by_row=bool(own_name) and by_row,
            layer=layer,
        )
        if not own_name or own_name != keys[0][0]:
            vector.source = self._source(
                keys, by_neuron, by_input, is_node, by_row and not own_name
            )
        self._own(vector, flat)

    def _own_name(self, keys: Sequence[Keys], fixed: Sequence[int], count: int) -> str:
        """Find the name that a whole argument, or a whole item of one, has by itself."""
        constant = [keys[0][k] for k in fixed]
        if any(not isinstance(key, str) for key in constant) or not constant:
            return ""
        name = constant[-1]
        is_argument = len(constant) == 1
        alike = self._alike(keys[0], tuple(fixed), len(keys[0]))
        if alike > count or not name.isidentifier() or (name in self._taken) != is_argument:
            return ""
        self._taken.discard(name)
        return str(name)

    def _alike(self, keys: Keys, positions: tuple[int, ...], length: int | None = None) -> int:
        """Count the inputs that have the same keys at some positions, and as many if so wanted."""
        counts = self._counts.get((positions, length))
        if counts is None:
            longer = max(positions, default=-1)
            counts = self._counts[positions, length] = Counter(
                [
                    tuple([x[k] for k in positions])
                    for x in self._inputs.keys
                    if (len(x) > longer if length is None else len(x) == length)
                ]
            )
        return counts[tuple([keys[k] for k in positions])]

    def _letter(self, keys: Keys, fixed: Sequence[int], letter: str) -> str:
        """Choose a letter: that which the arguments have, or that of the lecture."""
        names = [keys[k] for k in fixed if k and isinstance(keys[k], str)]
        found = str(names[-1]) if names and len(names[-1]) == 1 else letter
        return found.upper() if letter == "W" else found

    def _source(
        self,
        keys: Sequence[Keys],
        by_neuron: list[int],
        by_input: list[int],
        is_node: bool,
        flipped: bool,
    ) -> str:
        """Write where a matrix or a vector comes from, in terms of the arguments.

        Args:
            keys: of the elements, neuron by neuron.
            by_neuron: which of the keys differ from neuron to neuron.
            by_input: which of them differ from input to input.
            is_node: whether it consists of nodes from outside.
            flipped: whether the arguments have the transpose.
        """
        first, last = keys[0], keys[-1]
        varying = sorted({*by_neuron, *by_input})
        if is_node and (parts := [k for k in range(len(first)) if first[k] == "neuron"]):
            layer = _written(first[: parts[0]], is_node)
            letter = "W" if by_input or first[-2:-1] == ("w",) else "b"
            return ".".join(filter(None, [layer, letter]))
        if not varying:
            return _written(first, is_node)
        base = _written(first[: varying[0]], is_node) if varying[0] else ""
        if by_neuron and by_input and by_neuron[0] == by_input[0]:
            start, stop = first[varying[0]], last[varying[0]] + 1
            return f"{base}[{start}:{stop}]" if stop - start == len(keys) else f"part of {base}"
        if varying == list(range(len(first) - len(varying), len(first))):
            whole = self._alike(first, tuple(range(varying[0]))) == len(keys)
            return base + "ᵀ" * flipped if whole else f"part of {base}"
        names = dict.fromkeys(by_neuron, "i") | dict.fromkeys(by_input, "j")
        end = len(first)
        while end - 1 in by_input:
            end -= 1
        places = [f"[{names.get(k) or _key(first[k])}]" for k in range(varying[0], end)]
        return "columns " * bool(by_input) + base + "".join(places)

    # --- the rest ---------------------------------------------------------------------------

    def _name_argument(self, form: Form, at: int, depth: int) -> int:
        """Name what is left of an argument, or of an item of one; give the number of the next."""
        leaves = [form] if isinstance(form, Leaf) else [leaf for leaf, _ in _leaves(form, ())]
        count = sum(leaf.count for leaf in leaves)
        if not count:
            return at
        numbers = list(range(at, at + count))
        children = () if isinstance(form, Leaf) else form[-1]
        specs = {leaf.spec for leaf in leaves}
        if (len(specs) == 1 and not _has_dict(form)) and self._is_free(numbers):
            keys = self._inputs.keys
            name = source = _written(keys[at][:depth], False)
            last = keys[at][depth - 1]
            if depth > 1 and str(last).isidentifier() and last not in self._taken:
                name = self.unique(last)
            vector = Vector(name, count, source if source != name else "")
            vector.elements = [_written([name, *keys[i][depth:]], False) for i in numbers]
            self._own(vector, numbers)
            return at + count
        for child in children:
            at = self._name_argument(child, at, depth + 1)
        if isinstance(form, Leaf):
            for i in numbers:
                if self._is_free([i]):
                    self._own(Vector(_written(self._inputs.keys[i], False), 1), [i])
            return at + count
        return at

    def _name_nodes(self, at: int) -> None:
        """Name nodes from outside: by their names, or c1, c2, and so on."""
        unnamed = 0
        for i in range(at, len(self._inputs.places)):
            if not self._is_free([i]):
                continue
            keys = self._inputs.keys[i]
            unnamed += not keys
            name = _written(keys, True) if keys else f"c{unnamed}"
            source = "" if keys else "a node from outside"
            self._own(Vector(self.unique(name), 1, source), [i])


def _has_dict(form: Form) -> bool:
    if isinstance(form, Leaf):
        return False
    return form[0] == "dict" or any(map(_has_dict, form[-1]))
