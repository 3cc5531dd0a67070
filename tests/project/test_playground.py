"""The playground: what its Python answers, and the page in a browser, with Python in it."""

import functools
import http.server
import importlib.util
import json
import sys
import threading
from pathlib import Path
from urllib.parse import quote, unquote

import browser
import pytest

from nn import MLP

FOLDER = Path(__file__).parents[2] / "docs" / "playground"
PROGRAM = """
from autograd import mean, zero_grad
data = {data}(60, noise=0.05)
model = nn.MLP(2, [6, 1], activation="tanh", seed=0)
rate = 0.5
def step(batch):
    loss = mean([nn.hinge_loss(model(x), label) for x, label in batch])
    zero_grad(model.parameters())
    loss.backward()
    for p in model.parameters():
        p.data -= rate * p.grad
    return loss
"""


@pytest.fixture(scope="module")
def playground():
    spec = importlib.util.spec_from_file_location("playground", FOLDER / "playground.py")
    module = sys.modules["playground"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    yield module
    del sys.modules["playground"]


@pytest.fixture
def call(playground):
    def call(name, *values):
        return json.loads(playground.call(name, json.dumps(values)))

    return call


def test_names_that_nobody_defines_are_leaves_with_the_numbers_of_their_sliders(call):
    answer = call("graph", "tanh(w * x + b)", {"w": -3.0, "x": 2.0, "b": 6.88})
    assert answer["result"]["svg"].startswith("<svg")
    leaves = {x["name"]: (x["data"], round(x["grad"], 3)) for x in answer["result"]["leaves"]}
    assert leaves == {"w": (-3.0, 1.002), "x": (2.0, -1.503), "b": (6.88, 0.501)}
    assert (answer["printed"], answer["notes"]) == ("", [])
    assert "animation" in call("passes")["result"].lower()
    told = call("explained", "w")["result"]
    assert list(told) == ["explain", "paths", "why"]
    assert "∂z₃/∂w = 0.501 · 1 · 2 = 1.002" in told["explain"]


@pytest.mark.parametrize("leaf", ['Value(2.0, "x")', 'Value(2.0, name="x")', "Value(2, label='x')"])
def test_a_slider_changes_the_leaf_of_that_name_and_code_runs_again(call, leaf):
    code = f"def f(v):\n    return v * v if v.data > 0 else -v\nx = {leaf}\nprint('run')\ny = f(x)"
    assert call("graph", code, {})["result"]["leaves"][0]["grad"] == 4.0
    answer = call("graph", code, {"x": -5.0, "other": 1.0})
    assert answer["result"]["leaves"] == [{"name": "x", "data": -5.0, "grad": -1.0}]
    assert answer["printed"] == "run\n"


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("a = (3", "line 1: a = (3\n'(' was never closed"),
        ("a = 3\na.b * x", "line 2: a.b * x\nAttributeError: 'int' object has no attribute 'b'"),
        ("def f(): pass", "ValueError: the last line must be the result: a name, or an expression"),
        ("'text'", "TypeError: the last line is 'text'; to be drawn it must be a Value"),
        ("", "ValueError: there is no code: write an expression, such as tanh(w * x + b)"),
    ],
)
def test_errors_name_the_line(call, code, error):
    assert call("graph", code, {})["error"] == error


def test_what_needs_another_package_says_what_the_playground_has(call, monkeypatch):
    monkeypatch.setitem(sys.modules, "numpy", None)
    error = call("graph", "a = Value(1.0)\nimport numpy\na", {})["error"]
    assert error.startswith("line 2: import numpy\nnumpy is not in the playground")


def test_a_warning_of_the_engine_is_a_note(call):
    answer = call("graph", "x = Value(1.0, 'x')\nx == 1.0\nx", {})
    assert ["v.data" in note for note in answer["notes"]] == [True]


@pytest.mark.parametrize("data", ["moons", "circles", "xor", "spiral"])
def test_data_sets_have_two_classes_in_the_plane(playground, data):
    points = getattr(playground, data)(60)
    assert sorted(label for _, label in points) == [-1.0] * 30 + [1.0] * 30
    assert all(-2.0 < v < 2.0 for x, _ in points for v in x)
    assert points == getattr(playground, data)(60) != getattr(playground, data)(60, seed=1)


@pytest.mark.parametrize("data", ["moons", "circles", "xor"])
def test_a_network_learns_by_the_code_of_the_page(playground, call, data):
    first = call("set_up", PROGRAM.format(data=data), 3)["result"]
    assert (first["steps"], first["loss"], len(first["grid"])) == (0, None, 9)
    assert call("advance", 0, 3)["result"]["layers"][0][0]["dw"] != [0.0, 0.0]
    (training,) = playground._training
    for _ in range(150):
        training.step()
    last = call("advance", 0, 3)["result"]
    assert last["steps"] == 152
    assert last["accuracy"] > 0.9
    assert last["loss"] < 0.4
    model = training.names["model"]
    assert isinstance(model, MLP)
    w = [[p.data for p in neuron.w] for neuron in model.layers[0].neurons]
    assert [neuron["w"] for neuron in last["layers"][0]] == w


