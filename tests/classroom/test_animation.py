"""autograd.animate, in a real browser: every control, and numbers that are the engine's."""

import html
import json
import math
import random
import re
from itertools import pairwise

import browser as chromium
import pytest
from graphs import neuron, ordered
from pictures import contrast
from random_programs import evaluated, random_program

import nn
from autograd import Value, backward_steps, fsum, notation, square, tanh, where
from autograd.classroom import animation
from autograd.classroom.animation import animate
from autograd.engine.graph import topological_order

in_browser = pytest.mark.skipif(chromium.MISSING is not None, reason=chromium.MISSING or "")


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    browser = chromium.Browser(tmp_path_factory.mktemp("chromium"))
    yield browser
    browser.close()


@pytest.fixture
def page(running, tmp_path):
    """Open the animation of a graph; in the end, nothing may have been complained about."""

    def opened(root, **look):
        animate(root, tmp_path / "backward.html")
        running.open(tmp_path / "backward.html", **look)
        return running

    yield opened
    assert running.complaints == []
    assert running.requests == [(tmp_path / "backward.html").as_uri()]


def network():
    model = nn.MLP(2, [4, 1], activation="tanh", seed=0)
    loss = square(model([Value(1.0, "x1"), Value(-2.0, "x2")]) - 1.0)
    loss.name = "L"
    return loss


def program(seed, special=False):
    rng = random.Random(seed)
    inputs = [Value(rng.uniform(-2, 2)) for _ in range(3)]
    rows = random_program(rng, len(inputs), 6, tame=not special, special=special)
    return fsum([v for v in evaluated(rows, inputs) if isinstance(v, Value)][-4:])


def step_of(page):
    return int(page.run("document.getElementById('slider').value"))


def last_of(page):
    return int(page.run("document.getElementById('slider').max"))


def text_of(page, selector):
    return page.run(f"document.querySelector({json.dumps(selector)}).textContent")


def go(page, step):
    slider = "document.getElementById('slider')"
    page.run(f"{slider}.value = {step}; {slider}.dispatchEvent(new Event('input'))")
    assert step_of(page) == step


def numbers_in(page, word):
    """What the nodes have as data or grad, to the last digit; None where nothing is shown."""
    texts = page.run(f"[...document.querySelectorAll('.node')].map(x => [x.id, x.dataset.{word}])")
    shown = {key: float(text) if text else None for key, text in texts}
    return [shown[f"n{i}"] for i in range(len(shown))]


def same(x, y):
    return x == y or (x is not None and y is not None and math.isnan(x) and math.isnan(y))


# --- the numbers --------------------------------------------------------------------------------


@in_browser
@pytest.mark.parametrize(
    "root",
    [
        pytest.param(make, id=name)
        for name, make in [
            ("neuron", neuron),
            ("network", network),
            ("leaf", lambda: Value(2.0, "x")),
            ("branch", lambda: (lambda x: where(x > 0, 3 * x, x.log()))(Value(-2.0, "x"))),
            *[(f"program {i}", lambda i=i: program(i)) for i in range(4)],
            *[(f"special {i}", lambda i=i: program(i, special=True)) for i in range(4)],
        ]
    ],
)
def test_both_passes_end_in_the_numbers_of_the_engine(page, root):
    root = root()
    order = ordered(root)
    shown = page(root)
    shown.press("End")
    root.backward()
    reached = set(topological_order((root,), Value.__edges__))
    grads = [node.grad if node in reached else None for node in order]
    assert all(map(same, numbers_in(shown, "data"), [node.data for node in order]))
    assert all(map(same, numbers_in(shown, "grad"), grads))
    for i, node in enumerate(order):
        if node.op or node in reached:
            assert text_of(shown, f"#n{i} .data") == notation.number(node.data)
            grad = "" if grads[i] is None else notation.number(grads[i])
            assert text_of(shown, f"#n{i} .grad") == grad


