"""Expressions written as text, such as "tanh(w*x + b)".

The text is parsed with Python's own parser and then interpreted: nothing in it is executed, and
only what this module knows has a meaning.
"""

from __future__ import annotations

import ast
import inspect
import keyword
import operator
import unicodedata
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NoReturn

from autograd import functions
from autograd import primitives as p
from autograd.errors import as_float
from autograd.graph import topological_order
from autograd.value import Value

MAX_LENGTH = 10_000  # characters

FUNCTIONS: dict[str, Callable[..., Any]] = {
    name: function
    for name, function in vars(functions).items()
    if inspect.isfunction(function)
    and function.__module__ == functions.__name__
    and not name.startswith("_")
}
"""The functions that an expression may call: those of `autograd.functions`."""

_UNARY: dict[type[ast.unaryop], Callable[[Any], Any]] = {ast.UAdd: operator.pos, ast.USub: p.neg}
_BINARY: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: p.add,
    ast.Sub: p.sub,
    ast.Mult: p.mul,
    ast.Div: p.div,
    ast.Pow: p.power,
}
_COMPARISONS: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Lt: p.lt,
    ast.LtE: p.le,
    ast.Gt: p.gt,
    ast.GtE: p.ge,
}


class ExpressionError(ValueError):
    """An expression has no meaning; the message shows where, why, and what to do."""


def evaluate(text: str, variables: Mapping[str, float]) -> tuple[Value, dict[str, Value]]:
    """Compute the value of an expression, as a graph that can be differentiated and drawn.

    An expression has numbers, variables, the operators + - * / **, parentheses, and calls of the
    functions of this package. A list, as in `dot([w1, w2], [x1, x2], b)`, is for the functions
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
    autograd.expression.ExpressionError: no value is given for y: give one, as in y=2
      tanh(w*y)
             ^
    """
    leaves = _leaves(variables)
    interpreter = _Interpreter(_Text(text), leaves)
    value = interpreter.run()
    used = {leaf.name: leaf for name, leaf in leaves.items() if name in interpreter.mentioned}
    return value, {name: used[name] for name in variables if name in used}


def _leaves(variables: Mapping[str, float]) -> dict[str, Value]:
    """Make a leaf of each variable; the keys are the names as Python's parser reads them."""
    leaves: dict[str, Value] = {}
    for name, number in variables.items():
        if not name.isidentifier() or keyword.iskeyword(name):
            raise ExpressionError(
                f"{name!r} cannot be the name of a variable: use letters, digits and _, with a "
                f"letter first, and no keyword of Python"
            )
        if name in FUNCTIONS:
            raise ExpressionError(
                f"{name} is the name of a function: give the variable another name"
            )
        key = unicodedata.normalize("NFKC", name)
        if key in leaves:
            raise ExpressionError(f"{name!r} and {leaves[key].name!r} are one and the same name")
        leaves[key] = Value(as_float(number, f"variable {name}"), name)
    return leaves


# --- text, and places in it ---------------------------------------------------------------------

# Signs that people write, or that word processors put in, for what Python spells otherwise.
_LOOKALIKES = {
    **dict.fromkeys("×·⋅∙∗", "*"),
    **dict.fromkeys("÷∕⁄", "/"),
    **dict.fromkeys("−–—‐‑", "-"),
    **dict.fromkeys("“”‘’", '"'),
    "²": "**2",
    "³": "**3",
    "√": "sqrt(...)",
    "≤": "<=",
    "≥": ">=",
    "∞": "1e999",
    "^": "**",
}

_SHOWN = 72  # characters of a line that an error shows


