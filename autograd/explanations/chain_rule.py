"""The chain rule for one gradient, in symbols and in numbers: `explain`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import Any

from autograd import notation
from autograd.engine import Value
from autograd.explanations.region import Region, local_edges
from autograd.notation import LATEX, TEXT, Cut, Names, Style, definition, derivative

MAX_TERMS, MAX_FACTORS = 4, 7  # of a sum and of a product, in which the middle is then left out
MAX_EQUATIONS, MAX_LINES = 4, 12  # of an explanation, and of a part of it

_Sides = tuple[str, ...]  # of an equation, equal to each other; or a remark alone


def explain(root: Value, wrt: Value) -> Explanation:
    """Write out the chain rule for ∂root/∂wrt, in symbols and then in numbers.

    The derivative is a product along the way from `wrt` up to `root`. Where a node has several
    users it is a sum over them; each such node has an equation of its own. Nodes without a name
    are called z₁, z₂, … in the order in which they were computed. What is long is cut, and says
    how much is left out.

    Args:
        root: the result that is differentiated.
        wrt: the node to differentiate with respect to.

    Returns:
        The explanation; it is printed as text, and displays itself in a notebook as formulas.

    Raises:
        TypeError: `root` or `wrt` is not a Value.

    >>> from autograd import dot, tanh
    >>> w1, x1, b = Value(-3.0, "w1"), Value(2.0, "x1"), Value(6.88, "b")
    >>> z = dot([w1], [x1], b)
    >>> x = tanh(z)
    >>> z.name, x.name = "z", "x"
    >>> print(explain(x, w1))
    ∂x/∂w₁ = ∂x/∂z · ∂z/∂w₁
    computed forward
      w₁ = -3, x₁ = 2, b = 6.88
      z  = w₁ · x₁ + b = 0.88
      x  = tanh(z) = 0.7064
    local derivatives
      ∂x/∂z  = 1 − tanh(z)² = 0.501
      ∂z/∂w₁ = x₁ = 2
    in numbers
      ∂x/∂w₁ = 0.501 · 2 = 1.002
    >>> explain(x, w1).value
    1.0019434875390167
    """
    return Explanation(Region(root, wrt))


class Explanation:
    """The chain rule for one gradient. It is printed as text, and shown in a notebook as formulas.

    Attributes:
        value: the gradient, equal to that of `backward()` to the last bit.

    >>> a = Value(3.0, "a")
    >>> explain(a * a, a)
    computed forward
      a = 3
      z₁ = a · a = 9
    local derivatives
      ∂z₁/∂a = a + a = 6
    """

    def __init__(self, region: Region) -> None:
        self._region = region
        self._equations = _equations(region)
        self.value = region.gradient

    def __str__(self) -> str:
        lines: list[str] = []
        for title, block in self._blocks(TEXT):
            lines += [title] if title else []
            width = max([notation.columns(left) for left, *right in block if right], default=0)
            for left, *right in block:
                gap = " " * (width - notation.columns(left)) if right else ""
                lines.append("  " * bool(title) + " = ".join([left + gap, *right]))
        return "\n".join(lines)

    __repr__ = __str__

    @property
    def latex(self) -> str:
        r"""The explanation in LaTeX, one `aligned` environment for MathJax and its like.

        >>> a, b = Value(3.0, "a"), Value(3.0, "b")
        >>> r"\frac{\partial z_{1}}{\partial a} &= b = 3" in explain(a * b, a).latex
        True
        """
        lines: list[str] = []
        for title, block in self._blocks(LATEX):
            lines += [f"&{LATEX.words(title)}"] if title else []
            for left, *right in block:
                lines.append(f"{left} &= {' = '.join(right)}" if right else f"&{left}")
        return "\\begin{aligned}\n" + " \\\\\n".join(lines) + "\n\\end{aligned}"

    def _repr_latex_(self) -> str:
        """Give Jupyter the formulas."""
        return f"$$\n{self.latex}\n$$"

    def _blocks(self, style: Style) -> Iterator[tuple[str, list[_Sides]]]:
        """Write the parts of the explanation in either style, each with a title and lines."""
        root, wrt = self._region.root, self._region.wrt
        page = _Page(self._region, style, Names(self._region.computed or [wrt, root]))
        if not self._equations:
            if root is wrt:
                right = style.number(1.0)
            else:
                is_not = style.words(": "), page.name(root), style.words(" does not depend on ")
                right = "".join([style.number(0.0), *is_not, page.name(wrt)])
            yield "", [(page.gradient(wrt), right)]
            return
        terms = self._equations[0].terms
        is_simple = len(self._equations) == len(terms) == len(terms[0].factors) == 1
        if not is_simple:
            yield "", [*map(page.symbols, self._equations), *self._remark(page)]
        distinct = dict.fromkeys(
            (user, node)
            for equation in self._equations
            for term in Cut(equation.terms, MAX_TERMS).kept
            for user, node, _ in Cut(term.factors, MAX_FACTORS).kept
        )
        factors = list(distinct)
        inner = {x for pair in factors for x in pair if x.op}
        rates = page.lines(factors, lambda factor: page.rate(*factor))
        definitions = page.lines([x for x in self._region.computed if x in inner], page.definition)
        given = page.given([x for x in page.names.mentioned if x not in inner])
        yield "computed forward", [given, *definitions]
        yield "local derivatives", rates
        if not is_simple:
            yield "in numbers", [*map(page.numbers, reversed(self._equations))]

    def _remark(self, page: _Page) -> list[_Sides]:
        """Say which gradients in the equations have no equation of their own."""
        explained = {equation.node for equation in self._equations} | {self._region.root}
        ends = [x.end for e in self._equations for x in Cut(e.terms, MAX_TERMS).kept]
        others = list(dict.fromkeys(x for x in ends if x not in explained))
        if not others:
            return []
        more = f" and {len(others) - 1} more" if len(others) > 1 else ""
        return [(page.gradient(others[0]) + page.style.words(f"{more}: in the same way"),)]


# --- the equations --------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Term:
    """One summand of an equation: a way from its node up to the next node with an equation.

    Attributes:
        user: the node that the way begins with, a user of the equation's node.
        local: ∂user/∂node.
    """

    region: Region
    node: Value
    user: Value
    local: float

    @property
    def value(self) -> float:
        """∂root/∂user · ∂user/∂node, without going the whole way, which may be long."""
        return self.region.gradients[self.user] * self.local

    @property
    def end(self) -> Value:
        """The node at the upper end: one that has several users, or none."""
        return self.factors[0][0]

    @cached_property
    def factors(self) -> list[tuple[Value, Value, float]]:
        """(user, node, ∂user/∂node) for each step of the way, the uppermost first."""
        user = self.user
        factors = [(user, self.node, self.local)]
        while len(above := self.region.steps(user)) == 1:
            node = user
            ((user, local),) = above.items()
            factors.append((user, node, local))
        return factors[::-1]


@dataclass(frozen=True)
class _Equation:
    """∂root/∂node as a sum of terms."""

    node: Value
    terms: list[_Term]
    gradient: float


def _equations(region: Region) -> list[_Equation]:
    """Find the equations: that of `wrt`, then those of the shared nodes to which it leads."""
    equations: dict[Value, _Equation] = {}
    waiting = [region.wrt] if len(region.order) > 1 else []
    for node in waiting:  # which grows meanwhile
        if node in equations or node is region.root or len(equations) == MAX_EQUATIONS:
            continue
        terms = [_Term(region, node, user, local) for user, local in region.steps(node).items()]
        equations[node] = _Equation(node, terms, region.gradients[node])
        waiting += [term.end for term in Cut(terms, MAX_TERMS).kept]
    return list(equations.values())


# --- how they are written -------------------------------------------------------------------------


@dataclass(frozen=True)
class _Page:
    """What an explanation is written on: a style, and the names that the nodes have there."""

    region: Region
    style: Style
    names: Names

    def name(self, node: Value) -> str:
        return self.style.name(node, self.names)

    def gradient(self, node: Value) -> str:
        return self.style.partial(self.region.root, node, self.names)

    def local(self, user: Value, node: Value) -> str:
        """Write ∂user/∂node; "direct" tells it from the whole derivative where there is more to it.

        In L = ab with b = a² the direct way from a to L is but one of two.
        """
        is_whole = user is not self.region.root or len(self.region.steps(node)) == 1
        return self.style.partial(user, node, self.names, "" if is_whole else "direct")

    def symbols(self, equation: _Equation) -> _Sides:
        """Write an equation in symbols."""
        style = self.style

        def product(term: _Term) -> str:
            factors = Cut(term.factors, MAX_FACTORS).joined(
                f" {style.times} ", lambda factor: self.local(factor[0], factor[1]), style.gap
            )
            if term.end is self.region.root:
                return factors
            return f"{self.gradient(term.end)} {style.times} {factors}"

        terms = Cut(equation.terms, MAX_TERMS).joined(" + ", product, style.gap)
        return self.gradient(equation.node), terms

    def numbers(self, equation: _Equation) -> _Sides:
        """Write an equation in numbers."""
        style = self.style

        def product(term: _Term) -> str:
            factors = [x for *_, x in term.factors]
            if term.end is not self.region.root:
                factors = [self.region.gradients[term.end], *factors]
            longest = MAX_FACTORS + (term.end is not self.region.root)
            return Cut(factors, longest).joined(
                f" {style.times} ", style.factor, lambda cut: style.gap(cut, prod(cut))
            )

        terms = Cut(equation.terms, MAX_TERMS).joined(
            " + ", product, lambda cut: style.gap(cut, sum([x.value for x in cut]))
        )
        value = style.number(equation.gradient)
        return (self.gradient(equation.node), *([] if terms == value else [terms]), value)

    def definition(self, node: Value) -> _Sides:
        """Write how a node is computed."""
        formula = self.style.formula(definition(node), self.names)
        return self.name(node), formula, self.style.number(node.data)

    def rate(self, user: Value, node: Value) -> _Sides:
        """Write a local derivative, as a formula where it is one, and as a number."""
        formula = derivative(user, node)
        value = sum([d for p, d in local_edges(user) if p is node])
        number = self.style.number(value)
        written = number if formula is None else self.style.formula(formula, self.names)
        left = self.local(user, node)
        return (left, number) if written == number else (left, written, number)

    def given(self, nodes: Sequence[Value]) -> _Sides:
        """Write the numbers of nodes that are not computed here."""

        def one(node: Value) -> str:
            return f"{self.name(node)} = {self.style.number(node.data)}"

        return (Cut(nodes, MAX_LINES).joined(", ", one, self.style.gap),)

    def lines(self, nodes: Sequence[Any], write: Callable[[Any], _Sides]) -> list[_Sides]:
        """Write a line for each item, as far as there is room."""
        return Cut(nodes, MAX_LINES).written(lambda cut: (self.style.gap(cut),), write)
