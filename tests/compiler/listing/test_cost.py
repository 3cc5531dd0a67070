"""The cost of a compiled program, against counts by hand."""

from __future__ import annotations

import numpy as np
import pytest

import autograd as ag


def network(params, x, y):
    """A network 3-4-2 with tanh, and its squared error."""
    (w1, b1), (w2, b2) = params
    hidden = [ag.tanh(ag.dot(list(w), list(x), b)) for w, b in zip(w1, b1, strict=True)]
    output = [ag.dot(list(w), hidden, b) for w, b in zip(w2, b2, strict=True)]
    return ag.fsum([ag.square(z - t) for z, t in zip(output, y, strict=True)])


PARAMS = [(np.ones((4, 3)), np.ones(4)), (np.ones((2, 4)), np.ones(2))]


def batch(n):
    return np.ones((n, 3)), np.ones((n, 2))


def test_forward_by_hand():
    f = ag.compile(network, in_axes=(None, 0, 0), reduce="mean")
    f(PARAMS, *batch(7))
    cost = f.cost
    products = 2 * (3 + 1) * 4 + 2 * (4 + 1) * 2  # the biases are weights of a 1
    assert cost.lane.blas == products
    assert cost.lane.functions == 4
    assert cost.lane.flops == products + 4 + 2 + 2 + 1  # tanh, differences, squares, their sum
    assert cost.once.flops == 0
    assert cost.flops == 7 * cost.lane.flops
    assert cost.blas_share == pytest.approx(52 / 61)
    # weights and biases once; x, 1, z1; z1, x1; x1, 1, z2; z2, y, their difference; that, its
    # square; L
    assert cost.once.moved == 8 * (12 + 4 + 8 + 2)
    assert cost.lane.moved == 8 * ((4 + 4) + (4 + 4) + (5 + 2) + (2 + 2 + 2) + (2 + 2) + (2 + 1))


def test_the_gradient_by_hand():
    f = ag.compile(network, in_axes=(None, 0, 0), reduce="mean")
    f.value_and_grad(PARAMS, *batch(7))
    cost = f.cost
    # forward, by both matrices, and by x1
    assert cost.lane.blas == 2 * 16 + 2 * 10 + 2 * 16 + 2 * 10 + 2 * 10
    assert cost.steps[0].lane.flops == 2 * 16 + 2 * 16
    assert cost.steps[2].lane.flops == 3 * 2 * 10
    # tanh, and its slope 1 - y², and the product
    assert cost.steps[1].what == "tanh (4)"
    assert cost.steps[1].lane.flops == 4 + 3 * 4
    # 2 (z - y): one product for the slope, one with the gradient
    assert cost.steps[4].what == "square (2)"
    assert cost.steps[4].lane.flops == 2 + 2 * 2


def test_the_code_for_one_block_is_counted_though_there_is_one_for_later_blocks():
    f = ag.compile(network, in_axes=(None, 0, 0), reduce="mean")
    f.value_and_grad(PARAMS, *batch(3))
    forward = ag.compile(network, in_axes=(None, 0, 0), reduce="mean")
    forward(PARAMS, *batch(3))
    assert f.cost.lane.blas == forward.cost.lane.blas + 2 * 16 + 2 * 10 + 2 * 10


def test_a_program_without_a_batch_costs_once():
    f = ag.compile(network)
    f(PARAMS, *[x[0] for x in batch(1)])
    assert f.cost.lane == type(f.cost.lane)()
    assert f.cost.flops == f.cost.once.flops == 55
    assert f.cost.summary.startswith("a call: 55 flops")


def test_the_batch_is_the_latest():
    f = ag.compile(network, in_axes=(None, 0, 0), reduce="mean")
    for n in (5, 8, 5):
        f(PARAMS, *batch(n))
        assert f.cost.samples == n
        assert f.cost.flops == 61 * n
    assert "a batch of 5: 305 flops, 85 % in BLAS; 20 functions" in str(f.cost)


def test_rows_on_a_tape_count_as_steps_do():
    def few(x):
        return ag.exp(x) * ag.sin(x) + 2.0 * x

    def many(x):
        for _ in range(60):
            x = few(x)
        return x

    costs = []
    for f in (few, many):
        compiled = ag.compile(f, in_axes=0)
        compiled(np.ones(3))
        costs.append(compiled.cost.lane)
    assert costs[0].flops == 2 + 2 * 2  # ⟨w, x⟩ of two products
    assert costs[0].functions == 2
    # the first of two products needs no addition there
    assert (costs[1].flops, costs[1].functions) == (60 * 5, 60 * 2)


def test_the_gradient_on_a_tape_counts_too():
    def many(x):
        for _ in range(100):
            x = ag.sin(x) * 0.5
        return x

    f = ag.compile(many, in_axes=0)
    f.value_and_grad(np.ones(3))
    # sin and a product forward; backward the product with 0.5, cos, and the product with that
    assert f.cost.lane.flops == 100 * (2 + 3)
    assert f.cost.lane.functions == 100 * 2
    assert f.cost.lane.blas == 0


def test_a_step_of_a_tape_moves_its_numbers_forward_and_backward():
    def many(n):
        def f(x):
            for _ in range(n):
                x = ag.sin(x) * 0.5
            return x

        compiled = ag.compile(f, in_axes=0)
        compiled.value_and_grad(np.ones(3))
        return compiled.cost.lane.moved

    # sin and the product with 0.5 read a number and write one; backward so do the product with 0.5
    # and cos, and the product with that reads two
    assert many(200) - many(100) == 100 * 8 * (2 * 2 + 2 + 2 + 3)


def test_a_gradient_with_several_terms_adds_them():
    f = ag.compile(lambda x: x * x * x, in_axes=0)
    f.value_and_grad(np.ones(3))
    # two products; backward three more, as both terms of x · x are one; x gets three terms
    assert f.cost.lane.flops == 2 + 3 + 2


def test_the_cost_of_a_power_depends_on_its_exponent():
    def cost(f):
        compiled = ag.compile(f, in_axes=0)
        compiled.value_and_grad(np.ones(3))
        return compiled.cost.lane

    assert cost(lambda x: x**3.0) != cost(lambda x: x**0.5)
    assert cost(lambda x: (x**3.0) ** 0.5) == cost(lambda x: (x**0.5) ** 3.0)


def test_a_constant_result_costs_nothing():
    f = ag.compile(lambda _: 3.0, in_axes=0)
    f(np.ones(4))
    assert f.cost.flops == 0
    assert f.cost.blas_share == 0.0
    assert "0 flops" in f.cost.summary
