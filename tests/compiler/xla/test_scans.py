"""A recurrence as one scan of JAX: as NumPy computes it, and compiled once for all rounds."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import autograd as ag

pytest.importorskip("jax")


def recurrence(lag: int, carries: int, branch: bool, reads_all: bool) -> Any:
    """Make a loss whose states depend on those of the time before, or of several before."""

    def loss(parameters: Any, xs: Any, y: Any) -> Any:
        weights, recurrent, scale = parameters
        history = [[np.zeros(8)] * carries] * lag
        for x in xs:
            latest, oldest = history[-1], history[-lag]
            h = latest[0] if lag == 1 else latest[0] - 0.5 * oldest[-1]
            new = ag.tanh(weights @ x + recurrent @ h) * scale
            if branch:
                new = np.array([ag.where(v > 0.0, v, 0.1 * w) for v, w in zip(new, h, strict=True)])
            history.append([new, *[0.5 * c + new for c in latest[1:]]])
        states = history[lag:] if reads_all else history[-1:]
        return sum((sum(h) - y) ** 2 for state in states for h in state)

    return loss


@pytest.mark.parametrize(
    ("lag", "carries", "branch", "reads_all", "options"),
    [
        (1, 1, False, False, {"in_axes": (None, 0, 0), "reduce": "mean"}),
        (2, 2, False, True, {"in_axes": (None, 0, 0), "reduce": None, "argnums": (0, 1)}),
        (3, 2, False, True, {"argnums": (0, 1, 2)}),
        (1, 1, True, True, {"in_axes": (None, 0, 0), "reduce": "sum"}),
    ],
)
def test_a_scan_computes_what_numpy_does(
    lag: int, carries: int, branch: bool, reads_all: bool, options: Any
) -> None:
    rng = np.random.default_rng(0)
    parameters = [rng.normal(0, 0.5, (8, 2)), rng.normal(0, 0.5, (8, 8)), np.full(8, 0.9)]
    batch = [3] * ("in_axes" in options)
    xs, y = rng.normal(size=(*batch, 12, 2)), rng.normal(size=batch)
    loss = recurrence(lag, carries, branch, reads_all)
    by_numpy, by_jax = [ag.compile(loss, backend=x, **options) for x in ("numpy", "jax")]
    found, expected = [f.value_and_grad(parameters, xs, y) for f in (by_jax, by_numpy)]
    for a, b in zip(leaves(found), leaves(expected), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-11, atol=1e-13)
    # forward and back; a gradient that may reach a state or not is given on round by round
    assert by_jax.code.count("scan[") == (0 if branch else 2)


def test_what_is_handed_through_has_no_part_in_the_gradient() -> None:
    def loss(w: Any, xs: Any) -> Any:
        h, root, seen = np.zeros(8), np.zeros(8), []
        for x in xs:
            h = ag.tanh(w @ h + x)
            root = ag.sqrt(root + 0.0 * h)  # whose slope is infinite
            seen.append(root)
        return sum(h), seen

    w, xs = np.eye(8) * 0.5, np.ones((12, 8)) * 0.1
    by_numpy, by_jax = [ag.compile(loss, backend=x, has_aux=True) for x in ("numpy", "jax")]
    found, expected = [f.value_and_grad(w, xs) for f in (by_jax, by_numpy)]
    for a, b in zip(leaves(found), leaves(expected), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-11)
        assert np.isfinite(b).all()
    assert by_jax.code.count("scan[") == 2


def leaves(tree: Any) -> list[Any]:
    if isinstance(tree, (tuple, list)):
        return [x for child in tree for x in leaves(child)]
    return [np.asarray(tree)]


def test_rounds_that_read_nothing_new():
    def settled(w, h):
        for _ in range(10):
            h = [0.9 * x - 0.1 * ag.dot(row, h) for x, row in zip(h, w, strict=True)]
        return sum(h)

    w, h = np.linspace(-0.5, 0.5, 16).reshape(4, 4).tolist(), [0.1, 0.2, 0.3, 0.4]
    value, slopes = ag.compile(settled, backend="jax").value_and_grad(w, h)
    want, expected = ag.value_and_grad(settled)(w, h)
    assert value == pytest.approx(want, rel=1e-12)
    np.testing.assert_allclose(slopes, expected, rtol=1e-10)
