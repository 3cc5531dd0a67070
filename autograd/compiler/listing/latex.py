r"""The lines of a listing as formulas, for notebooks: W1ᵀ x + b1 becomes W_{1}^{\top} x + b_{1}.

A line is read as it is printed. It has names, numbers and a few signs, and each of these has one
counterpart in LaTeX.
"""

from __future__ import annotations

import re

_LETTER = "[^\\W\\d_Σᵀ²³½]"
_NAME = rf"{_LETTER}(?:{_LETTER}|_)*\d*"
_TOKEN = re.compile(
    rf"∂({_NAME})/∂({_NAME}(?:\[[\dt:+−]+\])?)|({_NAME})|\^(\([^()]*\)|[\w.]+)|(.)", re.DOTALL
)
_PARTS = re.compile(r"(.*?)_?(\d*)")

_SIGNS = {
    "ᵀ": r"^{\top}",
    "²": "^{2}",
    "³": "^{3}",
    "⊙": r"\odot ",
    "·": r"\cdot ",
    "×": r"\times ",
    "−": "-",
    "Σ": r"\sum ",
    "√": r"\surd ",
    "∂": r"\partial ",
    "∞": r"\infty ",
    "½": r"\tfrac{1}{2} ",
    "≤": r"\le ",
    "≥": r"\ge ",
    "≠": r"\ne ",
    "→": r"\to ",
    "…": r"\dots ",
    **{sign: "\\" + sign for sign in "%#&${}"},
    "_": r"\_",
}


def formula(line: str) -> str:
    r"""Write a line, or a part of one, in LaTeX.

    >>> print(formula("∂L/∂W1 = x1 (∂L/∂z1)ᵀ"))
    \frac{\partial L}{\partial W_{1}} = x_{1} (\frac{\partial L}{\partial z_{1}})^{\top}
    >>> print(formula("tanh'(z1) + x^(−0.5)"))
    \mathrm{tanh}'(z_{1}) + x^{-0.5}
    """
    return _TOKEN.sub(_written, line)


def prose(text: str) -> str:
    r"""Write words in the middle of formulas.

    >>> print(prose("3 of 100 %"))
    \text{3 of 100 \%}
    """
    escaped = re.sub(r"([%#&${}_])", r"\\\1", text)
    return rf"\text{{{escaped}}}"


def _written(token: re.Match[str]) -> str:
    above, below, name, exponent, sign = token.groups()
    if above:
        return rf"\frac{{\partial {_name(above)}}}{{\partial {formula(below)}}}"
    if exponent:
        return f"^{{{formula(exponent.strip('()'))}}}"
    return _name(name) if name else _SIGNS.get(sign, sign)


def _name(name: str) -> str:
    """Write a name, of which a number at the end is an index."""
    match = _PARTS.fullmatch(name)
    assert match
    letters, index = match.groups()
    if len(letters) > 1:
        escaped = letters.replace("_", r"\_")
        letters = rf"\mathrm{{{escaped}}}"
    return f"{letters}_{{{index}}}" if index else letters
