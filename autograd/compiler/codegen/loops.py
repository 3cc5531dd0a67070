"""Write the code of a loop: some of its rounds, of which the others differ by places alone.

Lines of two rounds that are the same up to the arrays that they name are those of every round, if
the arrays stand a fixed distance on. For the states of a recurrent net, h3 = tanh(z3) and so on:

    before   tanh(z998, out=h998); tanh(z999, out=h999); tanh(z1000, out=h1000)    of all rounds
    after    for z, h in zip(Z, H): tanh(z, out=h)    Z the views z2, z3, ..., and H h2, h3, ...

Backward, code depends on what is known of gradients, too: which have been written. That is followed
from round to round; where a round finds what none did before, it is written for itself.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from autograd.compiler.codegen.code import Code
from autograd.compiler.codegen.lowering import Backward, Forward, ends_before
from autograd.compiler.passes import SHARED, VARYING, Ref, Step
from autograd.engine import table as p

_WRITTEN = 4  # rounds of which the forward code is written, the last ones
_FEWEST = 6  # rounds that are worth a loop
_MOST_TRIES = 8  # to find a loop, after which rounds are written one by one
_PARTS = re.compile(r"(\w+)")

Rounds = Sequence[Sequence[Step]]


class Places(NamedTuple):
    """Places of a space that a round reads or writes, and how far on they are a round later."""

    first: Any
    stride: Any

    def at(self, i: Any) -> Any:
        """Return the places of a round; with a column of numbers, a row for each."""
        return self.first + i * self.stride


def forward_rounds(forward: Forward, rounds: Rounds) -> None:
    """Write the rounds of a loop, or a step alone, in order."""
    code, count = forward.code, len(rounds)
    places = _places_of(code, rounds) if count >= _FEWEST else None
    if places is not None:
        before, state = code.take_lines(), code.state()
        numbers = range(count - _WRITTEN, count)
        lines = []
        for i in numbers:
            mark = len(code.work), code.kept_bytes
            _write(forward, rounds[i])
            lines.append(code.take_lines())
        code.lines = before
        loop = _rolled(code, lines, numbers, range(count))
        if loop is not None:
            code.lines += loop
            _mark_read(code, places, count)
            code.repeat_work(mark[0], count - _WRITTEN)
            code.kept_bytes += (code.kept_bytes - mark[1]) * (count - _WRITTEN)
            return
        code.go_back(state)
    for steps in rounds:
        _write(forward, steps)


def backward_rounds(backward: Backward, rounds: Rounds) -> None:
    """Write the rounds of a loop, or a step alone, in reverse."""
    code, i, tries = backward.code, len(rounds) - 1, 0
    places = _places_of(code, rounds) if len(rounds) >= _FEWEST else None
    if places is None:
        for steps in reversed(rounds):
            _write(backward, steps[::-1])
        return
    latest: _Written | None = None
    while i >= 0:
        before, mark = code.take_lines(), len(code.work)
        now = _Written(backward, i, places, rounds[i][::-1])
        loop, end = None, i
        if latest and tries < _MOST_TRIES and now.follows(latest):
            tries, end = tries + 1, now.first_alike(latest)
            if end < i:
                written = [latest.lines, now.lines]
                loop = _rolled(code, written, range(i + 1, i - 1, -1), range(i + 1, end - 1, -1))
        if loop is not None and latest:
            code.lines = [*before[: len(before) - len(latest.lines)], *loop]
            backward.written, backward.aliases.at = now.then
            _mark_read(code, places, len(rounds))
            code.repeat_work(mark, i - end)
            i, latest = end - 1, None
        else:
            code.lines = [*before, *now.lines]
            i, latest = i - 1, now


class _Written:
    """A round of which the backward code has just been written, and what was known before.

    Args:
        backward: writes it.
        number: the number of the round.
        places: those that the rounds read and write.
        steps: of the round, in reverse.
    """

    def __init__(
        self, backward: Backward, number: int, places: dict[str, Places], steps: Sequence[Step]
    ) -> None:
        self.backward, self.number, self.places = backward, number, places
        before = backward.state()
        self.before = self._known(before)
        _write(backward, steps)
        after = backward.state()
        self.after = self._known(after)
        self.lines = backward.code.take_lines()
        self.is_whole = all(
            np.count_nonzero(x != y) == np.count_nonzero(own != then)
            for space in (SHARED, VARYING)
            for x, y, own, then in zip(
                before.of(space),
                after.of(space),
                self.before[space],
                self.after[space],
                strict=True,
            )
        )

    def _known(self, state: Any) -> dict[str, tuple[Any, Any]]:
        """Return what is known of the gradients at the places of this round."""
        found = {}
        for space, places in self.places.items():
            written, at = state.of(space)
            own = places.at(self.number)
            found[space] = written[own], at[own]
        return found

    def follows(self, latest: _Written) -> bool:
        """Tell whether this round did what the latest one did."""
        same = [
            (x[space][0] == y[space][0]).all()
            for x, y in ((self.before, latest.before), (self.after, latest.after))
            for space in self.places
        ]
        return all(same) and self.is_whole and latest.is_whole

    def first_alike(self, latest: _Written) -> int:
        """Follow what is known through the rounds to come; return the last one that is alike."""
        backward = self.backward
        self.then = backward.state()
        static = backward.active, backward.always, backward.aliases.wholes
        numbers = np.arange(self.number - 1, -1, -1)[:, None]
        end, followed = len(numbers), []
        for space, places in self.places.items():
            own, here = places.at(numbers), places.at(self.number)
            for x in static:
                differs = (x[space][own] != x[space][here]).any(axis=1)
                end = min([end, *np.flatnonzero(differs)[:1].tolist()])
            (known, stood), (written, stands) = self.before[space], self.after[space]
            n = self.number - numbers
            stood = stood + n * (stood - latest.before[space][1])
            stands = stands + n * (stands - latest.after[space][1])
            followed.append((*self.then.of(space), own, known, stood, written, stands))
        for i in range(end):
            for is_written, at, own, known, stood, *_ in followed:
                if (is_written[own[i]] != known).any() or (at[own[i]] != stood[i]).any():
                    return self.number - i
            for is_written, at, own, *_, written, stands in followed:
                is_written[own[i]], at[own[i]] = written, stands[i]
        return self.number - end


def _write(writer: Forward | Backward, steps: Sequence[Step]) -> None:
    for step in steps:
        writer.write(step)


def places_of(rounds: Rounds) -> dict[str, Places] | None:
    """Return the places that rounds read and write, by space; None if some meet in one round only.

    Code that is right for two places is not for one.
    """
    found = {}
    for space in (SHARED, VARYING):
        first, second = [
            np.concatenate([np.zeros(0, np.intp), *_of_space(steps, space)]) for steps in rounds[:2]
        ]
        pairs = np.unique(np.stack([first, second - first]), axis=1)
        found[space] = places = Places(*pairs)
        every = np.sort(places.at(np.arange(len(rounds))[:, None]), axis=1)
        if not np.diff(every, axis=1).all():
            return None
    return found


def _places_of(code: Code, rounds: Rounds) -> dict[str, Places] | None:
    """Return these places; None too where some rounds have a 1 behind inputs of a layer."""
    has_one = [
        [
            step.op is p.dot and ends_before(x, code.ones)
            for step in steps
            for x in step.operands[1:2]
            if isinstance(x, Ref)
        ]
        for steps in rounds
    ]
    return places_of(rounds) if all(x == has_one[0] for x in has_one) else None


def _of_space(steps: Sequence[Step], space: str) -> list[Any]:
    refs = [x for step in steps for x in step.operands if isinstance(x, Ref) and x.space == space]
    own = [np.arange(x.start, x.start + x.size) for x in steps if x.space == space]
    return [*own, *[ref.places.reshape(-1) for ref in refs]]


def _mark_read(code: Code, places: dict[str, Places], count: int) -> None:
    """Note that the code reaches what differs from round to round by lists of views."""
    for space, own in places.items():
        moving = Places(*[x[own.stride != 0] for x in own])
        code.touch_both(space, moving.at(np.arange(count)[:, None]))


def _rolled(
    code: Code, written: Sequence[Sequence[str]], numbers: Sequence[int], over: range
) -> list[str] | None:
    """Write the lines of some rounds as a loop over more; None where they are not of one form.

    Args:
        code: knows the arrays that they name.
        written: the lines of each round.
        numbers: the numbers of these rounds.
        over: the rounds of the loop.
    """
    if len({len(lines) for lines in written}) > 1:
        return None
    variables: dict[tuple[str, ...], str] = {}
    body = []
    for versions in zip(*written, strict=True):
        line = versions[0]
        if len(set(versions)) > 1:
            parts = [_PARTS.split(version) for version in versions]
            if len({len(own) for own in parts}) > 1:
                return None
            line = "".join(
                [
                    names[0] if len(set(names)) == 1 else
                    variables.setdefault(names, f"x{len(variables)}")
                    for names in zip(*parts, strict=True)
                ]
            )  # fmt: skip
        body.append(f"    {line}")
    if not body:
        return []
    makers = {names: code.series(names, numbers, over) for names in variables}
    if None in makers.values():
        return None
    series = [code.name(("series", names, over), maker) for names, maker in makers.items() if maker]
    if not series:
        head = f"for _ in range({len(over)}):"
    elif len(series) == 1:
        head = f"for {variables[next(iter(variables))]} in {series[0]}:"
    else:
        head = f"for {', '.join(variables.values())} in zip({', '.join(series)}):"
    return [head, *body]