@in_browser
@pytest.mark.parametrize("root", [neuron, network])
def test_each_step_shows_the_gradients_summed_up_so_far(page, root):
    root = root()
    order = ordered(root)
    shown = page(root)
    operations = [node for node in order if node.op]
    for i in range(len(operations) + 1):
        go(shown, i)
        known = [node.data if not node.op or node in operations[:i] else None for node in order]
        assert numbers_in(shown, "data") == known
        assert set(numbers_in(shown, "grad")) == {None}
    steps = [step for step in backward_steps(root) if step.edges]
    assert last_of(shown) == len(operations) + len(steps) + 2
    for i, step in enumerate(steps):
        go(shown, len(operations) + 2 + i)
        gradients = step.gradients()
        assert numbers_in(shown, "grad") == [gradients.get(node) for node in order]
        at = order.index(step.node)
        assert shown.run("[...document.querySelectorAll('.node.backward')].map(x => x.id)") == [
            f"n{at}"
        ]
        active = shown.run("[...document.querySelectorAll('.edge.backward')].map(x => x.id)")
        flows = [k for k, d in enumerate(step.node.local_derivatives) if d is not None]
        assert sorted(active) == sorted([f"e{at}_{k}" for k in flows])
        text = text_of(shown, "#step")
        for edge in step.edges:
            assert f"= {notation.number(edge.contribution)}" in text
            assert f"= {notation.number(edge.running_sum)}" in text


@in_browser
def test_numbers_are_rounded_as_everywhere_else(page):
    numbers = [0.0, -0.0, 1.0, -3.0, 0.1, 1e-5, 1.23456e-5, 0.00012345, 9999.4, 9999.6, 12345.0]
    numbers += [1e15, 1e100, -1.5e-300, 5e-324, 0.99995, 0.999949, 123.45, 100.0, 1e4, 2.5]
    numbers += [1000.5, 1001.5, -1000.5, 12355.0, 12345.000001, 0.500075, 2.0**-20, 1.00048828125]
    numbers += [math.inf, -math.inf, math.nan, 1 / 3, 1000.04]
    leaves = [Value(x) for x in numbers]
    root = fsum(leaves)
    shown = page(root)
    for i, node in enumerate(ordered(root)[:-1]):
        assert text_of(shown, f"#n{i} .data") == notation.number(node.data)


@in_browser
def test_a_step_has_its_formula_in_symbols_and_numbers(page):
    shown = page(neuron())
    go(shown, 1)
    text = text_of(shown, "#step")
    assert "z₁ = w · x" in text
    assert "z₁ = (-3) · 2 = -6" in text
    go(shown, last_of(shown) - 1)
    text = text_of(shown, "#step")
    assert "∂o/∂w += ∂o/∂z₁ · ∂z₁/∂w" in text
    assert "0.501 · 2 = 1.002" in text
    assert "∂o/∂x += ∂o/∂z₁ · ∂z₁/∂x" in text
    assert "0.501 · (-3) = -1.503" in text


# --- the controls -------------------------------------------------------------------------------


@in_browser
def test_a_symbol_never_has_two_values(page):
    a, c = Value(2.0, "a"), Value(-3.0, "c")
    d = a * c
    f = (d + a) * d
    f.name = "f"
    shown = page(f)
    written = {}
    for step in range(last_of(shown) + 1):
        go(shown, step)
        lines = "[...document.querySelectorAll('#step .formula')].map(x => x.textContent)"
        for line in shown.run(lines):
            if match := re.fullmatch(r"(?:where )?(∂\S+?)( is complete.*| = .*)", line):
                value = re.search(r"= (-?[\d.]+)(?: is complete.*)?$", match[2])[1]
                assert written.setdefault(match[1], value) == value
    assert written["∂f/∂z₁|direct"] == "-4"
    assert written["∂f/∂z₁"] == "-10"
    shown.click("#n0")
    assert "∂f/∂z₁|direct · ∂z₁/∂a" in text_of(shown, "#chain")


