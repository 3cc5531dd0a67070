"""Pictures of training, of activations and of what a trained network does.

Every function returns a Matplotlib `Figure`. As the last line of a notebook cell it shows itself,
whatever backend is active; elsewhere `figure.show()` opens a window, and
`figure.savefig("name.png")` (or .svg, .pdf) writes it to a file. The figures are unknown to pyplot:
they need no display, and none has to be closed.

The colours are those of Okabe and Ito, which the colour-blind can tell apart, and no picture relies
on colour alone: lines differ in their dashes too, points in their markers.
"""

from __future__ import annotations

import math
import textwrap
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from io import BytesIO
from numbers import Integral
from typing import Any, NamedTuple, cast

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, PathCollection
from matplotlib.colors import ListedColormap, to_rgb
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.path import Path

import autograd
from autograd import Value, no_grad, notation
from nn.containers import Residual, Sequential
from nn.dropout import Dropout
from nn.forward import outputs, rows
from nn.inspection import GradientStatistics
from nn.layers import MLP, Layer, Neuron, count, inputs_of
from nn.module import Module, activation_label
from nn.predictions import count_of, predicted_indices, target_classes
from nn.training import History

__all__ = ["activation", "confusion_matrix", "decision_boundary", "digit_samples"]
__all__ += ["gradient_statistics", "learning_curves", "level_lines", "lines", "network"]

_BLUE, _VERMILLION = "#0072B2", "#D55E00"
_GREEN, _PURPLE = "#009E73", "#CC79A7"
_LINES = ((_BLUE, "-", "o"), (_VERMILLION, "--", "s"), (_GREEN, "-.", "^"), (_PURPLE, ":", "D"))
_CLASS_COLOURS = (_BLUE, "#E69F00", _GREEN, _PURPLE, "#56B4E9", _VERMILLION, "#F0E442")
_CLASS_MARKERS = "osD^vPX*"
_CURVE = (1, 4, 4, 4)  # Matplotlib's codes of a cubic Bézier curve


def learning_curves(history: History | Mapping[str, Sequence[float]]) -> Figure:
    """Draw loss and accuracy, of training and of validation, over the epochs.

    Args:
        history: what `fit` returned; or columns with one number per epoch: "loss" or "accuracy" or
            both, and "val_loss" and "val_accuracy" if there was a validation set. "epoch" numbers
            the epochs, which otherwise count from 1. Other columns are not drawn. Accuracies are
            shares, 0 … 1.

    Returns:
        One panel for the losses, one for the accuracies. The legend says where a curve is first
        nan or infinite, because it cannot be drawn there.

    Raises:
        TypeError: `history` is something else.
        ValueError: it has none of these columns, no epochs, or columns of unequal length.

    >>> figure = learning_curves({"loss": [0.9, 0.5, 0.4], "val_loss": [1.0, 0.7, 0.8]})
    >>> [line.get_label() for line in figure.axes[0].lines]
    ['training', 'validation']
    """
    if isinstance(history, History):
        history = history.columns()
    if not isinstance(history, Mapping):
        raise TypeError(
            "history must be what fit returned, or map column names to lists of numbers, as "
            "{'loss': [0.9, 0.5]} does; "
            f"it is a {type(history).__name__}"
        )
    columns = [name for name in ("loss", "val_loss", "accuracy", "val_accuracy") if name in history]
    if not columns:
        found = ", ".join(map(repr, history)) or "none"
        raise ValueError(f"history has neither 'loss' nor 'accuracy'; its columns are: {found}")
    epochs = history["epoch"] if "epoch" in history else range(1, len(history[columns[0]]) + 1)
    if len(epochs) == 0:
        raise ValueError("history has no epochs")
    for name in columns:
        if len(history[name]) != len(epochs):
            raise ValueError(
                f"history: {name!r} has {len(history[name])} values for {len(epochs)} epochs"
            )

    metrics = list(dict.fromkeys(name.removeprefix("val_") for name in columns))
    figure = _figure(5.0 * len(metrics), 3.6)
    panels = figure.subplots(1, len(metrics), squeeze=False)[0]
    for metric, axes in zip(metrics, panels, strict=True):
        parts = {"training": metric, "validation": f"val_{metric}"}
        curves = {part: history[name] for part, name in parts.items() if name in history}
        lines(curves, epochs, axes=axes, title=metric.capitalize(), xlabel="epoch", ylabel=metric)
        axes.margins(y=0.1)
        if metric == "accuracy":
            axes.yaxis.set_major_formatter("{x:.0%}")
        elif axes.dataLim.y0 >= 0:
            axes.set_ylim(bottom=0)  # so that the eye can judge how far the loss fell
        axes.set_xlim(epochs[0] - 0.5, epochs[-1] + 0.5)  # those with a gap at the end included
        axes.xaxis.get_major_locator().set_params(integer=True, min_n_ticks=1)
    return figure


