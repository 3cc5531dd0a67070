"""Tapes that are run by native code. Random programs and the edge points are in other files."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from random_programs import narrow

import autograd as ag
from autograd.compiler.codegen import Numbers, machine, native, value_instructions
from autograd.compiler.passes import Tape

pytest.importorskip("numba", reason="the machine is made by Numba, of the extra `native`")


def program_of(compiled):
    (runner,) = compiled._runners.values()
    return runner.plan.program


@pytest.mark.parametrize(
    "op", [op for op, i in machine.kinds() if i is None], ids=lambda op: op.name
)
def test_values_are_those_of_the_engine_to_the_last_digit_but_one(op):
    count, lanes = machine.arity(op), 200
    points = np.random.default_rng(0).uniform(-4.0, 4.0, (count, lanes))
    tape = Tape("V", (op,), (count,), (tuple(range(count)),))
    numbers = Numbers([tape], count + 1)
    memory = np.zeros((count + 1 + len(numbers.values), lanes))
    memory[:count] = points
    run, arguments = machine.bound(value_instructions(tape, numbers), memory, np.zeros((0, lanes)))
    run(*arguments)
    want = [float(op(*point)) for point in points.T.tolist()]
    np.testing.assert_array_max_ulp(memory[count], np.array(want), 2)


def test_an_operation_of_the_users_own_stays_with_numpy():
    own = ag.primitive(lambda x: x * x, lambda _, x: 2.0 * x, name="own square for tapes")
    compiled = ag.compile(lambda x, y: narrow(600)(own(x), y), in_axes=0)
    assert compiled([0.5], [0.25]) == pytest.approx([narrow(600)(0.25, 0.25)], rel=1e-12)
    assert not program_of(compiled).native


def test_what_the_code_costs_is_known_all_the_same():
    compiled = ag.compile(narrow(600), in_axes=0)
    compiled.value_and_grad(np.ones(3), np.ones(3))
    assert program_of(compiled).native
    assert compiled.cost.lane.flops > 600


@pytest.fixture
def fresh():
    """Let the machine be compiled again, before and after."""

    def forget():
        for known in (native.module, machine.loop, machine.function, native.is_there):
            known.cache_clear()

    forget()
    yield forget
    forget()


def check():
    value = ag.compile(narrow(300), in_axes=0)([0.5], [0.25])
    assert value == pytest.approx([narrow(300)(0.5, 0.25)], rel=1e-12)


def test_what_is_compiled_is_kept_on_disk_even_if_that_gets_damaged(fresh, tmp_path, monkeypatch):
    monkeypatch.setattr(native, "folder", lambda: tmp_path / "new")
    check()
    kept = list(tmp_path.rglob("*.nbc"))
    assert kept
    fresh()
    check()
    assert list(tmp_path.rglob("*.nbc")) == kept
    for path in kept:
        path.write_bytes(b"damaged")
    fresh()
    check()


@pytest.mark.usefixtures("fresh")
def test_with_no_place_to_keep_anything_it_runs_all_the_same(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(native, "folder", lambda: tmp_path / "file" / "folder")
    check()


@pytest.mark.usefixtures("fresh")
def test_a_numba_that_cannot_be_imported_is_none(monkeypatch):
    monkeypatch.setitem(sys.modules, "numba", None)
    compiled = ag.compile(narrow(600), in_axes=0)
    compiled([0.5], [0.25])
    assert not program_of(compiled).native


def test_numba_is_loaded_for_a_long_tape_only():
    code = """if True:
        import sys
        import autograd as ag
        ag.compile(lambda x: ag.fsum([ag.sin(x + k) * x for k in range(60)]), in_axes=0)([0.5])
        assert "numba" not in sys.modules
    """
    root = Path(ag.__file__).parents[1]
    subprocess.run([sys.executable, "-c", code], cwd=root, check=True)
