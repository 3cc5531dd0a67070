"""nn.gradient_statistics: against back-propagation by hand, and with faults planted."""

import io
import math

import numpy as np
import pytest

import nn
from autograd import Value
from nn import MLP, plot

X = np.random.default_rng(0).normal(size=(30, 2))
Y = (X[:, 0] > 0).astype(int).tolist()


def scaled(factor):
    """An initialisation with weights of a size."""
    return lambda n_in, n_out, *, rng: [factor * rng.gauss(0, 1) for _ in range(n_in)]  # noqa: ARG005


def test_numbers_are_those_of_back_propagation_by_hand():
    model = MLP(2, [5, 3, 1], "tanh", seed=1)
    targets = np.sin(X[:, 0])
    statistics = nn.gradient_statistics(model, X, targets.tolist(), "mse_loss")
    weights = [np.array([[w.data for w in row] for row in layer.W]) for layer in model.layers]
    x1 = np.tanh(X @ weights[0])
    x2 = np.tanh(x1 @ weights[1])
    x3 = x2 @ weights[2]
    d3 = 2 * (x3 - targets[:, None])
    d2 = d3 @ weights[2].T * (1 - x2**2)
    d1 = d2 @ weights[1].T * (1 - x1**2)

    def rms(a):
        return np.sqrt(np.mean(a**2))

    for row, w, inputs, x, delta in zip(
        statistics.rows, weights, (X, x1, x2), (x1, x2, x3), (d1, d2, d3), strict=True
    ):
        assert row.mean == pytest.approx(x.mean())
        assert row.std == pytest.approx(x.std())
        assert row.signal == pytest.approx(rms(delta))
        assert row.gradient == pytest.approx(rms(inputs.T @ delta / len(X)))
        assert row.weight == pytest.approx(rms(w))
    assert statistics.rows[0].flat == np.mean(1 - x1**2 < 0.05)
    assert [row.activation for row in statistics.rows] == ["tanh", "tanh", "linear"]


def test_model_and_gradients_are_left_alone():
    model = MLP(2, [3, 2], seed=0)
    state = model.state_dict()
    for i, p in enumerate(model.parameters()):
        p.grad = float(i)
    nn.gradient_statistics(model, X, Y)
    assert model.state_dict() == state
    assert [p.grad for p in model.parameters()] == list(range(len(model.parameters())))


def test_a_healthy_network():
    statistics = nn.gradient_statistics(MLP(2, [8, 8, 2], "relu", seed=0), X, Y)
    assert statistics.findings == []
    assert str(statistics).endswith("\nnothing is wrong")
    row = statistics.rows[0]
    assert 0.2 < row.zero == row.flat < 0.8


def test_dead_units():
    model = MLP(2, [4, 2], "relu", seed=0)
    for neuron in model.layers[0].neurons[:3]:
        neuron.b.data = -100.0
    statistics = nn.gradient_statistics(model, X, Y)
    assert statistics.rows[0].dead == 3 == len(nn.dead_units(model, X))
    assert statistics.rows[0].zero >= 0.75
    assert statistics.findings[0].startswith("layer 1: 3 of 4 units are dead")


def test_the_vanishing_gradient():
    statistics = nn.gradient_statistics(MLP(2, [6] * 8 + [2], "sigmoid", seed=0), X, Y)
    signals = [row.signal for row in statistics.rows]
    assert signals == sorted(signals)
    (finding,) = statistics.findings
    assert finding.startswith("the gradient vanishes: from layer 9 back to layer 1")
    assert f"{signals[0] / signals[-1]:.3g}" in finding


def test_the_exploding_gradient():
    model = MLP(2, [10] * 5 + [1], "leaky_relu", init=scaled(5.0), seed=0)
    finding = nn.gradient_statistics(model, X, Y, "mse_loss").findings[-1]
    assert finding.startswith("the gradient explodes: from layer 6 back to layer 1")


def test_saturation():
    model = MLP(2, [6, 2], "tanh", init=scaled(5.0), seed=0)
    statistics = nn.gradient_statistics(model, X, Y)
    assert statistics.rows[0].flat > 0.5
    assert "layer 1: tanh is saturated" in "\n".join(statistics.findings)
    assert statistics.rows[0].flat >= nn.saturation(model, X)[1]


def test_numbers_that_are_not_finite():
    model = MLP(2, [3, 2], seed=0)
    model.layers[0].neurons[0].b.data = math.nan
    findings = nn.gradient_statistics(model, X, Y).findings
    assert "layer 1: numbers are nan or infinite" in findings


def test_a_loss_of_your_own_and_softmax():
    model = MLP(2, [3, 2], output="softmax", seed=0)
    statistics = nn.gradient_statistics(model, X, Y, lambda output, k: -output[k].log())
    assert statistics.rows[1].activation == "softmax"
    assert 0.0 < statistics.rows[1].signal < 1.0


def test_what_does_not_fit_is_refused():
    model = MLP(2, [2], seed=0)
    with pytest.raises(TypeError, match="into the layers of an MLP"):
        nn.gradient_statistics(nn.Neuron(2), X, Y)
    with pytest.raises(ValueError, match=r"loss must be one of cross_entropy, .*, not 'mse'"):
        nn.gradient_statistics(model, X, Y, "mse")
    with pytest.raises(ValueError, match="30 samples, but y has 1"):
        nn.gradient_statistics(model, X, [0])
    with pytest.raises(TypeError, match="loss must return a Value"):
        nn.gradient_statistics(model, X, Y, lambda output, target: 1.0)  # noqa: ARG005


def test_the_table_and_its_html():
    statistics = nn.gradient_statistics(MLP(2, [6] * 8 + [2], "sigmoid", seed=0), X, Y)
    head, *rows, remark = str(statistics).splitlines()
    assert head.split() == [
        "layer", "activation", "mean", "std", "zero", "flat", "dead", "|∂L/∂z|", "|∂L/∂w|", "|w|"
    ]  # fmt: skip
    assert [row.split()[:2] for row in rows[:2]] == [["1", "sigmoid"], ["2", "sigmoid"]]
    assert len(rows) == 9
    page = statistics._repr_html_()
    assert page.count("<tr>") == page.count("</tr>") == 10
    assert f"<p>{remark}</p>" in page


def test_the_picture():
    model = MLP(2, [4, 4, 2], "relu", seed=0)
    for neuron in model.layers[0].neurons:
        neuron.b.data = -100.0
    statistics = nn.gradient_statistics(model, X, Y)
    figure = plot.gradient_statistics(statistics)
    figure.savefig(io.BytesIO(), format="png")
    left, right = figure.axes
    assert right.get_yscale() == "log"
    signal, gradient, weight = right.lines
    assert signal.get_ydata()[2] == statistics.rows[2].signal
    assert signal.get_label() == "∂L/∂z (0 at layer 1)"
    assert gradient.get_label() == "∂L/∂w (0 at layer 1)"
    assert weight.get_label() == "w"
    assert len({line.get_linestyle() for line in right.lines}) == 3  # without colour, too
    assert [text.get_text() for text in left.get_legend().get_texts()] == [
        "mean ± standard deviation"
    ]


def test_frozen_parameters_are_measured_too():
    model = MLP(2, [3, 2], seed=0)
    model.freeze()
    assert nn.gradient_statistics(model, X, Y).rows[0].gradient > 0.0
    assert all(isinstance(p, Value) and p.grad == 0.0 for p in model.parameters())
