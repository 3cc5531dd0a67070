"""An epoch as one call of XLA trains to the numbers of NumPy's backend."""

import numpy as np
import pytest

import nn

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(41, 3)), RNG.integers(3, size=41)


@pytest.fixture
def jax():
    return pytest.importorskip("jax", reason="JAX is not installed")


def trained(backend, make, epochs=4, **options):
    model = options.pop("model", None) or nn.MLP(3, [5, 3], seed=0)
    optimizer = make(model.parameters())
    history = nn.fit(
        model, X, Y, optimizer=optimizer, epochs=epochs, batch_size=8, progress=False,
        backend=backend, **options
    )  # fmt: skip
    return model, history, optimizer


@pytest.mark.parametrize(
    ("make", "options"),
    [
        (lambda p: nn.SGD(p, lr=0.1, momentum=0.9, nesterov=True), {"max_grad_norm": 0.5}),
        (
            lambda p: nn.AdamW(p, lr=0.01),
            {"lr": nn.Cosine(0.01, 4), "validation": 0.2},
        ),
    ],
    ids=["nesterov, clipped", "adamw, a schedule, validation"],
)
@pytest.mark.usefixtures("jax")
def test_training_gives_the_same_numbers(make, options):
    (ours, first, kept), (theirs, second, _) = [
        trained(backend, make, **options) for backend in ("jax", "numpy")
    ]
    assert (first.engine, second.engine) == ("jax", "compiled")
    got, want = [[p.data for p in model.parameters()] for model in (ours, theirs)]
    np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-14)
    for a, b in zip(first, second, strict=True):
        assert a.loss == pytest.approx(b.loss, rel=1e-12)
        assert (a.accuracy, a.val_accuracy, a.lr) == (b.accuracy, b.val_accuracy, b.lr)
    assert kept.state_dict()["memory"]


@pytest.mark.usefixtures("jax")
def test_dropout_draws_what_it_draws_otherwise():
    results = []
    for backend in ("jax", "numpy"):
        model = nn.Sequential(nn.MLP(3, [6], seed=0), nn.Dropout(0.5), nn.MLP(6, [3], seed=1))
        trained(backend, lambda p: nn.SGD(p, lr=0.1), epochs=2, model=model)
        results.append([p.data for p in model.parameters()])
    np.testing.assert_allclose(*results, rtol=1e-12, atol=1e-14)


@pytest.mark.usefixtures("jax")
@pytest.mark.filterwarnings("ignore:the learning rate")
def test_what_is_not_finite_is_told_of_its_minibatch():
    with pytest.raises(FloatingPointError, match=r"epoch 1, batch \d: the"):
        trained("jax", lambda p: nn.SGD(p, lr=1e200))


def test_a_backend_that_is_not_there_is_refused():
    with pytest.raises(ValueError, match='backend must be "numpy" or "jax", not \'torch\''):
        trained("torch", lambda p: nn.SGD(p, lr=0.1))
