"""The losses, per sample and per batch: rows L6, L7, L8, L18 and L19 of the lecture."""

import math
import re

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import hinge_loss as sklearn_hinge_loss

import nn
from autograd import Value
from nn import binary_cross_entropy, cross_entropy, hinge_loss, mae_loss, mse_loss

inf, nan = math.inf, math.nan
moderate = st.floats(-5.0, 5.0)
LOSSES = [mse_loss, mae_loss, cross_entropy, binary_cross_entropy, hinge_loss]


def values(numbers):
    return [Value(x) for x in numbers]


def gradient(loss, prediction, target):
    """Return a loss and its gradient towards each prediction."""
    leaves = values(prediction)
    out = loss(leaves, target)
    out.backward()
    return out.data, [v.grad for v in leaves]


def vectors(n, elements=moderate):
    return st.lists(elements, min_size=n, max_size=n)


@st.composite
def distributions(draw, n):
    """Probabilities, some of them 0."""
    parts = draw(vectors(n, st.sampled_from([0.0, 0.25, 1.0, 3.0])).filter(any))
    return [p / math.fsum(parts) for p in parts]


class TestSoftmax:
    """The three properties of L8."""

    @given(st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=8))
    def test_lies_in_the_simplex(self, x):
        shares = nn.softmax(x)
        assert all(0.0 <= p <= 1.0 for p in shares)
        assert math.fsum(shares) == pytest.approx(1.0, rel=1e-14)

    @given(st.lists(moderate, min_size=1, max_size=8), st.floats(-100.0, 100.0))
    def test_is_invariant_under_shifts(self, x, shift):
        assert nn.softmax([v + shift for v in x]) == pytest.approx(nn.softmax(x), rel=1e-12)

    @given(st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=8))
    def test_preserves_the_order(self, x):
        shares = nn.softmax(x)
        for a, p in zip(x, shares, strict=True):
            for b, q in zip(x, shares, strict=True):
                assert p <= q if a < b else p >= q
                assert a != b or p == q


class TestMeanErrors:
    @given(st.integers(1, 6).flatmap(lambda n: st.tuples(vectors(n), vectors(n))))
    def test_gradient_of_mse(self, case):
        """L19: ∂MSE/∂ŷ_i = (2/n)(ŷ_i - y_i)."""
        y_hat, y = case
        n = len(y)
        loss, grads = gradient(mse_loss, y_hat, y)
        assert loss == pytest.approx(
            sum((a - b) ** 2 for a, b in zip(y_hat, y, strict=True)) / n, rel=1e-12
        )
        expected = [2.0 / n * (a - b) for a, b in zip(y_hat, y, strict=True)]
        assert grads == pytest.approx(expected, rel=1e-12, abs=1e-300)

    def test_mae(self):
        assert gradient(mae_loss, [1.0, -2.0, 3.0], [2.0, 2.0, 3.0]) == (
            5.0 / 3.0,
            [-1.0 / 3.0, -1.0 / 3.0, 0.0],
        )

    @pytest.mark.parametrize("loss", [mse_loss, mae_loss])
    def test_a_single_output_may_stand_alone(self, loss):
        for prediction in (Value(3.0), [Value(3.0)]):
            for target in (1, 1.0, [1.0], np.float32(1.0), np.array(1.0), np.array([1.0])):
                assert loss(prediction, target).data == (4.0 if loss is mse_loss else 2.0)

    def test_graphs_are_small(self):
        assert mse_loss(Value(3.0), 1.0).op == "square"
        assert mae_loss(Value(3.0), 1.0).op == "abs"
        mean = mse_loss(values([1.0, 2.0, 3.0]), [0.0, 0.0, 0.0])
        assert (mean.op, [p.op for p in mean.parents]) == ("mean", ["square"] * 3)


