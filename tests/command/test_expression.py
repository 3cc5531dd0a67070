"""Expressions: what one means, and what is said of one that means nothing."""

import inspect
import math
import re

import pytest
from effort import examples
from hypothesis import example, given, settings
from hypothesis import strategies as st

import autograd
from autograd import Value
from autograd.command.expression import FUNCTIONS, MAX_LENGTH, ExpressionError, columns, evaluate
from autograd.engine import functions

GIVEN = {"x": 2.0, "y": -3.0, "w1": 0.5, "long_name": 7.0}


def value(text, **variables):
    return evaluate(text, variables or GIVEN)[0].data


def refusal(text, variables=GIVEN):
    """The reason, the line shown, and the column of the caret in it (None where none is shown)."""
    with pytest.raises(ExpressionError) as caught:
        evaluate(text, variables)
    reason, *shown = str(caught.value).split("\n")
    if not shown:
        return reason, None, None
    line, caret = shown
    assert caret.strip() == "^"
    assert line.startswith("  ")
    return reason, line[2:], caret.index("^") - 2


def same(a, b):
    return a == b or (math.isnan(a) and math.isnan(b))


# --- meaning ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1 + 2*3 - 4/8", 6.5),
        ("(1 + 2)*3", 9),
        ("2**3**2", 512),
        ("-2**2", -4),
        ("--x", 2),
        ("+x", 2),
        ("-y", 3),
        ("x*y - y/x", -4.5),
        (".5 + 1e3 + 0x10 + 1_000", 2016.5),
        ("1e999", math.inf),
        ("10**10**10", math.inf),
        ("1/0", math.inf),
        ("0/0", math.nan),
        ("(-2)**2.5", math.nan),
        ("9007199254740993", 2.0**53),
        ("tanh(0)", 0),
        ("relu(y) + relu(x=x)", 2),
        ("gelu(1)", functions.gelu(1.0)),
        ("gelu(1, 'tanh')", functions.gelu(1.0, "tanh")),
        ('gelu(1, approximate="tanh")', functions.gelu(1.0, "tanh")),
        ("leaky_relu(y, slope=0.1)", -0.3 + 0.0),
        ("atan2(x=0, y=1)", math.pi / 2),
        ("clip(5, 0, x)", 2),
        ("dot([1, x], [3, 4])", 11),
        ("dot([1, x], [3, 4], w1)", 11.5),
        ("fsum([])", 0),
        ("mean([x, 4])", 3),
        ("fsum(softmax([x, y, 1]))", 1),
        ("dot(xs=[x], ws=softmax([5]))", 2),
        ("where(x > 1, 10, 20)", 10),
        ("where(x < 1, 10, 20)", 20),
        ("where(x >= 2, x, 1/0)", 2),
        ("where(0 < x <= 2, 1, 2)", 1),
        ("where(0 < x <= 1, 1, 2)", 2),
        ("where(5 < x <= 2, 1, 2)", 2),
        ("where(x/0 - x/0 > 0, 1, 2)", 2),
        ("  x  ", 2),
        ("\n\tx\n", 2),
        ("(x\n + 1)", 3),
        ("x # the input", 2),
        ("long_name", 7),
    ],
)
def test_meaning(text, expected):
    assert value(text) == pytest.approx(expected, rel=1e-15, abs=0, nan_ok=True)


def test_values_are_differentiated_and_named():
    result, variables = evaluate("tanh(w*x + b)", {"b": 6.88, "w": -3, "x": 2})
    result.backward()
    w, x, b = Value(-3.0), Value(2.0), Value(6.88)
    functions.tanh(w * x + b).backward()
    assert list(variables) == ["b", "w", "x"]
    assert [v.name for v in variables.values()] == ["b", "w", "x"]
    assert [v.grad for v in variables.values()] == [b.grad, w.grad, x.grad]


def test_a_variable_is_one_node_however_often_it_occurs():
    result, variables = evaluate("x*x + x", {"x": 3})
    result.backward()
    assert variables["x"].grad == 7
    assert result.parents[1] is variables["x"]


def test_results_that_are_plain_numbers_are_values_too():
    for text in ("3", "1 + 2", "where(x > 0, 3, 4)"):
        result, variables = evaluate(text, {"x": 1})
        assert isinstance(result, Value)
        assert result.data == 3
        assert variables.keys() == ({"x"} if "x" in text else set())
    assert evaluate("x", {"x": 1})[0] is not None


