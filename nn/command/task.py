"""What a network is asked to do: how rows of a table become its inputs, and its outputs answers.

A task is kept with the network in its file, so that `python -m nn predict` needs nothing else.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from autograd import sigmoid, softmax
from nn.data import Column, Dataset, Standardiser, load_csv
from nn.predictions import predicted_class

REGRESSION = ("mse_loss", "mae_loss")


class Answer(NamedTuple):
    """What a network says about a sample.

    Attributes:
        prediction: the name of the class; for regression, the number.
        probability: that of the class, if the loss makes the network estimate it.
    """

    prediction: str | float
    probability: float | None = None


@dataclass(frozen=True)
class Task:
    """Classification or regression of the rows of a table.

    Args:
        loss: the name of the loss.
        label: the column of a file that is to be predicted, by name or number.
        columns: the other columns, and how they become features.
        class_names: the names of the classes; none for regression.
        inputs: what is done to a row before the network sees it.
        targets: what is done to the number to be predicted; None for classification.
    """

    loss: str
    label: int | str
    columns: tuple[Column, ...]
    class_names: tuple[str, ...]
    inputs: Standardiser
    targets: Standardiser | None

    @classmethod
    def of(
        cls,
        training: Dataset,
        *,
        loss: str | None = None,
        label: int | str = -1,
        inputs: Standardiser | None = None,
    ) -> Task:
        """Make the task that a data set sets.

        Args:
            training: the samples to train on.
            loss: the name of the loss; by default the usual one.
            label: see `Task`.
            inputs: see `Task`; by default the inputs are standardised.

        Raises:
            ValueError: the loss does not fit the data.

        >>> from nn.data import iris
        >>> Task.of(iris()).loss
        'cross_entropy'
        """
        name, n = training.name, training.n_classes
        if loss is None:
            loss = "cross_entropy" if n else "mse_loss"
        if n and loss in REGRESSION:
            raise ValueError(
                f"the loss {loss} is for numbers, but {name} has classes to predict: "
                "choose cross_entropy, hinge_loss or, for two classes, binary_cross_entropy"
            )
        if not n and loss not in REGRESSION:
            raise ValueError(
                f"the loss {loss} is for classes, but {name} has numbers to predict: "
                "choose mse_loss or mae_loss"
            )
        if n == 1:
            raise ValueError(
                f"all samples of {name} are in the class {training.class_names[0]!r}, so there is "
                "nothing to learn"
            )
        if loss == "binary_cross_entropy" and n != 2:
            raise ValueError(
                f"the loss binary_cross_entropy is for two classes, and {name} has {n}: "
                "choose cross_entropy"
            )
        inputs = inputs or Standardiser.fit(training)
        numbers = zip(training.feature_names, inputs.mean, strict=True)
        return cls(
            loss,
            label,
            training.columns or tuple(Column(name, (), (mean,)) for name, mean in numbers),
            training.class_names,
            inputs,
            None if n else Standardiser.from_parts([[[t] for t in training.y]]),
        )

    @property
    def n_outputs(self) -> int:
        """The number of outputs that the network must have."""
        return 1 if self.targets or self.loss == "binary_cross_entropy" else len(self.class_names)

    def encode(self, dataset: Dataset) -> tuple[list[list[float]], list[Any]]:
        """Turn samples into inputs for the network and targets for the loss.

        >>> from nn.data import Dataset
        >>> toy = Dataset([[1.0], [3.0]], [10.0, 30.0], ("x",), (), "toy")
        >>> Task.of(toy).encode(toy)
        ([[-1.0], [1.0]], [-1.0, 1.0])
        """
        y: list[Any] = list(dataset.y)
        if self.targets is not None:
            y = [t for (t,) in self.targets.transform([[t] for t in y])]
        return self.inputs.transform(dataset.X), y

    def answer(self, outputs: Sequence[float]) -> Answer:
        """Turn what the network puts out for one sample into an answer.

        >>> from nn.data import moons
        >>> Task.of(moons()).answer([1.0, 1.0])
        Answer(prediction='upper', probability=0.5)
        """
        if self.targets is not None:
            return Answer(outputs[0] * self.targets.scale[0] + self.targets.mean[0], None)
        if self.loss == "binary_cross_entropy":
            k = predicted_class(outputs[0])
            return Answer(self.class_names[k], sigmoid(outputs[0] if k else -outputs[0]))
        k = predicted_class(list(outputs))
        estimated = self.loss == "cross_entropy"
        return Answer(self.class_names[k], softmax(outputs)[k] if estimated else None)

    def score(self, answers: Sequence[Answer], dataset: Dataset) -> dict[str, float]:
        """Compare answers with what is right.

        Returns:
            "accuracy", the share of right answers, from 0 to 1; for regression, "R²", the share of
            the variance of the targets that the answers explain, the root of the mean square
            error, in the unit of what is predicted, and the same if the answer were always the
            mean of the training samples. There is no R² if all targets are equal.

        >>> toy = Dataset([[1.0], [3.0]], [10.0, 30.0], ("x",), (), "toy")
        >>> Task.of(toy).score([Answer(10.0), Answer(20.0)], toy)
        {'R²': 0.5, 'root mean square error': 7.07..., 'that of guessing the mean': 10.0}
        """
        if self.targets is not None:
            truths, n = dataset.y, len(answers)
            squares = math.dist([float(a) for a, _ in answers], truths) ** 2
            spread = math.dist([math.fsum(truths) / n] * n, truths) ** 2
            guess = math.dist(self.targets.mean * n, truths)
            return {
                **({"R²": 1.0 - squares / spread} if spread else {}),
                "root mean square error": math.sqrt(squares / n),
                "that of guessing the mean": guess / math.sqrt(n),
            }
        if not set(dataset.class_names) & set(self.class_names):
            here = ", ".join(dataset.class_names[:8]) or "numbers"
            raise ValueError(
                f"the labels of {dataset.name} are {here}, but the network predicts the classes "
                f"{', '.join(self.class_names)}"
            )
        names = [dataset.class_names[int(k)] for k in dataset.y]
        right = [name == answer for name, (answer, _) in zip(names, answers, strict=True)]
        return {"accuracy": sum(right) / len(right)}

    def read(self, path: str | os.PathLike[str]) -> Dataset:
        """Read the samples in a file, with or without the column that is to be predicted.

        If the first row has the names of the columns, they may be in any order.
        """
        task: Literal["classes", "numbers"] = "classes" if self.targets is None else "numbers"
        return load_csv(path, label=self.label, columns=self.columns, task=task)

    @classmethod
    def from_dict(cls, state: Mapping[str, Any]) -> Task:
        """Rebuild a task from what `dataclasses.asdict` made of it.

        >>> from dataclasses import asdict
        >>> from nn.data import iris
        >>> Task.from_dict(asdict(Task.of(iris()))) == Task.of(iris())
        True
        """
        try:
            return cls(
                state["loss"],
                state["label"],
                tuple(
                    Column(column["name"], tuple(column["categories"]), tuple(column["means"]))
                    for column in state["columns"]
                ),
                tuple(state["class_names"]),
                Standardiser.from_dict(state["inputs"]),
                state["targets"] and Standardiser.from_dict(state["targets"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"the task is damaged: {error!r}") from error
