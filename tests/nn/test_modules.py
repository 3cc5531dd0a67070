"""Modules beyond the MLP, against PyTorch's formulas in NumPy; all that any module must do."""

import functools
import random

import numpy as np
import pytest

import autograd
from autograd import Value, draw
from nn import (
    GRU,
    LSTM,
    MLP,
    RNN,
    Attention,
    Conv2d,
    Dropout,
    Each,
    Embedding,
    Flatten,
    Layer,
    LayerNorm,
    Module,
    Residual,
    RMSNorm,
    Sequential,
    dropping,
    fit,
    load,
    save,
)
from nn.dropout import rates_of

RNG = np.random.default_rng(0)
SEQUENCE = RNG.normal(size=(5, 4))
IMAGE = RNG.normal(size=(2, 5, 6))


def numbers(x):
    return [numbers(v) for v in x] if isinstance(x, list) else getattr(x, "data", x)


def weights(layer):
    """The matrix, a row per neuron, and the biases."""
    return np.array([numbers(n.w) for n in layer.neurons]), np.array(numbers(layer.b))


def stirred(module):
    """Move every parameter, also those that begin at 0 or 1."""
    rng = random.Random(7)
    for parameter in module.parameters():
        parameter.data += rng.gauss(0.0, 0.5)
    return module


# --- the formulas ---------------------------------------------------------------------------------


def sigmoid(x):
    return 1.0 / (1.0 + np.exp(-x))


def layer_norm(module, x):
    w, b = np.array(numbers(module.w)), np.array(numbers(module.b))
    return (x - x.mean()) / np.sqrt(x.var() + module.eps) * w + b


def rms_norm(module, x):
    return x / np.sqrt((x**2).mean() + module.eps) * np.array(numbers(module.w))


def attention(module, x):
    Q, K, V = [x @ W.T + b for W, b in map(weights, (module.query, module.key, module.value))]
    width = module.size // module.heads
    mixed = []
    for start in range(0, module.size, width):
        q, k, v = [M[:, start : start + width] for M in (Q, K, V)]
        scores = q @ k.T / np.sqrt(width)
        if module.causal:
            scores = np.where(np.tri(len(x), dtype=bool), scores, -np.inf)
        shares = np.exp(scores - scores.max(axis=1, keepdims=True))
        mixed.append(shares / shares.sum(axis=1, keepdims=True) @ v)
    W, b = weights(module.output)
    return np.concatenate(mixed, axis=1) @ W.T + b


def convolution(module, x):
    W, b = weights(module.filters)
    k, p, s = module.size, module.padding, module.stride
    x = np.pad(x, ((0, 0), (p, p), (p, p)))
    windows = np.lib.stride_tricks.sliding_window_view(x, (k, k), axis=(1, 2))[:, ::s, ::s]
    filters = W.reshape(-1, module.n_in, k, k)
    found = np.einsum("ocij,chwij->ohw", filters, windows) + b[:, None, None]
    return np.maximum(found, 0.0) if module.activation == "relu" else found


def recurrent(step, module, x):
    (W, b), (V, c) = weights(module.inputs), weights(module.hidden)
    h = cell = np.zeros(module.n_out)
    outputs = []
    for v in x:
        h, cell = step(
            np.split(W @ v + b, module.gates), np.split(V @ h + c, module.gates), h, cell
        )
        outputs.append(h)
    return np.array(outputs)


def rnn(own, past, _, cell):
    return np.tanh(own[0] + past[0]), cell


def gru(own, past, h, cell):
    r, z = sigmoid(own[0] + past[0]), sigmoid(own[1] + past[1])
    n = np.tanh(own[2] + r * past[2])
    return (1.0 - z) * n + z * h, cell


def lstm(own, past, _, cell):
    i, f, g, o = [a + b for a, b in zip(own, past, strict=True)]
    cell = sigmoid(f) * cell + sigmoid(i) * np.tanh(g)
    return sigmoid(o) * np.tanh(cell), cell


