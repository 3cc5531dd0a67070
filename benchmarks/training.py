"""How fast is a whole training: `nn.fit`, compiled, against scikit-learn's `MLPClassifier`.

Run it from the repository's root: `python -m benchmarks.training`.

Both learn to read the handwritten digits: the same network of relu neurons, minibatches, number of
epochs and gradient descent with Nesterov's momentum. What is timed is the processor's time, on one
thread, of the whole training: for us with tracing and compiling.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from time import process_time
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

import nn
from benchmarks import timing
from benchmarks.timing import Requirement

PEER = "scikit-learn"
OURS = "nn.fit"
RATE, MOMENTUM = 0.02, 0.9


@dataclass(frozen=True)
class Effort:
    """How much is measured."""

    hidden: tuple[int, ...] = (64, 32)
    # samples in a minibatch and epochs, of the main job, then by scikit-learn's defaults; the
    # promise is about the first
    trainings: tuple[tuple[int, int], ...] = ((16, 25), (200, 200))
    rounds: int = 9


QUICK = Effort(hidden=(4,), trainings=((64, 2), (200, 1)), rounds=1)


def digits() -> tuple[Any, Any]:
    """Load the digits, with grey values from -1 to 1."""
    data = nn.data.digits()
    return np.array(data.X) / 8.0 - 1.0, np.array(data.y, dtype=int)


def ours(X: Any, y: Any, hidden: Sequence[int], batch_size: int, epochs: int) -> nn.MLP:
    """Train with `nn.fit`."""
    model = nn.MLP(X.shape[1], [*hidden, 10], seed=0)
    _fit(model, X, y, batch_size, epochs)
    return model


def _fit(model: nn.MLP, X: Any, y: Any, batch_size: int, epochs: int) -> None:
    optimizer = nn.SGD(model.parameters(), RATE, MOMENTUM, nesterov=True)
    history = nn.fit(model, X, y, "cross_entropy", optimizer, epochs, batch_size, progress=False)
    if history.engine != "compiled":
        raise SystemExit(f"nn.fit ran on the {history.engine} engine")


def theirs(X: Any, y: Any, hidden: Sequence[int], batch_size: int, epochs: int) -> Any:
    """Train with scikit-learn."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that the loss might still fall after these epochs
        return _classifier(hidden, batch_size, epochs).fit(X, y)


def _classifier(hidden: Sequence[int], batch_size: int, epochs: int) -> Any:
    """Make scikit-learn's network, which is to go through all epochs."""
    from sklearn.neural_network import MLPClassifier

    return MLPClassifier(
        tuple(hidden),
        solver="sgd",
        alpha=0.0,
        batch_size=batch_size,
        learning_rate_init=RATE,
        momentum=MOMENTUM,
        max_iter=epochs,
        tol=0.0,
        n_iter_no_change=epochs + 1,
        random_state=0,
    )


def difference(X: Any, y: Any, hidden: Sequence[int]) -> float:
    """Compare the parameters after three steps over all samples, from the same start."""
    classifier = _classifier(hidden, len(X), 1)
    classifier.partial_fit(X, y, classes=range(10))
    del classifier._optimizer  # it remembers the step that has just been made
    start = [*classifier.coefs_, *classifier.intercepts_]
    model = nn.MLP(X.shape[1], [*hidden, 10])
    depth = len(model.layers)
    for layer, W, b in zip(model.layers, start[:depth], start[depth:], strict=True):
        for neuron, w, bias in zip(layer.neurons, W.T.tolist(), b.tolist(), strict=True):
            neuron.b.data = bias
            for parameter, number in zip(neuron.w, w, strict=True):
                parameter.data = number
    for _ in range(3):
        classifier.partial_fit(X, y)
    _fit(model, X, y, len(X), 3)
    numbers = [w.data for layer in model.layers for row in layer.W for w in row]
    expected = [w for W in classifier.coefs_ for w in W.ravel().tolist()]
    return timing.largest_difference(numbers, expected)


def race(effort: Effort, batch_size: int, epochs: int) -> tuple[dict[str, Any], dict[str, float]]:
    """Measure a training; give all about it, and the medians."""
    X, y = digits()
    arguments = X, y, effort.hidden, batch_size, epochs
    contenders = {OURS: partial(ours, *arguments)}
    differences = {OURS: 0.0}
    if timing.version(PEER):
        contenders[PEER] = partial(theirs, *arguments)
        differences[PEER] = difference(X, y, effort.hidden)
        timing.refuse_disagreement(differences)
    else:
        print(f"{PEER} is left out, since it is not installed")
    accuracies = {}
    for name, run in contenders.items():
        model = run()
        predictions = model.predict(X) if name == PEER else nn.predict(model, X)
        accuracies[name] = float(np.mean(predictions == y))
    samples = timing.in_turn(
        {
            name: partial(timing.seconds, run, clock=process_time)
            for name, run in contenders.items()
        },
        effort.rounds,
    )
    medians = timing.medians(samples)
    rows = [
        [name, f"{median:.3f}", f"{median / medians[OURS]:.2f}", f"{accuracies[name]:.1%}"]
        for name, median in medians.items()
    ]
    print(f"\n{epochs} epochs of {len(X)} digits in minibatches of {batch_size}")
    print(timing.table(["", "seconds", "times ours", "accuracy"], rows))
    section = {
        "batch_size": batch_size,
        "epochs": epochs,
        "seconds": samples,
        "medians": medians,
        "largest_difference": differences,
        "accuracy": accuracies,
    }
    return section, medians


def main() -> None:
    """Measure, print and save."""
    options = timing.parser_of("training", __doc__).parse_args()
    effort = QUICK if options.quick else Effort()
    required = []
    with threadpool_limits(1):
        races = [race(effort, *training) for training in effort.trainings]
    medians = races[0][1]
    if PEER in medians:
        ratio = medians[OURS] / medians[PEER]
        required.append(Requirement(f"the first, as long as {PEER}", ratio, "at most", 1.2))
    report = {
        "benchmark": "training",
        "versions": {name: timing.version(name) for name in ("chainrule", PEER)},
        "trainings": [section for section, _ in races],
    }
    timing.save(options.out, report, required)


if __name__ == "__main__":
    main()
