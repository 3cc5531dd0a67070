"""Neurons, layers, networks, initialisation: rows L1 to L5, L20 and L21 of the lecture."""

import math
import random
import re
import statistics

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import autograd
import nn
from autograd import Value, dot
from nn import MLP, Layer, Neuron

ELEMENTWISE = sorted(set(nn.ACTIVATIONS) - {"softmax"})


def numbers(values):
    return [v.data for v in values]


def weights(*ws):
    """An initialisation with the given weights."""

    def draw(n_in, n_out, *, rng):  # noqa: ARG001 - the signature of an initialisation
        return list(ws)

    return draw


class TestNeuron:
    def test_is_an_activation_of_one_dot_node(self):
        neuron = Neuron(2, "tanh", seed=0)
        x = [Value(0.5), Value(-2.0)]
        out = neuron(x)
        (z,) = out.parents
        assert (out.op, z.op) == ("tanh", "dot")
        assert z.parents == (*neuron.w, *x, neuron.b)
        assert all(leaf.op == "" for leaf in z.parents)
        assert Neuron(2, "linear")([1.0, 2.0]).op == "dot"

    @pytest.mark.parametrize("name", ELEMENTWISE)
    @pytest.mark.parametrize("z", [-1.5, 0.0, 0.7])
    def test_activations_by_name_and_by_function(self, name, z):
        function = nn.ACTIVATIONS[name]
        by_name = Neuron(1, name, init=weights(1.0))
        by_function = Neuron(1, function, init=weights(1.0))
        assert by_name.activation == by_function.activation == name
        expected = {"linear": lambda v: v, "gelu_tanh": lambda v: autograd.gelu(v, "tanh")}
        f = expected.get(name) or getattr(autograd, name)
        assert by_name([z]).data == by_function([z]).data == f(z)

    def test_a_function_of_your_own(self):
        def cube(z):
            return z * z * z

        neuron = Neuron(1, cube, init=weights(2.0))
        assert neuron([1.5]).data == 27.0
        assert neuron.activation is cube
        assert repr(neuron) == "Neuron(1, activation='cube')"

    def test_activation_cannot_be_set_without_effect(self):
        with pytest.raises(AttributeError):
            Neuron(1).activation = "tanh"


class TestInputs:
    @pytest.mark.parametrize("make", [Neuron, lambda n: Layer(n, 2), lambda n: MLP(n, [2, 1])])
    def test_of_every_kind(self, make):
        model = make(2)

        def run(x):
            out = model(x)
            return numbers(out) if isinstance(out, list) else [out.data]

        expected = run([0.5, -2.0])
        for x in (
            (0.5, -2.0),
            np.array([0.5, -2.0]),
            np.array([0.5, -2.0], dtype=np.float32),
            [np.float64(0.5), np.float32(-2.0)],
            [Value(0.5), -2],
            np.array([Value(0.5), Value(-2.0)]),
            (v for v in (0.5, -2.0)),
        ):
            assert run(x) == expected

    @pytest.mark.parametrize("x", [3, 3.0, np.float64(3.0), np.array(3.0), Value(3.0), [3.0]])
    def test_a_single_one_may_stand_alone(self, x):
        assert Neuron(1, init=weights(2.0))(x).data == 6.0

    @pytest.mark.parametrize(
        ("model", "name"),
        [
            (Neuron(3), "Neuron(3, activation='relu')"),
            (Layer(3, 2, "tanh"), "Layer(3, 2, activation='tanh')"),
            (MLP(3, [4, 2]), "MLP(3 → 4 relu → 2 linear)"),
        ],
    )
    @pytest.mark.parametrize(
        ("x", "error", "message"),
        [
            ([1.0, 2.0], ValueError, "takes 3 inputs, not 2"),
            (np.zeros(4), ValueError, "takes 3 inputs, not 4"),
            ([], ValueError, "takes 3 inputs, not 0"),
            (1.0, TypeError, "takes a list of 3 numbers, not 1.0"),
            (
                [[1.0, 2.0, 3.0]] * 5,
                ValueError,
                "takes 3 inputs, not 5; for a batch, call it once per sample: "
                "[model(x) for x in X]",
            ),
        ],
    )
    def test_a_wrong_number_of_them(self, model, name, x, error, message):
        with pytest.raises(error, match=f"^{re.escape(f'{name} {message}')}$"):
            model(x)


