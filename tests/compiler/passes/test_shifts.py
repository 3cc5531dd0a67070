"""The largest number that a softmax written out takes away passes no gradient; others do."""

from functools import reduce

import numpy as np
import pytest

import autograd as ag
from autograd.compiler.passes.simplify import simplified
from autograd.compiler.passes.trace import Trace

SAMPLES, COUNT = 5, 4
W = np.random.default_rng(0).normal(size=COUNT)
X = np.random.default_rng(1).normal(size=(SAMPLES, COUNT))
X[1] = 1.0  # all are the largest
X[2, 1] = X[2, 3] = 9.0
X[3, 2] = -np.inf


def shifted(z):
    top = reduce(ag.maximum, z)
    return top, [ag.exp(a - top) for a in z]


def softmax(z):
    _, e = shifted(z)
    total = sum(e)
    return [a / total for a in e]


def softmax_by_a_power(z):
    _, e = shifted(z)
    factor = ag.fsum(e) ** -1
    return [a * factor for a in e]


def log_softmax(z):
    top, e = shifted(z)
    logarithm = ag.log(sum(e))
    return [a - top - logarithm for a in z[:2]]


def logsumexp(z):
    top, e = shifted(z)
    return [top + ag.log(sum(e))]


def attention(z):
    _, e = shifted(z)
    return [sum(a * b for a, b in zip(e, (2.0, 3.0, 5.0, 7.0), strict=True)) / sum(e)]


def not_divided(z):
    return shifted(z)[1]


def divided_twice(z):
    _, e = shifted(z)
    total = sum(e)
    return [a / (total * total) for a in e]


def added_to(z):
    _, e = shifted(z)
    total = sum(e) + 1.0
    return [a / total for a in e]


def one_more(z):
    _, e = shifted(z)
    return [ag.log(e[0] + 1.0)]


def a_multiple(z):
    return [(z[0] - reduce(ag.maximum, z)) * 2.0]


def read_elsewhere(z):
    top, e = shifted(z)
    total = sum(e)
    return [a / total for a in e] + [ag.tanh(top)]


def other_powers(z):
    _, e = shifted(z)
    return [e[0] / (e[1] * e[2]), e[1] - e[1] * e[2]]


def taken_away_twice(z):
    top, e = shifted(z)
    return [2.0 * top + ag.log(sum(e)), top / 2.0 - ag.log(sum(e))]


def differentiated(f, samples):
    """Return value and gradient of a weighted sum per sample, compiled and by the eager engine."""

    def loss(w, x):
        results = f([a * b for a, b in zip(w, x, strict=True)])
        return ag.fsum([ag.sin(result) * (i + 2.0) for i, result in enumerate(results)])

    compiled = ag.compile(loss, in_axes=(None, 0)).value_and_grad
    for x in samples:
        (value,), (gradient,) = compiled(W, x[None])
        expected, slopes = ag.value_and_grad(loss)(list(W), list(x))
        np.testing.assert_allclose(value, expected, rtol=1e-12)
        np.testing.assert_allclose(gradient, slopes, rtol=1e-12, atol=1e-12)


def operations(f):
    trace = Trace()
    results = f([trace.tracer(trace.input()) for _ in range(COUNT)])
    new, _ = simplified(trace, [result.row for result in results])
    return [op.name for op in new.ops if op]


@pytest.mark.parametrize(
    "f", [softmax, softmax_by_a_power, log_softmax, logsumexp, attention], ids=lambda f: f.__name__
)
def test_a_shift_that_cancels_is_one_row_without_gradient(f):
    found = operations(f)
    assert found.count("top") == 1
    assert "maximum" not in found
    differentiated(f, X)


OTHERS = [not_divided, divided_twice, added_to, one_more, a_multiple]
OTHERS += [read_elsewhere, other_powers, taken_away_twice]


@pytest.mark.parametrize("f", OTHERS, ids=lambda f: f.__name__)
def test_a_shift_that_does_not_cancel_is_left_as_it_is(f):
    found = operations(f)
    assert found.count("maximum") == COUNT - 1
    assert "top" not in found
    differentiated(f, X)


def test_a_largest_number_that_is_asked_for_is_left_as_it_is():
    assert "top" not in operations(lambda z: [shifted(z)[0], *softmax(z)])


def test_it_is_minus_infinity_where_all_numbers_are():
    compiled = ag.compile(lambda *z: logsumexp(z)[0])
    assert compiled(-np.inf, -np.inf) == -np.inf
