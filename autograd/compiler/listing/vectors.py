"""Vectors: the places of a program that belong together, and what they are called.

A program knows places only. For a reader, the places of a layer's weights are W1, those of its
results z1. What a step reads is then one vector, a part of one, or several of them side by side.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from autograd import notation
from autograd.compiler.passes import SHARED, VARYING, Program
from autograd.notation import Formula

_MOST_PIECES = 4  # that are written of what is read


@dataclass(eq=False)
class Vector:
    """Numbers that have one name.

    Attributes:
        name: the symbol.
        size: how many numbers they are.
        source: for an input, how it is written in the terms of the function's arguments.
        rows: how many neurons a matrix of weights has; 0 for what is no matrix.
        by_row: whether the symbol is a matrix with a row for each neuron; else it has a column for
            each, as the W of the lecture.
        layer: the number of the layer that it belongs to, from 1; 0 for none.
        is_per_sample: for an input, whether each sample has its own.
        value: the number that a constant is.
        elements: the names of the elements, where these are not the name with an index.
    """

    name: str
    size: int
    source: str = ""
    rows: int = 0
    by_row: bool = False
    layer: int = 0
    is_per_sample: bool = False
    value: float | None = None
    elements: Sequence[str] = field(default=(), repr=False)

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of what the symbol stands for; that of a number is empty."""
        if self.rows and self.name:
            shape = self.rows, self.size // self.rows
            return shape if self.by_row else shape[::-1]
        return (self.size,) if self.size > 1 else ()

    def element(self, i: int) -> str:
        """Write one element."""
        if self.elements:
            return self.elements[i]
        return self.name if self.size == 1 else f"{self.name}[{i}]"


@dataclass(frozen=True)
class Piece:
    """Elements of one vector: `count` of them from the index `start` on, `step` apart."""

    vector: Vector
    start: int
    step: int
    count: int

    @property
    def is_whole(self) -> bool:
        """Whether it is all of the vector, in order."""
        in_order = self.start == 0 and (self.step == 1 or self.count == 1)
        return in_order and self.count == self.vector.size

    @property
    def is_one(self) -> bool:
        """Whether it is one element, maybe several times."""
        return self.step == 0 or self.count == 1

    def __str__(self) -> str:
        vector = self.vector
        if vector.value is not None:
            return notation.number(vector.value)
        if self.is_whole:
            return vector.name
        if self.is_one:
            return vector.element(self.start)
        stop = self.start + self.step * self.count
        step = "" if self.step == 1 else f":{self.step}"
        return f"{vector.name}[{self.start}:{stop if stop >= 0 else ''}{step}]"


@dataclass(frozen=True)
class Use:
    """What one operand of a step reads."""

    pieces: tuple[Piece, ...]

    @property
    def size(self) -> int:
        """The count of numbers; one that is read for all elements counts once."""
        if len(self.pieces) == 1:
            return 1 if self.pieces[0].is_one else self.pieces[0].count
        return self.count

    @property
    def count(self) -> int:
        """The count of numbers, repetitions included."""
        return sum([piece.count for piece in self.pieces])

    @property
    def whole(self) -> Vector | None:
        """The vector, if this is all of one."""
        (piece, *more) = self.pieces
        return piece.vector if not more and piece.is_whole else None

    @property
    def entire(self) -> Vector | None:
        """The vector, if this is all of one, or a number that is read for all elements."""
        one = self.one
        return one.vector if one and one.vector.size == 1 else self.whole

    @property
    def blocks(self) -> list[Vector]:
        """The matrices that are read neuron by neuron, one beside the other; or none."""
        vectors = [piece.vector for piece in self.pieces]
        blocks = list(dict.fromkeys(vectors))
        neurons = {block.rows for block in blocks}
        orders = {block.by_row for block in blocks}
        m, size = max(neurons), sum(block.size for block in blocks)
        is_regular = len(neurons) == len(orders) == 1 and m * blocks == vectors
        return blocks if is_regular and len(blocks) > 1 and size == self.count else []

    @property
    def one(self) -> Piece | None:
        """The element, if this is one only."""
        (piece, *more) = self.pieces
        return piece if not more and piece.is_one else None

    @property
    def formula(self) -> Formula | float:
        """The symbol for it, or the number that it is."""
        piece = self.one
        if piece and piece.vector.value is not None:
            return piece.vector.value
        return Formula(str(self), size=self.size)

    def __str__(self) -> str:
        if len(self.pieces) == 1:
            return str(self.pieces[0])
        if blocks := self.blocks:
            side_by_side = " " if blocks[0].by_row else "; "
            return f"[{side_by_side.join([block.name for block in blocks])}]"
        times = [f" ×{x.count}" if x.step == 0 and x.count > 1 else "" for x in self.pieces]
        shown = [f"{piece}{n}" for piece, n in zip(self.pieces, times, strict=True)]
        if len(shown) > _MOST_PIECES:
            shown[_MOST_PIECES - 1 : -1] = ["…"]
        return f"[{'; '.join(shown)}]"


