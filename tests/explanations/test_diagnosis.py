"""why: every planted fault is found, with its node and numbers, and health is not called ill."""

import math
import random
import re
from types import SimpleNamespace

import pytest
import random_programs
from hypothesis import given
from hypothesis import strategies as st

import autograd as ag
import nn
from autograd import Value, why
from autograd.explanations.causes import ADVICE
from autograd.explanations.diagnosis import LARGE, MAX_FINDINGS, SMALL
from autograd.explanations.region import Region

INF, NAN = math.inf, math.nan


def leaves():
    given = {"a": 2.0, "o": 0.0, "n": -3.0, "b": 5.0}
    return SimpleNamespace(**{name: Value(x, name) for name, x in given.items()})


def on(node, root, wrt):
    """Put the fault that is planted at `node` of the graph of ∂root/∂wrt."""
    return node, root, wrt


# What is built of a = 2, o = 0, n = -3 and b = 5; the verdict, the cause and a part of the text.
PLANTED = {
    "dead relu": (
        lambda v: on(y := ag.relu(v.n * v.a), y * 5, v.a),
        "zero", "dead relu", "= ReLU(z₁) = 0, z₁ = -6: at -6 its slope is 0",
    ),
    "leaky relu without a leak": (
        lambda v: on(y := ag.leaky_relu(v.n * v.a, 0.0), y + v.b, v.a),
        "zero", "inactive leaky_relu", "at -6 its slope is 0",
    ),
    "elu far below": (
        lambda v: on(y := ag.elu(v.n * 10 * v.a), y + v.b, v.a),
        "vanishing", "inactive elu", "at -60 its slope is 8.757e-27",
    ),
    "gelu far below": (
        lambda v: on(y := ag.gelu(v.n * 20 * v.a), y + v.b, v.a),
        "zero", "inactive gelu", "at -120 its slope is",
    ),
    "sigmoid at its limit": (
        lambda v: on(y := ag.sigmoid(v.a * 1000), y, v.a),
        "zero", "saturated sigmoid", "the curve is flat there, its slope is 0",
    ),
    "sigmoid near its limit": (
        lambda v: on(y := ag.sigmoid(v.a * 20), y, v.a),
        "vanishing", "saturated sigmoid", "z₁ = 40: the curve is flat there",
    ),
    "tanh near its limit": (
        lambda v: on(y := ag.tanh(v.a * 10), y, v.a),
        "vanishing", "saturated tanh", "z₁ = 20",
    ),
    "softmax of one certain class": (
        lambda v: on(y := ag.softmax([v.a * 1000, v.b])[0], y, v.a),
        "zero", "saturated softmax", "softmax₁(z₁, b) = 1",
    ),
    "loss of a certain prediction": (
        lambda v: on(y := ag.log_softmax([v.a * 20, v.n])[0], y, v.a),
        "vanishing", "saturated log_softmax", "ln softmax₁",
    ),
    "logarithm of 0": (
        lambda v: on(y := ag.log(v.o), y * v.a, v.o),
        "infinite", "domain edge",
        "ln(o) = -inf, o = 0: ln is for numbers above 0, and 0 is at the edge",
    ),
    "logarithm below 0": (
        lambda v: on(y := ag.log(v.n * v.a), y * v.a, v.a),
        "nan", "domain edge", "and -6 is outside",
    ),
    "root of 0": (
        lambda v: on(y := ag.sqrt(v.o), y * v.a, v.o),
        "infinite", "domain edge",
        "√o = 0, o = 0: √ is for numbers from 0 on, and 0 is at the edge",
    ),
    "0 times the slope of a root of 0": (
        lambda v: on(y := ag.sqrt(v.o), y * 0.0, v.o),
        "nan", "domain edge", "0 · inf is nan",
    ),
    "division by 0": (
        lambda v: on(y := v.a / v.o, y + v.b, v.o),
        "infinite", "domain edge", "a/o = inf, a = 2, o = 0: division by 0",
    ),
    "a power of 0": (
        lambda v: on(y := v.o**0.5, y + v.b, v.o),
        "infinite", "domain edge", "the base 0 is not above 0",
    ),
    "a power with a varying exponent": (
        lambda v: on(y := v.n**v.a, y + v.b, v.a),
        "nan", "domain edge", "n^a = 9, n = -3, a = 2",
    ),
    "arc sine above 1": (
        lambda v: on(y := ag.asin(v.a), y + v.b, v.a),
        "nan", "domain edge", "for numbers from -1 to 1, and 2 is outside",
    ),
    "a fault further up": (
        lambda v: on(y := ag.log(v.n), ag.sin(y * 2) * v.a, v.a),
        "nan", "domain edge", "ln(n) = nan, n = -3",
    ),
    "close to a pole": (
        lambda v: on(y := 1.0 / (v.a * 1e-9), y * v.b, v.a),
        "exploding", "domain edge", "close to the edge of its domain",
    ),
    "nan from outside": (
        lambda v: on(y := Value(NAN, "data"), ag.sin(y) * v.a, v.a),
        "nan", "not a number", "data = nan: it came in from outside",
    ),
    "nan constant": (
        lambda v: on(y := v.a * NAN, y * v.b, v.a),
        "nan", "not a number", "it computes with nan",
    ),
    "exp of a large number": (
        lambda v: on(y := ag.exp(v.a * 1000), y, v.a),
        "infinite", "overflow", "exp(z₁) = inf, z₁ = 2000",
    ),
    "a product too large": (
        lambda v: on(y := v.a * 1e200, y * 1e200, v.a),
        "infinite", "overflow", "1e+200 · 1e+200 overflows",
    ),
    "a branch of where": (
        lambda v: on(y := ag.where(v.b > 3, v.b, v.a * 2), y * 2, v.a),
        "zero", "branch not taken", "where(…, b, z₂) = 5",
    ),
    "the smaller of two": (
        lambda v: on(y := ag.maximum(v.a, v.b), y * 2, v.a),
        "zero", "branch not taken", "max took the other operand, 5",
    ),
    "clipped": (
        lambda v: on(y := ag.clip(v.a, -1, 1), y * 2, v.a),
        "zero", "clipped", "2 is outside of the bounds",
    ),
    "a bound that does not bind": (
        lambda v: on(y := ag.clip(v.n, v.a, v.b), y * 2, v.b),
        "zero", "branch not taken", "took the other operand, 2",
    ),
    "cancelled": (
        lambda v: on(v.a, v.a * 3 - v.a * 3, v.a),
        "zero", "cancelled", "a = 2: its 2 contributions 3, -3 cancel",
    ),
    "all but cancelled": (
        lambda v: on(v.a, v.a * 3 - v.a * (3 + 1e-12), v.a),
        "cancelled", "cancelled", "a = 2: its 2 contributions -3, 3 cancel",
    ),
    "a product with 0": (
        lambda v: on(y := v.a * v.o, y + v.b, v.a),
        "zero", "zero factor", "a is multiplied by o = 0",
    ),
    "a weight of 0": (
        lambda v: on(y := ag.dot([v.b, v.o], [v.n, v.a], 1.0), y, v.a),
        "zero", "zero factor", "a is multiplied by o = 0",
    ),
    "an input of 0": (
        lambda v: on(y := ag.dot([v.a], [0.0], 1.0), y, v.a),
        "zero", "zero factor", "a is multiplied by 0",
    ),
    "small factors": (
        lambda v: on(y := v.a * 1e-9, y + v.b, v.a),
        "vanishing", "small factors", "a is multiplied by 1e-09",
    ),
    "large factors": (
        lambda v: on(y := v.a * 1e9, y + v.b, v.a),
        "exploding", "large factors", "its slope with respect to a is 1e+09",
    ),
    "a minimum": (
        lambda v: on(y := ag.square(v.a - 2), y, v.a),
        "zero", "flat point", "z₁² = 0",
    ),
    "a step": (
        lambda v: on(y := ag.sign(v.a), y * 3, v.a),
        "zero", "flat function", "its slope is 0 everywhere",
    ),
    "not used": (
        lambda v: on(y := v.a * v.b, y, v.n),
        "zero", "not connected", "does not lead back to n: it starts from b = 5, a = 2",
    ),
    "detached": (
        lambda v: on(y := (v.a * v.b).detach() * 3, y, v.a),
        "zero", "not connected", "it starts from 10",
    ),
    "a leaf": (
        lambda v: on(v.n, v.n, v.a),
        "zero", "not connected", "n is a leaf",
    ),
    "exchanged": (
        lambda v: on(v.a, v.a, v.a * v.b),
        "zero", "not connected", "not the other way round",
    ),
    "a copy": (
        lambda v: on(y := v.a.detach() * v.b, y, v.a),
        "zero", "not connected", "there a is another Value of that name, such as a copy",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", PLANTED)
def test_planted_faults_are_found(name):
    build, verdict, cause, part = PLANTED[name]
    node, root, wrt = build(leaves())
    diagnosis = why(root, wrt)
    assert (diagnosis.verdict, diagnosis.cause) == (verdict, cause)
    assert node in [finding.node for finding in diagnosis.findings]
    assert part in str(diagnosis)
    assert f"Cause: {cause}" in str(diagnosis)
    assert "What helps: " in str(diagnosis)


def test_health():
    a, b = Value(2.0, "a"), Value(5.0, "b")
    for root in (a * b, ag.tanh(a), a + a, a, ag.where(a > 1, a, b), ag.relu(a)):
        diagnosis = why(root, a)
        assert (diagnosis.verdict, diagnosis.cause, diagnosis.findings) == ("healthy", None, [])
        assert "nothing is wrong" in str(diagnosis)
        assert "nothing is wrong" in diagnosis._repr_markdown_()


@given(st.integers(0, 10**6))
def test_random_graphs(seed):
    rng = random.Random(seed)
    xs = [Value(rng.choice([0.0, 1.0, -1.0, rng.uniform(-3, 3)]), f"x{i}") for i in range(4)]
    rows = random_programs.random_program(rng, 4, 6, tame=rng.random() < 0.5, special=True)
    values = [x for x in random_programs.evaluated(rows, xs) if isinstance(x, Value)]
    root = values[-1]
    diagnoses = {x: why(root, x) for x in values}
    assert all(x.grad == 0.0 for x in values)
    root.backward()
    for x, diagnosis in diagnoses.items():
        grad = x.grad if x in Region(root, x).gradients else 0.0
        assert repr(diagnosis.value) == repr(grad)
        expected = (
            {"nan"} if grad != grad
            else {"infinite"} if math.isinf(grad)
            else {"zero"} if grad == 0.0
            else {"vanishing", "cancelled"} if abs(grad) < SMALL
            else {"exploding", "cancelled"} if abs(grad) > LARGE
            else {"healthy", "cancelled"}
        )  # fmt: skip
        assert diagnosis.verdict in expected
        assert bool(diagnosis.findings) == (diagnosis.verdict != "healthy")
        assert (diagnosis.cause is None) == (diagnosis.verdict == "healthy")
        assert str(diagnosis).count("What helps") == len({f.cause for f in diagnosis.findings})


# --- networks -------------------------------------------------------------------------------------


def test_the_vanishing_gradient_of_a_deep_sigmoid_network():
    model = nn.MLP(3, [4] * 12 + [1], "sigmoid", seed=0)
    loss = nn.mse_loss(model([1.0, 2.0, 3.0]), 1.0)
    loss.name = "L"
    diagnosis = why(loss, model.layers[0].neurons[0].w[0])
    assert diagnosis.verdict == "vanishing"
    assert diagnosis.cause == "small slopes of sigmoid"
    worst = [finding.factor for finding in diagnosis.findings if "sigmoid" in finding.cause]
    assert len(worst) == 12
    assert worst == sorted(worst)
    factor = float(re.search("Cause: .* a factor of (.*) on the strongest path", str(diagnosis))[1])
    assert factor == pytest.approx(math.prod(worst), rel=1e-3)
    assert {finding.place.partition(".")[0] for finding in diagnosis.findings} >= {
        f"layer{k}" for k in range(1, 13)
    }
    assert f"… {12 - MAX_FINDINGS} more" in str(diagnosis)


def test_a_layer_of_dead_units():
    model = nn.MLP(2, [6, 3], "relu", seed=0)
    for neuron in model.layers[0].neurons:
        neuron.b.data = -100.0
    loss = nn.cross_entropy(model([1.0, 2.0]), 0)
    diagnosis = why(loss, model.layers[0].neurons[2].w[1])
    assert diagnosis.cause == "dead relu"
    assert [finding.place for finding in diagnosis.findings] == ["layer1.neuron3"]


def test_only_what_stops_every_way_is_blamed():
    """Units off for a sample are no cause as long as others of their layer are on."""
    off, on, x = Value(-1.0, "off"), Value(1.0, "on"), Value(0.0, "x")
    w = Value(3.0, "w")
    z = w * x + 1.0
    loss = ag.relu(z * off) + ag.relu(z * on)
    diagnosis = why(loss, w)
    assert diagnosis.cause == "zero factor"
    assert len(diagnosis.findings) == 1


def test_a_product_of_many_small_slopes_is_0():
    x = Value(0.5, "x")
    node = x
    for _ in range(500):
        node = node * 1e-3
    diagnosis = why(node, x)
    assert (diagnosis.verdict, diagnosis.cause) == ("zero", "underflow")


def test_the_main_cause_is_that_of_most_of_the_loss():
    a = Value(2.0, "a")
    node = ag.tanh(a * 10) * 0.01 * ag.sigmoid(Value(0.0)) * 0.01
    diagnosis = why(node, a)
    assert diagnosis.cause == "saturated tanh"
    assert "Also: small factors, at 3 nodes, a factor of 5e-05" in str(diagnosis)


def test_the_line_of_code_is_named():
    a = Value(-2.0, "a")
    with ag.detect_anomaly():
        y = ag.relu(a)
    diagnosis = why(y * 3, a)
    assert diagnosis.findings[0].site in str(diagnosis)
    assert re.search(r"test_diagnosis\.py:\d+ in test_the_line_of_code", str(diagnosis))
    assert why(ag.relu(a), a).findings[0].site is None


def test_large_graphs():
    x = Value(0.5, "x")
    chain = x
    for _ in range(20_000):
        chain = chain * 0.998
    assert why(chain, x).verdict == "vanishing"
    wide = ag.fsum([ag.relu(x * -i) for i in range(1, 5000)])
    diagnosis = why(wide, x)
    assert (diagnosis.cause, len(diagnosis.findings)) == ("dead relu", 4999)
    assert "at 4999 nodes" in str(diagnosis)
    assert len(str(diagnosis).splitlines()) < 12


def test_many_nan_from_one_source_are_blamed_on_it():
    x, bad = Value(2.0, "x"), ag.log(Value(-1.0, "bad"))
    diagnosis = why(ag.fsum([bad * x * i for i in range(300)]), x)
    assert [finding.node for finding in diagnosis.findings] == [bad]


def test_every_cause_has_an_advice():
    causes = {cause for _, _, cause, _ in PLANTED.values()}
    assert all(any(cause.startswith(key) for key in ADVICE) for cause in causes)


@pytest.mark.parametrize("name", ["<script>", "a_b*c", "[link](x)", "# title"])
def test_a_name_is_text_in_markdown(name):
    x = Value(-1.0, name)
    shown = why(ag.relu(x), x)._repr_markdown_()
    assert not re.search(r"(?<!\\)[<\[_#]", shown)
    assert name in why(ag.relu(x), x).__str__()


def test_a_node_is_blamed_once_for_what_it_does_in_both_passes():
    a = Value(0.0, "a")
    diagnosis = why(a * ag.log(a), a)
    assert [finding.node.op for finding in diagnosis.findings] == ["log"]
    assert "0 · inf is nan" in diagnosis.findings[0].text


def test_the_advice_for_a_root_is_no_logarithm():
    a = Value(-1.0, "a")
    assert "log" not in str(why(ag.sqrt(a), a))
    assert "take log1p" in " ".join(str(why(ag.log(a), a)).split())
