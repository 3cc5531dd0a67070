import pytest

from autograd import check_grads, exp, maximum, primitive, relu, sin, tanh
from autograd.errors import GradientError

FAULTS = {
    "wrong sign": (lambda x: x * x, lambda x: -2.0 * x),
    "missing factor": (lambda x: x * x * x, lambda x: x * x),
    "constant": (lambda x: x * x, lambda _: 2.0),
    "of another function": (lambda x: tanh(x), lambda x: 1.0 + tanh(x) * tanh(x)),
    "off in the fourth digit": (lambda x: x * x, lambda x: 2.0005 * x),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_wrong_derivative_is_found_in_its_place(fault):
    forward, partial = FAULTS[fault]
    wrong = primitive(forward, partial, name="wrong")
    with pytest.raises(GradientError, match=r"(?s)order 1 are wrong.*args\[0\]\[1\].*<-- wrong"):
        check_grads(lambda v: sin(v[0]) * wrong(v[1]), ([0.4, 1.3],))


def test_swapped_partial_derivatives_are_found():
    swapped = primitive(lambda x, y: x * x * y, lambda x, y: (x * x, 2.0 * x * y), name="swapped")
    with pytest.raises(GradientError, match="order 1"):
        check_grads(swapped, (1.3, 0.7))


@pytest.mark.parametrize("order", [1, 2, 3])
def test_smooth_functions_pass(order):
    def f(v, b):
        return [exp(v["w"][0]) * b, tanh(v["w"][1] * b)]

    assert check_grads(f, ({"w": [0.3, -0.8]}, 1.7), order=order, rng=5) == []


def test_kinks_are_named():
    assert check_grads(relu, (0.0,), order=1) == ["relu at args[0]=0.0"]
    assert check_grads(lambda x: maximum(2.0 * x, x), (0.0,), order=2) != []


def test_a_branch_in_python_is_named():
    kinks = check_grads(lambda v: (v[0] if v[0] > 0 else -v[0]) * v[1], ([0.0, 2.0],), order=1)
    assert len(kinks) == 1
    assert "a branch in Python" in kinks[0]


def test_bad_arguments():
    with pytest.raises(TypeError, match="args must be a tuple"):
        check_grads(sin, 1.0)
    with pytest.raises(ValueError, match="order must be at least 1"):
        check_grads(sin, (1.0,), order=0)
