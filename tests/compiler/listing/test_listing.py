"""The listing of a compiled program in the language of the lecture."""

from __future__ import annotations

import random
import re

import numpy as np
import pytest
from effort import examples
from hypothesis import example, given, settings
from hypothesis import strategies as st
from random_programs import evaluated, random_program

import autograd as ag
import nn

X, Y = np.arange(15.0).reshape(5, 3) / 10.0, np.eye(2)[[0, 1, 0, 1, 1]]


def parameters():
    rng = np.random.default_rng(0)
    return [
        {"W": rng.normal(size=(4, 3)).tolist(), "b": [0.0] * 4},
        {"W": rng.normal(size=(2, 4)).tolist(), "b": [0.5] * 2},
    ]


def section(text, title):
    """Give the lines of a part of a listing, without the spaces that align them."""
    found = re.search(rf"^{title}.*\n((?:  .*\n)*)", text, re.MULTILINE)
    assert found, text
    return [re.sub(r" +", " ", line.strip()) for line in found[1].splitlines()]


def squared_error(params, x, y):
    for layer in params:
        z = [
            sum((wi * xi for wi, xi in zip(w, x, strict=True)), b)
            for w, b in zip(layer["W"], layer["b"], strict=True)
        ]
        x = [v.relu() for v in z]
    return sum((a - b) ** 2 for a, b in zip(z, y, strict=True))


def test_a_network_written_as_in_micrograd_is_listed_as_in_the_lecture():
    loss = ag.compile(squared_error, in_axes=(None, 0, 0), reduce="mean")
    loss.value_and_grad(parameters(), X, Y)
    assert (
        str(loss)
        == """\
squared_error(params, x, y), the mean over the batch
  W1 = params[0]["W"]ᵀ   (3×4)
  b1 = params[0]["b"]    (4)
  W2 = params[1]["W"]ᵀ   (4×2)
  b2 = params[1]["b"]    (2)
  x                      (3)
  y                      (2)
forward, for each sample
  z1 = W1ᵀ x + b1    (3→4)
  x1 = ReLU(z1)      (4)
  z2 = W2ᵀ x1 + b2   (4→2)
  L  = Σ (z2 − y)²
backward, with respect to params, for each sample, then averaged over the batch
  ∂L/∂z2 = 2 · (z2 − y)         (2)
  ∂L/∂W2 = x1 (∂L/∂z2)ᵀ         (4×2)
  ∂L/∂b2 = ∂L/∂z2               (2)
  ∂L/∂x1 = W2 ∂L/∂z2            (4)
  ∂L/∂z1 = ∂L/∂x1 ⊙ ReLU′(z1)   (4)
  ∂L/∂W1 = x (∂L/∂z1)ᵀ          (3×4)
  ∂L/∂b1 = ∂L/∂z1               (4)
cost of a batch of 5: 745 flops, 83 % in BLAS; 4.3 kB moved"""
    )
    assert loss.listing() == str(loss)


def test_a_network_of_nn_is_the_same_program():
    model = nn.MLP(3, [4, 2], seed=0)
    loss = ag.compile(lambda x, y: nn.mse_loss(model(x), y), in_axes=0, reduce="mean")
    loss(X, Y)
    text = str(loss)
    assert section(text, "<lambda>") == [
        "W1 = layer1.W (3×4)",
        "b1 = layer1.b (4)",
        "W2 = layer2.W (4×2)",
        "b2 = layer2.b (2)",
        "x (3)",
        "y (2)",
    ]
    assert section(text, "forward") == [
        "z1 = W1ᵀ x + b1 (3→4)",
        "x1 = ReLU(z1) (4)",
        "z2 = W2ᵀ x1 + b2 (4→2)",
        "L = 1/2 Σ (z2 − y)²",
    ]
    assert "backward" not in text


@pytest.mark.parametrize(
    ("params", "sources"),
    [
        (
            [[([1.0, 2.0], 0.5), ([3.0, 4.0], 0.5), ([3.0, 4.0], 0.5)]],
            ["W1 = columns params[0][i][0] (2×3)", "b1 = params[0][i][1] (3)"],
        ),
        ([(np.ones((3, 2)), np.zeros(3))], ["W1 = params[0][0]ᵀ (2×3)", "b1 = params[0][1] (3)"]),
    ],
)
def test_parameters_in_other_structures(params, sources):
    def f(params, x):
        for layer in params:
            rows = zip(*layer, strict=True) if len(layer) == 2 else layer
            x = [ag.tanh(ag.dot(list(w), x, b)) for w, b in rows]
        return x

    net = ag.compile(f, in_axes=(None, 0))
    net(params, np.ones((4, 2)))
    text = str(net)
    assert section(text, "f")[:2] == sources
    assert section(text, "forward") == ["z1 = W1ᵀ x + b1 (2→3)", "x1 = tanh(z1) (3)"]


