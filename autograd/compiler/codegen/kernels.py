"""Functions and products of many numbers in native code, where NumPy has none that is quick.

NumPy takes exp, tanh and cosh, and SciPy the sigmoid, of one number after the other, where a
processor can take four at once; and BLAS knows no products of which each lane has its own, as the
lanes are neighbours. Numba, if it is here, makes both of the text below.

The functions are right to 2.5 units in the last place everywhere, infinities, nan and numbers
below the normal ones included.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import cache
from math import factorial
from typing import Any

from autograd.compiler.codegen import native

# What is worth loading Numba: functions of so many numbers in a call, or products, in so many lanes
_FEWEST_FUNCTIONS, _FEWEST_PRODUCTS, _FEWEST_LANES = 2**13, 2**14, 4
_FEWEST_AT_ONCE = 2**9  # numbers; of fewer, as in a round of a loop, NumPy's exp and σ are as quick


def _series(powers: Sequence[int]) -> str:
    """Write the sum of y^n / n!, over the first power, so that few steps wait for each other."""
    half = min(4, len(powers) // 2)
    if not half:
        return repr(1 / factorial(powers[0]))
    return f"({_series(powers[:half])} + y{half} * {_series(powers[half:])})"


# 2^k is written as the bits of a number: 1.5 · 2^52 + k has k among its last ones.
SOURCE = f"""
import math

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic

ROUND = 1.5 * 2.0**52
function = njit(error_model="numpy", fastmath={{"contract"}})

@intrinsic
def bits_of(context, x):
    def code(context, builder, signature, args):
        return builder.bitcast(*args, ir.IntType(64))

    return types.int64(types.float64), code

@intrinsic
def number_of(context, x):
    def code(context, builder, signature, args):
        return builder.bitcast(*args, ir.DoubleType())

    return types.float64(types.int64), code

@function
def power_of_two(k):
    return number_of((bits_of(k + ROUND) + 1023) << 52)

@function
def exp(x):
    y = min(max(x, -746.0), 710.0)
    k = (y * {1.4426950408889634!r} + ROUND) - ROUND
    y1 = (y - k * 0.6931471803691238) - k * 1.9082149292705877e-10
    y2 = y1 * y1
    y4 = y2 * y2
    z = ({_series(range(2, 14))} * y2 + y1) + 1.0
    half = (0.5 * k + ROUND) - ROUND  # as 2^k may be none of the numbers, but the result one
    z = z * power_of_two(half) * power_of_two(k - half)
    return z if x == x else x

@function
def expit(x):
    e = exp(-abs(x))
    return (1.0 if x >= 0.0 else e) / (1.0 + e)

@function
def cosh(x):
    y = abs(x)
    e = exp(0.5 * y if y > 700.0 else y)
    return 0.5 * e * e if y > 700.0 else 0.5 * e + 0.5 / e

@function
def tanh(x):  # near 0 by a quotient of polynomials
    y = abs(x)
    e, z, near = exp(-2.0 * y), y * y, y < 0.625
    p = (-0.9643991794250522 * z - 99.28772310019185) * z - 1614.6876844170845
    q = ((z + 112.81167849163293) * z + 2235.4883906010045) * z + 4844.063053251255
    quotient = (p * z if near else 1.0 - e) / (q if near else 1.0 + e)
    return math.copysign(y + y * quotient if near else quotient, x)

