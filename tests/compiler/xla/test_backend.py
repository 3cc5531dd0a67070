"""The backend "jax" gives what NumPy's does, compiles loops once, and says what it cannot take."""

import numpy as np
import pytest
from random_programs import sums_so_far

import autograd as ag
from autograd import TraceError, Value
from benchmarks.irregular import Graph, function_of
from benchmarks.networks import Network, neuron, scalar_loss
from benchmarks.structure_programs import STRUCTURES
from benchmarks.structures import numbers
from benchmarks.timing import largest_difference

jax = pytest.importorskip("jax", reason="JAX is not installed")
loosened = pytest.importorskip("autograd.compiler.xla.loosen").loosened
RNG = np.random.default_rng(0)


def both(f, *args, **options):
    """Compile for both backends; give the functions, and the value and gradient of each."""
    compiled = [ag.compile(f, backend=backend, **options) for backend in ("numpy", "jax")]
    return compiled, [function.value_and_grad(*args) for function in compiled]


def agree(f, *args, rtol=1e-13, atol=1e-15, **options):
    """Compare value and gradient of both backends; give the function that runs on JAX."""
    (_, compiled), (ours, theirs) = both(f, *args, **options)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(b, a, rtol=rtol, atol=atol), ours, theirs)
    assert jax.tree.structure(ours) == jax.tree.structure(theirs)
    return compiled


@pytest.mark.parametrize(
    "network",
    [Network((2, 16, 16, 1), 100), Network((64, 64, 32, 10), 16), Network((20, 9, 4), 5, "gelu")],
    ids=str,
)
def test_networks_have_the_gradients_of_numpy(network):
    args = (network.parameters(), *network.batch())
    loss = scalar_loss(network, neuron)
    _, (ours, theirs) = both(loss, *args, in_axes=(None, 0, 0), reduce="mean")
    parts = zip(jax.tree.leaves(ours), jax.tree.leaves(theirs), strict=True)
    for a, b in parts:
        assert np.max(np.abs(np.subtract(a, b))) <= 1e-14 * np.max(np.abs(a))


@pytest.mark.parametrize(
    "name", ["ctc", *[pytest.param(x, marks=pytest.mark.slow) for x in STRUCTURES if x != "ctc"]]
)
def test_all_structures_run(name):
    program = STRUCTURES[name].program(is_quick=True)
    results = []
    for backend in ("numpy", "jax"):
        compiled = program.compiled(backend)
        results.append(numbers(compiled.value_and_grad(program.parameters, *program.data)))
    assert largest_difference(results[1], results[0]) <= 1e-14


@pytest.mark.parametrize("bad", [1.0, np.inf, np.nan])
@pytest.mark.parametrize("place", [(1, -1, 0), (2, 0)])
def test_what_fills_up_sums_of_products_changes_nothing(bad, place):
    arguments = RNG.normal(size=(4, 5)), RNG.normal(size=(5, 3)), RNG.normal(size=4)
    arguments[place[0]][place[1:]] = bad
    agree(sums_so_far, *arguments, argnums=(0, 1, 2))


def test_windows_overlap():
    def f(w, x):
        return ag.fsum([ag.tanh(ag.dot(w, x[i : i + 3])) for i in range(9)])

    agree(f, RNG.normal(size=3), RNG.normal(size=(4, 11)), in_axes=(None, 0), argnums=(0, 1))


def test_one_result_per_sample_and_what_is_handed_through():
    def f(w, x):
        return {"a": w[0] * x, "b": [ag.exp(w[1]), 2.0]}

    for reduce in (None, "sum"):
        options = {"in_axes": (None, 0), "reduce": reduce}
        ours, theirs = [
            ag.compile(f, backend=backend, **options)([2.0, 3.0], [1.0, 5.0])
            for backend in ("numpy", "jax")
        ]
        assert jax.tree.map(np.shape, ours) == jax.tree.map(np.shape, theirs)
        assert jax.tree.map(np.allclose, ours, theirs) == {"a": True, "b": [True, True]}
    for reduce in (None, "mean"):
        g = lambda w, x: (w[0] * x * x, [x + w[1]])  # noqa: E731
        agree(g, (2.0, 3.0), [1.0, 5.0], in_axes=(None, 0), reduce=reduce, has_aux=True)
    agree(lambda x: (ag.log(x[0]), ag.log(x[1])), [1.0, 0.0], has_aux=True)  # both in one step