def test_a_part_of_an_argument_has_not_its_name():
    def f(W, x):
        x = [ag.tanh(ag.dot(list(w), list(x))) for w in W[:2]]
        return ag.fsum([ag.dot(list(w), x) for w in W[2:]])

    net = ag.compile(f, in_axes=(None, 0))
    net(np.ones((4, 2)), np.ones((3, 2)))
    assert section(str(net), "f")[:2] == ["W1 = part of W (2×2)", "W2 = part of W (2×2)"]


def test_an_argument_without_numbers_is_left_out():
    f = ag.compile(lambda x, _: 2.0 * x, in_axes=(0, None))
    f(np.ones(3), [])
    assert section(str(f), "forward") == ["f = 2 · x"]


def test_with_aux_the_result_alone_has_the_name_of_the_function():
    f = ag.compile(lambda x, y: (ag.exp(x) * y, x + y), has_aux=True)
    f(1.0, 2.0)
    lines = section(str(f), "forward")
    assert lines == ["v1 = x + y", "f = exp(x) · y", "returns f, and as aux v1"]


def test_names_of_their_own_are_kept_and_matrices_stand_as_the_function_has_them():
    def rows(W, b, x):
        return ag.fsum([z**2 for z in W @ x + b])

    def columns(W, c, x):
        return ag.fsum([z**2 for z in W.T @ x + c])

    for f, shape, line, back in (
        (rows, (4, 3), "z1 = W x + b (3→4)", ["∂L/∂W = ∂L/∂z1 xᵀ (4×3)", "∂L/∂x = Wᵀ ∂L/∂z1 (3)"]),
        (
            columns,
            (3, 4),
            "z1 = Wᵀ x + c (3→4)",
            ["∂L/∂W = x (∂L/∂z1)ᵀ (3×4)", "∂L/∂x = W ∂L/∂z1 (3)"],
        ),
    ):
        compiled = ag.compile(f, in_axes=(None, None, 0), argnums=(0, 2), reduce="sum")
        compiled.value_and_grad(np.ones(shape), np.ones(4), X)
        assert section(str(compiled), "forward") == [line, "L = Σ z1²"]
        assert section(str(compiled), "backward") == ["∂L/∂z1 = 2 · z1 (4)", *back]


def test_a_neuron():
    def neuron(w, b, x):
        return ag.sigmoid(ag.dot(w, x, b))

    f = ag.compile(neuron, argnums=(0, 1))
    f.value_and_grad([1.0, 2.0], 0.5, [1.0, 3.0])
    text = str(f)
    assert section(text, "forward") == ["z1 = wᵀ x + b (2→1)", "x1 = σ(z1)"]
    assert section(text, "backward, with respect to w, b") == [
        "∂x1/∂z1 = σ′(z1)",
        "∂x1/∂w = ∂x1/∂z1 · x (2)",
        "∂x1/∂b = ∂x1/∂z1",
    ]


def recurrent(params, xs):
    h = [0.5, 0.5]
    for x in xs:
        rows = zip(params["Wx"], params["Wh"], params["b"], strict=True)
        h = [ag.tanh(ag.dot([*wx, *wh], [*x, *h], b)) for wx, wh, b in rows]
    return ag.fsum(h)


def test_weights_that_are_used_again_and_stand_side_by_side():
    f = ag.compile(recurrent, in_axes=(None, 0), reduce="mean")
    params = {"Wx": np.ones((2, 3)), "Wh": np.ones((2, 2)), "b": np.ones(2)}
    f.value_and_grad(params, np.ones((5, 2, 3)))
    text = str(f)
    assert section(text, "recurrent") == [
        'Wx = params["Wx"] (2×3)',
        'Wh = params["Wh"] (2×2)',
        'b = params["b"] (2)',
        "xs (6)",
    ]
    assert section(text, "forward") == [
        "z1 = [Wx Wh] [xs[0:3]; 0.5 ×2] + b (5→2)",
        "x1 = tanh(z1) (2)",
        "z2 = [Wx Wh] [xs[3:6]; x1] + b (5→2)",
        "x2 = tanh(z2) (2)",
        "L = Σ x2",
    ]
    assert "∂L/∂[Wx Wh] += ∂L/∂z2 [xs[3:6]; x1]ᵀ (10)" in section(text, "backward")
    assert "∂L/∂b = ∂L/∂z2 + ∂L/∂z1 (2)" in section(text, "backward")


