"""What the commands of `python -m nn` do: train, show, predict."""

from __future__ import annotations

import argparse
import csv
import io
import math
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import autograd
from autograd import Value, no_grad
from autograd.files import write_atomically
from nn import diagnostics, plot, saving
from nn.callbacks import Checkpoint
from nn.data import Dataset, Standardiser, load, load_csv, train_test_split
from nn.history import History
from nn.layers import MLP
from nn.report import aligned, confusion_table, neuron_graph, save_figure
from nn.schedules import Cosine
from nn.task import REGRESSION, Task, as_numbers
from nn.training import LOSSES, OPTIMIZERS, fit

__all__ = ["Interrupted", "predict", "show", "train"]


class Interrupted(KeyboardInterrupt):
    """The user pressed Ctrl-C during a training that can be resumed."""


# --- train ----------------------------------------------------------------------------------------


def train(options: argparse.Namespace) -> None:
    """Train a network, test it, and write it and pictures of it.

    Args:
        options: those of the command line, see `nn.cli`.

    Raises:
        ValueError: an option or a file does not fit.
        OSError: a file cannot be read or written.
        FloatingPointError: the training diverged.
        Interrupted: the user pressed Ctrl-C.
    """
    dataset = _dataset(options)
    digits = options.data == "digits"
    training, test = train_test_split(dataset, seed=options.seed)
    grey = Standardiser((8.0,) * 64, (8.0,) * 64) if digits else None  # 0 … 16 becomes -1 … 1
    task = Task.of(training, loss=options.loss, label=options.label, inputs=grey)
    sizes = options.layers if options.layers is not None else (64, 16) if digits else (16, 16)
    model = MLP(
        dataset.n_features, [*sizes, task.n_outputs], options.activation, seed=options.seed
    )

    out = options.out or Path("runs", dataset.name)
    out.mkdir(parents=True, exist_ok=True)
    print(f"{dataset!r}: {len(training)} to train with, {len(test)} to test")
    print(f"\n{model.summary()}\n", flush=True)
    history = _fit(options, model, *task.encode(training), task.loss, out / "checkpoint.json")

    measured = _test(model, task, test)
    seconds = sum(epoch.seconds for epoch in history)
    print(f"{len(history)} epochs in {seconds:.0f} s\n\n{_results(history, measured)}\n")
    saving.save(
        model,
        out / "model.json",
        {
            "task": task.to_dict(),
            "training": {
                "data": options.data,
                "samples": len(training),
                "optimizer": options.optimizer,
                "learning rate": options.lr,
                "batch size": options.batch_size,
                "epochs": len(history),
                "seed": options.seed,
            },
            "test": {"samples": len(test), **measured},
        },
    )
    history.to_csv(out / "history.csv")
    save_figure(plot.learning_curves(history.columns()), out / "learning_curves.png")
    written = ["model.json", "history.csv", "learning_curves.png"]
    if task.class_names:
        written += _picture_classes(model, task, dataset, test, out, samples=digits)
    written += _draw_neuron(model, task, test, out)
    print("\n".join(["written:", *[f"  {out / name}" for name in written]]))


def _test(model: MLP, task: Task, test: Dataset) -> dict[str, float]:
    """Measure how good the network is on samples that it has never seen."""
    X, y = task.encode(test)
    if task.class_names:
        return {"accuracy": diagnostics.accuracy(model, X, y)}
    answers = [task.answer(outputs)[0] for outputs in _outputs(model, X)]
    return {"root mean square error": _root_mean_square_error(answers, test.y)}


def _results(history: History, test: dict[str, float]) -> str:
    """Lay out what the last epoch and the test gave."""
    last = history[-1]
    if last.accuracy is None: ...


def _dataset(options: argparse.Namespace) -> Dataset:
    """Load the data."""
    is_file = options.data.lower().endswith(".csv")
    if options.label != -1 and not is_file:
        raise ValueError(f"--label is for CSV files, and {options.data} is none: leave it out")
    dataset = (
        load_csv(options.data, label=options.label)
        if is_file
        else load(options.data, seed=options.seed)
    )
    return as_numbers(dataset) if options.loss in REGRESSION and dataset.class_names else dataset


def _fit(
    options: argparse.Namespace,
    model: MLP,
    X: list[list[float]],
    y: list[Any],
    loss: str,
    checkpoint: Path,
) -> History:
    """Train, or go on with it."""
    epochs = options.epochs or (20 if options.data == "digits" else 100)
    decay = options.weight_decay
    if decay is None:
        decay = 0.1 if options.optimizer == "adamw" else 0.0
    if options.resume and not checkpoint.exists():
        raise ValueError(f"there is no {checkpoint} to go on from: leave out --resume")
    try:
        return fit(
            model,
            X,
            y,
            loss,
            OPTIMIZERS[options.optimizer](
                model.parameters(), lr=options.lr, weight_decay=decay
            ),
            epochs,
            options.batch_size,
            validation=0.1 if len(X) >= 10 else None,
            callbacks=[Checkpoint(checkpoint)],
            lr=Cosine(options.lr, epochs),
            seed=options.seed,
            resume=checkpoint if options.resume else None,
        )
    except KeyboardInterrupt:
        raise Interrupted from None