class TestCrossEntropy:
    @given(st.integers(1, 6).flatmap(lambda n: st.tuples(vectors(n), st.integers(0, n - 1))))
    def test_of_a_class(self, case):
        """L7: -log ŷ_k. L19: ∂CE/∂x_i = σ_i - y_i."""
        x, k = case
        loss, grads = gradient(cross_entropy, x, k)
        with mpmath.workdps(40):
            total = mpmath.fsum([mpmath.exp(v) for v in x])
            exact = -mpmath.log(mpmath.exp(x[k]) / total)
            slopes = [mpmath.exp(v) / total - (i == k) for i, v in enumerate(x)]
        assert loss == pytest.approx(float(exact), rel=1e-12)
        assert grads == pytest.approx([float(s) for s in slopes], rel=1e-12)

    @given(st.integers(1, 6).flatmap(lambda n: st.tuples(vectors(n), distributions(n))))
    def test_of_probabilities(self, case):
        """L7: -Σ y_i log ŷ_i. L19: ∂CE/∂x_i = σ_i - y_i."""
        x, y = case
        loss, grads = gradient(cross_entropy, x, y)
        shares = nn.softmax(x)
        expected = -sum(t * math.log(p) for t, p in zip(y, shares, strict=True))
        assert loss == pytest.approx(expected, rel=1e-12, abs=1e-14)
        slopes = [p - t for t, p in zip(y, shares, strict=True)]
        assert grads == pytest.approx(slopes, rel=1e-12, abs=1e-14)

    def test_at_extremes(self):
        assert gradient(cross_entropy, [-1000.0, 1000.0], 0) == (2000.0, [-1.0, 1.0])
        assert gradient(cross_entropy, [-1000.0, 1000.0], 1) == (0.0, [0.0, 0.0])
        loss, grads = gradient(cross_entropy, [-inf, 0.0], [0.0, 1.0])
        assert loss == 0.0
        assert all(map(math.isfinite, grads))
        assert gradient(cross_entropy, [-inf, 0.0, 0.0], [0.0, 0.5, 0.5])[0] == math.log(2.0)

    def test_keeps_its_digits_when_nearly_certain(self):
        loss, (slope, _) = gradient(cross_entropy, [40.0, 0.0], 0)
        assert loss == pytest.approx(math.exp(-40.0), rel=1e-14)
        assert slope == pytest.approx(-math.exp(-40.0), rel=1e-14)

    def test_is_one_node_and_its_negative(self):
        loss = cross_entropy(values([1.0, 2.0, 3.0]), 1)
        assert (loss.op, loss.parents[0].op) == ("neg", "log_softmax")
        assert len(loss.parents[0].parents) == 3

    def test_targets_may_be_values(self):
        y = values([0.0, 0.25, 0.75])
        x = values([-inf, 1.0, 2.0])
        loss = cross_entropy(x, y)
        loss.backward()
        plain = cross_entropy(values([-inf, 1.0, 2.0]), [0.0, 0.25, 0.75])
        assert loss.data == pytest.approx(plain.data, rel=1e-14)
        assert y[0].grad == 0.0
        assert y[1].grad == pytest.approx(-math.log(nn.softmax([1.0, 2.0])[0]), rel=1e-14)
        assert all(math.isfinite(v.grad) for v in (*x, *y))

    @pytest.mark.parametrize("k", [2, 2.0, np.int64(2), np.float64(2.0), np.uint8(2), np.array(2)])
    def test_kinds_of_class_index(self, k):
        assert cross_entropy(values([0.0, 1.0, 2.0]), k).data == pytest.approx(0.40760596444438)


class TestBinaryCrossEntropy:
    @given(moderate, st.one_of(st.sampled_from([0, 1, 0.0, 1.0]), st.floats(0.0, 1.0)))
    def test_formula_and_gradient(self, z, t):
        loss, (slope,) = gradient(binary_cross_entropy, [z], [t])
        share = 1.0 / (1.0 + math.exp(-z))
        expected = -(t * math.log(share) + (1.0 - t) * math.log1p(-share))
        assert loss == pytest.approx(expected, rel=1e-12)
        assert slope == pytest.approx(share - t, rel=1e-10, abs=1e-14)

    @given(moderate)
    def test_is_the_cross_entropy_of_two_classes(self, z):
        for t in (0, 1):
            two = cross_entropy([0.0, z], t)
            assert binary_cross_entropy(z, t) == pytest.approx(two, rel=1e-14)

    @pytest.mark.parametrize(
        ("z", "t", "loss", "slope"),
        [
            (1000.0, 1, 0.0, 0.0),
            (1000.0, 0, 1000.0, 1.0),
            (-1000.0, 1, 1000.0, -1.0),
            (-1000.0, 0, 0.0, 0.0),
            (-1000.0, 0.5, 500.0, -0.5),
            (inf, 1, 0.0, 0.0),
            (-inf, 0, 0.0, 0.0),
        ],
    )
    def test_at_extremes(self, z, t, loss, slope):
        assert gradient(binary_cross_entropy, [z], [t]) == (loss, [slope])

    def test_keeps_its_digits_when_nearly_certain(self):
        tail = pytest.approx(math.exp(-40.0), rel=1e-14)
        assert binary_cross_entropy(40.0, 1) == binary_cross_entropy(-40.0, 0) == tail

    def test_a_target_may_be_a_value(self):
        t = Value(0.25)
        loss = binary_cross_entropy(Value(2.0), t)
        loss.backward()
        assert loss.data == pytest.approx(binary_cross_entropy(2.0, 0.25), rel=1e-14)
        assert t.grad == pytest.approx(-2.0)


