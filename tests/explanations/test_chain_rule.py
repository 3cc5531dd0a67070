"""explain: the chain rule in symbols and numbers, against the engine and by its structure."""

import math
import random
import re
import warnings

import pytest
import random_programs
from effort import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.mathtext import MathTextParser
from oracles import COMPARISONS

import autograd as ag
from autograd import Value, explain
from autograd.engine.primitives import TABLE
from autograd.explanations.chain_rule import MAX_EQUATIONS, MAX_FACTORS, MAX_LINES
from autograd.explanations.region import Region, local_edges
from autograd.notation import LATEX, TEXT, Names, definition, derivative


def named(**values):
    return [Value(x, name) for name, x in values.items()]


def call(node, name):
    node.name = name
    return node


def blocks(text):
    """The parts of an explanation, by title; that of the equations in symbols has none."""
    title = ""
    parts = {title: []}
    for line in text.splitlines():
        if line.startswith("  "):
            parts[title].append(line.strip())
        elif "=" in line or "in the same way" in line:
            parts[""].append(line)
        else:
            title = line
            parts[title] = []
    return parts


def sides(line):
    return [side.strip() for side in line.split(" = ")]


# --- the numbers ---------------------------------------------------------------------------------


@settings(max_examples=examples(100))
@given(st.integers(0, 10**6))
def test_value_is_the_gradient_of_the_engine_bit_for_bit(seed):
    rng = random.Random(seed)
    leaves = [Value(rng.uniform(-2, 2), f"x{i}") for i in range(4)]
    rows = random_programs.random_program(rng, 4, 6, tame=rng.random() < 0.7, special=True)
    values = [x for x in random_programs.evaluated(rows, leaves) if isinstance(x, Value)]
    root = values[-1]
    explanations = {x: explain(root, x) for x in values}
    assert all(x.grad == 0.0 for x in values)  # explaining touches no gradient
    root.backward()
    for x, explanation in explanations.items():
        expected = x.grad if x is root or x in Region(root, x).gradients else 0.0
        assert repr(explanation.value) == repr(expected)
        assert str(explanation)
        assert explanation.latex.count("{") == explanation.latex.count("}")


@given(st.integers(0, 10**6))
def test_shown_equations_hold(seed):
    """Evaluate what is written: every equation in numbers, within the rounding of its numbers."""
    rng = random.Random(seed)
    leaves = [Value(rng.uniform(0.5, 2), f"x{i}") for i in range(3)]
    values = random_programs.evaluated(random_programs.random_program(rng, 3, 4), leaves)
    root = [x for x in values if isinstance(x, Value)][-1]
    scale = random_programs.size_of_terms(root, leaves)
    for x, size in zip(leaves, scale, strict=True):
        for line in blocks(str(explain(root, x))).get("in numbers", []):
            *_, terms, result = sides(line)
            if "[" not in terms and sides(line)[0].endswith(f"/∂{Names([x]).text(x)}"):
                computed = eval(terms.replace("·", "*"), {"nan": math.nan, "inf": math.inf})
                if not (math.isnan(computed) and math.isnan(float(result))):
                    assert computed == pytest.approx(float(result), rel=1e-2, abs=1e-2 * size)


# --- the text ------------------------------------------------------------------------------------


def test_the_lectures_neuron():
    w1, w2, x1, x2, b = named(w1=1.0, w2=-2.0, x1=3.0, x2=1.5, b=0.5)
    z = call(ag.dot([w1, w2], [x1, x2], b), "z")
    x = call(ag.sigmoid(z), "x")
    loss = call((x - 1) ** 2, "L")
    parts = blocks(str(explain(loss, w1)))
    assert parts[""] == ["∂L/∂w₁ = ∂L/∂z₁ · ∂z₁/∂x · ∂x/∂z · ∂z/∂w₁"]
    assert parts["computed forward"] == [
        "w₁ = 1, x₁ = 3, w₂ = -2, x₂ = 1.5, b = 0.5",
        "z  = w₁ · x₁ + w₂ · x₂ + b = 0.5",
        "x  = σ(z) = 0.6225",
        "z₁ = x − 1 = -0.3775",
        "L  = z₁² = 0.1425",
    ]
    assert parts["local derivatives"] == [
        "∂L/∂z₁ = 2 · z₁ = -0.7551",
        "∂z₁/∂x = 1",
        "∂x/∂z  = x · (1 − σ(z)) = 0.235",
        "∂z/∂w₁ = x₁ = 3",
    ]
    assert parts["in numbers"] == ["∂L/∂w₁ = (-0.7551) · 1 · 0.235 · 3 = -0.5323"]


