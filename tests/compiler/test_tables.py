"""Tables by index, against NumPy and against the same code on Values."""

from operator import getitem

import numpy as np
import pytest

import autograd as ag
from autograd import TraceError, Value, take

RNG = np.random.default_rng(0)
TABLE = RNG.normal(size=(10, 3))
TOKENS = RNG.integers(-10, 10, size=8)
TARGETS = RNG.normal(size=(8, 3))


def error_of_row(table, token, target):
    return ag.fsum([(ag.tanh(e) - t) ** 2 for e, t in zip(table[token], target, strict=True)])


def mean_loss(f, table, *data):
    """Give the value and the gradient of the mean over samples, on Values."""
    nodes = [[Value(x) for x in row] for row in table]
    loss = ag.mean([f(nodes, *sample) for sample in zip(*(x.tolist() for x in data), strict=True)])
    loss.backward()
    return loss.data, [[node.grad for node in row] for row in nodes]


@pytest.mark.parametrize("table", [TABLE, TABLE.tolist()], ids=["array", "lists"])
def test_the_row_of_a_table_is_a_gather_and_its_gradient_a_scattered_sum(table):
    compiled = ag.compile(error_of_row, in_axes=(None, 0, 0), reduce="mean")
    value, gradient = compiled.value_and_grad(table, TOKENS, TARGETS)
    h = np.tanh(TABLE[TOKENS])
    by_hand = np.zeros_like(TABLE)
    np.add.at(by_hand, TOKENS, (h - TARGETS) * (1.0 - h * h) * 2.0 / len(TOKENS))
    assert value == pytest.approx(((h - TARGETS) ** 2).sum() / len(TOKENS), rel=1e-14)
    eager_value, by_the_same_code = mean_loss(error_of_row, TABLE, TOKENS, TARGETS)
    assert value == pytest.approx(eager_value, rel=1e-14)
    for expected in (by_hand, by_the_same_code):
        np.testing.assert_allclose(gradient, expected, rtol=1e-13, atol=1e-16)
    assert type(gradient) is type(table)


def test_blocks_of_lanes_add_to_one_gradient():
    tokens = RNG.integers(10, size=30_000)
    targets = RNG.normal(size=(30_000, 3))
    compiled = ag.compile(error_of_row, in_axes=(None, 0, 0), reduce="sum")
    _, gradient = compiled.value_and_grad(TABLE, tokens, targets)
    assert compiled._used_last().written.block < 30_000
    h = np.tanh(TABLE[tokens])
    by_hand = np.zeros_like(TABLE)
    np.add.at(by_hand, tokens, (h - targets) * (1.0 - h * h) * 2.0)
    np.testing.assert_allclose(gradient, by_hand, rtol=1e-10)
    tokens[29_000] = 10
    with pytest.raises(IndexError, match=r"args\[1\] is 10 in sample 29000, .* 10 entries"):
        compiled.value_and_grad(TABLE, tokens, targets)


@pytest.mark.parametrize("entry", [take, getitem])
def test_the_entry_of_a_list_that_was_computed_is_taken(entry):
    def surprise(table, tokens, target):
        sums = [ag.fsum(column) for column in zip(*[table[t] for t in tokens], strict=True)]
        return -entry(ag.log_softmax(sums), target)

    tokens, targets = RNG.integers(10, size=(8, 2)), RNG.integers(3, size=8)
    compiled = ag.compile(surprise, in_axes=(None, 0, 0), reduce="mean")
    value, gradient = compiled.value_and_grad(TABLE.tolist(), tokens, targets)
    eager_value, eager_gradient = mean_loss(surprise, TABLE, tokens, targets)
    assert value == pytest.approx(eager_value, rel=1e-14)
    np.testing.assert_allclose(gradient, eager_gradient, rtol=1e-12, atol=1e-16)
    assert "L = −(ln softmax(table[tokens[0]] + table[tokens[1]]))[target]" in str(compiled)


