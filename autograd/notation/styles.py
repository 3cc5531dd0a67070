"""The two ways to write a formula: as plain text, and in LaTeX."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from autograd.engine import Value, operation_of
from autograd.notation import words as notation
from autograd.notation.names import Names, escaped
from autograd.notation.operations import (
    ATOM,
    LATEX_FUNCTIONS,
    LATEX_PATTERNS,
    OPPOSITE,
    POWER,
    PRODUCT,
    SHARES,
    SUM,
    TEXT_PATTERNS,
    TOTAL,
    Pattern,
    symbol,
)

_LONGEST = 4  # operands of a sum or a function; of more the middle is left out

_SUPERSCRIPTS = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")
_EXPONENT = re.compile(r"-?[0-9]{1,2}")


class Tree(Protocol):
    """What there is to write: see `Formula`."""

    op: Any
    operands: tuple[Any, ...]
    size: int


@dataclass(frozen=True)
class Style:
    """One of the two ways to write: plain text, or LaTeX.

    Attributes:
        patterns: how operations are written.
        is_latex: whether it is LaTeX.
        times: the sign between factors.
    """

    patterns: Mapping[str, Pattern]
    is_latex: bool
    times: str

    def name(self, node: Value, names: Names) -> str:
        """Write the name of a node."""
        return names.latex(node) if self.is_latex else names.text(node)

    def partial(self, of: Value, by: Value, names: Names, remark: str = "") -> str:
        """Write ∂of/∂by, with a remark as an index.

        >>> L, w = Value(1.0, "L"), Value(2.0, "w")
        >>> TEXT.partial(L, w, Names([])), TEXT.partial(L, w, Names([]), "direct")
        ('∂L/∂w', '∂L/∂w|direct')
        """
        written = self.patterns["∂"][2] % (self.name(of, names), self.name(by, names))
        if not remark:
            return written
        if self.is_latex:
            return rf"\left.{written}\right|_{{{self.words(remark)}}}"
        return f"{written}|{remark}"

    def number(self, x: float) -> str:
        r"""Write a number, rounded.

        >>> LATEX.number(1234567.0)
        '1.235 \\times 10^{6}'
        """
        shown = notation.number(x)
        if not self.is_latex:
            return shown
        if "n" in shown:  # nan, inf
            return shown.replace("inf", r"\infty").replace("nan", r"\mathrm{nan}")
        mantissa, _, exponent = shown.partition("e")
        return rf"{mantissa} \times 10^{{{int(exponent)}}}" if exponent else mantissa

    def factor(self, x: float) -> str:
        """Write a number that stands in a product: a negative one in parentheses."""
        return self._within(x, PRODUCT, None)[0]

    def words(self, text: str) -> str:
        """Write words that stand inside of a formula."""
        return rf"\mathrm{{{escaped(text)}}}" if self.is_latex else text

    def gap(self, left_out: Sequence[Any], value: float | None = None) -> str:
        """Write what stands for terms or factors left out, with what they amount to.

        >>> TEXT.gap("abc", 0.25)
        '[… 3 more: 0.25 …]'
        """
        n, number = len(left_out), "" if value is None else self.number(value)
        if self.is_latex:
            words = self.words(f"{n} more" + ": " * bool(number))
            return rf"[\cdots {words}{number} \cdots]"
        return f"[… {n} more{': ' * bool(number)}{number} …]"

    def formula(self, x: Tree | float, names: Names | None = None) -> str:
        """Write a formula; without `names`, those that its nodes have."""
        return self._written(x, names or Names(()))[0]

    def _written(self, x: Tree | float, names: Any) -> tuple[str, int]:
        """Write a formula, and say how tightly it binds."""
        if isinstance(x, float):
            shown = notation.number(x)
            return self.number(x), 0 if shown[0] == "-" else PRODUCT if "e" in shown else ATOM
        op, operands = x.op, x.operands
        if not operands:
            return self._symbol(op, names)
        if op == "fsum":
            if len(operands) == 1:
                return self._written(operands[0], names)
            return " + ".join(self._list(operands, [OPPOSITE, SUM], names)), SUM
        if op == "**" and isinstance(operands[1], float) and not self.is_latex:
            exponent = notation.number(operands[1])
            if _EXPONENT.fullmatch(exponent):
                base, _ = self._within(operands[0], ATOM, names)
                return base + exponent.translate(_SUPERSCRIPTS), POWER
        if op == "*" and min([getattr(y, "size", 1) for y in operands]) > 1:
            op = "⊙"
        if op in self.patterns:
            binds, least, pattern = self.patterns[op]
            texts = [self._within(y, n, names) for y, n in zip(operands, least, strict=True)]
            if pattern.endswith("%s"):
                binds = min(binds, texts[-1][1])
            return pattern % tuple([text for text, _ in texts]), binds
        arguments = ", ".join(self._list(operands, [0, 0], names))
        binds = TOTAL if symbol(op).startswith("ln ") else ATOM
        return f"{self._function(op, len(operands))}({arguments})", binds

    def _symbol(self, x: str | Value, names: Names) -> tuple[str, int]:
        """Write a symbol; a leaf without a name is the number that it has."""
        if isinstance(x, str):
            return self.words(x), ATOM
        if operation_of(x) is None and not x.name and x not in names:
            return self._written(x.data, names)
        return self.name(x, names), ATOM

    def _within(self, x: Tree | float, least: int, names: Any) -> tuple[str, int]:
        """Write an operand, in parentheses if it binds less than it has to."""
        text, binds = self._written(x, names)
        if binds >= least:
            return text, binds
        is_high = self.is_latex and not isinstance(x, float)  # as a fraction may be
        return rf"\left({text}\right)" if is_high else f"({text})", ATOM

    def _list(self, operands: Sequence[Any], least: Sequence[int], names: Any) -> list[str]:
        """Write operands, of which the first must bind as tightly as `least[0]`."""
        return notation.Cut(list(enumerate(operands)), _LONGEST).written(
            self.gap, lambda x: self._within(x[1], least[x[0] > 0], names)[0]
        )

    def _function(self, op: str, count: int) -> str:
        """Write the name of a function."""
        name, is_share = symbol(op), op in SHARES and count > 1
        if not self.is_latex:
            return name + "₁" * is_share
        if name in LATEX_FUNCTIONS:
            return f"\\{name}"
        return rf"\mathrm{{{escaped(name)}}}" + "_{1}" * is_share


TEXT = Style(TEXT_PATTERNS, False, "·")
LATEX = Style(LATEX_PATTERNS, True, r"\cdot")