class _Text:
    """The text of an expression, and the errors that point into it."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.code = text.lstrip(" \t\n")  # indentation would mean something to the parser
        self.margin = len(text) - len(self.code)

    def fail(self, where: int | ast.expr, reason: str) -> NoReturn:
        """Raise an error about the expression at a place, in characters, or about a part of it."""
        place = where if isinstance(where, int) else self.place(where.lineno, where.col_offset)
        start = self.text.rfind("\n", 0, place) + 1
        line, column = self.text[start:].partition("\n")[0], place - start
        shown = "".join([c if c.isprintable() else " " if c == "\t" else "\ufffd" for c in line])
        skipped = max(0, column - _SHOWN * 3 // 4) if len(shown) > _SHOWN else 0
        before, after = shown[skipped:column], shown[column : skipped + _SHOWN]
        before = "…" * (skipped > 0) + before
        after += "…" * (skipped + _SHOWN < len(shown))
        raise ExpressionError(f"{reason}\n  {before}{after}\n  {' ' * columns(before)}^") from None

    def place(self, line: int, column: int) -> int:
        """Turn the parser's line, from 1, and column, in bytes, into a place in characters."""
        lines = self.code.split("\n")
        before = sum([len(text) + 1 for text in lines[: line - 1]])
        return self.margin + before + len(lines[line - 1].encode()[:column].decode())

    def parse(self) -> ast.expr:
        """Return the syntax tree."""
        if len(self.text) > MAX_LENGTH:
            raise ExpressionError(
                f"the expression has {len(self.text)} characters, more than {MAX_LENGTH}: "
                f"compute it with Values in Python instead"
            )
        for i, c in enumerate(self.text):
            if c in _LOOKALIKES:
                self.fail(i, f"{c} has no meaning here: write {_LOOKALIKES[c]}")
            if not c.isprintable() and c not in "\t\n":
                self.fail(i, f"the invisible character U+{ord(c):04X} has no meaning here")
        if not self.code:
            raise ExpressionError("the expression is empty: write one such as tanh(w*x + b)")
        try:
            with warnings.catch_warnings():  # such as that of 1if, which is refused anyway
                warnings.simplefilter("ignore")
                return ast.parse(self.code, mode="eval").body
        except SyntaxError as error:
            self._explain(error)
        except (RecursionError, MemoryError):
            raise ExpressionError(
                "the expression is nested too deeply: split it, or sum with fsum([...])"
            ) from None

    def _explain(self, error: SyntaxError) -> NoReturn:
        """Raise the parser's error in the words of this module."""
        line, offset = error.lineno or 0, error.offset or 0
        lines = self.code.split("\n")
        if line < 1 or offset < 1 or line > len(lines) or offset > len(lines[line - 1]):
            place = len(self.text.rstrip())  # the parser says so when the text ends too early
        else:
            place = self.margin + sum([len(text) + 1 for text in lines[: line - 1]]) + offset - 1
        reason = error.msg
        if reason.startswith("Exceeds the limit"):
            raise ExpressionError("the expression has a number of thousands of digits")
        if reason.startswith(("invalid decimal", "invalid hexadecimal", "invalid octal")):
            reason = "this is not a number; a product needs its sign, as in 2*x"
        elif reason.startswith("invalid syntax"):
            if place >= len(self.text.rstrip()):
                reason = "the expression ends too early: something is missing"
            elif self.text[place] == "=":
                reason = "= has no place in an expression: the values of variables are given apart"
            else:
                reason = "this cannot stand here: an expression is written as in tanh(w*x + b)"
        self.fail(place, reason)


def columns(text: str) -> int:
    """Return how many columns of a terminal text takes up.

    >>> columns("θ = 漢")
    6
    """
    return sum(
        [
            0 if unicodedata.combining(c) else 1 + (unicodedata.east_asian_width(c) in "WF")
            for c in text
        ]
    )


# --- the meaning of a syntax tree ---------------------------------------------------------------

_REFUSED: dict[type[ast.expr], str] = {
    ast.Compare: "a comparison has its place as the first argument of where",
    ast.List: "a list has its place as an argument of a function that takes one, such as fsum",
    ast.Tuple: "a list is written with brackets, as in fsum([x, y])",
    ast.Starred: "the elements of a list are written out, as in fsum([x, y])",
    ast.ListComp: "the elements of a list are written out, as in fsum([x, y])",
    ast.GeneratorExp: "the elements of a list are written out, as in fsum([x, y])",
    ast.Subscript: "there is no indexing: give each number a variable of its own, such as x1",
    ast.Attribute: "there are no attributes: a function is called as in tanh(x)",
    ast.NamedExpr: "there is no assignment: the values of variables are given apart",
    ast.IfExp: "a choice is written where(x > 0, a, b)",
    ast.BoolOp: "conditions cannot be combined: put a where into a where",
    ast.UnaryOp: "the operators are + - * / and **",
    ast.BinOp: "the operators are + - * / and **",
}
_NO_MEANING = (
    "this has no meaning here: an expression has numbers, variables, the operators + - * / **, "
    "parentheses and calls of functions"
)


