"""Products along axes are those of `numpy.einsum`, however the factors stand in memory."""

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograd.compiler.codegen import kernels, native
from autograd.compiler.codegen import product as products
from autograd.compiler.codegen.code import Code, bound, function_code
from autograd.compiler.codegen.product import LANES, Factor, factor, multiply
from autograd.compiler.passes import SHARED, VARYING, Program
from autograd.compiler.workspace import NAMES

ROWS = 4000


def run(write, lanes):
    """Run what `write` writes on random buffers; return these."""
    program = Program((), {SHARED: ROWS, VARYING: ROWS}, (), (), (), (), ())
    code = Code(program)
    write(code)
    rng = np.random.default_rng(0)
    names = {**NAMES, SHARED: rng.normal(size=ROWS), VARYING: rng.normal(size=(ROWS, lanes))}
    names |= {"dS": np.full(ROWS, 7.0), "dV": np.full((ROWS, lanes), 7.0)}
    for name, maker in code.makers.items():
        names[name] = maker(names, lanes)
    lines = code.take_lines()
    bound(function_code(lines), names)()
    return names, lines


def values(names, x):
    return names[x.buffer][x.places()]


def placed(rng, buffer, letters, sizes, gaps):
    """Place a factor: axes in any order, with gaps between."""
    own = [x for x in letters if x != LANES]
    order = rng.sample(own, len(own))
    strides, stride = {}, 1
    for x in reversed(order):
        strides[x] = stride
        stride *= sizes[x] + (rng.randrange(2) if gaps else 0)
    text = "".join(own) + LANES * (LANES in letters)
    return Factor(
        buffer, rng.randrange(5), text, tuple(map(sizes.get, own)), tuple(map(strides.get, own))
    )


def check_product(target, factors, lanes):
    names, _ = run(lambda code: multiply(code, target, *factors), lanes)
    letters = ",".join(x.letters for x in factors) + "->" + target.letters
    expected = np.einsum(letters, *[values(names, x) for x in factors])
    np.testing.assert_allclose(values(names, target), expected, rtol=1e-12, atol=1e-12)
    rest = np.delete(names[target.buffer], target.places().reshape(-1), axis=0)
    assert (rest == 7.0).all()


def test_a_large_product_by_lanes_is_native_code_where_that_can_be(monkeypatch):
    if not native.is_there():
        pytest.skip("native code needs Numba, of the extra `native`")
    called = []
    monkeypatch.setattr(kernels, "_product", lambda: lambda *_: called.append(True))
    factors = [Factor(VARYING, 0, letters, (16, 16), (16, 1)) for letters in ("arl", "brl")]
    for lanes in (3, 32):
        run(lambda code: multiply(code, Factor("dV", 0, "abl", (16, 16), (16, 1)), *factors), lanes)
    assert called == [True]
    long = [Factor(VARYING, first, "rl", (1500,), (1,)) for first in (0, 1)]  # read once, in order
    run(lambda code: multiply(code, Factor("dV", 0, "l", (), ()), *long), 32)
    assert called == [True]


@pytest.fixture(params=["in two steps", "by NumPy", "in native code"], scope="module")
def way(request):
    """Let products of which each lane has one be computed in either way, whatever their size."""
    is_native = request.param == "in native code"
    if is_native and not native.is_there():
        pytest.skip("native code needs Numba, of the extra `native`")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kernels, "_FEWEST_PRODUCTS", 0 if is_native else 10**9)
        patch.setattr(kernels, "_FEWEST_LANES", 0)
        patch.setattr(products, "_LARGE", 10**9 if request.param == "in two steps" else 0)
        yield


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("lanes", [0, 1, 5, 45])
@given(st.integers(0, 2**32))
def test_any_product(lanes, seed):
    rng = random.Random(seed)
    sizes = {x: rng.choice((1, 2, 3)) for x in "abrs"}
    while True:
        left, right, out = [[x for x in "abrsl" if rng.random() < 0.6] for _ in range(3)]
        if out and set(out) <= {*left, *right} and left and right:
            break
    factors = [
        placed(rng, VARYING if LANES in x else SHARED, x, sizes, gaps=True) for x in (left, right)
    ]
    target = placed(rng, "dV" if LANES in out else "dS", out, sizes, gaps=rng.random() < 0.5)
    check_product(target, factors, lanes)


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("n", [4, 16], ids=["few", "enough for matrices of BLAS"])
def test_attention_whose_keys_stand_a_multiple_of_4096_bytes_apart(n):
    queries = Factor(VARYING, 0, "abrl", (2, n, n), (4, 128, 8))
    keys = Factor(VARYING, 1, "acrl", (2, n, n), (4, 8, 128))
    check_product(Factor("dV", 0, "abcl", (2, n, n), (n * n, n, 1)), (queries, keys), 32)


def windows(height, width, side):
    i, j = height - side + 1, width - side + 1
    return np.add.outer(
        np.add.outer(width * np.arange(i), np.arange(j)),
        np.add.outer(width * np.arange(side), np.arange(side)),
    )


def test_a_convolution_is_one_matrix_product():
    def write(code):
        weights = Factor(SHARED, 0, "ars", (6, 3, 3), (9, 3, 1))
        pixels = factor(code, VARYING, windows(12, 12, 3), "bcrsl")
        multiply(code, Factor("dV", 0, "abcl", (6, 10, 10), (100, 10, 1)), weights, pixels)

    _, lines = run(write, 4)
    assert [line.split("(")[0] for line in lines] == ["copyto", "matmul"] or (
        len(lines) == 2 and ".dot(" in lines[1]
    )


def test_a_layer_at_many_places_copies_nothing():
    def write(code):
        weights = Factor(SHARED, 0, "ar", (16, 8), (8, 1))
        inputs = Factor(VARYING, 0, "brl", (10, 8), (8, 1))
        multiply(code, Factor("dV", 0, "bal", (10, 16), (16, 1)), weights, inputs)

    _, lines = run(write, 4)
    assert [line.split("(")[0] for line in lines] == ["matmul"]


def test_scattered_factors_are_copied_first():
    spots = np.array([[3, 1, 4], [1, 5, 9]])

    def write(code):
        x = factor(code, VARYING, spots, "brl")
        multiply(
            code, Factor("dV", 0, "abl", (2, 2), (2, 1)), Factor("S", 0, "ar", (2, 3), (3, 1)), x
        )

    names, lines = run(write, 4)
    assert lines[0].startswith("take(")
    expected = np.einsum("ar,brl->abl", names["S"][:6].reshape(2, 3), names["V"][spots])
    np.testing.assert_allclose(names["dV"][:4].reshape(2, 2, 4), expected, rtol=1e-13)


def test_a_factor_that_is_the_same_in_all_terms_stays_in_the_sum():
    code = Code(Program((), {SHARED: 9, VARYING: 9}, (), (), (), (), ()))
    assert factor(code, SHARED, np.array([[4, 4, 4]]), "ar").buffer != SHARED
