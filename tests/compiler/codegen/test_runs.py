"""Runs of small steps, which native code follows as tapes."""

import numpy as np
import pytest

import autograd as ag
from autograd.compiler.codegen import machine, native

if not native.is_there():
    pytest.skip("the machine is made by Numba, of the extra `native`", allow_module_level=True)

W = np.random.default_rng(1).uniform(-0.5, 0.5, (5, 5)).tolist()


def filtered(W, x):
    """Repeat a product of matrices, of what a batch shares, and small steps on what it does not."""
    power, m = W, x
    for _ in range(20):
        power = [[ag.dot(row, column) + 0.1 for column in zip(*W, strict=True)] for row in power]
        power = [[p / (1.0 + p * p) for p in row] for row in power]
        m = [ag.tanh(y + row[0]) * row[1] for y, row in zip(m, power, strict=True)]
    return sum(m)


def summed_up(W, x):
    """Repeat what adds probabilities."""
    a = x
    for _ in range(40):
        a = [
            ag.logsumexp([y + w for y, w in zip(a, row, strict=True)]) - y
            for row in W
            for y in a[:1]
        ]
    return sum(a)


def chosen(W, x):
    """Repeat a choice of which one branch has no derivative where it is not taken."""
    for k in range(70):
        x = [ag.where(y > 0.0, ag.sin(y) + W[0][0], ag.sqrt(y)) * (1.0 + 0.001 * k) for y in x]
    return sum(x)


def layers(W, x):
    """Repeat products with what a batch shares, which are for BLAS."""
    x = [*x] * 4
    for _ in range(70):
        x = [ag.tanh(ag.dot([*row] * 4, x)) for row in [*W] * 4]
    return sum(x)


def layers_of_arrays(W, x):
    """Repeat small products and sums in the style of NumPy."""
    x = np.array(x)
    for _ in range(40):
        x = W @ x
        x = x / x.sum()
    return sum(x)


def wide(W, x):
    """Repeat what takes NumPy longer than its call."""
    x = [y + 0.01 * k for y in x for k in range(16)]
    for _ in range(130):
        x = [y * (z + W[0][0]) for y, z in zip(x, [*x[1:], x[0]], strict=True)]
    return sum(x)


def compiled(f, **options):
    """Return a compiled function, its plan's program and the one that is run."""
    g = ag.compile(f, in_axes=(None, 0), argnums=(0, 1), **options)
    g.value_and_grad(W, np.full((2, 5), 0.5))
    (runner,) = g._runners.values()
    return g, runner.plan.program, runner.written.program


@pytest.mark.parametrize("lanes", [1, 5, 700])
@pytest.mark.parametrize("f", [filtered, summed_up, chosen, layers_of_arrays])
def test_results_are_those_of_numpy(f, lanes, monkeypatch):
    x = np.random.default_rng(0).uniform(0.1, 1.0, (lanes, 5))
    results, listings = [], []
    for is_there in (True, False):
        if not is_there:
            monkeypatch.setattr(machine, "find_spec", lambda _: None)
        g, plan, run = compiled(f, reduce="mean")
        assert (len(run.steps) < 6 < 40 < len(plan.steps)) is is_there
        value, slopes = g.value_and_grad(W, x)
        assert len(g._runners) == 1  # another batch size is no other program
        results.append(np.concatenate([[value], *map(np.ravel, slopes)]))
        listings.append(str(g))
    np.testing.assert_allclose(*results, rtol=1e-11, atol=1e-14)
    assert listings[0] == listings[1]


def test_a_branch_that_was_not_taken_gives_nothing():
    g, _, run = compiled(chosen)
    assert run.native
    x = [[0.3, 0.7, 0.2, 0.5, 0.6], [0.9, 0.1, 0.4, 0.8, 0.2]]
    value, (_, slope) = g.value_and_grad(W, x)
    want = [ag.value_and_grad(lambda *y: chosen(W, y), argnums=(0, 1, 2, 3, 4))(*y) for y in x]
    np.testing.assert_allclose(value, [v for v, _ in want], rtol=1e-13)
    np.testing.assert_allclose(slope, [d for _, d in want], rtol=1e-12)


@pytest.mark.parametrize("f", [layers, wide])
def test_what_numpy_does_in_less_time_stays_as_it_is(f):
    _, plan, run = compiled(f)
    assert len(plan.steps) >= 128
    assert run is plan


def test_what_no_row_reads_is_read_where_the_caller_has_it():
    def f(W, x, y):
        return summed_up(W, x) + sum(ag.tanh(ag.dot([*row] * 4, y)) for row in W)

    g = ag.compile(f, in_axes=(None, 0, 0))
    g(W, np.ones((2, 5)), np.ones((2, 20)))
    (runner,) = g._runners.values()
    assert runner.written.native
    assert [x.views is None for x in runner.written.lane_inputs] == [True, False]
