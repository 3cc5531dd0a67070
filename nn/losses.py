"""Losses: how far predictions are from their targets, as one number to make small.

Each takes one sample or a batch, and the loss of a batch is the mean of the losses of its samples.
A list of lists is a batch, one row per sample. So is, for a network with one output, the list of
its outputs along with a list of as many targets; read as one sample with many outputs it would
have the same loss. Lists, tuples and NumPy arrays are all the same. The result is a Value.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from functools import reduce
from typing import Any

from autograd import abs as absolute
from autograd import dot, fsum, log_softmax, maximum, mean, relu, softplus, square, take, where
from autograd.engine import table
from autograd.errors import as_float
from nn.mistakes import check_logits

__all__ = ["binary_cross_entropy", "cross_entropy", "hinge_loss", "mae_loss", "mse_loss"]

_SampleLoss = Callable[[Any, Any, str], Any]  # prediction, target, and where they stand


def mse_loss(prediction: Any, target: Any) -> Any:
    """The mean squared error (1/n) Σ (ŷᵢ - yᵢ)² over the n outputs.

    ∂/∂ŷᵢ = (2/n) (ŷᵢ - yᵢ).

    Args:
        prediction: ŷ, n outputs, or one; a batch is a list of such lists.
        target: y, of the same shape.

    Raises:
        ValueError: the shapes differ.
        TypeError: a target is not a number.

    >>> mse_loss([1.0, 2.0], [1.0, 4.0])
    2.0
    """
    return _averaged(_mse, prediction, target, "mse_loss")


def mae_loss(prediction: Any, target: Any) -> Any:
    """The mean absolute error (1/n) Σ |ŷᵢ - yᵢ| over the n outputs.

    ∂/∂ŷᵢ = sign(ŷᵢ - yᵢ)/n, 0 where they are equal. Arguments and errors are those of `mse_loss`.

    >>> mae_loss([1.0, 2.0], [1.0, 4.0])
    1.0
    """
    return _averaged(_mae, prediction, target, "mae_loss")


def cross_entropy(logits: Any, target: Any) -> Any:
    """The cross-entropy -Σ yᵢ log ŷᵢ with ŷ = softmax(logits); for class k it is -log ŷₖ.

    ∂/∂logitᵢ = ŷᵢ - yᵢ. Softmax is part of this loss, so the network's output must be linear. An
    yᵢ of 0 contributes 0, even if log ŷᵢ is -inf.

    Args:
        logits: one number per class; a batch is a list of such lists.
        target: the index of the class, from 0, or a probability per class; for a batch, a list
            with either for each sample.

    Raises:
        ValueError: the shapes do not fit, the class index is out of range, or the probabilities
            are not: below 0, or with a sum other than 1.
        TypeError: the target is something else.

    >>> cross_entropy([-1000.0, 1000.0], 0)
    2000.0
    >>> round(cross_entropy([[0.0, 0.0], [5.0, 5.0]], [1, [0.5, 0.5]]), 6)
    0.693147
    """
    return _averaged(_cross_entropy, logits, target, "cross_entropy")


def binary_cross_entropy(logits: Any, target: Any) -> Any:
    """The cross-entropy -y log ŷ - (1 - y) log(1 - ŷ) with ŷ = σ(logit), the mean over outputs.

    ∂/∂logit = ŷ - y. The sigmoid is part of this loss, so the network's output must be linear.
    It is computed as y softplus(-logit) + (1 - y) softplus(logit), accurate everywhere.

    Args:
        logits: one number, or n for yes-or-no questions asked at once; a batch is a list of such.
        target: y, of the same shape: 0, 1, or the probability of 1.

    Raises:
        ValueError: the shapes differ, or a target is not from 0 to 1.
        TypeError: a target is not a number.

    >>> binary_cross_entropy(-1000.0, 1)
    1000.0
    """
    return _averaged(_binary_cross_entropy, logits, target, "binary_cross_entropy")


def hinge_loss(scores: Any, target: Any) -> Any:
    """The hinge loss max(0, 1 - margin): zero when the right answer wins by at least 1.

    With one score s and a label y = ±1 the margin is y s. With a score per class and the index k
    of the right one it is s_k - max of the others (Crammer and Singer, JMLR 2, 2001).

    Args:
        scores: one score, or a list with one per class; a batch is a list of such.
        target: -1 or 1, or the index of the class, from 0; for a batch, a list of such.

    Raises:
        ValueError: the shapes do not fit, a label is not ±1, or the class index is out of range.
        TypeError: the target is something else.

    >>> hinge_loss(0.25, -1)
    1.25
    >>> hinge_loss([2.0, 1.5, 0.0], 0)
    0.5
    """
    return _averaged(_hinge, scores, target, "hinge_loss")


def class_index(target: Any, n: int, place: str) -> int:
    """Return a target as the index of a class, after checking that it is one.

    Args:
        target: an integer; a float such as 3.0 will do.
        n: the number of classes.
        place: what the error calls the target.

    Raises:
        TypeError: it is not an integer.
        ValueError: it is not one of 0 … n - 1.

    >>> class_index(3.0, 10, "target")
    3
    """
    try:
        whole = isinstance(target, float) and target.is_integer()
        k = int(target) if whole else operator.index(target)
    except TypeError:
        remedy = ": number the classes from 0" if isinstance(target, str) else ""
        raise TypeError(f"{place} must be the index of a class, not {target!r}{remedy}") from None
    if not 0 <= k < n:
        raise ValueError(f"{place} is class {k}, but the {n} classes are 0 … {n - 1}")
    return k


def _averaged(loss: _SampleLoss, prediction: Any, target: Any, name: str) -> Any:
    """Apply a loss to one sample, or to each sample of a batch and take the mean."""
    prediction, target = _listed(prediction), _listed(target)
    if not (_is_batch(prediction) or _is_batch(target)):
        return loss(prediction, target, name)
    for what, batch in (("prediction", prediction), ("target", target)):
        if not isinstance(batch, list):
            raise ValueError(f"{name}: a batch needs a list with a {what} per row, not {batch!r}")
    if len(prediction) != len(target):
        raise ValueError(f"{name}: there are {len(prediction)} predictions, {len(target)} targets")
    rows = enumerate(zip(prediction, target, strict=True))
    return _mean([loss(_listed(p), _listed(t), f"{name}: row {i}") for i, (p, t) in rows])


def _mse(prediction: Any, target: Any, place: str) -> Any:
    return _mean([square(p - t) for p, t in _pairs(prediction, target, place)])


def _mae(prediction: Any, target: Any, place: str) -> Any:
    return _mean([absolute(p - t) for p, t in _pairs(prediction, target, place)])


def _cross_entropy(logits: Any, target: Any, place: str) -> Any:
    if not isinstance(logits, list) or not logits:
        raise ValueError(
            f"{place}: the logits must be a list with one number per class, not {logits!r}; "
            "for a single logit there is binary_cross_entropy, for a number mse_loss"
        )
    check_logits(logits, "cross_entropy")
    if hasattr(target, "__gather__"):  # an index that is not known yet
        return -take(log_softmax(logits), target)
    if not isinstance(target, list):
        return -_log_softmax(logits, class_index(target, len(logits), f"{place}: target"))
    chances = [t for _, t in _pairs(logits, target, place)]
    _refuse_unless_distribution(chances, place)
    return -_expectation(
        [(t, _log_softmax(logits, k)) for k, t in enumerate(chances) if _counts(t)]
    )


def _binary_cross_entropy(logits: Any, target: Any, place: str) -> Any:
    terms = []
    pairs = _pairs(logits, target, place)
    check_logits([z for z, _ in pairs], "binary_cross_entropy")
    for z, t in pairs:
        if not (_is_node(t) or 0.0 <= t <= 1.0):
            raise ValueError(f"{place}: a target must be from 0 to 1, not {t}")
        outcomes = [(t, -z), (1.0 - t, z)]
        terms.append(_expectation([(p, softplus(s)) for p, s in outcomes if _counts(p)]))
    return _mean(terms)


def _hinge(scores: Any, target: Any, place: str) -> Any:
    if isinstance(scores, list) and len(scores) > 1 and not isinstance(target, list):
        k = class_index(target, len(scores), f"{place}: target")
        return relu(1.0 - (scores[k] - reduce(maximum, scores[:k] + scores[k + 1 :])))
    terms = []
    for s, t in _pairs(scores, target, place):
        if not (_is_node(t) or t in (-1.0, 1.0)):
            raise ValueError(f"{place}: a label must be -1 or 1, not {t}; of 0 and 1 make 2 y - 1")
        terms.append(relu(1.0 - t * s))
    return _mean(terms)


# --- targets and predictions ----------------------------------------------------------------------


def _listed(x: Any) -> Any:
    """Turn arrays and tuples, also one level down, into lists."""
    if hasattr(x, "tolist"):
        return x.tolist()
    if isinstance(x, (list, tuple)):
        return [v.tolist() if hasattr(v, "tolist") else v for v in x]
    return x


def _is_batch(x: Any) -> bool:
    """Tell a list of lists."""
    return isinstance(x, list) and any(isinstance(row, (list, tuple)) for row in x)


def _is_node(x: Any) -> bool:
    """Tell a node of a graph, whose number may be unknown as yet, from a number."""
    return hasattr(type(x), "__rank__")


def _pairs(predictions: Any, targets: Any, place: str) -> list[tuple[Any, Any]]:
    """Pair outputs with targets, after checking that there are as many; one may stand alone."""
    ps = predictions if isinstance(predictions, list) else [predictions]
    ts = targets if isinstance(targets, list) else [targets]
    if len(ps) != len(ts) or not ps:
        of_classes = place.startswith("cross_entropy") and len(ts) == 1
        label = "; of labels in a column make a row: y.ravel()" * of_classes
        raise ValueError(f"{place}: there are {len(ps)} predictions, {len(ts)} targets{label}")
    ts = [t if _is_node(t) else as_float(t, f"{place}: target[{i}]") for i, t in enumerate(ts)]
    return list(zip(ps, ts, strict=True))


def _refuse_unless_distribution(chances: list[Any], place: str) -> None:
    """Check probabilities, as far as they are known; they may be rounded to single precision."""
    if any(map(_is_node, chances)):
        return
    total = math.fsum(chances)
    if not (min(chances) >= 0.0 and math.isclose(total, 1.0, abs_tol=1e-4)):
        raise ValueError(
            f"{place}: the targets must be probabilities, at least 0 and with the sum 1; "
            f"they are {chances}"
        )


# --- parts of the formulas ------------------------------------------------------------------------


def _mean(terms: list[Any]) -> Any:
    """Take the mean; that of one term is the term, without another node."""
    return terms[0] if len(terms) == 1 else mean(terms)


def _log_softmax(logits: list[Any], k: int) -> Any:
    """Return log softmax(logits)ₖ alone, as one node."""
    return table.log_softmax(logits[k], *logits[:k], *logits[k + 1 :])


def _counts(chance: Any) -> bool:
    """Tell whether an outcome can occur, as far as that is known."""
    return _is_node(chance) or chance != 0.0


def _expectation(terms: list[tuple[Any, Any]]) -> Any:
    """Return Σ p ℓ over pairs of a probability and a number; where p is 0, ℓ may be infinite."""
    if len(terms) == 1 and terms[0][0].__class__ is float:
        return terms[0][1]  # certain
    if any(_is_node(p) for p, _ in terms):
        return fsum([where(p > 0.0, p * x, 0.0) for p, x in terms])
    return dot(*zip(*terms, strict=True))