# What the annotations of parameters in `autograd.functions` ask for.
_KINDS = {
    "Operand": "a number",
    "Iterable[Operand]": "a list of numbers, such as [x, y]",
    "Any": "a comparison, such as x > 0",
    "str": "a text in quotes",
}


class _Interpreter:
    """Computes the value of a syntax tree, without recursion."""

    def __init__(self, text: _Text, variables: Mapping[str, Value]) -> None:
        self.text = text
        self.variables = variables
        self.mentioned: dict[str, ast.Name] = {}  # the first place of each variable
        self.arguments: dict[ast.Call, dict[str, ast.expr]] = {}
        self.results: dict[ast.expr, Any] = {}  # a number, a Value, or a list of them

    def run(self) -> Value:
        """Check the whole expression, then compute it."""
        tree = self.text.parse()
        order = topological_order([tree], self.operands)
        self.refuse_missing()
        for node in order:
            self.results[node] = self.compute(node)
        result = self.number(tree)
        return result if isinstance(result, Value) else Value(result)

    def operands(self, node: ast.expr) -> Sequence[ast.expr]:
        """Return the parts of which `node` is computed, or refuse it."""
        match node:
            case ast.Constant():
                self.check_literal(node)
                return ()
            case ast.Name():
                if node.id in FUNCTIONS:
                    self.text.fail(node, f"{node.id} is a function: write {_usage(node.id)}")
                self.mentioned.setdefault(node.id, node)
                return ()
            case ast.UnaryOp() if type(node.op) in _UNARY:
                return (node.operand,)
            case ast.BinOp() if type(node.op) in _BINARY:
                return node.left, node.right
            case ast.Call():
                name = self.called(node.func)
                self.arguments[node] = arguments = self.bind(name, node)
                kinds = inspect.signature(FUNCTIONS[name]).parameters
                return [
                    part
                    for parameter, argument in arguments.items()
                    for part in self.parts(name, kinds[parameter], argument)
                ]
        self.text.fail(node, _REFUSED.get(type(node), _NO_MEANING))

    def check_literal(self, node: ast.Constant) -> None:
        """Refuse a literal that is no real number."""
        if type(node.value) not in (int, float):
            self.text.fail(node, "only real numbers have a meaning here, such as 2.5")
        try:
            float(node.value)  # type: ignore[arg-type]
        except OverflowError:
            self.text.fail(node, "this number is too large for a float, which ends at 1.8e308")

    def called(self, function: ast.expr) -> str:
        """Return the name of the function that is called."""
        if isinstance(function, ast.Attribute):
            self.text.fail(function, _REFUSED[ast.Attribute])
        if not isinstance(function, ast.Name) or function.id in self.variables:
            self.text.fail(function, "this is no function; a product needs its sign, as in 2*(x)")
        name = function.id
        if name not in FUNCTIONS:
            hint = _similar(name, FUNCTIONS) or f"there are {', '.join(sorted(FUNCTIONS))}"
            self.text.fail(function, f"there is no function {name}: {hint}")
        return name

    def bind(self, name: str, node: ast.Call) -> dict[str, ast.expr]:
        """Return the arguments of a call by the names of the parameters."""
        keywords: dict[str, ast.expr] = {}
        for k in node.keywords:
            if k.arg is None or k.arg in keywords:
                self.text.fail(k.value, f"give each argument once, by itself: write {_usage(name)}")
            keywords[k.arg] = k.value
        try:
            return inspect.signature(FUNCTIONS[name]).bind(*node.args, **keywords).arguments
        except TypeError as error:
            self.text.fail(node, f"{error}: write {_usage(name)}")

    def parts(
        self, name: str, parameter: inspect.Parameter, argument: ast.expr
    ) -> Sequence[ast.expr]:
        """Return what an argument is computed of, or refuse one of the wrong kind."""
        match parameter.annotation, argument:
            case ("Operand", _) | ("Iterable[Operand]", ast.Call()):
                return (argument,)
            case "Iterable[Operand]", ast.List():
                return argument.elts
            case "Any", ast.Compare():
                if not {type(op) for op in argument.ops} <= set(_COMPARISONS):
                    self.text.fail(argument, "the comparisons are <, <=, > and >=")
                return (argument.left, *argument.comparators)
            case "str", ast.Constant(value=str()):
                return ()
        what = _KINDS[parameter.annotation]
        self.text.fail(argument, f"{parameter.name} must be {what}: write {_usage(name)}")

    def refuse_missing(self) -> None:
        """Refuse variables without a value, all at once."""
        missing = [name for name in self.mentioned if name not in self.variables]
        if missing:
            first = missing[0]
            given = f"given are {', '.join(self.variables)}" if self.variables else ""
            hints = [_spelled(first), _similar(first, [*self.variables, *FUNCTIONS]) or given]
            reason = f"no value is given for {', '.join(missing)}: give one, as in {first}=2"
            self.text.fail(self.mentioned[first], "; ".join([reason, *filter(None, hints)]))

    def compute(self, node: ast.expr) -> Any:
        """Return the value of a node, whose parts have been computed."""
        match node:
            case ast.Constant():
                return float(node.value)  # type: ignore[arg-type]
            case ast.Name():
                return self.variables[node.id]
            case ast.UnaryOp():
                return _UNARY[type(node.op)](self.number(node.operand))
            case ast.BinOp():
                return _BINARY[type(node.op)](self.number(node.left), self.number(node.right))
        assert isinstance(node, ast.Call)
        assert isinstance(node.func, ast.Name)
        function = FUNCTIONS[node.func.id]
        kinds = inspect.signature(function).parameters
        arguments = {
            name: self.argument(kinds[name], x) for name, x in self.arguments[node].items()
        }
        try:
            return function(**arguments)
        except ValueError as error:
            self.text.fail(node, str(error))

    def argument(self, parameter: inspect.Parameter, argument: ast.expr) -> Any:
        """Return the value of an argument, whose parts have been computed."""
        match parameter.annotation, argument:
            case "str", ast.Constant():
                return argument.value
            case "Any", ast.Compare():
                sides = [self.number(x) for x in (argument.left, *argument.comparators)]
                signs = [_COMPARISONS[type(op)] for op in argument.ops]
                return all(map(lambda sign, a, b: sign(a, b), signs, sides, sides[1:]))
            case "Iterable[Operand]", ast.List():
                return [self.number(x) for x in argument.elts]
            case "Iterable[Operand]", _:
                if not isinstance(self.results[argument], list):
                    what = _KINDS["Iterable[Operand]"]
                    self.text.fail(argument, f"{parameter.name} must be {what}")
                return self.results[argument]
        return self.number(argument)

    def number(self, node: ast.expr) -> Any:
        """Return the value of a node that must be one number."""
        result = self.results[node]
        if isinstance(result, list):
            self.text.fail(
                node,
                "this is a list of numbers, and one number is needed: combine them, as in "
                "dot([1, 0], softmax([x, y]))",
            )
        return result


def _usage(name: str) -> str:
    """Show how a function is called."""
    parameters = [
        f"[{x.name[:-1]}1, {x.name[:-1]}2, ...]"
        if x.annotation == "Iterable[Operand]"
        else str(x.replace(annotation=x.empty))
        for x in inspect.signature(FUNCTIONS[name]).parameters.values()
    ]
    return f"{name}({', '.join(parameters)})"


def _similar(name: str, names: Iterable[str]) -> str:
    """Ask whether one of `names` was meant."""
    close = difflib.get_close_matches(name, list(names), n=1)
    return f"did you mean {close[0]}?" if close else ""


def _spelled(name: str) -> str:
    """Tell the letters of a name that may look like others."""
    return ", ".join([f"{c} is {unicodedata.name(c, 'unknown')}" for c in name if not c.isascii()])