class Vectors:
    """Who owns each place of a program. As steps are read in order, places get owners.

    Args:
        program: constants own their places from the start.
    """

    def __init__(self, program: Program) -> None:
        self._vectors: list[Vector] = []
        self._owner = {space: np.full(n, -1) for space, n in program.sizes.items()}
        self._index = {space: np.zeros(n, np.intp) for space, n in program.sizes.items()}
        self._places: dict[Vector, tuple[str, Any]] = {}
        self._lifts = dict(program.lifts)
        for space, place, value in program.constants:
            self.own(Vector("", 1, value=value), space, [place])

    def own(self, vector: Vector, space: str, places: Any) -> None:
        """Give places to a vector, and so the copies that lanes have of them."""
        self._vectors.append(vector)
        self._places[vector] = space, places
        owner, index = self._owner[space], self._index[space]
        owner[places] = len(self._vectors) - 1
        index[places] = np.arange(len(places))
        if space == SHARED and self._lifts:
            for i, place in enumerate(np.asarray(places).tolist()):
                if place in self._lifts:
                    self._owner[VARYING][self._lifts[place]] = len(self._vectors) - 1
                    self._index[VARYING][self._lifts[place]] = i

    def is_free(self, space: str, places: Any) -> bool:
        """Tell whether no place has an owner."""
        return bool((self._owner[space][places] < 0).all())

    def is_any(self, vector: Vector, flags: dict[str, Any]) -> bool:
        """Tell whether one of the places of a vector has a flag."""
        space, places = self._places[vector]
        return bool(flags[space][places].any())

    def runs(self, space: str, places: Any) -> list[int]:
        """Find where a new piece begins."""
        owner, index = self._owner[space][places], self._index[space][places]
        if len(places) == 1:
            return [0]
        step = np.diff(index)
        together = np.diff(owner) == 0
        if together.all() and (step == step[0]).all():
            return [0]
        kind = np.where(together & ((step == 0) | (step == 1)), step, -1)
        ends = [*(np.flatnonzero(np.diff(kind)) + 1).tolist(), len(kind)]
        starts: list[int] = []
        at = 0
        for end in ends:  # between one and the next, all steps are of one kind
            if at >= end:
                continue
            if kind[at] == -1:
                starts += range(at, end)
                at = end
            else:
                starts.append(at)
                at = end + 1
        return [*starts, len(places) - 1] if at == len(places) - 1 else starts

    def use(self, space: str, places: Any) -> Use:
        """Say what is read at these places."""
        starts = self.runs(space, places)
        owner, index = self._owner[space], self._index[space]
        pieces = []
        for start, stop in zip(starts, [*starts[1:], len(places)], strict=True):
            first = places[start]
            count = stop - start
            step = int(index[places[start + 1]] - index[first]) if count > 1 else 0
            pieces.append(Piece(self._vectors[owner[first]], int(index[first]), step, count))
        return Use(tuple(pieces))
