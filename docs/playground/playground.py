"""What the playground runs in the browser, by the standard library, `autograd` and `nn` alone.

`call` is all that worker.js knows of it: the name of a function here and its arguments in JSON, and
what the function returns in JSON, with what was printed, and what went wrong.
"""

from __future__ import annotations

import ast
import builtins
import contextlib
import io
import json
import linecache
import math
import random
import time
import traceback
import warnings
from collections.abc import Callable
from typing import Any

import autograd
import nn
from autograd import Value, no_grad
from autograd.engine import collector_paused, topological_order

FILE = "your code"
HAS = "which has Python's own library: compile, fit and the optimisers need NumPy"
Sample = tuple[list[float], float]


def call(name: str, arguments: str) -> str:
    """Call a function, and say what came of it.

    Args:
        name: a function of `FUNCTIONS`.
        arguments: a list in JSON.

    Returns:
        JSON: "result" or "error", "printed", and the warnings as "notes".
    """
    printed, answer = io.StringIO(), {}
    with warnings.catch_warnings(record=True) as caught, contextlib.redirect_stdout(printed):
        warnings.simplefilter("always")
        try:
            answer["result"] = FUNCTIONS[name](*json.loads(arguments))
        except Exception as error:  # it is shown to the one who wrote the code
            answer["error"] = _told(error)
    answer["printed"] = printed.getvalue()
    answer["notes"] = list(dict.fromkeys(str(warning.message) for warning in caught))
    return json.dumps(answer)


def _told(error: Exception) -> str:
    """Say what went wrong, and in which line of the user's code."""
    places = [x for x in traceback.extract_tb(error.__traceback__) if x.filename == FILE]
    where = f"line {places[-1].lineno}: {places[-1].line}\n" if places else ""
    if isinstance(error, SyntaxError) and error.filename == FILE:
        where = f"line {error.lineno}: {(error.text or '').strip()}\n"
        return f"{where}{error.msg}"
    if isinstance(error, ModuleNotFoundError):
        return f"{where}{error.name} is not in the playground, {HAS}"
    return f"{where}{type(error).__name__}: {error}"


def _run(tree: ast.Module, code: str, names: dict[str, Any]) -> None:
    """Run code, with lines that messages can quote."""
    linecache.cache[FILE] = (len(code), None, code.splitlines(keepends=True), FILE)
    exec(compile(ast.fix_missing_locations(tree), FILE, "exec"), names)


# --- a graph ------------------------------------------------------------------------------------


class Leaves(ast.NodeTransformer):
    """Gives leaves the numbers of their sliders: `Value(2.0, "x")`, and names that nobody defined.

    Args:
        data: the numbers, by name.
    """

    def __init__(self, data: dict[str, float]) -> None:
        self.data = data

    def visit_Call(self, call: ast.Call) -> ast.Call:
        """Change the number of a leaf that is written with its name."""
        self.generic_visit(call)
        names = [*call.args[1:2], *(x.value for x in call.keywords if x.arg in ("name", "label"))]
        if isinstance(call.func, ast.Name) and call.func.id == "Value" and call.args and names:
            name = names[0].value if isinstance(names[0], ast.Constant) else None
            if name in self.data:
                call.args[0] = ast.copy_location(ast.Constant(self.data[name]), call.args[0])
        return call


def _undefined(tree: ast.Module, names: dict[str, Any]) -> list[str]:
    """List the names that code uses and nobody defines, in the order of their use."""
    found = [x for x in ast.walk(tree) if isinstance(x, ast.Name)]
    found.sort(key=lambda x: (x.lineno, x.col_offset))
    defined = {x.id for x in found if not isinstance(x.ctx, ast.Load)} | set(names)
    defined |= {x.arg for x in ast.walk(tree) if isinstance(x, ast.arg)}
    for x in ast.walk(tree):
        if isinstance(x, (ast.FunctionDef, ast.ClassDef)):
            defined.add(x.name)
        elif isinstance(x, (ast.Import, ast.ImportFrom)):
            defined |= {(alias.asname or alias.name).split(".")[0] for alias in x.names}
    used = dict.fromkeys(x.id for x in found if x.id not in defined)
    return [name for name in used if not hasattr(builtins, name)]


_shown: list[Value] = []  # the result on the page