def test_the_learning_rate_can_be_changed_in_training(playground, call):
    call("set_up", PROGRAM.format(data="xor"), 3)
    parameters = playground._training[0].names["model"].parameters()
    before = [p.data for p in parameters]
    assert call("assign", "rate", 0.0)["result"] is None
    call("advance", 0, 3)
    assert [p.data for p in parameters] == before
    call("assign", "rate", 0.1)
    call("advance", 0, 3)
    assert [p.data for p in parameters] != before


def test_a_training_says_what_its_code_lacks(call):
    assert call("set_up", "data = []", 3)["error"] == "NameError: the code must define model"


# --- in a browser -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def address(site):
    """Serve the site on this machine."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    handler = functools.partial(Quiet, directory=site)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    if browser.MISSING:
        pytest.skip(browser.MISSING)
    page = browser.Browser(tmp_path_factory.mktemp("chromium"), patience=120.0)
    yield page
    page.close()


def write(page, where, text):
    page.run(
        f"(() => {{ const e = document.querySelector({where!r}); e.value = {json.dumps(text)};"
        "e.dispatchEvent(new Event('input')); })()"
    )


def wait_for(page, where, text):
    page.wait(f"document.querySelector({where!r}).textContent.includes({json.dumps(text)})")


@pytest.mark.slow
def test_a_graph_in_the_browser(page, address):
    page.open(f"{address}/playground/index.html")
    wait_for(page, "#picture", "tanh")
    write(page, "#leaves input[name=w]", "-1.5")
    wait_for(page, "#leaves", "w = -1.5, its gradient 0.7864")
    wait_for(page, "#picture", "0.7864")
    page.click("[data-view=passes]")
    page.wait("document.querySelector('#passes').srcdoc.includes('<svg')")
    page.click("[data-view=explain]")
    wait_for(page, "#explained", "∂z₃/∂w = 0.7864 · 1 · 1 = 0.7864")
    page.click("[data-view=picture]")
    write(page, "#code", "relu(a) * 1j")
    wait_for(page, "#message", "line 1: relu(a) * 1j")
    write(page, "#code", "while True: pass\nx")
    page.wait("!!document.querySelector('#state button')")
    page.click("#state button")
    wait_for(page, "#message", "Stopped")
    write(page, "#code", "sin(q)")
    wait_for(page, "#picture", "0.8415")
    assert page.complaints == []
    assert [x for x in page.requests if not x.startswith((address, "data:"))] == []


@pytest.mark.slow
@pytest.mark.parametrize(("scheme", "dark"), [("light", False), ("dark", True)])
def test_a_network_in_training_on_a_phone(page, address, scheme, dark):
    page.open("about:blank")
    page.call("Storage.clearDataForOrigin", origin=address, storageTypes="local_storage")
    page.open(f"{address}/playground/index.html", width=390, height=844, scheme=scheme)
    page.click("#tab-network")
    wait_for(page, "#measured", "0 steps")
    lines = page.run("document.querySelectorAll('#wires line').length")
    assert lines == 2 * 4 + 4 * 4 + 4
    page.click("#train")
    page.wait("parseInt(document.querySelector('#measured').textContent) > 60")
    page.click("#train")
    wires = page.run("document.querySelector('#wires').innerHTML")
    page.click("#slopes")
    assert page.run("document.querySelector('#wires').innerHTML") != wires
    write(page, "#width", "3")
    wait_for(page, "#measured", "0 steps")
    assert "nn.MLP(2, [3, 3, 1]," in page.run("document.querySelector('#program').value")
    shades = "getComputedStyle(document.body).backgroundColor.match(/\\d+/g).slice(0, 3)"
    assert page.run(f"{shades}.every((x) => x < 80)") is dark
    assert page.run("document.documentElement.scrollWidth") <= 390
    assert page.complaints == []


@pytest.mark.slow
def test_a_notebook_runs_and_draws_by_the_files_of_the_site(page, site, address):
    notebook = json.loads((site / "lite" / "files" / "01_neuron_and_network.ipynb").read_text())
    first = "".join(notebook["cells"][1]["source"])
    pip = "%pip install --quiet chainrule names"
    assert pip in first
    local = "import piplite\nawait piplite.install(['chainrule', 'graphviz'], deps=False)"
    code = (
        f"{first.replace(pip, local)}\nimport autograd\nautograd.draw(autograd.Value(1.5).tanh())"
    )
    page.open(f"{address}/lite/repl/index.html?kernel=python&code={quote(code)}")
    page.wait("!!document.querySelector('.jp-OutputArea-output')")
    drawn = page.run("document.querySelector('.jp-OutputArea-output').innerHTML")
    assert drawn.startswith('<img src="data:image/svg+xml')
    assert "0.9051" in unquote(drawn)
    assert [x for x in page.requests if not x.startswith((address, "data:", "blob:"))] == []


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["index", "guide", "coming_from", "gallery", "notebooks/05_chain_rule"]
)
def test_a_page_fits_a_phone_and_has_no_complaint(page, address, name):
    page.open(f"{address}/{name}.html", width=390, height=844)
    assert page.run("document.documentElement.scrollWidth") <= 390
    if name.startswith("notebooks"):
        page.wait("document.querySelectorAll('mjx-container').length > 20")
        formula = "document.querySelector('mjx-container[display=true] svg')"
        assert page.run(f"{formula}.clientWidth") > 50
    assert page.complaints == []