def test_softmax_cross_entropy():
    def loss(params, x, y):
        W, b = params[0]
        return nn.cross_entropy([ag.dot(w, x, c) for w, c in zip(W, b, strict=True)], list(y))

    f = ag.compile(loss, in_axes=(None, 0, 0), reduce="mean")
    f.value_and_grad([([[1.0, 2.0, 3.0], [0.0, 1.0, 0.0]], [0.0, 0.0])], X, Y)
    text = str(f)
    assert section(text, "forward")[-1] == "L = −Σ y ⊙ ln softmax(z1)"
    assert section(text, "backward")[0] == "∂L/∂z1 = (Σ y) · softmax(z1) − y (2)"


def test_choices_by_equality_are_listed_with_both_branches():
    f = ag.compile(lambda w, t: ag.where(t == 1.0, w, 2 * w) + ag.where(t != 0.0, w, 0.0))
    f.value_and_grad(3.0, 1.0)
    text = str(f)
    assert section(text, "forward") == ["f = where(t = 1, w, 2 · w) + where(t ≠ 0, w, 0)"]
    assert "where(t = 1, 0, 1)" in text
    assert "where(t ≠ 0, 1, 0)" in text


def test_softmax_and_logsumexp_are_listed_as_they_were_asked_for():
    def f(x):
        return [*ag.softmax(list(x)), ag.logsumexp(list(x)), ag.softmax(list(x))[1]]

    g = ag.compile(f, in_axes=0)
    g(X)
    assert section(str(g), "forward") == [
        "v1 = softmax(x) (3)",
        "v2 = ln Σ exp(x)",
        "returns [v1; v2; v1[1]]",
    ]

    h = ag.compile(lambda x: ag.softmax(list(x))[0] * ag.log_softmax(list(x))[2], in_axes=0)
    h.value_and_grad(X)
    assert section(str(h), "forward") == ["f = softmax(x)[0] · ln softmax(x)[2]"]
    i = ag.compile(lambda x: nn.cross_entropy(list(x), 1), in_axes=0)
    i.value_and_grad(X)
    assert section(str(i), "forward") == ["f = −ln softmax(x)[1]"]
    assert section(str(i), "backward") == ["∂f/∂x = softmax(x) − onehot(1) (3)"]


def test_elements_of_a_softmax_and_several_of_them():
    def forward(f):
        compiled = ag.compile(f, in_axes=0)
        compiled(X)
        return section(str(compiled), "forward")

    assert forward(lambda x: [ag.softmax(x)[i] for i in (2, 0)]) == [
        "v1 = softmax(x)[0:4:2] (2)",
        "returns [v1[1]; v1[0]]",
    ]
    assert forward(lambda x: [ag.softmax([*x, 1.0])[i] for i in (3, 0)]) == [
        "v1 = softmax([x; 1])[0]",
        "v2 = softmax([x; 1])[3]",
        "returns [v2; v1]",
    ]
    assert forward(lambda x: [y for k in (1.0, 2.0) for y in ag.softmax([k * z for z in x])]) == [
        "v1 = softmax(x) (3)",
        "v2 = softmax(2 · x) (3)",
        "returns [v1; v2]",
    ]


def price(s, k, r, sigma, t):
    """Give the price of a call option by Black and Scholes."""
    d1 = (ag.log(s / k) + (r + sigma**2 / 2) * t) / (sigma * ag.sqrt(t))
    d2 = d1 - sigma * ag.sqrt(t)
    return s * cdf(d1) - k * ag.exp(-r * t) * cdf(d2)


def cdf(z):
    return 0.5 * ag.erfc(z * -(0.5**0.5))


