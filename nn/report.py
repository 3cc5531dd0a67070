"""What is printed and drawn about a training."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from io import BytesIO
from typing import TYPE_CHECKING, Any

from autograd import Value
from autograd.files import write_atomically
from nn.layers import MLP

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["aligned", "confusion_table", "neuron_graph", "save_figure"]


def confusion_table(matrix: Sequence[Sequence[int]], class_names: Sequence[str]) -> str:
    """Lay out a confusion matrix as text, with the share of right predictions of each class.

    Args:
        matrix: C × C counts: row i, column j counts samples of class i predicted as class j.
        class_names: C names.

    >>> print(confusion_table([[8, 2], [0, 10]], ["cat", "dog"]))
    true class    cat  dog  predicted rightly
    cat             8    2              80.0%
    dog             ·   10             100.0%
    """
    rows = [["true class", *class_names, "predicted rightly"]]
    for k, (name, counts) in enumerate(zip(class_names, matrix, strict=True)):
        share = f"{counts[k] / sum(counts):.1%}" if any(counts) else "no samples"
        rows.append([name, *[str(count or "·") for count in counts], share])
    return aligned(rows)


def aligned(rows: Sequence[Sequence[str]]) -> str:
    """Lay out a table with the first column to the left and the others to the right.

    Args:
        rows: rows of cells, all of one length.

    >>> print(aligned([["w", "2.5"], ["bias", "-0.25"]]))
    w       2.5
    bias  -0.25
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join([first.ljust(widths[0]), *map(str.rjust, others, widths[1:])]).rstrip()
        for first, *others in rows
    )


def neuron_graph(
    model: MLP, loss: Callable[[Any, Any], Any], x: Sequence[float], target: Any
) -> Value:
    """Compute one neuron of a network apart, with the gradients that it has in the network.

    It is a neuron of the layer with the fewest inputs, so that its picture can be read; in that
    layer the one whose z has the greatest influence on the loss of the sample.

    Args:
        model: the network.
        loss: the loss of one sample.
        x: a sample.
        target: its target.

    Returns:
        The output of the neuron. Its graph ends at the inputs of the neuron, which are leaves.

    >>> from nn import mse_loss
    >>> model = MLP(2, [3, 1], "tanh", seed=0)
    >>> neuron_graph(model, mse_loss, [1.0, -1.0], 0.5).op
    'tanh'
    """
    model.zero_grad()
    zs, xs = model.activations(x)
    loss(xs[-1] if len(xs[-1]) > 1 else xs[-1][0], target).backward()
    k = min(range(len(model.layers)), key=lambda k: model.layers[k].n_in)
    gradients = [abs(z.grad) for z in zs[k + 1]]
    i = gradients.index(max(gradients))
    neuron, upstream = model.layers[k].neurons[i], xs[k + 1][i].grad
    model.zero_grad()
    inputs = [Value(v.data if isinstance(v, Value) else v, f"x{j}") for j, v in enumerate(xs[k], 1)]
    z = neuron.pre_activation(inputs)
    z.name = "z"
    result: Value = neuron.activate(z)
    if result is not z:
        result.name = "x"
    result.backward(upstream)
    return result


def save_figure(figure: Figure, path: str | os.PathLike[str]) -> None:
    """Write a figure to a PNG file, entire or not at all.

    Args:
        figure: the figure.
        path: the file.

    Raises:
        OSError: it cannot be written.

    >>> from nn import plot
    >>> save_figure(plot.activation("tanh"), "no-such-folder/tanh.png")
    Traceback (most recent call last):
    FileNotFoundError: no-such-folder/tanh.png: there is no folder ...
    """
    png = BytesIO()
    figure.savefig(png, format="png", dpi=150)
    write_atomically(path, png.getvalue())
