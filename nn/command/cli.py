"""The command `python -m nn`: train a network on real data, look at it, predict with it."""

from __future__ import annotations

import argparse
import math
import shlex
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, NoReturn

from autograd import __version__
from autograd.command import failed, status_of
from nn.command import commands
from nn.layers import ACTIVATIONS
from nn.mistakes import suggestion
from nn.training import LOSSES, OPTIMIZERS

MAIN = """\
Train networks of scalar neurons. Without arguments, one learns to read 1,797 real handwritten
digits, which takes a few seconds; it and pictures of it are then in runs/digits/. For that, the
scalar code is compiled to matrix products; with --eager it runs as it stands, in about two minutes.

examples:
  python -m nn
  python -m nn --eager
  python -m nn train --data moons --layers 16,16 --activation tanh
  python -m nn show runs/moons/model.json
  python -m nn predict runs/moons/model.json points.csv
"""

TRAIN = """\
Train a multi-layer perceptron, test it on a fifth of the samples, which the training never sees,
and write the network and pictures of it. A tenth of the other samples watches the training.

In a CSV file, cells are separated by commas, semicolons or tabs. Columns of text become a feature
for each text in them.

examples:
  python -m nn train --data iris
  python -m nn train --data breast_cancer --loss binary_cross_entropy --optimizer sgd --lr 0.1
  python -m nn train --data houses.csv --label price --epochs 200
  python -m nn train --data survey.csv --label answer --empty mean
  python -m nn train --resume
  python -m nn train --backend jax --coordinator 10.0.0.1:4000 --processes 2 --process 0
"""

PREDICT = """\
Predict the class, or the number, for each row of a CSV file. The file has the columns of the data
that the network was trained on. If it has the column of the label too, the predictions are
compared with it.

examples:
  python -m nn predict runs/iris/model.json flowers.csv
  python -m nn predict runs/iris/model.json flowers.csv --out predictions.csv
"""

SHOW = """\
Show the layers of a network, how it was trained, and how it did in the test; on request, as
pictures: the network, and its forward and backward pass on a sample of the test.

examples:
  python -m nn show runs/digits/model.json
  python -m nn show runs/moons/model.json --graph network.svg --animate passes.html
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command with arguments, by default those of the user, and return its exit status.

    Returns:
        0; or 1 if the training diverged, 2 if an argument or a file that it names is wrong, 3 if
        one of several processes has lost another, 130 if the user pressed Ctrl-C.

    >>> main(["show", "no-such-file.json"])
    2
    """
    given = _with_command(sys.argv[1:] if arguments is None else arguments)
    options = _parser().parse_args(given)
    try:
        return status_of(lambda: options.run(options))
    except KeyboardInterrupt as interrupt:
        if not isinstance(interrupt, commands.Interrupted):
            return failed("interrupted", 130)
        resume = [] if options.resume else ["--resume"]
        command = shlex.join(["python", "-m", "nn", *given, *resume])
        return failed(f"interrupted; to go on: {command}", 130)
    except FloatingPointError as error:
        return failed(f"error: the training diverged: {error}", 1)


def _with_command(arguments: Sequence[str]) -> list[str]:
    """Put in `train` where there are only options, or nothing."""
    only_options = not arguments or arguments[0].startswith("--")
    own = {"--help", "--version"}.isdisjoint(arguments)
    return ["train"] * (only_options and own) + list(arguments)


class _Parser(argparse.ArgumentParser):
    """A parser that shows its description as it stands, and spends one line on an error."""

    def __init__(self, **options: Any) -> None:
        look = argparse.RawDescriptionHelpFormatter
        super().__init__(formatter_class=look, allow_abbrev=False, **options)

    def error(self, message: str) -> NoReturn:
        """Print the error and exit."""
        self.exit(2, f"error: {message}; for help: {self.prog} --help\n")


