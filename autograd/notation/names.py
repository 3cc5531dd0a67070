"""Names for the nodes of a graph, in text and in LaTeX."""

from __future__ import annotations

import re
from collections.abc import Iterable

from autograd.engine import Value, operands_of
from autograd.notation.words import label, numbered


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
        known = [x for node in nodes for x in (node, *operands_of(node))]
        self._given = {x.name for x in known if x.__class__ is not float}
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
        return numbered(stem, int(number)) if number else stem

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
        """Return the name as plain text, made up when first asked for."""
        if (known := self._names.get(node)) is not None:
            return known
        if node.name:
            name = base = label(node.name)
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