class TestHinge:
    @pytest.mark.parametrize(
        ("s", "t", "loss", "slope"),
        [(0.25, 1, 0.75, -1.0), (0.25, -1, 1.25, 1.0), (2.0, 1, 0.0, 0.0), (1.0, 1, 0.0, 0.0)],
    )
    def test_of_one_score(self, s, t, loss, slope):
        assert gradient(hinge_loss, [s], [t]) == (loss, [slope])
        assert hinge_loss(Value(s), float(t)).data == loss

    @given(
        st.integers(3, 5).flatmap(
            lambda n: st.lists(st.tuples(vectors(n), st.integers(0, n - 1)), min_size=1, max_size=4)
        )
    )
    def test_of_several_classes_equals_scikit_learn(self, rows):
        scores, targets = [x for x, _ in rows], [k for _, k in rows]
        labels = list(range(len(scores[0])))
        expected = sklearn_hinge_loss(targets, np.array(scores), labels=labels)
        assert hinge_loss(scores, targets) == pytest.approx(expected, rel=1e-12, abs=1e-14)

    def test_gradient_of_several_classes(self):
        assert gradient(hinge_loss, [1.0, 0.5, -3.0], 0) == (0.5, [-1.0, 1.0, 0.0])
        assert gradient(hinge_loss, [0.5, 0.5], 1) == (1.0, [1.0, -1.0])
        assert gradient(hinge_loss, [3.0, 0.5], 0) == (0.0, [0.0, 0.0])


BATCHES = [
    (mse_loss, [[1.0, 2.0], [3.0, 5.0], [0.0, 1.0]], [[1.0, 1.0], [0.0, 2.0], [0.5, 0.5]]),
    (mae_loss, [[1.0, 2.0], [3.0, 5.0], [0.0, 1.0]], [[1.0, 1.0], [0.0, 2.0], [0.5, 0.5]]),
    (cross_entropy, [[1.0, 2.0]], [1]),
    (cross_entropy, [[1.0, 2.0], [3.0, 5.0], [0.0, 1.0]], [0, 1, 1]),
    (cross_entropy, [[1.0, 2.0], [3.0, 5.0], [0.0, 1.0]], [[0.5, 0.5], [0.0, 1.0], [0.9, 0.1]]),
    (binary_cross_entropy, [[1.0, 2.0], [-3.0, 5.0]], [[1, 0], [0.5, 1]]),
    (hinge_loss, [[1.0, 2.0], [3.0, 5.0], [0.0, 1.0]], [0, 1, 1]),
]


class TestBatch:
    @pytest.mark.parametrize(("loss", "predictions", "targets"), BATCHES)
    def test_loss_and_gradient_are_the_means(self, loss, predictions, targets):
        """L18."""
        n = len(targets)
        leaves = [values(row) for row in predictions]
        out = loss(leaves, targets)
        out.backward()
        single = [gradient(loss, p, t) for p, t in zip(predictions, targets, strict=True)]
        assert out.data == pytest.approx(sum(x for x, _ in single) / n, rel=1e-14)
        for row, (_, grads) in zip(leaves, single, strict=True):
            assert [v.grad for v in row] == pytest.approx([g / n for g in grads], rel=1e-14)

    @pytest.mark.parametrize(("loss", "predictions", "targets"), BATCHES)
    def test_kinds_of_lists(self, loss, predictions, targets):
        expected = loss(predictions, targets)
        rows = [values(row) for row in predictions]
        for p in (rows, tuple(map(tuple, rows)), np.array(rows), [np.array(row) for row in rows]):
            for t in (targets, tuple(targets), np.array(targets)):
                assert loss(p, t).data == expected
        assert loss(np.array(predictions), np.array(targets)) == expected

    @pytest.mark.parametrize(
        ("loss", "targets"),
        [
            (mse_loss, [1.0, 2.0, 4.0]),
            (mae_loss, [1.0, 2.0, 4.0]),
            (binary_cross_entropy, [1, 0, 0.5]),
            (hinge_loss, [1, -1, 1]),
        ],
    )
    def test_of_a_network_with_one_output(self, loss, targets):
        outputs = values([0.5, -1.0, 2.0])
        single = [loss(p, t).data for p, t in zip(outputs, targets, strict=True)]
        for t in (targets, np.array(targets), [[t] for t in targets], np.array(targets)[:, None]):
            assert loss(outputs, t).data == pytest.approx(sum(single) / 3, rel=1e-14)
            assert loss([[p] for p in outputs], t).data == pytest.approx(sum(single) / 3, rel=1e-14)

    def test_targets_may_be_of_both_kinds(self):
        mixed = cross_entropy([[1.0, 2.0], [3.0, 5.0]], [1, [0.5, 0.5]])
        single = cross_entropy([1.0, 2.0], 1), cross_entropy([3.0, 5.0], [0.5, 0.5])
        assert mixed == pytest.approx(sum(single) / 2)


