"""Units that do not work: those that are never active, and those at the flat ends of a sigmoid.

Nothing here records a graph. Layers and neurons are numbered from 1, as in the lecture.
"""

from __future__ import annotations

from collections.abc import Iterable
from statistics import fmean
from typing import Any

from nn.forward import outputs
from nn.layers import MLP


def dead_units(model: MLP, X: Iterable[Any]) -> list[tuple[int, int]]:
    """Find the relu units that are never active, for no sample of a whole data set.

    Such a unit gets no gradient from these samples, and so will never change.

    Args:
        model: the network.
        X: n samples, usually the training set.

    Returns:
        The number of the layer and the number of the neuron in it, both from 1, for each.

    Raises:
        TypeError: it is not an MLP.
        ValueError: there are no samples.

    >>> model = MLP(1, [2, 1], init=lambda n_in, n_out, *, rng: [1.0] * n_in)
    >>> model.layers[0].neurons[1].b.data = -10.0
    >>> dead_units(model, [[0.5], [3.0]])
    [(1, 2)]
    """
    return [
        (k, i)
        for k, activation, rows in _layer_outputs(model, X)
        if activation == "relu"
        for i, unit in enumerate(zip(*rows, strict=True), start=1)
        if not any(unit)
    ]


def sparsity(model: MLP, X: Iterable[Any]) -> dict[int, float]:
    """Return, for each relu layer, the share of its outputs over a data set that are zero.

    It is from 0 to 1, by the number of the layer. Arguments and errors are those of `dead_units`.

    >>> model = MLP(1, [2, 1], init=lambda n_in, n_out, *, rng: [1.0] * n_in)
    >>> sparsity(model, [[-1.0], [-2.0], [-3.0], [4.0]])
    {1: 0.75}
    """
    return {
        k: fmean(x == 0.0 for row in rows for x in row)
        for k, activation, rows in _layer_outputs(model, X)
        if activation == "relu"
    }


def saturation(model: MLP, X: Iterable[Any], tolerance: float = 0.01) -> dict[int, float]:
    """Return, for each sigmoid or tanh layer, the share of its outputs that are near their limits.

    There the activation is flat and passes hardly any gradient on. The limits are 0 and 1 for
    sigmoid, -1 and 1 for tanh, and near is what is at most `tolerance` away. The share is from 0 to
    1, by the number of the layer. Other arguments, and errors, are those of `dead_units`.

    >>> model = MLP(1, [1, 1], "tanh", init=lambda n_in, n_out, *, rng: [1.0])
    >>> saturation(model, [[-20.0], [0.0], [0.1], [20.0]])
    {1: 0.5}
    """
    return {
        k: fmean(x - low <= tolerance or 1.0 - x <= tolerance for row in rows for x in row)
        for k, activation, rows in _layer_outputs(model, X)
        if (low := _LOWER_LIMITS.get(activation)) is not None
    }


_LOWER_LIMITS = {"sigmoid": 0.0, "tanh": -1.0}  # the upper limit of both is 1


def checked_mlp(model: Any) -> None:
    """Check that a model has layers to look into."""
    if not isinstance(model, MLP):
        raise TypeError(f"this looks into the layers of an MLP, and cannot into {model!r}")


def _layer_outputs(model: MLP, X: Iterable[Any]) -> list[tuple[int, Any, list[list[float]]]]:
    """Return for each layer its number, its activation, and its outputs for each sample."""
    checked_mlp(model)
    samples = outputs(lambda x: model.activations(x).x, X)
    if not samples:
        raise ValueError("X is empty: give the samples to look at")
    return [
        (k, layer.activation, [x[k] for x in samples])
        for k, layer in enumerate(model.layers, start=1)
    ]
