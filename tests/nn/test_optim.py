"""The optimisers against hand-computed steps and against the same rules written with NumPy."""

import json
import math
from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograd import Value
from nn.module import Module
from nn.optim import SGD, Adam, AdamW, clip_grad_norm
from nn.schedules import Constant, Cosine, Exponential, StepDecay, WarmUp

unit = st.floats(0.0, 0.95)
rates = st.floats(1e-4, 0.5)
gradients = st.lists(st.lists(st.floats(-3.0, 3.0), min_size=3, max_size=3), min_size=1, max_size=6)


def trajectory(make, gradients, start=(1.0, -2.0, 0.5)):
    """Return the parameters after each step, an array of shape (steps, 3)."""
    params = [Value(x) for x in start]
    optimizer = make(params)
    rows = []
    for row in gradients:
        for p, g in zip(params, row, strict=True):
            p.grad = g
        optimizer.step()
        rows.append([p.data for p in params])
    return np.array(rows)


def close(actual, expected):
    np.testing.assert_allclose(actual, expected, rtol=1e-12, atol=1e-12)


# --- update rules ---------------------------------------------------------------------------------


def test_plain_gradient_descent_by_hand():
    w = Value(1.0)
    optimizer = SGD([w], lr=0.1)
    seen = []
    for _ in range(3):
        optimizer.zero_grad()
        (w * w).backward()
        optimizer.step()
        seen.append(w.data)
    close(seen, [0.8, 0.64, 0.512])


@given(gradients, rates, unit, st.booleans(), unit)
def test_sgd_follows_its_formula(gradients, lr, momentum, nesterov, decay):
    nesterov = nesterov and momentum > 0
    theta, v, expected = np.array([1.0, -2.0, 0.5]), np.zeros(3), []
    for row in np.array(gradients):
        g = row + decay * theta
        v = momentum * v + g
        theta = theta - lr * (g + momentum * v if nesterov else v)
        expected.append(theta)
    close(trajectory(lambda p: SGD(p, lr, momentum, nesterov, decay), gradients), expected)


@given(gradients, rates, unit, unit, st.floats(1e-8, 1e-2), unit, st.booleans())
def test_adam_and_adamw_follow_their_formulas(gradients, lr, beta1, beta2, eps, decay, decoupled):
    theta, m, v, expected = np.array([1.0, -2.0, 0.5]), np.zeros(3), np.zeros(3), []
    for t, row in enumerate(np.array(gradients), start=1):
        g = row if decoupled else row + decay * theta
        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * g**2
        m_hat, v_hat = m / (1 - beta1**t), v / (1 - beta2**t)
        theta = theta - lr * (m_hat / (np.sqrt(v_hat) + eps) + (decay * theta if decoupled else 0))
        expected.append(theta)
    kind = AdamW if decoupled else Adam
    close(trajectory(lambda p: kind(p, lr, (beta1, beta2), eps, decay), gradients), expected)


def test_defaults_are_those_of_pytorch():
    w = [Value(0.0)]
    assert repr(SGD(w, 0.1)) == (
        "SGD(1 parameters, lr=0.1, momentum=0.0, nesterov=False, weight_decay=0.0)"
    )
    assert repr(Adam(w)) == (
        "Adam(1 parameters, lr=0.001, betas=(0.9, 0.999), eps=1e-08, weight_decay=0.0)"
    )
    assert repr(AdamW(w)) == (
        "AdamW(1 parameters, lr=0.001, betas=(0.9, 0.999), eps=1e-08, weight_decay=0.01)"
    )


def test_learning_rate_can_be_set():
    w = Value(1.0)
    w.grad = 1.0
    optimizer = SGD([w], lr=0.1)
    optimizer.lr = 0.5
    optimizer.step()
    assert w.data == 0.5
    with pytest.raises(ValueError, match=r"lr must be finite and at least 0, not -1\.0"):
        optimizer.lr = -1


# --- saved state ----------------------------------------------------------------------------------

OPTIMIZERS = [
    lambda p: SGD(p, 0.1),
    lambda p: SGD(p, 0.1, momentum=0.9, nesterov=True, weight_decay=0.01),
    lambda p: Adam(p, 0.05, betas=(0.8, 0.99), weight_decay=0.1),
    lambda p: AdamW(p, 0.05),
]


@pytest.mark.parametrize("make", OPTIMIZERS)
def test_a_saved_state_continues_bit_for_bit(make):
    rows = np.random.default_rng(0).normal(size=(10, 3)).tolist()
    whole = trajectory(make, rows)

    params = [Value(x) for x in (1.0, -2.0, 0.5)]
    first = make(params)
    for row in rows[:5]:
        for p, g in zip(params, row, strict=True):
            p.grad = g
        first.step()
    state = json.loads(json.dumps(first.state_dict()))

    def resumed(params):
        optimizer = type(first)(params, lr=9.0)  # the options come from the state, too
        optimizer.load_state_dict(state)
        return optimizer

    rest = trajectory(resumed, rows[5:], start=[p.data for p in params])
    assert rest.tolist() == whole[5:].tolist()


