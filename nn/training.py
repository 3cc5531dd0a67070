"""Training: gradient descent on minibatches, and all that belongs to it."""

from __future__ import annotations

import math
import operator
import os
import random
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from autograd import Value, fsum, no_grad
from autograd.backward import collector_paused
from nn.callbacks import Callback, Checkpoint
from nn.data import batches
from nn.diagnostics import decision_threshold, predicted_class
from nn.history import Epoch, History, described
from nn.layers import MLP, count
from nn.losses import binary_cross_entropy, cross_entropy, hinge_loss, mae_loss, mse_loss
from nn.module import Frozen, Module
from nn.optim import SGD, Adam, AdamW, Optimizer, clip_grad_norm
from nn.run import Run
from nn.samples import Samples, checked, set_aside
from nn.schedules import Schedule

if TYPE_CHECKING:
    from tqdm import tqdm

__all__ = ["LOSSES", "OPTIMIZERS", "fit"]

Loss = Callable[[Any, Any], Any]

LOSSES: dict[str, Loss] = {
    loss.__name__: loss
    for loss in (cross_entropy, binary_cross_entropy, hinge_loss, mse_loss, mae_loss)
}
"""The losses by name."""

OPTIMIZERS: dict[str, Callable[..., Optimizer]] = {"sgd": SGD, "adam": Adam, "adamw": AdamW}
"""The optimisers by name."""

BatchGradient = Callable[[Sequence[Any], Sequence[Any]], tuple[float, list[Any]]]