def test_a_shared_node_is_a_sum_over_its_users():
    (a,) = named(a=2.0)
    b, c = call(a * a, "b"), call(ag.exp(a), "c")
    d = call(b * c, "d")
    parts = blocks(str(explain(d, a)))
    assert parts[""] == ["∂d/∂a = ∂d/∂b · ∂b/∂a + ∂d/∂c · ∂c/∂a"]
    assert "∂b/∂a = a + a = 4" in parts["local derivatives"]
    assert parts["in numbers"] == ["∂d/∂a = 7.389 · 4 + 4 · 7.389 = 59.11"]


def test_a_shared_node_on_the_way_has_an_equation_of_its_own():
    (a,) = named(a=2.0)
    s = call(ag.sin(a), "s")
    d = call(s * 3 + ag.exp(s), "d")
    parts = blocks(str(explain(d, a)))
    assert parts[""] == ["∂d/∂a = ∂d/∂s · ∂s/∂a", "∂d/∂s = ∂d/∂z₁ · ∂z₁/∂s + ∂d/∂z₂ · ∂z₂/∂s"]
    assert [sides(x)[0] for x in parts["in numbers"]] == ["∂d/∂s", "∂d/∂a"]
    assert sides(parts["in numbers"][1])[2] == f"{explain(d, a).value:.4g}"


def test_the_direct_way_is_told_from_the_whole_derivative():
    (a,) = named(a=3.0)
    b = call(a * a, "b")
    explanation = explain(call(b + a, "c"), a)
    parts = blocks(str(explanation))
    assert parts[""] == ["∂c/∂a = ∂c/∂a|direct + ∂c/∂b · ∂b/∂a"]
    assert parts["local derivatives"][0] == "∂c/∂a|direct = 1"
    assert parts["in numbers"] == ["∂c/∂a = 1 + 1 · 6 = 7"]
    assert r"\right|_{\mathrm{direct}}" in explanation.latex


def test_the_result_itself_and_a_stranger():
    a, b = named(a=2.0, b=5.0)
    assert str(explain(a, a)) == "∂a/∂a = 1"
    assert str(explain(c := call(a * a, "c"), b)) == "∂c/∂b = 0: c does not depend on b"
    assert explain(a, a).value == 1.0
    assert explain(a, b).value == 0.0
    assert r"&= 0\mathrm{:\ }c\mathrm{\ does\ not\ depend\ on\ }b" in explain(c, b).latex


def test_nodes_without_a_name_are_numbered_in_the_order_of_computation():
    (a,) = named(a=2.0)
    text = str(explain(ag.exp(a) + ag.sin(a) * a.cos(), a))
    assert [line for line in blocks(text)["computed forward"] if line[0] == "z"] == [
        "z₁ = exp(a) = 7.389",
        "z₂ = sin(a) = 0.9093",
        "z₃ = cos(a) = -0.4161",
        "z₄ = z₂ · z₃ = -0.3784",
        "z₅ = z₁ + z₄ = 7.011",
    ]


def test_names_that_a_user_took_and_names_given_twice():
    z1, other, again = Value(2.0, "z1"), Value(3.0, "w"), Value(4.0, "w")
    lines = str(explain(other * again * z1, other))
    assert "z₂ = w · w#2 = 12" in lines
    assert "z₃ = z₂ · z₁ = 24" in lines


def test_long_sums_and_products_are_cut_and_counted():
    (a,) = named(a=0.5)
    chain = a
    for _ in range(1000):
        chain = ag.sin(chain)
    equation = blocks(str(explain(chain, a)))[""][0]
    assert f"[… {1000 - MAX_FACTORS} more …]" in equation
    assert equation.count("·") == MAX_FACTORS
    many = ag.fsum([a * i for i in range(50)])
    explanation = explain(call(many, "L"), a)
    parts = blocks(str(explanation))
    assert "[… 46 more …]" in parts[""][0]
    assert parts["computed forward"][0] == "a = 0.5"  # and not what the sum leaves out
    assert f"[… 46 more: {sum(range(2, 48)):.4g} …]" in parts["in numbers"][0]
    assert explanation.value == sum(range(50))
    assert len(str(explain(chain, a)).splitlines()) < 3 * MAX_LINES + 3 * MAX_EQUATIONS + 10


def test_gradients_without_an_equation_are_mentioned():
    (a,) = named(a=0.5)
    node = a
    for _ in range(20):
        node = node * ag.sin(node)
    symbols = blocks(str(explain(node, a)))[""]
    assert len(symbols) == MAX_EQUATIONS + 1
    assert symbols[-1].endswith(": in the same way")