def test_ln_and_the_constants_are_known_as_people_write_them():
    result, variables = evaluate("ln(x) + sin(pi/2) + e", {"x": 1})
    assert result.data == pytest.approx(1.0 + math.e)
    assert list(variables) == ["x"]
    result, variables = evaluate("e * x", {"x": 2, "e": 3})  # a variable of that name comes first
    assert (result.data, list(variables)) == (6.0, ["x", "e"])


def test_every_public_function_can_be_called():
    public = {name for name in dir(autograd) if name[0] != "_" and hasattr(functions, name)}
    public -= {"Value", "take"}  # an index has no place in an expression
    assert public == FUNCTIONS.keys() - {"ln"}
    examples = {
        "Operand": ("0.5", 0.5),
        "Iterable[Operand]": ("[0.5, 0.25]", [0.5, 0.25]),
        "Any": ("x > 1", True),
        "str": ("'none'", "none"),
    }
    for name, function in FUNCTIONS.items():
        kinds = [p.annotation for p in inspect.signature(function).parameters.values()]
        texts, values = zip(*[examples[kind] for kind in kinds], strict=True)
        call, expected = f"{name}({', '.join(texts)})", function(*values)
        if name in ("softmax", "log_softmax"):
            call, expected = f"dot([1, 2], {call})", functions.dot([1.0, 2.0], expected)
        assert same(value(call), expected), call


# --- identifiers --------------------------------------------------------------------------------


def test_names_in_any_script():
    assert value("θ₀ * η".replace("₀", "0"), θ0=2, η=3) == 6
    assert value("größe + 1", größe=2) == 3


def test_names_are_matched_as_python_matches_them():
    micro, mu = "\u00b5", "\u03bc"
    for text, name in ((micro, mu), (mu, micro), ("\uff58", "x"), ("x", "\uff58")):
        result, variables = evaluate(f"{text} + 1", {name: 2})
        assert result.data == 3
        assert list(variables) == [name]
    with pytest.raises(ExpressionError, match=f"{micro} and {mu} are the same name to Python"):
        evaluate(mu, {micro: 1, mu: 2})


@pytest.mark.parametrize("name", ["2x", "", "a b", "a-b", "lambda", "None", "x\n", "x.y", "²"])
def test_names_that_are_none(name):
    with pytest.raises(ExpressionError, match="cannot be the name of a variable"):
        evaluate("1", {name: 1.0})


@pytest.mark.parametrize("name", ["tanh", "dot", "\uff54anh"])
def test_names_of_functions_are_taken(name):
    with pytest.raises(ExpressionError, match="is the name of a function"):
        evaluate("1", {name: 1.0})


def test_variables_are_numbers():
    with pytest.raises(TypeError, match="variable x must be a real number, not the str '3'"):
        evaluate("x", {"x": "3"})


