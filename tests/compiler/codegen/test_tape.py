"""Rows that are computed one after the other: long programs in which nothing repeats."""

import random
import tracemalloc

import numpy as np
import pytest
from random_programs import narrow

import autograd as ag
from autograd.compiler import arraycode
from autograd.compiler.codegen import machine
from autograd.compiler.passes import Program, Ref, Step, Tape, grouped
from autograd.compiler.passes.simplify import simplified
from autograd.compiler.passes.trace import Trace
from autograd.engine.primitives import TABLE


@pytest.fixture(autouse=True, params=["by NumPy", "on the machine"])
def way(request, monkeypatch):
    """Run tapes in both ways."""
    if request.param == "by NumPy":
        monkeypatch.setattr(machine, "find_spec", lambda _: None)
    else:
        pytest.importorskip("numba", reason="the machine is made by Numba, of the extra `native`")


def program_of(f, inputs, reuse=False):
    trace = Trace()
    y = f(*[trace.tracer(trace.input()) for _ in range(inputs)])
    trace, outputs = simplified(trace, [y.row])
    return grouped(trace, outputs, [True] * inputs, reuse)


def test_a_long_narrow_program_is_one_tape():
    program = program_of(narrow(1500), 2)
    (tape,) = program.steps
    assert isinstance(tape, Tape)
    assert program.sizes["V"] > 1500
    assert len(tape.places) == len(set(tape.places)) > 1500


def test_a_chain_of_more_groups_than_code_is_written_for_is_one_tape():
    def f(x, y):
        for _ in range(2500):
            x = ag.sin(x) * y
        return x

    (tape,) = program_of(f, 2).steps
    assert len(tape.places) == 5000


def test_without_a_gradient_places_are_used_again():
    program = program_of(narrow(1500), 2, reuse=True)
    assert program.sizes["V"] < 60
    (tape,) = program.steps
    for place, operands in zip(tape.places, tape.operands, strict=True):
        assert place not in operands  # a function of several lines writes before it has read all


def test_a_short_program_in_which_little_repeats_is_a_tape():
    (tape,) = program_of(narrow(60), 2).steps
    assert isinstance(tape, Tape)
    assert all(isinstance(step, Step) for step in program_of(lambda x, y: ag.sin(x) * y, 2).steps)


def test_a_network_has_no_tape():
    def f(x, y):
        for _ in range(40):
            z = [ag.dot([x, y], [0.1 * k, 0.2], 0.3) for k in range(8)]
            x, y = ag.fsum([ag.tanh(a) for a in z[:4]]), ag.mean([ag.tanh(a) for a in z[4:]])
        return x * y

    assert all(isinstance(step, Step) for step in program_of(f, 2).steps)


def test_large_groups_stay_steps_between_tapes():
    begin = narrow(30)

    def f(x, y):
        for _ in range(60):
            x = begin(x, y)
            y = ag.mean([ag.sin(x + k) for k in range(20)])
        return x * y

    kinds = [type(step) for step in program_of(f, 2).steps]
    assert kinds.count(Tape) > 50
    assert kinds.count(Step) > 50
    check(f, np.random.default_rng(0).uniform(-1.0, 1.0, (2, 3)))


def check(f, points):
    """Compare with the eager engine, for the value alone, and with the gradient."""
    compiled = ag.compile(f, in_axes=0, argnums=(0, 1))
    values, slopes = compiled.value_and_grad(*points)
    np.testing.assert_array_equal(compiled(*points), values)
    for i, point in enumerate(points.T):
        value, slope = ag.value_and_grad(f, argnums=(0, 1))(*map(float, point))
        np.testing.assert_allclose(values[i], value, rtol=1e-12)
        np.testing.assert_allclose([s[i] for s in slopes], slope, rtol=1e-9, atol=1e-12)
    return compiled


@pytest.mark.parametrize("lanes", [0, 1, 2, 7, 257])
def test_values_and_gradients(lanes, monkeypatch):
    monkeypatch.setattr(arraycode, "_FEWEST_LANES_ON_TAPE", 100)
    monkeypatch.setattr(arraycode, "_BLOCK_BYTES", 0)
    points = np.random.default_rng(0).uniform(-1.0, 1.0, (2, lanes))
    check(narrow(400), points)


def test_memory_is_bounded_however_long_the_program_and_the_batch(monkeypatch):
    monkeypatch.setattr(arraycode, "_MOST_BYTES", 500_000)
    points = np.random.default_rng(0).uniform(-1.0, 1.0, (2, 100))
    compiled = check(narrow(400), points)
    for runner in compiled._runners.values():
        arrays = 2 if runner.plan.wanted else 1
        assert 8 * arrays * runner.plan.program.sizes["V"] * runner.written.block <= 500_000


def test_the_listing_says_what_is_on_a_tape():
    f = ag.compile(narrow(1500), in_axes=0)
    f(np.ones(2), np.ones(2))
    assert "numbers, computed one by one on a tape" in str(f)


def test_many_different_constants():
    rng = random.Random(0)
    numbers = [rng.uniform(0.5, 1.5) for _ in range(600)]

    def f(x, y):
        for k, c in enumerate(numbers):
            x = (x + c, x * c, c - x, x / c, c / (2.0 + x * x), ag.maximum(x, -c))[k % 6]
            y = 0.5 * (y + ag.sin(x))
        return y

    compiled = check(f, np.array([[0.3, -2.0], [1.0, 0.5]]))
    assert "one by one" in str(compiled)


def test_check_sees_a_constant_on_a_tape():
    rng = random.Random(0)

    def f(x):
        for _ in range(400):
            x = ag.sin(x * rng.random())
        return x

    with pytest.raises(ag.TraceError, match="traced twice with different results"):
        ag.compile(f, check=True)(1.0)


def test_buffers_of_a_large_program_stay_small():
    def f(x):
        for _ in range(20_000):
            x = ag.sin(x)
        return x

    compiled = ag.compile(f, in_axes=0)
    x = np.linspace(-1.0, 1.0, 1000)
    tracemalloc.start()
    try:
        compiled(x)
        assert tracemalloc.get_traced_memory()[1] < 60e6  # 160 MB if all values were kept
    finally:
        tracemalloc.stop()


# --- programs are checked when they are made ------------------------------------------------------

SIN, ADD = TABLE["sin"], TABLE["+"]


def program(*steps, size=3, outputs=(("V", 2),)):
    return Program(steps, {"S": 0, "V": size}, (Ref("V", np.array([0])),), (), (), (), outputs)


def test_programs_that_read_what_nothing_has_written():
    first, second = (Step(SIN, "V", k + 1, 1, (Ref("V", np.array([k])),)) for k in (0, 1))
    program(first, second)
    with pytest.raises(ValueError, match="sin reads a place of V that nothing has written"):
        program(second, first)
    with pytest.raises(ValueError, match="an output reads a place of V"):
        program(first)
    with pytest.raises(ValueError, match=r"\+ reads a place of V that nothing has written"):
        program(Tape("V", (SIN, ADD), (1, 2), ((0,), (0, 2))))
    program(Tape("V", (SIN, ADD), (1, 2), ((0,), (0, 1))))


def test_programs_of_the_wrong_size():
    with pytest.raises(ValueError, match="sin has 2 rows, not 1"):
        program(Step(SIN, "V", 1, 2, (Ref("V", np.array([0])),)))
    with pytest.raises(ValueError, match="sin has results beyond the end"):
        program(Step(SIN, "V", 2, 2, (Ref("V", np.array([0, 0])),)))
