"""Lower a factorisation K = L Lᵀ with solutions of L z = y and Lᵀ x = z: LAPACK does it.

Where numbers are infinite or nan, or a pivot is not positive, and where lanes have a matrix each,
it is done column by column, with the results that rows one by one would have. The gradient of K is
S + Sᵀ below the diagonal, and S on it, where

    S = L⁻ᵀ Φ(Lᵀ (∂L - Gᵀ z)) L⁻¹,    G = ∂z L⁻¹ is the gradient of y,

and Φ takes what is below the diagonal, and half of what is on it: see I. Murray, "Differentiation
of the Cholesky decomposition", arXiv:1602.07527.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from math import isfinite
from typing import Any

import numpy as np

from autograd.compiler.codegen.code import Code
from autograd.compiler.passes import VARYING, Factorisation, Substitution


def forward_factorisation(code: Code, step: Factorisation) -> None:
    """Write the call that computes L and the further rows, or the solutions of Lᵀ x = z."""
    code.begin(step.own.shape, step.space == VARYING)
    given, own = code.gather(step.space, step.given), code.array(step.space, step.own)
    _count(code, step, 1)
    if isinstance(step, Substitution):
        matrix = code.array(step.space, step.matrix)
        code.emit(f"{_named(code, solve)}({matrix}, {given}, out={own})")
    else:
        code.emit(f"{_named(code, factorise)}({given}, out={own})")


def backward_factorisation(code: Code, step: Factorisation) -> list[tuple[Any, str]]:
    """Write the calls that compute the gradients of what is read: of places, and their names."""
    places, space, varying = step.entries, step.space, step.space == VARYING
    code.begin(places.shape, varying)
    own, gradient = [code.array(kind + space, step.own) for kind in ("", "d")]
    target = code.temporary(places.shape, varying)
    found = [(step.given[step.lower], target)]
    _count(code, step, 2)
    if isinstance(step, Substitution):
        matrix = code.array(space, step.matrix)
        code.emit(f"{_named(code, gradients_of_given)}({matrix}, {gradient}, out={target})")
        lower = np.tril_indices_from(step.matrix)
        other = code.temporary(lower[0].shape, varying)
        index = code.index(np.ravel_multi_index(lower, step.matrix.shape))
        code.emit(f"{_named(code, gradients_of_matrix)}({own}, {target}, {index}, out={other})")
        found.insert(0, (step.matrix[lower], other))
    else:
        index = code.index(np.ravel_multi_index(step.lower, step.own.shape))
        code.emit(f"{_named(code, gradients)}({own}, {gradient}, {index}, out={target})")
    return found


def _named(code: Code, function: Callable[..., None]) -> str:
    return code.name((function,), lambda *_: function, prefix=function.__name__)


def _count(code: Code, step: Factorisation, times: int) -> None:
    """Note what it costs: a third of n³ flops, and n² for each solution, or twice as much."""
    (m, n), varying = step.own.shape, step.space == VARYING
    flops = m * n**2 if isinstance(step, Substitution) else n**3 // 3 + (m - n) * n**2
    flops *= times
    code.count(varying, flops, moved=2 * times * m * n, blas=0 if varying else flops)


def factorise(given: Any, out: Any) -> None:
    """Compute L and the further rows.

    >>> L = np.zeros((3, 2))
    >>> factorise(np.array([[4.0, 0.0], [2.0, 10.0], [6.0, 9.0]]), out=L)
    >>> L.tolist()
    [[2.0, 0.0], [1.0, 3.0], [3.0, 2.0]]
    """
    if out.ndim > 2 or not _by_lapack(given, out):
        _by_columns(given, out)


def gradients(own: Any, slopes: Any, lower: Any, out: Any) -> None:
    """Compute the gradients of what was factorised.

    Args:
        own: L and the further rows.
        slopes: the gradients of these.
        lower: which numbers of the matrix are wanted, counted row by row.
        out: the array to write to.
    """
    found = None if own.ndim > 2 else _gradients_by_lapack(own, slopes)
    if found is None:
        found = _gradients_by_columns(own, slopes)
    out[...] = found.reshape(-1, *own.shape[2:]).take(lower, 0)


def solve(matrix: Any, given: Any, out: Any) -> None:
    """Compute the solutions of Lᵀ x = z, a row each.

    >>> x = np.zeros((1, 2))
    >>> solve(np.array([[2.0, 0.0], [1.0, 3.0]]), np.array([[8.0, 9.0]]), out=x)
    >>> x.tolist()
    [[2.5, 3.0]]
    """
    _solve(matrix, given, out, is_transposed=True)


def gradients_of_given(matrix: Any, slopes: Any, out: Any) -> None:
    """Compute the gradients of right sides, which are solutions, too: of L z = y."""
    _solve(matrix, slopes, out.reshape(slopes.shape), is_transposed=False)


def gradients_of_matrix(own: Any, right: Any, lower: Any, out: Any) -> None:
    """Compute the gradient of L, from the solutions and the gradients of the right sides."""
    found = np.einsum("ri...,rj...->ij...", own, right.reshape(own.shape))
    np.negative(found.reshape(-1, *own.shape[2:]).take(lower, 0), out=out)


def _solve(matrix: Any, given: Any, out: Any, is_transposed: bool) -> None:
    """Compute the solutions of L z = y, or Lᵀ x = z, a row each: BLAS does it, if it can."""
    from scipy.linalg import blas

    if out.ndim == 2 and matrix.diagonal().all():
        out[...] = blas.dtrsm(1.0, matrix.T, given.T, trans_a=not is_transposed).T
        if isfinite(np.add.reduce(out, None)):
            return
    n, lower = len(matrix), np.swapaxes(matrix, 0, 1) if is_transposed else matrix
    out[...] = given
    for j in reversed(range(n)) if is_transposed else range(n):
        known = slice(j + 1, n) if is_transposed else slice(j)
        out[:, j] -= np.einsum("ik...,k...->i...", out[:, known], lower[j, known])
        out[:, j] /= lower[j, j]


def _by_lapack(given: Any, out: Any) -> bool:
    """Compute L and the further rows; tell whether that went well."""
    from scipy.linalg import blas, lapack

    n = given.shape[1]
    upper, info = lapack.dpotrf(given[:n].T, lower=0, clean=0)  # Lᵀ, in the order of Fortran
    if info:
        return False
    out[:n] = upper.T
    if len(given) > n:
        out[n:] = blas.dtrsm(1.0, upper, given[n:].T, trans_a=1).T
    return isfinite(np.add.reduce(out, None))


def _gradients_by_lapack(own: Any, slopes: Any) -> Any:
    """Compute the gradients of what was factorised; None where they are not to be had so."""
    from scipy.linalg import blas

    n = own.shape[1]
    upper, slope, half = own[:n].T, slopes[:n], _half(n)
    if not upper.diagonal().all():
        return None
    found = np.empty_like(own)
    if len(own) > n:
        found[n:] = blas.dtrsm(1.0, upper, slopes[n:].T).T
        slope = slope - found[n:].T @ own[n:]
    inner = blas.dtrmm(1.0, upper, slope)
    inner *= half
    outer = blas.dtrsm(1.0, upper, blas.dtrsm(1.0, upper, inner), side=1, trans_a=1)
    np.multiply(outer + outer.T, half, out=found[:n])
    return found if isfinite(np.add.reduce(found, None)) else None


@cache
def _half(n: int) -> Any:
    """Return a matrix with 1 below the diagonal, ½ on it and 0 above, as LAPACK likes it.

    >>> _half(2).tolist()
    [[0.5, 0.0], [1.0, 0.5]]
    """
    return np.asfortranarray(np.tri(n) - 0.5 * np.eye(n))


def _by_columns(given: Any, out: Any) -> None:
    """Compute L and the further rows, a column after the other."""
    out[...] = given
    for j in range(given.shape[1]):
        if j:
            out[j:, j] -= np.einsum("ik...,k...->i...", out[j:, :j], out[j, :j])
        out[j, j] = np.sqrt(out[j, j])
        out[j + 1 :, j] /= out[j, j]


def _gradients_by_columns(own: Any, slopes: Any) -> Any:
    """Compute the gradients of what was factorised, from the last column to the first."""
    found = slopes.copy()
    for j in reversed(range(own.shape[1])):
        pivot, column, below = own[j, j], own[j + 1 :, j], found[j + 1 :, j]
        below /= pivot
        found[j, j] -= (below * column).sum(axis=0)
        found[j, j] *= 0.5 / pivot
        if j:
            found[j + 1 :, :j] -= below[:, None] * own[j, :j]
            found[j, :j] -= np.einsum("i...,ik...->k...", below, own[j + 1 :, :j])
            found[j, :j] -= 2.0 * found[j, j] * own[j, :j]
    return found
