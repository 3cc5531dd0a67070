"""How a compiled function is called: nested axes, nodes, names, threads, bad arguments."""

from __future__ import annotations

import copy
import gc
import pickle
import sys
import threading
import tracemalloc
from collections import namedtuple
from fractions import Fraction

import numpy as np
import pytest

import autograd as ag
from autograd import Value
from autograd.compiler import runner, workspace
from autograd.compiler.passes import group as grouping

Pair = namedtuple("Pair", "w x")


# --- in_axes --------------------------------------------------------------------------------------


def product(p):
    return p["w"] * p["x"][0] + p["x"][1]


@pytest.mark.parametrize(
    ("axes", "tree"),
    [
        (({"w": None, "x": 0},), {"w": 2.0, "x": (np.arange(3.0), np.ones(3))}),
        ([{"x": 0, "w": None}], {"w": 2.0, "x": (np.arange(3.0), np.ones(3))}),
        (({"w": None, "x": (0, None)},), {"w": 2.0, "x": (np.arange(3.0), 1.0)}),
        (({"w": None, "x": [0, None]},), {"x": [np.arange(3.0), 1], "w": 2}),
        (({"w": None, "x": 0},), {"w": 2.0, "x": [[0.0, 1.0], [1.0, 1.0], [2.0, 1.0]]}),
    ],
)
def test_axes_below_an_argument(axes, tree):
    f = ag.compile(product, in_axes=axes)
    for _ in range(2):  # at first taken apart, then recognised
        assert f(tree).tolist() == [1.0, 3.0, 5.0]


@pytest.mark.parametrize("reduce", [None, "sum"])
def test_gradients_by_what_is_shared_in_part(reduce):
    tree = Pair([2.0, 1.0], np.array([[1.0, 5.0], [3.0, 7.0]]))
    f = ag.compile(
        lambda p: p.w[0] * p.x[0] + p.w[1] * p.x[1], in_axes=(Pair(None, 0),), reduce=reduce
    )
    for _ in range(2):
        value, slope = f.value_and_grad(tree)
        assert isinstance(slope, Pair)
        assert slope.x.tolist() == [[2.0, 1.0], [2.0, 1.0]]
        if reduce is None:
            assert value.tolist() == [7.0, 13.0]
            assert [w.tolist() for w in slope.w] == [[1.0, 3.0], [5.0, 7.0]]
        else:
            assert value == 20.0
            assert slope.w == [4.0, 12.0]


@pytest.mark.parametrize(
    ("axes", "tree", "message"),
    [
        (({"w": 0},), {"w": [1.0], "x": 2.0}, r"for args\[0\].* keys \['w'\], .* \['w', 'x'\]"),
        (({"w": 0},), [1.0], r"args\[0\].* must be a dict .* but it is a list of 1"),
        (([0, None],), [[1.0]], r"args\[0\].* list or tuple of 2, but it is a list of 1"),
        (({"w": [0, 0]},), {"w": 1.0}, r"args\[0\]\['w'\].* but it is of type float"),
        (({"w": (0, 2)},), {"w": ([1.0], [1.0])}, r"not 2 as for args\[0\]\['w'\]\[1\]"),
        ((True,), [1.0], r"not True as for args\[0\]"),
        (("0",), [1.0], r"not '0' as for args\[0\]"),
        (({"w": 0},), {"w": 3.0}, r"args\[0\]\['w'\] is one number, but in_axes asks for a batch"),
    ],
)
def test_axes_that_do_not_fit(axes, tree, message):
    with pytest.raises((TypeError, ValueError), match=message):
        ag.compile(lambda p: 0.0, in_axes=axes)(tree)  # noqa: ARG005


# --- nodes as arguments ---------------------------------------------------------------------------


def cubic(w, x):
    return ag.fsum([wi * xi**3 for wi, xi in zip(w, x, strict=True)])


def test_nodes_without_a_batch_run_the_function_itself():
    f = ag.compile(cubic)
    w, x = [Value(2.0), Value(-1.0)], [3.0, 0.5]
    y = f(w, x)
    assert isinstance(y, Value)
    y.backward()
    assert [v.grad for v in w] == [27.0, 0.125]
    assert f([2.0, -1.0], x) == y.data
    assert isinstance(f([2.0, Value(-1.0)], x), Value)
    assert isinstance(f([2.0, -1.0], np.array([Value(3.0), Value(0.5)])), Value)
    value, slopes = f.value_and_grad(w, x)
    assert (value.data, [s.data for s in slopes]) == (y.data, [27.0, 0.125])
    assert [s.data for s in f.grad(w, x)] == [27.0, 0.125]


