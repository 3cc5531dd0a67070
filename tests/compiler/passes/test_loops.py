"""Loops: where they are found, and that they change no bit of what is computed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
from effort import examples
from hypothesis import given, settings
from hypothesis import strategies as st

import autograd as ag
from autograd.compiler.passes import loops_of, program
from autograd.compiler.passes.loops import Loop

ZERO = {True: np.zeros, False: lambda n: [0.0] * n}


@pytest.fixture(autouse=True, scope="module")
def by_numpy() -> Iterator[None]:
    """Take the machine away, which runs small rounds one after the other."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("autograd.compiler.plan.machine_for", lambda _: None)
        yield


@contextmanager
def unrolled() -> Iterator[None]:
    """Find no loops meanwhile."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(program, "loops_of", lambda _: ())
        yield


def leaves(tree: Any) -> list[Any]:
    if isinstance(tree, (tuple, list)):
        return [x for child in tree for x in leaves(child)]
    return [np.asarray(tree)]


def loops_in(compiled: Any) -> tuple[Loop, ...]:
    return compiled._used_last().plan.program.loops


def same_bits(make: Callable[[], Any], *args: Any) -> Any:
    """Require the same value and gradient with and without loops; return the function with."""
    rolled = make()
    found = [rolled.value_and_grad(*args), rolled(*args)]
    with unrolled():
        plain = make()
        expected = [plain.value_and_grad(*args), plain(*args)]
        assert not loops_in(plain)
    for x, y in zip(leaves(found), leaves(expected), strict=True):
        assert x.tobytes() == y.tobytes()
    return rolled


CELLS: dict[str, Callable[..., Any]] = {  # of z = W x + U h + b, of h, and of another number
    "tanh": lambda z, *_: ag.tanh(z),
    "relu": lambda z, h, _: ag.relu(z) + 0.1 * h,
    "gated": lambda z, h, g: ag.sigmoid(g) * h + (1 - ag.sigmoid(g)) * ag.tanh(z),
    "where": lambda z, h, _: ag.where(z > 0.0, z * 0.5, ag.sin(h)),
    "gelu": lambda z, _, g: ag.gelu(z) - 0.3 * g,
    "root": lambda z, h, _: ag.where(z > 0.0, ag.sqrt(z), h * 0.5),  # its slope is nan elsewhere
    "exp": lambda z, h, g: 0.1 * ag.exp(-g * g) * h + ag.atan(z),
}


def inner(a: Any, b: Any) -> Any:
    return sum(x * y for x, y in zip(a, b, strict=True))


def cell(name: str, parameters: Any, x: Any, h: Any) -> Any:
    weights, recurrent, biases = parameters
    z = [inner(w, x) + inner(u, h) + b for w, u, b in zip(weights, recurrent, biases, strict=True)]
    return [CELLS[name](zi, hi, 0.5 * zi) for zi, hi in zip(z, h, strict=True)]


def array_cell(name: str, parameters: Any, x: Any, h: Any) -> Any:
    weights, recurrent, biases = parameters
    z = weights @ x + recurrent @ h + biases
    if name in ("where", "root"):
        return np.array([CELLS[name](zi, hi, zi) for zi, hi in zip(z, h, strict=True)])
    return CELLS[name](z, h, 0.5 * z)


def mixed(a: Any, b: Any) -> Any:
    if isinstance(a, list):
        return [x + 0.25 * y for x, y in zip(a, b, strict=True)]
    return a + 0.25 * b


@settings(max_examples=examples(40), deadline=None)
@given(st.data())
def test_a_random_recurrence_is_the_same_to_the_last_bit(data: Any) -> None:
    draw = data.draw
    hidden, inputs = draw(st.integers(3, 9)), draw(st.integers(1, 3))
    steps, lag = draw(st.integers(8, 24)), draw(st.integers(1, 2))
    cells = draw(st.lists(st.sampled_from(sorted(CELLS)), min_size=1, max_size=3))
    carries, twice, arrays = draw(st.integers(1, 2)), draw(st.booleans()), draw(st.booleans())
    reads = draw(st.sampled_from(["last", "all", "each"]))
    batched, has_aux, wants_xs = [draw(st.booleans()) for _ in range(3)]
    reduce = draw(st.sampled_from([None, "sum", "mean"])) if batched else None
    samples = draw(st.sampled_from([1, 3, 300]))
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    apply = array_cell if arrays else cell

    def run(parameters: Any, xs: Any, state: list[Any]) -> list[Any]:
        history = [state] * lag
        for t, x in enumerate(xs):
            latest, *others = history[-1]
            before = latest if lag == 1 else mixed(latest, history[-lag][0])
            new = apply(cells[t % len(cells)], parameters, x, before)
            history.append([new, *[mixed(h, new) for h in others]])
        return history

    def loss(parameters: Any, xs: Any) -> Any:
        history = run(parameters, xs, [ZERO[arrays](hidden)] * carries)
        if twice:
            history = run(parameters, xs[::-1], history[-1])
        if reads == "last":
            result = sum(v * v for own in history[-1] for v in own)
        elif reads == "all":
            result = sum(v for state in history[lag:] for own in state for v in own)
        else:
            result = sum(ag.sin(state[-1][0]) * t for t, state in enumerate(history[lag:]))
        return (result, history[-1][0][0]) if has_aux else result

    parameters = [rng.normal(0, 0.5, (hidden, n)) for n in (inputs, hidden)]
    xs = rng.normal(size=(*[samples] * batched, steps, inputs))
    same_bits(
        lambda: ag.compile(
            loss,
            in_axes=(None, 0) if batched else None,
            reduce=reduce,
            has_aux=has_aux,
            argnums=(0, 1) if wants_xs else 0,
        ),
        [*parameters, rng.normal(size=hidden)],
        xs,
    )


@pytest.mark.parametrize("name", sorted(CELLS))
@pytest.mark.parametrize("batched", [False, True])
def test_code_is_written_once_for_all_rounds(name: str, batched: bool) -> None:
    rng = np.random.default_rng(0)
    parameters = [rng.normal(0, 0.5, (8, n)) for n in (3, 8)] + [rng.normal(size=8)]

    def loss(parameters: Any, xs: Any) -> Any:
        h = ZERO[batched](8)
        for x in xs:
            h = (array_cell if batched else cell)(name, parameters, x, h)
        return sum(v * v for v in h)

    xs = rng.normal(size=(*[4] * batched, 12, 3))
    options = {"in_axes": (None, 0), "reduce": "mean"} if batched else {}
    f = same_bits(lambda: ag.compile(loss, **options), parameters, xs)
    (loop,) = loops_in(f)
    assert loop.count == 11
    f.value_and_grad(parameters, xs)
    lines = f.code.split("\n")
    assert sum(line.startswith("for ") for line in lines) == 2
    assert len(lines) < 120


def test_a_few_numbers_of_their_own_in_each_round_are_steps_that_repeat() -> None:
    """As the gain of a filter is, which would fill no tape."""

    def filtered(W: Any, h: Any, observed: Any) -> Any:
        m, total = [0.1] * 6, 0.0
        for z in observed:
            m = [inner(w, m) for w in W]
            rest = z - inner(h, m)
            m = [mi + 0.5 * rest * hi for mi, hi in zip(m, h, strict=True)]
            total = total + rest * rest
        return total

    W = np.random.default_rng(0).normal(size=(6, 6)).tolist()
    rolled = same_bits(lambda: ag.compile(filtered), W, [0.1] * 6, list(range(12)))
    assert [loop.count for loop in loops_in(rolled)] == [11]
    assert not rolled._used_last().plan.program.tapes


def test_no_loop_where_places_do_not_advance_evenly() -> None:
    def loss(w: Any, xs: Any) -> Any:
        h = [0.0] * 4
        for t in range(12):
            h = [ag.tanh(w * v + xs[(t * t) % 13]) for v in h]
        return sum(h)

    f = same_bits(lambda: ag.compile(loss), 0.5, np.arange(13.0))
    assert loops_in(f) == ()


def test_a_sum_of_all_that_a_round_reads_of_one_number() -> None:
    """Its gradient is a view without axes, to which each round of the loop writes."""

    def loss(w: Any, h: Any) -> Any:
        for _ in range(10):
            h = [ag.logsumexp([x + y for x, y in zip(h, row, strict=True)]) - h[0] for row in w]
        return sum(h)

    w, h = np.random.default_rng(0).normal(size=(6, 5))[1:].tolist(), [0.3, 0.7, 0.2, 0.5, 0.6]
    f = same_bits(lambda: ag.compile(loss, argnums=(0, 1)), w, h)
    assert loops_in(f)
    expected = ag.value_and_grad(loss, argnums=(0, 1))(w, h)
    for x, y in zip(leaves(f.value_and_grad(w, h)), leaves(expected), strict=True):
        np.testing.assert_allclose(x, y, rtol=1e-9, atol=1e-12)


def test_a_loop_ends_with_its_last_round() -> None:
    """And leaves what is different at the beginning out."""

    class Text:
        start = 0
        operands = ()

        def __init__(self, kind: str) -> None:
            self.kind = kind

    assert loops_of([Text(x) for x in "xabcbcbcbcy"]) == (Loop(2, 2, 4),)
    assert loops_of([Text(x) for x in "cbcbcbcbd"]) == (Loop(0, 2, 4),)
    assert loops_of([Text(x) for x in "xcbcbcbcbcd"]) == (Loop(2, 2, 4),)
    assert loops_of([Text(x) for x in "abcabcabc"]) == ()


def test_rounds_that_are_written_one_by_one_after_all():
    """Their code is not of one form; nothing stays of what was written to see that."""

    def discounted(y, w):
        v = y[0] * w[0]
        for a, b in zip(y[1:], w[1:], strict=True):
            v = v * 0.5 + a * b
        return v + y[0] * w[3]

    y, w = np.arange(1.0, 17.0).reshape(2, 8), np.arange(8.0)
    same_bits(lambda: ag.compile(discounted, in_axes=(0, None), reduce="sum"), y, w)