@in_browser
def test_gradients_flow_along_arrows_that_point_to_the_operands(page):
    shown = page(neuron())

    def visible():
        """The classes of the arrowheads to be seen, and whether each is at the left end."""
        return shown.run(
            "[...document.querySelectorAll('.edge')].map(e => {"
            "const end = e.querySelector('path').getBoundingClientRect();"
            "const heads = [...e.querySelectorAll('.head, .tail')];"
            "const [head] = heads.filter(h => getComputedStyle(h).display !== 'none');"
            "return [head.classList[0], head.getBoundingClientRect().x - end.x < 9]; })"
        )

    assert visible() == [["head", False]] * 5
    go(shown, 5)
    assert sorted(visible()) == [["head", False]] * 4 + [["tail", True]]


@in_browser
def test_a_network_keeps_the_frames_of_its_neurons_and_layers(page):
    shown = page(network())
    titles = "[...document.querySelectorAll('.cluster text')].map(x => x.textContent)"
    seen = sorted(title.split(":")[0] for title in shown.run(titles))
    assert seen == ["layer1", "layer2", "neuron1", "neuron1", *[f"neuron{i}" for i in (2, 3, 4)]]
    names = "[...document.querySelectorAll('.node text')].map(x => x.textContent)"
    assert {"w1", "w2", "b"} <= set(shown.run(names))


@in_browser
def test_a_notebook_gives_the_frame_the_height_of_the_page(running, tmp_path):
    small, large = animate(Value(2.0, "x") * 3), animate(network())
    notebook = tmp_path / "notebook.html"
    notebook.write_text(small._repr_html_() + large._repr_html_(), encoding="utf-8")
    running.open(notebook)
    heights = "[...document.querySelectorAll('iframe')].map(x => parseInt(x.style.height))"
    running.wait(f"{heights}.every(x => x !== {animation._HEIGHT})")
    low, high = running.run(heights)
    assert 300 < low < animation._HEIGHT < high
    assert running.complaints == []


@in_browser
def test_buttons_step_and_stop_at_both_ends(page):
    shown = page(neuron())
    assert step_of(shown) == 0
    disabled = "['back', 'next'].map(id => document.getElementById(id).disabled)"
    assert shown.run(disabled) == [True, False]
    shown.click("#next")
    shown.click("#next")
    assert step_of(shown) == 2
    assert text_of(shown, "#where") == f"step 2 of {last_of(shown)}"
    shown.click("#back")
    assert step_of(shown) == 1
    go(shown, last_of(shown))
    assert shown.run(disabled) == [False, True]


@in_browser
def test_keys_step_and_go_to_the_ends(page):
    shown = page(neuron())
    for key, step in [("ArrowRight", 1), ("ArrowRight", 2), ("ArrowLeft", 1)]:
        shown.press(key)
        assert step_of(shown) == step
    shown.press("End")
    assert step_of(shown) == last_of(shown)
    shown.press("ArrowRight")
    assert step_of(shown) == last_of(shown)
    shown.press("Home")
    assert step_of(shown) == 0
    shown.press("ArrowLeft")
    assert step_of(shown) == 0


@in_browser
def test_the_slider_follows_the_mouse_and_its_own_keys(page):
    shown = page(neuron())
    shown.click("#slider")
    assert step_of(shown) == pytest.approx(last_of(shown) / 2, abs=0.5)
    middle = step_of(shown)
    shown.press("ArrowRight")  # once, although the page has the same key
    assert step_of(shown) == middle + 1
    assert text_of(shown, "#where").startswith(f"step {middle + 1} of")
    said = shown.run("document.getElementById('slider').getAttribute('aria-valuetext')")
    assert said == f"step {middle + 1} of {last_of(shown)}, backward"