def lines(
    curves: Mapping[str, Iterable[float]],
    x: Iterable[float] | None = None,
    *,
    marked: bool = False,
    axes: Axes | None = None,
    **settings: Any,
) -> Figure:
    """Draw curves over one axis, told apart by colour, dashes and, if marked, the marks of points.

    Args:
        curves: the numbers of each curve, by the name that the legend shows.
        x: where the numbers are; by default 1, 2, 3, …, as epochs count.
        marked: whether each point has a mark.
        axes: where to draw; by default in a figure of its own.
        settings: of the axes, such as `xlabel`, `title`, `ylim`, `yscale="log"`.

    Returns:
        The figure. A curve has a gap where a number is nan or infinite or, on a scale of powers,
        not above 0; the legend says where the first is.

    Raises:
        ValueError: a curve has not as many numbers as `x`.

    >>> figure = lines({"sgd": [0.9, 0.5], "adam": [0.8, 0.3]}, xlabel="epoch", yscale="log")
    >>> [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    ['sgd', 'adam']
    """
    axes = axes or _figure(6.5, 3.6).subplots()
    lowest = 0.0 if settings.get("yscale") == "log" else -math.inf
    at = None if x is None else list(x)
    for k, (name, values) in enumerate(curves.items()):
        column = list(values)
        places = list(range(1, len(column) + 1)) if at is None else at
        if len(places) != len(column):
            raise ValueError(f"{name!r} has {len(column)} numbers for {len(places)} places")
        shown = [value if lowest < value < math.inf else math.nan for value in column]
        gap = next((i for i, value in enumerate(shown) if math.isnan(value)), None)
        if gap is not None:
            name += f" ({column[gap]:g} at {settings.get('xlabel', 'x')} {places[gap]:g})"
        colour, dashes, mark = _LINES[k % len(_LINES)]
        marker = mark if marked or len(places) == 1 else ""  # one point makes no line
        axes.plot(places, shown, dashes, color=colour, linewidth=2, marker=marker, label=name)
    axes.set(**settings)
    _lighten(axes)
    axes.legend()
    return cast(Figure, axes.figure)


