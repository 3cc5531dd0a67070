"""Warnings of common mistakes: each comes, once, with its fix, at the user's line; and no other."""

import pickle
import warnings
from functools import partial

import numpy as np
import pytest

import nn
from autograd import Value, hessian, square
from nn import MLP, SGD, Adam, MistakeWarning, Module
from nn.mistakes import _STEPS
from nn.training.engines import EagerEngine
from nn.training.precautions import curvature, limit
from nn.training.samples import Samples, checked

RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 2)).tolist()
Y = [int(a > b) for a, b in X]


def caught(action):
    """The mistakes that are warned of, with the filter that Python has by default."""
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("default")
        action()
    assert all(w.category is MistakeWarning for w in found)
    assert all(w.filename == __file__ for w in found)  # the line of the user
    return [str(w.message) for w in found]


def fitted(model, X=X, y=Y, **options):
    options = {"epochs": 2, "progress": False, "seed": 0, **options}
    return caught(lambda: nn.fit(model, X, y, **options))


# --- probabilities instead of logits --------------------------------------------------------------


@pytest.mark.parametrize("compiled", [True, False])
@pytest.mark.parametrize(
    ("output", "loss", "n"),
    [("softmax", "cross_entropy", 2), ("sigmoid", "binary_cross_entropy", 1)],
)
def test_probabilities_instead_of_logits_in_fit(output, loss, n, compiled):
    model = MLP(2, [4, n], output=output, seed=0)
    (message,) = fitted(model, loss=loss, compile=compiled)
    assert message.startswith(f"{loss} wants logits")
    assert f"the output of {output}" in message
    assert 'output="linear"' in message


def test_softmax_before_cross_entropy_in_a_loop_is_said_once():
    model = MLP(2, [4, 2], output="softmax", seed=0)
    (message,) = caught(lambda: [nn.cross_entropy(model(x), k) for x, k in zip(X, Y, strict=True)])
    assert "softmax" in message


def test_logits_and_plain_probabilities_are_no_mistake():
    model = MLP(2, [4, 2], seed=0)
    assert caught(lambda: [nn.cross_entropy(model(x), 0) for x in X]) == []
    assert caught(lambda: nn.cross_entropy([0.3, 0.7], [0.5, 0.5])) == []
    assert fitted(MLP(2, [4, 2], output="softmax", seed=0), y=np.eye(2)[Y], loss="mse_loss") == []


# --- gradients never set to zero ------------------------------------------------------------------


def loop(optimizer, loss, steps, zero=lambda: None, backwards=1):
    for _ in range(steps):
        zero()
        for _ in range(backwards):
            loss().backward()
        optimizer.step()


@pytest.mark.parametrize("kind", [SGD, Adam])
def test_gradients_never_zeroed(kind):
    model = MLP(2, [3, 1], "tanh", seed=0)
    optimizer = kind(model.parameters(), lr=0.01)
    (message,) = caught(lambda: loop(optimizer, lambda: square(model(X[0]) - 1.0), 10))
    assert message.startswith("gradients are not set to zero between steps")
    assert "optimizer.zero_grad()" in message


def test_also_if_they_are_clipped():
    w = Value(3.0)
    optimizer = SGD([w], lr=0.01)

    def train():
        for _ in range(3):
            square(w).backward()
            nn.clip_grad_norm([w], 0.1)
            optimizer.step()

    assert len(caught(train)) == 1


def by_hand(model):
    for p in model.parameters():
        p.grad = 0


@pytest.mark.parametrize("way", ["optimizer", "model", "hand"])
def test_zeroed_gradients_are_no_mistake_in_whatever_way(way):
    model = MLP(2, [3, 1], "tanh", seed=0)
    optimizer = SGD(model.parameters(), lr=0.01)
    by = {
        "optimizer": optimizer.zero_grad,
        "model": model.zero_grad,
        "hand": partial(by_hand, model),
    }
    loss = lambda: square(model(X[0]) - 1.0)  # noqa: E731
    assert (
        caught(lambda: loop(optimizer, loss, 30, by[way], backwards=3)) == []
    )  # which is to add up


def test_gradients_that_another_pass_leaves_and_that_are_then_zeroed():
    """As in a duel of two networks: the pass of one leaves gradients in the other."""
    a, b = Value(1.0), Value(2.0)
    first, second = SGD([a], lr=0.01), SGD([b], lr=0.01)

    def duel():
        for _ in range(5):
            for optimizer in (first, second):
                optimizer.zero_grad()
                square(a * b).backward()
                optimizer.step()

    assert caught(duel) == []


def test_a_gradient_stays_a_number():
    w = Value(3.0)
    optimizer = SGD([w], lr=0.0)
    square(w).backward()
    optimizer.step()
    assert isinstance(w.grad, float)
    assert repr(w.grad) == "6.0"
    assert type(pickle.loads(pickle.dumps(w)).grad) is float
    square(w).backward()
    assert w.grad == 12.0
    w.grad *= 0.5
    assert w.grad == 6.0
    nn.clip_grad_norm([w], 3.0)
    assert w.grad == 3.0