class TestLayer:
    @pytest.mark.parametrize("activation", ELEMENTWISE)
    @given(data=st.data())
    def test_scalar_vector_and_matrix_form_are_equal(self, activation, data):
        n_in, n_out = data.draw(st.integers(1, 5)), data.draw(st.integers(1, 4))
        layer = Layer(n_in, n_out, activation, seed=data.draw(st.integers(0, 99)))
        for b in layer.b:
            b.data = data.draw(st.floats(-2.0, 2.0))
        x = data.draw(st.lists(st.floats(-3.0, 3.0), min_size=n_in, max_size=n_in))
        sigma = nn.ACTIVATIONS[activation]

        scalar = []
        for i in range(n_out):
            z = layer.b[i]
            for j in range(n_in):
                z = z + layer.neurons[i].w[j] * x[j]
            scalar.append(sigma(z).data)
        vector = [sigma(dot(n.w, x, n.b)).data for n in layer.neurons]
        matrix = [sigma(z).data for z in np.array(layer.W).T @ np.array(x) + np.array(layer.b)]

        out = layer(x)
        out = numbers(out if n_out > 1 else [out])
        assert out == vector
        assert out == pytest.approx(scalar, rel=1e-12, abs=1e-14)
        assert out == pytest.approx(matrix, rel=1e-12, abs=1e-14)

    def test_w_has_a_column_per_neuron_and_holds_the_values_themselves(self):
        layer = Layer(3, 2)
        assert len(layer.W) == layer.n_in == 3
        assert all(len(row) == layer.n_out == 2 for row in layer.W)
        assert all(layer.W[j][i] is layer.neurons[i].w[j] for i in range(2) for j in range(3))
        assert all(layer.b[i] is layer.neurons[i].b for i in range(2))

    def test_the_neurons_share_a_leaf_per_number(self):
        given = Value(0.5)
        first, second = Layer(3, 2).pre_activation([0.3, 2, given])
        assert first.parents[3:6] == second.parents[3:6]
        assert [x.data for x in first.parents[3:6]] == [0.3, 2.0, 0.5]
        assert first.parents[5] is given

    @pytest.mark.parametrize("activation", ["softmax", autograd.softmax])
    def test_softmax_acts_on_the_whole_layer(self, activation):
        layer = Layer(2, 3, activation, seed=0)
        x = [0.3, -0.7]
        assert layer.activation == "softmax"
        assert [n.activation for n in layer.neurons] == ["linear"] * 3
        z = layer.pre_activation(x)
        assert numbers(layer(x)) == numbers(nn.softmax(z))
        assert sum(numbers(layer(x))) == pytest.approx(1.0)