# --- refusals -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "caret", "reason"),
    [
        # Syntax
        ("x +", 3, "the expression ends too early"),
        ("x + ", 3, "the expression ends too early"),
        ("(x", 0, r"'\(' was never closed"),
        ("x)", 1, r"unmatched '\)'"),
        ("tanh([x)", 7, r"closing parenthesis '\)' does not match opening parenthesis '\['"),
        ("2x", 0, r"this is not a number; a product needs its sign, as in 2\*x"),
        ("x + 3y1", 4, r"this is not a number; a product needs its sign, as in 2\*x"),
        ("x y", 2, "this cannot stand here"),
        ("x = 3", 2, "there is no = in an expression: the values of variables are given apart"),
        ("x == ", 4, "the expression ends too early"),
        ("import os", 0, "this cannot stand here"),
        ("x; y", 1, "this cannot stand here"),
        ("$x", 0, "this cannot stand here"),
        ("x + 'abc", 4, "unterminated string literal"),
        ("x…", 1, "invalid character '…'"),
        # Characters
        ("x × y", 2, "× has no meaning here: write *"),
        ("x − y", 2, "− has no meaning here: write -"),
        ("x ÷ y", 2, "÷ has no meaning here: write /"),
        ("x^2", 1, r"\^ has no meaning here: write \*\*"),
        ("x²", 1, r"² has no meaning here: write \*\*2"),
        ("gelu(x, “tanh”)", 8, '“ has no meaning here: write "'),
        ("x\0+ 1", 1, r"invisible character U\+0000"),
        ("x\xa0+ 1", 1, r"invisible character U\+00A0"),
        ("x\u202e+ 1", 1, r"invisible character U\+202E"),
        ("x\r", 1, r"invisible character U\+000D"),
        ("\ud800", 0, r"invisible character U\+D800"),
        # Literals
        ("x + 2j", 4, "only real numbers"),
        ("'x'", 0, "only real numbers"),
        ("b'x'", 0, "only real numbers"),
        ("x + True", 4, "only real numbers"),
        ("None", 0, "only real numbers"),
        ("...", 0, "only real numbers"),
        ("tanh('x')", 5, "only real numbers"),
        ("1 + 1" + "0" * 309, 4, "too large for a float, which ends at 1.8e308"),
        # Constructs
        ("x // y", 0, r"the operators are \+ - \* / and \*\*"),
        ("x % y", 0, "the operators are"),
        ("x @ y", 0, "the operators are"),
        ("x << 1000000000", 0, "the operators are"),
        ("x | y", 0, "the operators are"),
        ("~x", 0, "the operators are"),
        ("1 + (not x)", 5, "the operators are"),
        ("x > y", 0, "a comparison has its place as the first argument of where"),
        ("1 + (x > y)", 5, "a comparison has its place"),
        ("where(x == y, 1, 2)", 6, "with <, <=, > or >="),
        ("where(x is y, 1, 2)", 6, "with <, <=, > or >="),
        ("where(x < y == 1, 1, 2)", 6, "with <, <=, > or >="),
        ("where(x > 1 and y > 1, 1, 2)", 6, "condition must be a comparison"),
        ("where(x, 1, 2)", 6, r"condition must be a comparison, such as x > 0: write where\("),
        ("x and y", 0, "conditions cannot be combined"),
        ("x if x else y", 0, "a choice is written where"),
        ("1if x else 2", 0, "a choice is written where"),  # Python warns of 1if
        ("[x, y]", 0, "a list has its place as an argument of a function that takes one"),
        ("tanh([x])", 5, "a list has its place"),
        ("fsum([[x]])", 6, "a list has its place"),
        ("x, y", 0, "a list is written in brackets"),
        ("()", 0, "a list is written in brackets"),
        ("fsum((x, y))", 5, r"xs must be a list of numbers, such as \[x, y\]: write fsum\(\[x1"),
        ("fsum(x)", 5, "xs must be a list of numbers"),
        ("fsum(tanh(x))", 5, "xs must be a list of numbers"),
        ("fsum([*x])", 6, "the elements of a list are written out"),
        ("tanh(*x)", 5, "the elements of a list are written out"),
        ("fsum(x for x in y)", 4, "xs must be a list of numbers"),
        ("[x for x in y]", 0, "the elements of a list are written out"),
        ("{x}", 0, "this has no meaning here"),
        ("{x: y}", 0, "this has no meaning here"),
        ("{x for x in y}", 0, "this has no meaning here"),
        ("lambda: x", 0, "this has no meaning here"),
        ("f'{x}'", 0, "this has no meaning here"),
        ("(yield)", 1, "this has no meaning here"),
        ("await x", 0, "this has no meaning here"),
        ("(x := 3)", 1, "there is no assignment"),
        ("x[0]", 0, "there is no indexing"),
        ("x.data", 0, "there are no attributes"),
        ("x.tanh()", 0, r"there are no attributes: a function is called as in tanh\(x\)"),
        ("().__class__.__bases__", 0, "there are no attributes"),
        # Calls
        ("__import__('os').system('id')", 0, "there are no attributes"),
        ("__import__('os')", 0, "there is no function __import__: there are abs, acos, "),
        ("eval('1')", 0, "there is no function eval"),
        ("open('/etc/passwd')", 0, "there is no function open"),
        ("tahn(x)", 0, r"there is no function tahn: did you mean .*\btanh\b"),
        ("sqroot(x)", 0, r"there is no function sqroot: did you mean sqrt\?"),
        ("x(3)", 0, r"this is no function; a product needs its sign, as in 2\*\(x\)"),
        ("2(x)", 0, "this is no function"),
        ("(x + y)(3)", 1, "this is no function"),
        ("tanh(x)(3)", 0, "this is no function"),
        ("(lambda: x)()", 1, "this is no function"),
        ("tanh", 0, r"this is a function: write tanh\(x\)"),
        ("1 + gelu", 4, r"this is a function: write gelu\(x, approximate='none'\)"),
        ("tanh()", 0, r"missing a required argument: 'x': write tanh\(x\)"),
        ("1 + tanh(x, y)", 4, r"too many positional arguments: write tanh\(x\)"),
        ("tanh(y=x)", 0, r"argument.* 'x'.*write tanh\(x\)|unexpected keyword argument 'y'"),
        ("tanh(x, x=x)", 0, "multiple values for argument 'x'"),
        ("tanh(x=x, x=y)", 12, "each argument is given once, by itself"),
        ("tanh(**x)", 7, "each argument is given once, by itself"),
        ("gelu(x, approximate=y)", 20, "approximate must be a text in quotes"),
        ("gelu(x, 'tahn')", 0, 'approximate must be "none" or "tanh", not \'tahn\''),
        ("gelu(x, None)", 0, 'approximate must be "none" or "tanh", not None'),
        ("1 + dot([x], [x, y])", 4, "dot needs as many weights as inputs, not 1 and 2"),
        ("mean([])", 0, "give at least one"),
        ("dot([x], [y], [1])", 14, "a list has its place"),
        # Lists where a number is needed
        ("softmax([x, y])", 0, r"this is a list of numbers, and one number is needed.*dot\("),
        ("1 + softmax([x, y])", 4, "this is a list of numbers"),
        ("-softmax([x, y])", 1, "this is a list of numbers"),
        ("tanh(softmax([x, y]))", 5, "this is a list of numbers"),
        ("fsum([softmax([x])])", 6, "this is a list of numbers"),
        ("where(softmax([x]) > 0, 1, 2)", 6, "this is a list of numbers"),
        # Variables
        ("tanh(w1*z)", 8, "no value is given for z: give one, as in z=2; given are x, y, w1, long"),
        ("z + q*z", 0, "no value is given for z, q: give one, as in z=2"),
        ("log_name", 0, r"no value is given for log_name.*; did you mean long_name\?"),
        ("sigmod", 0, r"no value is given for sigmod.*; did you mean sigmoid or"),
        ("1 + \u0445", 4, "no value is given for \u0445.*; \u0445 is CYRILLIC SMALL LETTER HA"),
    ],
)
def test_refusals_say_where_and_why(text, caret, reason):
    with pytest.raises(ExpressionError, match=reason):
        evaluate(text, GIVEN)
    _, line, column = refusal(text)
    assert column == caret
    if len(text) < 72:
        assert line == "".join(c if c.isprintable() else "\ufffd" for c in text)


