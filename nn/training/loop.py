"""Training: gradient descent on minibatches, and all that belongs to it."""

from __future__ import annotations

import math
import os
import random
import time
import warnings
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

import autograd
from autograd import Value
from autograd.engine import collector_paused
from autograd.errors import TraceError
from nn.data import Stream
from nn.layers import MLP, count
from nn.losses import binary_cross_entropy, cross_entropy, hinge_loss, mae_loss, mse_loss
from nn.mistakes import each_once, named, renamed, warn
from nn.module import Frozen, Module
from nn.optim import SGD, Adam, AdamW, Optimizer, checked_norm
from nn.predictions import decision_threshold, predicted_classes
from nn.schedules import Schedule
from nn.training.callbacks import Checkpoint
from nn.training.compiled import CompiledEngine
from nn.training.engines import Course, EagerEngine, Engine, Loss
from nn.training.history import Epoch, History, described
from nn.training.precautions import check_before_training
from nn.training.run import Callback, Run
from nn.training.samples import Samples, Streamed, checked, first_of, names_of, set_aside

if TYPE_CHECKING:
    from tqdm import tqdm

_OF_CLASSES = (cross_entropy, binary_cross_entropy, hinge_loss)

LOSSES: dict[str, Loss] = {loss.__name__: loss for loss in (*_OF_CLASSES, mse_loss, mae_loss)}
"""The losses by name."""

OPTIMIZERS: dict[str, Callable[..., Optimizer]] = {"sgd": SGD, "adam": Adam, "adamw": AdamW}
"""The optimisers by name."""