class TestMLP:
    def test_is_the_composition_of_its_layers(self):
        model = MLP(3, [4, 1, 2], "tanh", output="sigmoid", seed=0)
        x = [0.1, -0.2, 0.3]
        composed = x
        for layer in model.layers:
            composed = layer(composed)  # that in the middle has one output, so gives a Value
        assert numbers(composed) == numbers(model(x))

    def test_shapes_activations_and_counts(self):
        model = MLP(2, [16, 8, 1], "gelu", output="sigmoid")
        assert [(la.n_in, la.n_out, la.activation) for la in model.layers] == [
            (2, 16, "gelu"),
            (16, 8, "gelu"),
            (8, 1, "sigmoid"),
        ]
        assert len(model.parameters()) == 2 * 16 + 16 + 16 * 8 + 8 + 8 + 1
        assert repr(model) == "MLP(2 → 16 gelu → 8 gelu → 1 sigmoid)"

    def test_activations_have_the_indices_of_the_lecture(self):
        model = MLP(2, [3, 2], "tanh", output="softmax", seed=0)
        z, x = model.activations([0.5, -1.0])
        assert x[0] == [0.5, -1.0]
        assert z[0] == []
        for k, layer in enumerate(model.layers, start=1):
            assert numbers(z[k]) == numbers(layer.pre_activation(x[k - 1]))
            assert numbers(x[k]) == numbers(layer.activate(z[k]))
            assert all(x[k][i].parents[0] is z[k][i] for i in range(layer.n_out))
        assert numbers(x[2]) == numbers(model([0.5, -1.0]))


NO_ACTIVATION = (
    "the activation must be one of linear, relu, leaky_relu, elu, silu, gelu, gelu_tanh, "
    "tanh, sigmoid, log_sigmoid, softplus, softmax, not 'rely'; did you mean 'relu'?"
)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Neuron(0), "n_in must be at least 1, not 0"),
        (lambda: Neuron(2, n_out=0), "n_out must be at least 1, not 0"),
        (lambda: Neuron(2, "rely"), NO_ACTIVATION),
        (lambda: Neuron(2, "softmax"), "softmax acts on a whole layer: use Layer(…, activation"),
        (lambda: Neuron(2, init="kaiming"), "init must be one of he, xavier, lecun, uniform, not "),
        (lambda: Neuron(2, init=weights(1.0)), "init gave 1 weights for a neuron with 2 inputs"),
        (lambda: Layer(2, 0), "n_out must be at least 1, not 0"),
        (lambda: Layer(-1, 2), "n_in must be at least 1, not -1"),
        (lambda: MLP(2, []), "sizes is empty: an MLP has at least one layer, the output"),
        (lambda: MLP(2, [3, 0]), "each size must be at least 1, not 0"),
        (lambda: MLP(0, [1]), "n_in must be at least 1, not 0"),
        (lambda: MLP(2, [3, 1], "softmax", "rely"), NO_ACTIVATION),
        (lambda: MLP(2, [3], "rely"), NO_ACTIVATION),  # although there is no hidden layer
        (lambda: MLP.from_layers([]), "there are no layers: an MLP has at least one"),
        (
            lambda: MLP.from_layers([Layer(2, 3), Layer(4, 1)]),
            "layer 2 takes 4 inputs, but layer 1 gives 3",
        ),
    ],
)
def test_wrong_values_are_named(make, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
        make()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Neuron(2.5), "n_in must be an integer, not 2.5"),
        (lambda: Neuron(2, None), "the activation must be a name or a function, not None"),
        (lambda: Neuron(2, init=0.5), "init must be a name or a function, not 0.5"),
        (lambda: Neuron(2, seed="a"), "seed must be an integer, a random.Random or None, not 'a'"),
        (lambda: Neuron(1)(["a"]), "operand of dot must be a real number, not the str"),
        (lambda: MLP(2, 16), "sizes must be a list, such as [16, 16, 1], not 16"),
        (lambda: MLP(2, [3, "1"]), "each size must be an integer, not '1'"),
    ],
)
def test_wrong_things_are_named(make, message):
    with pytest.raises(TypeError, match=f"^{re.escape(message)}"):
        make()