CASES = {
    "LayerNorm": (LayerNorm(4, eps=0.1), SEQUENCE[0], layer_norm),
    "RMSNorm": (RMSNorm(4, eps=0.1), SEQUENCE[0], rms_norm),
    "Attention": (Attention(4, heads=2), SEQUENCE, attention),
    "causal Attention": (Attention(4, causal=True), SEQUENCE, attention),
    "Conv2d": (Conv2d(2, 3, 3), IMAGE, convolution),
    "padded Conv2d": (Conv2d(2, 1, 2, stride=2, padding=1, activation="relu"), IMAGE, convolution),
    "RNN": (RNN(4, 3), SEQUENCE, functools.partial(recurrent, rnn)),
    "GRU": (GRU(4, 3), SEQUENCE, functools.partial(recurrent, gru)),
    "LSTM": (LSTM(4, 3), SEQUENCE, functools.partial(recurrent, lstm)),
    "Embedding": (Embedding(6, 3), 4, lambda m, x: np.array(numbers(m.w))[x]),
    "Residual": (Residual(RMSNorm(4)), SEQUENCE[0], lambda m, x: x + rms_norm(m.module, x)),
    "Each": (Each(RMSNorm(4)), SEQUENCE, lambda m, x: np.array([rms_norm(m.module, v) for v in x])),
    "Sequential": (
        Sequential(Flatten(), Layer(60, 2, "tanh")),
        IMAGE,
        lambda m, x: np.tanh(np.dot(*(w := weights(m.parts[1]))[:1], x.ravel()) + w[1]),
    ),
    "Dropout": (Sequential(Dropout(0.5), Layer(4, 1, "linear")), SEQUENCE[0], None),
}
CASES = {name: (stirred(module), x, formula) for name, (module, x, formula) in CASES.items()}
every = pytest.mark.parametrize(("module", "x"), [c[:2] for c in CASES.values()], ids=CASES)


@pytest.mark.parametrize(
    ("module", "x", "formula"),
    [c for c in CASES.values() if c[2]],
    ids=[n for n in CASES if CASES[n][2]],
)
def test_formula(module, x, formula):
    given = x.tolist() if isinstance(x, np.ndarray) else x
    expected = formula(module, x)
    np.testing.assert_allclose(numbers(module(given)), expected, rtol=1e-11, atol=1e-13)
    np.testing.assert_allclose(numbers(module(x)), expected, rtol=1e-11, atol=1e-13)


@every
def test_compiles_with_its_gradient(module, x):
    def loss(theta, x):
        import copy

        stand_ins = dict(zip(map(id, module.parameters()), theta, strict=True))
        output = copy.deepcopy(module, stand_ins)(x)
        return autograd.fsum([v * v for v in Flatten()(output)])

    theta = np.array(numbers(module.parameters()))
    batch = np.array([x, x])
    value, gradient = autograd.compile(loss, in_axes=(None, 0), reduce="mean").value_and_grad(
        theta, batch
    )
    module.zero_grad()
    eager = autograd.fsum([v * v for v in Flatten()(module(x))])
    eager.backward()
    assert value == pytest.approx(eager.data, rel=1e-12)
    slopes = [p.grad for p in module.parameters()]
    np.testing.assert_allclose(gradient, slopes, rtol=1e-9, atol=1e-12)
    assert np.any(gradient)


@every
def test_is_saved_loaded_summarised_and_drawn(module, x, tmp_path):
    save(module, tmp_path / "model.json")
    loaded = load(tmp_path / "model.json")
    assert repr(loaded) == repr(module)
    assert loaded.state_dict() == module.state_dict()
    assert numbers(loaded(x)) == numbers(module(x))
    assert module.summary().split("total")[1].split()[0] == str(len(module.parameters()))
    assert "->" in draw(module).source or isinstance(module, (Sequential, Embedding))
    assert [p.name for p in module.parameters()] == list(module.state_dict())


