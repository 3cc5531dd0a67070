"""Formulas for people: what a node computes and how it is differentiated, as text and as LaTeX.

A formula of a derivative is not written down anywhere. It is what the rule of the table gives when
it is applied to symbols in place of numbers, so it cannot differ from what the engine computes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from autograd.engine import OWN, Primitive, Value, equal, operands_of, operation_of, unequal
from autograd.engine import table as p
from autograd.errors import as_float
from autograd.notation import words as notation

MAX_SYMBOLS = 12  # a derivative with more of them is given as a number alone


class Formula:
    """A number together with the way it is written: a symbol, or an operation on formulas.

    A condition is decided by the numbers, so of `where` only the branch taken is in a formula.

    Args:
        value: the number.
        head: the symbol's node, or the operation.
        operands: formulas and floats; none for a symbol.

    Attributes:
        size: how many symbols and numbers are in it.

    >>> x = Value(3.0, "x")
    >>> p.sigmoid(Formula(3.0, x)).value == x.sigmoid().data
    True
    """

    __slots__ = ("head", "operands", "size", "value")

    __rank__ = 5

    def __init__(self, value: float, head: Value | Primitive, operands: Sequence[Any] = ()) -> None:
        self.value = value
        self.head = head
        self.operands = tuple(operands)
        self.size = sum([getattr(x, "size", 1) for x in operands]) or 1

    @staticmethod
    def __apply__(op: Primitive, operands: Sequence[Any]) -> Any:
        if op is p.where:
            return operands[1] if operands[0] else operands[2]
        if op is p.top:  # by which softmax shifts its operands, and which cancels
            return 0.0
        operands = [x if isinstance(x, Formula) else as_float(x) for x in operands]
        if op.formula is not None:
            return op.formula(*operands)
        value = op.float_forward(*[getattr(x, "value", x) for x in operands])
        if op.partials is None:  # a comparison
            return value
        return _familiar(op, operands) or Formula(value, op, operands)

    # Rules of a user's own may use any operator; those of Value serve every kind of node.
    __add__, __radd__ = Value.__add__, Value.__radd__
    __sub__, __rsub__ = Value.__sub__, Value.__rsub__
    __mul__, __rmul__ = Value.__mul__, Value.__rmul__
    __truediv__, __rtruediv__ = Value.__truediv__, Value.__rtruediv__
    __pow__, __rpow__ = Value.__pow__, Value.__rpow__
    __neg__, __pos__, __abs__ = Value.__neg__, Value.__pos__, Value.__abs__
    __lt__, __le__, __gt__, __ge__ = Value.__lt__, Value.__le__, Value.__gt__, Value.__ge__
    __eq__, __ne__ = equal, unequal


def _familiar(op: Primitive, operands: Sequence[Any]) -> Any:
    """Give the form in textbooks, where the table has one that is accurate in the tails too."""
    x, y = (*operands, None, None)[:2]
    if op is p.mul and _is_number(x, 1.0):
        return y
    if (op in (p.mul, p.power) and _is_number(y, 1.0)) or (op is p.sub and _is_number(y, 0.0)):
        return x
    if op is p.clip and operands[1] < x.value < operands[2]:  # a guard for very large numbers
        return x
    if op is p.square and _is(x, p.sech):  # sech² is 1 - tanh²
        return 1.0 - p.square(p.tanh(*x.operands))
    if op is p.sigmoid and _is(x, p.neg):
        return 1.0 - p.sigmoid(*x.operands)
    if op is p.add and _is_number(y, 0.0):
        return x
    return None


def _is_number(x: Any, number: float) -> bool:
    """Tell a constant from a formula, which compares as its number does."""
    return x.__class__ is float and x == number


def _is(x: Any, op: Primitive) -> bool:
    return isinstance(x, Formula) and x.head is op


def definition(node: Value) -> Formula:
    """Return how a node is computed: its operation on its operands.

    >>> names = Names([])
    >>> w, x = Value(2.0, "w"), Value(3.0, "x")
    >>> TEXT.formula(definition((w * x).tanh().parents[0]), names)
    'w · x'
    """
    assert operation_of(node) is not None
    return Formula(node.data, operation_of(node), [_operand(x) for x in operands_of(node)])


def derivative(node: Value, parent: Value) -> Formula | None:
    """Return ∂node/∂parent as a formula, the sum over all operands that are `parent`.

    Returns:
        None if it is a constant, or too long to be read.

    >>> names = Names([])
    >>> x = Value(3.0, "x")
    >>> TEXT.formula(derivative(x ** 3, x), names)
    '3 · x²'
    """
    op = operation_of(node)
    operands = operands_of(node)
    if op is None or op.partials is None or (len(operands) > MAX_SYMBOLS and op is not p.dot):
        return None
    wanted = [x is parent for x in operands]
    if op is p.dot:  # 2n + 1 rules of one symbol each, of which few are wanted
        n = len(operands) // 2
        others = (*operands[n : 2 * n], *operands[:n])
        terms: list[Any] = [_operand(x) for x, want in zip(others, wanted, strict=False) if want]
        terms += [1.0] * wanted[-1]
    else:
        symbols = [_operand(x) for x in operands]
        out = Formula(node.data, node)
        terms = [
            _with_result(term, op, symbols, out) for term in _applied(op, out, symbols, wanted)
        ]
    total = terms[0] if len(terms) == 1 else p.fsum(*terms)
    return total if isinstance(total, Formula) and total.size <= MAX_SYMBOLS else None


def _with_result(term: Any, op: Primitive, operands: Sequence[Any], out: Formula) -> Any:
    """Write the result where a term has the operation itself for an operand."""
    if not isinstance(term, Formula):
        return term
    inner = [out if _is(x, op) and x.operands == tuple(operands) else x for x in term.operands]
    return Formula(term.value, term.head, inner)


def _applied(
    op: Primitive, out: Formula, operands: Sequence[Any], wanted: Sequence[bool]
) -> list[Any]:
    """Apply the rules of an operation; those of a user's own may be for numbers and nodes only."""
    if op.name not in OWN:
        return op.local_derivatives(out, operands, wanted)
    try:
        return op.local_derivatives(out, operands, wanted)
    except Exception:
        return [0.0]