def test_formulas_of_numbers():
    f = ag.compile(price, in_axes=0)
    f(*np.full((5, 7), 0.5))
    assert section(str(f), "forward") == [
        "v1 = sigma · √t",
        "v2 = (ln(s/k) + (r + sigma²/2) · t)/v1",
        "price = 0.5 · s · erfc(−0.7071 · v2) − 0.5 · k · exp(−r · t) · erfc(−0.7071 · (v2 − v1))",
    ]


def test_what_is_computed_once_for_all_samples_stands_apart():
    def loss(w, x, y):
        return (ag.dot(w, x) - y) ** 2 + 0.1 * ag.fsum([wi**2 for wi in w])

    f = ag.compile(loss, in_axes=(None, 0, 0), reduce="mean")
    f.value_and_grad([1.0, 2.0, 3.0], X, Y[:, 0])
    text = str(f)
    assert section(text, "once for all samples") == ["v1 = 0.1 · Σ w²"]
    assert section(text, "forward") == ["z1 = wᵀ x (3→1)", "L = (z1 − y)² + v1"]
    assert section(text, "backward") == [
        "∂L/∂z1 = 2 · (z1 − y)",
        "∂L/∂v1 = 1",
        "∂L/∂w = ∂L/∂z1 · x + 0.2 · ∂L/∂v1 · w (3)",
    ]


def chain(x, rows):
    for i in range(rows):
        x = [ag.sin(x[0] * x[1]), ag.cos(x[1] - 0.5 * i * x[0]), x[2] + ag.exp(-x[0])]
    return x[0] * x[2]


def test_tapes_that_are_alike_are_one_line():
    def layers(x, w):
        for _ in range(4):
            x = ag.tanh(w * chain(x, 40))
        return sum(x)

    f = ag.compile(layers, in_axes=(0, None))
    f.value_and_grad(np.ones((4, 3)), np.ones(50))
    lines = [line for line in str(f).split("\n") if "on a tape: too little" in line]
    assert any(re.match(r"\d+ × \d+ rows in", line) for line in lines)
    assert len(set(lines)) == len(lines)


def test_what_runs_on_a_tape_is_said():
    f = ag.compile(lambda x: chain(x, 120), in_axes=0)
    f.value_and_grad(X)
    text = str(f)
    assert re.search(r"\n\d+ rows in \d+ levels run element by element on a tape: too little", text)
    first, *_ = section(text, "forward")
    count = re.fullmatch(r"t1 : (\d+) numbers, computed one by one on a tape", first)
    assert count
    assert f"{int(count[1]):,} rows" in text
    assert section(text, "backward")[-1].endswith("= t1, run from its end to its beginning (3)")


def test_a_sum_on_a_tape_keeps_its_constant():
    def f(x, w):
        for _ in range(40):
            x = ag.sin(ag.fsum([x, w, 1.0]))
        return x

    compiled = ag.compile(f)
    compiled(0.5, 0.25)
    *_, text, _ = section(str(compiled), "forward")
    assert text.startswith("v[t] = sin(")
    assert text.count("w + 1") == 5


def test_long_listings_are_shortened_unless_asked_for():
    def f(x):
        for i in range(40):
            x = [ag.sin(x[0] + x[1] * i**2), ag.cos(x[1] * x[0]), *x[2:]]
            x = x[::-1]
        return x

    g = ag.compile(f, in_axes=0)
    g(np.ones((2, 40)))
    lines = section(str(g), "forward")
    full = section(g.listing(), "forward")
    assert len(lines) == 25
    gap = next(line for line in lines if line.startswith("…"))
    assert gap == f"… {len(full) - 24} more lines; .listing() has all"
    assert [x for x in lines if x != gap] == full[:12] + full[-12:]


def test_a_recurrence_is_listed_as_a_loop():
    def loss(w, u, xs):
        h = np.zeros(4)
        for x in xs:
            h = ag.tanh(w @ x + u @ h)
        return sum(h)

    compiled = ag.compile(loss, argnums=(0, 1))
    compiled.value_and_grad(np.eye(4, 2), np.eye(4), np.ones((9, 2)))
    text = str(compiled)
    loop = [
        "for t = 2 … 9:",
        "z[t] = [w u] [xs[2t−2:2t]; x[t−1]] (6→4)",
        "x[t] = tanh(z[t]) (4)",
    ]
    assert section(text, "forward")[2:5] == loop
    assert "for t = 9 … 2:" in section(text, "backward")
    assert [x.what for x in compiled.cost.steps][2:4] == ["8 × dot (6→4)", "8 × tanh (4)"]
    assert r"\text{for t = 2 … 9:}" in compiled._repr_markdown_()