def level_lines(
    f: Callable[[list[float]], Any],
    x: tuple[float, float] = (-3.0, 3.0),
    y: tuple[float, float] = (-3.0, 3.0),
    *,
    levels: int | Sequence[float] = 12,
    paths: Mapping[str, Sequence[Sequence[float]]] | None = None,
    axes: Axes | None = None,
    **settings: Any,
) -> Figure:
    """Draw the level lines of a function of two variables, and paths over the plane.

    Args:
        f: a function of a list of two numbers.
        x: the ends of the first axis.
        y: of the second.
        levels: how many level lines, or at which values.
        paths: points that follow each other, such as those of a descent, by names for the legend.
            A square is where a path begins.
        axes: where to draw; by default in a figure of its own.
        settings: of the axes, such as `title`.

    >>> bowl = lambda point: 1.5 * point[0] ** 2 + point[1] ** 2
    >>> figure = level_lines(bowl, paths={"descent": [[2.0, 2.0], [0.5, 1.0], [0.1, 0.5]]})
    >>> [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    ['descent']
    """
    axes = axes or _figure(5.4, 4.8).subplots()
    across, up = np.linspace(*x, 121).tolist(), np.linspace(*y, 121).tolist()
    with no_grad():
        heights = [[float(getattr(z, "data", z)) for z in (f([u, v]) for u in across)] for v in up]
    axes.contour(across, up, heights, levels=levels, colors="0.7", linewidths=0.8)
    for k, (name, points) in enumerate((paths or {}).items()):
        colour, dashes, _ = _LINES[k % len(_LINES)]
        u, v = zip(*points, strict=True)
        axes.plot(u, v, dashes, color=colour, marker=".", label=name)
        axes.plot(u[0], v[0], "s", color=colour)
    shape = {"xlabel": "$x$", "ylabel": "$y$", "xlim": x, "ylim": y, "aspect": "equal"}
    axes.set(**shape | settings)
    if paths:
        axes.legend()
    return cast(Figure, axes.figure)


def decision_boundary(
    predict: Module | Callable[[list[list[float]]], Sequence[int]],
    X: Any,
    y: Any,
    *,
    resolution: int = 200,
    class_names: Sequence[str] = (),
) -> Figure:
    """Draw which class a model predicts where, and the samples on top.

    Args:
        predict: a model; or a function that gives one class label per row of 2 features. It is
            called once, with all points of the grid.
        X: n samples of 2 features, in a list, an array or a DataFrame.
        y: their n class labels; for a model, targets as `fit` takes them.
        resolution: points of the grid along each axis, at least 2. The model predicts its square.
        class_names: the name of class k at position k. Without names the labels, any integers, are
            written as they are.

    Returns:
        One picture: a tint per class, the border between them, and a marker per sample.

    Raises:
        ValueError: there are no samples, one does not have 2 features, numbers of samples and
            labels differ, a label has no name, or `resolution` is below 2.
        TypeError: a label is not an integer.

    >>> def right_half(rows):
    ...     return [int(x1 > 0) for x1, x2 in rows]
    >>> figure = decision_boundary(right_half, [[-1, 0], [1, 0]], [0, 1])
    >>> [text.get_text() for text in figure.legends[0].get_texts()]
    ['0', '1']
    """
    X = list(rows(X))
    if len(X) == 0:
        raise ValueError("X has no samples to draw")
    for i, row in enumerate(X):
        if len(row) != 2:
            raise ValueError(f"a plane has 2 features, but row {i} of X has {len(row)}")
    count("resolution", resolution, least=2)
    if isinstance(predict, Module):
        n_outputs = count_of(outputs(predict, X[:1])[0])
        y, class_names = target_classes(predict, y, n_outputs), class_names or predict.class_names
        predict = partial(predicted_indices, predict)
    targets = _labels(y, "y", len(X), class_names)
    x1, x2 = (_padded_range([row[j] for row in X], resolution) for j in (0, 1))
    grid = [[u, v] for v in x2 for u in x1]
    predictions = _labels(predict(grid), "predict(grid)", len(grid), class_names)
    classes = sorted({*targets, *predictions, *range(len(class_names))})
    regions = np.searchsorted(classes, predictions).reshape(resolution, resolution)

    figure = _figure(6.0, 4.5)
    axes = figure.subplots()
    colours = [_CLASS_COLOURS[k % len(_CLASS_COLOURS)] for k in range(len(classes))]
    tints = [tuple(1 - 0.35 * (1 - c) for c in to_rgb(colour)) for colour in colours]
    tint: dict[str, Any] = {"cmap": ListedColormap(tints), "vmin": -0.5, "vmax": len(classes) - 0.5}
    axes.pcolormesh(x1, x2, regions, shading="nearest", rasterized=True, **tint)
    # The border between two classes is the outline of either, so the last outline adds nothing.
    for k in range(len(classes) - 1):
        inside = regions == k
        if 0 < inside.sum() < inside.size:
            axes.contour(x1, x2, inside, levels=[0.5], colors="0.25", linewidths=1.5)
    for k, label in enumerate(classes):
        points = [row for row, target in zip(X, targets, strict=True) if target == label]
        u, v = np.reshape(points, (-1, 2)).T
        axes.scatter(
            u,
            v,
            s=30,
            color=colours[k],
            marker=_CLASS_MARKERS[k % len(_CLASS_MARKERS)],
            edgecolors="0.15",
            linewidths=0.7,
            label=class_names[label] if class_names else str(label),
        )
    axes.set(title="Decision boundary", xlabel="$x_1$", ylabel="$x_2$")
    axes.set(xlim=(x1[0], x1[-1]), ylim=(x2[0], x2[-1]))
    figure.legend(title="class", loc="outside right upper", alignment="left", frameon=False)
    return figure


