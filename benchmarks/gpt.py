"""How fast does a GPT in plain scalar code train: on Values, on a minimal class, and compiled.

Run it from the repository's root: `python -m benchmarks.gpt`.

The model is that of Karpathy's microgpt, in our own words: see `benchmarks/scalar_gpt.py`. It is
trained on a document a step, by Adam. All must find the same losses. Compiled, it is trained in two
ways: each length of a document has a trace of its own, or all are made equally long, as users of
JAX do. Then its loss over a batch of documents and its gradient are compared with NumPy by hand,
JAX and PyTorch. What is timed is the processor's time, on one thread.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from operator import getitem
from time import process_time
from typing import Any

from benchmarks import structures, timing
from benchmarks.scalar_gpt import (
    STEPS,
    Adam,
    documents,
    drawn_parameters,
    inner,
    mean,
    softmax_of_data,
    surprises,
    tokens_of,
)
from benchmarks.structure_programs import gpt_loss, one_hot
from benchmarks.timing import Requirement

# isort: split
import numpy as np

import autograd
from benchmarks.structure_by_hand import BY_HAND

VALUES = "chainrule, Values"
MINIMAL = "a minimal class"
COMPILED = "chainrule, compiled"
PADDED = "chainrule, compiled, documents filled up"
NUMPY = "NumPy by hand"
TIMES_AS_FAST = 4.0  # Values over the minimal class
TRAINED_WITHIN = {COMPILED: 5.0, PADDED: 2.0}  # seconds, first calls included
ROUNDS = 3

# Returns loss and gradient, of the parameters, the tokens of a document and those that follow them
Differentiated = Callable[[Any, Any, Any], tuple[Any, Any]]


class Minimal:
    """As few lines as an engine may have: a node keeps its operands and the slopes by them."""

    __slots__ = ("_operands", "_slopes", "data", "grad")

    def __init__(
        self, data: float, operands: tuple[Minimal, ...] = (), slopes: tuple[float, ...] = ()
    ) -> None:
        self.data = data
        self.grad = 0.0
        self._operands = operands
        self._slopes = slopes

    def __add__(self, other: Any) -> Minimal:
        other = other if isinstance(other, Minimal) else Minimal(other)
        return Minimal(self.data + other.data, (self, other), (1.0, 1.0))

    def __mul__(self, other: Any) -> Minimal:
        other = other if isinstance(other, Minimal) else Minimal(other)
        return Minimal(self.data * other.data, (self, other), (other.data, self.data))

    def __pow__(self, power: float) -> Minimal:
        return Minimal(self.data**power, (self,), (power * self.data ** (power - 1),))

    def __neg__(self) -> Minimal:
        return self * -1.0

    def __sub__(self, other: Any) -> Minimal:
        return self + -other

    def __truediv__(self, other: Any) -> Minimal:
        return self * other**-1

    __radd__ = __add__
    __rmul__ = __mul__

    def exp(self) -> Minimal:
        """Return e to the power of this."""
        result = math.exp(self.data)
        return Minimal(result, (self,), (result,))

    def log(self) -> Minimal:
        """Return the natural logarithm."""
        return Minimal(math.log(self.data), (self,), (1.0 / self.data,))

    def relu(self) -> Minimal:
        """Return this, or 0 where it is negative."""
        return Minimal(max(self.data, 0.0), (self,), (float(self.data > 0.0),))

    def backward(self) -> None:
        """Add the derivatives of this by all nodes to their `grad`."""
        order: list[Minimal] = []
        seen: set[Minimal] = set()

        def visit(node: Minimal) -> None:
            if node not in seen:
                seen.add(node)
                for operand in node._operands:
                    visit(operand)
                order.append(node)

        visit(self)
        self.grad = 1.0
        for node in reversed(order):
            for operand, slope in zip(node._operands, node._slopes, strict=True):
                operand.grad += slope * node.grad


# --- training -------------------------------------------------------------------------------------


def trained_on_nodes(node: Callable[[float], Any], names: Sequence[str]) -> list[float]:
    """Train on graphs of nodes of a class; return the loss of each document."""
    parameters = [[[node(w) for w in row] for row in matrix] for matrix in drawn_parameters()]
    leaves = [w for matrix in parameters for row in matrix for w in row]
    adam, losses = Adam(len(leaves)), []
    for name in names:
        tokens = tokens_of(name)
        loss = mean(surprises(softmax_of_data, getitem, parameters, tokens[:-1], tokens[1:]))
        loss.backward()
        for leaf, move in zip(leaves, adam.moves([leaf.grad for leaf in leaves]), strict=True):
            leaf.data -= move
            leaf.grad = 0.0
        losses.append(loss.data)
    return losses


def compiled(_: Sequence[str]) -> Differentiated:
    """Compile the loss of a document; a length is traced when it first occurs."""
    return autograd.compile(gpt_loss).value_and_grad


def padded(names: Sequence[str]) -> Differentiated:
    """Compile the loss of a document that is filled up to the longest, with tokens of no weight."""
    longest = max(map(len, names)) + 1

    def weighted_loss(parameters: Any, tokens: Any, targets: Any, weights: Any) -> Any:
        return inner(
            weights, surprises(autograd.softmax, autograd.take, parameters, tokens, targets)
        )

    loss = autograd.compile(weighted_loss)

    def value_and_grad(parameters: Any, tokens: Any, targets: Any) -> Any:
        count = len(tokens)
        data = np.zeros((3, longest))
        data[:, :count] = tokens, targets, np.full(count, 1.0 / count)
        return loss.value_and_grad(parameters, *data)

    return value_and_grad


def by_hand(_: Sequence[str]) -> Differentiated:
    """Return what computes the loss of a document and its gradient in NumPy by hand."""

    def value_and_grad(parameters: Any, tokens: Any, targets: Any) -> Any:
        return BY_HAND["gpt"](parameters, tokens[None], one_hot(targets))

    return value_and_grad


def trained_on_arrays(value_and_grad: Differentiated, names: Sequence[str]) -> list[float]:
    """Train by a function that gives loss and gradient; return the loss of each document."""
    parameters = [np.array(matrix) for matrix in drawn_parameters()]
    adam, losses = Adam(len(parameters)), []
    for name in names:
        tokens = np.array(tokens_of(name))
        value, gradient = value_and_grad(parameters, tokens[:-1], tokens[1:])
        for parameter, move in zip(parameters, adam.moves(gradient), strict=True):
            parameter -= move
        losses.append(float(value))
    return losses


def race(names: Sequence[str], rounds: int) -> dict[str, Any]:
    """Train on some documents in turn; the compiled losses have been called before."""
    contenders: dict[str, Callable[[], list[float]]] = {
        **{name: partial(trained_on_arrays, make(names), names) for name, make in ARRAYS.items()},
        VALUES: partial(trained_on_nodes, autograd.Value, names),
        MINIMAL: partial(trained_on_nodes, Minimal, names),
    }
    losses = {name: train() for name, train in contenders.items()}
    differences = {
        name: timing.largest_difference(own, losses[MINIMAL]) for name, own in losses.items()
    }
    timing.refuse_disagreement(differences)
    samples = {
        name: partial(timing.seconds, train, clock=process_time)
        for name, train in contenders.items()
    }
    seconds = timing.in_turn(samples, rounds)
    return {
        "documents": len(names),
        "losses": losses[MINIMAL],
        "largest_difference": differences,
        "seconds": seconds,
        "medians": timing.medians(seconds),
    }


ARRAYS = {COMPILED: compiled, PADDED: padded, NUMPY: by_hand}


def whole_trainings(names: Sequence[str]) -> dict[str, Any]:
    """Train on all documents, first calls included."""
    seconds, losses = {}, {}
    for name, make in ARRAYS.items():
        start = process_time()
        losses[name] = trained_on_arrays(make(names), names)
        seconds[name] = process_time() - start
    differences = {
        name: timing.largest_difference(own, losses[NUMPY]) for name, own in losses.items()
    }
    timing.refuse_disagreement(differences)
    return {
        "documents": len(names),
        "lengths": len(set(map(len, names))),
        "losses": losses[NUMPY],
        "largest_difference": differences,
        "seconds": {name: [own] for name, own in seconds.items()},
        "medians": seconds,
    }


def show(race: dict[str, Any], whole: dict[str, Any], names: Sequence[str]) -> None:
    """Print what a training takes, by tokens if it was not run to its end."""
    few = names[: race["documents"]]
    times = sum(len(tokens_of(name)) - 1 for name in names)
    times /= sum(len(tokens_of(name)) - 1 for name in few)
    medians = race["medians"]
    rows = [
        [name, f"{seconds * times:.1f}", f"{medians[MINIMAL] / seconds:.2f}"]
        for name, seconds in medians.items()
    ]
    print(
        f"{len(names):,} steps, a document each, from the time of {len(few)}, without first calls"
    )
    print(timing.table(["", "s", "× as fast"], rows))
    last = whole["losses"][-max(1, len(names) // 10) :]
    print(f"\nall steps, with the first calls of {whole['lengths']} lengths")
    rows = [[name, f"{seconds:.2f}"] for name, seconds in whole["medians"].items()]
    print(timing.table(["", "s"], rows))
    print(f"\nmean loss of the last tenth: {np.mean(last):.3f}")


def main() -> None:
    """Measure, print and save."""
    options = timing.parser_of("gpt", __doc__).parse_args()
    quick = options.quick
    versions = structures.versions()
    names = ["mu", "rav"] if quick else documents(STEPS)
    training = race(names[: 1 if quick else 3], 1 if quick else ROUNDS)
    whole = whole_trainings(names)
    show(training, whole, names)
    batch = structures.measured_apart("gpt", quick, 1 if quick else 11)
    structures.show("gpt", batch)
    medians = training["medians"]
    ratio = medians[MINIMAL] / medians[VALUES]
    required = [
        Requirement("Values: times as fast as a minimal class", ratio, "at least", TIMES_AS_FAST),
        *[
            Requirement(
                f"{len(names):,} steps with first calls, {name}",
                whole["medians"][name],
                "at most",
                limit,
                " s",
            )
            for name, limit in TRAINED_WITHIN.items()
        ],
        *structures.required_of("gpt", batch),
    ]
    report = {"benchmark": "gpt", "versions": versions, "training": training, "whole": whole}
    timing.save(options.out, {**report, "batch": batch}, required)


if __name__ == "__main__":
    main()
