"""nn.Module: finding and naming parameters, freezing, state, the summary; and nn.init."""

import copy
import pickle
import re

import pytest

import nn
from autograd import Value

copies = pytest.mark.parametrize(
    "copied", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))], ids=["copy", "pickle"]
)
UNFIT = "the state does not fit the parameters: "


class Head(nn.Module):
    """A module of a user: parameters of its own, and others in every kind of container."""

    def __init__(self):
        self.scale = Value(2.0)
        self.net = nn.MLP(2, [2, 1], seed=0)
        self.blocks = [nn.Neuron(1, seed=1), nn.Layer(1, 2, seed=2)]
        self.table = [[Value(1.0), Value(2.0)], [Value(3.0)]]
        self.heads = {"a": Value(4.0), "b": [nn.Neuron(1, seed=3)]}
        self.pair = (Value(5.0), "no parameter")
        self.result = self.scale * 3  # has parents: computed, not a parameter
        self._cache = Value(6.0)
        self.size = 7

    def __call__(self, x):
        return self.net(x) * self.scale


OWN = ["scale", "table1_1", "table1_2", "table2_1", "heads.a", "pair1"]
NAMES = [
    "scale",
    *(f"net.layer1.neuron{i}.{p}" for i in (1, 2) for p in ("w1", "w2", "b")),
    *(f"net.layer2.neuron1.{p}" for p in ("w1", "w2", "b")),
    *("block1.w1", "block1.b"),
    *(f"block2.neuron{i}.{p}" for i in (1, 2) for p in ("w1", "b")),
    *OWN[1:5],
    *("heads.b1.w1", "heads.b1.b"),
    OWN[5],
]


def test_finds_and_names_parameters_wherever_they_are():
    head = Head()
    assert [name for name, _ in head.named_parameters()] == NAMES
    assert head.parameters() == [p for _, p in head.named_parameters()]
    assert head.parameters()[0] is head.scale
    assert head.parameters()[-1] is head.pair[0]


def test_names_are_written_onto_the_values_when_asked():
    head = Head()
    assert [p.name for p in head.net.parameters()] == [name[4:] for name in NAMES[1:10]]
    assert [p.name for p in head.blocks[0].parameters()] == ["w1", "b"]
    head.name_parameters()
    assert [p.name for p in head.parameters()] == NAMES
    assert head._cache.name is None


def test_a_shared_parameter_and_a_shared_module_are_there_once():
    class Twice(nn.Module):
        def __init__(self):
            self.w = Value(1.0)
            self.layers = [nn.Layer(1, 1)] * 2
            self.again = self.w

    twice = Twice()
    assert [name for name, _ in twice.named_parameters()] == [
        "w",
        "layer1.neuron1.w1",
        "layer1.neuron1.b",
    ]
    assert twice.summary().count("Layer") == 1


def test_modules_that_refer_to_each_other():
    class Node(nn.Module):
        def __init__(self, parent=None):
            self.w = Value(1.0)
            self.parent = parent

    root = Node()
    root.child = Node(root)
    assert [name for name, _ in root.named_parameters()] == ["w", "child.w"]
    assert root.summary().count("Node") == 2


def test_two_parameters_of_one_name_are_refused():
    class Clash(nn.Module):
        def __init__(self):
            self.w = [Value(1.0)]
            self.w1 = Value(2.0)

    with pytest.raises(ValueError, match=r"^two parameters are called w1: rename one$"):
        Clash().parameters()


def test_a_module_that_is_not_callable_says_so():
    class Silent(nn.Module):
        pass

    with pytest.raises(NotImplementedError, match=r"^Silent does not define __call__$"):
        Silent()([1.0])

    class Elsewhere(nn.Module):
        def forward(self, x):
            return x

    with pytest.raises(NotImplementedError, match=r"__call__: give its method forward that name$"):
        Elsewhere()([1.0])


@pytest.mark.parametrize(
    ("name", "here"),
    [
        ("Linear", "nn.Layer"),
        ("CrossEntropyLoss", "'cross_entropy'"),
        ("MSELoss", "'mse_loss'"),
        ("ReLU", 'nn.MLP(…, activation="…")'),
        ("BCELoss", "nn.binary_cross_entropy"),
        ("Parameter", "autograd.Value"),
        ("relu", "autograd.relu"),
    ],
)
def test_a_name_from_elsewhere_is_answered_with_ours(name, here):
    with pytest.raises(AttributeError) as caught:
        getattr(nn, name)
    assert str(caught.value) == f"module 'nn' has no attribute {name!r}; did you mean {here}?"


@pytest.mark.parametrize(
    ("name", "here"),
    [
        ("eval", "; there is no mode: Dropout acts in nn.fit and inside of `with nn.dropping(mod"),
        ("fit", "; write nn.fit(model, X, y)"),
        ("weight", "; a neuron has .w, a layer .W"),
        ("colour", ""),
    ],
)
def test_an_attribute_from_elsewhere_is_answered_with_ours(name, here):
    model = nn.MLP(2, [1])
    with pytest.raises(AttributeError) as caught:
        getattr(model, name)
    assert str(caught.value).startswith(f"'MLP' object has no attribute {name!r}{here}")
    assert (caught.value.name, caught.value.obj) == (name, model)


def test_a_name_like_no_other_is_not_guessed_at():
    for name in ("quantum", "HuberLoss", "functional", "train"):
        with pytest.raises(AttributeError, match=rf"^module 'nn' has no attribute '{name}'$"):
            getattr(nn, name)


