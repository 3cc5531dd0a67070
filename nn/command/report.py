"""What is printed and drawn about a training."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from io import BytesIO
from typing import TYPE_CHECKING, Any

from autograd import Value, notation
from autograd.engine import topological_order
from autograd.files import write_atomically
from nn.layers import MLP

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_FOLLOWED = 100  # nodes that a reader can follow through both passes


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
    return notation.aligned(rows)


def neuron_graph(
    model: MLP, loss: Callable[[Any, Any], Any], x: Sequence[float], target: Any
) -> Value:
    """Compute one neuron of a network apart, with the gradients that it has in the network.

    It is a neuron of the layer with the fewest inputs, so that its picture can be read; in that
    layer the one whose z has the greatest influence on the loss of the sample. The graph of its
    output ends at the inputs of the neuron, which are leaves.

    >>> from nn import mse_loss
    >>> model = MLP(2, [3, 1], "tanh", seed=0)
    >>> neuron_graph(model, mse_loss, [1.0, -1.0], 0.5).op
    'tanh'
    """
    return _neuron_apart(model, lambda y: loss(y if len(y) > 1 else y[0], target), x)[0]


def output_graph(model: MLP, x: Sequence[float]) -> tuple[Value, str]:
    """Compute the largest output of a network or, if its graph is too large to follow, a neuron.

    It is then the neuron that `neuron_graph` chooses, for the output instead of a loss. What it is
    is returned too.

    >>> output_graph(MLP(2, [3, 1], seed=0), [1.0, -1.0])[1]
    'output 1'
    >>> output_graph(MLP(2, [30, 1], seed=0), [1.0, -1.0])[1]
    'neuron 19 of layer 1'
    """
    inputs = [Value(number, f"x{j}") for j, number in enumerate(x, 1)]
    outputs = model.activations(inputs).x[-1]
    i = max(range(len(outputs)), key=lambda i: outputs[i].data)
    if len(topological_order([outputs[i]], lambda node: node.parents)) <= _FOLLOWED:
        outputs[i].name = f"ŷ{i + 1}"
        return outputs[i], f"output {i + 1}"
    neuron, k, i = _neuron_apart(model, lambda outputs: outputs[i], x)
    return neuron, f"neuron {i + 1} of layer {k + 1}"


def _neuron_apart(
    model: MLP, result_of: Callable[[list[Value]], Value], x: Sequence[float]
) -> tuple[Value, int, int]:
    """Compute a neuron apart, see `neuron_graph`; give also the places of its layer and of it."""
    model.zero_grad()
    zs, xs = model.activations(x)
    result_of(xs[-1]).backward()
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
    return result, k, i


def save_figure(figure: Figure, path: str | os.PathLike[str]) -> None:
    """Write a figure to a PNG file, entire or not at all.

    >>> from nn import plot
    >>> save_figure(plot.activation("tanh"), "no-such-folder/tanh.png")
    Traceback (most recent call last):
    FileNotFoundError: no-such-folder/tanh.png: there is no folder ...
    """
    png = BytesIO()
    figure.savefig(png, format="png", dpi=150)
    write_atomically(path, png.getvalue())
