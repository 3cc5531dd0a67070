"""Write sums of products along axes as matrix products of BLAS.

A `Factor` is an array with a letter for each axis; `multiply` sums over the letters that the result
has not. To become matrices, axes that stand one behind the other are taken as one; an array whose
axes do not stand so is copied, or the product is done for one index of an axis after the other,
whichever promises to take less time. For a filter of 3 by 3 that slides over a picture:

    before   z[a, b, l] = Σ w[r, s] x[a, b, r, s, l]     x has the strides (28, 1, 28, 1) of rows
    after    copy x as t[rs, abl]      matmul(w[rs], t[rs, abl], out=z[abl])
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, combinations, product
from math import gcd, prod
from typing import Any, NamedTuple

import numpy as np

from autograd.compiler.codegen import kernels
from autograd.compiler.codegen.code import Code, strides_of
from autograd.compiler.passes import VARYING

LANES = "l"
ROWS, TERMS = "abcdefgh", "rstuvwxyz"  # the letters of the axes of a step, and of its terms

_MOST_LOOPS = 3  # axes to go along, besides those that all three arrays have

# What decides how a product is done: the nanoseconds of one more product, and of copying a number.
_PER_PRODUCT, _PER_COPY, _LIKELY_LANES = 500.0, 1.0, 32


class Axis(NamedTuple):
    """One axis, or several taken as one: its size and stride in rows of the buffer.

    With `lanes`, the lanes follow inside of it.
    """

    size: int
    stride: int
    lanes: bool

    @property
    def is_one(self) -> bool:
        """Whether there is one index only."""
        return self.size == 1 and not self.lanes


@dataclass(frozen=True)
class Factor:
    """An array of a product.

    Attributes:
        buffer: the array whose rows it is made of.
        first: the first row.
        letters: a letter for each axis; with lanes, these are the last one, `LANES`.
        sizes: the length of each, without that of the lanes.
        strides: how many rows apart its elements are.
    """

    buffer: str
    first: int
    letters: str
    sizes: tuple[int, ...]
    strides: tuple[int, ...]

    @property
    def varying(self) -> bool:
        """Whether rows have lanes."""
        return self.letters.endswith(LANES)

    def axes(self) -> Iterator[tuple[str, int, int]]:
        """Return for each axis, without the lanes, its letter, size and stride."""
        return zip(self.letters, self.sizes, self.strides, strict=False)

    def fused(self, letters: str) -> Axis | None:
        """Take axes as one; None where they do not stand one behind the other."""
        lanes = letters.endswith(LANES)
        size, stride = 1, 1
        for x in reversed(letters.removesuffix(LANES)):
            i = self.letters.index(x)
            if self.sizes[i] > 1 and size == 1 and not lanes:
                stride = self.strides[i]
            elif self.sizes[i] > 1 and self.strides[i] != stride * size:
                return None
            size *= self.sizes[i]
        return Axis(size, stride, lanes)

    def shaped(self, groups: Sequence[str]) -> list[Axis] | None:
        """Take the axes of each group as one."""
        axes = [x for x in map(self.fused, groups) if x]
        return axes if len(axes) == len(groups) else None

    def is_packed(self, groups: Sequence[str], in_order: bool = False) -> bool:
        """Tell whether the numbers of a matrix, or of a vector, stand without gaps.

        If they have to be `in_order`, the last axis has to be that of neighbours.
        """
        axes = self.shaped(groups) or []
        packed = [x for x in axes if not x.is_one]
        if not in_order:
            packed.sort(key=lambda x: (x.lanes, -x.stride))
        sizes = [x.size for x in packed]
        return all(x.stride == prod(sizes[i + 1 :]) for i, x in enumerate(packed) if x.size > 1)

    def view(self, code: Code, groups: Sequence[str] = ()) -> str:
        """Name the view with an axis for each group of letters, by default for each letter."""
        axes = self.shaped(groups or self.letters)
        assert axes is not None
        own = [x for x in axes if not x.lanes]
        if len(own) == 1 and own[0].stride and len(axes) - 1 == self.varying and _lanes_alone(axes):
            places = self.first + own[0].stride * np.arange(own[0].size)
            return code.rows(self.buffer, places) + ".T" * axes[0].lanes
        if self.buffer == VARYING:
            code.touch(self.buffer, self.places())
        buffer, first = self.buffer, self.first

        def maker(buffers: dict[str, Any], lanes: int) -> Any:
            base = buffers[buffer][first:]
            shape = [x.size * lanes if x.lanes else x.size for x in axes]
            strides = [base.itemsize if x.lanes else x.stride * base.strides[0] for x in axes]
            return np.lib.stride_tricks.as_strided(base, shape, strides)

        return code.name(("view", buffer, first, *axes), maker)

    def places(self) -> Any:
        """Return the rows, in the shape of the axes."""
        places: Any = np.array(self.first)
        for size, stride in zip(self.sizes, self.strides, strict=True):
            places = np.add.outer(places, stride * np.arange(size))
        return places


def _lanes_alone(axes: Sequence[Axis]) -> bool:
    return all(x.size == 1 for x in axes if x.lanes)


def factor(code: Code, space: str, places: Any, letters: str) -> Factor:
    """Return the factor that stands at places of a space, or a copy where these have no strides.

    One that is the same in all terms is copied, too: it is not to be taken out of the sum, as terms
    may be infinite.
    """
    strides = strides_of(places)
    if strides is not None:
        found = Factor(space, int(places.flat[0]), letters, places.shape, strides)
        if not any(s == 0 < n - 1 and x in TERMS for x, n, s in found.axes()):
            return found
    copy = scratch(code, letters, places.shape)
    code.take(space, places.reshape(-1), copy.buffer)
    return copy


def scratch(code: Code, letters: str, sizes: Sequence[int]) -> Factor:
    """Return a new array with these axes, free again after the step."""
    buffer = code.temporary((prod(sizes),), letters.endswith(LANES))
    return Factor(buffer, 0, letters, tuple(sizes), strides_within(sizes))


def strides_within(sizes: Sequence[int]) -> tuple[int, ...]:
    """Return the strides of an array without gaps.

    >>> strides_within((2, 3, 4))
    (12, 4, 1)
    """
    return tuple([prod(sizes[i + 1 :]) for i in range(len(sizes))])


def multiply(code: Code, out: Factor, left: Factor, right: Factor) -> None:
    """Write the product of two factors, summed over the axes that the result has not."""
    if out.letters[-1] not in right.letters:  # so that rows of the result are rows of a matrix
        left, right = right, left
    left, right = [code.copies.get(x, x) for x in (left, right)]
    left, right = [_summed(code, x, out.letters + y) for x, y in _with_others(left, right)]
    common = [x for x in left.letters if x in right.letters]
    is_matrix = is_matrix_product(out.letters, left.letters, right.letters)
    is_sum = not set(common) <= set(out.letters)
    flops = prod(_sizes(left, right).values()) * (1 + is_sum)
    code.count(left.varying or right.varying, flops, blas=flops * is_matrix)
    for x in (left, right, out):
        code.count(x.varying, moved=prod(x.sizes))
    if is_matrix:
        always = [x for x in common if x in out.letters]
        others = [x for x in dict.fromkeys(out.letters + left.letters) if x not in (*always, LANES)]
        subsets = chain.from_iterable(combinations(others, n + 1) for n in range(_MOST_LOOPS))
        best = _Product(out, left, right, {*always})
        for loops in subsets:
            if _PER_PRODUCT * prod([best.sizes[x] for x in (*always, *loops)]) < best.cost:
                other = _Product(out, left, right, {*always, *loops})
                best = other if other.cost < best.cost else best
        best.write(code)
    elif not is_sum:
        _elementwise(code, out.view(code), out.letters, left, right)
    elif _is_short(out, left, right):
        target, terms = out.view(code), [_terms(x, out.letters) for x in (left, right)]
        for i, pair in enumerate(zip(*terms, strict=True)):
            if not i:
                _elementwise(code, target, out.letters, *pair)
                continue
            term = scratch(code, out.letters, out.sizes).view(code)
            _elementwise(code, term, out.letters, *pair)
            code.emit(f"add({target}, {term}, out={target})")
    elif (by_lane := _ByLane(out, left, right)).is_large:
        for x in (left, right):  # what is an argument is not to be read where the caller has it
            code.touch(x.buffer, x.places())
        names = [x.view(code) for x in (left, right, out)]
        letters = f"{left.letters},{right.letters}->{out.letters}"
        function = code.name(("by lane", letters, *names), by_lane.made, prefix="product")
        code.emit(f"{function}({', '.join(names)})  # {letters}")
    else:
        rows, sizes = out.letters.removesuffix(LANES), _sizes(left, right)
        letters = "".join([rows, *[x for x in common if x not in out.letters], LANES])
        each = scratch(code, letters, [sizes[x] for x in letters[:-1]])
        _elementwise(code, each.view(code), letters, left, right)
        count = prod(each.sizes[len(rows) :])
        sum_of_rows(
            code, each.view(code, [*rows, letters[len(rows) : -1], LANES]), count, out.view(code)
        )


def sum_of_rows(code: Code, terms: str, count: int, out: str) -> None:
    """Write the sum over the last axis but the lanes: BLAS takes half the time of NumPy's sum."""
    ones = code.name(("ones", count), lambda *_: np.ones(count))
    code.emit(f"matmul({ones}, {terms}, out={out})")