def graph(code: str, data: dict[str, float]) -> dict[str, Any]:
    """Run code whose last line is the result, differentiate that, and draw it.

    Args:
        code: an expression, or lines of Python, with all of `autograd` at hand. A name that
            nothing defines becomes a leaf.
        data: numbers for leaves, by name.
    """
    names = {name: getattr(autograd, name) for name in autograd.__all__}
    names |= {"autograd": autograd, "nn": nn, "math": math}
    tree = ast.parse(code, FILE)
    if not tree.body:
        raise ValueError("there is no code: write an expression, such as tanh(w * x + b)")
    free = _undefined(tree, names)
    names |= {name: Value(data.get(name, 1.0), name) for name in free}
    last = tree.body[-1]
    if isinstance(last, ast.Expr):
        target = ast.Name("_", ast.Store())
        tree.body[-1] = ast.copy_location(ast.Assign([target], last.value), last)
    elif not (isinstance(last, ast.Assign) and isinstance(last.targets[0], ast.Name)):
        raise ValueError("the last line must be the result: a name, or an expression")
    _run(Leaves(data).visit(tree), code, names)
    result = names["_" if isinstance(last, ast.Expr) else last.targets[0].id]
    if not isinstance(result, Value):
        raise TypeError(f"the last line is {result!r}; to be drawn it must be a Value")
    _shown[:] = [result]
    result.backward()
    drawing = autograd.draw(result)
    svg: str = drawing._repr_svg_()
    return {
        "svg": svg[svg.index("<svg") :],
        "text": drawing.text,
        "leaves": [{"name": x.name, "data": x.data, "grad": x.grad} for x in _leaves(result)],
    }


def _leaves(root: Value) -> list[Value]:
    """Return the leaves that have a name."""
    order = topological_order([root], lambda node: node.parents[::-1])
    return [node for node in order if node.name and not node.parents]


def passes() -> str:
    """Return the page that plays both passes on the graph shown."""
    return autograd.animate(_shown[0]).html


def explained(name: str) -> dict[str, str]:
    """Explain the derivative of the graph shown with respect to a leaf."""
    (root,) = _shown
    leaf = next(x for x in _leaves(root) if x.name == name)
    about = (autograd.explain, autograd.paths, autograd.why)
    return {f.__name__: str(f(root, leaf)) for f in about}


# --- data ---------------------------------------------------------------------------------------


def moons(n: int = 100, noise: float = 0.1, seed: int = 0) -> list[Sample]:
    """Two half circles that reach into each other."""

    def point(k: int, t: float) -> tuple[float, float]:
        x, y = math.cos(math.pi * t), math.sin(math.pi * t)
        return (x - 0.5, y - 0.25) if k else (0.5 - x, 0.25 - y)

    return _two_classes(n, noise, seed, point)


def circles(n: int = 100, noise: float = 0.1, seed: int = 0) -> list[Sample]:
    """A ring and what is inside of it."""

    def point(k: int, t: float) -> tuple[float, float]:
        radius = 0.5 if k else 1.3
        return radius * math.cos(2 * math.pi * t), radius * math.sin(2 * math.pi * t)

    return _two_classes(n, noise, seed, point)


def xor(n: int = 100, noise: float = 0.1, seed: int = 0) -> list[Sample]:
    """Four squares, of which those that touch in a corner are of one class."""
    rng = random.Random(seed)

    def point(k: int, _: float) -> tuple[float, float]:
        x, y = rng.uniform(0.1, 1.3), rng.uniform(0.1, 1.3)
        side = rng.choice([-1, 1])
        return side * x, (side if k else -side) * y

    return _two_classes(n, noise, seed, point)


def spiral(n: int = 100, noise: float = 0.1, seed: int = 0) -> list[Sample]:
    """Two arms of a spiral."""

    def point(k: int, t: float) -> tuple[float, float]:
        angle, radius = math.pi * (2 * t + k), 0.1 + 1.3 * t
        return radius * math.cos(angle), radius * math.sin(angle)

    return _two_classes(n, noise / 2, seed, point)


