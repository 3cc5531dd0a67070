"""The command `python -m autograd`: the value, the gradient and the graph of an expression."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence

from autograd import __version__, notation
from autograd.classroom import animate, worksheets
from autograd.command.expression import ExpressionError, evaluate
from autograd.command.status import status_of
from autograd.engine import Value
from autograd.explanations import backward_steps, explain, forward_steps, why
from autograd.pictures import draw

EXAMPLES = """\
examples:
  python -m autograd "tanh(w*x + b)" w=-3 x=2 b=6.88
  python -m autograd "dot([w1, w2], [x1, x2], b)" w1=1 w2=-2 x1=3 x2=4 b=0.5 --draw neuron.svg
  python -m autograd "where(x > 0, x, 0.01*x)" x=-5
  python -m autograd "(tanh(w*x + b) - y)**2" w=-3 x=2 b=6.88 y=1 --explain w
  python -m autograd "relu(w*x)" w=-3 x=2 --why w
  python -m autograd "tanh(w*x + b)" w=-3 x=2 b=6.88 --steps --animate backward.html
  python -m autograd worksheet --level 2 --seed 7 --out sheet.html

An expression has numbers, variables, + - * / **, parentheses and the functions of this package,
such as exp, ln, sigmoid, relu, gelu and softmax; e and pi are known. Put it in quotes, or the
shell reads it first.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command, and return its exit status.

    Args:
        arguments: what follows the name of the command; by default, what the user typed.

    >>> main(["w * x", "w=2", "x=3"])
    w * x = 6
    <BLANKLINE>
    variable  value  gradient
    w             2         3
    x             3         2
    0
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    if given[:1] == ["worksheet"]:
        return status_of(lambda: worksheets.command(given[1:]))
    return status_of(lambda: _evaluate(_parser().parse_intermixed_args(_shielded(given))))


def _evaluate(options: argparse.Namespace) -> None:
    """Evaluate the expression, and print and write what is asked for."""
    given = _numbers(options.variables)
    result, variables = evaluate(options.expression.strip(), given)
    result.backward()
    if options.draw is not None:
        draw(result).save(options.draw)
    texts = _explanations(result, variables, options)
    if options.animate is not None:
        animate(result, options.animate)
    print(f"{options.expression.strip()} = {result:.6g}")
    if variables:
        print(f"\n{_table(variables)}")
    for text in texts:
        print(f"\n{text}")
    if options.draw is not None:
        print(f"\nThe graph is drawn in {options.draw}")
    if options.animate is not None:
        print(f"\nBoth passes are animated in {options.animate}")
    for name in given:
        if name not in variables:
            print(f"note: {name} does not occur in the expression", file=sys.stderr)


def _parser() -> argparse.ArgumentParser:
    """Describe the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m autograd",
        description="Evaluate an expression and differentiate it with respect to every variable.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"chainrule {__version__}")
    parser.add_argument("expression", metavar="EXPRESSION", help='such as "tanh(w*x + b)"')
    parser.add_argument(
        "variables", metavar="NAME=NUMBER", nargs="*", default=[], help="the value of a variable"
    )
    parser.add_argument(
        "--draw", metavar="FILE", help="draw the graph, as .svg, .png, .gif, .pdf, .tex or .dot"
    )
    parser.add_argument(
        "--steps", action="store_true", help="go through the forward and the backward pass"
    )
    parser.add_argument(
        "--animate",
        metavar="FILE",
        help="write a page that plays both passes, as .html, or a film, as .gif or .mp4",
    )
    parser.add_argument(
        "--explain", metavar="NAME", help="write out the chain rule for the gradient of a variable"
    )
    parser.add_argument(
        "--why", metavar="NAME", help="say why the gradient of a variable is 0, nan, tiny or huge"
    )
    return parser


def _explanations(
    result: Value, variables: Mapping[str, Value], options: argparse.Namespace
) -> list[str]:
    """Write what is asked for about both passes and about the gradients of single variables."""
    if result.op:
        result.name = "f" if "f" not in variables else "result"
    texts = []
    if options.steps:
        texts = ["\n".join(map(str, steps(result))) for steps in (forward_steps, backward_steps)]
    for option, function in (("explain", explain), ("why", why)):
        name = getattr(options, option)
        if name is None:
            continue
        if name not in variables:
            known = ", ".join(variables) or "none"
            raise ExpressionError(f"--{option} {name}: the variables in the expression are {known}")
        texts.append(str(function(result, variables[name])))
    return texts


def _shielded(arguments: Sequence[str]) -> list[str]:
    """Put a space before an expression such as -x**2, lest it be taken for an option."""
    shielded = []
    for before, x in zip(["", *arguments], arguments, strict=False):
        is_option = x == "-h" or (x[:2] == "--" and (x == "--" or x[2].isalpha()))
        negative = x.startswith("-") and not is_option and before not in ("--draw", "--animate")
        shielded.append(f" {x}" if negative else x)
    return shielded


def _numbers(assignments: Sequence[str]) -> dict[str, float]:
    """Read arguments such as w=-3."""
    numbers: dict[str, float] = {}
    for assignment in assignments:
        name, sign, number = [x.strip() for x in assignment.partition("=")]
        if not (name and sign and number):
            raise ExpressionError(
                f"{assignment!r} is not NAME=NUMBER, such as x=2.5; an expression with spaces "
                f"needs quotes around it"
            )
        if name in numbers:
            raise ExpressionError(
                f"{name} is given twice: {name}={numbers[name]:g} and {assignment}"
            )
        try:
            numbers[name] = float(number)
        except ValueError:
            raise ExpressionError(
                f"{assignment!r}: {number!r} is not a number; write one such as {name}=2.5"
            ) from None
    return numbers


def _table(variables: Mapping[str, Value]) -> str:
    """Lay out the variables with their values and gradients in aligned columns."""
    rows = [("variable", "value", "gradient")]
    rows += [(name, f"{x.data:.6g}", f"{x.grad:.6g}") for name, x in variables.items()]
    return notation.aligned(rows)