def network(model: Module, sample: Any = None, *, max_neurons: int = 16) -> Figure:
    """Draw a network: a column per layer, from top to bottom its neurons, and a wire per weight.

    Wires are blue where the weight is positive, orange and dashed where it is negative, and the
    thicker the larger it is; a weight of 0 has none. The shortcuts of a `Residual` are grey arcs.

    Args:
        model: an `MLP`, a `Layer` or a `Neuron`, or `Sequential` and `Residual` of such. `Dropout`
            among them is passed over.
        sample: one sample, as the network takes it. What it makes of the sample is written into
            its neurons; without one, which input or neuron of its column each is.
        max_neurons: how many circles a column has, at least 2. A wider layer is cut in its middle,
            which an ellipsis shows, and so are its wires.

    Returns:
        One picture. Inputs are squares; over each column stand its size and its activation.

    Raises:
        TypeError: something in `model` has no neurons to draw.
        ValueError: `sample` has not as many numbers as the network has inputs, or `max_neurons`
            is below 2.

    >>> figure = network(MLP(2, [3, 1], "tanh"))
    >>> figure.axes[0].get_title()
    'MLP(2 → 3 tanh → 1 linear)'
    """
    stages = _stages(model)
    count("max_neurons", max_neurons, least=2)
    n_in = stages[0].neurons[0].n_in
    titles = [f"$x^{{(0)}}$: {notation.count(n_in, 'input')}\n"]
    for k, stage in enumerate(stages, start=1):
        added = "".join([f" $+\\ x^{{({start})}}$" for start in stage.shortcuts])
        size = notation.count(len(stage.neurons), "neuron")
        titles.append(f"$x^{{({k})}}$: {size}\n{activation_label(stage.layer.activation)}{added}")
    widths = [n_in, *[len(stage.neurons) for stage in stages]]
    columns = [_heights(n, max_neurons) for n in widths]
    if sample is None:
        texts = [[f"$x_{{{i + 1}}}$" for i in range(n)] for n in widths]
    else:
        texts = [
            [f"{x:.2f}" if abs(x) < 100 else f"{x:.0e}" for x in column]  # as fits into a circle
            for column in _activations(stages, sample)
        ]

    weights: list[tuple[float, list[tuple[float, float]]]] = []
    arcs: list[Path] = []
    for k, stage in enumerate(stages, start=1):
        for i, y1 in columns[k].items():
            w = stage.neurons[i].w
            weights += [(w[j].data, [(k - 1, y0), (k, y1)]) for j, y0 in columns[k - 1].items()]
            for start in stage.shortcuts:
                y0, up = columns[start][i], 0.45 * (k - start)
                arcs.append(Path([(start, y0), (start, y0 + up), (k, y1 + up), (k, y1)], _CURVE))
    largest = max((abs(w) for w, _ in weights if math.isfinite(w)), default=0.0)
    kinds: tuple[tuple[str, Callable[[float], bool], dict[str, Any]], ...] = (
        ("w > 0", lambda w: 0.0 < w < math.inf, {"color": _BLUE}),
        ("w < 0", lambda w: -math.inf < w < 0.0, {"color": _VERMILLION, "linestyle": "--"}),
        ("w is nan or infinite", lambda w: not math.isfinite(w), {"color": "black"}),
    )

    tallest = min(max(widths), max_neurons + 1)
    height = min(max(0.55 * tallest, 1.6), 8.0)
    diameter = min(0.7 * 72 * height / tallest, 36.0)  # in points, as all that follow
    fontsize = diameter * (0.36 if sample is None else 0.28)
    thickest = min(2.5, 20 / tallest)
    width = max(2.2, 0.36 * height) * len(columns)
    heading = textwrap.wrap(repr(model), int(9 * width))
    figure = _figure(width, height + 1.2 + 0.2 * len(heading))
    axes = figure.subplots()
    keys = []
    for label, belongs, line in kinds:
        wires = sorted((abs(w), wire) for w, wire in weights if belongs(w))
        if wires:
            sizes = [0.2 + thickest * (w / largest if w < math.inf else 1.0) for w, _ in wires]
            axes.add_collection(
                LineCollection([wire for _, wire in wires], linewidths=sizes, zorder=1, **line)
            )
            keys.append(Line2D([], [], linewidth=2, label=label, **line))
    if arcs:
        look: dict[str, Any] = {"facecolors": "none", "edgecolors": "0.6", "zorder": 0}
        axes.add_collection(PathCollection(arcs, **look))
        keys.append(Line2D([], [], color="0.6", label="added as it is"))
    for k, (column, title) in enumerate(zip(columns, titles, strict=True)):
        axes.scatter(
            [k] * len(column),
            list(column.values()),
            s=diameter**2,
            marker="o" if k else "s",
            color="white",
            edgecolors="0.2",
            zorder=2,
        )
        for i, y in column.items():
            axes.text(k, y, texts[k][i], ha="center", va="center", fontsize=fontsize, zorder=3)
        if len(column) < widths[k]:
            axes.text(k, 0.0, "$\\vdots$", ha="center", va="center", fontsize=14)
        axes.text(k, tallest / 2 + 0.1, title, ha="center", va="bottom")
    axes.set(xlim=(-0.5, len(columns) - 0.5), ylim=(-tallest / 2, tallest / 2))
    axes.set_title("\n".join(heading), pad=44)
    axes.axis("off")
    if keys:
        note = f"the thickest wire: |w| = {largest:.3g}" if largest else None
        figure.legend(handles=keys, title=note, loc="outside lower center", ncols=3, frameon=False)
    return figure


