"""`python -m nn` as a student uses it: what it prints, writes, predicts and refuses."""

import csv
import json
import os
import random
import re
import shlex
import signal
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path
from unittest.mock import Mock

import pytest

import nn
from autograd import dot, draw
from autograd.pictures import render
from nn.command import cli
from nn.command.report import confusion_table, neuron_graph
from nn.command.task import Task
from nn.data import Dataset, digits, iris, moons, train_test_split
from nn.losses import mse_loss

ROOT = Path(__file__).parents[3]


def write_csv(path, dataset, *, header=True, label=True, order=None):
    """Write a data set to a file, its columns in the order given."""
    order = order or range(dataset.n_features)
    with open(path, "w", newline="") as file:
        writer = csv.writer(file)
        if header:
            writer.writerow([dataset.feature_names[j] for j in order] + ["label"] * label)
        for row, y in zip(dataset.X, dataset.y, strict=True):
            target = dataset.class_names[y] if dataset.class_names else y
            writer.writerow([row[j] for j in order] + [target] * label)
    return path


@pytest.fixture
def run(capsys):
    """Run the command in this process; return its status and what it printed."""

    def run(*arguments):
        try:
            status = cli.main([str(argument) for argument in arguments])
        except SystemExit as exit_:
            status = exit_.code
        out, err = capsys.readouterr()
        return status, out, err

    return run


@pytest.fixture(scope="module")
def flowers(tmp_path_factory):
    """Train on iris, once for all tests."""
    out = tmp_path_factory.mktemp("iris")
    assert cli.main(["train", "--data", "iris", "--epochs", "30", "--out", str(out)]) == 0
    return out


# --- train ----------------------------------------------------------------------------------------


def test_train_writes_everything_it_says(run, tmp_path):
    arguments = ["--data", "moons", "--layers", "4", "--epochs", 25, "--out", tmp_path]
    status, out, err = run("train", *arguments)
    assert status == 0
    assert "<Dataset moons: 200 samples, 2 features, 2 classes>" in out
    assert "160 to train with, 40 to test" in out
    assert "epoch 25/25" in err
    assert "Error" not in err
    written = re.findall(r"^  (.*)$", out[out.index("written:") :], re.MULTILINE)
    assert {Path(path).name for path in written} == {
        "model.json",
        "history.csv",
        "learning_curves.png",
        "confusion_matrix.png",
        "decision_boundary.png",
        "neuron.svg",
        "neuron.png",
    }
    assert set(tmp_path.iterdir()) == {*map(Path, written), tmp_path / "checkpoint.json"}
    for path in map(Path, written):
        assert path.stat().st_size > 500
        assert path.suffix != ".png" or path.read_bytes()[1:4] == b"PNG"

    model, metadata = nn.load(tmp_path / "model.json"), nn.read_metadata(tmp_path / "model.json")
    assert repr(model) == "MLP(2 → 4 relu → 2 linear)"
    accuracy = metadata["test"]["accuracy"]
    assert accuracy > 0.8
    training, test = train_test_split(moons(200, noise=0.1), seed=0)
    assert metadata["example"] == Task.of(training).encode(test)[0][0]
    assert f"test        accuracy {accuracy:.1%}" in out
    assert len((tmp_path / "history.csv").read_text().splitlines()) == 26


def test_digits_are_shown_with_their_predictions(run, tmp_path):
    status, out, _ = run("train", "--layers", "8", "--epochs", 1, "--out", tmp_path)
    assert status == 0
    assert "1437 to train with, 360 to test" in out
    assert (tmp_path / "samples.png").read_bytes()[1:4] == b"PNG"

    _, test = train_test_split(digits(), seed=0)
    X = [[grey / 8 - 1 for grey in row] for row in test.X]
    accuracy = nn.accuracy(nn.load(tmp_path / "model.json"), X, test.y)
    assert nn.read_metadata(tmp_path / "model.json")["test"] == {"accuracy": accuracy}