def test_an_empty_batch():
    agree(lambda w, x: w * x, 2.0, np.zeros(0), in_axes=(None, 0), argnums=(0, 1), reduce="sum")


def test_outer_nodes_are_read_at_each_call():
    w = Value(2.0)
    f = ag.compile(lambda x: w * x, backend="jax")
    assert f.value_and_grad(3.0) == (6.0, 2.0)
    w.data = 5.0
    assert f(3.0) == 15.0


def test_branches_not_taken_add_nothing():
    def chosen(x, w):
        z = ag.dot([x[0], 1.0 / x[1]], w)  # infinite where x[1] is 0
        return ag.where(x[1] > 0.0, z + ag.sqrt(x[0]), x[1] * w[0])

    points = np.array([[2.0, 0.5], [1.0, 0.0], [3.0, -1.0]])
    agree(chosen, points, [0.5, -1.0], in_axes=(0, None), argnums=(0, 1), reduce="sum")


@pytest.mark.parametrize("lanes", [None, 3])
def test_a_tape_is_a_loop(lanes):
    """With branches, and more rows than XLA would compile one by one in a minute."""

    def f(x, w):
        y = x
        for i in range(700):
            y = ag.tanh(w[i % 5] * y + w[i % 3]) if i % 2 else ag.maximum(y * w[i % 4], ag.sin(y))
        return ag.where(y > 5.0, ag.sqrt(y - 5.0) * x, y)

    x = 0.3 if lanes is None else np.linspace(-1.0, 1.0, lanes)
    axes = None if lanes is None else (0, None)
    compiled = agree(f, x, np.linspace(0.5, 1.5, 5), in_axes=axes, argnums=(0, 1))
    assert "tape" in str(compiled.cost)
    assert compiled.code.count("tanh") < 10


TABLE = RNG.normal(size=(7, 3))


@pytest.mark.parametrize(
    ("axes", "table"), [((None, 0), TABLE), ((0, 0), RNG.normal(size=(4, 7, 3)))]
)
def test_entries_of_tables(axes, table):
    def f(table, tokens):
        return ag.fsum([ag.tanh(e) for t in (tokens[0], tokens[1]) for e in table[t]])

    agree(f, table, np.array([[0, 6], [3, 3], [-1, 2], [1, -7]]), in_axes=axes, reduce="sum")


def test_what_is_no_index_is_refused():
    f = ag.compile(lambda table, i: table[i], in_axes=(None, 0), backend="jax")
    assert f([1.0, 2.0], [1, 0]).tolist() == [2.0, 1.0]
    with pytest.raises(IndexError, match=r"args\[1\] is 2 in sample 1, but it is an index"):
        f([1.0, 2.0], [0, 2])


def test_double_precision_leaves_the_setting_of_jax_alone():
    assert not jax.config.jax_enable_x64
    value, slope = ag.compile(ag.exp, backend="jax").value_and_grad(1.0)
    assert value == slope == pytest.approx(np.e, rel=1e-15)
    assert not jax.config.jax_enable_x64
    assert jax.numpy.ones(1).dtype == np.float32


def test_single_precision_on_request():
    f = ag.compile(lambda w, x: ag.tanh(ag.dot(w, x)), backend="jax", dtype=np.float32)
    value, slope = f.value_and_grad(np.array([1.0, 2.0]), np.array([0.1, 0.2]))
    assert slope.dtype == np.float32
    assert value == pytest.approx(np.tanh(0.5), rel=1e-6)
    assert value != np.tanh(0.5)


