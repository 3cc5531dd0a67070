"""A compiled function as a picture: its arguments, and the equations that `print` lists."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, TypeVar

from autograd import notation
from autograd.compiler.listing import Equation, Line, Reading, Vector, listed, stretches
from autograd.compiler.passes import VARYING
from autograd.pictures.boxes import (
    MAX_EDGES,
    MAX_NODES,
    Arrow,
    Box,
    band,
    bundle,
    framed,
    line,
    rounded,
    write,
)

_MOST_BOXES = 24  # of arguments, and of equations
_MOST_KINDS = 4  # operations that are named
_LONGEST = 48  # characters of an equation


def program_picture(compiled: Any, collapse: str, rankdir: str) -> tuple[str, str]:
    """Draw the program of the latest call; give the DOT, and its listing as text.

    Each box is a line of the listing: a layer, an activation, the loss. Those of a layer, with its
    parameters, stand in a frame. If there are too many to read, and `collapse` is not "none", each
    box is a stretch of them, and so for arguments.
    """
    reading = compiled.reading()
    text = listed(reading, compiled.cost)
    return _Blueprint(reading).drawn(collapse, rankdir), text


_T = TypeVar("_T")


def _stretches(items: Sequence[_T], collapse: str) -> Iterator[Sequence[_T]]:
    """Part what is drawn into what one box has."""
    size = 1 if collapse == "none" else max(1, -(-len(items) // _MOST_BOXES))
    return (items[i : i + size] for i in range(0, len(items), size))


class _Shown(NamedTuple):
    """A line of the listing; what t is in turn, if it is in a loop; its equation in each round."""

    line: Line
    loop: str
    rounds: Sequence[Equation]


class _Blueprint:
    """The boxes of a program, and which of them each vector is in."""

    def __init__(self, reading: Reading) -> None:
        self.reading = reading
        self.boxes: list[Box] = []
        self.counts: Counter[tuple[int, int]] = Counter()  # numbers that go from box to box
        self.place: dict[Vector, int] = {}
        self.needed = {piece.vector for x in reading.shown for piece in reading.read_by(x)}
        self.needed |= {piece.vector for use in reading.returned_uses() for piece in use.pieces}

    def drawn(self, collapse: str, rankdir: str) -> str:
        """Write the picture in DOT."""
        reading = self.reading
        named = [vector for vector in reading.naming.named if vector in self.needed]
        for vectors in _stretches(named, collapse):
            self._add(rounded(self._arguments(vectors)), vectors)
        for part in _stretches(list(self._shown()), collapse):
            every = [equation for x in part for equation in x.rounds]
            box = self._add(framed(self._rows(part)), [x.vector for x in every], part[0].loop)
            for equation in every:
                for piece in reading.read_by(equation):
                    self._link(piece.vector, min(piece.count, piece.vector.size), box)
        rows = [line("result", bold=True)]
        if reading.plan.reduce:
            rows.append(line(f"{reading.plan.reduce} over the batch"))
        box = self._add(rounded(rows), [])
        for use in reading.returned_uses():
            for piece in use.pieces:
                self._link(piece.vector, piece.count, box)
        if len(self.boxes) > MAX_NODES or len(self.counts) > MAX_EDGES:
            raise ValueError(
                f"the program has {len(self.boxes)} arguments and lines, and without collapsing a "
                f'picture can have {MAX_NODES}, and {MAX_EDGES} arrows: leave `collapse` at "auto"'
            )
        arrows = [
            Arrow(f"a{i}", self.boxes[tail].key, self.boxes[head].key, bundle(n, "number"))
            for i, ((tail, head), n) in enumerate(self.counts.items())
        ]
        return write(self.boxes, arrows, rankdir)

    def _shown(self) -> Iterator[_Shown]:
        """Return the lines of the listing with the equations that they stand for."""
        shown = self.reading.shown
        for own in stretches([self.reading.line(equation) for equation in shown]):
            n = len(own.lines)
            for i, row in enumerate(own.lines, own.start):
                yield _Shown(row, own.head, shown[i : i + n * own.rounds : n])

    def _add(self, label: str, vectors: Sequence[Vector], loop: str = "") -> int:
        """Add a box, in the frame of a loop or of the layer of its vectors; give its place."""
        layers = {vector.layer for vector in vectors}
        frames = (f"layer {layers.pop()}",) if len(layers) == 1 and 0 not in layers else ()
        frames = (f"for {loop}",) if loop else frames
        self.boxes.append(Box(f"s{len(self.boxes)}", {"label": f"<{label}>"}, frames))
        place = len(self.boxes) - 1
        self.place.update(dict.fromkeys(vectors, place))
        return place

    def _arguments(self, vectors: Sequence[Vector]) -> Iterator[str]:
        """Lay out what is read from outside: its name, where it comes from, its shape."""
        vector, *more = vectors
        if more:
            ends = vector, more[-1]
            yield line(" … ".join([notation.label(x.name) for x in ends]), bold=True)
            yield line(notation.count(sum([x.size for x in vectors]), "number"))
            return
        yield line(notation.label(vector.name), bold=True)
        if vector.source:
            yield line(notation.label(vector.source))
        shape = ["batch"] * vector.is_per_sample + list(map(str, vector.shape))
        yield line(" × ".join(shape) or "number")

    def _rows(self, part: Sequence[_Shown]) -> Iterator[str]:
        """Lay out one line, or a stretch of them."""
        every = [equation for x in part for equation in x.rounds]
        (first, *more) = part
        if more or every[0].tape:
            kinds = Counter(name for x in every for name in self._operations(x))
            names = [name for name, _ in kinds.most_common(_MOST_KINDS)]
            yield band(", ".join([*names, *["…"] * (len(kinds) > len(names))]))
            yield line(notation.count(kinds.total(), "operation"))
        else:
            row = first.line
            yield band(notation.label(f"{row.left} = {row.right}", _LONGEST))
            yield line(row.size.strip("()").replace("→", " → ") or "1 number")
        if self.reading.plan.batched:
            lanes = any(x.space == VARYING for x in every)
            yield line("per sample" if lanes else "once for all samples")

    def _operations(self, equation: Equation) -> Iterator[str]:
        """Name the operations of an equation, those inside of it too."""
        rows = equation.tape.ops if equation.tape else [equation.op]
        for op in rows:
            yield notation.label(notation.symbol(op.name))
        for inner in filter(None, [self.reading.inside(x.vector) for x in equation.pieces]):
            yield from self._operations(inner)

    def _link(self, vector: Vector, count: int, head: int) -> None:
        """Note that numbers go to a box; a constant comes from nowhere."""
        tail = self.place.get(vector, head)
        if tail != head:
            self.counts[tail, head] += count