def test_arrays_are_indexed_along_any_axis_and_by_arrays_of_indices():
    def f(W, i, j, both):
        return W[i, j] * W[j][i] + W[i][j] ** 2 + W[0, i] + W[:2, j][1] + ag.fsum(W[both, 1])

    def by_hand(W, i, j, both):
        return W[i, j] * W[j, i] + W[i, j] ** 2 + W[0, i] + W[1, j] + W[both, 1].sum()

    W, i, j, both = TABLE[:3], [0, 1, -1], [2, 2, 0], np.array([[0, 1], [2, 2], [1, 1]])
    found = ag.compile(f, in_axes=(None, 0, 0, 0))(W, i, j, both)
    np.testing.assert_allclose(found, [by_hand(W, *x) for x in zip(i, j, both, strict=True)])


def test_an_index_may_be_computed_and_shared_and_the_table_differ_from_lane_to_lane():
    next_one = ag.compile(lambda t, i: t[i + 1], in_axes=(0, None))
    values, gradients = next_one.value_and_grad([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], 1)
    assert values.tolist() == [3.0, 6.0]
    assert gradients.tolist() == [[0.0, 0.0, 1.0]] * 2
    two = ag.compile(lambda t, i: [t[i[0]], t[i[1]]], in_axes=(0, None))
    assert np.transpose(two([[1.0, 2.0], [4.0, 5.0], [7.0, 8.0]], [1, 0])).tolist() == [
        [2.0, 1.0],
        [5.0, 4.0],
        [8.0, 7.0],
    ]
    assert ag.compile(lambda t, i: t[i])([1.0, 2.0, 3.0], -1) == 3.0
    assert ag.compile(lambda t, i: t[i][1:][i], in_axes=(None, 0))(
        [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], [0, 1]
    ).tolist() == [2.0, 6.0]


@pytest.mark.parametrize("axes", [(None, 0), (0, 0)])
def test_entries_that_were_not_taken_have_no_part_in_the_gradient(axes):
    xs, indices = np.array([[0.0, 2.0], [0.0, 2.0]]), [1, -1]
    xs = xs if axes[0] == 0 else xs[0]
    compiled = ag.compile(
        lambda xs, i: take([ag.log(x) for x in xs], i), in_axes=axes, reduce="sum"
    )
    _, gradient = compiled.value_and_grad(xs, indices)
    assert gradient.tolist() == ([[0.0, 0.5]] * 2 if axes[0] == 0 else [0.0, 1.0])


def test_a_choice_in_a_branch_that_was_not_taken_adds_nothing():
    def f(xs, i, gate):
        return ag.where(gate > 0.0, ag.log(take([ag.sqrt(x) for x in xs], i)), 0.0)

    compiled = ag.compile(f, in_axes=(None, 0, 0), reduce="sum")
    _, gradient = compiled.value_and_grad([0.0, 4.0], [0, 1], [-1.0, 1.0])
    assert gradient == [0.0, 0.125]


@pytest.mark.parametrize("table", [TABLE, TABLE.tolist()], ids=["array", "lists"])
def test_a_transform_inside_hands_on_tables_and_its_gradient_is_one(table):
    def penalty(table, token, target):
        slopes = ag.grad(error_of_row)(table, token, target)
        return ag.fsum([slope * slope for slope in slopes[token]])

    token, target = int(TOKENS[0]), TARGETS[0]
    _, gradient = ag.compile(penalty).value_and_grad(table, token, target)
    assert type(gradient) is type(table)
    _, expected = mean_loss(penalty, TABLE, TOKENS[:1], TARGETS[:1])
    np.testing.assert_allclose(gradient, expected, rtol=1e-12)


def test_second_derivatives_pass_through_a_table():
    hessian = ag.compile(ag.hessian(lambda t, i: take(t, i) ** 3), in_axes=(None, 0))
    found = np.array(hessian([1.0, 2.0, 3.0], [0, -1]))
    assert found[0, 0].tolist() == [6.0, 0.0]
    assert found[2, 2].tolist() == [0.0, 18.0]
    assert not found[1].any()