@renamed(
    learning_rate="lr",
    validation_data="validation",
    validation_split="validation",
    verbose="progress",
    schedule="lr",
    scheduler="lr",
    momentum="optimizer",
    weight_decay="optimizer",
)
@each_once
def fit(
    model: Module,
    X: Any,
    y: Any = None,
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
    compile: bool = True,  # noqa: A002 - what it is called in every library
    backend: str = "numpy",
    devices: int | None = None,
) -> History:
    """Train a model: θ ← θ - η ∇L for each minibatch, whose loss L is the mean over its samples.

    The model and the loss are compiled, see `autograd.compile`: traced once, for stand-ins, they
    become array code that runs over a whole minibatch. What cannot be compiled, such as `if v > 0`,
    runs on the eager engine, with a warning that says why.

    The same arguments give the same numbers, and but for rounding the same by both engines. An
    epoch happens as a whole or not at all: if an error or Ctrl-C cuts one short, the model is left
    as it was after the one before.

    Args:
        model: the model; it is changed. Frozen parameters stay as they are.
        X: n samples, each a number or nested lists of numbers; a NumPy array or a DataFrame will
            do, and so will a stream of data that do not fit into memory (see `nn.data.stream`).
        y: n targets, as the loss wants them: class indices, numbers, or lists of numbers; a stream
            has its own. For the losses of classification they may be names: class k is then the
            k-th in alphabetical order, and `predict` gives names.
        loss: the name of a loss in `nn.losses`, or a function of the output for one sample and its
            target that returns a Value.
        optimizer: "sgd", "adam" or "adamw", or an optimiser of the model's parameters.
        epochs: how often to go through all samples; if a run is resumed, those of the whole run.
        batch_size: the number of samples in a minibatch; the last one of an epoch may have fewer.
        validation: samples and targets that are not trained on but evaluated after each epoch; or
            the share of the samples, between 0 and 1, to set aside for that.
        callbacks: see `nn.training.callbacks`.
        lr: the learning rate η, or a schedule (see `nn.schedules`); by default the optimiser's own.
        max_grad_norm: the greatest norm of the gradient, see `clip_grad_norm`.
        seed: the seed of the order of the samples, of the share set aside, and of `Dropout`.
        progress: whether to show a progress bar, on standard error.
        resume: the file of a `Checkpoint` to go on from; it does not matter whether that run was
            compiled.
        compile: whether to compile; the eager engine, which follows the scalar code as it stands,
            is slower by a factor of about a thousand.
        backend: who runs what was compiled: "numpy"; or "jax", with which XLA runs an epoch in one
            call, in one to two thirds of the time, after a second or two for compiling.
        devices: with "jax", how many devices share each minibatch, for the same numbers but for
            rounding; by default one or, of several processes (see `jax.distributed`), all.

    Returns:
        What was measured in each epoch, and by which engine. There are accuracies if the loss is
        one for classification, or your own, and the targets are classes.

    Raises:
        ValueError: an argument does not fit; or the checkpoint is damaged or of another run.
        ImportError: the backend needs a library that is not installed.
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
    if isinstance(callbacks, Callback):
        raise TypeError(f"callbacks must be a list: [{type(callbacks).__name__}(…)]")
    callbacks = sorted(callbacks, key=lambda callback: isinstance(callback, Checkpoint))
    for callback in callbacks:
        if not isinstance(callback, Callback):
            raise TypeError(
                "a callback is an object of a class derived from nn.Callback, such as "
                f"nn.EarlyStopping(), not {callback!r}: what is to happen after each epoch is its "
                "method on_epoch_end(self, run)"
            )
    epochs, batch_size = count("epochs", epochs), count("batch_size", batch_size)
    max_grad_norm = checked_norm(max_grad_norm)
    criterion = loss_called(loss)
    schedule, lr = (lr, lr(0.0)) if callable(lr) else (None, lr)
    rng = random.Random(seed)
    stream = X if isinstance(X, Stream) else None
    samples = checked(X, y) if stream is None else first_of(stream, y, validation)
    names = names_of(samples.y) if criterion in _OF_CLASSES else ()
    samples, held_out = set_aside(samples, validation, rng)
    if isinstance(model, MLP):
        samples.check_width(model, "X")
        held_out.check_width(model, "validation X")
    samples, held_out = (
        part.numbered(model, names, two_signs=criterion is hinge_loss)
        for part in (samples, held_out)
    )
    model.class_names, model.regression = names, criterion in (mse_loss, mae_loss)
    if not model.regression:
        samples, held_out = samples.classified(model), held_out.classified(model)
    run = Run(
        model,
        _optimizer(optimizer, model, lr),
        epochs,
        measured=(*_quantities(samples), *[f"val_{name}" for name in _quantities(held_out)]),
        callbacks=callbacks,
        rng=rng,
        identity={
            "model": repr(model) if isinstance(model, MLP) else type(model).__name__,
            "loss": getattr(criterion, "__name__", type(criterion).__name__),
            "batch_size": batch_size,
            "seed": seed,
            "the fingerprint of X, y and validation": (stream or samples).fingerprint(),
        },
    )
    if resume is not None:
        run.resume(resume)
    make = _engine(compile, backend, devices)
    engine = make(model, criterion, samples, held_out, rng)
    source = samples if stream is None else Streamed(stream, samples, model)
    n_batches = math.ceil(len(source) / batch_size)
    rows: Any = None
    with _progress_bar(run, n_batches, shown=progress) as bar, ExitStack() as end:
        end.callback(run.optimizer.zero_grad)
        end.callback(lambda: engine.settle())  # that which there is by then
        for callback in run.callbacks:
            callback.on_train_begin(run)
        while len(run.history) < epochs and not run.stopped:
            with collector_paused(), np.errstate(all="ignore"):
                started = time.perf_counter()
                if rows is None or run.callbacks:  # which may have changed the model
                    params, rows = run.optimizer.trained()
                    engine = _begun(engine, params)
                    run.history.engine = engine.name
                    if not run.history:
                        check_before_training(engine, run.optimizer)
                with run.whole_epoch(engine):
                    trained = _train(
                        run, engine, source, rows, batch_size, schedule, max_grad_norm, bar
                    )
                    validated = _evaluate(engine)
                    run.history.append(
                        Epoch(
                            epoch=len(run.history) + 1,
                            **trained,
                            **{f"val_{name}": value for name, value in validated.items()},
                            lr=run.optimizer.lr,
                            seconds=time.perf_counter() - started,
                        )
                    )
                    bar.set_postfix_str(described(run.last()), refresh=False)
            for callback in run.callbacks:
                engine.settle()
                callback.on_epoch_end(run)
        for callback in run.callbacks:
            callback.on_train_end(run)
    return run.history


# --- an epoch -------------------------------------------------------------------------------------


def _engine(compiles: bool, backend: str, devices: int | None) -> Callable[..., Engine]:
    """Choose the engine; raise if there is no such backend."""
    autograd.compile(autograd.square, backend=backend)
    if compiles and backend == "jax":
        from nn.training.scanned import Scanned

        return partial(Scanned, devices=None if devices is None else count("devices", devices))
    if backend != "numpy":
        raise ValueError(f'backend="{backend}" runs compiled code: leave compile=False out')
    if devices is not None:
        raise ValueError('devices is for compiled code and backend="jax": leave it out')
    return CompiledEngine if compiles else EagerEngine


def _begun(engine: Engine, params: list[Value]) -> Engine:
    """Get an engine ready for an epoch; if it cannot do it, give one that can."""
    try:
        engine.begin(params)
    except TraceError as error:
        warn(
            f"fit trains with the eager engine, which is slower, since compiling failed: {error}. "
            "With compile=False there is no warning",
            RuntimeWarning,
        )
        engine = EagerEngine(engine.model, engine.loss, engine.samples, engine.held_out, engine.rng)
        engine.begin(params)
    return engine


def _train(
    run: Run,
    engine: Engine,
    source: Samples | Streamed,
    rows: Any,
    batch_size: int,
    schedule: Schedule | None,
    max_grad_norm: float,
    bar: tqdm[Any],
) -> dict[str, float]:
    """Go through all samples once, in minibatches, and return what was measured."""
    optimizer, tally = run.optimizer, _Tally(run.model)
    epoch = len(run.history)
    bar.set_description(f"epoch {epoch + 1}/{run.epochs}, {engine.name}", refresh=False)
    n_batches = math.ceil(len(source) / batch_size)
    done = 0
    for samples, minibatches in source.epoch(batch_size, run.rng):
        engine.take(samples)
        rates = [
            optimizer.lr if schedule is None else schedule(epoch + (done + i) / n_batches)
            for i in range(len(minibatches))
        ]
        course = Course(minibatches, rates, optimizer, rows, max_grad_norm)
        for indices, (loss, norm, outputs) in zip(minibatches, engine.epoch(course), strict=True):
            done += 1
            if not (math.isfinite(loss) and math.isfinite(norm)):
                batch = samples.inputs(indices)
                raise _diverged(loss, norm, f"epoch {epoch + 1}, batch {done}", optimizer.lr, batch)
            classes = None if samples.classes is None else samples.classes[indices]
            tally.add(loss, len(indices), outputs, classes)
            if bar.update():
                bar.set_postfix_str(described({**tally.means(), **run.last("val_")}))
    return tally.means()


def _evaluate(engine: Engine) -> dict[str, float]:
    """Measure on samples that are not trained on; nothing, if there are none."""
    held_out, tally = engine.held_out, _Tally(engine.model)
    if not held_out:
        return {}
    loss, outputs = engine.evaluate()
    tally.add(loss, len(held_out), outputs, held_out.classes)
    return tally.means()


class _Tally:
    """The mean loss and the share classified rightly, over the samples seen so far."""

    def __init__(self, model: Module) -> None:
        self._threshold = decision_threshold(model)
        self._n = 0
        self._loss = 0.0
        self._right: int | None = None
        self._outputs: list[Any] = []  # those not yet looked at, which is faster for many at once
        self._classes: list[Any] = []

    def add(self, loss: float, n: int, outputs: Any, classes: Any) -> None:
        """Count n samples: their mean loss, and the outputs if there are classes."""
        self._n += n
        self._loss += loss * n
        if classes is not None:
            self._outputs.append(outputs)
            self._classes.append(classes)
        if len(self._classes) == _MANY:
            self._look()

    def means(self) -> dict[str, float]:
        """Return the means by the names that they have in `Epoch`."""
        means = {"loss": self._loss / self._n}
        if self._classes:
            self._look()
        if self._right is not None:
            means["accuracy"] = self._right / self._n
        return means

    def _look(self) -> None:
        """Count which of the outputs so far are right."""
        outputs, classes = map(np.concatenate, (self._outputs, self._classes))
        right = predicted_classes(outputs, self._threshold) == classes
        self._right = (self._right or 0) + int(right.sum())
        self._outputs, self._classes = [], []


_MANY = 100  # minibatches, whose outputs are kept at most


def _quantities(samples: Samples) -> list[str]:
    """Name what is measured on samples."""
    return ["loss", "accuracy"][: 0 if not samples else 1 if samples.classes is None else 2]


def _diverged(
    loss: float, norm: float, place: str, lr: float, inputs: list[Any]
) -> FloatingPointError:
    """Make the error for a loss or a gradient that is not finite."""
    what = f"loss is {loss}" if not math.isfinite(loss) else f"norm of the gradient is {norm}"
    largest = max(max(map(abs, x)) if isinstance(x, list) else abs(x) for x in inputs)
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
        make = named(OPTIMIZERS, optimizer, "optimizer")
        if lr is None and make is SGD:
            raise ValueError(
                'the optimizer "sgd" has no learning rate of its own: pass lr=0.1, say'
            )
        made: Optimizer = make(parameters) if lr is None else make(parameters, lr=lr)
        optimizer = made
    elif not isinstance(optimizer, Optimizer):
        raise TypeError(f"optimizer must be a name, or made as Adam(params), not {optimizer!r}")
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


def loss_called(loss: str | Loss) -> Loss:
    """Return the loss of a name, or the function that was given instead."""
    found: Loss = named(LOSSES, loss, "loss") if isinstance(loss, str) else loss
    return found


# --- helpers --------------------------------------------------------------------------------------


def _progress_bar(run: Run, n_batches: int, *, shown: bool) -> tqdm[Any]:
    """Make a progress bar that counts minibatches."""
    from tqdm import TqdmWarning

    with warnings.catch_warnings():  # of ipywidgets that are not there: then the bar is of text
        warnings.simplefilter("ignore", TqdmWarning)
        from tqdm.auto import tqdm

    bar: tqdm[Any] = tqdm(
        total=run.epochs * n_batches,
        initial=len(run.history) * n_batches,
        disable=not shown,
        unit="batch",
        dynamic_ncols=True,
        mininterval=0.25,
    )
    return bar