class TestState:
    def test_round_trip(self):
        head, other = Head(), Head()
        for i, p in enumerate(head.parameters()):
            p.data = 0.1 * i
        other.load_state_dict(head.state_dict())
        assert other.state_dict() == head.state_dict()
        assert list(head.state_dict()) == NAMES
        assert head.state_dict()["block1.b"] == head.blocks[0].b.data

    @pytest.mark.parametrize(
        ("change", "error", "message"),
        [
            (lambda s: s.pop("w2"), ValueError, f"{UNFIT}missing w2"),
            (lambda s: s.update(c=1.0), ValueError, f"{UNFIT}unexpected c"),
            (
                lambda s: s.update({f"c{i}": 0.0 for i in range(7)}, b=s.pop("w1")),
                ValueError,
                f"{UNFIT}missing w1; unexpected c0, c1, c2, c3, c4 and 2 more",
            ),
            (lambda s: s.update(b="x"), TypeError, "b must be a real number, not the str 'x'"),
        ],
    )
    def test_nothing_changes_if_anything_is_wrong(self, change, error, message):
        neuron = nn.Neuron(2, seed=0)
        before = neuron.state_dict()
        state = dict.fromkeys(before, 9.0)
        change(state)
        with pytest.raises(error, match=f"^{re.escape(message)}"):
            neuron.load_state_dict(state)
        assert neuron.state_dict() == before


class TestFreeze:
    @pytest.fixture
    def model(self):
        return nn.MLP(2, [3, 1], "tanh", seed=0)

    def test_parameters_has_all_and_trainable_parameters_the_others(self, model):
        model.layers[0].neurons[1].freeze()
        frozen = model.layers[0].neurons[1].parameters()
        assert set(frozen) <= set(model.parameters())
        assert set(model.trainable_parameters()) == set(model.parameters()) - set(frozen)

    def test_a_frozen_network_computes_the_same_and_passes_gradients_on(self, model):
        def run():
            x = [Value(0.3), Value(-0.2)]
            model.zero_grad()
            y = model(x)
            y.backward()
            return y.data, [v.grad for v in x], [p.grad for p in model.parameters()]

        before = run()
        model.freeze()
        assert run() == before
        assert (model.parameters()[0] * 2.0).data == 2.0 * model.parameters()[0].data

    @copies
    def test_a_copy_is_frozen_too(self, model, copied):
        model.layers[0].freeze()
        twin = copied(model)
        frozen = [isinstance(p, nn.Frozen) for p in model.parameters()]
        assert [isinstance(p, nn.Frozen) for p in twin.parameters()] == frozen
        assert any(frozen)
        assert not all(frozen)


@copies
@pytest.mark.parametrize("activation", [*sorted(set(nn.ACTIVATIONS) - {"softmax"})])
def test_copies_are_equal_and_independent(copied, activation):
    model = nn.MLP(2, [3, 2], activation, output="softmax", seed=0)
    twin = copied(model)
    assert [y.data for y in twin([0.5, 2.0])] == [y.data for y in model([0.5, 2.0])]
    assert list(twin.named_parameters()) != list(model.named_parameters())
    assert [p.name for p in twin.parameters()] == [p.name for p in model.parameters()]
    twin.layers[0].b[0].data = 9.0
    assert model.layers[0].b[0].data == 0.0


class TestSummary:
    def test_of_a_partly_frozen_network(self):
        model = nn.MLP(64, [32, 10], seed=0)
        model.layers[0].freeze()
        model.layers[1].neurons[3].freeze()
        assert model.summary().splitlines() == [
            "name    kind   activation  shape    weights  biases  parameters",
            "─" * 91,
            "layer1  Layer  relu        64 → 32     2048      32        2080  frozen",
            "layer2  Layer  linear      32 → 10      320      10         330  33 of 330 frozen",
            "─" * 91,
            "total" + " " * 54 + "2410  297 trainable, 2113 frozen",
        ]

    def test_of_a_module_of_your_own(self):
        rows = [line.split() for line in Head().summary().splitlines()]
        assert rows[2] == ["head", "Head", "6", "trainable"]
        assert [row[:2] for row in rows[3:-2]] == [
            ["net.layer1", "Layer"],
            ["net.layer2", "Layer"],
            ["block1", "Neuron"],
            ["block2", "Layer"],
            ["heads.b1", "Neuron"],
        ]
        assert rows[-1][:2] == ["total", str(len(NAMES))]

    def test_names_a_function_of_your_own(self):
        def swish_like(z):
            return z * z.sigmoid()

        assert "swish_like" in nn.Neuron(1, swish_like).summary()
        assert "custom" in nn.Neuron(1, type("Callable", (), {"__call__": abs})()).summary()


def test_import_is_light(run_python):
    heavy = "('numpy', 'scipy', 'sklearn', 'matplotlib', 'tqdm', 'graphviz')"
    assert run_python(f"import sys, nn; print([m for m in {heavy} if m in sys.modules])") == "[]\n"


def test_all_public_names_exist():
    assert sorted(set(nn.__all__)) == sorted(nn.__all__)
    assert all(hasattr(nn, name) for name in nn.__all__)


def test_a_notebook_shows_the_summary_as_a_table():
    summary = nn.MLP(2, [16, 1]).summary()
    assert isinstance(summary, str)
    table = summary._repr_html_()
    rows = [re.findall("<t[hd][^>]*>(.*?)</t[hd]>", row) for row in table.split("<tr>")[1:]]
    printed = [re.split(r"  +", line) for line in summary.splitlines() if "─" not in line]
    assert [[cell for cell in row if cell] for row in rows] == printed
    assert (
        '<td style="text-align: right">337</td>' in nn.MLP(2, [16, 16, 1]).summary()._repr_html_()
    )