def test_transforms_of_a_compiled_function():
    f = ag.compile(cubic, argnums=1)
    w, x = [2.0, -1.0], [3.0, 0.5]
    assert ag.grad(f, argnums=1)(w, x) == f.grad(w, x) == [54.0, -0.75]
    assert ag.hessian(f, argnums=1)(w, x) == ag.hessian(cubic, argnums=1)(w, x)
    assert ag.jvp(f, (w, x), ([0.0, 0.0], [1.0, 0.0]))[1] == 54.0
    inside = ag.compile(lambda w, x: f(w, x) + f.grad(w, x)[0], in_axes=(None, 0))
    xs = np.array([x, [1.0, 2.0]])
    want = [cubic(w, list(row)) + 6.0 * row[0] ** 2 for row in xs]
    np.testing.assert_allclose(inside(w, xs), want)


def test_aux_with_nodes():
    f = ag.compile(lambda x: (x * x, [2 * x]), has_aux=True)
    (value, aux), slope = f.value_and_grad(Value(3.0))
    assert (value.data, aux[0].data, slope.data) == (9.0, 6.0, 6.0)
    slope, aux = f.grad(Value(3.0))
    assert (slope.data, aux[0].data) == (6.0, 6.0)


@pytest.mark.parametrize("call", [lambda f: f, lambda f: f.grad, lambda f: f.value_and_grad])
def test_nodes_in_a_batch_are_refused(call):
    f = ag.compile(cubic, in_axes=(None, 0), reduce="mean")
    w, x = [2.0, Value(-1.0)], np.ones((3, 2))
    f([2.0, -1.0], x)
    message = r"args\[0\]\[1\] holds a node, but in_axes=\(None, 0\) makes cubic run over a batch"
    with pytest.raises(TypeError, match=message):
        call(f)(w, x)
    with pytest.raises(TypeError, match=r"args\[0\]\[0\] holds a node.*__wrapped__"):
        ag.grad(f)([2.0, -1.0], x)
    with pytest.raises(TypeError, match=r"args\[1\]\[0, 1\] holds a node"):
        call(f)([2.0, -1.0], np.array([[1.0, Value(2.0)]]))
    assert ag.grad(f.__wrapped__)([2.0, -1.0], x[0]) == [1.0, 1.0]


# --- names and counts of arguments ----------------------------------------------------------------


def loss(w, x, y=1.0, *, scale=2.0):
    return scale * ag.square(w * x - y)


def test_arguments_by_name():
    f = ag.compile(loss, in_axes=(None, 0))
    x = np.array([1.0, 2.0])
    want = f(3.0, x).tolist()
    assert want == [8.0, 50.0]
    assert f(x=x, w=3.0).tolist() == f(3.0, x=x).tolist() == want
    assert f.grad(3.0, x=x).tolist() == f.grad(3.0, x).tolist() == [8.0, 40.0]


@pytest.mark.parametrize(
    ("args", "kwargs", "message"),
    [
        ((1.0,), {}, r"loss\(w, x, y=1.0, \*, scale=2.0\) was called with 1 argument: .*'x'"),
        ((), {}, "was called with 0 arguments: missing a required argument: 'w'"),
        ((1.0,) * 4, {}, "was called with 4 arguments: too many positional arguments"),
        ((1.0,), {"z": 2.0}, "was called wrongly: missing a required argument: 'x'"),
        ((1.0, 2.0), {"z": 2.0}, "loss.* was called wrongly: got an unexpected keyword .*'z'"),
        ((1.0, 2.0), {"scale": 3.0}, "'scale' of loss.* cannot be passed by name.*partial"),
    ],
)
def test_wrong_calls_name_the_function(args, kwargs, message):
    f = ag.compile(loss)
    f(1.0, 2.0)
    for method in (f, f.grad):
        with pytest.raises(TypeError, match=message):
            method(*args, **kwargs)