@in_browser
def test_the_keys_of_the_choice_of_speed_are_its_own(page):
    shown = page(neuron())
    shown.run("document.getElementById('speed').focus()")
    shown.press("ArrowRight")
    shown.press("End")
    assert step_of(shown) == 0


@in_browser
def test_play_runs_to_the_end_and_starts_again(page):
    shown = page(Value(3.0, "x") * 2)
    shown.run("document.getElementById('speed').value = '4'")
    shown.click("#play")
    assert text_of(shown, "#play") == "Pause"
    shown.wait("document.getElementById('slider').value === document.getElementById('slider').max")
    assert text_of(shown, "#play") == "Play"
    shown.click("#play")
    assert step_of(shown) == 0
    assert text_of(shown, "#play") == "Pause"


@in_browser
@pytest.mark.parametrize("stop", ["#play", " ", "ArrowRight", "#slider"])
def test_playing_stops_when_somebody_takes_over(page, stop):
    shown = page(neuron())
    shown.run("document.getElementById('speed').value = '4'")
    shown.press(" ")
    shown.wait("document.getElementById('slider').value >= 1")
    if stop.startswith("#"):
        shown.click(stop)
    else:
        shown.press(stop)
    assert text_of(shown, "#play") == "Play"
    before = step_of(shown)
    shown.run("window.later = false; setTimeout(() => { window.later = true; }, 600)")
    shown.wait("window.later")
    assert step_of(shown) == before


@in_browser
def test_speed_is_steps_per_time(page):
    shown = page(network())
    taken = {}
    for speed in ("1", "4"):
        go(shown, 0)
        shown.run(f"document.getElementById('speed').value = '{speed}'")
        shown.run(
            "window.t = null; { const start = performance.now(); const at = setInterval(() => {"
            "if (document.getElementById('slider').value === '2') {"
            "window.t = performance.now() - start; clearInterval(at); } }, 5); }"
        )
        shown.click("#play")
        shown.wait("window.t !== null")
        taken[speed] = shown.run("window.t")
        shown.click("#play")
    assert taken["1"] > 2 * taken["4"]


@in_browser
def test_zoom(page):
    shown = page(network())
    width = "document.querySelector('#graph svg').getBoundingClientRect().width"
    first = shown.run(width)
    shown.click("#in")
    assert shown.run(width) == pytest.approx(1.25 * first, rel=1e-3)
    shown.click("#out")
    shown.click("#out")
    assert shown.run(width) == pytest.approx(first / 1.25, rel=1e-3)
    shown.click("#fit")
    box = "document.getElementById('graph')"
    for side in ("Width", "Height"):
        assert shown.run(f"{box}.scroll{side} <= {box}.client{side}")


@in_browser
def test_the_graph_is_fitted_to_the_window_until_somebody_zooms(page):
    width = "Math.round(document.querySelector('#graph svg').getBoundingClientRect().width)"
    shown = page(neuron(), width=1200, height=200)
    small = shown.run(width)
    shown.resize(1200, 900)
    shown.wait(f"{width} > {1.5 * small}")
    shown.click("#out")
    chosen = shown.run(width)
    shown.resize(1200, 500)
    shown.wait("innerHeight === 500")
    assert shown.run(width) == chosen


# --- the chain rule of a node -------------------------------------------------------------------


@in_browser
def test_a_click_shows_the_sum_over_paths_and_another_takes_it_away(page):
    a = Value(3.0, "a")
    y = a * a + 5 * a
    y.name = "y"
    shown = page(y)
    at = ordered(y).index(a)
    assert "Choose a node" in text_of(shown, "#chain")
    shown.click(f"#n{at}")
    text = text_of(shown, "#chain")
    assert "∂y/∂a = sum over 3 paths = 11" in text
    assert "3 + 3 + 5 = 11" in text
    assert text.count("∂y/∂z₁ · ∂z₁/∂a") == 2  # along each operand of a · a
    assert "1 · 5 = 5" in text
    assert shown.run(f"document.getElementById('n{at}').getAttribute('aria-pressed')") == "true"
    shown.click(f"#n{at}")
    assert "Choose a node" in text_of(shown, "#chain")