def test_a_state_is_a_snapshot():
    w = Value(1.0)
    w.grad = 1.0
    optimizer = SGD([w], 0.1, momentum=0.5)
    state = optimizer.state_dict()
    optimizer.step()
    assert state["memory"] == {"velocity": [0.0]}
    optimizer.load_state_dict(state)
    optimizer.step()
    assert state["memory"] == {"velocity": [0.0]}


def damaged(**changes):
    state = SGD([Value(1.0)], 0.1, momentum=0.5).state_dict()
    return {**state, **changes}


@pytest.mark.parametrize(
    ("state", "message"),
    [
        ({}, "the saved optimiser is None, not 'SGD'"),
        (Adam([Value(1.0)]).state_dict(), "the saved optimiser is 'Adam', not 'SGD'"),
        (damaged(options={"lr": 0.1}), "the saved SGD has no field 'momentum'"),
        (damaged(memory={}), "the saved SGD has no field 'velocity'"),
        (damaged(memory=None), "the saved SGD is damaged"),
        (damaged(memory={"velocity": [1.0, 2.0]}), "velocity must be a list of 1 numbers"),
        (damaged(memory={"velocity": 3.0}), "velocity must be a list of 1 numbers"),
        (damaged(memory={"velocity": ["x"]}), r"velocity\[0\] must be a number, not 'x'"),
        (
            damaged(options={**damaged()["options"], "lr": -1.0}),
            "the saved SGD is damaged: lr must be finite and at least 0",
        ),
    ],
)
def test_a_damaged_state_is_refused_and_changes_nothing(state, message):
    optimizer = SGD([Value(1.0)], lr=0.25, momentum=0.5)
    before = optimizer.state_dict()
    with pytest.raises(ValueError, match=message):
        optimizer.load_state_dict(state)
    assert optimizer.state_dict() == before


# --- frozen parameters ----------------------------------------------------------------------------


class Pair(Module):
    def __init__(self):
        self.w, self.frozen = Value(1.0), Module()
        self.frozen.w = Value(1.0)


@pytest.mark.parametrize("late", [False, True], ids=["before", "after the optimiser is made"])
@pytest.mark.parametrize("make", OPTIMIZERS)
def test_a_frozen_parameter_rests_and_then_starts_from_the_start(make, late):
    model, fresh = Pair(), Value(1.0)
    if not late:
        model.frozen.freeze()
    optimizer = make(model.parameters())
    model.frozen.freeze()
    for _ in range(3):
        model.w.grad = model.frozen.w.grad = 0.5
        optimizer.step()
    assert model.frozen.w.data == 1.0
    assert model.w.data < 1.0
    assert all(numbers[1] == 0 for numbers in optimizer.state_dict()["memory"].values())

    model.frozen.unfreeze()
    alone = make([fresh])
    for _ in range(3):
        fresh.grad = model.frozen.w.grad = 0.5
        optimizer.step()
        alone.step()
    assert model.frozen.w.data == fresh.data < 1.0


def test_a_frozen_gradient_is_not_clipped_and_does_not_count():
    model = Pair()
    model.frozen.freeze()
    model.w.grad, model.frozen.w.grad = 3.0, 4.0
    assert clip_grad_norm(model.parameters(), 1.0) == 3.0
    assert (model.w.grad, model.frozen.w.grad) == (1.0, 4.0)


# --- arguments ------------------------------------------------------------------------------------


class Model:
    def parameters(self):
        return [Value(1.0)]