@pytest.mark.parametrize(
    ("bad", "error", "message"),
    [
        (10, IndexError, r"args\[1\]\[1\] is 10 in sample 3, .* table of 10 entries"),
        (-11, IndexError, r"args\[1\]\[1\] is -11 in sample 3"),
        (2.5, TypeError, r"args\[1\]\[1\] is 2.5 in sample 3, .* must be an integer"),
        (np.nan, TypeError, r"args\[1\]\[1\] is nan in sample 3, .* must be an integer"),
    ],
)
def test_what_is_no_index_is_refused_with_argument_and_sample(bad, error, message):
    tokens = np.zeros((8, 2))
    tokens[3, 1] = bad
    compiled = ag.compile(lambda W, tokens: W[tokens[0]][0] + W[tokens[1]][1], in_axes=(None, 0))
    with pytest.raises(error, match=message):
        compiled(TABLE, tokens)


def test_an_index_that_was_computed_is_refused_with_the_sample():
    compiled = ag.compile(lambda t, i: t[i + 1], in_axes=(None, 0))
    with pytest.raises(IndexError, match="an index that is computed is 3 in sample 2"):
        compiled([1.0, 2.0, 3.0], [0, 1, 2])


def test_a_derivative_with_respect_to_an_index_is_refused():
    by_index = ag.compile(lambda t, i: t[i], argnums=1, in_axes=(None, 0), reduce="sum")
    with pytest.raises(TraceError, match="an index depends on what is differentiated"):
        by_index.grad([1.0, 2.0], [0, 1])
    detached = ag.compile(lambda x, t: x * take(t, x.detach()), reduce="sum", in_axes=(0, None))
    assert detached.grad([0.0, 1.0], [5.0, 7.0]).tolist() == [5.0, 7.0]


def test_other_lists_say_that_they_need_take():
    outside = np.arange(3.0)
    with pytest.raises(TraceError, match=r"for a variable use take\(array, v\)$"):
        ag.compile(lambda i: outside[i])(1)
    with pytest.raises(IndexError, match="out of bounds"):
        ag.compile(lambda x: x * outside[3])(1.0)
    with pytest.raises(TraceError, match=r"v as an index .*: use take\(xs, v\)"):
        ag.compile(lambda xs, i: [x + 1.0 for x in xs][i])([1.0], 0)
    with pytest.raises(ValueError, match="must have the same length"):
        ag.compile(lambda xs, i: xs[i])([[1.0], [1.0, 2.0]], 0)
    with pytest.raises(IndexError, match="without entries"):
        ag.compile(lambda x, i: x * take([], i))(1.0, 0)


def test_an_anomaly_is_named_with_the_sample():
    table, indices = [1.0, 0.0, 3.0], [0, 1]
    compiled = ag.compile(lambda t, i: ag.log(t[i]), in_axes=(None, 0), reduce="sum")
    with ag.detect_anomaly():
        for call in (compiled, compiled.grad):
            with pytest.raises(ag.AnomalyError, match="in sample 1 of the batch, log gave -inf"):
                call(table, indices)


def test_take_on_numbers_and_values():
    rows = [[Value(1.0), Value(2.0)], [Value(3.0), Value(4.0)]]
    assert take(rows, 1) is rows[1]
    assert take(rows, -2.0) is rows[0]
    assert take(np.arange(3.0), np.int64(2)) == 2.0
    with pytest.raises(IndexError, match="no entry 2 in a table of 2"):
        take(rows, 2)
    with pytest.raises(TypeError, match=r"must be an integer, not 0\.5"):
        take(rows, 0.5)
    with pytest.raises(TypeError, match="its derivative would be lost"):
        take(rows, Value(1.0))


def test_the_program_says_what_is_taken_and_costs_it():
    compiled = ag.compile(lambda t, i: ag.tanh(t[i]), in_axes=(None, 0), reduce="sum")
    compiled.grad([1.0, 2.0, 3.0], [0, 1])
    assert "L = tanh(t[i])" in str(compiled)
    assert "∂L/∂t = tanh′(t[i]) · onehot(i)" in str(compiled)
    small = compiled.cost
    compiled.grad(np.arange(300.0), [0, 1])
    # it is the entries that are read, not the table; only its gradient has to be cleared
    assert compiled.cost.lane == small.lane
