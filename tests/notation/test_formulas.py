"""Formulas: that what is written is worth what it stands for, and what is made simpler."""

import math
import random
import re

import pytest
from effort import examples
from hypothesis import given, settings
from hypothesis import strategies as st

import autograd as ag
from autograd import Value
from autograd.engine import table as p
from autograd.engine.primitives import OWN
from autograd.notation import LATEX, TEXT, Cut, Formula, definition, slope, total

NUMBERS = {"a": 0.5, "b": 0.75, "c": 1.5}
MEANINGS = {"exp": math.exp, "ln": math.log, "tanh": math.tanh, "σ": p.sigmoid, "ReLU": p.relu}
ROWS = [p.add, p.sub, p.mul, p.div, p.neg, p.square, p.exp, p.log, p.tanh, p.sigmoid, p.relu]
ROWS += [p.power, p.above, p.fsum, p.dot]


def meaning(text):
    """Evaluate a formula as Python would, which has the same precedences."""
    text = text.replace("·", "*").replace("−", "-").replace("^", "**")
    text = text.replace("[", "float(").replace("]", ")")
    text = re.sub(
        "[⁰¹²³⁴⁵⁶⁷⁸⁹⁻]+",
        lambda found: f"**({found[0].translate(str.maketrans('⁰¹²³⁴⁵⁶⁷⁸⁹⁻', '0123456789-'))})",
        text,
    )
    return eval(text, {**NUMBERS, **MEANINGS})


def random_formula(rng, depth):
    """Make a formula, each operation as it is or in its simplest form, and give its value."""
    if depth == 0 or rng.random() < 0.15:
        name = rng.choice([*NUMBERS, -3.0, -1.0, 0.0, 0.5, 1.0, 2.0])
        value = NUMBERS.get(name, name)
        return Formula(name, value=value) if name in NUMBERS else value, value
    row = rng.choice(ROWS)
    count = len(row.partials) if isinstance(row.partials, tuple) else rng.choice([1, 3, 5])
    operands, values = zip(*[random_formula(rng, depth - 1) for _ in range(count)], strict=True)
    value = row.float_forward(*values)
    if not any(isinstance(x, Formula) for x in operands) or abs(value) > 1e6 or value != value:
        return random_formula(rng, depth - 1)
    if rng.random() < 0.5 or row is p.dot:
        return row(*operands), value
    return Formula(row.name, operands, value=value), value


@settings(max_examples=examples(1000))
@given(st.integers(0, 10**6))
def test_a_formula_is_worth_what_it_stands_for(seed):
    formula, value = random_formula(random.Random(seed), 4)
    assert meaning(TEXT.formula(formula)) == pytest.approx(value, rel=1e-9, abs=1e-9)
    latex = LATEX.formula(formula)
    assert latex.count("{") == latex.count("}")


def test_the_signs_of_a_sum_and_the_factors_of_a_product_are_put_in_order():
    x, y = Formula("x", size=3), Formula("y", size=3)
    for formula, expected in [
        (x + -y, "x − y"),
        (-x + y, "y − x"),
        (x * -2.0 * y, "−2 · x ⊙ y"),
        (x / (y / x), "x/(y/x)"),
        (x / y / x, "x/(y ⊙ x)"),
        (-(x - y), "y − x"),
        (x * x, "x²"),
        (x**1.0 + 0.0, "x"),
        (0.5 * (p.above(x, y) + (1.0 - p.above(y, x))), "[x > y]"),
        (1.0 + p.logsumexp(x, y) ** 2, "1 + (ln Σ exp(x, y))²"),
    ]:
        assert str(formula) == expected
    assert 0.0 * x == 0.0


def test_where_two_are_equal_none_is_the_larger():
    x, y = Formula("x", value=1.0), Formula("y", value=1.0)
    formula = 0.5 * (p.above(x, y) + (1.0 - p.above(y, x)))
    assert formula.value == 0.5
    assert str(formula) == "0.5 · ([x > y] + 1 − [y > x])"


def test_numbers_decide_conditions_and_symbols_do_not():
    known, unknown = Formula("x", value=2.0), Formula("x")
    assert str(p.where(known > 1.0, known, 0.0)) == "x"
    assert str(p.where(unknown > 1.0, unknown, 0.0)) == "where(x > 1, x, 0)"
    with pytest.raises(TypeError, match="truth"):
        bool(unknown == 1.0)


@pytest.mark.usefixtures("own_primitives_forgotten")
def test_a_rule_that_branches_has_a_slope_with_a_name():
    ag.primitive(lambda x: max(x, 0.0), lambda x: 1.0 if x > 0.0 else 0.0, name="step")
    assert str(slope(OWN["step"], Formula("y"), [Formula("x")], 0)) == "step′(x)"


def test_the_condition_of_where_is_not_kept():
    a = Value(2.0, "a")
    node = p.where(a > 1.0, a, 0.0)
    assert str(definition(node)) == "where(…, a, 0)"
    assert str(definition(node, in_numbers=True)) == "where(…, 2, 0)"


@pytest.mark.parametrize(("n", "kept", "left_out"), [(4, 4, 0), (5, 5, 0), (6, 4, 2), (9, 4, 5)])
def test_a_gap_stands_for_two_at_least(n, kept, left_out):
    cut = Cut(range(n), 4)
    assert (len(cut.kept), len(cut.left_out)) == (kept, left_out)
    assert [*cut.head, *cut.left_out, *cut.tail] == list(range(n))


def test_the_constants_of_a_long_sum_are_one():
    terms = [Formula(f"x{i}") for i in range(6)]
    assert str(total([1.0, *terms, 1.0, 1.0])) == "x0 + x1 + x2 + x3 + x4 + x5 + 3"