def test_main_job_is_what_train_does_without_options(monkeypatch):
    seen = []
    monkeypatch.setattr(cli.commands, "train", seen.append)
    assert [cli.main(given) for given in ([], ["train"], ["--eager", "--seed", "3"])] == [0, 0, 0]
    assert seen[0] == seen[1]
    assert (seen[0].data, seen[0].seed, seen[0].out) == ("digits", 0, None)
    assert (seen[2].data, seen[2].eager, seen[2].seed) == ("digits", True, 3)


def test_engines_say_which_they_are_and_end_alike_but_not_for_another_seed(run, tmp_path):
    options = ["--data", "iris", "--layers", "4", "--epochs", 3]
    models = []
    for engine, more in (("compiled", []), ("eager", ["--eager"]), ("compiled", ["--seed", 1])):
        status, out, err = run("train", *options, *more, "--out", tmp_path)
        assert status == 0
        assert re.search(rf"^3 epochs in [\d.]+ s, {engine}$", out, re.MULTILINE)
        assert f"epoch 3/3, {engine}" in err
        models.append(nn.load(tmp_path / "model.json").state_dict())
    assert models[0] == pytest.approx(models[1], rel=1e-9)
    assert models[0] != pytest.approx(models[2], rel=1e-3)


def test_train_puts_its_files_under_runs(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_csv("toy.csv", line())
    status, out, _ = run("train", "--data", "toy.csv", "--layers", "", "--epochs", 1)
    assert status == 0
    assert "runs/toy/model.json" in out
    assert repr(nn.load("runs/toy/model.json")) == "MLP(3 → 2 linear)"


@pytest.mark.parametrize("loss", ["binary_cross_entropy", "hinge_loss"])
@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_other_losses_and_optimisers_learn(run, tmp_path, loss, optimizer):
    data = write_csv(tmp_path / "line.csv", line())
    options = ["--loss", loss, "--optimizer", optimizer, "--lr", 0.3, "--epochs", 20]
    status, out, _ = run("train", "--data", data, "--layers", "", "--out", tmp_path, *options)
    assert status == 0
    assert nn.read_metadata(tmp_path / "model.json")["test"]["accuracy"] > 0.9
    status, out, _ = run("predict", tmp_path / "model.json", data)
    expected = "prediction,probability" if loss == "binary_cross_entropy" else "prediction"
    assert out.splitlines()[0] == expected


def line():
    """Two classes that a line divides."""
    points = [[x, y, 0] for x in range(-5, 6) for y in range(-5, 6) if x != y]
    return Dataset(
        points, [int(x > y) for x, y, _ in points], ("a", "b", "c"), ("no", "yes"), "line"
    )


@pytest.fixture(scope="module")
def houses(tmp_path_factory):
    """Make a regression whose numbers are far from 1, its label in the first column."""
    rng = random.Random(0)
    path = tmp_path_factory.mktemp("houses") / "houses.csv"
    lines = ["price,area,age"]
    for _ in range(60):
        area, age = rng.uniform(50, 200), rng.uniform(0, 80)
        lines.append(f"{100000.5 + 4000 * area - 2000 * age},{area},{age}")
    path.write_text("\n".join(lines))
    return path


def test_regression_predicts_in_the_unit_of_the_label(run, tmp_path, houses):
    arguments = ["--data", houses, "--label", "price", "--layers", "", "--lr", 0.05]
    status, out, _ = run("train", *arguments, "--weight-decay", 0, "--out", tmp_path)
    assert status == 0
    assert "accuracy" not in out
    assert not (tmp_path / "confusion_matrix.png").exists()
    test = nn.read_metadata(tmp_path / "model.json")["test"]
    assert test["root mean square error"] < 0.05 * test["that of guessing the mean"]
    assert test["R²"] > 0.997
    assert f"test        R² {test['R²']:.4g}, root mean square error" in out

    (tmp_path / "new.csv").write_text("area,age\n100,10\n")
    status, out, err = run("predict", tmp_path / "model.json", tmp_path / "new.csv")
    assert (status, err) == (0, "")
    name, number = out.splitlines()
    assert name == "prediction"
    assert float(number) == pytest.approx(480000, rel=0.05)

    status, out, err = run("predict", tmp_path / "model.json", houses)
    assert len(out.splitlines()) == 61
    assert "root mean square error" in err


def test_a_file_as_people_have_them_trains_and_is_predicted_alike(run, tmp_path):
    rng = random.Random(0)
    lines = ["district;area;age;price"]
    for i in range(120):
        district, area = rng.choice(["Mitte", "Nord", "West"]), rng.uniform(50, 200)
        price = round(3000 * area + {"Mitte": 300000, "Nord": 0, "West": 100000}[district])
        lines.append(
            f"{district};{area:.1f};{rng.randrange(80) if i else ''};{price}".replace(".", ",")
        )
    data = tmp_path / "houses.csv"
    data.write_text("\n".join(lines))
    arguments = ["train", "--data", data, "--epochs", 30, "--lr", 0.03, "--out", tmp_path]
    status, out, err = run(*arguments)
    assert (status, "119 samples, 5 features, regression" in out) == (0, True)
    notes = [line for line in err.splitlines() if line.startswith("note: ")]
    assert notes == [
        "note: houses: cells are separated by semicolons, and numbers have decimal commas",
        "note: houses: 1 row is left out because of an empty cell, as in row 2, column 'age'; "
        "--empty mean fills such cells in",
        "note: houses: column 'district' is text: its features are district=Mitte, district=Nord, "
        "district=West",
        "note: houses: the label has 119 different whole numbers, so it is taken for a number; for "
        "classes there is --loss cross_entropy",
    ]
    assert nn.read_metadata(tmp_path / "model.json")["test"]["R²"] > 0.9

    new = tmp_path / "new.csv"
    new.write_text("age,area,district\n40,100,Mitte\n,100,Nord\n")
    status, out, err = run("predict", tmp_path / "model.json", new)
    assert (status, err.count("\n")) == (0, 1)
    assert err.startswith("note: new: 1 empty cell is filled in with the mean of the training")
    mitte, nord = map(float, predictions(out))
    assert mitte == pytest.approx(600000, rel=0.15)
    assert mitte - nord == pytest.approx(300000, rel=0.3)


def test_classes_that_cannot_be_in_both_parts_are_said(run, tmp_path):
    data = tmp_path / "rare.csv"
    data.write_text("a,kind\n" + "".join(f"{i},{'xy'[i % 2]}\n" for i in range(20)) + "5,z\n")
    status, _, err = run("train", "--data", data, "--epochs", 1, "--out", tmp_path)
    assert status == 0
    assert err.startswith("note: rare: the classes are not all in the test, since there are 5 sam")


def test_a_table_too_small_for_validation_trains_without(run, tmp_path):
    data = write_csv(tmp_path / "few.csv", line().subset([0, 1, 2, 3, 91, 92, 93, 94]))
    status, out, _ = run("train", "--data", data, "--epochs", 1, "--out", tmp_path)
    assert status == 0
    assert "val_loss" not in (tmp_path / "history.csv").read_text()
    assert "validation" not in out


# --- predict and show -----------------------------------------------------------------------------


def predictions(text):
    return [row["prediction"] for row in csv.DictReader(text.splitlines())]


def test_predict_names_the_classes_on_screen_or_in_a_file(run, tmp_path, flowers):
    data = write_csv(tmp_path / "f.csv", iris(), label=False)
    status, out, err = run("predict", flowers / "model.json", data)
    assert (status, err) == (0, "")
    written = tmp_path / "predictions.csv"
    status, told, _ = run("predict", flowers / "model.json", data, "--out", written)
    assert (status, told) == (0, f"150 predictions are in {written}\n")
    assert written.read_text() == out
    right = [iris().class_names[k] for k in iris().y]
    guesses = predictions(out)
    assert len(guesses) == 150
    assert sum(map(str.__eq__, guesses, right)) > 135
    probabilities = [float(row["probability"]) for row in csv.DictReader(out.splitlines())]
    assert min(probabilities) > 1 / 3
    assert max(probabilities) <= 1


def test_predict_takes_columns_by_name_and_compares_with_the_label(run, tmp_path, flowers):
    plain = write_csv(tmp_path / "plain.csv", iris(), label=False, header=False)
    mixed = write_csv(tmp_path / "mixed.csv", iris(), order=[2, 0, 3, 1])
    _, expected, _ = run("predict", flowers / "model.json", plain)
    status, out, err = run("predict", flowers / "model.json", mixed)
    assert (status, out) == (0, expected)
    right = [iris().class_names[k] for k in iris().y]
    accuracy = sum(map(str.__eq__, predictions(out), right)) / 150
    assert err == f"compared with the label in {mixed}: accuracy {accuracy:.1%}\n"


def test_show_tells_what_is_known(run, flowers, tmp_path):
    status, out, _ = run("show", flowers / "model.json")
    assert status == 0
    assert "layer3  Layer  linear      16 → 3" in out
    accuracy = nn.read_metadata(flowers / "model.json")["test"]["accuracy"]
    assert re.search(rf"in the test +accuracy {accuracy:.1%}", out)
    assert re.search(r"data +iris", out)

    nn.save(nn.MLP(2, [1]), tmp_path / "bare.json")
    status, out, _ = run("show", tmp_path / "bare.json")
    assert status == 0
    assert out.rstrip().endswith("3 trainable, 0 frozen")


def test_show_draws_the_network_and_animates_a_neuron_of_a_large_one(run, flowers, tmp_path):
    graph, page = tmp_path / "network.svg", tmp_path / "passes.html"
    status, out, _ = run("show", flowers / "model.json", "--graph", graph, "--animate", page)
    assert status == 0
    network, passes = out.splitlines()[-2:]
    assert network == f"The network is drawn in {graph}"
    what = re.fullmatch(
        rf"Both passes of neuron (\d+) of layer 1 on a sample of the test are animated in {page}",
        passes,
    )
    model, metadata = nn.load(flowers / "model.json"), nn.read_metadata(flowers / "model.json")
    assert graph.read_bytes() == render.render(draw(model).source, "svg")
    task = Task.from_dict(metadata["task"])
    x = task.encode(train_test_split(iris(), seed=0)[1])[0][0]
    neuron = model.layers[0].neurons[int(what[1]) - 1]
    leaves = {node["name"]: node["data"] for node in animated(page) if not node["op"]}
    assert leaves == {
        **dict(zip(["x₁", "x₂", "x₃", "x₄"], x, strict=True)),
        **{p.name: p.data for p in neuron.parameters()},
    }


def test_show_draws_other_networks_but_animates_none(run, tmp_path):
    path, graph = tmp_path / "model.json", tmp_path / "net.svg"
    nn.save(nn.Sequential(nn.RMSNorm(2), nn.Layer(2, 1, seed=0)), path)
    status, out, _ = run("show", path, "--graph", graph)
    assert status == 0
    assert "RMSNorm" in out
    assert graph.exists()
    status, _, err = run("show", path, "--animate", tmp_path / "passes.html")
    assert status != 0
    assert "is no MLP, and nothing else can be animated" in err


def test_show_animates_the_larger_output_of_a_small_network(run, tmp_path):
    model = nn.MLP(2, [3, 2], seed=1)
    nn.save(model, tmp_path / "small.json")
    page = tmp_path / "passes.html"
    status, out, _ = run("show", tmp_path / "small.json", "--animate", page)
    assert status == 0
    outputs = [y.data for y in model([1.0, 1.0])]
    k = outputs.index(max(outputs)) + 1
    last = f"Both passes of output {k} on inputs that are all 1 are animated in {page}"
    assert out.splitlines()[-1] == last
    assert {node["name"]: node["data"] for node in animated(page)}[f"ŷ{'₀₁₂'[k]}"] == max(outputs)


def animated(page):
    """The nodes that an animation shows."""
    text = page.read_text(encoding="utf-8")
    data = re.search(r'<script[^>]*type="application/json"[^>]*>(.*?)</script>', text, re.DOTALL)
    return json.loads(data[1])["nodes"]


# --- interrupted and resumed ----------------------------------------------------------------------


def test_ctrl_c_leaves_a_checkpoint_that_resumes_to_the_same_network(tmp_path, uncovered):
    arguments = ["train", "--data", "iris", "--layers", "8,8", "--epochs", "15", "--eager"]
    out = tmp_path / "a run"
    command = [sys.executable, "-m", "nn", *arguments, "--out", str(out)]
    pipe = subprocess.PIPE
    process = subprocess.Popen(command, cwd=ROOT, env=uncovered, stdout=pipe, stderr=pipe)
    checkpoint = out / "checkpoint.json"
    deadline = time.monotonic() + 60
    while not (checkpoint.exists() and len(json.loads(checkpoint.read_text())["history"]) >= 2):
        assert process.poll() is None, process.stderr.read().decode()
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    last = err.decode().splitlines()[-1]
    assert process.returncode == 130
    assert "Traceback" not in err.decode()
    prefix = "interrupted; to go on: python -m nn "
    assert last.startswith(prefix)
    assert 2 <= len(json.loads(checkpoint.read_text())["history"]) < 15
    assert not (out / "model.json").exists()

    resume = shlex.split(last.removeprefix(prefix))
    assert resume == [*arguments, "--out", str(out), "--resume"]
    assert cli.main(resume) == 0
    assert cli.main([*arguments, "--out", str(tmp_path / "whole")]) == 0
    assert (out / "model.json").read_text() == (tmp_path / "whole" / "model.json").read_text()


def test_ctrl_c_elsewhere_is_short_too(run, monkeypatch):
    monkeypatch.setattr(cli.commands, "show", Mock(side_effect=KeyboardInterrupt))
    assert run("show", "x.json") == (130, "", "interrupted\n")


def test_nothing_is_promised_before_there_is_a_checkpoint(run, monkeypatch, tmp_path):
    monkeypatch.setattr(cli.commands, "fit", Mock(side_effect=KeyboardInterrupt))
    train = "train", "--data", "iris", "--out", tmp_path
    assert run(*train)[::2] == (130, "interrupted\n")
    (tmp_path / "checkpoint.json").write_text("{}")
    assert run(*train)[2].startswith("interrupted; to go on: ")


def test_a_resumed_run_that_is_interrupted_resumes_by_the_same_command(run, monkeypatch):
    monkeypatch.setattr(cli.commands, "train", Mock(side_effect=cli.commands.Interrupted))
    expected = "interrupted; to go on: python -m nn train --resume\n"
    assert run() == run("train") == run("train", "--resume") == (130, "", expected)


@pytest.mark.parametrize(("command", "lines"), [("predict", 1), ("show", 0)])
def test_a_reader_may_stop_early(tmp_path, flowers, command, lines):
    samples = iris()
    many = Dataset(samples.X * 40, samples.y * 40, samples.feature_names, (), "many")
    data = [write_csv(tmp_path / "many.csv", many, label=False)] * lines
    pipe = subprocess.PIPE
    with subprocess.Popen(
        [sys.executable, "-m", "nn", command, flowers / "model.json", *data],
        cwd=ROOT,
        env={**os.environ, "PYTHONUNBUFFERED": ""},  # so that the last words come at the very end
        stdout=pipe,
        stderr=pipe,
    ) as process:
        for _ in range(lines):
            process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 0


# --- mistakes -------------------------------------------------------------------------------------


@pytest.fixture
def files(tmp_path, monkeypatch, flowers):
    """Make a folder with all sorts of files."""
    monkeypatch.chdir(tmp_path)
    Path("cell.csv").write_text("a,b,kind\n1,2,cat\n3,x,dog\n")
    Path("one.csv").write_text("a,kind\n" + "1.5,cat\n" * 20)
    Path("wide.csv").write_text("1,2,3,4,5,6\n")
    Path("numbers.csv").write_text("1.0,2.0,3.0,4.0,5.5\n")
    Path("letters.csv").write_text("a,b,c,d\n1,2,3,x\n")
    Path("long.csv").write_text('"' + "x" * 200_000 + "\n")
    Path("prices.csv").write_text("".join(f"{i},{i}.5\n" for i in range(20)))
    Path("empty.csv").write_text("")
    Path("row.csv").write_text("a,kind\n1,cat\n")
    Path("model.json").write_text((flowers / "model.json").read_text())
    document = json.loads(Path("model.json").read_text())
    del document["metadata"]["task"]["inputs"]
    Path("damaged.json").write_text(json.dumps(document))
    Path("cut.json").write_text(Path("model.json").read_text()[:500])
    nn.save(nn.MLP(2, [1]), "bare.json")
    nn.save(nn.MLP(2, [1]), "odd.json", {"example": [1.0]})


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("train --data nope", "no data set 'nope'; choose from digits, iris"),
        ("train --data nope.csv", "nope.csv: No such file or directory"),
        ("train --data cell.csv", "cell.csv, row 3, column 'b': 'x' is not a number"),
        ("train --data cell.csv --label c", "there is no column 'c'; the columns are 'a', 'b'"),
        ("train --data empty.csv", "empty.csv: the file is empty"),
        ("train --data one.csv", "all samples of one are in the class 'cat', so there is"),
        ("train --data rows.tsv --label 2", "no data set 'rows.tsv'; choose from"),
        ("train --data iris --label 2", "--label is for CSV files, and iris is none: leave it out"),
        ("train --data iris --empty mean", "--empty is for CSV files, and iris is none: leave it"),
        ("train --data row.csv", "row has 1 sample; it takes one to train and one to test"),
        ("train --data iris --loss mse_loss", "is for numbers, but iris has classes to predict"),
        ("train --data cell.csv --label kind --loss mse_loss", "'x' is not a number"),
        ("train --data one.csv --loss mse_loss", "row 2, column 'kind': 'cat' is not a number"),
        ("train --data prices.csv --loss hinge_loss", "is for classes, but prices has numbers"),
        ("train --data iris --loss binary_cross_entropy", "is for two classes, and iris has 3"),
        ("train --data iris --out cell.csv", "cell.csv is a file: choose a folder with --out"),
        ("train --data iris --out cell.csv/x", "cell.csv/x: Not a directory"),
        ("train --data iris --out new --resume", "no new/checkpoint.json to go on from: leave out"),
        ("train --layers 16,x", "argument --layers: write the sizes of the layers with commas"),
        ("train --layers 0", "argument --layers: write the sizes of the layers with commas"),
        ("train --lr fast", "argument --lr: must be a number, 0 or more, not 'fast'"),
        ("train --lr=-1", "argument --lr: must be a number, 0 or more, not '-1'"),
        ("train --weight-decay inf", "argument --weight-decay: must be a number, 0 or more"),
        ("train --loss mse", "mae_loss, not 'mse'; did you mean 'mse_loss'?"),
        (
            "train --optimizer Adam",
            "must be one of sgd, adam, adamw, not 'Adam'; did you mean 'adam'",
        ),
        ("train --epochs 0", "argument --epochs: must be a whole number, 1 or more, not '0'"),
        ("train --batch-size 1.5", "argument --batch-size: must be a whole number, 1 or more"),
        ("train --seed x", "argument --seed: invalid int value: 'x'"),
        ("train --activation softmax", "argument --activation: invalid choice: 'softmax'"),
        ("train --epoch 3", "unrecognized arguments: --epoch 3"),
        ("fly", "argument COMMAND: invalid choice: 'fly'"),
        ("predict model.json", "the following arguments are required: FILE.csv"),
        ("predict no.json cell.csv", "no.json: No such file or directory"),
        ("predict cut.json cell.csv", "cut.json: it is not JSON, or cut short"),
        ("predict bare.json cell.csv", "bare.json does not say what the inputs and outputs"),
        ("predict damaged.json cell.csv", "damaged.json: the task is damaged: KeyError('inputs')"),
        ("predict model.json no.csv", "no.csv: No such file or directory"),
        ("predict model.json wide.csv", "wide.csv has 6 columns, but the network was trained on 4"),
        ("predict model.json letters.csv", "letters.csv, row 2, column 'd': 'x' is not a number"),
        (
            "predict model.json long.csv",
            "long.csv, row 1: malformed CSV: field larger than field limit",
        ),
        ("predict model.json numbers.csv", "the labels of numbers are numbers, but the network"),
        ("predict model.json . ", ".: Is a directory"),
        ("show model.json --graph net.jpg", "cannot save a picture as 'net.jpg': end the name in"),
        ("show model.json --graph no/net.svg", "no/net.svg: there is no folder "),
        ("show model.json --animate net.svg", "end the name 'net.svg' in .html"),
        ("show odd.json --animate x.html", "odd.json: the example must be 2 numbers, not [1.0]"),
    ],
)
@pytest.mark.usefixtures("files")
def test_a_mistake_gets_one_line_and_status_2(run, command, message):
    status, _, err = run(*shlex.split(command))
    assert status == 2
    assert err.startswith("error: ")
    assert message in err
    assert err.count("\n") == 1
    assert not Path("new").exists()