def _operand(x: Any) -> Any:
    """Give an operand as a symbol; a number, or a leaf without a name, stands for itself."""
    if x.__class__ is float:
        return x
    return Formula(x.data, x)


# --- names ----------------------------------------------------------------------------------------


class Names:
    """Names for nodes, all different: those that they have, else z₁, z₂, … in order.

    Args:
        nodes: the nodes to number first, in order; others follow when first asked for.

    Attributes:
        mentioned: the nodes whose names were asked for, in order.

    >>> a, b = Value(1.0, "a"), Value(2.0, "a")
    >>> names = Names([a, b, a + b])
    >>> names.text(a), names.text(b), names.text(a + b)
    ('a', 'a#2', 'z₂')
    """

    def __init__(self, nodes: Iterable[Value]) -> None:
        self.mentioned: dict[Value, None] = {}
        nodes = list(nodes)
        self._names: dict[Value, str] = {}
        self._taken: set[str] = set()
        self._given = {x.name for node in nodes for x in (node, *operands_of(node)) if _is_named(x)}
        self._count = 0
        for node in nodes:
            self._name(node)

    def text(self, node: Value) -> str:
        """Return the name, with a number at its end as a subscript.

        >>> w = Value(1.0, "w12")
        >>> Names([w]).text(w)
        'w₁₂'
        """
        stem, number = self._parts(node)
        return notation.numbered(stem, int(number)) if number else stem

    def latex(self, node: Value) -> str:
        r"""Return the name in LaTeX, with what has a meaning there escaped.

        >>> w, odd = Value(1.0, "w12"), Value(1.0, "50%_a")
        >>> Names([]).latex(w), Names([]).latex(odd)
        ('w_{12}', '\\mathrm{50\\%\\_a}')
        """
        stem, number = self._parts(node)
        shown = stem if len(stem) == 1 and stem.isalpha() else f"\\mathrm{{{escaped(stem)}}}"
        return f"{shown}_{{{number}}}" if number else shown

    def __contains__(self, node: Value) -> bool:
        return node in self._names

    def _name(self, node: Value) -> str:
        """Give the name as plain text, made up when first asked for."""
        if (known := self._names.get(node)) is not None:
            return known
        if node.name:
            name = base = notation.label(node.name)
            n = 1
            while name in self._taken:
                n += 1
                name = f"{base}#{n}"
        else:
            self._count += 1
            while (name := f"z{self._count}") in self._given:
                self._count += 1
        self._taken.add(name)
        self._names[node] = name
        return name

    def _parts(self, node: Value) -> tuple[str, str]:
        """Part a name such as w12 or w_12 into a stem and a number; a dotted path stays whole."""
        self.mentioned[node] = None
        name = self._name(node)
        match = re.fullmatch(r"([^\W\d_]+)_?(0|[1-9][0-9]{0,8})", name)
        return (match[1], match[2]) if match else (name, "")