@in_browser
def test_a_path_is_marked_in_the_graph_while_it_has_the_focus(page):
    o = neuron()
    shown = page(o)
    shown.click(f"#n{ordered(o).index(next(n for n in ordered(o) if n.name == 'w'))}")
    marked = "[...document.querySelectorAll('.onpath')].map(x => x.id)"
    assert shown.run(marked) == []
    shown.run("document.querySelector('.path').focus()")
    assert sorted(shown.run(marked)) == ["e2_0", "e4_0", "e5_0"]
    shown.run("document.querySelector('.path').blur()")
    assert shown.run(marked) == []


@in_browser
@pytest.mark.parametrize("key", ["Enter", " "])
def test_a_node_is_chosen_by_keyboard(page, key):
    shown = page(neuron())
    shown.run("document.getElementById('n0').focus()")
    shown.press(key)
    assert "∂o/∂w = sum over 1 path = 1.002" in text_of(shown, "#chain")
    assert step_of(shown) == 0
    assert text_of(shown, "#play") == "Play"


@in_browser
def test_of_too_many_paths_some_are_listed_and_all_are_counted(page):
    x = y = Value(1.0, "x")
    for _ in range(60):
        y = y * y
    shown = page(y)
    shown.click("#n0")
    text = text_of(shown, "#chain")
    assert f"sum over {2**60:,} paths = {notation.number(2.0**60)}" in text
    assert f"… and {2**60 - 20:,} more paths" in text
    assert "⋯ (54 more) ⋯" in text
    assert shown.run("document.querySelectorAll('.path').length") == 20
    assert x.grad == 0.0


@in_browser
def test_nodes_without_gradient_say_why(page):
    x, y = Value(2.0, "x"), Value(0.0, "y")
    root = where(x > 0, 3 * x, y)
    root.name = "r"
    order = ordered(root)
    shown = page(root)
    shown.click(f"#n{order.index(y)}")
    assert "is a number: no gradient flows to it" not in text_of(shown, "#chain")
    assert "No gradient flows from r to y" in text_of(shown, "#chain")
    three = next(i for i, node in enumerate(order) if node.data == 3.0)
    shown.click(f"#n{three}")
    assert "3 is a number: no gradient flows to it" in text_of(shown, "#chain")
    shown.click(f"#n{order.index(root)}")
    assert "r is the result itself" in text_of(shown, "#chain")


# --- for everybody ------------------------------------------------------------------------------

HOSTILE = [
    "<script>alert(1)</script>",
    "</script><script>alert(2)</script>",
    "<img src=x onerror=alert(3)>",
    "\"'`&amp;{{data}}{{svg}}",
    "<!-- \u2028 ]]>",
    "θ 漢字 \\n",
]


@in_browser
@pytest.mark.parametrize("name", HOSTILE)
def test_names_are_text_and_nothing_else(page, name):
    x = Value(2.0, name)
    root = tanh(x * 2)
    root.name = name
    shown = page(root)
    label = notation.label(name)
    assert label in shown.run("[...document.querySelectorAll('#n0 text')].map(x => x.textContent)")
    for _ in range(last_of(shown)):
        shown.press("ArrowRight")
    shown.click("#n0")
    second = f"{label}#2"  # the root, since the leaf has the same name
    assert f"∂{second}/∂{label}" in text_of(shown, "#chain")
    assert text_of(shown, "h1") == f"{second}: the forward and the backward pass"
    assert shown.run("document.querySelectorAll('script, img').length") == 2


