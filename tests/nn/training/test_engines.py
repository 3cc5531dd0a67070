"""The two engines of a training: they give the same numbers, and one stands in for the other."""

import functools
import math
import random

import numpy as np
import pytest

import nn
from autograd import Value, exp, fsum, log, where
from nn.data import moons, standardise
from nn.layers import ACTIVATIONS, MLP
from nn.module import Module
from nn.schedules import Cosine
from nn.training.callbacks import Callback, Checkpoint
from nn.training.compiled import CompiledEngine
from nn.training.engines import EagerEngine
from nn.training.loop import LOSSES, OPTIMIZERS, fit
from nn.training.samples import Samples, checked

(POINTS,) = standardise(moons(50, seed=3))
X, Y = POINTS.X, POINTS.y
SIGNS = [2 * y - 1 for y in Y]
SHARES = [[0.25, 0.75] if y else [1.0, 0.0] for y in Y]
HEIGHTS = [math.sin(3.0 * x) for x, _ in X]

TASKS = {
    "cross_entropy": ("cross_entropy", 2, Y),
    "cross_entropy of shares": ("cross_entropy", 2, SHARES),
    "binary_cross_entropy": ("binary_cross_entropy", 1, Y),
    "binary_cross_entropy of shares": ("binary_cross_entropy", 1, [0.1 + 0.8 * y for y in Y]),
    "binary_cross_entropy of two": ("binary_cross_entropy", 2, SHARES),
    "hinge_loss": ("hinge_loss", 1, SIGNS),
    "hinge_loss of classes": ("hinge_loss", 2, Y),
    "mse_loss": ("mse_loss", 1, HEIGHTS),
    "mse_loss of two": ("mse_loss", 2, [list(pair) for pair in zip(HEIGHTS, Y, strict=True)]),
    "mae_loss": ("mae_loss", 1, HEIGHTS),
}


def network(n_out=2, activation="tanh", seed=0, sizes=(5, 4)):
    return MLP(2, [*sizes, n_out], activation, seed=seed)


def train(model, y=Y, loss="cross_entropy", *, inputs=X, optimizer="adam", **options):
    """Train quickly and quietly; the optimiser may be one that is made for the model."""
    defaults = {"epochs": 3, "batch_size": 16, "lr": 0.05, "progress": False}
    made = optimizer(model) if callable(optimizer) else optimizer
    return fit(model, inputs, y, loss, made, **{**defaults, **options})


def engines(model, loss, y=Y, inputs=X):
    """Make both engines for all samples, ready to go."""
    samples = checked(inputs, y)
    if loss not in (nn.mse_loss, nn.mae_loss):
        samples = samples.classified(model)
    pair = [kind(model, loss, samples, samples) for kind in (CompiledEngine, EagerEngine)]
    for engine in pair:
        engine.begin(model.trainable_parameters())
    return pair


def assert_close(actual, expected, terms):
    """Compare sums of terms that have been added in different orders."""
    bound = 1e-12 * np.asarray(terms) + 1e-300
    assert (np.abs(np.asarray(actual) - np.asarray(expected)) <= bound).all()


def assert_same_training(make, y=Y, loss="cross_entropy", **options):
    """Train a model with either engine, and compare what comes out."""
    models = [make(), make()]
    histories = [
        train(model, y, loss, compile=compiled, **options)
        for model, compiled in zip(models, (True, False), strict=True)
    ]
    assert [history.engine for history in histories] == ["compiled", "eager"]
    states = [list(model.state_dict().values()) for model in models]
    np.testing.assert_allclose(*states, rtol=1e-9, atol=1e-12)
    one, other = [history.columns() for history in histories]
    assert one.keys() == other.keys()
    for name in one.keys() - {"seconds"}:
        assert one[name] == pytest.approx(other[name], rel=1e-9, abs=1e-12)
    return models[0]


# --- the numbers ----------------------------------------------------------------------------------