def _two_classes(
    n: int, noise: float, seed: int, point: Callable[[int, float], tuple[float, float]]
) -> list[Sample]:
    """Draw n points, half of class 1 and half of class -1, each at a place t from 0 to 1."""
    rng = random.Random(seed)
    return [
        ([x + rng.gauss(0.0, noise) for x in point(k, i / (n / 2))], 1.0 if k else -1.0)
        for i in range(n // 2)
        for k in (0, 1)
    ]


# --- training -----------------------------------------------------------------------------------


class Training:
    """A model in training, by the user's own code.

    Args:
        code: what defines `data`, `model` and `step(batch)`, which changes the model and returns
            the loss.
    """

    def __init__(self, code: str) -> None:
        self.names: dict[str, Any] = {"autograd": autograd, "nn": nn, "math": math}
        self.names |= {f.__name__: f for f in (moons, circles, xor, spiral)}
        _run(ast.parse(code, FILE), code, self.names)
        for name in ("data", "model", "step"):
            if name not in self.names:
                raise NameError(f"the code must define {name}")
        self.data: list[Sample] = list(self.names["data"])
        self.rng = random.Random(0)
        self.steps = 0
        self.batches: list[list[Sample]] = []
        self.losses: list[float] = []
        self.looking = 0.0  # seconds that the last snapshot took

    def step(self) -> None:
        """Train on the next minibatch."""
        size = int(self.names.get("batch_size", 10))
        if not self.batches:
            order = self.rng.sample(self.data, len(self.data))
            self.batches = [order[i : i + size] for i in range(0, len(order), size)]
        loss = self.names["step"](self.batches.pop())
        self.losses.append(float(getattr(loss, "data", loss)))
        self.steps += 1

    def output(self, x: list[float]) -> float:
        """Return the number that the model gives for a point."""
        y = self.names["model"](x)
        return float(getattr(y[0] if isinstance(y, list) else y, "data", y))

    def snapshot(self, side: int) -> dict[str, Any]:
        """Return what the page shows, with side × side outputs over the plane from -2 to 2."""
        places = [4.0 * (i + 0.5) / side - 2.0 for i in range(side)]
        started = time.perf_counter()
        with no_grad():
            grid = [self.output([x, -y]) for y in places for x in places]
            right = sum(self.output(x) * label > 0 for x, label in self.data)
        self.looking = time.perf_counter() - started
        recent = self.losses[-max(1, len(self.data) // 10) :]
        return {
            "steps": self.steps,
            "loss": _finite(sum(recent) / len(recent)) if recent else None,
            "accuracy": right / len(self.data),
            "grid": [_finite(round(x, 3)) for x in grid],
            "points": [[*x, label] for x, label in self.data],
            "layers": self.layers(),
        }

    def layers(self) -> list[list[dict[str, Any]]]:
        """Return the neurons of an MLP, each with weights and bias, and the slopes of both."""
        model = self.names["model"]
        return [
            [
                {
                    "w": [_finite(w.data) for w in neuron.w],
                    "dw": [_finite(w.grad) for w in neuron.w],
                    "b": _finite(neuron.b.data),
                    "db": _finite(neuron.b.grad),
                }
                for neuron in layer.neurons
            ]
            for layer in (model.layers if isinstance(model, nn.MLP) else [])
        ]


def _finite(x: float) -> float | None:
    """Return a number that JSON has."""
    return x if math.isfinite(x) else None


_training: list[Training] = []


def set_up(code: str, side: int) -> dict[str, Any]:
    """Run the code that makes data and a model, and show both."""
    _training[:] = [Training(code)]
    return _training[0].snapshot(side)


def advance(milliseconds: float, side: int) -> dict[str, Any]:
    """Train for a while, at least one step, and show what came of it.

    Args:
        milliseconds: for how long; but if it takes longer to show it, so long; 0 for one step.
        side: as in `snapshot`.
    """
    (training,) = _training
    until = time.perf_counter() + max(milliseconds / 1000, training.looking * (milliseconds > 0))
    with collector_paused():
        training.step()
        while time.perf_counter() < until:
            training.step()
    return training.snapshot(side)


def assign(name: str, value: float) -> None:
    """Change a number that the code of a training uses, such as the learning rate."""
    _training[0].names[name] = value


FUNCTIONS: dict[str, Callable[..., Any]] = {
    f.__name__: f for f in (graph, passes, explained, set_up, advance, assign)
}