def test_a_checkpoint_of_another_run_is_refused(run, tmp_path):
    arguments = ["train", "--data", "iris", "--epochs", 1, "--out", tmp_path]
    assert run(*arguments)[0] == 0
    status, _, err = run(*arguments, "--resume", "--layers", "3")
    assert status == 2
    last = err.splitlines()[-1]
    assert "checkpoint.json: it belongs to another run: model was 'MLP(4 → 16 relu" in last


@pytest.mark.filterwarnings("ignore::nn.MistakeWarning")
def test_divergence_is_status_1(run, tmp_path):
    options = ["--optimizer", "sgd", "--lr", 1e300, "--loss", "hinge_loss"]
    status, _, err = run("train", "--data", "moons", *options, "--out", tmp_path)
    assert status == 1
    assert "error: the training diverged: epoch 1, batch" in err.splitlines()[-1]


@pytest.mark.parametrize("command", [[], ["train"], ["predict"], ["show"]])
def test_help_has_examples_that_are_right(run, command):
    status, out, _ = run(*command, "--help")
    assert status == 0
    examples = re.findall(r"^  python -m nn ?(.*)$", out, re.MULTILINE)
    assert examples
    for example in examples:
        if example:
            cli._parser().parse_args(cli._with_command(shlex.split(example)))


