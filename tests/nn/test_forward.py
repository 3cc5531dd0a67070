"""Outputs for many samples: compiled or not, they are those of the model."""

import random
from unittest.mock import Mock

import numpy as np
import pytest

import nn
from autograd import Value, tanh
from nn import forward
from nn.forward import outputs

ROWS = np.random.default_rng(0).normal(size=(150, 3)).tolist()


def eager(f, samples):
    return [forward.numbers(f(x)) for x in samples]


@pytest.fixture
def compilations(monkeypatch):
    """Note what is compiled."""
    noted = Mock(wraps=forward.autograd.compile)
    monkeypatch.setattr(forward.autograd, "compile", noted)
    return noted


@pytest.mark.parametrize("n_out", [1, 2])
def test_many_samples_are_compiled_and_give_the_same(n_out, compilations):
    model = nn.MLP(3, [4, n_out], "gelu", seed=0)
    np.testing.assert_allclose(outputs(model, ROWS), eager(model, ROWS), rtol=1e-12, atol=1e-14)
    assert outputs(model, ROWS[:20]) == eager(model, ROWS[:20])
    compilations.assert_called_once_with(model, in_axes=0)  # for the many


@pytest.mark.parametrize(
    "samples", [np.array(ROWS), list(map(tuple, ROWS)), (row for row in ROWS)], ids=type
)
def test_samples_come_in_any_form(samples):
    model = nn.MLP(3, [4, 2], seed=0)
    np.testing.assert_allclose(outputs(model, samples), eager(model, ROWS), rtol=1e-12, atol=1e-14)


def test_results_may_be_nested():
    model = nn.MLP(3, [4, 2], seed=0)
    results = outputs(lambda x: model.activations(x).x, ROWS)
    assert [len(part) for part in results[7]] == [3, 4, 2]
    for result, expected in zip(
        results, eager(lambda x: model.activations(x).x, ROWS), strict=True
    ):
        for one, other in zip(result, expected, strict=True):
            assert one == pytest.approx(other, rel=1e-12, abs=1e-14)


def test_no_graph_is_recorded_and_no_gradient_changes():
    w = Value(2.0)
    assert outputs(lambda x: w * x, [float(i) for i in range(200)])[3] == 6.0
    assert w.grad == 0.0


@pytest.mark.parametrize(
    "f",
    [
        lambda x: x[0] if x[0] > 0.0 else tanh(x[1]),
        lambda x: (x[0], x[1]),
        lambda x: "text" if x[0] > 0.0 else "more",
    ],
    ids=["branch", "tuple", "text"],
)
def test_what_cannot_be_compiled_is_called_for_each_sample(f):
    assert outputs(f, ROWS) == [f(x) for x in ROWS]


def test_random_numbers_are_drawn_for_each_sample():
    rng = random.Random(0)
    results = outputs(lambda x: rng.random() + 0.0 * x[0], ROWS)
    assert len(set(results)) == len(ROWS)


def test_errors_are_those_of_the_model():
    with pytest.raises(ValueError, match="takes 3 inputs, not 2"):
        outputs(nn.MLP(3, [2]), [*ROWS, [1.0, 2.0]])


def test_diagnostics_of_many_samples_are_those_of_few():
    model = nn.MLP(3, [6, 5, 2], seed=4)
    model.layers[0].neurons[1].b.data = -100.0
    targets = [int(row[0] > 0.0) for row in ROWS]
    parts = [
        nn.confusion_matrix(model, ROWS[i : i + 50], targets[i : i + 50]) for i in (0, 50, 100)
    ]
    assert nn.confusion_matrix(model, ROWS, targets) == np.sum(parts, axis=0).tolist()
    assert nn.predict(model, ROWS) == [
        k for i in (0, 50, 100) for k in nn.predict(model, ROWS[i : i + 50])
    ]
    assert (1, 2) in nn.dead_units(model, ROWS)
    shares = [nn.sparsity(model, ROWS[i : i + 50])[1] for i in (0, 50, 100)]
    assert nn.sparsity(model, ROWS)[1] == pytest.approx(np.mean(shares))
