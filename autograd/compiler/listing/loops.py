"""Write lines that repeat as a loop, with a letter for the number of the round.

Lines are of one loop if they are the same up to their numbers, and these advance evenly:

    before   z2 = W [x[8:16]; h1] + b    h2 = tanh(z2)    z3 = W [x[16:24]; h2] + b    h3 = tanh(z3)
             ...
    after    for t = 2 … 1000:
               z[t] = W [x[8t−8:8t]; h[t−1]] + b
               h[t] = tanh(z[t])

So do the terms of a sum: x1 (∂L/∂z2)ᵀ + x2 (∂L/∂z3)ᵀ + … is Σ(t = 2 … 1000) x[t−1] (∂L/∂z[t])ᵀ.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from autograd.compiler.listing.reading import Line
from autograd.compiler.passes import loops_of

_NUMBER = re.compile(r"(?<![\d.])\d+(?![\d.])")


class Stretch(NamedTuple):
    """Lines that stand alone, or those of a round of a loop.

    Attributes:
        lines: them, those of a loop with the letter t.
        head: what t is in turn, and in which order; nothing of lines alone.
        start: the number of the first line.
        rounds: how many there are.
    """

    lines: Sequence[Line]
    head: str
    start: int
    rounds: int = 1


def stretches(lines: Sequence[Line]) -> Iterator[Stretch]:
    """Part lines into loops and what is between them."""
    texts, at = [_Text("\n".join([x.left, x.sign, x.right, x.size])) for x in lines], 0
    for loop in loops_of(texts):
        yield Stretch(lines[at : loop.start], "", at)
        head, body = _loop(texts, loop)
        parts = [text.split("\n") for text in body]
        own = [Line(left, right, size, sign) for left, sign, right, size in parts]
        yield Stretch(own, head, loop.start, loop.count)
        at = loop.stop
    yield Stretch(lines[at:], "", at)


def rolled(lines: Sequence[Line]) -> list[Line]:
    """Write lines that repeat as loops.

    >>> for x in rolled([Line(f"h{t}", f"2 · h{t - 1} + x[{4 * t}]") for t in range(1, 9)]):
    ...     print(x.left, x.sign, x.right)
    for t = 1 … 8:
      h[t] = 2 · h[t−1] + x[4t]
    """
    found: list[Line] = []
    for own in stretches(lines):
        if own.head:
            found.append(Line(f"for {own.head}:", "", sign=""))
            found += [replace(line, left=f"  {line.left}") for line in own.lines]
        else:
            found += own.lines
    return found


def rolled_sum(terms: Sequence[str]) -> list[str]:
    """Write terms of a sum that repeat as a sum over the rounds.

    >>> rolled_sum(["a1", *[f"{i} · v{i + 1}" for i in range(2, 9)]])
    ['a1', 'Σ(t = 2 … 8) t · v[t+1]']
    """
    texts = list(map(_Text, terms))
    found, at = [], 0
    for loop in loops_of(texts):
        head, own = _loop(texts, loop)
        every = f"({' + '.join(own)})" if len(own) > 1 else own[0]
        found += [*terms[at : loop.start], f"Σ({head}) {every}"]
        at = loop.stop
    return [*found, *terms[at:]]


class _Numbers(NamedTuple):
    places: Any


@dataclass(frozen=True)
class _Text:
    """A text in the place of a step, with its numbers in the place of places: see `loops_of`."""

    text: str
    start = 0

    @cached_property
    def kind(self) -> str:
        """What is the same in all rounds."""
        return _NUMBER.sub("#", self.text)

    @cached_property
    def operands(self) -> list[_Numbers]:
        """What advances."""
        return [_Numbers(np.array(list(map(int, _NUMBER.findall(self.text)))))]


def _loop(texts: Sequence[_Text], loop: Any) -> tuple[str, list[str]]:
    """Return the numbers that the letter stands for in a loop, and the texts with the letter.

    It is the first number that advances by 1, or counts the rounds; down where most numbers go so.
    """
    first = texts[loop.start : loop.start + loop.period]
    second = texts[loop.start + loop.period : loop.start + 2 * loop.period]
    before, after = [np.concatenate([x.operands[0].places for x in own]) for own in (first, second)]
    steps = after - before
    ones = np.flatnonzero(abs(steps) == 1)
    down = steps.sum() < 0
    start, step = (loop.count, -1) if down else (1, 1)
    if ones.size:
        start, step = int(before[ones[0]]), int(steps[ones[0]])
    numbers = iter(zip(before.tolist(), (steps * step).tolist(), strict=True))

    def written(found: re.Match[str]) -> str:
        number, factor = next(numbers)
        return _with_letter(found, factor, number - factor * start) if factor else found[0]

    stop = start + step * (loop.count - 1)
    return f"t = {start} … {stop}", [_NUMBER.sub(written, x.text) for x in first]


def _with_letter(found: re.Match[str], factor: int, rest: int) -> str:
    """Write a number that advances with t: an index in brackets, if it belongs to a name."""
    text, sign = found.string, "−" if rest < 0 else "+"
    number = {1: "t", -1: "−t"}.get(factor, f"{factor}t".replace("-", "−"))
    number += f"{sign}{abs(rest)}" if rest else ""
    before = text[found.start() - 1 : found.start()]
    if before.isalpha():
        return f"[{number}]"
    return number if before in ("[", ":") or number == "t" else f"({number})"