# --- parameters without a gradient ----------------------------------------------------------------


class Forgetful(Module):
    """Has parameters that it does not use."""

    def __init__(self):
        self.used, self.forgotten, self.spare = Value(0.5), Value(0.5), Value(0.5)
        self.name_parameters()

    def __call__(self, x):
        return self.used * x


@pytest.mark.parametrize("compiled", [True, False])
def test_parameters_that_never_receive_a_gradient_in_fit(compiled):
    xs = [x for x, _ in X]
    (message,) = fitted(Forgetful(), xs, xs, loss="mse_loss", compile=compiled)
    assert message.startswith("2 parameters (forgotten, spare) never receive a gradient")
    assert "freeze()" in message


def test_frozen_parameters_and_dead_units_are_no_mistake():
    model = Forgetful()
    model.forgotten.__class__ = model.spare.__class__ = nn.Frozen
    xs = [x for x, _ in X]
    assert fitted(model, xs, xs, loss="mse_loss") == []
    dead = MLP(2, [4, 2], seed=0)
    dead.layers[0].neurons[0].b.data = -100.0
    assert fitted(dead) == []


def test_a_layer_without_gradient_in_a_loop():
    model = MLP(2, [3, 1], "relu", seed=0)
    for neuron in model.layers[0].neurons:
        neuron.b.data = -100.0
    optimizer = SGD(model.parameters(), lr=0.01)
    run = lambda: loop(  # noqa: E731
        optimizer, lambda: square(model(X[0]) - 1.0), _STEPS + 5, optimizer.zero_grad
    )
    (message,) = caught(run)
    assert message.startswith(f"9 parameters (layer1) have had no gradient in {_STEPS} steps")
    assert "autograd.why" in message


def test_a_loop_without_backward():
    w = Value(1.0)
    optimizer = SGD([w], lr=0.1)
    assert caught(lambda: [optimizer.step() for _ in range(_STEPS - 1)]) == []
    (message,) = caught(optimizer.step)
    assert message.startswith(f"1 parameters have had no gradient in {_STEPS} steps")


# --- inputs ---------------------------------------------------------------------------------------


def test_unscaled_inputs():
    raw = [[a, 300.0 * b + 1000.0] for a, b in X]
    (message,) = fitted(MLP(2, [4, 2], seed=0), raw)
    assert message.startswith("feature 1 of the inputs is of size 1.0")
    assert "nn.data.standardise" in message
    (message,) = fitted(MLP(1, [2], seed=0), [b for _, b in raw])
    assert message.startswith("the inputs are of size 1.0")


def test_real_data_as_it_comes_from_nn_data_is_no_mistake():
    for data in (nn.data.iris(), nn.data.moons()):
        assert fitted(MLP(len(data.X[0]), [4, data.n_classes], seed=0), data.X, data.y) == []


# --- labels ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("compiled", [True, False])
@pytest.mark.parametrize(
    ("loss", "n", "label", "message"),
    [
        ("cross_entropy", 2, 2, "class 2, but the 2 classes are 0 … 1"),
        ("cross_entropy", 2, -1, "class -1"),
        ("binary_cross_entropy", 1, 2, "from 0 to 1, not 2"),
        ("hinge_loss", 1, 0, "-1 or 1, not 0"),
    ],
)
def test_labels_outside_the_range_are_an_error_at_the_start(loss, n, label, message, compiled):
    model = MLP(2, [n], seed=0)
    before = model.state_dict()
    labels = [1] * (len(X) - 1) + [label]
    with pytest.raises(ValueError, match=message):
        nn.fit(model, X, labels, loss, compile=compiled, progress=False)
    assert model.state_dict() == before


# --- the learning rate ----------------------------------------------------------------------------


class Point(Module):
    """The lecture's example: f(x, y) = 1.5 x² + y² + 2, whose Hessian has eigenvalues 3 and 2."""

    def __init__(self):
        self.x, self.y = Value(2.0), Value(-1.0)

    def __call__(self, _):
        return 1.5 * self.x**2 + self.y**2 + 2.0


def descent(lr, **options):
    point = Point()
    optimizer = SGD(point.parameters(), lr, **options)
    return fitted(point, [0.0], [0.0], loss=lambda out, _: out, optimizer=optimizer, epochs=1)


@pytest.mark.parametrize("lr", [0.001, 0.1, 0.665757])
def test_the_lectures_learning_rates_are_below_the_limit(lr):
    assert descent(lr) == []


@pytest.mark.parametrize("lr", [0.7, 1.0, 1e200])
def test_a_learning_rate_above_the_limit(lr):
    (message,) = descent(lr)
    assert message.startswith(f"the learning rate {lr:g} is above 0.667")
    assert "λ = 3 is the largest eigenvalue of its Hessian" in message
    assert message.endswith("try lr=0.3")