w = Value(1.0)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: SGD([], 0.1), ValueError, "no parameters to train; pass model.parameters()"),
        (lambda: SGD([w, 3.0], 0.1), TypeError, r"params\[1\] is 3.0, a float, and not a Value"),
        (lambda: SGD([w, w], 0.1), ValueError, r"params\[1\] is there twice"),
        (lambda: SGD(Model(), 0.1), TypeError, r"params is a Model; .* model.parameters\(\)"),
        (lambda: SGD([w], -0.1), ValueError, "lr must be finite and at least 0, not -0.1"),
        (lambda: SGD([w], math.nan), ValueError, "lr must be finite and at least 0, not nan"),
        (lambda: SGD([w], "0.1"), TypeError, "lr must be a real number, not the str '0.1'"),
        (lambda: SGD([w], 0.1, momentum=1.0), ValueError, "momentum must be at least 0 and below"),
        (lambda: SGD([w], 0.1, nesterov=True), ValueError, "nesterov=True needs a momentum"),
        (lambda: SGD([w], 0.1, weight_decay=-1), ValueError, "weight_decay must be finite and"),
        (lambda: Adam([w], betas=(1.0, 0.9)), ValueError, r"betas\[0\] must be at least 0 and"),
        (lambda: Adam([w], betas=(0.9, -0.1)), ValueError, r"betas\[1\] must be at least 0 and"),
        (lambda: Adam([w], betas=0.9), ValueError, "betas must be two numbers, not 0.9"),
        (lambda: Adam([w], betas=(0.9,)), ValueError, r"betas must be two numbers, not \(0.9,\)"),
        (lambda: AdamW([w], eps=-1e-8), ValueError, "eps must be finite and at least 0"),
        *(
            (partial(kind, [w], learning_rate=0.1), TypeError, f"{kind.__name__} has .* mean 'lr'")
            for kind in (SGD, Adam, AdamW)
        ),
        (lambda: clip_grad_norm([], 1.0), ValueError, "no parameters"),
        (lambda: clip_grad_norm([w], 0.0), ValueError, "max_norm must be above 0, not 0.0"),
        (lambda: clip_grad_norm([w], None), TypeError, "max_norm must be a real number"),
        (lambda: StepDecay(0.1, every=0), ValueError, "every must be finite and above 0, not 0"),
        (lambda: StepDecay(0.1, 5, factor=-1), ValueError, "factor must be finite and above 0"),
        (lambda: StepDecay(0.1, "10"), TypeError, r"every must be a real .* with float\('10'\)"),
        (lambda: StepDecay("0.1", 10), TypeError, "lr must be a real number, not the str"),
        (lambda: Exponential(0.1, 0.0), ValueError, "factor must be finite and above 0"),
        (lambda: Cosine(0.1, -5), ValueError, "epochs must be finite and above 0, not -5"),
        (lambda: WarmUp(Constant(0.1), 0), ValueError, "epochs must be finite and above 0, not 0"),
    ],
)
def test_wrong_arguments_are_named(make, error, message):
    with pytest.raises(error, match=message):
        make()


# --- clipping -------------------------------------------------------------------------------------


@given(st.lists(st.floats(-100, 100), min_size=1, max_size=5), st.floats(0.1, 10))
def test_clipping_keeps_the_direction(gradients, max_norm):
    params = [Value(0.0) for _ in gradients]
    for p, g in zip(params, gradients, strict=True):
        p.grad = g
    norm = clip_grad_norm(params, max_norm)
    after = np.array([p.grad for p in params])
    close(norm, np.linalg.norm(gradients))
    close(np.linalg.norm(after), min(norm, max_norm))
    close(after * norm, np.array(gradients) * np.linalg.norm(after))


@pytest.mark.parametrize("gradient", [math.inf, math.nan])
def test_clipping_leaves_what_has_no_direction(gradient):
    a, b = Value(0.0), Value(0.0)
    a.grad, b.grad = gradient, 2.0
    assert not math.isfinite(clip_grad_norm([a, b], 1.0))
    assert b.grad == 2.0


def test_clipping_does_not_overflow():
    a, b = Value(0.0), Value(0.0)
    a.grad, b.grad = 3e200, 4e200
    assert clip_grad_norm([a, b], 5.0) == pytest.approx(5e200)
    assert (a.grad, b.grad) == pytest.approx((3.0, 4.0))


# --- schedules ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        (Constant(0.5), [0.5, 0.5, 0.5, 0.5, 0.5]),
        (StepDecay(1.0, every=2), [1.0, 1.0, 0.1, 0.1, 0.01]),
        (StepDecay(1.0, every=1, factor=0.5), [1.0, 0.5, 0.25, 0.125, 0.0625]),
        (Exponential(1.0, 0.5), [1.0, 0.5, 0.25, 0.125, 0.0625]),
        (Cosine(1.0, 4), [1.0, (2 + math.sqrt(2)) / 4, 0.5, (2 - math.sqrt(2)) / 4, 0.0]),
        (Cosine(1.0, 2, floor=0.5), [1.0, 0.75, 0.5, 0.5, 0.5]),
        (WarmUp(Constant(1.0), 4, start=0.2), [0.2, 0.4, 0.6, 0.8, 1.0]),
        (WarmUp(Exponential(1.0, 0.5), 2, start=0.0), [0.0, 0.25, 0.25, 0.125, 0.0625]),
        (WarmUp(lambda time: time, 1), [0.0, 1.0, 2.0, 3.0, 4.0]),
    ],
)
def test_schedules_by_hand(schedule, expected):
    close([schedule(time) for time in range(5)], expected)