def activation(
    f: Callable[[Value], Value] | str, *, name: str | None = None, lo: float = -6.0, hi: float = 6.0
) -> Figure:
    """Draw a function of one variable and its derivative, which the engine computes.

    Args:
        f: a function that takes and gives a `Value`, or the name of one in `autograd`.
        name: what to call it; its own name by default.
        lo: the left end of the x axis.
        hi: the right end, above `lo`.

    Returns:
        One picture with both curves. Where the function is nan or infinite, a curve has a gap.

    Raises:
        ValueError: `autograd` has no function of that name, or lo < hi does not hold for two
            finite numbers.
        TypeError: `f` does not give a `Value`.

    >>> figure = activation("tanh")
    >>> [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    ['tanh(x)', 'derivative']
    """
    if isinstance(f, str):
        if f not in autograd.__all__:
            raise ValueError(f"autograd has no function called {f!r}; try 'relu' or 'tanh'")
        name = name or f
    function: Callable[[Value], Value] = getattr(autograd, f) if isinstance(f, str) else f
    if not -math.inf < lo < hi < math.inf:
        raise ValueError(f"lo and hi must be finite with lo < hi, not {lo} and {hi}")
    name = name or getattr(f, "__name__", "f").replace("<lambda>", "f")
    xs = np.linspace(lo, hi, 601).tolist()
    values, slopes = [], []
    for x in xs:
        v = Value(x)
        out = function(v)
        if not isinstance(out, Value):
            raise TypeError(f"{name} must give a Value, not a {type(out).__name__}")
        out.backward()
        values.append(out.item())
        slopes.append(v.grad)

    figure = _figure(6.0, 4.0)
    axes = figure.subplots()
    axes.axhline(0, color="0.6", linewidth=0.8)
    axes.axvline(0, color="0.6", linewidth=0.8)
    look: dict[str, Any] = {"title": f"{name} and its derivative", "xlabel": "x", "ylabel": "value"}
    return lines({f"{name}(x)": values, "derivative": slopes}, xs, axes=axes, xlim=(lo, hi), **look)