def _is_named(x: Any) -> bool:
    return isinstance(x, Value) and bool(x.name)


def escaped(text: str) -> str:
    r"""Escape what has a meaning in LaTeX.

    >>> escaped("a_b <c>")
    'a\\_b\\ {<}c{>}'
    """
    return "".join([_ESCAPES.get(c, c) for c in text])


_ESCAPES = {
    **{c: f"\\{c}" for c in "#$%&_{} "},
    "\\": "{\\backslash}",
    "^": "{\\wedge}",
    "~": "{\\sim}",
    "<": "{<}",  # lest a notebook take a name for a tag
    ">": "{>}",
}

# --- how operations are written -------------------------------------------------------------------

# For each operation how tightly it binds, how tightly its operands must, and the pattern.
SUM, PRODUCT, POWER, ATOM = 1, 2, 3, 4
_Pattern = tuple[int, tuple[int, ...], str]

_TEXT: dict[str, _Pattern] = {
    "+": (SUM, (SUM, SUM), "%s + %s"),
    "-": (SUM, (SUM, PRODUCT), "%s − %s"),
    "neg": (0, (PRODUCT,), "−%s"),
    "*": (PRODUCT, (PRODUCT, PRODUCT), "%s · %s"),
    "/": (PRODUCT, (PRODUCT, POWER), "%s/%s"),
    "**": (POWER, (ATOM, ATOM), "%s^%s"),
    "square": (POWER, (ATOM,), "%s²"),
    "sqrt": (POWER, (ATOM,), "√%s"),
    "cbrt": (POWER, (ATOM,), "³√%s"),
    "expm1": (SUM, (0,), "exp(%s) − 1"),
    "log1p": (ATOM, (SUM,), "ln(1 + %s)"),
    "xlogy": (PRODUCT, (PRODUCT, 0), "%s · ln(%s)"),
    "abs": (ATOM, (0,), "|%s|"),
    "above": (ATOM, (0, 0), "[%s > %s]"),
    "where": (ATOM, (0, 0), "where(…, %s, %s)"),
}

_LATEX: dict[str, _Pattern] = {
    **_TEXT,
    "-": (SUM, (SUM, PRODUCT), "%s - %s"),
    "neg": (0, (PRODUCT,), "-%s"),
    "*": (PRODUCT, (PRODUCT, PRODUCT), r"%s \cdot %s"),
    "/": (PRODUCT, (0, 0), r"\frac{%s}{%s}"),
    "**": (POWER, (ATOM, 0), "{%s}^{%s}"),
    "square": (POWER, (ATOM,), "{%s}^{2}"),
    "sqrt": (ATOM, (0,), r"\sqrt{%s}"),
    "cbrt": (ATOM, (0,), r"\sqrt[3]{%s}"),
    "exp": (POWER, (0,), "e^{%s}"),
    "expm1": (SUM, (0,), "e^{%s} - 1"),
    "log1p": (ATOM, (SUM,), r"\ln(1 + %s)"),
    "xlogy": (PRODUCT, (PRODUCT, 0), r"%s \cdot \ln(%s)"),
    "log2": (ATOM, (0,), r"\log_{2}(%s)"),
    "log10": (ATOM, (0,), r"\log_{10}(%s)"),
    "sigmoid": (ATOM, (0,), r"\sigma(%s)"),
    "log_sigmoid": (ATOM, (0,), r"\ln \sigma(%s)"),
    "where": (ATOM, (0, 0), r"\mathrm{where}(\ldots, %s, %s)"),
}
_LATEX_OWN = {"exp", "ln", "sin", "cos", "tan", "arcsin", "arccos", "arctan", "sinh", "cosh"}
_LATEX_OWN |= {"tanh", "max", "min"}

_FIRST_OF_MANY = {"softmax": "softmax", "log_softmax": "ln softmax"}  # of which share it is

_SUPERSCRIPTS = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")
_EXPONENT = re.compile(r"-?[0-9]{1,2}")