_FEW_TERMS = 4  # of a sum, that are as fast one after the other


def _is_short(out: Factor, left: Factor, right: Factor) -> bool:
    """Tell whether each number of the result has a few terms of its own."""
    terms = [n for x, n, _ in left.axes() if x not in out.letters]
    alone = set(left.letters) == set(right.letters) > set(out.letters)
    return alone and prod(terms) <= _FEW_TERMS


def _terms(x: Factor, kept: str) -> Iterator[Factor]:
    """Return the factor of each term of a sum, without the axes of these."""
    own = list(x.axes())
    axes = [(size, stride) for letter, size, stride in own if letter not in kept]
    rest = [axis for axis in own if axis[0] in kept]
    letters = "".join([letter for letter, *_ in rest]) + LANES * x.varying
    for index in product(*[range(size) for size, _ in axes]):
        first = x.first + sum([i * stride for i, (_, stride) in zip(index, axes, strict=True)])
        sizes, strides = tuple([n for _, n, _ in rest]), tuple([step for *_, step in rest])
        yield Factor(x.buffer, first, letters, sizes, strides)


def _elementwise(code: Code, target: str, letters: str, left: Factor, right: Factor) -> None:
    """Write a product without a sum."""
    axes = [[x if x in y.letters else "" for x in letters] for y in (left, right)]
    names = [y.view(code, groups) for y, groups in zip((left, right), axes, strict=True)]
    code.emit(f"multiply({names[0]}, {names[1]}, out={target})")