@pytest.mark.usefixtures("own_primitives_forgotten")
def test_a_primitive_of_python_is_refused():
    cube = ag.primitive(lambda x: x**3, lambda x: 3 * x**2, name="cube")
    f = ag.compile(lambda x: cube(x) + 1.0, backend="jax")
    with pytest.raises(TraceError, match='backend="jax" cannot run cube, a primitive of your own'):
        f(2.0)


def test_a_missing_library_is_named_with_the_command(run_python):
    code = """
import sys
sys.modules["jax"] = None
import autograd
try:
    autograd.compile(abs, backend="jax")
except ImportError as error:
    print(error)
"""
    expected = 'backend="jax" needs jax: pip install "chainrule[jax]"\n'
    assert run_python(code) == expected


def test_programs_are_listed_as_those_of_numpy():
    def f(w, x):
        return ag.tanh(ag.dot(w, x))

    (ours, theirs), _ = both(f, [1.0, 2.0], [0.1, 0.2])
    assert str(ours) == str(theirs)
    assert "tanh" in theirs.code
    assert "dot_general" in theirs.code or "mul" in theirs.code


# --- in JAX's own code ----------------------------------------------------------------------------


def test_the_pure_function_has_our_gradient_in_code_of_jax():
    def f(w, x):
        return ag.where(x > 0.0, ag.sqrt(x), 0.0) * w["a"] + ag.relu(x) * w["b"][1]

    w, x = {"a": 2.0, "b": [0.5, 3.0]}, np.array([0.0, 4.0])
    pure = ag.compile(f, in_axes=(None, 0), reduce="sum", backend="jax").jax
    with jax.enable_x64(True):
        value, (by_w, by_x) = jax.jit(jax.value_and_grad(pure, argnums=(0, 1)))(w, x)
        assert float(pure(x=x, w=w)) == float(value)
    assert float(value) == 16.0
    assert jax.tree.map(float, by_w) == {"a": 2.0, "b": [0.0, 4.0]}
    np.testing.assert_array_equal(by_x, [0.0, 3.5])  # relu'(0) is 0, and of √0 there is nothing


def test_the_pure_function_per_sample_and_with_what_is_handed_through():
    f = ag.compile(
        lambda w, x: (w[0] * x[0] * x[1], [x[1]]), in_axes=(None, 0), has_aux=True, backend="jax"
    )
    w, x = np.array([2.0]), np.array([[1.0, 3.0], [5.0, 7.0]])

    def total(w, x):
        values, aux = f.jax(w, x)
        return values @ np.array([1.0, 10.0]), aux

    with jax.enable_x64(True):
        (by_w, by_x), ((seconds),) = jax.grad(total, argnums=(0, 1), has_aux=True)(w, x)
    np.testing.assert_array_equal(by_w, [353.0])
    np.testing.assert_array_equal(by_x, [[6.0, 2.0], [140.0, 100.0]])
    np.testing.assert_array_equal(seconds, [3.0, 7.0])


def test_the_pure_function_takes_indices_and_the_precision_of_jax():
    f = ag.compile(
        lambda table, i: ag.exp(table[i]), in_axes=(None, 0), backend="jax", reduce="sum"
    )
    slope = jax.grad(f.jax)(np.array([0.0, 1.0, 2.0]), np.array([0, 0, 2]))
    assert slope.dtype == np.float32
    np.testing.assert_allclose(slope, [2.0, 0.0, np.exp(2.0)], rtol=1e-6)