@pytest.mark.parametrize("text", ["", " ", "\n\t "])
def test_an_empty_expression(text):
    assert refusal(text)[0].startswith("the expression is empty: write one such as")


def test_the_first_fault_in_reading_order_is_shown():
    assert refusal("2j + 'a' + [x]")[2] == 0
    assert refusal("x + tanh(2j, 'a')")[0].startswith("too many positional arguments")
    assert refusal("x + hypot(2j, 'a')")[2] == 10


def test_the_caret_counts_columns_and_not_bytes():
    for before in ("θ", "漢字", "é", "e\u0301", "ﬁ", "θ*漢字*é"):
        text = f"{before} + x.y"
        reason, line, column = refusal(text, dict.fromkeys(("θ", "漢字", "é", "ﬁ", "x"), 1.0))
        assert "attributes" in reason
        assert line == text
        assert column == columns(before) + 3
    assert columns("漢字") == 4
    assert columns("e\u0301") == 1


def test_the_line_with_the_fault_is_shown():
    assert refusal("(x\n + 'a'\n + y)") == (
        "only real numbers have a meaning here, such as 2.5",
        " + 'a'",
        3,
    )
    assert refusal("\n\n (x\n\t+ 2y)")[1:] == (" + 2y)", 3)
    assert refusal("(x +\n\n")[1:] == ("(x +", 0)