def is_matrix_product(out: str, left: str, right: str) -> bool:
    """Tell whether BLAS computes a product of factors with these letters.

    It takes sums only, and not those of which each lane has one, as lanes are neighbours.

    >>> is_matrix_product("al", "ar", "rl"), is_matrix_product("al", "arl", "arl")
    (True, False)
    """
    common = set(left) & set(right)
    return bool(common - set(out)) and LANES not in common & set(out)


def _sizes(left: Factor, right: Factor) -> dict[str, int]:
    """Return the size of each axis, without that of the lanes."""
    return {x: n for y in (left, right) for x, n in zip(y.letters, y.sizes, strict=False)}


def _with_others(left: Factor, right: Factor) -> Iterator[tuple[Factor, str]]:
    yield left, right.letters
    yield right, left.letters


def _summed(code: Code, x: Factor, kept: str) -> Factor:
    """Sum a factor over the axes that are not kept, which nothing else has."""
    over = tuple([i for i, letter in enumerate(x.letters) if letter not in kept])
    if not over:
        return x
    left = [i for i in range(len(x.letters)) if i not in over]
    total = scratch(
        code, "".join(x.letters[i] for i in left), [x.sizes[i] for i in left if i < len(x.sizes)]
    )
    code.count(x.varying, prod(x.sizes), prod(x.sizes))
    code.emit(f"add.reduce({x.view(code)}, {over}, None, {total.view(code)})")
    return total