@pytest.mark.parametrize(("dtype", "rtol"), [("float64", 1e-13), ("float32", 1e-5)])
def test_an_exported_function_is_read_back_and_takes_any_batch(dtype, rtol):
    pytest.importorskip("flatbuffers", reason="of the extra `export`")

    def f(x, target):
        p = ag.softmax([ag.tanh(2.0 * x[0] - x[1] + w), x[1] * x[1]])
        return p[0] * target, [p[1], x[0]]

    w = Value(0.3)
    X, target = RNG.normal(size=(7, 2)), RNG.normal(size=7)
    compiled = ag.compile(f, in_axes=0, backend="jax", has_aux=True, dtype=dtype)
    with pytest.raises(ValueError, match="gets its program at the first call"):
        compiled.stablehlo()
    compiled.value_and_grad(X[:3].tolist(), target[:3])
    exported = compiled.stablehlo()
    assert "stablehlo.tanh" in exported.mlir_module()
    back = jax.export.deserialize(exported.serialize())
    for n in (1, 7):
        given = (X[:n].astype(dtype), target[:n].astype(dtype))
        with jax.enable_x64(dtype == "float64"):
            theirs = back.call(*given)
        ours = ag.compile(f, in_axes=0, has_aux=True)(X[:n].tolist(), target[:n])
        jax.tree.map(lambda a, b: np.testing.assert_allclose(b, a, rtol=rtol), ours, theirs)
    assert jax.config.jax_enable_x64 is False


def test_a_backend_without_stablehlo_is_refused():
    with pytest.raises(ValueError, match='use backend="jax"'):
        ag.compile(ag.tanh).stablehlo()


def test_the_pure_function_of_another_backend_is_refused():
    with pytest.raises(
        ValueError, match='square is compiled for another backend: use backend="jax"'
    ):
        _ = ag.compile(ag.square).jax


# --- tapes ----------------------------------------------------------------------------------------


def test_small_steps_that_gather_are_put_on_the_tape(monkeypatch):
    monkeypatch.setattr("autograd.compiler.plan.machine_for", lambda _: None)  # it has them already
    f = function_of(Graph(400, 12, 2), ag)
    X = Graph(400, 12, 2).batch()
    agree(f, X, in_axes=0)
    compiled = ag.compile(f, in_axes=0)
    compiled(X)
    program = compiled.reading().plan.program
    merged = loosened(program)
    assert len(merged.steps) < len(program.steps) / 2
    regular = ag.compile(scalar_loss(Network((3, 4, 2), 5), neuron), in_axes=(None, 0, 0))
    regular(Network((3, 4, 2), 5).parameters(), *Network((3, 4, 2), 5).batch())
    assert loosened(regular.reading().plan.program) is regular.reading().plan.program


# --- scans ----------------------------------------------------------------------------------------


def recurrence(lag, carries, branch, reads_all):
    """Make a loss whose states depend on those of the time before, or of several before."""

    def loss(parameters, xs, y):
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
def test_a_recurrence_is_a_scan(lag, carries, branch, reads_all, options):
    rng = np.random.default_rng(0)
    parameters = [rng.normal(0, 0.5, (8, 2)), rng.normal(0, 0.5, (8, 8)), np.full(8, 0.9)]
    batch = [3] * ("in_axes" in options)
    data = rng.normal(size=(*batch, 12, 2)), rng.normal(size=batch)
    loss = recurrence(lag, carries, branch, reads_all)
    compiled = agree(loss, parameters, *data, rtol=1e-11, atol=1e-13, **options)
    # forward and back; a gradient that may reach a state or not is given on round by round
    assert compiled.code.count("scan[") == (0 if branch else 2)


def test_what_is_handed_through_has_no_part_in_the_gradient():
    def loss(w, xs):
        h, root, seen = np.zeros(8), np.zeros(8), []
        for x in xs:
            h = ag.tanh(w @ h + x)
            root = ag.sqrt(root + 0.0 * h)  # whose slope is infinite
            seen.append(root)
        return sum(h), seen

    compiled = agree(loss, np.eye(8) * 0.5, np.ones((12, 8)) * 0.1, rtol=1e-11, has_aux=True)
    assert compiled.code.count("scan[") == 2
    assert np.isfinite(compiled.grad(np.eye(8) * 0.5, np.ones((12, 8)) * 0.1)[0]).all()


def test_rounds_that_read_nothing_new():
    def settled(w, h):
        for _ in range(10):
            h = [0.9 * x - 0.1 * ag.dot(row, h) for x, row in zip(h, w, strict=True)]
        return sum(h)

    w = np.linspace(-0.5, 0.5, 16).reshape(4, 4).tolist()
    agree(settled, w, [0.1, 0.2, 0.3, 0.4], rtol=1e-10)