def test_a_long_line_is_cut_around_the_fault():
    for left, right in ((1000, 1000), (0, 1000), (1000, 0), (30, 1000)):
        text = "x + " * left + "'here'" + " + x" * right
        _, line, column = refusal(text)
        assert line[column:].startswith("'here'")
        assert len(line) <= 74
        assert line.startswith("…") == (left >= 30)
        assert line.endswith("…") == (right > 0)


@pytest.mark.parametrize(
    "text",
    [
        "-" * 9_900 + "x",
        "(" * 4_900 + "x" + ")" * 4_900,
        "+".join(["x"] * 4_900),
        "**".join(["x"] * 3_300),
        "tanh(" * 1_600 + "x" + ")" * 1_600,
        "fsum([" * 1_200 + "x" + "])" * 1_200,
        "where(x > 0, x, " * 500 + "x" + ")" * 500,
    ],
)
def test_deep_nesting_is_computed_or_refused(text):  # Python's parser sets the limit
    message = ""
    try:
        evaluate(text, GIVEN)
    except ExpressionError as error:
        message = str(error)
    assert re.match("$|the expression is nested too deeply|too many nested parentheses", message)


def test_too_deep_and_too_long():
    assert value("+".join(["x"] * 900)) == 1800
    assert value("x" + " " * (MAX_LENGTH - 1)) == 2
    reason, _, _ = refusal("x" + " " * MAX_LENGTH)
    assert reason.startswith("the expression has 10001 characters, more than 10000")


def test_a_number_of_thousands_of_digits():
    assert refusal("1 + " + "9" * 5000)[0].startswith("the expression has a number of too many")


# --- properties ---------------------------------------------------------------------------------

PIECES = [
    *"()[]{}+-*/%^=<>!,.:;@'\"\\#~|& \n\tθ漢0123456789xyj_",
    *("x", "y", "tanh", "softmax", "where", "dot", "lambda", "**", "1e9", "not ", " if ", " else "),
    *("f'{", "approximate=", "__class__", " for x in y", "\0", "\ud800", "\u202e", "×"),
]


@given(st.one_of(st.text(max_size=60), st.lists(st.sampled_from(PIECES)).map("".join)))
@example("f'{x!")
@example("'\\N{x}'")
@example("1if 2else 3")
@example("0_")
@example("x\\")
@example("#")
@settings(max_examples=examples(1000))
def test_any_text_has_a_value_or_is_refused(text):
    message = None
    try:
        result, variables = evaluate(text, GIVEN)
    except ExpressionError as error:
        message = str(error)
    if message is None:
        assert isinstance(result, Value)
        assert variables.keys() <= GIVEN.keys()
    else:
        assert 10 < len(message) < 1000
        assert all(c.isprintable() or c == "\n" for c in message)


PATTERNS = {
    1: ["({})", "-{}", "tanh({})", "exp({})", "sigmoid({})", "gelu({})", "log({})"],
    2: [f"{{}} {sign} {{}}" for sign in ("+", "-", "*", "/", "**")]
    + ["maximum({}, {})", "hypot({}, {})", "atan2({}, {})", "leaky_relu({}, {})"]
    + ["fsum([{}, {}])", "mean([{}, {}])", "logsumexp([{}, {}])"],
    4: [f"where({{}} {sign} {{}}, {{}}, {{}})" for sign in ("<", "<=", ">", ">=")],
}


def larger(texts):
    made = [
        st.tuples(*[texts] * n).map(lambda own, pattern=pattern: pattern.format(*own))
        for n, patterns in PATTERNS.items()
        for pattern in patterns
    ]
    return st.one_of(made)


numbers = st.floats(0, allow_nan=False, allow_infinity=False).map(repr)
NUMBER = r"(?<![\w.])\d[\d.]*(?:e[+-]\d+)?"


@given(st.recursive(numbers | st.sampled_from(sorted(GIVEN)), larger, max_leaves=20))
@settings(max_examples=300)
def test_the_value_and_gradients_are_those_of_the_same_code_in_python(text):
    result, variables = evaluate(text, GIVEN)
    leaves = {name: Value(x) for name, x in GIVEN.items()}
    code = re.sub(NUMBER, r"Value(\g<0>)", text)  # Python's own numbers raise at poles
    expected = eval(code, {**FUNCTIONS, **leaves, "Value": Value})
    expected.backward()
    assert same(result.data, expected.data), text
    result.backward()
    for name, leaf in variables.items():
        assert same(leaf.grad, leaves[name].grad), text
