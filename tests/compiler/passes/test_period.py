"""Long recurrences: the passes see few rounds of them, and make of these what they make of all."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
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


def of_long_ago(weights: Any, sequence: Any, y: Any) -> Any:
    """Read what was computed 40 rounds ago, and has been handed on since."""
    line = [x[1] for x in sequence[:40]]
    for x in sequence:
        line = [1.0 * z for z in line[1:]] + [ag.tanh(weights[2][0] * line[0] + x[0])]
    return (line[-1] - y) ** 2


def of_a_table(weights: Any, sequence: Any, y: Any) -> Any:
    h = 0.1
    squares = [x[0] * x[0] for x in sequence] + [x[1] for x in sequence]
    for x in squares[::-1]:
        h = ag.tanh(h * weights[2][0] + x)
    return (h - y) ** 2


REPEATED = [plain, in_arrays, gated, of_two_before, error_of_each, likelihood]
OTHERS = [reading_one_between, with_numbers_that_grow, of_long_ago, of_a_table]


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


def test_inputs_of_later_rounds_may_be_shared_and_those_of_others_not(seen: list[int]) -> None:
    weights, own, _ = arguments(100)

    def loss(weights: Any, own: Any, shared: Any) -> Any:
        return in_arrays(weights, [*own, *shared], 0.0)

    found = ag.compile(loss, in_axes=(None, 0, None), reduce="sum")(weights, own, own[0])
    expected = sum(loss(weights, x, own[0]) for x in own)
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    assert len(seen) == 4


def test_nodes_from_outside_are_no_inputs_that_go_on(seen: list[int]) -> None:
    leaves = [ag.Value(x) for x in np.random.default_rng(0).normal(size=200).tolist()]

    def state(w: Any) -> Any:
        h = 0.1
        for x in leaves:
            h = ag.tanh(w * h + x)
        return h

    found = ag.compile(state, backend="numpy")(0.9)
    np.testing.assert_allclose(found, state(0.9).data, rtol=1e-12)
    assert len(seen) == 1


def test_rows_of_a_matrix_may_be_read_once_in_some_rounds_and_each_in_others() -> None:
    wide, square = np.random.default_rng(0).normal(size=(3, 9)), 0.5 * np.eye(3)

    def total(wide: Any, square: Any) -> Any:
        h = (wide[0].reshape(3, 3) @ square).ravel()
        for i in range(200):
            h = ag.tanh(h[:3] @ wide if i < 40 else (h.reshape(3, 3) @ square).ravel())
        return h.sum()

    found = ag.compile(total, backend="numpy")(wide, square)
    np.testing.assert_allclose(found, total(wide, square), rtol=1e-12)


def test_a_program_that_cannot_be_continued_is_made_of_all_rows(
    monkeypatch: pytest.MonkeyPatch, seen: list[int]
) -> None:
    grouped = plan.grouped

    def tight(*args: Any) -> Any:  # with room for results that does not grow with the rounds
        program = grouped(*args)
        room = {space: max(n, 2000) for space, n in program.sizes.items()}
        return replace(program, sizes=room)

    monkeypatch.setattr(plan, "grouped", tight)
    given = arguments(200)
    value = compiled(plain)(*given)
    assert len(seen) == 4
    monkeypatch.setattr(plan, "by_rounds", lambda *_: None)
    assert value == compiled(plain)(*given)


def test_rounds_of_many_rows_may_read_what_was_computed_before_all_of_them() -> None:
    x = np.random.default_rng(0).normal(size=600)

    def state(x: Any, exp: Any, tanh: Any) -> Any:
        given, h = exp(x), 0.0
        for t in range(len(x)):
            h = tanh(h + given[t])
            for _ in range(12):
                h = tanh(1.1 * h)
        return h

    found = ag.compile(lambda x: state(x, ag.exp, ag.tanh))(x)
    np.testing.assert_allclose(found, state(x, np.exp, np.tanh), rtol=1e-12)