@dataclass(frozen=True)
class Style:
    """One of the two ways to write: plain text, or LaTeX.

    Attributes:
        patterns: how operations are written.
        times: the sign between factors.
    """

    patterns: Mapping[str, _Pattern]
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
        pattern = r"\frac{\partial %s}{\partial %s}" if self.is_latex else "∂%s/∂%s"
        written = pattern % (self.name(of, names), self.name(by, names))
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
        return f"({self.number(x)})" if notation.number(x)[0] == "-" else self.number(x)

    def parenthesised(self, text: str) -> str:
        """Put something into parentheses."""
        return rf"\left({text}\right)" if self.is_latex else f"({text})"

    def words(self, text: str) -> str:
        """Write words that stand inside of a formula."""
        return rf"\mathrm{{{escaped(text)}}}" if self.is_latex else text

    def gap(self, n: int, value: float | None = None) -> str:
        """Write what stands for n terms or factors left out, with what they amount to.

        >>> TEXT.gap(3, 0.25)
        '[… 3 more: 0.25 …]'
        """
        number = "" if value is None else self.number(value)
        if self.is_latex:
            words = self.words(f"{n} more" + ": " * bool(number))
            return rf"[\cdots {words}{number} \cdots]"
        return f"[… {n} more{': ' * bool(number)}{number} …]"

    def formula(self, x: Formula | float, names: Names) -> str:
        """Write a formula."""
        return self._written(x, names)[0]

    def _written(self, x: Formula | float, names: Names) -> tuple[str, int]:
        """Write a formula, and say how tightly it binds."""
        if not isinstance(x, Formula):
            shown = notation.number(x)
            return self.number(x), 0 if shown[0] == "-" else PRODUCT if "e" in shown else ATOM
        if isinstance(x.head, Value):
            if operation_of(x.head) is None and not x.head.name and x.head not in names:
                return self._written(x.value, names)
            return self.name(x.head, names), ATOM
        op, operands = x.head.name, x.operands

        def inside(x: Formula | float, least: int) -> str:
            text, binds = self._written(x, names)
            return text if binds >= least else self.parenthesised(text)

        if op == "dot":
            return self._dot(operands, inside)
        if op == "fsum":
            least_of_all = SUM if len(operands) > 1 else PRODUCT
            terms = self._shortened(operands, lambda x: inside(x, least_of_all))
            return " + ".join(terms), SUM if len(operands) > 1 else PRODUCT
        if op == "**" and not isinstance(operands[1], Formula) and not self.is_latex:
            exponent = notation.number(operands[1])
            if _EXPONENT.fullmatch(exponent):
                return inside(operands[0], ATOM) + exponent.translate(_SUPERSCRIPTS), POWER
        if op in self.patterns:
            binds, least, pattern = self.patterns[op]
            return pattern % tuple(map(inside, operands, least)), binds
        arguments = self._shortened(operands, lambda x: inside(x, 0))
        return f"{self._function(op)}({', '.join(arguments)})", ATOM

    def _dot(self, operands: Sequence[Any], inside: Callable[..., str]) -> tuple[str, int]:
        """Write ⟨w, x⟩ + b as a sum of products."""
        n = len(operands) // 2
        pairs = list(zip(operands[:n], operands[n:-1], strict=True))
        terms = self._shortened(
            pairs, lambda pair: f" {self.times} ".join([inside(x, PRODUCT) for x in pair])
        )
        if not n or not _is_number(operands[-1], 0.0):
            terms.append(inside(operands[-1], SUM))
        return " + ".join(terms), SUM if len(terms) > 1 else PRODUCT

    def _shortened(self, items: Sequence[Any], write: Callable[[Any], str]) -> list[str]:
        """Write a list; the middle of a long one is left out."""
        if len(items) <= 5:
            return list(map(write, items))
        return [*map(write, items[:2]), self.gap(len(items) - 3), write(items[-1])]

    def _function(self, op: str) -> str:
        """Write the name of a function."""
        if op in _FIRST_OF_MANY:
            symbol, index = _FIRST_OF_MANY[op], "_{1}" if self.is_latex else "₁"
        else:
            symbol, index = notation.symbol(op), ""
        if not self.is_latex:
            return symbol + index
        if symbol in _LATEX_OWN:
            return f"\\{symbol}"
        return rf"\mathrm{{{escaped(symbol)}}}{index}"


TEXT = Style(_TEXT, False, "·")
LATEX = Style(_LATEX, True, r"\cdot")
