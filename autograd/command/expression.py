"""Expressions written as text, such as "tanh(w*x + b)".

The text is parsed with Python's own parser and then interpreted: nothing in it is executed, and
only what this module knows has a meaning.
"""

from __future__ import annotations

import ast
import difflib
import inspect
import keyword
import math
import unicodedata
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any

from autograd.engine import Value, functions, topological_order
from autograd.engine import table as p
from autograd.errors import as_float
from autograd.notation import columns

MAX_LENGTH = 10_000  # characters

FUNCTIONS: dict[str, Callable[..., Any]] = {
    name: getattr(functions, name)
    for name in (*functions.__all__, "abs", "pow")
    if name != "take"  # there are no tables
}
"""What an expression may call: the functions of `autograd.engine.functions`."""
FUNCTIONS["ln"] = functions.log  # as pictures and explanations write it

_CONSTANTS = {"e": math.e, "pi": math.pi}  # unless a variable has the name


class ExpressionError(ValueError):
    """An expression has no meaning; the message shows where, why, and what to do."""


def evaluate(text: str, variables: Mapping[str, float]) -> tuple[Value, dict[str, Value]]:
    """Compute the value of an expression, as a graph that can be differentiated and drawn.

    An expression has numbers, variables, the operators + - * / **, parentheses, and calls of the
    functions of this package, among which ln is log; e and pi are what they are, unless variables
    have these names. A list, as in `dot([w1, w2], [x1, x2], b)`, is for the functions
    that take one, a comparison for the first argument of `where`.

    Args:
        text: the expression, of at most 10,000 characters.
        variables: the number that each variable stands for.

    Returns:
        The result, and those of the variables that occur in the expression, as Values.

    Raises:
        ExpressionError: the expression is not as above, or the name of a variable is no name.
        TypeError: a variable is not a real number.

    >>> o, variables = evaluate("tanh(w*x + b)", {"w": -3, "x": 2, "b": 6.88})
    >>> o.backward()
    >>> print(f"{o:.4f}, {variables['w'].grad:.4f}")
    0.7064, 1.0019
    >>> evaluate("tanh(w*y)", {"w": 2})
    Traceback (most recent call last):
    autograd.command.expression.ExpressionError: no value is given for y: give one, as in y=2; ...
      tanh(w*y)
             ^
    """
    leaves = _leaves(variables)
    interpreter = _Interpreter(_Text(text), leaves)
    result = interpreter.run()
    return result, {
        str(leaf.name): leaf for key, leaf in leaves.items() if key in interpreter.mentioned
    }


def _leaves(variables: Mapping[str, float]) -> dict[str, Value]:
    """Make a leaf of each variable; the keys are the names as Python's parser reads them."""
    leaves: dict[str, Value] = {}
    for name, number in variables.items():
        if not name.isidentifier() or keyword.iskeyword(name):
            raise ExpressionError(
                f"{name!r} cannot be the name of a variable: use letters, digits and _, with a "
                f"letter first, and no keyword of Python"
            )
        key = unicodedata.normalize("NFKC", name)
        if key in FUNCTIONS:
            raise ExpressionError(f"{name} is the name of a function: call the variable otherwise")
        if key in leaves:
            raise ExpressionError(f"{leaves[key].name} and {name} are the same name to Python")
        leaves[key] = Value(as_float(number, f"variable {name}"), name)
    return leaves


# --- the text, and places in it -----------------------------------------------------------------

# Signs that people write, or that word processors put in, and what Python has for them.
_LOOKALIKES = {
    **dict.fromkeys("\u00d7\u00b7\u22c5\u2219\u2217", "*"),  # times, and dots and stars like it
    **dict.fromkeys("\u00f7\u2215\u2044", "/"),  # division signs
    **dict.fromkeys("\u2212\u2010\u2011\u2013\u2014", "-"),  # minus, hyphens and dashes
    **dict.fromkeys("\u201c\u201d\u2018\u2019", '"'),  # typographic quotes
    "²": "**2",
    "³": "**3",
    "√": "sqrt(x)",
    "≤": "<=",
    "≥": ">=",
    "^": "**",
}

_SHOWN = 72  # characters of a line that an error shows