class TestSeed:
    def test_the_same_seed_gives_the_same_network(self):
        first, second = MLP(2, [4, 1], seed=7), MLP(2, [4, 1], seed=np.int64(7))
        assert first.state_dict() == second.state_dict()
        assert first.state_dict() != MLP(2, [4, 1], seed=8).state_dict()

    def test_without_a_seed_every_network_is_another(self):
        assert MLP(2, [4, 1]).state_dict() != MLP(2, [4, 1]).state_dict()

    def test_the_global_generator_is_neither_used_nor_changed(self):
        random.seed(1)
        state = random.getstate()
        MLP(2, [4, 1], seed=7)
        MLP(2, [4, 1])
        assert random.getstate() == state

    def test_a_generator_is_drawn_from(self):
        rng = random.Random(7)
        first, second = Neuron(3, seed=rng), Neuron(3, seed=rng)
        assert numbers(first.w) == numbers(Neuron(3, seed=7).w)
        assert numbers(first.w) != numbers(second.w)


class TestInit:
    @pytest.mark.parametrize(
        ("name", "variance", "bound"),
        [
            ("he", 2.0 / 50, math.inf),
            ("xavier", 2.0 / (50 + 150), math.sqrt(6.0 / (50 + 150))),
            ("lecun", 1.0 / 50, math.inf),
            ("uniform", 1.0 / 3.0, 1.0),
        ],
    )
    def test_moments(self, name, variance, bound):
        layer = Layer(50, 150, init=name, seed=0)
        ws = [w.data for n in layer.neurons for w in n.w]
        assert ws == [
            w
            for rng in [random.Random(0)]
            for _ in range(150)
            for w in getattr(nn.init, name)(50, 150, rng=rng)
        ]
        assert statistics.fmean(ws) == pytest.approx(0.0, abs=4.0 * math.sqrt(variance / len(ws)))
        assert statistics.variance(ws) == pytest.approx(variance, rel=0.08)
        assert max(map(abs, ws)) <= bound
        assert {b.data for b in layer.b} == {0.0}

    @pytest.mark.parametrize(
        ("activation", "name"),
        [
            *[(a, "he") for a in ("relu", "leaky_relu", "elu", "silu", "gelu", "softplus")],
            *[(a, "xavier") for a in ("tanh", "sigmoid", "linear", "softmax", lambda z: z)],
        ],
    )
    def test_the_default_suits_the_activation(self, activation, name):
        assert (
            Layer(3, 4, activation, seed=0).state_dict()
            == Layer(3, 4, "linear", init=name, seed=0).state_dict()
        )

    def test_uniform_draws_as_micrograd_does(self):
        """micrograd calls random.uniform(-1, 1) for each weight, neuron by neuron."""
        rng = random.Random(1337)
        model = MLP(2, [16, 16, 1], init="uniform", seed=1337)
        for layer in model.layers:
            for neuron in layer.neurons:
                assert numbers(neuron.w) == [rng.uniform(-1, 1) for _ in neuron.w]

    def test_a_function_sees_the_size_of_the_layer(self):
        def constant(n_in, n_out, *, rng):
            assert isinstance(rng, random.Random)
            return [10.0 * n_in + n_out] * n_in

        assert {w.data for w in Layer(3, 2, init=constant).W[0]} == {32.0}


def sigma_and_derivative(name):
    """An activation and its derivative, from the textbook."""

    def logistic(z):
        return 1.0 / (1.0 + math.exp(-z))

    return {
        "linear": (lambda z: z, lambda _: 1.0),
        "relu": (lambda z: max(z, 0.0), lambda z: float(z > 0.0)),
        "tanh": (math.tanh, lambda z: 1.0 - math.tanh(z) ** 2),
        "sigmoid": (logistic, lambda z: logistic(z) * (1.0 - logistic(z))),
        "gelu": (
            lambda z: z * statistics.NormalDist().cdf(z),
            lambda z: statistics.NormalDist().cdf(z) + z * statistics.NormalDist().pdf(z),
        ),
    }[name]