def assert_same_gradient(model, loss, y, indices, inputs=X):
    compiled, eager = engines(model, loss, y, inputs)
    theta = np.array([p.data for p in model.trainable_parameters()])
    results = [engine.gradient(theta, indices) for engine in (compiled, eager)]
    (loss, outputs, gradient), (expected_loss, expected_outputs, expected) = results
    # the gradients of the samples one by one are the terms of the sum; the terms of those, in
    # turn, are not small next to the largest of them
    rows = np.abs([eager.gradient(theta, [i])[2] for i in indices])
    assert_close(gradient, expected, rows.mean(axis=0) + rows.max(axis=1).mean())
    assert_close(loss, expected_loss, abs(expected_loss) + 1.0)
    if compiled.samples.classes is not None:
        assert_close(outputs, expected_outputs, np.abs(outputs).max() + 1.0)
    assert gradient.any()

    (value, _), (expected_value, _) = compiled.evaluate(), eager.evaluate()
    assert_close(value, expected_value, abs(expected_value) + 1.0)


@pytest.mark.parametrize("activation", [name for name in ACTIVATIONS if name != "softmax"])
@pytest.mark.parametrize("task", TASKS)
def test_both_engines_have_the_same_gradient(task, activation):
    loss, n_out, y = TASKS[task]
    assert_same_gradient(network(n_out, activation), LOSSES[loss], y, [3, 1, 4, 15, 9, 2, 6])