class _Text:
    """The text of an expression, and the errors that point into it."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.code = text.strip(" \t\n")  # the parser would take indentation as a fault
        self.lines = self.code.split("\n")
        self.margin = len(text) - len(text.lstrip(" \t\n"))

    def parse(self) -> ast.expr:
        """Return the syntax tree."""
        if len(self.text) > MAX_LENGTH:
            raise ExpressionError(
                f"the expression has {len(self.text)} characters, more than {MAX_LENGTH}: "
                f"compute it in Python, with Values"
            )
        for i, c in enumerate(self.text):
            if c in _LOOKALIKES:
                raise self.error(i, f"{c} has no meaning here: write {_LOOKALIKES[c]}")
            if not c.isprintable() and c not in "\t\n":
                raise self.error(i, f"the invisible character U+{ord(c):04X} has no meaning here")
        if not self.code:
            raise ExpressionError("the expression is empty: write one such as tanh(w*x + b)")
        try:
            with warnings.catch_warnings():  # of code such as 1if, which is refused anyway
                warnings.simplefilter("ignore")
                return ast.parse(self.code, mode="eval").body
        except SyntaxError as error:
            raise self.explained(error) from None
        except (RecursionError, MemoryError):
            raise ExpressionError(
                "the expression is nested too deeply: split it, or sum with fsum([x, y])"
            ) from None

    def error(self, where: int | ast.expr, reason: str) -> ExpressionError:
        """Return an error that shows the line with a caret under a character, or under a part."""
        place = where if isinstance(where, int) else self.start(where)
        first = self.text.rfind("\n", 0, place) + 1
        line, column = self.text[first:].partition("\n")[0], place - first
        shown = "".join([c if c.isprintable() else " " if c == "\t" else "\ufffd" for c in line])
        skipped = max(0, column - _SHOWN * 3 // 4) if len(shown) > _SHOWN else 0
        before = "…" * (skipped > 0) + shown[skipped:column]
        after = shown[column : skipped + _SHOWN] + "…" * (skipped + _SHOWN < len(shown))
        return ExpressionError(f"{reason}\n  {before}{after}\n  {' ' * columns(before)}^")

    def start(self, part: ast.expr) -> int:
        """Return where a part of the expression begins, in characters: the parser counts bytes."""
        line = self.lines[part.lineno - 1].encode()
        return self.line_start(part.lineno) + len(line[: part.col_offset].decode())

    def line_start(self, number: int) -> int:
        """Return where a line begins; the first is number 1."""
        return self.margin + sum([len(line) + 1 for line in self.lines[: number - 1]])

    def explained(self, error: SyntaxError) -> ExpressionError:
        """Put an error of the parser into the terms of expressions."""
        number, column, reason = error.lineno or 0, error.offset or 0, error.msg
        end = self.margin + len(self.code)
        inside = 0 < number <= len(self.lines) and 0 < column <= len(self.lines[number - 1])
        place = self.line_start(number) + column - 1 if inside else end
        if "digits) for integer" in reason:
            return ExpressionError("the expression has a number of too many digits: write 1e300")
        if "decimal literal" in reason:
            reason = "this is not a number; a product needs its sign, as in 2*x"
        elif reason.startswith("invalid syntax") and place == end:
            reason = "the expression ends too early: something is missing"
        elif reason.startswith("invalid syntax") and self.text[place] == "=":
            reason = "there is no = in an expression: the values of variables are given apart"
        elif reason.startswith("invalid syntax"):
            reason = "this cannot stand here: an expression is written as in tanh(w*x + b)"
        return self.error(place, reason)


# --- the meaning of a syntax tree ---------------------------------------------------------------

_SIGNS: dict[type[ast.AST], Callable[..., Any]] = {
    ast.UAdd: lambda x: x,
    ast.USub: p.neg,
    ast.Add: p.add,
    ast.Sub: p.sub,
    ast.Mult: p.mul,
    ast.Div: p.div,
    ast.Pow: p.power,
    ast.Lt: p.lt,
    ast.LtE: p.le,
    ast.Gt: p.gt,
    ast.GtE: p.ge,
}

# What may stand for a parameter, by its annotation in `autograd.engine.functions`.
_ARGUMENTS: dict[str, tuple[type[ast.expr] | tuple[type[ast.expr], ...], str]] = {
    "Operand": (ast.expr, "a number"),
    "Iterable[Operand]": ((ast.List, ast.Call), "a list of numbers, such as [x, y]"),
    "Any": (ast.Compare, "a comparison, such as x > 0"),
    "str": (ast.Constant, "a text in quotes"),
}

_REFUSED: dict[type[ast.expr], str] = {
    ast.Constant: "only real numbers have a meaning here, such as 2.5",
    ast.UnaryOp: "the operators are + - * / and **",
    ast.BinOp: "the operators are + - * / and **",
    ast.Compare: "a comparison has its place as the first argument of where, with <, <=, > or >=",
    ast.BoolOp: "conditions cannot be combined: put a where into a where",
    ast.IfExp: "a choice is written where(x > 0, y, z)",
    ast.List: "a list has its place as an argument of a function that takes one, such as fsum",
    ast.Tuple: "a list is written in brackets, as in fsum([x, y])",
    ast.Starred: "the elements of a list are written out, as in fsum([x, y])",
    ast.ListComp: "the elements of a list are written out, as in fsum([x, y])",
    ast.GeneratorExp: "the elements of a list are written out, as in fsum([x, y])",
    ast.Subscript: "there is no indexing: give each number a variable of its own, such as x1",
    ast.Attribute: "there are no attributes: a function is called as in tanh(x)",
    ast.NamedExpr: "there is no assignment: the values of variables are given apart",
}
_MEANINGLESS = (
    "this has no meaning here: an expression has numbers, variables, the operators + - * / **, "
    "parentheses and calls of functions"
)


class _Interpreter:
    """Computes the value of an expression, without recursion."""

    def __init__(self, text: _Text, variables: Mapping[str, Value]) -> None:
        self.text = text
        self.variables = variables
        self.mentioned: dict[str, ast.Name] = {}  # variables, and where they first occur
        self.calls: dict[ast.expr, tuple[str, dict[str, ast.expr]]] = {}  # function, arguments
        self.in_place: set[ast.expr] = set()  # lists, comparisons and texts that a function wants
        self.results: dict[ast.expr, Any] = {}

    def run(self) -> Value:
        """Check the whole expression, then compute it."""
        tree = self.text.parse()
        order = topological_order([tree], lambda node: self.parts(node)[::-1])
        self.refuse_missing()
        for node in order:
            self.results[node] = self.compute(node)
        result = self.number(tree)
        return result if isinstance(result, Value) else Value(result)

    # --- checking ---

    def parts(self, node: ast.expr) -> Sequence[ast.expr]:
        """Return the parts of which `node` is computed, or refuse it."""
        match node:
            case ast.Constant() if node in self.in_place or type(node.value) in (int, float):
                return ()
            case ast.Name():
                if node.id in FUNCTIONS:
                    raise self.text.error(node, f"this is a function: write {_usage(node.id)}")
                self.mentioned.setdefault(node.id, node)
                return ()
            case ast.UnaryOp() if type(node.op) in _SIGNS:
                return (node.operand,)
            case ast.BinOp() if type(node.op) in _SIGNS:
                return node.left, node.right
            case ast.Compare() if node in self.in_place and {*map(type, node.ops)} <= {*_SIGNS}:
                return node.left, *node.comparators
            case ast.List() if node in self.in_place:
                return node.elts
            case ast.Call():
                name = self.called(node.func)
                self.calls[node] = name, self.bind(name, node)
                return list(self.calls[node][1].values())
        raise self.text.error(node, _REFUSED.get(type(node), _MEANINGLESS))

    def called(self, function: ast.expr) -> str:
        """Return the name of the function that is called."""
        if isinstance(function, ast.Attribute):
            raise self.text.error(function, _REFUSED[ast.Attribute])
        if not isinstance(function, ast.Name) or function.id in self.variables:
            raise self.text.error(
                function, "this is no function; a product needs its sign, as in 2*(x)"
            )
        name = function.id
        if name not in FUNCTIONS:
            hint = _similar(name, FUNCTIONS) or f"there are {', '.join(sorted(FUNCTIONS))}"
            raise self.text.error(function, f"there is no function {name}: {hint}")
        return name

    def bind(self, name: str, node: ast.Call) -> dict[str, ast.expr]:
        """Return the arguments of a call by the names of the parameters."""
        keywords: dict[str, ast.expr] = {}
        for k in node.keywords:
            if k.arg is None or k.arg in keywords:
                raise self.text.error(
                    k.value, f"each argument is given once, by itself: write {_usage(name)}"
                )
            keywords[k.arg] = k.value
        signature = inspect.signature(FUNCTIONS[name])
        try:
            arguments = signature.bind(*node.args, **keywords).arguments
        except TypeError as error:
            raise self.text.error(node, f"{error}: write {_usage(name)}") from None
        for parameter, argument in arguments.items():
            annotation = signature.parameters[parameter].annotation
            fitting, what = _ARGUMENTS[annotation]
            if not isinstance(argument, fitting):
                raise self.text.error(argument, f"{parameter} must be {what}: write {_usage(name)}")
            if annotation != "Operand":
                self.in_place.add(argument)
        return arguments

    def refuse_missing(self) -> None:
        """Refuse variables without a value, all at once."""
        missing = [name for name in self.mentioned if name not in {**_CONSTANTS, **self.variables}]
        if missing:
            first = missing[0]
            given = f"given are {', '.join(self.variables)}" if self.variables else ""
            hints = [
                f"no value is given for {', '.join(missing)}: give one, as in {first}=2",
                *[f"{c} is {unicodedata.name(c, '?')}" for c in first if not c.isascii()],
                _similar(first, [*self.variables, *FUNCTIONS]) or given,
            ]
            raise self.text.error(self.mentioned[first], "; ".join(filter(None, hints)))

    # --- computing ---

    def compute(self, node: ast.expr) -> Any:
        """Return the value of a node, whose parts have been computed."""
        match node:
            case ast.Constant():
                return node.value if node in self.in_place else self.literal(node)
            case ast.Name():
                return self.variables.get(node.id, _CONSTANTS.get(node.id))
            case ast.UnaryOp():
                return _SIGNS[type(node.op)](self.number(node.operand))
            case ast.BinOp():
                return _SIGNS[type(node.op)](self.number(node.left), self.number(node.right))
            case ast.Compare():
                sides = [self.number(x) for x in (node.left, *node.comparators)]
                signs = [_SIGNS[type(op)] for op in node.ops]
                return all(sign(*pair) for sign, pair in zip(signs, pairwise(sides), strict=True))
            case ast.List():
                return [self.number(x) for x in node.elts]
            case _:
                return self.call(node)

    def literal(self, node: ast.Constant) -> float:
        """Return a number as a float."""
        try:
            return float(node.value)  # type: ignore[arg-type]
        except OverflowError:
            raise self.text.error(
                node, "this number is too large for a float, which ends at 1.8e308"
            ) from None

    def call(self, node: ast.expr) -> Any:
        """Return what a function gives."""
        name, bound = self.calls[node]
        parameters = inspect.signature(FUNCTIONS[name]).parameters
        arguments = {}
        for parameter, x in bound.items():
            annotation = parameters[parameter].annotation
            result = self.number(x) if annotation == "Operand" else self.results[x]
            if annotation == "Iterable[Operand]" and not isinstance(result, list):
                raise self.text.error(x, f"{parameter} must be {_ARGUMENTS[annotation][1]}")
            arguments[parameter] = result
        try:
            return FUNCTIONS[name](**arguments)
        except ValueError as error:
            raise self.text.error(node, str(error)) from None

    def number(self, node: ast.expr) -> Any:
        """Return the value of a node, which must be one number."""
        result = self.results[node]
        if isinstance(result, list):
            raise self.text.error(
                node,
                "this is a list of numbers, and one number is needed: combine them, as in "
                "dot([1, 0], softmax([x, y]))",
            )
        return result


def _usage(name: str) -> str:
    """Show how a function is called."""
    shown = []
    for x in inspect.signature(FUNCTIONS[name]).parameters.values():
        if x.annotation == "Iterable[Operand]":
            shown.append(f"[{x.name[:-1]}1, {x.name[:-1]}2]")
        else:
            shown.append(str(x.replace(annotation=x.empty)))
    return f"{name}({', '.join(shown)})"


def _similar(name: str, names: Iterable[str]) -> str:
    """Ask whether one of `names` was meant."""
    close = difflib.get_close_matches(name, list(names))
    return f"did you mean {' or '.join(close)}?" if close else ""