class _Product:
    """A way to do a product: one matrix product for each index of the axes to loop over."""

    def __init__(self, out: Factor, left: Factor, right: Factor, loops: set[str]) -> None:
        self.out, self.left, self.right = out, left, right
        common = set(left.letters) & set(right.letters)
        order = "".join(dict.fromkeys(out.letters + left.letters))
        self.loops = [x for x in order if x in loops]
        rows, columns, terms = [
            "".join(x for x in order_of if x in letters and x not in loops)
            for order_of, letters in (
                (out.letters, set(left.letters) - common),
                (out.letters, set(right.letters) - common),
                (left.letters, common - set(out.letters)),
            )
        ]
        self.groups = {"left": (rows, terms), "right": (terms, columns), "out": (rows, columns)}
        self.adds = [x for x in self.loops if x not in out.letters]
        self.sizes = every = _sizes(left, right)
        self.cost = _PER_PRODUCT * prod([every[x] for x in self.loops])
        self.copied = [
            side for side, x in (("left", left), ("right", right)) if not self._fits(x, side)
        ]
        self.copied += ["out"] if self.adds or not self._fits(out, "out") else []
        for side in self.copied:
            letters = [x for x in (*self.loops, *"".join(self.groups[side])) if x != LANES]
            lanes = LANES in (*self.groups[side][0], *self.groups[side][1])
            letters = [x for x in letters if side == "out" or x in getattr(self, side).letters]
            count = prod([every[x] for x in letters])
            self.cost += _PER_COPY * count * (_LIKELY_LANES if lanes else 1)

    def _axes(self, x: Factor, side: str) -> list[str]:
        loops = [letter if letter in x.letters else "" for letter in self.loops]
        matrix = self.groups[side]
        return [*loops, *matrix] if loops else [group for group in matrix if group]

    def _fits(self, x: Factor, side: str) -> bool:
        """Tell whether BLAS takes an array as it stands."""
        axes = x.shaped(self._axes(x, side))
        if axes is None:
            return False
        if len(axes) < 2 or axes[-1].is_one or axes[-2].is_one:
            return True
        inner, outer = axes[-2:] if axes[-2].lanes else axes[:-3:-1]
        if not x.varying and inner.stride != 1:
            inner, outer = outer, inner
        return inner.lanes == x.varying and inner.stride == 1 and outer.stride >= inner.size

    def write(self, code: Code) -> None:
        """Write the code."""
        operands = []
        for side, x in (("left", self.left), ("right", self.right)):
            if side in self.copied:
                copy = self._scratch(code, x.letters, side, x)
                code.emit(f"copyto({copy.view(code, list(x.letters))}, {x.view(code)})")
                x = copy
            operands.append((x, self._axes(x, side)))
        out = self.out
        if "out" in self.copied:
            out = self._scratch(code, "".join(self.loops) + out.letters, "out")
        operands.append((out, self._axes(out, "out")))
        left, right, target = [x.view(code, axes) for x, axes in operands]
        is_packed = all(x.is_packed(axes, in_order=x is out) for x, axes in operands)
        # `dot` has BLAS scale the other factor by a single number, and that makes 0 of 0 · inf
        scales = any(not x.varying and prod(x.sizes) == 1 for x in (self.left, self.right))
        if is_packed and not self.loops and not scales:
            code.emit(f"{left}.dot({right}, out={target})")  # the least cost per call
        else:
            code.emit(f"matmul({left}, {right}, out={target})")
        if self.adds:
            view = out.view(code, [*self.adds, *self.out.letters])
            axes = tuple(range(len(self.adds)))
            code.emit(f"add.reduce({view}, {axes}, None, {self.out.view(code)})")
        elif out is not self.out:
            code.emit(f"copyto({self.out.view(code)}, {out.view(code, list(self.out.letters))})")

    def _scratch(self, code: Code, letters: str, side: str, source: Factor | None = None) -> Factor:
        """Return an array whose axes stand as the product wants them.

        A copy of values stays, for the gradient of the other factor, which is a product with it.
        """
        matrix = sorted(self.groups[side], key=lambda group: LANES in group)
        order = "".join([x for x in self.loops if x in letters]) + "".join(matrix)
        sizes = tuple([self.sizes[x] for x in order if x != LANES])
        if code.keeps and source is not None and source.buffer == VARYING:
            name = code.to_keep(("copy", source), (prod(sizes),), varying=True)
            found = Factor(name, 0, order, sizes, strides_within(sizes))
            code.copies[source] = found
        else:
            found = scratch(code, order, sizes)
        code.count(found.varying, moved=2 * prod(found.sizes))  # to copy it, or what is in it
        return found


_LARGE = 512  # products of numbers, in each lane
_PAGE = 4096  # bytes
_MOST_LANES = 128  # more stand too far apart to be brought outside