@pytest.mark.parametrize("x", [3.0, Value(3.0)])
def test_transforms_go_through_what_a_compiled_function_uses_from_outside(x):
    def f(w):
        return ag.compile(lambda y: y * (w * w))(2.0) + w

    assert f"{ag.grad(f)(x):.1f}" == "13.0"
    assert ag.jvp(f, (3.0,), (1.0,)) == (21.0, 13.0)
    assert ag.grad(lambda w: ag.compile(lambda y: y * y * w).grad(2.0))(3.0) == 4.0
    with pytest.raises(TypeError, match="the closure holds a node, but in_axes=0"):
        ag.grad(lambda w: sum(ag.compile(lambda y: y * w, in_axes=0)(np.ones(3))))(3.0)


def cube(v, x):
    return v**3 * x


@pytest.mark.parametrize(
    "derivative",
    [
        lambda x, w: ag.grad(cube)(w, x),
        lambda x, w: ag.grad(lambda v: cube(v, x) * w)(w),
        lambda x, w: ag.hessian(lambda v: cube(v, x))(w),
        lambda x, w: ag.jvp(lambda v: cube(v, x), (w,), (1.0,))[1],
        lambda x, w: ag.grad(lambda u: ag.grad(lambda v: cube(v, x) * u)(w))(w),
        lambda x, w: ag.grad(lambda vs: cube(vs[0], x) * vs[1])([w, w])[1],
    ],
)
def test_derivatives_inside_with_respect_to_what_comes_from_outside(derivative):
    w = Value(3.0)
    compiled = ag.compile(lambda x: derivative(x, w))
    for number in (3.0, 1.5):
        w.data = number
        assert compiled(2.0) == pytest.approx(derivative(2.0, number))
        assert compiled.grad(2.0) == pytest.approx(ag.grad(derivative)(2.0, number))
    batched = ag.compile(lambda x: derivative(x, w), in_axes=0)
    np.testing.assert_allclose(batched([2.0, 5.0]), [derivative(x, 1.5) for x in (2.0, 5.0)])


class Scaled:
    def __init__(self, scale):
        self.scale = scale
        self.compiled = ag.compile(self.times)

    def times(self, x):
        return self.scale * x


def test_a_method_is_compiled_of_an_object():
    assert Scaled(3.0).compiled(2.0) == 6.0
    with pytest.raises(TypeError, match=r"times\(self, x\) .*'x': compile the method of an object"):
        ag.compile(Scaled.times)(2.0)


@pytest.mark.parametrize(
    "copied", [copy.copy, copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))]
)
def test_compiled_functions_are_copied(copied):
    original = ag.compile(sum, in_axes=0, reduce="mean")
    X = np.array([[1.0, 2.0], [3.0, 4.0]])
    for own in (original, copied(original)):
        assert own.value_and_grad(X)[0] == 5.0
    assert copied(Scaled(3.0)).compiled(2.0) == 6.0


def test_what_is_not_a_function_is_not_compiled():
    with pytest.raises(TypeError, match=r"^compile takes a function, not 3$"):
        ag.compile(3)


def test_a_wrong_count_is_told_before_the_axes():
    with pytest.raises(TypeError, match=r"loss.* was called with 1 argument: missing"):
        ag.compile(loss, in_axes=(None, 0))(1.0)
    with pytest.raises(TypeError, match=r"in_axes has 2 entries, but the call has 3 arguments"):
        ag.compile(loss, in_axes=(None, 0))(1.0, [1.0], 2.0)


@pytest.mark.parametrize(
    ("argnums", "message"),
    [
        (2, "argnums=2, but loss was called with 2 positional arguments"),
        ((0, -2), r"argnums=\(0, -2\) names an argument of loss twice"),
        ("w", "argnums must be an int or a tuple of ints, not 'w'"),
    ],
)
def test_argnums_that_do_not_fit(argnums, message):
    f = ag.compile(loss, argnums=argnums)
    assert f(3.0, 1.0) == 8.0  # the value alone does not ask
    with pytest.raises((TypeError, ValueError), match=message):
        f.grad(3.0, 1.0)


def test_without_arguments():
    w = Value(2.0)
    f = ag.compile(lambda: [w * w, w, 1.0])
    assert f() == [4.0, 2.0, 1.0]
    w.data = 3.0
    assert f() == [9.0, 3.0, 1.0]
    assert ag.compile(list)() == []


