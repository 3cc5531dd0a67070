"""Predictions, mistakes, dead and saturated units: rows L9 and L11 of the lecture."""

import re

import numpy as np
import pytest

import autograd
import nn
from nn import MLP, Layer

NO_INDEX = "must be the index of a class, not"


def ones(n_in, n_out, *, rng):  # noqa: ARG001 - the signature of an initialisation
    return [1.0] * n_in


@pytest.fixture
def line():
    """A network with one output, which is its one input."""
    return MLP(1, [1], init=ones)


@pytest.fixture
def copier():
    """A network with three outputs, which are its three inputs."""
    model = MLP(3, [3], init=ones)
    for i, neuron in enumerate(model.layers[0].neurons):
        for j, w in enumerate(neuron.w):
            w.data = float(i == j)
    return model


class TestPredict:
    def test_the_largest_output(self, copier):
        X = [[0.1, 0.9, 0.0], [3.0, -1.0, 2.0], [-3.0, -2.0, -1.0], [1.0, 1.0, 0.0]]
        assert nn.predict(copier, X) == [1, 0, 2, 0]
        assert nn.predict(copier, np.array(X)) == [1, 0, 2, 0]
        assert nn.predict(copier, iter(X)) == [1, 0, 2, 0]

    def test_a_single_output_above_zero(self, line):
        assert nn.predict(line, [[-0.1], [0.0], [0.1]]) == [0, 0, 1]
        assert nn.predict(line, [[0.3], [0.4]], threshold=0.35) == [0, 1]

    def test_a_single_sigmoid_above_one_half(self):
        model = MLP(1, [1], output="sigmoid", init=ones)
        assert nn.predict(model, [[-0.1], [0.0], [0.1]]) == [0, 0, 1]

    def test_leaves_no_graph_and_no_gradient(self, copier):
        seen = []

        class Spy(nn.Module):
            def __call__(self, x):
                seen.extend(copier(x))
                return seen[-3:]

        nn.predict(Spy(), [[1.0, 2.0, 3.0]])
        assert [v.parents for v in seen] == [(), (), ()]

    @pytest.mark.parametrize("count", [1, 150])
    @pytest.mark.parametrize("regression", [False, True])
    @pytest.mark.parametrize("transform", [autograd.grad, autograd.compile, autograd.hessian])
    def test_refuses_to_be_differentiated(self, transform, regression, count):
        """Its numbers have no graph, and the gradient would be 0."""
        model = nn.MLP(2, [2, 1], seed=0)
        model.regression = regression
        with pytest.raises(TypeError, match=r"predict gives plain numbers.*model\(x\)"):
            transform(lambda x: sum(nn.predict(model, [x] * count)))([1.0, 2.0])

    def test_masks_are_refused(self):
        X = np.ma.array([[1.0, 2.0]], mask=[[False, True]])
        model = nn.MLP(2, [1], seed=0)
        for use in (lambda: nn.predict(model, X), lambda: nn.fit(model, X, [1.0], epochs=1)):
            with pytest.raises(TypeError, match=r"masked numbers: give x\.filled"):
                use()

    def test_is_a_constant_in_a_derivative_of_something_else(self):
        model = nn.MLP(2, [1], seed=0)
        model.regression = True
        (want,) = nn.predict(model, [[1.0, 2.0]])
        assert autograd.grad(lambda x: x * nn.predict(model, [[1.0, 2.0]])[0])(3.0) == want
        detached = autograd.grad(lambda x: x * nn.predict(model, [[x.item(), 2.0]])[0])
        assert detached(1.0) == want

    def test_an_error_says_which_sample(self, copier):
        with pytest.raises(ValueError, match="takes 3 inputs, not 2") as caught:
            nn.predict(copier, [[1.0, 2.0, 3.0], [1.0, 2.0]])
        assert caught.value.__notes__ == ["this is about X[1]"]
        with pytest.raises(TypeError, match="takes a list of 3 numbers") as caught:
            nn.predict(copier, [1.0, 2.0, 3.0])
        (note,) = caught.value.__notes__
        assert "X must be a list of samples, and a single one is given as [x]" in note
        with pytest.raises(TypeError, match=r"^X must be a list of samples, not 3\.0"):
            nn.predict(copier, 3.0)

    def test_an_output_that_is_no_number(self):
        class Text(nn.Module):
            def __call__(self, x):  # noqa: ARG002 - a bad module
                return "yes"

        with pytest.raises(TypeError, match="an output must be a real number, not the str 'yes'"):
            nn.predict(Text(), [[1.0]])