@pytest.mark.parametrize(
    "make",
    [
        lambda seed: Embedding(5, 3, seed=seed),
        lambda seed: Attention(4, seed=seed),
        lambda seed: Conv2d(1, 2, 3, seed=seed),
        lambda seed: RNN(2, 3, seed=seed),
        lambda seed: GRU(2, 3, seed=seed),
        lambda seed: LSTM(2, 3, seed=seed),
    ],
)
def test_a_seed_gives_the_same_weights_again(make):
    one, same, other = [make(seed).state_dict() for seed in (0, 0, 1)]
    assert one == same != other


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: Attention(4, heads=3), ValueError, "3 heads cannot share vectors of 4 evenly"),
        (lambda: Embedding(0, 3), ValueError, "n_in must be at least 1"),
        (lambda: Embedding(2, 3)(2), IndexError, "no entry 2 in a table of 2"),
        (lambda: Embedding(2, 3)([1]), TypeError, r"use Each\(Embedding\(2, 3\)\)"),
        (lambda: LayerNorm(3)([1.0]), ValueError, r"LayerNorm\(3, eps=1e-05\) takes 3 in"),
        (lambda: Conv2d(1, 1, 3)([[[1.0]]]), ValueError, "images of at least its size, not 1 × 1"),
        (lambda: Conv2d(2, 1, 1)([[[1.0]]]), ValueError, "takes 2 channels, .* not 1 with"),
        (lambda: Conv2d(1, 1, 1)([[1.0]]), TypeError, r"list of channels, .* grey image \[image\]"),
        (lambda: Conv2d(1, 1, kernel_size=1), TypeError, "'kernel_size'; did you mean 'size'"),
        (lambda: Conv2d(1, 1, 1)([[[1.0], [1.0, 2.0]]]), ValueError, "of one shape"),
        (lambda: Conv2d(1, 1, 1, activation="softmax"), ValueError, "softmax acts on a whole"),
        (lambda: Conv2d(1, 1, 1, padding=-1), ValueError, "padding"),
        (lambda: Dropout(1.0), ValueError, "p must be from 0 to below 1"),
        (lambda: Sequential(), ValueError, "at least one module"),
        (lambda: Sequential(abs), TypeError, "Sequential is made of Modules"),
        (
            lambda: Sequential([Layer(2, 3)]),
            TypeError,
            r"each an argument of its own, not of \[Layer",
        ),
        (lambda: Residual(Layer(2, 3))([1.0, 2.0]), ValueError, "not a list of 2 and a list of 3"),
        (lambda: RNN(2, 0), ValueError, "n_out must be at least 1"),
    ],
)
def test_what_is_refused(make, error, message):
    with pytest.raises(error, match=message):
        make()


def test_the_weights_of_attention_are_shares():
    rows = numbers(Attention(4, heads=2, causal=True, seed=0).weights(SEQUENCE))
    assert [[len(row) for row in head] for head in rows] == [[1, 2, 3, 4, 5]] * 2
    assert all(sum(row) == pytest.approx(1.0) for head in rows for row in head)


# --- dropout --------------------------------------------------------------------------------------


def test_dropout_keeps_the_mean_and_leaves_out_a_share():
    drop, x = Dropout(0.25), [1.0] * 10_000
    assert drop(x) == x
    with dropping(drop, seed=0):
        left = drop(x)
    assert set(left) == {0.0, 1.0 / 0.75}
    assert left.count(0.0) / 10_000 == pytest.approx(0.25, abs=0.02)
    assert drop(x) == x
    assert rates_of(Sequential(Dropout(0.1), Dropout(0.2)), [1.0]) == [0.1, 0.2]


def test_dropout_ends_with_the_block_even_after_an_error():
    drop = Dropout(0.5)
    with pytest.raises(KeyError), dropping(drop, seed=0):
        raise KeyError
    assert drop([1.0] * 50) == [1.0] * 50