def confusion_matrix(matrix: Sequence[Sequence[int]], class_names: Sequence[str]) -> Figure:
    """Draw how often each class was taken for each other.

    Args:
        matrix: C rows of C counts; row i, column j counts samples of class i predicted as j.
        class_names: the C names of the classes.

    Returns:
        One picture. A cell shows its count, and its shade the share of its row, so that classes of
        all sizes compare.

    Raises:
        ValueError: the matrix is not C x C, or a count is negative.

    >>> figure = confusion_matrix([[8, 2], [0, 10]], ["cat", "dog"])
    >>> figure.axes[0].get_title()
    'Confusion matrix: 18 of 20 correct (90.0 %)'
    """
    size = len(class_names)
    if len(matrix) != size or size == 0:
        raise ValueError(f"matrix has {len(matrix)} rows for {size} class names")
    for name, row in zip(class_names, matrix, strict=True):
        if len(row) != size:
            raise ValueError(f"row {name!r} of the matrix has {len(row)} counts for {size} classes")
        if min(row) < 0:
            raise ValueError(f"row {name!r} of the matrix has the negative count {min(row)}")
    shares = [[count / max(sum(row), 1) for count in row] for row in matrix]
    correct, total = sum(matrix[k][k] for k in range(size)), sum(map(sum, matrix))

    side = 2.5 + 0.45 * size
    figure = _figure(side + 0.8, side)
    axes = figure.subplots()
    image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for i, row in enumerate(matrix):
        for j, number in enumerate(row):
            colour = "white" if shares[i][j] > 0.5 else "black" if number else "0.6"
            axes.text(j, i, str(number), ha="center", va="center", color=colour)
    axes.set_xticks(range(size), class_names)
    axes.set_yticks(range(size), class_names)
    if max(map(len, class_names)) > 3:
        for text in axes.get_xticklabels():
            text.set(rotation=45, ha="right", rotation_mode="anchor")
    axes.set(xlabel="predicted class", ylabel="true class")
    axes.set_title(
        f"Confusion matrix: {correct} of {total} correct ({100 * correct / max(total, 1):.1f} %)"
    )
    figure.colorbar(image, label="share of the true class", format="{x:.0%}", shrink=0.8)
    return figure