@in_browser
@pytest.mark.parametrize("root", [neuron, network])
def test_on_a_phone_only_the_graph_scrolls_sideways(page, root):
    shown = page(root(), width=375, height=700)
    for step in range(last_of(shown) + 1):
        go(shown, step)
        assert shown.run("document.documentElement.scrollWidth") == 375
    shown.click("#n0")
    assert shown.run("document.documentElement.scrollWidth") == 375
    beyond = shown.run(
        "[...document.querySelectorAll('button, select, input')].filter(x => {"
        "const r = x.getBoundingClientRect(); return r.left < 0 || r.right > 375; }).length"
    )
    assert beyond == 0
    size = shown.run(
        "document.querySelector('#n0 .data').getBoundingClientRect().height"  # of a line of text
    )
    assert size > 10


@in_browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_stands_out_in_light_and_dark(page, scheme):
    root = network()
    shown = page(root, scheme=scheme, motion="reduce")
    page_colour = shown.run("getComputedStyle(document.body).backgroundColor")
    assert (contrast(page_colour, "rgb(0, 0, 0)") > 10) == (scheme == "light")
    for selector in ("h1", ".quiet", "#play", "#step", "#next"):
        look = shown.run(
            f"(() => {{ let e = document.querySelector('{selector}');"
            "const text = getComputedStyle(e).color; let back;"
            "do { back = getComputedStyle(e).backgroundColor; e = e.parentElement; }"
            "while (back === 'rgba(0, 0, 0, 0)'); return [text, back]; })()"
        )
        assert contrast(*look) >= 4.5, (selector, look)
    shown.press("End")
    pairs = shown.run(
        "[...document.querySelectorAll('#graph .node text')].filter(t => t.textContent)"
        ".map(t => { t.scrollIntoView({block: 'center', inline: 'center', behavior: 'instant'});"
        "const r = t.getBoundingClientRect();"
        "const below = document.elementsFromPoint(r.x + r.width / 2, r.y + r.height / 2)"
        ".map(e => [e.tagName, getComputedStyle(e).fill])"
        ".filter(([tag, fill]) => ['polygon', 'path', 'ellipse'].includes(tag) && fill !== 'none');"
        "return [t.textContent, getComputedStyle(t).fill, (below[0] ?? [])[1] ?? null]; })"
    )
    assert len(pairs) > 100
    for text, colour, back in pairs:
        panel = "rgb(255, 255, 255)" if scheme == "light" else "rgb(26, 32, 40)"
        assert contrast(colour, back or panel) >= 4.5, (text, colour, back)


@in_browser
@pytest.mark.parametrize(("motion", "name"), [("no-preference", "flow"), ("reduce", "none")])
def test_less_motion_where_it_is_wished(page, motion, name):
    shown = page(neuron(), motion=motion)
    go(shown, 1)
    active = "document.querySelector('.edge.forward path')"
    assert shown.run(f"getComputedStyle({active}).animationName") == name
    changes = shown.run("getComputedStyle(document.querySelector('.node')).transitionDuration")
    assert (changes == "0s") == (motion == "reduce")


@in_browser
def test_everything_is_reached_by_tab_and_shows_that_it_has_the_focus(page):
    o = neuron()
    shown = page(o)
    reached = []
    for _ in range(20):
        shown.press("Tab")
        reached.append(
            shown.run(
                "(() => { const e = document.activeElement;"
                "const ring = e.querySelector(':scope > .ring');"
                "const look = getComputedStyle(e);"
                "const seen = ring ? getComputedStyle(ring).strokeWidth === '6px' : "
                "look.outlineStyle !== 'none' || e.className === 'skip';"
                "return [e.id || e.className, seen, "
                "e.getAttribute('aria-label') || e.textContent.trim()]; })()"
            )
        )
    nodes = [f"n{i}" for i in range(len(ordered(o)))]
    buttons = ["out", "fit", "in", "play", "next", "slider", "speed"]
    assert {key for key, _, _ in reached} >= {"skip", "graph", *nodes, *buttons}
    for key, seen, label in reached:
        if key:
            assert seen, f"{key} does not show its focus"
            assert label, f"{key} has no label"
    assert ["n0", True, "w, data -3"] in reached