class _ByLane:
    """A product of which each lane has one: native code, or matrices of BLAS, with lanes outside.

    Attributes:
        is_large: whether it may be worth either.
    """

    def __init__(self, out: Factor, left: Factor, right: Factor) -> None:
        self.factors = left, right, out
        self.sizes = _sizes(left, right)
        own = [x for x in self.sizes if x in left.letters and x in right.letters]
        self.loops = "".join([x for x in own if x in out.letters])
        self.terms = "".join([x for x in own if x not in out.letters])
        self.count = self._size("".join(self.sizes))
        self.is_large = self.count >= _LARGE

    def _size(self, letters: str) -> int:
        return prod([self.sizes[x] for x in letters])

    def made(self, names: dict[str, Any], lanes: int) -> Callable[..., None]:
        """Make the function that computes it."""
        read = max([prod(x.sizes) for x in self.factors[:2]])
        # eight lanes at a time: what is read once, and is much, had better be read in order
        is_cached = self.count > read or 8 * lanes * self._size(self.terms) <= 8 * _PAGE
        compiled = kernels.product(self.count, lanes) if is_cached else None
        if compiled:
            return self._natively(compiled, names, lanes)
        copied = sum([prod(x.sizes) for x in self.factors])
        saved = self.count - _PER_COPY * copied - _PER_PRODUCT * self._size(self.loops)
        if lanes <= _MOST_LANES and saved > 0.0:
            return self._with_lanes_outside(lanes)
        letters = "{},{}->{}".format(*[x.letters for x in self.factors])
        return lambda left, right, out: np.einsum(letters, left, right, out=out)

    def _natively(
        self, compiled: Callable[..., None], names: dict[str, Any], lanes: int
    ) -> Callable[..., None]:
        copies = []
        factors, arrays = list(self.factors), [names[x.buffer].reshape(-1) for x in self.factors]
        for i, x in enumerate(self.factors[:2]):
            if self._is_crowded(x, lanes):
                own = x.letters.removesuffix(LANES)
                order = sorted(own, key=self.terms.__contains__)
                sizes = [self.sizes[y] for y in order]
                copy = np.empty((*sizes, lanes))
                copies.append((copy.transpose(*map(order.index, own), len(own)), i))
                letters = "".join([*order, LANES])
                factors[i] = Factor("", 0, letters, tuple(sizes), strides_within(sizes))
                arrays[i] = copy.reshape(-1)
        left, right, out = factors
        rows = [x.first + self._places(x, out.letters) for x in (out, left, right)]
        terms = [self._places(x, self.terms) for x in (left, right)]
        places = [(lanes * x).astype(np.uint64) for x in (*rows, *terms)]
        arguments = *places, np.uint64(lanes), arrays[2], *arrays[:2]

        def run(*views: Any) -> None:
            for copy, i in copies:
                np.copyto(copy, views[i])
            compiled(*arguments)

        return run

    def _is_crowded(self, x: Factor, lanes: int) -> bool:
        """Tell whether a processor's cache has no room for all terms of a sum, which stand apart.

        Of numbers that are 4096 bytes apart it keeps eight.
        """
        step = gcd(*[stride for y, n, stride in x.axes() if y in self.terms and n > 1])
        return self._size(self.terms) * gcd(8 * lanes * step, _PAGE) > 8 * _PAGE

    def _places(self, x: Factor, letters: str) -> Any:
        """Return how far from the first row those along some axes stand."""
        strides = {letter: stride for letter, _, stride in x.axes()}
        places: Any = np.zeros((), np.intp)
        for letter in letters.removesuffix(LANES):
            places = np.add.outer(places, strides.get(letter, 0) * np.arange(self.sizes[letter]))
        return places.reshape(-1)

    def _with_lanes_outside(self, lanes: int) -> Callable[[Any, Any, Any], None]:
        left, right, _ = self.factors
        rows = "".join([x for x in self.sizes if x not in right.letters])
        columns = "".join([x for x in self.sizes if x not in left.letters])
        matrices, copies = [], []
        for x, matrix in zip(
            self.factors, ((rows, self.terms), (self.terms, columns), (rows, columns)), strict=True
        ):
            order = LANES + self.loops + "".join(matrix)
            array = np.empty((lanes, *[self.sizes[x] for x in order[1:]]))
            loops = [self.sizes[x] for x in self.loops]
            matrices.append(array.reshape(lanes, *loops, *map(self._size, matrix)))
            copies.append(array.transpose([order.index(letter) for letter in x.letters]))

        def run(left: Any, right: Any, out: Any) -> None:
            np.copyto(copies[0], left)
            np.copyto(copies[1], right)
            np.matmul(matrices[0], matrices[1], out=matrices[2])
            np.copyto(out, copies[2])

        return run
