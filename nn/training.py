"""Training: gradient descent on minibatches, and all that belongs to it."""

from __future__ import annotations

import gc
import hashlib
import json
import math
import operator
import os
import random
import time
from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from autograd import Value, fsum, no_grad
from autograd.errors import as_float
from nn import losses
from nn.callbacks import Callback, Checkpoint
from nn.data import batches
from nn.diagnostics import _threshold, predicted_class, target_class
from nn.history import Epoch, History
from nn.module import Frozen, Module
from nn.optim import SGD, Adam, AdamW, Optimizer, clip_grad_norm
from nn.schedules import Schedule

__all__ = ["OPTIMIZERS", "Run", "eager_gradient", "fit"]

OPTIMIZERS: dict[str, type[Optimizer]] = {"sgd": SGD, "adam": Adam, "adamw": AdamW}
"""The optimisers by name."""

Loss = Callable[[Any, Any], Any]

BatchGradient = Callable[[Sequence[Any], Sequence[Any]], tuple[float, list[Any]]]


def fit(
    model: Module,
    X: Any,  # noqa: N803 - a matrix, as in the lecture
    y: Any,
    loss: str | Loss = "cross_entropy",
    optimizer: str | Optimizer = "adam",
    epochs: int = 10,
    batch_size: int = 32,
    validation: tuple[Any, Any] | float | None = None,
    callbacks: Sequence[Callback] = (),
    *,
    lr: float | Schedule | None = None,
    max_grad_norm: float = math.inf,
    seed: int = 0,
    progress: bool = True,
    resume: str | os.PathLike[str] | None = None,
) -> History:
    """Train a model: θ ← θ - η ∇L for each minibatch, whose loss L is the mean over its samples.

    The same arguments give the same numbers. An epoch happens as a whole or not at all: if an error
    or Ctrl-C cuts one short, the model is left as it was after the one before.

    Args:
        model: the model; it is changed. Frozen parameters stay as they are.
        X: n samples, each a list of d numbers; a NumPy array will do.
        y: n targets, as the loss wants them: class indices, numbers, or lists of numbers.
        loss: the name of a loss in `nn.losses`, or a function of the output for one sample and its
            target that returns a Value.
        optimizer: "sgd", "adam" or "adamw", or an optimiser of the model's parameters.
        epochs: how often to go through all samples; if a run is resumed, those of the whole run.
        batch_size: the number of samples in a minibatch; the last one of an epoch may have fewer.
        validation: samples and targets that are not trained on but evaluated after each epoch; or
            the share of the samples, between 0 and 1, to set aside for that.
        callbacks: see `nn.callbacks`.
        lr: the learning rate η, or a schedule (see `nn.schedules`); by default the optimiser's own.
        max_grad_norm: the greatest norm of the gradient, see `clip_grad_norm`.
        seed: the seed of the order of the samples and of the share set aside.
        progress: whether to show a progress bar, on standard error.
        resume: the file of a `Checkpoint` to go on from.

    Returns:
        What was measured in each epoch. There are accuracies if the loss is one for classification,
        or your own, and the targets are classes.

    Raises:
        ValueError: an argument does not fit; or the checkpoint is damaged or of another run.
        TypeError: an argument is of the wrong kind.
        FloatingPointError: the loss or its gradient became infinite or nan.

    >>> from nn import MLP
    >>> model = MLP(2, [4, 1], activation="tanh", seed=0)
    >>> X, y = [[0, 0], [0, 1], [1, 0], [1, 1]], [0, 1, 1, 0]
    >>> history = fit(model, X, y, loss="binary_cross_entropy", epochs=100, lr=0.1, progress=False)
    >>> history[-1].accuracy
    1.0
    """
