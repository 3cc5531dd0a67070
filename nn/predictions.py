"""What a network says of a data set: its predictions, and how many of them are right.

Nothing here records a graph.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, overload

from autograd import Value
from autograd.errors import as_float
from nn.forward import outputs
from nn.layers import MLP
from nn.losses import class_index
from nn.module import Module

__all__ = [
    "accuracy",
    "confusion_matrix",
    "predict",
    "predicted_class",
    "target_class",
]


def predict(model: Module, X: Iterable[Any], *, threshold: float | None = None) -> list[int]:
    """Return the class that a model predicts for each sample.

    Args:
        model: a network, or a module of your own that takes one sample.
        X: n samples.
        threshold: for a single output, see `predicted_class`; by default ½ for a network whose
            output is a sigmoid, and 0 for others, whose outputs are logits or scores.

    Returns:
        n class indices.

    Raises:
        ValueError: a sample does not have as many features as the network has inputs.

    >>> from nn import Neuron
    >>> neuron = Neuron(1, "linear", init=lambda n_in, n_out, *, rng: [1.0])
    >>> predict(neuron, [[-2.0], [3.0]])
    [0, 1]
    """
    if threshold is None:
        threshold = decision_threshold(model)
    return [predicted_class(output, threshold) for output in outputs(model, X)]


def accuracy(
    model: Module,
    X: Iterable[Any],
    y: Iterable[Any],
    *,
    threshold: float | None = None,
) -> float:
    """Return the share of samples, from 0 to 1, whose class a model predicts rightly.

    Args:
        model: see `predict`.
        X: n samples.
        y: n targets, see `target_class`.
        threshold: see `predict`.

    Raises:
        ValueError: there are no samples, or not as many as targets, or a target is no class.
        TypeError: a target is no class.

    >>> from nn import Neuron
    >>> neuron = Neuron(1, "linear", init=lambda n_in, n_out, *, rng: [1.0])
    >>> accuracy(neuron, [[-2.0], [3.0], [4.0], [5.0]], [0, 1, 1, 0])
    0.75
    """
    matrix = confusion_matrix(model, X, y, threshold=threshold)
    n = sum(map(sum, matrix))
    if not n:
        raise ValueError("there are no samples, so there is no accuracy")
    return sum(row[k] for k, row in enumerate(matrix)) / n


@overload
def confusion_matrix(
    model: Module,
    X: Iterable[Any],
    y: Iterable[Any],
    *,
    threshold: float | None = None,
) -> list[list[int]]: ...
@overload
def confusion_matrix(y_true: Iterable[int], y_pred: Iterable[int], /) -> list[list[int]]: ...
def confusion_matrix(
    model: Any,
    X: Iterable[Any],
    y: Iterable[Any] | None = None,
    *,
    threshold: float | None = None,
) -> list[list[int]]:
    """Count how often samples of each class are predicted as each class.

    Give a model, samples and targets; or, as in scikit-learn, the true and the predicted classes.

    Args:
        model: see `predict`.
        X: n samples.
        y: n targets, see `target_class`.
        threshold: see `predict`.

    Returns:
        C × C counts for C classes: row i, column j counts samples of class i predicted as j.

    Raises:
        ValueError: there are not as many samples as targets, or a target is no class.
        TypeError: a target is no class.

    >>> from nn import Neuron
    >>> neuron = Neuron(1, "linear", init=lambda n_in, n_out, *, rng: [1.0])
    >>> confusion_matrix(neuron, [[-2.0], [3.0], [4.0], [5.0]], [0, 1, 1, 0])
    [[1, 1], [0, 2]]
    >>> confusion_matrix([0, 1, 2], [0, 1, 1])
    [[1, 0, 0], [0, 1, 0], [0, 1, 0]]
    """
    if y is None:
        targets, predictions = list(model), list(X)
        n = 1 + max([*targets, *predictions], default=-1)
        targets = [class_index(k, n, f"y_true[{i}]") for i, k in enumerate(targets)]
        predictions = [class_index(k, n, f"y_pred[{i}]") for i, k in enumerate(predictions)]
    else:
        threshold = decision_threshold(model) if threshold is None else threshold
        given = outputs(model, X)
        n_outputs = len(given[0]) if given and isinstance(given[0], list) else 1
        n = max(n_outputs, 2)
        predictions = [predicted_class(output, threshold) for output in given]
        targets = [target_class(t, n_outputs, f"y[{i}]") for i, t in enumerate(y)]
    if len(predictions) != len(targets):
        raise ValueError(f"there are {len(predictions)} predictions, but {len(targets)} targets")
    matrix = [[0] * n for _ in range(n)]
    for target, prediction in zip(targets, predictions, strict=True):
        matrix[target][prediction] += 1
    return matrix


def predicted_class(output: Any, threshold: float = 0.0) -> int:
    """Return the class that an output stands for.

    Args:
        output: a list with one number per class, of which the largest decides, the first of equals;
            or a single number.
        threshold: a single number above it is class 1, another is class 0.

    >>> predicted_class([0.1, 0.7, 0.2]), predicted_class(-3.0), predicted_class(0.6, threshold=0.5)
    (1, 0, 1)
    """
    if isinstance(output, list):
        numbers = [_number(x) for x in output]
        return max(range(len(numbers)), key=numbers.__getitem__)
    return int(_number(output) > threshold)


def predicted_classes(outputs: Any, threshold: float = 0.0) -> Any:
    """Return the classes that outputs stand for, as `predicted_class` does for one.

    Args:
        outputs: n lists of one number per class, or n numbers.
        threshold: see `predicted_class`.

    Returns:
        An array of n class indices.

    >>> predicted_classes([[0.1, 0.7, 0.2], [0.5, 0.5, 0.0]]), predicted_classes([-3.0, 2.0])
    (array([1, 0]), array([0, 1]))
    """
    import numpy as np

    numbers = np.asarray(outputs, dtype=np.float64)
    return numbers.argmax(axis=1) if numbers.ndim == 2 else (numbers > threshold).astype(int)


def target_class(target: Any, n_outputs: int, place: str = "target") -> int:
    """Return the class that a target stands for.

    Args:
        target: the index of a class, or one probability per class, of which the largest decides.
        n_outputs: the number of outputs of the network. One output tells two classes apart, 0 and
            1; there -1, the label that the hinge loss uses, is class 0.
        place: what the error calls the target.

    Raises:
        ValueError: there is no such class.
        TypeError: the target is something else.

    >>> target_class(2, 3), target_class([0.1, 0.9], 2), target_class(-1.0, 1)
    (2, 1, 0)
    """
    if hasattr(target, "tolist"):
        target = target.tolist()
    if isinstance(target, (list, tuple)):
        if len(target) != n_outputs:
            raise ValueError(f"{place} has {len(target)} numbers for {n_outputs} outputs")
        if n_outputs > 1:
            return predicted_class(list(target))
        (target,) = target
    if n_outputs == 1 and target == -1:
        return 0
    return class_index(target, max(n_outputs, 2), place)


def decision_threshold(model: Module) -> float:
    """Give the number that divides the two classes of a single output."""
    return 0.5 if isinstance(model, MLP) and model.layers[-1].activation == "sigmoid" else 0.0


def _number(x: Any) -> float:
    """Give the number in an output."""
    return x.data if isinstance(x, Value) else as_float(x, "an output")