def fit(
    model: Module,
    X: Any,
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
    if not isinstance(model, Module):
        raise TypeError(f"model must be a Module, such as an MLP, not {model!r}")
    epochs, batch_size = count("epochs", epochs), count("batch_size", batch_size)
    criterion = _named(LOSSES, loss, "loss") if isinstance(loss, str) else loss
    schedule, lr = (lr, lr(0.0)) if callable(lr) else (None, lr)
    rng = random.Random(seed)
    samples, held_out = set_aside(checked(X, y), validation, rng)
    if criterion not in (mse_loss, mae_loss):
        samples, held_out = samples.classified(model), held_out.classified(model)
    run = Run(
        model,
        _optimizer(optimizer, model, lr),
        epochs,
        measured=(*_quantities(samples), *[f"val_{name}" for name in _quantities(held_out)]),
        callbacks=sorted(callbacks, key=lambda callback: isinstance(callback, Checkpoint)),
        rng=rng,
        identity={
            "model": repr(model) if isinstance(model, MLP) else type(model).__name__,
            "loss": getattr(criterion, "__name__", type(criterion).__name__),
            "batch_size": batch_size,
            "seed": seed,
            "the fingerprint of X, y and validation": samples.fingerprint(),
        },
    )
    if resume is not None:
        run.resume(resume)
    gradient = eager_gradient(model, criterion)
    n_batches = math.ceil(len(samples) / batch_size)
    with _progress_bar(run, n_batches, shown=progress) as bar:
        for callback in run.callbacks:
            callback.on_train_begin(run)
        while len(run.history) < epochs and not run.stopped:
            with run.whole_epoch(), collector_paused():
                started = time.perf_counter()
                trained = _train(run, samples, batch_size, gradient, schedule, max_grad_norm, bar)
                validated = _evaluate(model, criterion, held_out)
                run.history.append(
                    Epoch(
                        epoch=len(run.history) + 1,
                        **trained,
                        **{f"val_{name}": value for name, value in validated.items()},
                        lr=run.optimizer.lr,
                        seconds=time.perf_counter() - started,
                    )
                )
                bar.set_postfix_str(described(run.last()))
            for callback in run.callbacks:
                callback.on_epoch_end(run)
        for callback in run.callbacks:
            callback.on_train_end(run)
    run.optimizer.zero_grad()
    return run.history


# --- an epoch -------------------------------------------------------------------------------------


def eager_gradient(model: Module, loss: Loss) -> BatchGradient:
    """Make the function that computes the gradient of a minibatch, with the engine as it is.

    Up to 16 samples share a graph, so that one backward pass visits each parameter once for all of
    them: that takes two thirds of the time of a pass per sample. More would hardly be faster, and
    the memory that a graph takes stays bounded for any batch size.

    Args:
        model: the model.
        loss: the loss of one sample.

    Returns:
        A function of the inputs and the targets of a minibatch. It adds the gradient of their mean
        loss to the `grad` of the parameters, and returns that loss and the outputs, as floats.

    >>> from nn import MLP, mse_loss
    >>> model = MLP(1, [1], init=lambda n_in, n_out, *, rng: [2.0])
    >>> eager_gradient(model, mse_loss)([[1.0], [3.0]], [0.0, 0.0])
    (20.0, [2.0, 6.0])
    >>> [p.grad for p in model.parameters()]
    [20.0, 8.0]
    """

    def gradient(X: Sequence[Any], y: Sequence[Any]) -> tuple[float, list[Any]]:
        total = 0.0
        numbers: list[Any] = []
        for start in range(0, len(X), 16):
            outputs = [model(x) for x in X[start : start + 16]]
            part = fsum(map(loss, outputs, y[start : start + 16]))
            if not isinstance(part, Value):
                raise TypeError(
                    f"loss must return a Value that depends on the output of the model, not {part}"
                )
            part.backward(1.0 / len(X))
            total += part.data
            numbers += map(_numbers, outputs)
        return total / len(X), numbers

    return gradient


def _train(
    run: Run,
    samples: Samples,
    batch_size: int,
    gradient: BatchGradient,
    schedule: Schedule | None,
    max_grad_norm: float,
    bar: tqdm[Any],
) -> dict[str, float]:
    """Go through all samples once, in minibatches, and return what was measured."""
    optimizer, tally = run.optimizer, _Tally(run.model)
    epoch = len(run.history)
    minibatches = list(batches(len(samples), batch_size, rng=run.rng))
    for i, indices in enumerate(minibatches):
        if schedule is not None:
            optimizer.lr = schedule(epoch + i / len(minibatches))
        batch = samples.subset(indices)
        optimizer.zero_grad()
        loss, outputs = gradient(batch.X, batch.y)
        norm = clip_grad_norm(optimizer.params, max_grad_norm)
        if not (math.isfinite(loss) and math.isfinite(norm)):
            raise _diverged(loss, norm, f"epoch {epoch + 1}, batch {i + 1}", optimizer.lr, batch)
        optimizer.step()
        tally.add(loss, outputs, batch.classes)
        bar.set_description(f"epoch {epoch + 1}/{run.epochs}", refresh=False)
        bar.set_postfix_str(described({**tally.means(), **run.last("val_")}), refresh=False)
        bar.update()
    return tally.means()


def _evaluate(model: Module, loss: Loss, samples: Samples) -> dict[str, float]:
    """Measure on samples that are not trained on; nothing, if there are none."""
    if not samples:
        return {}
    tally = _Tally(model)
    with no_grad():
        outputs = [model(x) for x in samples.X]
        total = fsum(map(loss, outputs, samples.y))
    tally.add(_numbers(total) / len(samples), outputs, samples.classes)
    return tally.means()


class _Tally:
    """The mean loss and the share classified rightly, over the samples seen so far."""

    def __init__(self, model: Module) -> None:
        self._threshold = decision_threshold(model)
        self._n = 0
        self._loss = 0.0
        self._right: int | None = None

    def add(self, loss: float, outputs: Sequence[Any], classes: list[int] | None) -> None:
        """Count samples, given their mean loss and, for each, the output and the class if any."""
        self._n += len(outputs)
        self._loss += loss * len(outputs)
        if classes is not None:
            predictions = [predicted_class(output, self._threshold) for output in outputs]
            right = sum(map(operator.eq, predictions, classes))
            self._right = (self._right or 0) + right

    def means(self) -> dict[str, float]:
        """Return the means by the names that they have in `Epoch`."""
        means = {"loss": self._loss / self._n}
        if self._right is not None:
            means["accuracy"] = self._right / self._n
        return means


def _quantities(samples: Samples) -> list[str]:
    """Name what is measured on samples."""
    return ["loss", "accuracy"][: 0 if not samples else 1 if samples.classes is None else 2]


def _diverged(
    loss: float, norm: float, place: str, lr: float, batch: Samples
) -> FloatingPointError:
    """Make the error for a loss or a gradient that is not finite."""
    what = f"loss is {loss}" if not math.isfinite(loss) else f"norm of the gradient is {norm}"
    largest = max(max(map(abs, x)) if isinstance(x, list) else abs(x) for x in batch.X)
    scale = f"; or scale the inputs, which reach {largest:.3g}: see nn.data.standardise"
    return FloatingPointError(
        f"{place}: the {what}. The learning rate {lr:g} is probably too high: try {lr / 10:g}"
        f"{scale if largest > 10.0 else ''}. The model is left as it was after the last epoch"
    )


# --- arguments ------------------------------------------------------------------------------------


def _optimizer(optimizer: str | Optimizer, model: Module, lr: float | None) -> Optimizer:
    """Make the optimiser, or check that it is one for this model."""
    parameters = model.parameters()
    if isinstance(optimizer, str):
        make = _named(OPTIMIZERS, optimizer, "optimizer")
        if lr is None and make is SGD:
            raise ValueError(
                'the optimizer "sgd" has no learning rate of its own: pass lr=0.1, say'
            )
        made: Optimizer = make(parameters) if lr is None else make(parameters, lr=lr)
        optimizer = made
    elif not isinstance(optimizer, Optimizer):
        raise TypeError(f"optimizer must be a name or an optimiser, not {optimizer!r}")
    elif not set(optimizer.params) <= set(parameters):
        raise ValueError(
            "the optimizer has parameters that the model has not: make it after the model, from "
            "model.parameters()"
        )
    elif lr is not None:
        optimizer.lr = lr
    if all(isinstance(p, Frozen) for p in optimizer.params):
        raise ValueError("all parameters are frozen, so there is nothing to train: see unfreeze()")
    return optimizer


def _named(table: Mapping[str, Any], name: str, what: str) -> Any:
    """Look up a loss or an optimiser."""
    if name not in table:
        raise ValueError(f"{what} must be one of {', '.join(table)}, not {name!r}")
    return table[name]


# --- helpers --------------------------------------------------------------------------------------


def _numbers(output: Any) -> Any:
    """Turn what a model returns into floats."""
    if isinstance(output, list):
        return [v.data if isinstance(v, Value) else v for v in output]
    return output.data if isinstance(output, Value) else output


def _progress_bar(run: Run, n_batches: int, *, shown: bool) -> tqdm[Any]:
    """Make a progress bar that counts minibatches."""
    from tqdm import tqdm

    bar: tqdm[Any] = tqdm(
        total=run.epochs * n_batches,
        initial=len(run.history) * n_batches,
        disable=not shown,
        unit="batch",
        dynamic_ncols=True,
        mininterval=0.25,
    )
    return bar