Z = [0.0, 0.0]
NO_LOGITS = "the logits must be a list with one number per class, not"
NO_CHANCES = "the targets must be probabilities, at least 0 and with the sum 1; they are"


@pytest.mark.parametrize(
    ("loss", "prediction", "target", "message"),
    [
        (mse_loss, Z, [1.0], "there are 2 predictions, 1 targets"),
        (mse_loss, Z, 1.0, "there are 2 predictions, 1 targets"),
        (mse_loss, [], [], "there are 0 predictions, 0 targets"),
        (mse_loss, [[1.0], [2.0]], [[1.0]], "there are 2 predictions, 1 targets"),
        (mse_loss, [Z, Z], [Z, [1.0]], "row 1: there are 2 predictions, 1 targets"),
        (mae_loss, [Z], 7, "a batch needs a list with a target per row, not 7"),
        (mae_loss, 1.0, [[1.0]], "a batch needs a list with a prediction per row, not 1.0"),
        (cross_entropy, Z, 2, "target is class 2, but the 2 classes are 0 … 1"),
        (cross_entropy, [Z, Z], [1, -1], "row 1: target is class -1, but the 2 classes are 0 … 1"),
        (
            cross_entropy,
            1.0,
            0,
            f"{NO_LOGITS} 1.0; for a single logit there is binary_cross_entropy, f",
        ),
        (cross_entropy, [Z, []], [0, 0], f"row 1: {NO_LOGITS} []"),
        (
            cross_entropy,
            Z,
            [1],
            "there are 2 predictions, 1 targets; of labels in a column make a row",
        ),
        (cross_entropy, Z, [0.2, 0.3, 0.5], "there are 2 predictions, 3 targets"),
        *(
            (cross_entropy, [Z], [wrong], f"row 0: {NO_CHANCES} {wrong}")
            for wrong in ([1.0, 1.0], [-0.5, 1.5], [nan, 1.0], [0.0, 0.0])
        ),
        *(
            (binary_cross_entropy, Z, [1.0, wrong], f"a target must be from 0 to 1, not {wrong}")
            for wrong in (-1.0, 1.5, nan)
        ),
        (hinge_loss, Z, [1, 0], "a label must be -1 or 1, not 0.0; of 0 and 1 make 2 y - 1"),
        (hinge_loss, [[*Z, 0.0]], [3], "row 0: target is class 3, but the 3 classes are 0 … 2"),
    ],
)
def test_bad_arguments(loss, prediction, target, message):
    with pytest.raises(ValueError, match=f"^{re.escape(f'{loss.__name__}: {message}')}"):
        loss(prediction, target)


@pytest.mark.parametrize(
    ("loss", "prediction", "target", "message"),
    [
        (mae_loss, Z, [1.0, "2"], "target[1] must be a real number, not the str '2'"),
        (
            mse_loss,
            [Z],
            [[1.0, None]],
            "row 0: target[1] must be a real number, not the NoneType N",
        ),
        (cross_entropy, Z, 0.5, "target must be the index of a class, not 0.5"),
        (cross_entropy, [Z, Z], [1, "a"], "row 1: target must be the index of a class, not 'a'"),
    ],
)
def test_arguments_of_a_wrong_kind(loss, prediction, target, message):
    with pytest.raises(TypeError, match=f"^{re.escape(f'{loss.__name__}: {message}')}"):
        loss(prediction, target)