@pytest.mark.parametrize("n", [1, 16, 37])
@pytest.mark.parametrize("kind", [CompiledEngine, EagerEngine])
def test_the_gradient_of_a_minibatch_is_the_mean_of_those_of_its_samples(kind, n):
    model = network()
    compiled, eager = engines(model, nn.cross_entropy)
    engine = compiled if kind is CompiledEngine else eager
    theta = np.linspace(-1.0, 1.0, len(model.parameters()))
    loss, outputs, gradient = engine.gradient(theta, range(n))

    model.load_state_dict(dict(zip(model.state_dict(), theta.tolist(), strict=True)))
    rows, values = [], []
    for x, y in zip(X[:n], Y[:n], strict=True):
        model.zero_grad()
        value = nn.cross_entropy(model(x), y)
        value.backward()
        values.append(value.data)
        rows.append([p.grad for p in model.parameters()])
    np.testing.assert_allclose(gradient, np.mean(rows, axis=0), rtol=1e-11, atol=1e-14)
    assert loss == pytest.approx(np.mean(values), rel=1e-12)
    expected = [[v.data for v in model(x)] for x in X[:n]]
    np.testing.assert_allclose(outputs, expected, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("task", TASKS)
def test_both_engines_train_to_the_same_network(task):
    loss, n_out, y = TASKS[task]
    assert_same_training(lambda: network(n_out), y, loss, validation=0.2, optimizer="adamw")


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_optimiser_trains_to_the_same_network(name):
    assert_same_training(
        network,
        optimizer=name,
        lr=Cosine(0.1, 3),
        max_grad_norm=0.2,
        validation=(X[:7], Y[:7]),
        seed=5,
    )


def test_momentum_and_decay_train_to_the_same_network():
    def make(model):
        return nn.SGD(model.parameters(), 0.1, 0.9, nesterov=True, weight_decay=0.01)

    assert_same_training(network, optimizer=make, lr=None)


class Cubic(Module):
    """A model of numbers, with a parameter that is used twice and one inside of a dictionary."""

    def __init__(self):
        self.a, self.parts = Value(0.5), {"b": Value(-0.25), "c": [Value(0.125)]}
        self._unit = Value(1.0)

    def __call__(self, x):
        return self.a * x**3 + self.parts["b"] * x + self.parts["c"][0] * self.a * self._unit


def test_your_own_module_is_compiled():
    numbers = [x for x, _ in X]
    assert_same_training(Cubic, HEIGHTS, "mse_loss", inputs=numbers)
    assert_same_gradient(Cubic(), nn.mse_loss, HEIGHTS, range(20), numbers)


def picked(output, k):
    """The cross-entropy, written with the class as an index and as a condition."""
    chosen = output[k] if k > 0 else output[0]
    return log(fsum([exp(z) for z in output])) - chosen


def test_your_own_loss_may_use_the_class_as_a_number():
    assert_same_training(network, Y, picked)
    assert_same_gradient(network(), picked, Y, range(12))


def test_a_class_that_is_not_meant_does_not_count():
    # the loss of the other class is infinite, and 0 times that is nan
    def loss(output, k):
        return -log(where(output > 0.0, 1.0, 0.0) * (1 - k) + k * exp(-output * output))

    y = [1] * 49 + [0]
    inputs = [*X[:49], [2.0, 0.0]]
    compiled, eager = engines(MLP(2, [1]), loss, y, inputs)
    theta = np.array([0.5, -0.25, 0.125])
    expected = eager.gradient(theta, range(50))
    actual = compiled.gradient(theta, range(50))
    assert math.isfinite(expected[0])
    np.testing.assert_allclose(actual[2], expected[2], rtol=1e-12)
    assert compiled.evaluate()[0] == pytest.approx(eager.evaluate()[0], rel=1e-12)


# --- parts of a model -----------------------------------------------------------------------------


def half_frozen():
    model = network()
    model.layers[0].freeze()
    return model


def test_frozen_parameters_stay_and_the_others_learn_the_same():
    trained = assert_same_training(half_frozen, optimizer="adamw")
    assert trained.layers[0].state_dict() == network().layers[0].state_dict()
    assert trained.layers[1].state_dict() != network().layers[1].state_dict()
    assert_same_gradient(half_frozen(), nn.cross_entropy, Y, range(9))


class Thaw(Callback):
    """Train all layers from the second epoch on."""

    def on_epoch_end(self, run):
        run.model.unfreeze()


def test_a_callback_may_unfreeze():
    trained = assert_same_training(half_frozen, callbacks=[Thaw()])
    assert trained.layers[0].state_dict() != network().layers[0].state_dict()


def test_an_optimiser_of_some_parameters_trains_those():
    def make(model):
        return nn.Adam(reversed(model.layers[1].parameters()), lr=0.05)

    trained = assert_same_training(network, optimizer=make, lr=None)
    assert trained.layers[0].state_dict() == network().layers[0].state_dict()
    assert trained.layers[1].state_dict() != network().layers[1].state_dict()


class Halve(Callback):
    """Halve all parameters after each epoch."""

    def on_epoch_end(self, run):
        for p in run.model.parameters():
            p.data /= 2.0


def test_callbacks_see_and_change_the_parameters():
    assert_same_training(network, callbacks=[Halve()])


@pytest.mark.parametrize("first", [True, False])
def test_a_run_is_resumed_by_the_other_engine(tmp_path, first):
    path = tmp_path / "checkpoint.json"
    whole, parts = network(), network()
    train(whole, epochs=5)
    train(parts, epochs=2, compile=first, callbacks=[Checkpoint(path)])
    history = train(parts, epochs=5, compile=not first, resume=path)
    assert len(history) == 5
    assert parts.state_dict() == pytest.approx(whole.state_dict(), rel=1e-9)


# --- what cannot be compiled ----------------------------------------------------------------------


class Branching(Module):
    """A model with a branch that depends on a value."""

    def __init__(self):
        self.w = Value(0.5)

    def __call__(self, x):
        z = self.w * x[0]
        if z.data > 0.0:
            return z
        return 0.1 * z


class Dropout(Module):
    """A model that leaves out inputs at random."""

    def __init__(self):
        self.inner, self._rng = MLP(2, [8, 1], seed=0), random.Random(0)

    def __call__(self, x):
        return self.inner([v * self._rng.choice([0.0, 2.0]) for v in x])


class Penalised:
    """A loss with a penalty on a parameter that it knows of from elsewhere."""

    def __init__(self, model, of):
        self.penalty, self.__name__ = functools.partial(of, model.layers[0].neurons[0].w[0]), "own"

    def __call__(self, output, target):
        return (output - target) ** 2 + self.penalty()


def refusing(output, target):
    """A loss with a condition."""
    return (output - target) ** 2 if output > target else target - output


@pytest.mark.parametrize(
    ("make", "loss", "message"),
    [
        (Branching, nn.mse_loss, r"v\.data.*test_engines\.py:\d+"),
        (
            lambda: network(1),
            refusing,
            r"use where\(condition, x, y\) or maximum, .*test_engines\.py:\d+",
        ),
    ],
    ids=["a branch in the model", "a branch in the loss"],
)
def test_what_cannot_be_traced_runs_eagerly_with_one_warning(make, loss, message):
    model, expected = make(), make()
    with pytest.warns(RuntimeWarning, match=message) as caught:
        history = train(model, HEIGHTS, loss)
    assert len(caught) == 1
    assert caught[0].filename == __file__
    assert "compile=False" in str(caught[0].message)
    assert history.engine == "eager"
    assert train(expected, HEIGHTS, loss, compile=False).engine == "eager"
    assert model.state_dict() == expected.state_dict()


@pytest.mark.parametrize("of", [lambda w: w, lambda w: w * w])
def test_a_parameter_from_elsewhere_is_not_overlooked(of):
    def trained(compiled):
        model = network(1)
        train(model, HEIGHTS, Penalised(model, of), compile=compiled)
        return model.state_dict()

    with pytest.warns(RuntimeWarning, match="uses Value.*so its derivative would be missing"):
        state = trained(True)
    assert state == trained(False)


def test_random_numbers_in_a_model_are_noticed():
    with pytest.warns(RuntimeWarning, match="depends on random numbers"):
        assert train(Dropout(), HEIGHTS, "mse_loss").engine == "eager"


class Doubling(Module):
    """A model that a callback changes beside its parameters."""

    def __init__(self):
        self.w, self.factor = Value(0.5), 1.0

    def __call__(self, x):
        return self.w * self.factor * x[0]


class Double(Callback):
    def on_epoch_end(self, run):
        run.model.factor *= 2.0


def test_a_model_that_changes_otherwise_is_noticed():
    def trained(compiled):
        model = Doubling()
        history = train(model, HEIGHTS, "mse_loss", callbacks=[Double()], compile=compiled)
        assert (history.engine, len(history)) == ("eager", 3)
        return model.state_dict()

    with pytest.warns(RuntimeWarning, match="as compiled: the model or the loss depends on"):
        state = trained(True)
    assert state == pytest.approx(trained(False), rel=1e-9)


class Longest(Module):
    """A model of samples of any length."""

    def __init__(self):
        self.w = Value(0.5)

    def __call__(self, x):
        return self.w * sum(x)


@pytest.mark.parametrize(
    ("inputs", "targets", "loss", "message"),
    [
        ([[1.0], [1.0, 2.0]], [1.0, 2.0], "mse_loss", "the samples have different lengths"),
        ([[1.0], [2.0]], [[1.0], 2.0], "mse_loss", "the targets have different shapes"),
        (
            [[1.0], [2.0]],
            ["1", "2"],
            lambda output, target: output - float(target),
            "the targets are no numbers",
        ),
    ],
)
def test_irregular_samples_run_eagerly(inputs, targets, loss, message):
    with pytest.warns(RuntimeWarning, match=message):
        history = fit(Longest(), inputs, targets, loss, lr=0.1, progress=False)
    assert history.engine == "eager"


def test_nothing_held_out_is_nothing_to_evaluate():
    compiled, _ = engines(network(), nn.cross_entropy)
    alone = CompiledEngine(compiled.model, compiled.loss, compiled.samples, Samples([], []))
    alone.begin(compiled.params)
    theta = np.array([p.data for p in compiled.params])
    assert alone.gradient(theta, [0])[0] == compiled.gradient(theta, [0])[0]