def digit_samples(
    X: Sequence[Sequence[float]], y_true: Sequence[int], y_pred: Sequence[int], *, columns: int = 10
) -> Figure:
    """Draw images with the digit that was read in each; mistakes have a cross and a frame.

    Args:
        X: n square images, row by row, such as 64 grey levels each. On any scale: the lowest
            number of all is white, the highest black.
        y_true: the n digits that they show.
        y_pred: the n digits that the model read.
        columns: images per row of the picture, at least 1.

    Returns:
        One picture with a panel per image; a few dozen are a good number.

    Raises:
        ValueError: there are no images, one is not square, numbers of images and labels differ, or
            `columns` is below 1.
        TypeError: a label is not an integer.

    >>> figure = digit_samples([[0.0] * 64, [1.0] * 64], [3, 5], [3, 6])
    >>> [axes.get_title() for axes in figure.axes]
    ['3', '✗ 6, is 5']
    """
    if len(X) == 0:
        raise ValueError("X has no images to draw")
    for i, pixels in enumerate(X):
        if len(pixels) == 0 or math.isqrt(len(pixels)) ** 2 != len(pixels):
            raise ValueError(f"row {i} of X has {len(pixels)} pixels, which is not a square image")
    count("columns", columns)
    truths = _labels(y_true, "y_true", len(X))
    answers = _labels(y_pred, "y_pred", len(X))
    lowest, highest = min(map(min, X)), max(map(max, X))

    columns = min(columns, len(X))
    rows = math.ceil(len(X) / columns)
    figure = _figure(max(0.95 * columns, 3.0), 1.2 * rows + 0.5)
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    for pixels, truth, answer, axes in zip(X, truths, answers, panels, strict=False):
        side = math.isqrt(len(pixels))
        image = [pixels[start : start + side] for start in range(0, len(pixels), side)]
        axes.imshow(image, cmap="Greys", vmin=lowest, vmax=highest)
        axes.set(xticks=[], yticks=[])
        if answer == truth:
            axes.set_title(str(answer), fontsize=10)
            axes.spines[:].set(color="0.8")
        else:
            axes.set_title(f"✗ {answer}, is {truth}", fontsize=10, color=_VERMILLION, weight="bold")
            axes.spines[:].set(color=_VERMILLION, linewidth=3)
    for axes in panels[len(X) :]:
        axes.remove()
    correct = sum(truth == answer for truth, answer in zip(truths, answers, strict=True))
    figure.suptitle(f"{correct} of {len(X)} correct")
    return figure


def gradient_statistics(statistics: GradientStatistics) -> Figure:
    """Draw what `nn.gradient_statistics` returns: activations and gradients of each layer.

    Returns:
        Two panels over the layers: the outputs, as mean and standard deviation; and on a scale of
        powers of 10 the sizes of ∂L/∂z, ∂L/∂w and of the weights. A size of 0 cannot be drawn
        there, and the legend says where the first is.

    >>> from nn import MLP
    >>> from nn.inspection.statistics import gradient_statistics as measured
    >>> figure = gradient_statistics(measured(MLP(1, [3, 1]), [[1.0]], [1.0], "mse_loss"))
    >>> [axes.get_title() for axes in figure.axes]
    ['Outputs', 'Gradients and weights']
    """
    rows = statistics.rows
    layers = [row.layer for row in rows]
    figure = _figure(10.0, 3.6)
    left, right = figure.subplots(1, 2)
    left.axhline(0, color="0.6", linewidth=0.8)
    look: dict[str, Any] = {"capsize": 4, "label": "mean ± standard deviation", "color": _BLUE}
    left.errorbar(layers, [row.mean for row in rows], [row.std for row in rows], fmt="o", **look)
    left.set(title="Outputs", ylabel="x")
    kinds = {"∂L/∂z": "signal", "∂L/∂w": "gradient", "w": "weight"}
    sizes = {label: [getattr(row, kind) for row in rows] for label, kind in kinds.items()}
    look = {"title": "Gradients and weights", "ylabel": "root of mean square"}
    lines(sizes, layers, marked=True, axes=right, xlabel="layer", yscale="log", **look)
    _lighten(left)
    left.legend()
    for axes in (left, right):
        axes.set(xlabel="layer", xlim=(0.5, len(layers) + 0.5))
        axes.xaxis.get_major_locator().set_params(integer=True, min_n_ticks=1)
    return figure


# --- Helpers --------------------------------------------------------------------------------------


class NotebookFigure(Figure):
    """A figure that shows itself in a notebook, or in a window.

    IPython knows how to show a Figure only once pyplot has set up its inline backend, which
    nothing in this package does. Where it has, IPython prefers its own way to this method.
    """

    def show(self, warn: bool = True) -> None:  # noqa: ARG002 - Matplotlib's
        """Open a window, and wait until it is closed."""
        from matplotlib import pyplot

        window = pyplot.figure(figsize=self.get_size_inches()).canvas
        window.figure = self  # pyplot has windows for figures of its own alone
        self.set_canvas(window)
        pyplot.show()

    def _repr_png_(self) -> tuple[bytes, dict[str, float]]:
        """Draw at twice the resolution of the page, as projectors and paper deserve."""
        width, height = self.get_size_inches() * self.dpi
        png = BytesIO()
        self.savefig(png, format="png", dpi=2 * self.dpi)
        return png.getvalue(), {"width": float(width), "height": float(height)}


