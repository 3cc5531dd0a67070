"""Long recurrences: the passes see few rounds of them, and make of these what they make of all."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autograd as ag
from autograd.compiler import plan

HIDDEN, INPUTS = 5, 3


def arguments(steps: int, samples: int = 3) -> tuple[Any, ...]:
    rng = np.random.default_rng(0)
    shapes = (HIDDEN, INPUTS), (HIDDEN, HIDDEN), (HIDDEN,)
    weights = [0.4 * rng.normal(size=shape) for shape in shapes]
    return weights, rng.normal(size=(samples, steps, INPUTS)), rng.normal(size=samples)


def inner(a: Any, b: Any) -> Any:
    return sum(x * y for x, y in zip(a, b, strict=True))


def states(weights: Any, sequence: Any) -> list[Any]:
    """Return the states of a recurrent net, in plain code."""
    W, V, b = weights
    found = [[0.0] * HIDDEN]
    for x in sequence:
        z = [inner(w, x) + inner(u, found[-1]) + c for w, u, c in zip(W, V, b, strict=True)]
        found.append([ag.tanh(y) for y in z])
    return found


def plain(weights: Any, sequence: Any, y: Any) -> Any:
    return (sum(states(weights, sequence)[-1]) - y) ** 2


def in_arrays(weights: Any, sequence: Any, y: Any) -> Any:
    W, V, b = weights
    h = np.zeros(HIDDEN)
    for x in sequence:
        h = ag.tanh(W @ x + V @ h + b)
    return (h.sum() - y) ** 2


def gated(weights: Any, sequence: Any, y: Any) -> Any:
    W, V, b = weights
    h = np.zeros(HIDDEN)
    for x in sequence[::-1]:
        z = ag.sigmoid(W @ x + V @ h)
        h = z * h + (1.0 - z) * ag.tanh(b * (V.T @ (z * h)) + x[0])
    return (h @ b - y) ** 2


def of_two_before(weights: Any, sequence: Any, y: Any) -> Any:
    W, V, b = weights
    before, h = np.ones(HIDDEN), np.zeros(HIDDEN)
    for x in sequence:
        before, h = h, ag.tanh(W @ x + V @ before) + 0.1 * b * h
    return (h.sum() - before[0] - y) ** 2


def error_of_each(weights: Any, sequence: Any, y: Any) -> Any:
    W, V, b = weights
    h, total = np.zeros(HIDDEN), 0.0
    for x in sequence:
        h = ag.tanh(W @ x + V @ h + b)
        total = total + (h @ b - y) ** 2
    return total


def likelihood(weights: Any, sequence: Any, y: Any) -> Any:
    """Return that of a chain of hidden states, with few numbers in each round."""
    _, V, b = weights
    columns = list(zip(*[ag.log_softmax(row) for row in V], strict=True))
    alpha = ag.log_softmax(b)
    for x in sequence:
        sums = [[a + c for a, c in zip(alpha, column, strict=True)] for column in columns]
        alpha = [ag.logsumexp(own) - (x[0] - c) ** 2 for own, c in zip(sums, b, strict=True)]
    return y - ag.logsumexp(alpha)


def reading_one_between(weights: Any, sequence: Any, y: Any) -> Any:
    found = states(weights, sequence)
    return (found[-1][0] * found[len(found) // 2][1] - y) ** 2


def with_numbers_that_grow(weights: Any, sequence: Any, y: Any) -> Any:
    h = 0.1
    for i, x in enumerate(sequence):
        h = ag.tanh(h * weights[2][0] + x[0] * 0.01 * i)
    return (h - y) ** 2


def of_a_table(weights: Any, sequence: Any, y: Any) -> Any:
    h = 0.1
    squares = [x[0] * x[0] for x in sequence] + [x[1] for x in sequence]
    for x in squares[::-1]:
        h = ag.tanh(h * weights[2][0] + x)
    return (h - y) ** 2


REPEATED = [plain, in_arrays, gated, of_two_before, error_of_each, likelihood]
OTHERS = [reading_one_between, with_numbers_that_grow, of_a_table]


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The number of rows that were laid out, one time after the other."""
    counts: list[int] = []
    grouped = plan.grouped

    def counted(trace: Any, *args: Any) -> Any:
        counts.append(sum(op is not None for op in trace.ops))
        return grouped(trace, *args)

    monkeypatch.setattr(plan, "grouped", counted)
    return counts


def compiled(loss: Callable[..., Any], backend: Any = "numpy") -> Any:
    return ag.compile(loss, in_axes=(None, 0, 0), reduce="mean", backend=backend)


@pytest.mark.parametrize("loss", REPEATED)
def test_more_rounds_are_no_more_rows_for_the_passes(loss: Any, seen: list[int]) -> None:
    for steps in (200, 400):
        compiled(loss).value_and_grad(*arguments(steps))
    assert len(seen) == 6
    assert abs(seen[3] - seen[0]) <= seen[1] - seen[0]  # at most a round


@pytest.mark.parametrize("loss", REPEATED + OTHERS)
def test_few_rounds_tell_what_all_rows_do(
    loss: Any, monkeypatch: pytest.MonkeyPatch, seen: list[int]
) -> None:
    given = arguments(200)
    function = compiled(loss)
    value, (W, V, b) = function.value_and_grad(*given)
    alone = function(*given)
    assert (len(seen) == 6) is (loss in REPEATED)
    monkeypatch.setattr(plan, "by_rounds", lambda *_: None)
    expected = compiled(loss)
    also, slopes = expected.value_and_grad(*given)
    np.testing.assert_allclose([value, alone], [also, expected(*given)], rtol=1e-14)
    for x, y in zip((W, V, b), slopes, strict=True):
        np.testing.assert_allclose(x, y, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("loss", [plain, error_of_each])
def test_rounds_are_those_of_the_eager_engine(loss: Any) -> None:
    weights, (sequence, *_), (y, *_) = arguments(160)
    value, slopes = ag.compile(loss).value_and_grad(weights, sequence, float(y))
    eager, expected = ag.value_and_grad(loss)(weights, sequence, float(y))
    np.testing.assert_allclose(value, eager, rtol=1e-12)
    for x, own in zip(slopes, expected, strict=True):
        np.testing.assert_allclose(x, np.array(own, float), rtol=1e-10, atol=1e-12)


def test_parameters_of_each_round_may_stand_elsewhere() -> None:
    """Weights stand with their bias where a layer reads them, of rounds that are left out not."""
    rng = np.random.default_rng(0)
    layers, x = rng.normal(size=(150, 4, 5)), rng.normal(size=(3, 4))

    def loss(layers: Any, x: Any) -> Any:
        for W in layers:
            x = [ag.tanh(inner(w[:4], x) + w[4]) for w in W]
        return sum(x)

    found = ag.compile(loss, in_axes=(None, 0), reduce="sum").value_and_grad(layers, x)
    h = [x]
    for W in layers:
        h.append(np.tanh(h[-1] @ W[:, :4].T + W[:, 4]))
    np.testing.assert_allclose(found[0], h[-1].sum(), rtol=1e-9)