def test_python_m_nn_runs(run_python):
    code = """
import runpy, sys
sys.argv = ["nn", "show", "--help"]
runpy.run_module("nn", run_name="__main__")
"""
    assert "Show the layers of a network" in run_python(code)


# --- parts ----------------------------------------------------------------------------------------


def test_a_neuron_apart_has_the_gradients_that_it_has_in_the_network():
    model = nn.MLP(3, [4, 2, 1], "tanh", seed=3)
    x, target = [0.5, -1.0, 2.0], 0.25
    mse_loss(model(x), target).backward()
    gradients = {name: p.grad for name, p in model.named_parameters()}

    graph = neuron_graph(model, mse_loss, x, target)
    assert graph.op == "linear" or graph.op == "dot"  # layer 3 has the fewest inputs, two
    assert (graph.name, len(graph.parents)) == ("z", 5)
    for parent in graph.parents:
        if parent.name.startswith("layer3"):
            assert parent.grad == pytest.approx(gradients[parent.name], rel=1e-12)
    ws, xs, b = graph.parents[:2], graph.parents[2:4], graph.parents[4]
    assert graph.data == dot(ws, xs, b).data == model(x).data
    assert [v.name for v in xs] == ["x1", "x2"]


def test_a_class_without_samples_has_no_share():
    assert confusion_table([[0, 0], [1, 3]], ["a", "b"]).splitlines()[1:] == [
        "a           ·  ·         no samples",
        "b           1  3              75.0%",
    ]


def test_a_task_survives_its_file_exactly():
    for dataset in (iris(), Dataset([[0.1], [0.7]], [1 / 3, 2 / 3], ("x",), (), "toy")):
        task = Task.of(dataset)
        assert Task.from_dict(json.loads(json.dumps(asdict(task)))) == task


def test_probabilities_are_those_of_the_softmax_and_the_sigmoid():
    task = Task.of(moons())
    assert task.answer([0.0, 2.0]).probability == pytest.approx(1 / (1 + 2.718281828459045**-2))
    binary = Task.of(moons(), loss="binary_cross_entropy")
    for z in (-2.0, 2.0):
        answer = binary.answer([z])
        assert answer.prediction == ("upper" if z < 0 else "lower")
        assert answer.probability == pytest.approx(1 / (1 + 2.718281828459045**-2))