def test_a_deep_graph():
    x = Value(0.5, "x")
    node = x
    for _ in range(20_000):
        node = node * 1.0
    assert explain(node, x).value == 1.0
    assert len(str(explain(node, x))) < 2000


def test_a_wide_graph_is_not_followed_along_every_way(monkeypatch):
    x = Value(0.5, "x")
    root = x
    for _ in range(20_000):
        root = root + x  # a way for each, n²/2 steps long in all; those that are shown have 4 n
    followed = []
    steps = Region.steps

    def counted(self, node):
        followed.append(node)
        assert len(followed) < 10 * 20_000
        return steps(self, node)

    monkeypatch.setattr(Region, "steps", counted)
    explanation = explain(root, x)
    for text in (str(explanation), explanation.latex):
        assert len(text) < 3000
        assert "19996" in text  # terms are left out
    assert explanation.value == 20_001.0


def test_what_is_not_a_node_is_refused():
    x = Value(1.0)
    with pytest.raises(TypeError, match=r"root must be a Value, not 3\.0"):
        explain(3.0, x)
    with pytest.raises(TypeError, match="wrt must be a Value, not 'x'"):
        explain(x * 2, "x")


def test_nothing_heavy_is_loaded(run_python):
    code = """
import sys
from autograd import Value, explain, paths
x = Value(1.0, "x")
str(explain(x * x, x)), explain(x * x, x)._repr_latex_(), str(paths(x * x, x))
print([name for name in ("numpy", "graphviz", "matplotlib") if name in sys.modules])
"""
    assert run_python(code) == "[]\n"


# --- formulas ------------------------------------------------------------------------------------

# The derivatives as textbooks have them.
A, B = named(a=0.6, b=0.8)
DERIVATIVES = [
    (A + B, "None"),
    (A - B, "None"),
    (A * B, "b"),
    (A / B, "1/b"),
    (B / A, "−z₁/a"),
    (A**3, "3 · a²"),
    (A**2, "2 · a"),
    (A**-1, "−a⁻²"),
    (A**B, "b · a^(b − 1)"),
    (2**A, "z₁ · ln(2)"),
    (ag.sqrt(A), "0.5/z₁"),
    (ag.exp(A), "z₁"),
    (ag.log(A), "1/a"),
    (ag.log1p(A), "1/(1 + a)"),
    (ag.sin(A), "cos(a)"),
    (ag.cos(A), "−sin(a)"),
    (ag.tanh(A), "1 − tanh(a)²"),
    (ag.sigmoid(A), "z₁ · (1 − σ(a))"),
    (ag.softplus(A), "σ(a)"),
    (ag.relu(A), "[a > 0]"),
    (ag.abs(A), "sign(a)"),
    (ag.hypot(A, B), "a/z₁"),
    (ag.softmax([A, B])[0], "z₁ · exp(b)/(exp(a) + exp(b))"),
    (ag.dot([A, A], [B, 3.0], 1.0), "b + 3"),
    (ag.gelu(A), "0.5 · erfc(−0.7071 · a) + 0.3989 · a · exp(−0.5 · a²)"),
]


@pytest.mark.parametrize(("node", "expected"), DERIVATIVES)
def test_derivatives_are_written_as_in_textbooks(node, expected):
    formula = derivative(node, A)
    names = Names([node])
    assert str(formula if formula is None else TEXT.formula(formula, names)) == expected


def test_a_variable_that_is_1_or_0_is_no_constant():
    x, w, b = Value(1.0, "x"), Value(2.0, "w"), Value(0.0, "b")
    assert TEXT.formula(derivative(ag.square(x), x), Names([])) == "2 · x"
    assert TEXT.formula(definition(ag.dot([w], [x], b)), Names([])) == "w · x + b"


@pytest.mark.parametrize("name", sorted(set(TABLE) - {*COMPARISONS, "where", "top", "detached"}))
def test_every_operation_is_written_and_its_formula_has_its_value(name):
    row = TABLE[name]
    n = len(row.partials) if isinstance(row.partials, tuple) else 3
    rng = random.Random(name)
    for _ in range(5):
        operands = [Value(rng.uniform(0.2, 0.9), f"x{i}") for i in range(n)]
        if name == "acosh":
            operands = [Value(2.5, "x0")]
        node = row(*operands)
        rates = dict.fromkeys(operands, 0.0)
        for parent, local in local_edges(node):
            rates[parent] += local
        for parent, rate in rates.items():
            formula = derivative(node, parent)
            assert formula is None or formula.value == pytest.approx(rate, rel=1e-9, abs=1e-12)
    assert TEXT.formula(definition(node), Names([]))
    assert_renders(LATEX.formula(definition(node), Names([])))