@pytest.mark.parametrize("hidden", ["relu", "tanh", "sigmoid", "gelu"])
@pytest.mark.parametrize("seed", range(3))
def test_backpropagation_by_hand(hidden, seed):
    """Equations (2), (3) and (4) of the lecture, in plain Python, against the engine.

    With δ_i(k) = ∂L/∂x_i(k) · σ'(z_i(k)):  (2) ∂L/∂w_qp(k) = δ_p(k) x_q(k-1),
    (3) ∂L/∂b_p(k) = δ_p(k),  (4) ∂L/∂x_p(k-1) = Σ_i δ_i(k) w_pi(k).
    """
    rng = random.Random(seed)
    sizes, activations = [3, 4, 3, 2], [None, hidden, hidden, "linear"]
    model = MLP(3, sizes[1:], hidden, seed=rng)
    for _, p in model.named_parameters():
        p.data += rng.gauss(0.0, 0.3)
    inputs = [Value(rng.gauss(0.0, 1.0)) for _ in range(3)]
    target = [rng.gauss(0.0, 1.0) for _ in range(2)]
    w = [[], *[[[v.data for v in row] for row in layer.W] for layer in model.layers]]
    b = [[], *[numbers(layer.b) for layer in model.layers]]

    z, x = [[]], [numbers(inputs)]
    for k in (1, 2, 3):
        sigma, _ = sigma_and_derivative(activations[k])
        z.append(
            [
                b[k][i] + sum(w[k][j][i] * x[k - 1][j] for j in range(sizes[k - 1]))
                for i in range(sizes[k])
            ]
        )
        x.append([sigma(v) for v in z[k]])
    dx = [2.0 / 2 * (y - t) for y, t in zip(x[3], target, strict=True)]  # of the MSE, L19
    dw, db = {}, {}
    for k in (3, 2, 1):
        _, slope = sigma_and_derivative(activations[k])
        delta = [dx[i] * slope(z[k][i]) for i in range(sizes[k])]
        for p in range(sizes[k]):
            db[k, p] = delta[p]
            for q in range(sizes[k - 1]):
                dw[k, q, p] = delta[p] * x[k - 1][q]
        dx = [sum(delta[i] * w[k][p][i] for i in range(sizes[k])) for p in range(sizes[k - 1])]

    nn.mse_loss(model(inputs), target).backward()
    for k, layer in enumerate(model.layers, start=1):
        for p in range(sizes[k]):
            assert layer.b[p].grad == pytest.approx(db[k, p], rel=1e-12, abs=1e-15)
            for q in range(sizes[k - 1]):
                assert layer.W[q][p].grad == pytest.approx(dw[k, q, p], rel=1e-12, abs=1e-15)
    assert [v.grad for v in inputs] == pytest.approx(dx, rel=1e-12, abs=1e-15)
    if hidden != "relu":
        assert all(p.grad != 0.0 for p in model.parameters())


def test_code_written_for_micrograd_runs():
    """The moons demonstration of micrograd, smaller: only the imports differ."""
    from sklearn.datasets import make_moons

    X, y = make_moons(n_samples=40, noise=0.1, random_state=0)
    y = y * 2 - 1
    model = MLP(2, [8, 8, 1], seed=1)

    def loss():
        inputs = [list(map(Value, xrow)) for xrow in X]
        scores = list(map(model, inputs))
        losses = [(1 + -yi * scorei).relu() for yi, scorei in zip(y, scores, strict=True)]
        data_loss = sum(losses) * (1.0 / len(losses))
        alpha = 1e-4
        reg_loss = alpha * sum(p * p for p in model.parameters())
        total_loss = data_loss + reg_loss
        accuracy = [(yi > 0) == (scorei.data > 0) for yi, scorei in zip(y, scores, strict=True)]
        return total_loss, sum(accuracy) / len(accuracy)

    first, _ = loss()
    for k in range(100):
        total_loss, acc = loss()
        model.zero_grad()
        total_loss.backward()
        learning_rate = 1.0 - 0.9 * k / 100
        for p in model.parameters():
            p.data -= learning_rate * p.grad
    assert total_loss.data < 0.3 * first.data
    assert acc >= 0.95
    assert total_loss._op == "+"
    assert len(total_loss._prev) == 2
