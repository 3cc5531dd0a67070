"""What the commands of `python -m nn` do: train, show, predict.

Each takes the options of `nn.command.cli`, which turns errors into a line and an exit status.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import io
import math
import signal
import sys
import time
import warnings
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import Any

import autograd
import nn  # for `nn.plot`, which loads Matplotlib when first used
from autograd import notation
from autograd.files import write_atomically
from nn import predictions, saving
from nn.command.report import confusion_table, neuron_graph, output_graph, save_figure
from nn.command.task import REGRESSION, Answer, Task
from nn.data import Dataset, Standardiser, load, load_csv, train_test_split
from nn.forward import outputs
from nn.layers import MLP
from nn.schedules import Cosine
from nn.training import LOSSES, OPTIMIZERS, Checkpoint, History, described, fit, joined


class Interrupted(KeyboardInterrupt):
    """The user pressed Ctrl-C during a training that can be resumed."""


# --- train ----------------------------------------------------------------------------------------


def train(options: argparse.Namespace) -> None:
    """Train a network, test it, and write it and pictures of it."""
    dataset = _dataset(options)
    training, test = _split(dataset, options.seed)
    digits = options.data == "digits"
    grey = Standardiser((8.0,) * 64, (8.0,) * 64) if digits else None  # 0 … 16 becomes -1 … 1
    task = Task.of(training, loss=options.loss, label=options.label, inputs=grey)
    sizes = options.layers if options.layers is not None else (64, 32) if digits else (16, 16)
    model = MLP(dataset.n_features, [*sizes, task.n_outputs], options.activation, seed=options.seed)
    out = options.out or Path("runs", dataset.name)
    checkpoint = out / "checkpoint.json"
    if options.resume and not checkpoint.exists():
        raise ValueError(f"there is no {checkpoint} to go on from: leave out --resume")
    if out.exists() and not out.is_dir():
        raise ValueError(f"{out} is a file: choose a folder with --out")
    X, y = task.encode(training)
    if options.process:  # one of those that help process 0, which says what there is to say
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            _fit(options, model, X, y, task.loss, checkpoint)
        return
    out.mkdir(parents=True, exist_ok=True)
    print(f"{dataset!r}\n{len(training)} to train with, {len(test)} to test\n\n{model.summary()}\n")
    print(end="", flush=True)  # before the progress bar, which goes to the other stream

    started = time.perf_counter()
    history = _fit(options, model, X, y, task.loss, checkpoint)
    seconds = time.perf_counter() - started
    result = task.score(_answers(model, task, test.X), test)
    X_test, y_test = task.encode(test)
    epochs = "1 epoch" if len(history) == 1 else f"{len(history)} epochs"
    print(f"{epochs} in {seconds:.1f} s, {history.engine}\n")
    print(f"{_results(history, result)}\n")
    about = {
        "data": options.data,
        "samples": len(training),
        "loss": task.loss,
        "optimizer": options.optimizer,
        "learning rate": options.lr,
        "batch size": options.batch_size,
        "epochs": len(history),
        "seed": options.seed,
    }
    metadata = {"task": asdict(task), "training": about, "test": result, "example": X_test[0]}
    saving.save(model, out / "model.json", metadata)
    history.to_csv(out / "history.csv")
    save_figure(nn.plot.learning_curves(history.columns()), out / "learning_curves.png")
    names = ["model.json", "history.csv", "learning_curves.png"]
    if task.class_names:
        names += _show_classes(model, task, dataset, (X_test, y_test), out, digits)
    drawing = autograd.draw(neuron_graph(model, LOSSES[task.loss], X_test[0], y_test[0]))
    for name in ("neuron.svg", "neuron.png"):
        drawing.save(out / name)
        names.append(name)
    print("written:", *[f"  {out / name}" for name in names], sep="\n")


def _dataset(options: argparse.Namespace) -> Dataset:
    """Load the data, and say what was decided on the way."""
    if not options.data.lower().endswith(".csv"):
        dataset = load(options.data, seed=options.seed)
        for flag, given in (("--label", options.label != -1), ("--empty", options.empty)):
            if given:
                raise ValueError(
                    f"{flag} is for CSV files, and {options.data} is none: leave it out"
                )
        return dataset
    dataset = load_csv(
        options.data,
        label=options.label,
        empty=options.empty or "drop",
        task=options.loss and ("numbers" if options.loss in REGRESSION else "classes"),
    )
    _say(dataset, "" if options.empty else "; --empty mean fills such cells in")
    return dataset


def _say(dataset: Dataset, about_empty: str = "") -> None:
    """Print what was decided when a file was read, and which option decides otherwise."""
    remedies = {"task": "; for classes there is --loss cross_entropy", "empty": about_empty}
    for note in dataset.notes:
        text = f"{dataset.name}: {note.text}{remedies.get(note.argument, '')}"
        print(f"note: {text}", file=sys.stderr)


def _split(dataset: Dataset, seed: int) -> tuple[Dataset, Dataset]:
    """Set a fifth of the samples aside, of every class if that is possible."""
    n = len(dataset)
    if n < 2:
        raise ValueError(f"{dataset.name} has {n} sample; it takes one to train and one to test")
    counts = {name: dataset.y.count(k) for k, name in enumerate(dataset.class_names)}
    tests = math.ceil(0.2 * n)
    spread = min(counts.values(), default=2) >= 2 and len(counts) <= min(tests, n - tests)
    if not spread:
        rarest = min(counts, key=counts.__getitem__)
        print(
            f"note: {dataset.name}: the classes are not all in the test, since there are "
            f"{tests} samples in it and {counts[rarest]} of the class {rarest!r}",
            file=sys.stderr,
        )
    return train_test_split(dataset, seed=seed, stratify=spread)


def _fit(
    options: argparse.Namespace,
    model: MLP,
    X: list[list[float]],
    y: list[Any],
    loss: str,
    checkpoint: Path,
) -> History:
    """Train, or go on with a training."""
    epochs = options.epochs or (25 if options.data == "digits" else 100)
    decay = options.weight_decay
    if decay is None:
        decay = 0.1 if options.optimizer == "adamw" else 0.0
    make = OPTIMIZERS[options.optimizer]
    if not options.eager:
        autograd.compile(abs)(0.0)  # loads what it needs before Ctrl-C becomes an exception
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    is_first = not options.process
    try:
        with _together(options, X, y, checkpoint):
            return fit(
                model,
                X,
                y,
                loss,
                make(model.parameters(), lr=options.lr, weight_decay=decay),
                epochs,
                options.batch_size,
                validation=0.1 if len(X) >= 10 else None,
                callbacks=[Checkpoint(checkpoint)] if is_first else [],
                lr=Cosine(options.lr, epochs),
                seed=options.seed,
                progress=is_first,
                resume=checkpoint if options.resume else None,
                compile=not options.eager,
                backend=options.backend,
                devices=options.devices,
            )
    except KeyboardInterrupt:
        if not checkpoint.exists():
            raise
        raise Interrupted from None
    finally:
        signal.signal(signal.SIGINT, before)


def _together(
    options: argparse.Namespace, X: list[list[float]], y: list[Any], checkpoint: Path
) -> AbstractContextManager[None]:
    """Join the other processes, if there are any, which must have the same options and data."""
    if options.coordinator is None:
        if options.processes > 1 or options.process:
            raise ValueError("several processes need --coordinator HOST:PORT, where process 0 is")
        return nullcontext()
    if options.backend != "jax" or options.eager:
        raise ValueError("several processes need --backend jax, without --eager")
    own = {"process", "out", "run", "coordinator"}
    alike = {name: x for name, x in vars(options).items() if name not in own}
    state = checkpoint.read_bytes() if options.resume else b""
    has = hashlib.sha256(repr((alike, X, y, state, autograd.__version__)).encode()).hexdigest()
    return joined(options.coordinator, options.processes, options.process, has)


def _results(history: History, result: Mapping[str, float]) -> str:
    """Lay out what was measured in the last epoch and in the test."""
    last = {name: column[-1] for name, column in history.columns().items()}
    rows: dict[str, Mapping[str, float]] = {
        "training": {name: last[name] for name in ("loss", "accuracy") if name in last},
        "validation": {name[4:]: x for name, x in last.items() if name.startswith("val_")},
        "test": result,
    }
    return "\n".join(
        f"{name:10}  {described(measured)}" for name, measured in rows.items() if measured
    )


def _show_classes(
    model: MLP, task: Task, dataset: Dataset, test: tuple[Any, Any], out: Path, digits: bool
) -> list[str]:
    """Print and draw which classes the network tells apart, and return the names of the files."""
    X, y = test
    matrix = predictions.confusion_matrix(model, X, y)
    print(f"{confusion_table(matrix, task.class_names)}\n")
    save_figure(nn.plot.confusion_matrix(matrix, task.class_names), out / "confusion_matrix.png")
    names = ["confusion_matrix.png"]
    if digits:
        guesses = predictions.predict(model, X[:40])
        save_figure(nn.plot.digit_samples(X[:40], y[:40], guesses), out / "samples.png")
        names.append("samples.png")
    if dataset.n_features == 2:
        figure = nn.plot.decision_boundary(
            lambda points: predictions.predict(model, task.inputs.transform(points)),
            dataset.X,
            [int(k) for k in dataset.y],
            resolution=100,
            class_names=task.class_names,
        )
        save_figure(figure, out / "decision_boundary.png")
        names.append("decision_boundary.png")
    return names


# --- predict and show -----------------------------------------------------------------------------


def predict(options: argparse.Namespace) -> None:
    """Predict with a trained network."""
    model, metadata = saving.load(options.model), saving.read_metadata(options.model)
    if "task" not in metadata or not isinstance(model, MLP):
        raise ValueError(
            f"{options.model} does not say what the inputs and outputs of the network mean, since "
            "`python -m nn train` did not write it: use nn.load and nn.predict"
        )
    try:
        task = Task.from_dict(metadata["task"])
    except ValueError as error:
        raise ValueError(f"{options.model}: {error}") from error
    samples = task.read(options.file)
    _say(samples)
    answers = _answers(model, task, samples.X)
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    if answers[0].probability is None:
        writer.writerows([["prediction"], *[[prediction] for prediction, _ in answers]])
    else:
        rows = [[prediction, f"{probability:.4f}"] for prediction, probability in answers]
        writer.writerows([["prediction", "probability"], *rows])
    if options.out is None:
        print(table.getvalue(), end="")
    else:
        write_atomically(options.out, table.getvalue())
        print(f"{len(answers)} predictions are in {options.out}")

    if samples.y:
        score = described(task.score(answers, samples))
        print(f"compared with the label in {options.file}: {score}", file=sys.stderr)


def show(options: argparse.Namespace) -> None:
    """Describe a trained network, and draw it."""
    model, metadata = saving.load(options.model), saving.read_metadata(options.model)
    drawn = []
    if options.graph is not None:
        autograd.draw(model).save(options.graph)
        drawn.append(f"The network is drawn in {options.graph}")
    if options.animate is not None:
        if not isinstance(model, MLP):
            raise ValueError(f"{options.model} is no MLP, and nothing else can be animated")
        x, origin = _example(options.model, model, metadata)
        result, what = output_graph(model, x)
        autograd.animate(result, options.animate)
        drawn.append(f"Both passes of {what} on {origin} are animated in {options.animate}")
    print(model.summary())
    facts = dict(metadata.get("training", {}))
    if "test" in metadata:
        facts["in the test"] = described(metadata["test"])
    if facts:
        print(f"\n{notation.aligned([[name, str(fact)] for name, fact in facts.items()])}")
    if drawn:
        print("", *drawn, sep="\n")


def _example(path: Path, model: MLP, metadata: Mapping[str, Any]) -> tuple[list[float], str]:
    """Return inputs to show the network of a file at work on, and what they are."""
    n_in = model.layers[0].n_in
    if "example" not in metadata:
        return [1.0] * n_in, "inputs that are all 1"
    example = metadata["example"]
    if not (
        isinstance(example, list)
        and len(example) == n_in
        and all(isinstance(x, float | int) for x in example)
    ):
        raise ValueError(f"{path}: the example must be {n_in} numbers, not {example!r}")
    return example, "a sample of the test"


def _answers(model: MLP, task: Task, rows: Sequence[Sequence[float]]) -> list[Answer]:
    """Have the network answer for rows of a table."""
    given = outputs(lambda x: model.activations(x).x[-1], task.inputs.transform(rows))
    return [task.answer(output) for output in given]