def test_compiled_twice():
    inner = ag.compile(loss, argnums=1)
    outer = ag.compile(inner, in_axes=(None, 0), reduce="sum")
    assert outer.value_and_grad(3.0, [1.0, 2.0]) == (58.0, 2 * 2 * (2 * 1 + 5 * 2))
    assert inner.grad(3.0, 1.0) == 24.0
    assert outer.__name__ == inner.__name__ == "loss"


# --- odd numbers ----------------------------------------------------------------------------------


def double(x):
    return [2 * xi for xi in x] if isinstance(x, (list, tuple)) else 2 * x


@pytest.mark.parametrize(
    ("arg", "message"),
    [
        ([[1.0, 2.0], [3.0]], r"args\[0\] is ragged.* args\[0\]\[1\] has the shape \(1,\) and"),
        ([[[1.0], [2.0, 3.0]], [[1.0], [2.0]]], r"args\[0\] is ragged: all samples"),
        (["1.0"], r"args\[0\]\[0\] must be a real number, not the str '1.0'"),
        ([None], r"args\[0\]\[0\] must be a real number, not the NoneType"),
        (np.array([1j]), r"args\[0\]\[0\] must be a real number, not the complex"),
        (np.array(["2020-01-01"], "datetime64[D]"), r"args\[0\]\[0\] must be a real number"),
        (np.ma.array([1.0], mask=True), "masked numbers: give x.filled"),
        (7.0, r"args\[0\] is one number, but in_axes asks for a batch of them"),
        ("text", r"args\[0\] must be a real number, not the str 'text'"),
        ({"a": None}, r"args\[0\]\['a'\] must be a real number, not the NoneType"),
    ],
)
def test_batches_that_are_none(arg, message):
    f = ag.compile(double, in_axes=0)
    f([1.0])
    with pytest.raises((TypeError, ValueError), match=message):
        f(arg)
    assert f([1.0]).tolist() == [2.0]


def test_numbers_of_other_types_are_taken_as_floats():
    f = ag.compile(double)
    for x in ([1, 2.5], [True, 2], [np.float32(1), np.int8(3)], [Fraction(1, 4), 1.0]):
        for _ in range(2):
            result = f(x)
            assert result == [2 * float(xi) for xi in x]
            assert {type(y) for y in result} == {float}
    batch = ag.compile(double, in_axes=0)
    for array in (np.array([[1, 2]], object), np.ones((1, 2), ">f8"), np.ones((2, 3)).T[::2]):
        for _ in range(2):
            np.testing.assert_array_equal(batch(array), 2 * array.astype(float))
    for array in (np.ones((3, 2), np.float32), np.array([[True, False]]), [[1, 2]]):
        for _ in range(2):
            np.testing.assert_array_equal(batch(array), 2.0 * np.asarray(array))
    for wrong in (np.ones((3, 2), complex), np.array([["a", "b"]])):
        with pytest.raises(TypeError, match=r"args\[0\]\[0, 0\] must be a real number"):
            batch(wrong)
    masked = np.ma.masked_array([1.0, 2.0])
    assert batch(masked).tolist() == [2.0, 4.0]


def test_forms_are_told_apart():
    def first(x):
        if isinstance(x, dict):
            return x["a"] if "a" in x else -x["b"]
        return x.sum() if isinstance(x, np.ndarray) else x[0]

    f = ag.compile(first)
    assert f([1.0, 2.0]) == f((1.0, 2.0)) == 1.0
    assert f({"a": 1.0, "c": 2.0}) == 1.0
    assert f({"b": 1.0, "c": 2.0}) == -1.0
    assert f({"c": 5.0, "b": 4.0}) == -4.0
    assert f(np.array([4.0, 2.0])) == 6.0
    assert f(np.array([[4.0, 2.0]])) == 6.0
    assert f(np.array([[4.0], [2.0]])) == 6.0
    assert f(np.array([4.0, 2.0, 1.0])) == 7.0
    assert f([[5.0, 1.0], 2.0]) == [5.0, 1.0]
    f = ag.compile(first, in_axes=0)
    assert f(np.ones((2, 3))).tolist() == [3.0, 3.0]
    assert f(np.ones((2, 4))).tolist() == [4.0, 4.0]
    assert f(np.ones((2, 4, 2))).tolist() == [8.0, 8.0]
    assert f((np.ones(2), np.ones(2))).tolist() == [1.0, 1.0]
    with pytest.raises(ValueError, match=r"args\[0\]\[0\] has 2, args\[0\]\[1\] has 1"):
        f((np.ones(2), np.ones(1)))


