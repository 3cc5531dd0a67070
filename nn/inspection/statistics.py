"""Activations and gradients of a network, layer by layer, over a data set.

A network learns if the signal gets through: on the way from layer to layer neither the activations
nor the gradients may shrink to nothing, or grow without bound.
"""

from __future__ import annotations

import html
import math
from collections.abc import Callable, Iterable
from dataclasses import astuple, dataclass, fields
from typing import Any

import numpy as np

from autograd import Value, notation
from autograd.engine import table
from nn.inspection.units import checked_mlp
from nn.layers import MLP
from nn.module import activation_label
from nn.tables import html_table
from nn.training import checked, loss_called, needs_value

_FLAT = 0.05  # an activation with a slope below this hardly passes a gradient on
_SHRINKS, _GROWS = 1e-3, 1e3  # from the last layer to another: beyond, training will not work well


@dataclass(frozen=True)
class LayerStatistics:
    """What one layer does, over n samples.

    Attributes:
        layer: its number, from 1.
        activation: the name of σ.
        mean, std: of its outputs x = σ(z), over samples and units.
        zero: the share, from 0 to 1, of outputs that are exactly 0.
        flat: the share of outputs at which the slope σ'(z) is below 0.05: σ is saturated there, or
            a rectifier off.
        dead: how many units are that for all samples.
        signal: the root of the mean square of ∂L/∂z, where L is the loss of a single sample.
        gradient: the root of the mean square of ∂L/∂w over the weights, where L is the mean loss.
        weight: the root of the mean square of the weights.
    """

    layer: int
    activation: str
    mean: float
    std: float
    zero: float
    flat: float
    dead: int
    signal: float
    gradient: float
    weight: float


@dataclass(frozen=True)
class GradientStatistics:
    """Statistics of all layers. They are printed as a table.

    Attributes:
        rows: those of each layer.
        findings: sentences about what is wrong; none if nothing is.
    """

    rows: list[LayerStatistics]
    findings: list[str]

    def __str__(self) -> str:
        table = notation.aligned([_HEAD, *map(_cells, self.rows)])
        return "\n".join([table, *(self.findings or ["nothing is wrong"])])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        """Give Jupyter a table."""
        table = html_table(_HEAD, list(map(_cells, self.rows)), numbers=_HEAD)
        return table + "".join([f"<p>{html.escape(finding)}</p>" for finding in self.findings])


_HEAD = tuple(
    {"signal": "|∂L/∂z|", "gradient": "|∂L/∂w|", "weight": "|w|"}.get(x.name, x.name)
    for x in fields(LayerStatistics)
)


def _cells(row: LayerStatistics) -> tuple[str, ...]:
    """Write a row: shares as percentages, the other numbers with three digits."""
    cells = dict(zip(_HEAD, astuple(row), strict=True))
    for name, x in cells.items():
        if name in ("zero", "flat"):
            cells[name] = f"{x:.0%}"
        elif isinstance(x, float):
            cells[name] = f"{x:.3g}"
    return tuple(map(str, cells.values()))


