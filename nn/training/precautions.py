"""What `fit` looks for before it begins: mistakes that would show only in a bad result.

On a few samples, so that it takes no time to speak of.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from autograd import Value
from autograd.engine import nodes_of, topological_order
from nn.embedding import Embedding
from nn.mistakes import warn
from nn.module import Module
from nn.optim import SGD, Adam, Optimizer, read, write
from nn.training.engines import EagerEngine, Engine

_LARGE = 30.0  # inputs of this size want to be scaled
_TRIAL = 30  # steps
_LONG_STEP = 1.0  # of Adam, whose steps are about as long as the learning rate


def check_before_training(engine: Engine, optimizer: Optimizer) -> None:
    """Warn of inputs out of scale, of parameters without gradient, of too high a learning rate.

    The engine has begun; the parameters are as they were in the end.
    """
    _check_inputs(engine.samples.X)
    _check_reached(engine, optimizer.trained()[0])
    if isinstance(optimizer, SGD):
        _check_rate(engine, optimizer)
    elif isinstance(optimizer, Adam) and optimizer.lr >= _LONG_STEP:
        warn(
            f"with the learning rate {optimizer.lr:g}, {type(optimizer).__name__} changes each "
            "parameter by about that much in a step, however small the gradient, and weights are "
            "mostly below 1: try lr=0.01"
        )


def _check_inputs(X: Any) -> None:
    """Warn if a feature is far larger than 1, on average."""
    if isinstance(X, list):  # of different lengths
        return
    table = X.reshape(len(X), -1)
    sizes = np.sqrt(np.einsum("ij,ij->j", table, table) / len(X))  # without an array of squares
    j = int(sizes.argmax())
    if sizes[j] > _LARGE:
        which = f"feature {j} of the inputs is" if sizes.size > 1 else "the inputs are"
        warn(
            f"{which} of size {sizes[j]:.3g}, and training works well with inputs of size about 1: "
            "scale them, with nn.data.standardise"
        )


def _check_reached(engine: Engine, trained: Sequence[Value]) -> None:
    """Warn if there are parameters on which the loss does not depend."""
    n = len(engine.samples)
    few = sorted({0, n // 2, n - 1})
    losses = [
        engine.loss(engine.model(x), engine.samples.y[i])
        for i, x in zip(few, engine.samples.inputs(few), strict=True)
    ]
    reached = set(topological_order([x for x in losses if isinstance(x, Value)], nodes_of))
    for part in Module.modules(engine.model):  # the rows of a table that others choose
        if isinstance(part, Embedding) and not reached.isdisjoint(part.parameters()):
            reached.update(part.parameters())
    missing = [p for p in trained if p not in reached]
    if missing:
        names = [p.name for p in missing if p.name][:3]
        shown = (
            f" ({', '.join(names)}{', …' if len(missing) > len(names) else ''})" if names else ""
        )
        warn(
            f"{len(missing)} parameters{shown} never receive a gradient, since the loss does not "
            "depend on them: use them in the model's __call__, without .data or .item(), or "
            "freeze() them"
        )


def _check_rate(engine: Engine, optimizer: SGD) -> None:
    """Warn if gradient descent diverges, by the curvature of the loss and by trying it.

    A loss may flatten out where a quadratic goes on rising, and many a training does well with a
    learning rate somewhat above the limit. So it is tried before anything is said.
    """
    params = optimizer.trained()[0]
    n, is_eager = len(engine.samples), isinstance(engine, EagerEngine)
    most, iterations = (16, 5) if is_eager else (64, 20)
    indices = list(range(0, n, math.ceil(n / most)))
    largest = curvature(engine, params, indices, iterations)
    bound = limit(largest + optimizer.weight_decay, optimizer.momentum, optimizer.nesterov)
    if not optimizer.lr > bound:
        return
    first, last = _tried(engine, optimizer, params, indices)
    if not last <= first:
        warn(
            f"the learning rate {optimizer.lr:g} is above {bound:.3g}, the limit beyond which "
            f"gradient descent diverges where the loss is as curved as here (λ = {largest:.3g} is "
            f"the largest eigenvalue of its Hessian), and in {_TRIAL} steps the loss goes from "
            f"{first:.3g} to {last:.3g}: try lr={bound / 2.0:.1g}"
        )


def _tried(
    engine: Engine, optimizer: SGD, params: list[Value], indices: Sequence[int]
) -> tuple[float, float]:
    """Return the loss before and after some steps of gradient descent, of which nothing remains."""
    trial = SGD(params, **optimizer.options())
    before = theta = read(params)
    try:
        first, _, gradient = engine.gradient(theta, indices)
        last = first
        for _ in range(_TRIAL):
            theta = trial.updated(theta, gradient, slice(None))
            last, _, gradient = engine.gradient(theta, indices)
    finally:
        write(params, before)
    return first, last


def limit(largest: float, momentum: float = 0.0, nesterov: bool = False) -> float:
    """Return the learning rate beyond which gradient descent diverges in a quadratic.

    Along an eigenvector of the Hessian with the eigenvalue λ a step multiplies the distance to the
    minimum by 1 - ηλ, so that it shrinks if η < 2/λ. With momentum μ the limit is 2(1 + μ)/λ, with
    Nesterov's variant 2(1 + μ)/((1 + 2μ)λ), λ being the largest eigenvalue.

    >>> round(limit(3.0), 6), limit(-1.0)
    (0.666667, inf)
    """
    if not largest > 0.0:
        return math.inf
    return 2.0 * (1.0 + momentum) / largest / (1.0 + 2.0 * momentum if nesterov else 1.0)


def curvature(
    engine: Engine, params: list[Value], indices: Sequence[int], iterations: int
) -> float:
    """Return the largest eigenvalue of the Hessian of the mean loss of samples, from below.

    By power iteration: a vector multiplied by the Hessian again and again turns to the eigenvector
    whose eigenvalue is the largest in size. A product H v is the rate at which the gradient
    changes in the direction v; of a quadratic it is exact. At most so many iterations compute one
    each; the parameters keep their numbers.
    """
    theta = read(params)
    vector = np.random.default_rng(0).normal(size=len(theta))
    step = 1e-5 * max(1.0, float(np.linalg.norm(theta)))
    largest = 0.0
    try:
        here = engine.gradient(theta, indices)[2]
        for _ in range(iterations):
            vector /= np.linalg.norm(vector)
            product = (engine.gradient(theta + step * vector, indices)[2] - here) / step
            if not (np.isfinite(product).all() and product.any()):
                break
            before, largest = largest, float(vector @ product)
            if math.isclose(before, largest, rel_tol=1e-4):
                break
            vector = product
    finally:
        write(params, theta)
    return largest