def test_outputs_of_layers_have_another_letter_than_the_entries_of_an_x():
    def last(w, u, x):
        h = 0.0
        for entry in x:
            h = ag.tanh(w * entry + u * h)
        return h

    compiled = ag.compile(last)
    compiled(0.5, 0.5, np.ones(9))
    loop = ["for t = 2 … 9:", "z[t] = [w; u]ᵀ [x[t−1]; h[t−1]] (2→1)", "h[t] = tanh(z[t])"]
    assert section(str(compiled), "forward")[2:5] == loop


def sum_of_all(x):
    total = x
    for i in range(1000):
        total = total + ag.sin(x * i) * x + ag.tanh(x)
    return total


def nest(x, op, rows):
    x = [x * (i + 1) for i in range(40)]
    for _ in range(rows):
        x = [op(xi) for xi in x]
    return ag.fsum(x)


def nest_of_functions(x):
    return nest(x, lambda xi: ag.exp(-xi), 250)


def nest_of_factors(x):
    return nest(x, lambda xi: xi * 1.01, 400)


def nest_on_a_tape(x):
    for _ in range(250):
        x = ag.sin(x)
    return x


@pytest.mark.parametrize("f", [sum_of_all, nest_of_functions, nest_of_factors, nest_on_a_tape])
def test_what_is_long_or_deep_is_cut(f):
    g = ag.compile(f)
    g.value_and_grad(0.5)
    ag.draw(g)
    text = g.listing()
    assert max(map(len, section(text, "forward"))) < 130


def test_before_the_first_call():
    f = ag.compile(price)
    assert repr(f) == "<compiled price, not called yet>"
    assert str(f).startswith("<compiled price, not called yet>: call it once")
    for look in (f.listing, lambda: f.code, lambda: f.cost):
        with pytest.raises(ValueError, match="price gets its program at the first call"):
            look()
    f(*[0.5] * 5)
    assert repr(f) == "<compiled price>"
    assert "erfc(" in f.code


def test_the_program_that_ran_last_is_shown():
    f = ag.compile(price, in_axes=0)
    one, two = np.full((5, 7), 0.5), np.full((5, 9), 0.5)
    f(*one)
    f.value_and_grad(*two)
    assert "backward" in str(f)
    assert "a batch of 9" in str(f)
    f(*one)
    assert "backward" not in str(f)
    assert "a batch of 7" in str(f)


@settings(deadline=None, max_examples=examples(150))
@given(st.integers(0, 2**32), st.booleans(), st.booleans(), st.integers(1, 14))
@example(3317001505, True, False, 13)  # the slope of what has turned out to be a constant
@example(1455136750, True, True, 10)  # the logsumexp of such
def test_any_program_is_listed_and_always_alike(seed, with_grad, batched, layers):
    rows = random_program(random.Random(seed), 4, layers)

    def f(x):
        values = evaluated(rows, list(x))
        return values[-1] if with_grad else values[-3:]

    texts = []
    for _ in range(2):
        g = ag.compile(f, in_axes=0 if batched else None)
        x = np.full((3, 4), 0.5) if batched else np.full(4, 0.5)
        if with_grad:
            g.value_and_grad(x)
        else:
            g(x)
        texts.append(g.listing())
        assert g.cost.bytes >= 0
    assert texts[0] == texts[1]
    assert_defined_before_use(texts[0])


def assert_defined_before_use(text):
    """Raise if a line reads a name that no line before it defines."""
    known = set()
    for line in section(text, "forward"):
        left, right = re.split(" [=:] |(?<=returns) ", line, maxsplit=1)
        for name in re.findall(r"\b[vzxt]\d+\b", right):
            assert name in known, text
        known.add(left)
    for name in re.findall(r"∂f/∂([vzxt]\d+)\b", text):
        assert name in known, text


def test_a_sum_of_very_many_terms_is_cut():
    def walk(x, w):
        for _ in range(20_000):
            x = x + w
        return x

    compiled = ag.compile(walk, argnums=(0, 1))
    compiled.value_and_grad(0.5, 0.25)
    text = str(compiled)
    assert "x + w + w + w + [… 19993 more …] + w + w + w + w" in text
    assert len(text) < 1000
    assert len(ag.draw(compiled).source) < 5000