def test_a_long_derivative_is_a_number_alone():
    xs = [Value(0.1 * i, f"x{i}") for i in range(40)]
    assert derivative(ag.softmax(xs)[0], xs[0]) is None
    assert derivative(ag.logsumexp(xs), xs[0]) is None
    assert TEXT.formula(derivative(ag.dot(xs, xs[::-1]), xs[3]), Names([])) == "x₃₆ + x₃₆"
    assert TEXT.formula(definition(ag.fsum(xs)), Names([])) == "x₀ + x₁ + [… 36 more …] + x₃₈ + x₃₉"


@pytest.mark.usefixtures("own_primitives_forgotten")
def test_a_primitive_of_a_users_own():
    cube = ag.primitive(lambda x: x * x * x, lambda x: 3.0 * ag.square(x), name="cube")
    only_floats = ag.primitive(lambda x: math.sin(x), lambda x: math.cos(x), name="sine")
    a = Value(2.0, "a")
    assert "∂z₁/∂a = 3 · a² = 12" in str(explain(cube(a), a))
    assert str(explain(only_floats(a), a)).endswith("∂z₁/∂a = -0.4161")


# --- LaTeX ---------------------------------------------------------------------------------------


def assert_renders(latex):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        MathTextParser("path").parse(f"${latex}$")


def latex_lines(explanation):
    first, *lines, last = explanation.latex.splitlines()
    assert (first, last) == ("\\begin{aligned}", "\\end{aligned}")
    for line in lines:
        assert len(re.findall(r"(?<!\\)&", line)) == 1
    assert all(line.endswith(" \\\\") for line in lines[:-1])
    return [re.sub(r"(?<!\\)&", "", line.removesuffix("\\\\")) for line in lines]


@settings(max_examples=examples(20))
@given(st.integers(0, 10**6))
def test_latex_renders(seed):
    rng = random.Random(seed)
    leaves = [Value(rng.uniform(-2, 2), f"x{i}") for i in range(3)]
    rows = random_programs.random_program(rng, 3, 4, tame=False, special=True)
    values = [x for x in random_programs.evaluated(rows, leaves) if isinstance(x, Value)]
    for line in latex_lines(explain(values[-1], rng.choice(values))):
        assert_renders(line)


@pytest.mark.parametrize(
    ("name", "latex"),
    [
        ("w", "w"),
        ("w1", "w_{1}"),
        ("w_12", "w_{12}"),
        ("θ", "θ"),
        ("loss", r"\mathrm{loss}"),
        ("layer1.neuron2.w3", r"\mathrm{layer1.neuron2.w3}"),
        ("a_b^c", r"\mathrm{a\_b{\wedge}c}"),
        ("50% & more", r"\mathrm{50\%\ \&\ more}"),
        ("#{$~\\}", r"\mathrm{\#\{\${\sim}{\backslash}\}}"),
        ("<script>", r"\mathrm{{<}script{>}}"),
    ],
)
def test_names_are_escaped(name, latex):
    v = Value(1.0, name)
    assert Names([]).latex(v) == latex
    if not re.search("[#&]", name):  # which Matplotlib cannot escape
        assert_renders(latex)


@given(st.text(max_size=40))
def test_any_name_leaves_the_formula_whole(name):
    v = Value(2.0, name)
    explanation = explain(v * v, v)
    latex = re.sub(r"\\[{}]", "", explanation.latex)
    assert latex.count("{") == latex.count("}")
    assert not re.search("<[a-zA-Z/!?]", latex)
    assert len(latex_lines(explanation)) == len(str(explanation).splitlines())


def test_numbers_in_latex():
    shown = [LATEX.number(x) for x in (1e-7, 2.5e20, float("inf"), float("-inf"), float("nan"))]
    assert shown == [
        r"1 \times 10^{-7}",
        r"2.5 \times 10^{20}",
        r"\infty",
        r"-\infty",
        r"\mathrm{nan}",
    ]
    for x in shown:
        assert_renders(x)


def test_a_notebook_gets_display_mathematics():
    a = Value(2.0, "a")
    shown = explain(a * a, a)._repr_latex_()
    assert shown.startswith("$$\n\\begin{aligned}")
    assert shown.endswith("\\end{aligned}\n$$")