# --- the file and the object --------------------------------------------------------------------


def test_the_file_is_one_page_and_the_graph_is_left_as_it_was(tmp_path):
    o = neuron()
    o.backward()
    before = [node.grad for node in ordered(o)]
    made = animate(o, tmp_path / "a.html")
    assert made.path == tmp_path / "a.html"
    assert made.path.read_text(encoding="utf-8") == made.html == animate(neuron()).html
    assert [node.grad for node in ordered(o)] == before
    assert not re.search(r"""(src|href)\s*=\s*["']?[^\s"'#]|@import|url\(""", made.html)
    assert [path.name for path in tmp_path.iterdir()] == ["a.html"]


def test_it_displays_itself_in_a_frame():
    made = animate(neuron())
    shown = made._repr_html_()
    source = re.fullmatch(
        r'<iframe srcdoc="([^"]*)" sandbox="allow-scripts" [^>]*></iframe>', shown
    )
    assert html.unescape(source[1]) == made.html
    assert re.fullmatch(r"<Animation, \d+ kB, not written to a file>", repr(made))


@pytest.mark.parametrize("widths", [[16, 1], [16, 16, 1]])
def test_a_network_of_two_layers_takes_less_than_a_megabyte(widths):
    model = nn.MLP(2, widths, seed=0)
    assert len(animate(square(model([1.0, -2.0]) - 1.0)).html.encode()) < 1_000_000


def test_every_colour_of_the_picture_has_one_for_dark():
    x = Value(-2.0, "x")
    made = animate(fsum([network(), where(x > 0, 3 * x, x.log()), x / 2]))
    picture, style = made.html[made.html.index("<svg") :], made.html[: made.html.index("</style>")]
    picture = picture[: picture.index("</svg>")]
    used = set(re.findall(r'(?<!class="cell" )(fill|stroke)="([^"]+)"', picture))
    cells = set(re.findall(r'<polygon fill="([^"]+)"[^>]* class="cell"', picture))
    for kind, colour in used:
        if colour != "none" and colour not in cells:
            assert f'[{kind}="{colour}"]' in style, (kind, colour)


def test_a_graph_too_large_to_follow_is_refused(monkeypatch):
    root = tanh(Value(2.0) * Value(3.0))
    monkeypatch.setattr(animation, "MAX_NODES", 4)
    monkeypatch.setattr(animation, "MAX_EDGES", 3)
    animate(root)
    monkeypatch.setattr(animation, "MAX_EDGES", 2)
    with pytest.raises(ValueError, match=r"has 4 nodes and 3 edges.*animate a part of it"):
        animate(root)


def test_bad_arguments_are_named(tmp_path):
    with pytest.raises(TypeError, match=r"go from a Value, not from \[1\]"):
        animate([1])
    with pytest.raises(ValueError, match=r"end the name 'a\.avi' in \.html, \.gif or \.mp4"):
        animate(neuron(), "a.avi")
    with pytest.raises(FileNotFoundError, match="there is no folder"):
        animate(neuron(), tmp_path / "nowhere" / "a.html")


def test_a_failure_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "a.html"
    path.write_text("old")

    def fail(*_):
        raise OSError("no space left")

    monkeypatch.setattr("os.fsync", fail)
    with pytest.raises(OSError, match="no space left"):
        animate(neuron(), path)
    assert path.read_text() == "old"
    assert [file.name for file in tmp_path.iterdir()] == ["a.html"]


def test_texts_of_the_picture_stay_apart():
    """Every number has room for the widest one that it shows."""
    x = Value(1e-5, "x")
    made = animate(x * 123456.0 - x * 123456.0)
    assert all(a != b for a, b in pairwise(re.findall(r'class="data"[^>]* y="([^"]+)"', made.html)))