def test_momentum_and_weight_decay_change_the_limit():
    assert descent(1.2, momentum=0.9) == []
    assert "is above 1.27" in descent(1.4, momentum=0.9)[0]
    assert "is above 0.452" in descent(0.5, momentum=0.9, nesterov=True)[0]
    assert "is above 0.5," in descent(0.6, weight_decay=1.0)[0]


@pytest.mark.parametrize("momentum", [0.0, 0.5, 0.9])
@pytest.mark.parametrize("nesterov", [False, True])
def test_the_limit_is_where_descent_begins_to_diverge(momentum, nesterov):
    bound = limit(3.0, momentum, nesterov)
    for lr, diverges in ((0.99 * bound, False), (1.01 * bound, True)):
        w = Value(1.0)
        optimizer = SGD([w], lr, momentum=momentum, nesterov=nesterov and momentum > 0.0)
        if nesterov and not momentum:
            continue
        for _ in range(2000):
            optimizer.zero_grad()
            (1.5 * w * w).backward()
            optimizer.step()
        assert (abs(w.data) > 1.0) == diverges


@pytest.mark.parametrize("compiled", [True, False])
def test_the_eigenvalue_is_that_of_the_hessian(compiled):
    features = np.array(X[:8]) * [1.0, 3.0]
    targets = features @ [1.0, -2.0]

    def loss(theta):
        terms = [
            square(theta[0] * a + theta[1] * b + theta[2] - t)
            for (a, b), t in zip(features.tolist(), targets.tolist(), strict=True)
        ]
        return sum(terms) / len(terms)

    largest = np.linalg.eigvalsh(np.array(hessian(loss)([0.1, 0.2, 0.3])))[-1]
    model = MLP(2, [1], seed=0)
    options = {"loss": "mse_loss", "optimizer": "sgd", "epochs": 1, "compile": compiled}
    (message,) = fitted(model, features, targets, lr=2.1 / largest, **options)
    assert f"λ = {largest:.3g} is" in message
    assert fitted(MLP(2, [1], seed=0), features, targets, lr=1.9 / largest, **options) == []


@pytest.mark.parametrize("factor", [0.0, 1e308])
def test_a_loss_that_is_flat_or_beyond_floats_has_no_curvature(factor):
    model = MLP(2, [1], seed=0)
    loss = lambda output, _: factor * square(1e4 * output)  # noqa: E731
    engine = EagerEngine(model, loss, checked(X, Y), Samples([], []))
    engine.begin(model.parameters())
    with np.errstate(all="ignore"):
        assert curvature(engine, model.parameters(), range(4), 5) == 0.0


def test_above_the_limit_but_learning():
    """A network whose loss goes down all the same, as the curvature does when it moves."""
    data = nn.data.moons(n=60, noise=0.1, seed=0)
    model = MLP(2, [8, 8, 8, 8, 8, 1], "tanh", seed=1)
    options = {"loss": "binary_cross_entropy", "optimizer": "sgd", "epochs": 1}
    engine = EagerEngine(model, nn.binary_cross_entropy, checked(data.X, data.y), Samples([], []))
    engine.begin(model.parameters())
    bound = limit(curvature(engine, model.parameters(), range(60), 20))
    assert fitted(model, data.X, data.y, lr=1.3 * bound, **options) == []
    assert len(fitted(model, data.X, data.y, lr=1000 * bound, **options)) == 1


@pytest.mark.parametrize("optimizer", ["adam", "adamw"])
def test_adam_has_no_such_limit_but_steps_longer_than_the_weights_are_told(optimizer):
    assert fitted(MLP(2, [4, 2], seed=0), optimizer=optimizer, lr=0.5) == []
    (message,) = fitted(MLP(2, [4, 2], seed=0), optimizer=optimizer, lr=100)
    assert message.lower().startswith(f"with the learning rate 100, {optimizer} changes each param")
    assert message.endswith("try lr=0.01")


# --- all of them ----------------------------------------------------------------------------------


def test_the_checks_change_nothing():
    model = MLP(2, [4, 2], seed=0)
    theta = model.state_dict()
    nn.fit(model, X, Y, optimizer="sgd", lr=0.0, epochs=1, progress=False)
    assert model.state_dict() == theta
    assert all(p.grad == 0.0 for p in model.parameters())


def test_each_can_be_silenced():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", category=nn.MistakeWarning)
        model = MLP(2, [4, 2], output="softmax", seed=0)
        nn.fit(model, np.array(X) * 1000, Y, optimizer="sgd", lr=1e9, epochs=1, progress=False)


def test_as_an_error_it_leaves_the_model_alone():
    model = MLP(2, [4, 2], seed=0)
    before = model.state_dict()
    with pytest.raises(MistakeWarning, match="size"):
        nn.fit(model, np.array(X) * 1000, Y, optimizer="sgd", lr=0.1, epochs=1, progress=False)
    assert model.state_dict() == before
