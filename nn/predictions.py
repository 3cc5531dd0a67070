"""What a network says of a data set: its predictions, and how many of them are right.

Nothing here records a graph.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, overload

from autograd import Value
from autograd.errors import as_float
from nn.forward import entries, listed, outputs
from nn.layers import MLP
from nn.losses import class_index
from nn.module import Module


def predict(model: Module, X: Iterable[Any], *, threshold: float | None = None) -> list[Any]:
    """Return what a model predicts for each sample: a class, or a number.

    It is the output itself, a number or a list of numbers, if `fit` has trained the model with
    `mse_loss` or `mae_loss`; otherwise the index of a class, or its name if `fit` was given names.

    Args:
        model: a network, or a module of your own that takes one sample.
        X: n samples; an array or a DataFrame will do.
        threshold: for the class of a single output, see `predicted_class`; by default ½ for a
            network whose output is a sigmoid, and 0 for others, whose outputs are logits or scores.

    Raises:
        ValueError: a sample does not have as many features as the network has inputs.
        TypeError: a derivative is being taken of what it gives, or it is being compiled.

    >>> from nn import Neuron
    >>> neuron = Neuron(1, "linear", init=lambda n_in, n_out, *, rng: [1.0])
    >>> predict(neuron, [[-2.0], [3.0]])
    [0, 1]
    >>> neuron.regression = True
    >>> predict(neuron, [[-2.0], [3.0]])
    [-2.0, 3.0]
    """
    if model.regression and threshold is None:
        return outputs(model, X, "predict")
    indices = predicted_indices(model, X, threshold)
    return [model.class_names[k] for k in indices] if model.class_names else indices


def predicted_indices(model: Module, X: Iterable[Any], threshold: float | None = None) -> list[int]:
    """Return the index of the class that a model predicts for each sample, see `predict`.

    >>> from nn import MLP
    >>> len(predicted_indices(MLP(2, [3]), [[1.0, 2.0], [3.0, 4.0]]))
    2
    """
    threshold = decision_threshold(model) if threshold is None else threshold
    return [predicted_class(output, threshold) for output in outputs(model, X, "predict")]


def count_of(output: Any) -> int:
    """Return how many outputs a model has, by what it gives for a sample.

    >>> count_of([0.5, 1.0]), count_of(0.5)
    (2, 1)
    """
    return len(output) if isinstance(output, list) else 1


def accuracy(
    model: Module, X: Iterable[Any], y: Iterable[Any], *, threshold: float | None = None
) -> float:
    """Return the share of samples, from 0 to 1, whose class a model predicts rightly.

    `y` has n targets, see `target_class`; or names, if `fit` was given names. All other arguments
    are those of `predict`.

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
    model: Module, X: Iterable[Any], y: Iterable[Any], *, threshold: float | None = None
) -> list[list[int]]: ...
@overload
def confusion_matrix(y_true: Iterable[int], y_pred: Iterable[int], /) -> list[list[int]]: ...
def confusion_matrix(
    model: Any, X: Iterable[Any], y: Iterable[Any] | None = None, *, threshold: float | None = None
) -> list[list[int]]:
    """Count how often samples of each class are predicted as each class.

    Give a model, samples and targets, and a threshold perhaps, as for `accuracy`; or, as in
    scikit-learn, the true and the predicted classes.

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
        targets, predictions = list(entries(model)), list(entries(X))
        if names := sorted({k for k in [*targets, *predictions] if isinstance(k, str)}):
            targets, predictions = (
                [index_of(k, names) for k in ks] for ks in (targets, predictions)
            )
        n = 1 + max([*targets, *predictions], default=-1)
        targets = [class_index(k, n, f"y_true[{i}]") for i, k in enumerate(targets)]
        predictions = [class_index(k, n, f"y_pred[{i}]") for i, k in enumerate(predictions)]
    else:
        threshold = decision_threshold(model) if threshold is None else threshold
        given = outputs(model, X)
        n_outputs = count_of(given[0]) if given else 1
        n = max(n_outputs, 2)
        predictions = [predicted_class(output, threshold) for output in given]
        targets = target_classes(model, y, n_outputs)
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
    """Return the classes that n outputs stand for, an array: `predicted_class` of each.

    >>> predicted_classes([[0.1, 0.7, 0.2], [0.5, 0.5, 0.0]]), predicted_classes([-3.0, 2.0])
    (array([1, 0]), array([0, 1]))
    """
    import numpy as np

    numbers = np.asarray(outputs, dtype=np.float64)
    return numbers.argmax(axis=1) if numbers.ndim == 2 else (numbers > threshold).astype(int)


def target_classes(model: Module, y: Iterable[Any], n_outputs: int) -> list[int]:
    """Return the classes that the targets of a model stand for: names, or see `target_class`.

    >>> from nn import MLP
    >>> target_classes(MLP(1, [3]), [2, [0.1, 0.8, 0.1]], 3)
    [2, 1]
    """
    names = model.class_names
    return [
        index_of(t, names, f"y[{i}]")
        if names and isinstance(t, str)
        else target_class(t, n_outputs, f"y[{i}]")
        for i, t in enumerate(entries(y))
    ]


def index_of(name: Any, names: Sequence[str], place: str = "a class") -> int:
    """Return the index of a class by its name; the error calls that `place`.

    >>> index_of("dog", ["cat", "dog"])
    1
    """
    if name not in names:
        raise ValueError(f"{place} is {name!r}, but the classes are {', '.join(names)}")
    return names.index(name)


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
    target = listed(target)
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
    """Return the number that divides the two classes of a single output."""
    return 0.5 if isinstance(model, MLP) and model.layers[-1].activation == "sigmoid" else 0.0


def _number(x: Any) -> float:
    """Return the number in an output."""
    return x.data if isinstance(x, Value) else as_float(x, "an output")