# --- many calls -----------------------------------------------------------------------------------


def network(w, x):
    return ag.fsum([ag.tanh(ag.dot(row, x)) for row in w]), x[0]


def test_threads_run_side_by_side():
    f = ag.compile(network, in_axes=(None, 0), reduce="sum", has_aux=True)
    rng = np.random.default_rng(0)
    w = rng.normal(size=(4, 3))
    batches = [rng.normal(size=(700 if k % 2 else 700 + k, 3)) for k in range(8)]
    want = [f.value_and_grad(w, x) for x in batches]
    wrong = []

    def work(k):
        for _ in range(150):
            (value, aux), slope = f.value_and_grad(w, batches[k])
            (value0, aux0), slope0 = want[k]
            if value != value0 or (aux != aux0).any() or (slope != slope0).any():
                wrong.append(k)

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        threads = [threading.Thread(target=work, args=(k,)) for k in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    assert not wrong
    spare = f._recent[True][0]._spare
    assert len(spare) <= runner._SIZES_KEPT
    assert all(len(kept) <= runner._SPARE_KEPT for kept in spare.values())


def test_a_call_inside_a_call_has_arrays_of_its_own():
    inner = [None]

    def forward(x):
        if not inner:
            inner.append(None)
            inner[0] = f.value_and_grad(1.0, 10.0 * batch)
        return 2.0 * x

    double = ag.primitive(forward, lambda _: 2.0, name="calls back")
    f = ag.compile(lambda w, x: double(w * x), in_axes=(None, 0), reduce="sum")
    batch = np.arange(5.0)
    f.value_and_grad(1.0, batch)
    inner.clear()
    assert f.value_and_grad(1.0, batch) == (20.0, 20.0)
    assert inner == [(200.0, 200.0)]


def test_results_belong_to_the_caller():
    f = ag.compile(network, in_axes=(None, 0), reduce="mean", has_aux=True)
    w, x = np.ones((2, 2)), np.ones((3, 2))
    (_, aux), slope = f.value_and_grad(w, x)
    kept = aux.copy(), slope.copy()
    f.value_and_grad(2 * w, 2 * x)
    assert (aux.tolist(), slope.tolist()) == (kept[0].tolist(), kept[1].tolist())
    aux[:], slope[:] = 7.0, 7.0
    assert f.value_and_grad(w, x)[1].tolist() == kept[1].tolist()


def test_memory_stays_flat_whatever_the_sizes():
    f = ag.compile(network, in_axes=(None, 0), reduce="mean", has_aux=True)
    w, rng = np.ones((4, 3)), np.random.default_rng(0)
    batches = [rng.normal(size=(n, 3)) for n in range(1, 30)]
    for x in batches:
        f.value_and_grad(w, x)
    tracemalloc.start()
    try:
        for x in batches:
            f.value_and_grad(w, x)
        gc.collect()
        before = tracemalloc.get_traced_memory()[0]
        for _ in range(10):
            for x in batches:
                f.value_and_grad(w, x)
        gc.collect()
        assert tracemalloc.get_traced_memory()[0] - before < 20_000
    finally:
        tracemalloc.stop()
    assert len(f._recent[True][0]._spare) == runner._SIZES_KEPT


def test_an_array_of_another_shape_has_a_program_of_its_own():
    f = ag.compile(lambda W: ag.fsum(W[0]) + 10.0 * len(W))
    assert [f(np.ones(shape)) for shape in ((2, 3), (3, 2), (2, 3), (6, 1))] == [23, 32, 23, 61]


def test_all_names_of_the_code_are_texts(monkeypatch):
    """With keys of another type, Python looks each name up the slow way."""
    monkeypatch.setattr(grouping, "_FEW_STEPS", 0)  # tapes too
    namespaces, bound = [], workspace.bound
    monkeypatch.setattr(
        workspace, "bound", lambda code, names: (namespaces.append(names), bound(code, names))[1]
    )
    ag.compile(lambda x: ag.tanh(ag.exp(x) * x), in_axes=0, reduce="sum").grad([1.0, 2.0])
    assert "V" in namespaces[0]
    assert {type(key) for names in namespaces for key in names} == {str}
