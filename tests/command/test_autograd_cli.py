"""The command `python -m autograd`."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import autograd
from autograd.command.cli import main
from nn.command.cli import main as nn_main

ROOT = Path(__file__).parents[2]


def run(*arguments, **environment):
    """Run the command as a user does."""
    return subprocess.run(
        [sys.executable, "-W", "error", "-m", "autograd", *arguments],
        cwd=ROOT,
        env={**os.environ, "PYTHONIOENCODING": "utf-8", **environment},
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )


@pytest.fixture
def fails(capsys):
    """Call the command, which must fail as for wrong input, and return its message."""

    def call(*arguments):
        try:
            status = main(arguments)
        except SystemExit as stop:
            status = stop.code
        output = capsys.readouterr()
        assert status == 2
        assert output.out == ""
        assert "Traceback" not in output.err
        assert output.err.endswith("\n")
        return output.err

    return call


# --- results ------------------------------------------------------------------------------------


def test_explain_writes_out_the_chain_rule(capsys):
    assert main(["tanh(w*x)", "w=0.5", "x=2", "--explain", "w"]) == 0
    text = capsys.readouterr().out.partition("\n\n∂")[2]
    assert text.startswith("f/∂w = ∂f/∂z₁ · ∂z₁/∂w\n")
    assert text.endswith("  ∂f/∂w = 0.42 · 2 = 0.8399\n")


def test_why_names_the_cause(capsys):
    assert main(["relu(w*f)", "w=-3", "f=2", "--why", "f"]) == 0
    text = capsys.readouterr().out
    assert "∂result/∂f = 0: the gradient is zero.\nCause: dead relu\n" in text


def test_steps_go_through_both_passes(capsys):
    assert main(["w * x", "w=2", "x=3", "--steps"]) == 0
    blocks = capsys.readouterr().out.split("\n\n")
    assert blocks[2].splitlines() == [
        "forward step 1 of 3: w = 2",
        "forward step 2 of 3: x = 3",
        "forward step 3 of 3: f = w · x = 2 · 3 = 6",
    ]
    lines = blocks[3].splitlines()
    assert lines[0] == "backward step 1 of 3: f = w · x, with the gradient ∂f/∂f = 1"
    assert lines[-2:] == [
        "backward step 2 of 3: w is a leaf, with the gradient ∂f/∂w = 3",
        "backward step 3 of 3: x is a leaf, with the gradient ∂f/∂x = 2",
    ]


def test_animate_writes_a_page(tmp_path, capsys):
    path = tmp_path / "-backward.html"
    assert main(["--animate", str(path), "-x**2", "x=3"]) == 0
    assert f"Both passes are animated in {path}" in capsys.readouterr().out
    assert "<title>f: the forward and the backward pass</title>" in path.read_text("utf-8")


def test_the_command_prints_value_and_gradients_and_draws(tmp_path):
    path = tmp_path / "g.svg"
    done = run("tanh(w*x + b)", "w=-3", "x=2", "b=6.88", "--draw", str(path))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == (
        "tanh(w*x + b) = 0.706419\n"
        "\n"
        "variable  value  gradient\n"
        "w            -3   1.00194\n"
        "x             2  -1.50292\n"
        "b          6.88  0.500972\n"
        "\n"
        f"The graph is drawn in {path}\n"
    )
    picture = path.read_text(encoding="utf-8")
    for text in (">tanh<", ">×<", ">w<", ">0.7064<", ">1.002<"):
        assert text in picture


def test_arguments_in_any_order(tmp_path, capsys):
    path = str(tmp_path / "g.dot")
    assert main(["--draw", path, "x*y", "x=2", "y=3"]) == 0
    first = capsys.readouterr().out
    assert main(["x*y", "x=2", "--draw", path, "y=3"]) == 0
    assert capsys.readouterr().out == first
    assert main(["x*y", "x=2", "y=3", f"--draw={path}"]) == 0
    assert capsys.readouterr().out == first


@pytest.mark.parametrize(
    ("expression", "result"),
    [
        ("-x", "-2"),
        ("-x**2", "-4"),
        ("-(x)", "-2"),
        ("-3", "-3"),
        ("--(x)", "2"),
        ("--2*x", "4"),
        ("-hypot(x, 0)", "-2"),
        ("-x + x", "0"),
        (" x ", "2"),
        ("x/0", "inf"),
        ("x*nan", "nan"),
    ],
)
def test_an_expression_may_begin_with_a_minus(expression, result, capsys):
    assert main([expression, "x=2", "nan=nan"]) == 0
    assert capsys.readouterr().out.startswith(f"{expression.strip()} = {result}\n")


def test_columns_are_aligned_in_any_script(capsys):
    assert main(["漢*θ", "漢=2", "θ=-1000000"]) == 0
    table = capsys.readouterr().out.splitlines()[2:]
    assert table == [
        "variable   value  gradient",
        "漢             2    -1e+06",
        "θ         -1e+06         2",
    ]


def test_a_variable_that_does_not_occur_is_noted(capsys):
    assert main(["x", "x=1", "y=2"]) == 0
    output = capsys.readouterr()
    assert output.err == "note: y does not occur in the expression\n"
    assert "y" not in output.out


def test_a_terminal_that_lacks_the_letters():
    done = run("θ*2", "θ=3", PYTHONIOENCODING="ascii")
    assert done.returncode == 0
    assert "\\u03b8*2 = 6" in done.stdout


def test_a_reader_that_has_seen_enough_is_no_error():
    command = [sys.executable, "-m", "autograd", "x**2", "x=3"]
    with subprocess.Popen(command, cwd=ROOT, stdout=-1, stderr=-1) as process:
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 0


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux has a device that is full")
def test_an_output_that_cannot_be_written_is_said_in_a_line():
    command = [sys.executable, "-m", "autograd", "x**2", "x=3"]
    with open("/dev/full", "w") as full:
        done = subprocess.run(command, cwd=ROOT, stdout=full, stderr=-1, text=True, check=False)
    assert done.stderr == "error: the output: No space left on device\n"
    assert done.returncode == 2


def test_there_may_be_no_output_at_all(monkeypatch):
    monkeypatch.setattr("sys.stdout", None)
    assert main(["x**2", "x=3"]) == 0


def test_help(capsys):
    for option in ("--help", "-h"):
        with pytest.raises(SystemExit) as stop:
            main([option])
        assert stop.value.code == 0
        shown = capsys.readouterr().out
        assert 'python -m autograd "tanh(w*x + b)" w=-3 x=2 b=6.88' in shown
        assert "--draw FILE" in shown


@pytest.mark.parametrize("command", [main, nn_main])
def test_version(command, capsys):
    with pytest.raises(SystemExit) as stop:
        command(["--version"])
    assert (stop.value.code, capsys.readouterr().out) == (0, f"chainrule {autograd.__version__}\n")


# --- wrong input --------------------------------------------------------------------------------


def test_wrong_input_ends_without_a_traceback():
    done = run("tanh(w*x", "w=1")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "error: '(' was never closed\n  tanh(w*x\n      ^\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "the following arguments are required: EXPRESSION\n"),
        (("x",), "no value is given for x: give one, as in x=2"),
        (("tanh(w)", "v=1"), "given are v"),
        (
            ("x", "x"),
            "'x' is not NAME=NUMBER, such as x=2.5; an expression with spaces needs quotes",
        ),
        (("w", "*", "x"), "'*' is not NAME=NUMBER"),
        (("x", "x="), "'x=' is not NAME=NUMBER"),
        (("x", "=3"), "'=3' is not NAME=NUMBER"),
        (("x", "x=three"), "'x=three': 'three' is not a number; write one such as x=2.5"),
        (("x", "x=1=2"), "'1=2' is not a number"),
        (("x", "x=1/3"), "'1/3' is not a number"),
        (("x", "x=1", "x=2"), "x is given twice: x=1 and x=2"),
        (("x", "2x=1"), "'2x' cannot be the name of a variable"),
        (("x", "tanh=1"), "tanh is the name of a function"),
        (("x=3",), "there is no = in an expression"),
        (("",), "the expression is empty"),
        (("-",), "the expression ends too early"),
        (("softmax([x])", "x=1"), "this is a list of numbers"),
        (("x", "x=1", "--darw", "g.svg"), "unrecognized arguments: --darw"),
        (("x", "x=1", "--dra", "g.svg"), "unrecognized arguments: --dra"),
        (("x", "--draw"), "argument --draw: expected one argument"),
        (("x", "x=1", "--draw", "g.jpg"), "end the name in .svg, .png, .gif, .pdf, .tex or .dot"),
        (("x", "x=1", "--draw", "-g.svg"), "argument --draw: expected one argument"),
        (("x", "x=1", "--draw", "no/such/folder/g.svg"), "there is no folder"),
        (("x", "x=1", "--animate", "a.avi"), "end the name 'a.avi' in .html"),
        (("w*2", "w=1", "--why", "q"), "--why q: the variables in the expression are w"),
        (("1 + 2", "--explain", "w"), "the variables in the expression are none"),
        (("\ud800", "\ud800=1"), "cannot be the name of a variable"),
    ],
)
def test_messages(arguments, message, fails):
    assert message in fails(*arguments)


def test_a_picture_that_cannot_be_drawn(fails, monkeypatch, tmp_path):
    monkeypatch.setattr("sysconfig.get_path", lambda _: str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "are drawn by graphviz-pure" in fails("x", "x=1", "--draw", str(tmp_path / "g.pdf"))
    assert list(tmp_path.iterdir()) == []