def gradient_statistics(
    model: MLP,
    X: Iterable[Any],
    y: Iterable[Any],
    loss: str | Callable[[Any, Any], Any] = "cross_entropy",
) -> GradientStatistics:
    """Measure activations and gradients in every layer, over a data set.

    The model and the gradients of its parameters are left as they are.

    Args:
        model: the network.
        X: n samples; a hundred are enough.
        y: n targets, as the loss wants them.
        loss: the name of a loss in `nn.losses`, or a function of the output for one sample and its
            target that returns a Value.

    Returns:
        One row per layer, and what is wrong if anything is; see also
        `nn.plot.gradient_statistics`.

    Raises:
        TypeError: it is not an MLP.
        ValueError: there are no samples, or not as many as targets, or no such loss.

    >>> model = MLP(2, [4, 4, 1], "tanh", init=lambda n_in, n_out, *, rng: [0.5] * n_in)
    >>> gradient_statistics(model, [[0.5, -1.0], [1.0, 2.0]], [0.0, 1.0], "mse_loss")
    layer  activation   mean    std  zero  flat  dead  |∂L/∂z|  |∂L/∂w|  |w|
    1            tanh   0.33  0.575    0%    0%     0    0.959    0.552  0.5
    2            tanh  0.247  0.701    0%    0%     0    0.514    0.129  0.5
    3          linear  0.494    1.4    0%    0%     0      1.8     1.26  0.5
    nothing is wrong
    """
    checked_mlp(model)
    criterion = loss_called(loss)
    samples, parameters = checked(X, y), model.parameters()
    grads = [p.grad for p in parameters]
    model.zero_grad()
    measured: list[list[Any]] = [[] for _ in model.layers]  # per layer and sample: x, σ', ∂L/∂z
    for sample, target in zip(samples.inputs(range(len(samples))), samples.y, strict=True):
        z, x = model.activations(sample)
        output = x[-1] if len(x[-1]) > 1 else x[-1][0]
        needs_value(criterion(output, target)).backward(1.0 / len(samples))
        for k, rows in enumerate(measured, start=1):
            slopes = [_slope(out, v) for out, v in zip(x[k], z[k], strict=True)]
            deltas = [v.grad * len(samples) for v in z[k]]
            rows.append([[out.data for out in x[k]], slopes, deltas])
    rows = []
    for k, (layer, numbers) in enumerate(zip(model.layers, measured, strict=True), start=1):
        x, slopes, deltas = np.array(numbers).swapaxes(0, 1)
        weights = [w for neuron in layer.neurons for w in neuron.w]
        flat = np.abs(slopes) < _FLAT
        rows.append(
            LayerStatistics(
                layer=k,
                activation=activation_label(layer.activation),
                mean=float(x.mean()),
                std=float(x.std()),
                zero=float((x == 0.0).mean()),
                flat=float(flat.mean()),
                dead=int(flat.all(axis=0).sum()),
                signal=_rms(deltas),
                gradient=_rms(np.array([w.grad for w in weights])),
                weight=_rms(np.array([w.data for w in weights])),
            )
        )
    for p, grad in zip(parameters, grads, strict=True):
        p.grad = grad
    return GradientStatistics(rows, _findings(rows, model))


def _slope(x: Value, z: Value) -> float:
    """Return ∂x/∂z, as far as x is an operation on z itself."""
    if x is z:
        return 1.0
    slopes = [
        slope
        for operand, slope in zip(x.parents, x.local_derivatives, strict=True)
        if operand is z and slope is not None
    ]
    return math.fsum(slopes) if slopes else math.nan


def _rms(numbers: Any) -> float:
    """Return the root of the mean square, also of numbers whose squares are too small or large."""
    return math.hypot(*numbers.flat) / math.sqrt(numbers.size)


def _findings(rows: list[LayerStatistics], model: MLP) -> list[str]:
    """Say what is wrong, in the order of the layers."""
    findings = []
    for row, layer in zip(rows, model.layers, strict=True):
        if not math.isfinite(row.signal + row.mean):
            findings.append(f"layer {row.layer}: numbers are nan or infinite")
        if row.dead:
            findings.append(
                f"layer {row.layer}: {row.dead} of {layer.n_out} units are dead, flat for all "
                "samples, and will not learn"
            )
        elif row.flat > 0.5 and row.activation not in table.RECTIFIERS:
            findings.append(
                f"layer {row.layer}: {row.activation} is saturated for {row.flat:.0%} of the "
                "outputs; scale the inputs, or draw smaller weights"
            )
    last = rows[-1].signal
    if not (last > 0.0 and math.isfinite(last)):
        return findings
    smallest = min(rows, key=lambda row: row.signal)
    largest = max(rows, key=lambda row: row.signal)
    for row, what, is_bad in (
        (smallest, "vanishes", smallest.signal < _SHRINKS * last),
        (largest, "explodes", largest.signal > _GROWS * last),
    ):
        if is_bad:
            findings.append(
                f"the gradient {what}: from layer {rows[-1].layer} back to layer {row.layer} "
                f"|∂L/∂z| changes by a factor of {row.signal / last:.3g}"
            )
    return findings
