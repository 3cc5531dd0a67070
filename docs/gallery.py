"""Make the pictures of the gallery, and the page docs/gallery.md that shows them with their code.

Each function that is an entry makes a picture; its docstring and its code stand above the picture.
"""

from __future__ import annotations

import inspect
import re
import sys
import tempfile
import textwrap
from base64 import b64decode
from collections.abc import Callable
from pathlib import Path
from typing import Any

import autograd
import nn
from autograd import Value, dot, relu, square, tanh
from autograd.classroom import worksheets
from autograd.classroom.animation import Animation
from autograd.classroom.worksheets import Worksheet
from autograd.explanations.chain_rule import Explanation
from autograd.pictures.drawing import Drawing

sys.path.insert(0, str(Path(__file__).parent.parent / "tests" / "support"))
import browser

INTRODUCTION = """\
<!-- Written by `python docs/gallery.py`: change the script, not this file. -->
# Gallery

Every kind of picture, with the code that makes it. The code begins with

```python
import autograd, nn
from autograd import Value, dot, relu, square, tanh
from autograd.classroom import worksheets
```

In a notebook, the last line of each shows the picture; `.save("picture.svg")` writes a drawing to a
file, as .svg, .png, .gif, .pdf, .tex or .dot.
"""

ENTRIES: dict[str, Callable[[], Any]] = {}  # by their titles


def entry(title: str) -> Callable[[Callable[[], Any]], Callable[[], Any]]:
    """Put a function that makes a picture, a page or a text into the gallery."""

    def add(function: Callable[[], Any]) -> Callable[[], Any]:
        ENTRIES[title] = function
        return function

    return add


# --- the entries --------------------------------------------------------------------------------


@entry("A computation")
def neuron():
    """The graph of a computation: data flows to the right, gradients, in colour, to the left.

    Leaves have round corners. An operation has a slot for each operand.
    """
    w, x, b = Value(-3.0, "w"), Value(2.0, "x"), Value(6.88, "b")
    o = tanh(w * x + b)
    o.backward()
    return autograd.draw(o)


@entry("Local derivatives")
def derivatives():
    """The chain rule in a picture: each arrow has its local derivative.

    The gradient of a node is the sum, over the arrows that leave it, of the derivative on the arrow
    times the gradient where the arrow ends.
    """
    w, x, b = [Value(0.5, "w1"), Value(-1.0, "w2")], [Value(3.0, "x1"), 2.0], Value(1.0, "b")
    loss = square(relu(dot(w, x, b)) - 2)
    loss.name = "loss"
    loss.backward()
    return autograd.draw(loss, show=("data", "grad", "local"))


@entry("The loss of a small network")
def network():
    """The loss of a network for one sample, node by node: neurons and layers stand in frames."""
    model = nn.MLP(2, [2, 1], "tanh", seed=3)
    loss = nn.mse_loss(model([Value(0.5, "x1"), Value(-1.0, "x2")]), 1.0)
    loss.backward()
    return autograd.draw(loss)


@entry("A model")
def model():
    """A model, without a sample: its neurons, and the weights between them."""
    return autograd.draw(nn.MLP(2, [3, 2], "tanh", seed=1))


@entry("A large graph")
def batch():
    """The loss of a network for 450 handwritten digits: more than 60,000 nodes.

    Layers are boxes with a double outline, and so are operations of one kind that no name tells
    apart. By hand: `collapse="neuron"`, `"layer"` or `"module"`.
    """
    digits = nn.data.digits()
    model = nn.MLP(64, [32, 16, 10], seed=0)
    outputs = [model([grey / 16 for grey in image]) for image in digits.X[:450]]
    loss = nn.cross_entropy(outputs, digits.y[:450])
    loss.backward()
    return autograd.draw(loss)


@entry("A compiled function")
def compiled():
    """The scalar code of a network and its loss, traced once, is a few steps on vectors.

    They run over the whole batch; `print(fast)` lists them, and those of the gradient.
    """

    def neuron(w, b, x):
        return sum((w_i * x_i for w_i, x_i in zip(w, x, strict=True)), b)

    def loss(hidden, output, x, y):
        x = [neuron(w, b, x).tanh() for w, b in hidden]
        return (neuron(*output, x) - y) ** 2

    hidden = [([0.5, -1.0], 0.0), ([1.0, 0.5], 0.1), ([-0.5, 1.0], 0.0)]
    output = ([1.0, -1.0, 0.5], 0.0)
    fast = autograd.compile(loss, in_axes=(None, None, 0, 0), reduce="mean")
    fast(hidden, output, [[1.0, 2.0], [3.0, 4.0]], [1.0, 2.0])
    return autograd.draw(fast)


@entry("A step of the backward pass")
def step():
    """A node hands its gradient on to its parents, here x² to x.

    The gradient of `x` is a running sum, since `x` is used twice.
    """
    w, x = Value(-3.0, "w"), Value(2.0, "x")
    steps = list(autograd.backward_steps(w * x + square(x)))
    return steps[3].picture


@entry("The same step in numbers")
def step_table():
    """Upstream gradient × local derivative = contribution."""
    w, x = Value(-3.0, "w"), Value(2.0, "x")
    steps = list(autograd.backward_steps(w * x + square(x)))
    return str(steps[3])