class TestAccuracyAndConfusion:
    def test_of_several_classes(self, copier):
        X = [[1, 0, 0], [0, 1, 0], [0, 1, 0], [0, 0, 1], [1, 0, 0]]
        y = [0, 1, 2, 2, 2]
        assert nn.accuracy(copier, X, y) == 3 / 5
        assert nn.confusion_matrix(copier, X, y) == [[1, 0, 0], [0, 1, 0], [1, 1, 1]]
        assert nn.accuracy(copier, np.array(X), np.array(y)) == 3 / 5
        assert nn.accuracy(copier, X, np.eye(3)[y]) == 3 / 5
        assert nn.accuracy(copier, X, np.eye(3)[y].tolist()) == 3 / 5

    @pytest.mark.parametrize(
        "y",
        [
            [0, 1, 1, 0],
            [-1, 1, 1, -1],
            [0.0, 1.0, 1.0, 0.0],
            np.array([-1.0, 1.0, 1.0, -1.0]),
            [[0], [1], [1], [0]],
            np.array([[-1.0], [1.0], [1.0], [-1.0]]),
            [False, True, True, False],
        ],
    )
    def test_of_a_single_output(self, line, y):
        X = [[-2.0], [3.0], [4.0], [5.0]]
        assert nn.accuracy(line, X, y) == 3 / 4
        assert nn.confusion_matrix(line, X, y) == [[1, 1], [0, 2]]
        assert nn.confusion_matrix(line, X, y, threshold=3.5) == [[1, 1], [1, 1]]
        assert nn.accuracy(line, X, y, threshold=3.5) == 2 / 4

    def test_classes_that_do_not_occur_have_their_row(self, copier):
        assert nn.confusion_matrix(copier, [[1, 0, 0]], [0]) == [[1, 0, 0], [0, 0, 0], [0, 0, 0]]
        assert nn.confusion_matrix(copier, X=[[1, 0, 0]], y=[0])[0] == [1, 0, 0]

    def test_of_true_and_predicted_classes(self):
        y_true, y_pred = [2, 0, 2, 2, 0, 1], [0, 0, 2, 2, 0, 2]
        expected = [[2, 0, 0], [0, 0, 1], [1, 0, 2]]
        assert nn.confusion_matrix(y_true, y_pred) == expected
        assert nn.confusion_matrix(np.array(y_true), np.array(y_pred)) == expected
        assert nn.confusion_matrix([], []) == []

    @pytest.mark.parametrize(
        ("X", "y", "error", "message"),
        [
            ([], [], ValueError, "there are no samples, so there is no accuracy"),
            ([[1, 0, 0]], [0, 1], ValueError, "there are 1 predictions, but 2 targets"),
            ([[1, 0, 0]] * 2, [0, 3], ValueError, "y[1] is class 3, but the 3 classes are 0 … 2"),
            ([[1, 0, 0]], [-1], ValueError, "y[0] is class -1, but the 3 classes are 0 … 2"),
            ([[1, 0, 0]], ["cat"], TypeError, f"y[0] {NO_INDEX} 'cat': number the classes from 0"),
            ([[1, 0, 0]], [[0, 1]], ValueError, "y[0] has 2 numbers for 3 outputs"),
        ],
    )
    def test_bad_arguments(self, copier, X, y, error, message):
        with pytest.raises(error, match=f"^{re.escape(message)}$"):
            nn.accuracy(copier, X, y)

    @pytest.mark.parametrize(
        ("y_true", "y_pred", "error", "message"),
        [
            ([0, 1], [0], ValueError, "there are 1 predictions, but 2 targets"),
            ([0, -1], [0, 0], ValueError, "y_true[1] is class -1, but the 1 classes are 0 … 0"),
            ([0, 1], [0, 0.5], TypeError, f"y_pred[1] {NO_INDEX} 0.5"),
        ],
    )
    def test_bad_classes(self, y_true, y_pred, error, message):
        with pytest.raises(error, match=f"^{re.escape(message)}$"):
            nn.confusion_matrix(y_true, y_pred)


class TestUnits:
    @pytest.fixture
    def model(self):
        """Two relu layers; neuron 2 of layer 1 never gets above 0 for inputs up to 10."""
        model = MLP(1, [3, 2, 1], init=ones)
        model.layers[0].b[1].data = -10.0
        model.layers[0].b[2].data = -1.0
        return model

    def test_dead_are_those_never_active_on_the_whole_set(self, model):
        assert nn.dead_units(model, [[0.5], [3.0]]) == [(1, 2)]
        assert nn.dead_units(model, [[0.5], [10.0]]) == [(1, 2)]
        assert nn.dead_units(model, [[0.5], [10.1]]) == []
        assert nn.dead_units(model, np.array([[-1.0], [0.0]])) == [
            *((1, i) for i in (1, 2, 3)),
            *((2, i) for i in (1, 2)),
        ]

    def test_a_dead_unit_gets_no_gradient(self, model):
        X = [[0.5], [3.0]]
        nn.mse_loss([model(x) for x in X], [5.0, 5.0]).backward()
        ((k, i),) = nn.dead_units(model, X)
        assert [p.grad for p in model.layers[k - 1].neurons[i - 1].parameters()] == [0.0, 0.0]
        assert all(p.grad != 0.0 for p in model.layers[0].neurons[0].parameters())

    def test_sparsity_is_the_share_of_zeros(self, model):
        assert nn.sparsity(model, [[-1.0], [0.5]]) == {1: 5 / 6, 2: 2 / 4}

    def test_only_relu_layers_count(self):
        model = MLP.from_layers([Layer(1, 2, "tanh"), Layer(2, 2, "relu"), Layer(2, 1, "linear")])
        for p in model.parameters():
            p.data = 0.0
        assert nn.dead_units(model, [[1.0]]) == [(2, 1), (2, 2)]
        assert nn.sparsity(model, [[1.0]]) == {2: 1.0}

    def test_saturation_is_the_share_near_a_limit(self):
        model = MLP.from_layers(
            [Layer(1, 1, name, init=ones) for name in ("tanh", "sigmoid", "relu", "sigmoid")]
        )
        X = [[-20.0], [0.0], [20.0], [0.5]]
        assert nn.saturation(model, X) == {1: 0.5, 2: 0.0, 4: 0.0}
        assert nn.saturation(model, X, tolerance=0.3) == {1: 0.5, 2: 0.5, 4: 0.0}
        deep = MLP(1, [1, 1], "sigmoid", init=ones)
        assert nn.saturation(deep, [[-20.0], [0.0], [20.0], [0.5]]) == {1: 0.5}
        assert nn.saturation(deep, [[-4.5]], tolerance=0.01) == {1: 0.0}
        assert nn.saturation(deep, [[-4.7]], tolerance=0.01) == {1: 1.0}