def _parser() -> argparse.ArgumentParser:
    """Describe the command line."""
    parser = _Parser(prog="python -m nn", description=MAIN)
    parser.add_argument("--version", action="version", version=f"chainrule {__version__}")
    command = parser.add_subparsers(metavar="COMMAND", required=True).add_parser

    train = command("train", help="train and test a network", description=TRAIN)
    train.set_defaults(run=commands.train)
    add = train.add_argument
    add(
        "--data",
        default="digits",
        help="digits (the default), moons, circles, iris, wine, breast_cancer, or a CSV file",
    )
    add(
        "--label",
        type=_label,
        default=-1,
        metavar="COLUMN",
        help="the column of the CSV file that is to be predicted, by its name or its number from "
        "0; by default the last",
    )
    add(
        "--empty",
        choices=["drop", "mean"],
        help="what to do about empty cells of the CSV file: drop leaves out their rows, which is "
        "the default; mean fills in the mean of the column",
    )
    add(
        "--layers",
        type=_layers,
        metavar="N,N,…",
        help="the sizes of the hidden layers; by default 64,32 for digits and 16,16 for other "
        "data; '' for none",
    )
    add(
        "--activation",
        default="relu",
        choices=[name for name in ACTIVATIONS if name != "softmax"],
        metavar="NAME",
        help="of the hidden layers: %(choices)s; by default %(default)s",
    )
    add(
        "--loss",
        type=_one_of(LOSSES),
        metavar="NAME",
        help=f"{', '.join(LOSSES)}; by default cross_entropy for classes and mse_loss for numbers, "
        "for which more than 20 different whole numbers are taken",
    )
    add(
        "--optimizer",
        default="adamw",
        type=_one_of(OPTIMIZERS),
        metavar="NAME",
        help=f"{', '.join(OPTIMIZERS)}; by default %(default)s",
    )
    add(
        "--lr",
        type=_rate,
        default=0.01,
        metavar="RATE",
        help="the learning rate at the start, from which it falls to 0 along a cosine; by default "
        "%(default)s",
    )
    add(
        "--weight-decay",
        type=_rate,
        metavar="RATE",
        help="by default 0.1 for adamw, and 0 for the others",
    )
    add(
        "--epochs",
        type=_count,
        metavar="N",
        help="how often to go through the samples; by default 25 for digits, 100 for other data",
    )
    add("--batch-size", type=_count, default=16, metavar="N", help="by default %(default)s")
    add("--seed", type=int, default=0, metavar="N", help="by default %(default)s")
    add("--out", type=Path, metavar="FOLDER", help="by default runs/ and the name of the data")
    add(
        "--eager",
        action="store_true",
        help="train on the eager engine, number by number, instead of compiling first: the same "
        "result, slower",
    )
    add(
        "--backend",
        default="numpy",
        choices=["numpy", "jax"],
        help="who runs what was compiled: %(choices)s; by default %(default)s",
    )
    add(
        "--devices",
        type=_count,
        metavar="N",
        help="with the backend jax: how many devices share each minibatch",
    )
    add(
        "--coordinator",
        metavar="HOST:PORT",
        help="with the backend jax, to train by several processes that each have all the data: "
        "where process 0 is. It alone prints, and writes files; the others read its checkpoint",
    )
    add("--processes", type=_count, default=1, metavar="N", help="how many there are")
    add("--process", type=int, default=0, metavar="I", help="which of them this one is, from 0")
    add(
        "--resume",
        action="store_true",
        help="go on with the training that was interrupted in the folder, given the same options",
    )

    predict = command("predict", help="predict with a trained network", description=PREDICT)
    predict.set_defaults(run=commands.predict)
    predict.add_argument("model", type=Path, metavar="MODEL", help="a file that train has written")
    predict.add_argument("file", type=Path, metavar="FILE.csv", help="the samples")
    predict.add_argument(
        "--out", type=Path, metavar="FILE", help="where to write the predictions, as CSV"
    )

    show = command("show", help="describe a trained network", description=SHOW)
    show.set_defaults(run=commands.show)
    show.add_argument("model", type=Path, metavar="MODEL", help="a file that train has written")
    show.add_argument(
        "--graph",
        type=Path,
        metavar="FILE",
        help="draw the network, as .svg, .png, .gif, .pdf, .tex or .dot",
    )
    show.add_argument(
        "--animate",
        type=Path,
        metavar="FILE",
        help="write a page that plays both passes, as .html: those of the largest output or, in a "
        "network too large to follow, of one neuron",
    )
    return parser


def _label(text: str) -> int | str:
    """Read the name or the number of a column."""
    try:
        return int(text)
    except ValueError:
        return text


def _one_of(names: Iterable[str]) -> Callable[[str], str]:
    """Make a reader of one of these names."""

    def read(text: str) -> str:
        if text not in names:
            raise argparse.ArgumentTypeError(
                f"must be one of {', '.join(names)}, not {text!r}{suggestion(text, names)}"
            )
        return text

    return read


def _layers(text: str) -> tuple[int, ...]:
    """Read the sizes of layers."""
    try:
        return tuple(_count(size) for size in text.split(",")) if text.strip() else ()
    except argparse.ArgumentTypeError:
        raise argparse.ArgumentTypeError(
            f"write the sizes of the layers with commas between them, as in 16,16, not {text!r}"
        ) from None


def _count(text: str) -> int:
    """Read a number of things."""
    if not text.strip().isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"must be a whole number, 1 or more, not {text!r}")
    return int(text)


def _rate(text: str) -> float:
    """Read a learning rate or a weight decay."""
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0.0 <= number < math.inf:
        raise argparse.ArgumentTypeError(f"must be a number, 0 or more, not {text!r}")
    return number