def _figure(width: float, height: float) -> Figure:
    """Make an empty figure of a size in inches."""
    return NotebookFigure(figsize=(width, height), layout="constrained")


def _lighten(axes: Axes) -> None:
    """Draw a faint grid instead of a box."""
    axes.grid(color="0.9")
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)


class _Stage(NamedTuple):
    """A layer in the picture of a network, and which columns before it are added to what it gives.

    Column 0 are the inputs, and column k what stage k gives.
    """

    layer: Layer | Neuron
    shortcuts: tuple[int, ...] = ()

    @property
    def neurons(self) -> list[Neuron]:
        return [self.layer] if isinstance(self.layer, Neuron) else self.layer.neurons


def _stages(model: Module) -> list[_Stage]:
    """Take a network apart into the layers that follow each other."""
    stages: list[_Stage] = []

    def add(module: Module) -> None:
        start = len(stages)
        if isinstance(module, Layer | Neuron):
            stages.append(_Stage(module))
        elif isinstance(module, MLP | Sequential):
            for part in module.layers if isinstance(module, MLP) else module.parts:
                add(part)
        elif isinstance(module, Residual):
            add(module.module)
            if len(stages) > start:
                last = stages[-1]
                stages[-1] = _Stage(last.layer, (*last.shortcuts, start))
        elif not isinstance(module, Dropout):
            raise TypeError(
                f"network draws layers of neurons, not {type(module).__name__}: take "
                "autograd.draw(model), which draws every model"
            )

    add(model)
    if not stages:
        raise TypeError(f"network draws layers of neurons, and {model!r} has none")
    return stages


def _activations(stages: Sequence[_Stage], sample: Any) -> list[list[float]]:
    """Return the numbers of each column."""
    first = stages[0].layer
    columns = [list(inputs_of(sample, stages[0].neurons[0].n_in, first))]
    with no_grad():
        for layer, shortcuts in stages:
            given = layer(columns[-1])
            own = given if isinstance(given, list) else [given]
            terms = zip(own, *[columns[k] for k in shortcuts], strict=True)
            columns.append([sum(numbers) for numbers in terms])
    return [[getattr(x, "data", x) for x in column] for column in columns]


def _heights(n: int, most: int) -> dict[int, float]:
    """Place the neurons of a column; of more than fit, those above and below a gap in its middle.

    >>> _heights(3, 4), _heights(9, 4)
    ({0: 1.0, 1: 0.0, 2: -1.0}, {0: 2.0, 1: 1.0, 7: -1.0, 8: -2.0})
    """
    above = (most + 1) // 2
    slots = [*range(n)] if n <= most else [*range(above), None, *range(n - most + above, n)]
    return {i: (len(slots) - 1) / 2 - at for at, i in enumerate(slots) if i is not None}


def _padded_range(values: Iterable[float], n: int) -> list[float]:
    """Cover the values with n equidistant points and leave a margin of a tenth."""
    lo, hi = min(values), max(values)
    margin = 0.1 * (hi - lo) or 1.0
    points: list[float] = np.linspace(lo - margin, hi + margin, n).tolist()
    return points


def _labels(labels: Sequence[int], what: str, n: int, class_names: Sequence[str] = ()) -> list[int]:
    """Check that there are n integer labels, each with a name if there are names."""
    if len(labels) != n:
        raise ValueError(f"{what} has {len(labels)} labels for {n} rows")
    for i, label in enumerate(labels):
        if not isinstance(label, Integral):
            raise TypeError(f"{what}: label {i} is {label!r}, which is not an integer")
        if class_names and not 0 <= label < len(class_names):
            raise ValueError(
                f"{what}: label {i} is {label}, but class_names has {len(class_names)} names"
            )
    return list(map(int, labels))
