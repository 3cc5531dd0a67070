"""Loops: where they are found, and that they change no bit of what is computed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import autograd as ag
from autograd.compiler.passes import program
from autograd.compiler.passes.loops import Loop, loops_of
from tests.support.effort import examples

Array = Any


@contextmanager
def unrolled() -> Iterator[None]:
    """Find no loops meanwhile."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(program, "loops_of", lambda steps: ())
        yield


def both(make: Callable[[], Any], *args: Any) -> tuple[Any, tuple[Loop, ...]]:
    """Require the same bits of a compiled function with and without loops; return the loops."""
    rolled = make()
    result = rolled.value_and_grad(*args)
    value = rolled(*args)
    with unrolled():
        plain = make()
        for x, y in zip(
            leaves([result, value]), leaves([plain.value_and_grad(*args), plain(*args)]), strict=True
        ):
            assert x.tobytes() == y.tobytes()
        assert not plan_of(plain).program.loops
    return result, plan_of(rolled).program.loops


def leaves(tree: Any) -> list[Array]:
    if isinstance(tree, (tuple, list)):
        return [x for child in tree for x in leaves(child)]
    return [np.asarray(tree)]


def plan_of(compiled: Any) -> Any:
    return compiled._used_last().plan


CELLS: dict[str, Callable[..., Any]] = {
    "tanh": lambda z, h, g: ag.tanh(z),
    "relu": lambda z, h, g: ag.relu(z) + 0.1 * h,
    "gated": lambda z, h, g: ag.sigmoid(g) * h + (1 - ag.sigmoid(g)) * ag.tanh(z),
    "where": lambda z, h, g: ag.where(z > 0.0, z * 0.5, ag.sin(h)),
    "gelu": lambda z, h, g: ag.gelu(z) - 0.3 * g,
    "root": lambda z, h, g: ag.where(z > 0.0, ag.sqrt(z), h * 0.5),  # its slope is nan elsewhere
    "silu": lambda z, h, g: ag.silu(z) + ag.exp(-g * g) * h,
}


@settings(max_examples=examples(25), deadline=None)
@given(st.data())
def test_random_recurrences(data: Any) -> None:
    draw = data.draw
    hidden, inputs = draw(st.integers(3, 9)), draw(st.integers(1, 3))
    steps, lag = draw(st.integers(8, 24)), draw(st.integers(1, 2))
    cells = draw(st.lists(st.sampled_from(sorted(CELLS)), min_size=1, max_size=3))
    carries, twice = draw(st.integers(1, 2)), draw(st.booleans())
    reads, style = draw(st.sampled_from(["last", "all", "each"])), draw(st.booleans())
    batched = draw(st.booleans())
    reduce = draw(st.sampled_from([None, "sum", "mean"])) if batched else None
    has_aux, wants_x = draw(st.booleans()), draw(st.booleans())
    samples = draw(st.sampled_from([1, 3, 300]))
    rng = np.random.default_rng(draw(st.integers(0, 99)))

    def cell(name: str, P: Any, x: Any, h: Any) -> Any:
        W, U, b = P
        if style:
            z = W @ x + U @ h + b
            return np.array(CELLS[name](z, h, z * 0.5)) if name not in ("where", "root") else np.array(
                [CELLS[name](zi, hi, zi) for zi, hi in zip(z, h, strict=True)]
            )
        z = [sum(w * v for w, v in zip(row, x, strict=True)) + sum(u * v for u, v in zip(other, h, strict=True)) + c for row, other, c in zip(W, U, b, strict=True)]
        return [CELLS[name](zi, hi, 0.5 * zi) for zi, hi in zip(z, h, strict=True)]

    def run(P: Any, sequence: Any, state: list[Any]) -> list[Any]:
        history = [state] * lag
        for t, x in enumerate(sequence):
            before = [
                h if lag == 1 else h + 0.5 * k if style else [a + 0.5 * b for a, b in zip(h, k, strict=True)]
                for h, k in zip(history[-1], history[-lag], strict=True)
            ]
            name = cells[t % len(cells)]
            new = [cell(name, P[:3], x, before[0])]
            new += [
                new[0] * 0.5 + h * 0.25 if style else [0.5 * a + 0.25 * c for a, c in zip(new[0], h, strict=True)]
                for h in before[1:]
            ]
            history.append(new)
        return history

    def loss(P: Any, sequence: Any) -> Any:
        zero = np.zeros(hidden) if style else [0.0] * hidden
        history = run(P, sequence, [zero] * carries)
        if twice:
            history = run(P, sequence[::-1], history[-1])
        if reads == "last":
            result = sum(v * v for own in history[-1] for v in own)
        elif reads == "all":
            result = sum(v for state in history[lag:] for own in state for v in own)
        else:
            result = sum(ag.sin(state[-1][0]) * (t + 1) for t, state in enumerate(history[lag:]))
        return (result, history[-1][0][0]) if has_aux else result

    P = [rng.normal(0, 0.5, (hidden, inputs)), rng.normal(0, 0.5, (hidden, hidden)), rng.normal(size=hidden)]
    X = rng.normal(size=(samples, steps, inputs) if batched else (steps, inputs))
    argnums = (0, 1) if wants_x else 0
    both(
        lambda: ag.compile(
            loss, in_axes=(None, 0) if batched else None, reduce=reduce, has_aux=has_aux, argnums=argnums
        ),
        P,
        X,
    )