def test_training_with_dropout_is_the_same_by_both_engines():
    def trained(**options):
        model = Sequential(Layer(2, 8, "tanh", seed=0), Dropout(0.5), Layer(8, 1, "linear", seed=1))
        X = RNG_DATA[:, :2]
        history = fit(
            model, X, X[:, 0] * X[:, 1], "mse_loss", epochs=3, seed=5, progress=False, **options
        )
        return history.engine, [epoch.loss for epoch in history], list(model.state_dict().values())

    compiled, eager = trained(), trained(compile=False)
    assert (compiled[0], eager[0]) == ("compiled", "eager")
    np.testing.assert_allclose(compiled[1], eager[1], rtol=1e-10)
    np.testing.assert_allclose(compiled[2], eager[2], rtol=1e-8)


RNG_DATA = np.random.default_rng(3).normal(size=(40, 2))


# --- training -------------------------------------------------------------------------------------


class Letters(Module):
    """Which letter follows: a small model of language."""

    def __init__(self):
        self.table = Embedding(5, 4, seed=0)
        self.block = Residual(Attention(4, heads=2, causal=True, seed=1))
        self.head = Each(Layer(4, 5, "linear", seed=2))

    def __call__(self, tokens):
        return self.head(self.block([self.table(t) for t in tokens]))


@pytest.mark.parametrize("engine", ["compiled", "eager"])
def test_a_model_of_sequences_is_trained_on_tokens(engine):
    model = Letters()
    X = [[i % 5, (i + 1) % 5, (i + 2) % 5] for i in range(20)]
    y = [[(t + 1) % 5 for t in row] for row in X]
    history = fit(model, X, y, epochs=20, lr=0.1, progress=False, compile=engine == "compiled")
    assert history.engine == engine
    assert history[-1].loss < 0.2 * history[0].loss
    assert numbers(model([3.0, 4.0]))[1].index(max(numbers(model([3.0, 4.0]))[1])) == 0


def test_a_network_of_images_is_trained():
    model = Sequential(Conv2d(1, 2, 2, activation="relu", seed=0), Flatten(), MLP(8, [1], seed=1))
    images = RNG.normal(size=(30, 1, 3, 3))
    history = fit(model, images, images[:, 0, 1, 1], "mse_loss", epochs=30, lr=0.03, progress=False)
    assert history.engine == "compiled"
    assert history[-1].loss < 0.5 * history[0].loss


def test_values_pass_through_everything_to_the_inputs():
    for name, (module, x, _) in CASES.items():
        if name == "Embedding":
            continue
        inputs = [Value(v) for v in np.ravel(x)]
        nested = np.array(inputs, dtype=object).reshape(np.shape(x)).tolist()
        autograd.fsum([v * v for v in Flatten()(module(nested))]).backward()
        assert any(v.grad for v in inputs), name


def test_modules_have_the_operations_between_their_layers():
    class Block(Module):
        def __init__(self):
            self.norm = RMSNorm(4)
            self.attention = Attention(4, heads=2, seed=0)
            self.mlp = MLP(4, [8, 4], seed=1)
            self.name_parameters()

        def __call__(self, x):
            seen = self.attention([self.norm(v) for v in x])
            return [
                [a + b for a, b in zip(v, self.mlp(u), strict=True)]
                for v, u in zip(x, seen, strict=True)
            ]

        def example(self):
            return [[1.0] * 4, [2.0] * 4]

    source = draw(Block(), collapse="module", show=()).source
    assert all(f">{name}<" in source for name in ("norm", "attention", "mlp", "+"))
    assert not any(f">{op}<" in source for op in ("softmax", "⟨w, x⟩ + b", "×", "xʸ"))
    assert "numbers" not in source  # the constants inside
    outputs = Flatten()(Block()(Block().example()))
    loss = draw(autograd.fsum([autograd.log(v * v) for v in outputs]), collapse="module", show=())
    assert (
        ">ln<" in loss.source or ">log<" in loss.source
    )  # what comes after all modules is no part