def sums_of(lanes):
    @intrinsic
    def sums(context, out, left, right, left_terms, right_terms, count):
        def code(context, builder, signature, args):
            number, integer = ir.DoubleType(), ir.IntType(64)
            four = ir.VectorType(number, 4)
            out, left, right, *terms, count = args

            def array(address, kind):
                return builder.inttoptr(address, kind.as_pointer())

            def part(pointer, i):
                pointer = builder.bitcast(pointer, four.as_pointer())
                return builder.gep(pointer, [integer(i)])

            zero = ir.Constant(four, [0.0] * 4)
            totals = [cgutils.alloca_once_value(builder, zero) for _ in range(lanes // 4)]
            with cgutils.for_range(builder, count) as loop:
                steps = [builder.load(builder.gep(array(x, integer), [loop.index])) for x in terms]
                firsts = array(left, number), array(right, number)
                x, y = [builder.gep(first, [step]) for first, step in zip(firsts, steps)]
                for i, total in enumerate(totals):
                    factors = [builder.load(part(pointer, i), align=8) for pointer in (x, y)]
                    term = builder.fmul(*factors, flags=("contract",))
                    total_so_far = builder.load(total)
                    builder.store(builder.fadd(total_so_far, term, flags=("contract",)), total)
            for i, total in enumerate(totals):
                builder.store(builder.load(total), part(array(out, number), i), align=8)
            return context.get_dummy_value()

        return types.void(*[types.uint64] * 6), code

    return sums

eight_sums, many_sums = sums_of(8), sums_of(32)

def product(outs, lefts, rights, left_terms, right_terms, lanes, out, left, right):
    count, eight = np.uint64(len(left_terms)), np.uint64(8)  # lanes at a time, and bytes
    many = np.uint64(32)
    out_at, left_at, right_at = out.ctypes.data, left.ctypes.data, right.ctypes.data
    terms = np.uint64(left_terms.ctypes.data), np.uint64(right_terms.ctypes.data)
    most, whole = lanes - lanes % many, lanes - lanes % eight
    for i in range(len(outs)):
        o, a, b = eight * outs[i] + out_at, eight * lefts[i] + left_at, eight * rights[i] + right_at
        for k in range(np.uint64(0), most, many):
            at = eight * k
            many_sums(o + at, a + at, b + at, terms[0], terms[1], count)
        for k in range(most, whole, eight):
            at = eight * k
            eight_sums(o + at, a + at, b + at, terms[0], terms[1], count)
        for k in range(whole, lanes):
            total = 0.0
            for m in range(count):
                total += left[lefts[i] + left_terms[m] + k] * right[rights[i] + right_terms[m] + k]
            out[outs[i] + k] = total
"""
_OF_ONE = ["float64(float64)"]
FUNCTIONS = frozenset({"exp", "tanh", "cosh", "expit"})


def functions(names: Iterable[str], counts: Iterable[int]) -> dict[str, Any]:
    """Return the functions that are to stand for those of these names; they take no `where`.

    Args:
        names: what code names.
        counts: of how many numbers it takes functions, one time after the other in a call.

    >>> functions(["exp", "log"], [10])
    {}
    """
    found = FUNCTIONS.intersection(names)
    count = sum([n for n in counts if n >= _FEWEST_AT_ONCE])
    is_worth_it = found and count >= _FEWEST_FUNCTIONS and native.is_there()
    return {name: _ufunc(name) for name in sorted(found)} if is_worth_it else {}


def product(count: int, lanes: int) -> Callable[..., None] | None:
    """Return what computes sums of products in each lane, if it is worth it.

    It is called with arrays `outs`, `lefts`, `rights`, `left_terms` and `right_terms` of unsigned
    integers, the number of lanes, and flat arrays `out`, `left` and `right`. Then result i of lane
    k, out[outs[i] + k], is the sum over m of

        left[lefts[i] + left_terms[m] + k] · right[rights[i] + right_terms[m] + k]

    Args:
        count: how many products there are in each lane.
        lanes: the number of lanes.
    """
    is_worth_it = count * lanes >= _FEWEST_PRODUCTS and lanes >= _FEWEST_LANES
    return _product() if is_worth_it and native.is_there() else None


@cache
def _ufunc(name: str) -> Any:
    from numba import vectorize

    options = {"fastmath": {"contract"}}
    return native.kept(lambda keep: vectorize(_OF_ONE, cache=keep, **options)(_code(name).py_func))


@cache
def _product() -> Any:
    from numba import njit

    signature = f"void({'uint64[::1], ' * 5}uint64{', float64[::1]' * 3})"
    return native.kept(lambda keep: njit(signature, cache=keep, nogil=True)(_code("product")))


def _code(name: str) -> Any:
    return getattr(native.module("kernels", SOURCE), name)