@entry("Both passes as an animation")
def animation():
    """A page to play, in one file that needs no network.

    It plays, steps and slides through both passes; a click on a node shows its gradient as a sum
    over all paths. `autograd.animate(y, "backward.html")` writes it to a file.
    """
    w, x = Value(-3.0, "w"), Value(2.0, "x")
    y = tanh(w * x + square(x))
    y.name = "y"
    return autograd.animate(y)


@entry("The chain rule, written out")
def explanation():
    """The chain rule for one gradient, in symbols and then in numbers; also as plain text."""
    w, x = Value(-3.0, "w"), Value(2.0, "x")
    y = tanh(w * x + square(x))
    y.name = "y"
    return autograd.explain(y, x)


@entry("Why is a gradient zero?")
def diagnosis():
    """The nodes to blame for it, with their numbers, and what helps."""
    w, x = Value(-3.0, "w"), Value(2.0, "x")
    y = relu(w * x) * 5
    y.name = "y"
    return str(autograd.why(y, w))


@entry("In a terminal")
def tree():
    """The graph as a tree; what is used twice is referred to."""
    w, x = Value(-3.0, "w"), Value(2.0, "x")
    y = tanh(w * x + square(x))
    y.backward()
    return autograd.draw(y).text


@entry("A worksheet")
def worksheet():
    """Both passes to do by hand; each sheet has a key.

    `python -m autograd worksheet --level 2 --seed 7 --out sheet.html` writes both.
    """
    return worksheets.make(level=2, seed=7)


@entry("Decision boundary")
def boundary():
    """What a network has learnt: which class it predicts where."""
    moons = nn.data.moons(n=200, noise=0.15, seed=0)
    model = nn.MLP(2, [16, 16, 2], "tanh", seed=0)
    nn.fit(model, moons.X, moons.y, optimizer="adam", lr=0.02, epochs=60, progress=False)
    return nn.plot.decision_boundary(lambda X: nn.predict(model, X), moons.X, moons.y)


@entry("The weights of a network")
def weights():
    """A network of any width as circles and wires: their signs, their sizes, the activations."""
    return nn.plot.network(nn.MLP(3, [5, 4, 2], "tanh", seed=0))


@entry("Activations and gradients, layer by layer")
def statistics():
    """Activations and gradients, layer by layer: in a deep network of sigmoids they vanish."""
    moons = nn.data.moons(n=100, noise=0.15, seed=0)
    model = nn.MLP(2, [8, 8, 8, 8, 8, 2], "sigmoid", seed=0)
    return nn.plot.gradient_statistics(nn.gradient_statistics(model, moons.X, moons.y))


@entry("An activation function")
def activation():
    """An activation function and its derivative."""
    return nn.plot.activation("gelu")


# --- how they are written -----------------------------------------------------------------------


def make(folder: Path) -> None:
    """Write the page and its pictures into a folder."""
    parts = [INTRODUCTION]
    for title, function in ENTRIES.items():
        caption = inspect.getdoc(function)
        result = shown(function(), folder / function.__name__)
        parts.append(
            f"## {title}\n\n{caption}\n\n```python\n{code_of(function)}\n```\n\n{result}\n"
        )
    (folder / "gallery.md").write_text("\n".join(parts), encoding="utf-8")


def shown(result: Any, path: Path) -> str:
    """Write a picture to a file, with a suffix added to the path, and return how the page shows it.

    Text stands in the page itself.
    """
    if isinstance(result, str):
        return f"```text\n{result}\n```"
    if isinstance(result, Explanation):
        return f"```math\n{result.latex}\n```"
    path = path.with_suffix(".svg" if isinstance(result, Drawing) else ".png")
    if isinstance(result, Drawing):
        result.save(path)
    elif isinstance(result, Animation):
        photograph(result.html, path, 1000, 860, steps=6, choose="#n1")
    elif isinstance(result, Worksheet):
        photograph(result.sheet(), path, 900, 900)
    else:
        result.savefig(path, dpi=100)
    return f"![{path.stem}]({path.name})"


def photograph(
    page: str, path: Path, width: int, height: int, steps: int = 0, choose: str = ""
) -> None:
    """Show a page in Chromium, go some steps on, click on an element, and save what is seen then.

    Without Chromium, the file is left as it is.
    """
    if browser.MISSING:
        print(f"{path.name} is left as it is: it {browser.MISSING}", file=sys.stderr)
        return
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        file = Path(folder, "page.html")
        file.write_text(page, encoding="utf-8")
        chromium = browser.Browser(Path(folder, "profile"))
        chromium.open(file, width=width, height=height, motion="reduce")
        for _ in range(steps):
            chromium.press("ArrowRight")
        if choose:
            chromium.click(choose)
        chromium.call("Emulation.setScrollbarsHidden", hidden=True)
        chromium.resize(width, chromium.run("document.documentElement.scrollHeight"))
        chromium.run("scrollTo(0, 0)")
        path.write_bytes(b64decode(chromium.call("Page.captureScreenshot")["data"]))
        chromium.close()


def code_of(function: Callable[[], Any]) -> str:
    """Return the code of an entry, without what makes it a function."""
    source = inspect.getsource(function)
    body = textwrap.dedent(source.split('"""', maxsplit=2)[2]).strip()
    body = re.sub(r"^return str\(", "print(", body, flags=re.MULTILINE)
    return re.sub(r"^return ", "", body, flags=re.MULTILINE)


if __name__ == "__main__":
    make(Path(__file__).parent)
