"""Training: what `fit` computes, records, refuses, undoes and resumes."""

import csv
import gc
import json
import math
import random
import re
from dataclasses import replace

import numpy as np
import pytest

import nn
from autograd import Value, mean, sqrt
from nn.data import iris, moons, standardise
from nn.layers import MLP
from nn.losses import cross_entropy
from nn.module import Module
from nn.optim import SGD, Adam
from nn.schedules import Cosine, StepDecay
from nn.training.callbacks import Callback, Checkpoint, EarlyStopping
from nn.training.history import Epoch, History
from nn.training.loop import fit
from nn.training.samples import checked, set_aside

(POINTS,) = standardise(moons(60, seed=1))
X, Y = POINTS.X, POINTS.y


def network(seed=0, sizes=(4, 2)):
    return MLP(2, list(sizes), "tanh", seed=seed)


def train(model=None, **options):
    """Train quickly and quietly; return the model and the history."""
    model = network() if model is None else model
    defaults = {"epochs": 3, "batch_size": 16, "lr": 0.05, "progress": False}
    return model, fit(model, X, Y, **{**defaults, **options})


def numbers(history):
    """Return a history without its times, which nobody can repeat."""
    columns = history.columns()
    del columns["seconds"]
    return columns


class Line(Module):
    """y = slope · x + intercept."""

    def __init__(self):
        self.slope, self.intercept = Value(2.0), Value(0.0)

    def __call__(self, x):
        return self.slope * x + self.intercept


class Spy(Callback):
    """Note what is called, and how far the training is."""

    def __init__(self):
        self.seen = []

    def on_train_begin(self, run):
        self.seen.append(("begin", len(run.history)))

    def on_epoch_end(self, run):
        self.seen.append(("epoch", len(run.history)))

    def on_train_end(self, run):
        self.seen.append(("end", len(run.history)))


class Interrupting:
    """A learning rate during which the user presses Ctrl-C: before the step of that number."""

    def __init__(self, lr, at):
        self.lr, self.countdown = lr, at

    def __call__(self, epoch):
        if epoch:
            self.countdown -= 1
        if self.countdown == 0:
            raise KeyboardInterrupt
        return self.lr


# --- the numbers ----------------------------------------------------------------------------------


def test_an_epoch_of_gradient_descent_by_hand():
    # L = mean of (2x - 1)²: 1, 1, 9 for x = 0, 1, 2; ∂L/∂slope = mean of 2x(2x - 1) = 14/3,
    # ∂L/∂intercept = mean of 2(2x - 1) = 2
    line = Line()
    history = fit(line, [0, 1, 2], [1, 1, 1], "mse_loss", "sgd", epochs=1, lr=0.3, progress=False)
    assert history[-1].loss == pytest.approx(11 / 3)
    assert line.slope.data == pytest.approx(2 - 0.3 * 14 / 3)
    assert line.intercept.data == pytest.approx(-0.3 * 2)


def test_loss_of_an_epoch_is_the_mean_over_samples_not_minibatches():
    # batches of 2 and 1; with lr = 0 every sample is seen by the same model
    history = fit(Line(), [0, 1, 2], [1, 1, 1], "mse_loss", "sgd", 1, 2, lr=0, progress=False)
    assert history[-1].loss == pytest.approx(11 / 3)


def test_it_learns():
    model, history = train(network(sizes=(6, 2)), epochs=25, lr=0.1)
    assert history[-1].loss < 0.2 * history[0].loss
    assert nn.accuracy(model, X, Y) > 0.95
    assert [epoch.epoch for epoch in history] == list(range(1, 26))


@pytest.mark.parametrize("compiled", [True, False])
def test_training_is_deterministic_for_a_seed(compiled):
    options = {"validation": 0.2, "lr": Cosine(0.05, 3), "compile": compiled}
    (one, h1), (two, h2), (other, h3) = (train(**options, seed=s) for s in (7, 7, 8))
    assert one.state_dict() == two.state_dict()
    assert numbers(h1) == numbers(h2)
    assert one.state_dict() != other.state_dict()
    assert numbers(h1) != numbers(h3)


def test_training_ignores_and_leaves_alone_the_global_generator():
    random.seed(1)
    before = random.getstate()
    first, _ = train()
    assert random.getstate() == before
    random.seed(2)
    second, _ = train()
    assert first.state_dict() == second.state_dict()


@pytest.mark.parametrize(
    "data",
    [
        (np.array(X), np.array(Y)),
        (tuple(map(tuple, X)), tuple(Y)),
        (list(np.array(X)), list(np.array(Y))),
    ],
)
def test_arrays_and_tuples_give_the_same_numbers(data):
    expected, _ = train(epochs=1)
    model = network()
    fit(model, *data, epochs=1, batch_size=16, lr=0.05, progress=False)
    assert model.state_dict() == expected.state_dict()


@pytest.mark.parametrize("compiled", [True, False])
def test_gradients_are_zero_in_the_end(compiled):
    model = network()
    for p in model.parameters():
        p.grad = 1.0
    train(model, compile=compiled)
    assert not any(p.grad for p in model.parameters())


def test_gradients_are_clipped():
    model = network()
    before = np.array([p.data for p in model.parameters()])
    train(model, optimizer="sgd", lr=1.0, epochs=1, batch_size=60, max_grad_norm=0.01)
    after = np.array([p.data for p in model.parameters()])
    assert np.linalg.norm(after - before) == pytest.approx(0.01)


def test_a_schedule_sets_the_learning_rate_before_every_step():
    rates = []

    def schedule(time):
        rates.append(time)
        return 0.1 / (1 + time)

    _, history = train(epochs=2, batch_size=16, lr=schedule)  # 4 minibatches an epoch
    assert rates == [0.0, 0, 0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 1.75]
    assert [epoch.lr for epoch in history] == [0.1 / 1.75, 0.1 / 2.75]


def test_a_given_optimiser_is_used_and_keeps_its_rate():
    model = network()
    optimizer = SGD(model.parameters(), lr=0.125, momentum=0.5)
    _, history = train(model, optimizer=optimizer, lr=None, epochs=1)
    assert history[-1].lr == 0.125
    assert any(optimizer.velocity)
    train(model, optimizer=optimizer, lr=0.25, epochs=1)
    assert optimizer.lr == 0.25


# --- what is measured -----------------------------------------------------------------------------


def test_validation_is_measured_with_the_parameters_of_the_end_of_the_epoch():
    model, history = train(validation=(X[:10], Y[:10]), epochs=1)
    expected = mean([cross_entropy(model(x), y) for x, y in zip(X[:10], Y[:10], strict=True)])
    assert history[-1].val_loss == pytest.approx(expected.data, rel=1e-12)
    assert history[-1].val_accuracy == nn.accuracy(model, X[:10], Y[:10])


def test_samples_have_a_fingerprint():
    prints = [
        checked(inputs, targets).fingerprint()
        for inputs, targets in (([[1, 2]], [0]), ([[1, 3]], [0]), ([[1, 2]], [1]), ([1], [0]))
    ]
    assert len(set(prints)) == 4
    assert checked([(1.0, 2.0)], [0]).fingerprint() == prints[0]


def test_a_share_set_aside_is_neither_trained_on_nor_lost():
    samples = checked([[float(i)] for i in range(10)], list(range(10)))
    training, held_out = set_aside(samples, 0.3, random.Random(0))
    assert (len(training), len(held_out)) == (7, 3)
    assert training.X is samples.X  # no copy of what may be large
    ((part, minibatches),) = training.epoch(4, random.Random(2))
    trained = [part.y[i] for minibatch in minibatches for i in minibatch]
    assert sorted(trained + held_out.y) == samples.y
    assert [[float(y)] for y in held_out.y] == [*held_out.X]
    assert set_aside(samples, 0.3, random.Random(1))[1].y != held_out.y


@pytest.mark.parametrize(
    ("loss", "outputs", "targets", "measured"),
    [
        ("cross_entropy", 2, Y, True),
        ("cross_entropy", 2, [[1 - y, y] for y in Y], True),
        ("binary_cross_entropy", 1, Y, True),
        ("binary_cross_entropy", 1, [0.25 + 0.5 * y for y in Y], False),
        ("hinge_loss", 1, [2 * y - 1 for y in Y], True),
        ("hinge_loss", 2, Y, True),
        ("mse_loss", 1, Y, False),
        ("mae_loss", 1, Y, False),
        (lambda output, target: (output - target) ** 2, 1, [2 * y - 1 for y in Y], True),
        (lambda output, target: (output - target) ** 2, 1, [y + 0.5 for y in Y], False),
    ],
)
def test_accuracy_is_measured_where_targets_are_classes(loss, outputs, targets, measured):
    model = network(sizes=(4, outputs))
    history = fit(
        model, X, targets, loss, epochs=2, lr=0.0, validation=(X, targets), progress=False
    )
    names = ["loss", "accuracy"] if measured else ["loss"]
    columns = ["epoch", *names, *[f"val_{name}" for name in names], "lr", "seconds"]
    assert list(history.columns()) == columns
    if measured:
        assert history[-1].accuracy == history[-1].val_accuracy == nn.accuracy(model, X, targets)


def test_a_history_becomes_a_table(tmp_path):
    _, history = train(validation=0.2, epochs=4)
    history.to_csv(tmp_path / "history.csv")
    with open(tmp_path / "history.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 4
    assert list(rows[0]) == [
        "epoch", "loss", "accuracy", "val_loss", "val_accuracy", "lr", "seconds",
    ]  # fmt: skip
    for row, epoch in zip(rows, history, strict=True):
        assert int(row["epoch"]) == epoch.epoch
        assert float(row["loss"]) == epoch.loss
        assert float(row["val_accuracy"]) == epoch.val_accuracy


@pytest.mark.parametrize(("n", "epochs"), [(2, "12"), (13, "1234…78910111213"), (12, None)])
def test_a_notebook_shows_a_history_as_a_table(n, epochs):
    history = History([Epoch(epoch=i, loss=1 / i, lr=0.1, seconds=1.0) for i in range(1, n + 1)])
    history.engine = "compiled"
    table = history._repr_html_()
    assert f"<caption>{n} epochs, compiled</caption>" in table
    first = re.findall("<tr><td[^>]*>(.*?)</td>", table)
    assert "".join(first) == (epochs or "".join(map(str, range(1, n + 1))))
    assert '<td style="text-align: right">0.5</td>' in table


def test_a_history_says_what_came_last():
    assert repr(History()) == "<History: no epochs>"
    epoch = Epoch(epoch=3, loss=0.25, accuracy=0.5, lr=0.1, seconds=2.0)
    assert repr(History([epoch])) == (
        "<History: epoch 3, loss 0.25, accuracy 50.0%, lr 0.1, seconds 2>"
    )


def test_the_progress_bar_goes_to_standard_error(capsys):
    train(progress=True, validation=0.2)
    out, err = capsys.readouterr()
    assert out == ""
    assert "epoch 3/3, compiled" in err
    assert "val_accuracy" in err
    train(progress=False)
    assert capsys.readouterr() == ("", "")


# --- callbacks ------------------------------------------------------------------------------------


def test_callbacks_are_called_around_epochs():
    spy = Spy()
    train(epochs=2, callbacks=iter([spy]))
    assert spy.seen == [("begin", 0), ("epoch", 1), ("epoch", 2), ("end", 2)]


def test_a_callback_can_stop_the_training():
    class Stop(Callback):
        def on_epoch_end(self, run):
            run.stopped = len(run.history) == 2

    _, history = train(epochs=9, callbacks=[Stop()])
    assert len(history) == 2


def test_an_error_skips_the_end():
    spy = Spy()
    with pytest.raises(KeyboardInterrupt):
        train(lr=Interrupting(0.05, 5), callbacks=[spy])
    assert spy.seen == [("begin", 0), ("epoch", 1)]


class Scripted(Callback):
    """Set the model's bias to the number of the epoch, and pretend a measurement."""

    def __init__(self, name, values):
        self.name, self.values = name, values

    def on_epoch_end(self, run):
        number = len(run.history)
        run.history[-1] = replace(run.history[-1], **{self.name: self.values[number - 1]})
        run.model.layers[0].neurons[0].b.data = float(number)


@pytest.mark.parametrize(
    ("monitor", "values", "epochs", "best"),
    [
        ("val_loss", [3, 2, 1, 1.5, 1.2, 0.5], 5, 3),
        ("val_accuracy", [0.1, 0.5, 0.2, 0.5, 0.9, 0.9], 4, 2),
        ("loss", [3, 2, 1, 0.5, 0.4, 0.3], 6, 6),
        ("loss", [math.nan, 2, math.nan, 1, math.nan, math.inf], 6, 4),
        ("val_loss", [math.nan] * 6, 2, 0),
    ],
)
@pytest.mark.parametrize("restore", [True, False])
def test_early_stopping_waits_and_goes_back_to_the_best(monitor, values, epochs, best, restore):
    stop = EarlyStopping(patience=2, monitor=monitor, restore_best=restore)
    model, history = train(
        epochs=6, validation=0.2, lr=0.0, callbacks=[Scripted(monitor, values), stop]
    )
    assert (len(history), stop.best_epoch) == (epochs, best)
    assert model.layers[0].neurons[0].b.data == (best if restore and best else epochs)


def test_early_stopping_can_be_used_again_and_with_the_least_patience():
    stop = EarlyStopping(patience=1, monitor="loss")
    for values, seen in (([3, 2, 1], (3, 3)), ([1, 2, 3], (2, 1))):
        _, history = train(epochs=3, lr=0.0, callbacks=[Scripted("loss", values), stop])
        assert (len(history), stop.best_epoch) == seen


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: EarlyStopping(0), "patience must be at least 1, not 0"),
        (lambda: EarlyStopping(monitor="lr"), "monitor must be one of val_loss, .* not 'lr'"),
        (lambda: train(callbacks=[EarlyStopping()]), "to monitor val_loss, which is not measured"),
    ],
)
def test_early_stopping_needs_something_to_monitor(make, message):
    with pytest.raises(ValueError, match=message):
        make()


# --- interrupted and resumed ----------------------------------------------------------------------

RUNS = {
    "sgd": {"optimizer": "sgd"},
    "adam, schedule": {"optimizer": "adam", "lr": StepDecay(0.1, every=2)},
    "adamw, share set aside": {"optimizer": "adamw", "validation": 0.25, "max_grad_norm": 0.1},
    "stops early": {"validation": 0.25, "lr": 0.5, "stop": True},
}


def run(path, model=None, *, stop=False, **options):
    callbacks = [Checkpoint(path), *[EarlyStopping(2, "val_loss")] * stop]
    return train(model, callbacks=callbacks, **options)


@pytest.mark.parametrize("name", RUNS)
@pytest.mark.parametrize("at", [1, 4])
def test_a_resumed_run_ends_with_the_same_bits(tmp_path, name, at):
    options, path = RUNS[name], tmp_path / "c.json"
    expected, whole = run(tmp_path / "whole.json", epochs=6, **options)

    run(path, epochs=at, **options)
    model, history = run(path, network(seed=9), epochs=6, resume=path, **options)
    assert model.state_dict() == expected.state_dict()
    assert numbers(history) == numbers(whole)

    def state(path):
        kept = json.loads(path.read_text())
        for row in kept["history"]:
            del row["seconds"]
        return kept

    assert state(path) == state(tmp_path / "whole.json")


@pytest.mark.parametrize("compiled", [True, False])
def test_ctrl_c_leaves_the_last_whole_epoch_from_which_to_go_on(tmp_path, compiled):
    path = tmp_path / "c.json"
    options = {"optimizer": "adamw", "compile": compiled}
    expected, whole = train(epochs=5, **options)
    two, _ = train(epochs=2, **options)

    model = network()
    optimizer = nn.AdamW(model.parameters())
    with pytest.raises(KeyboardInterrupt):
        train(
            model,
            epochs=5,
            optimizer=optimizer,
            lr=Interrupting(0.05, 10),  # of 4 steps an epoch, the first of all does not count
            callbacks=[Checkpoint(path)],
            compile=compiled,
        )
    assert model.state_dict() == two.state_dict()
    assert not any(p.grad for p in model.parameters())
    saved = json.loads(path.read_text())
    assert saved["model"] == two.state_dict()
    assert saved["optimizer"]["memory"] == optimizer.state_dict()["memory"]

    resumed, history = train(network(5), epochs=5, resume=path, **options)
    assert resumed.state_dict() == expected.state_dict()
    assert numbers(history) == numbers(whole)


def test_ctrl_c_in_the_first_epoch_leaves_a_checkpoint_too(tmp_path):
    path = tmp_path / "c.json"
    expected, _ = train()
    with pytest.raises(KeyboardInterrupt):
        train(lr=Interrupting(0.05, 2), callbacks=[Checkpoint(path)])
    model, _ = train(network(3), resume=path)
    assert model.state_dict() == expected.state_dict()


def test_a_finished_run_is_not_trained_further(tmp_path):
    path = tmp_path / "c.json"
    expected, whole = train(epochs=2, callbacks=[Checkpoint(path)])
    spy = Spy()
    model, history = train(network(4), epochs=2, resume=path, callbacks=[spy])
    assert (model.state_dict(), history) == (expected.state_dict(), whole)
    assert spy.seen == [("begin", 2), ("end", 2)]


def test_a_checkpoint_knows_what_callbacks_after_it_have_done(tmp_path):
    path = tmp_path / "c.json"
    train(epochs=2, validation=0.2, callbacks=[Checkpoint(path), EarlyStopping()])
    ((name, memory),) = json.loads(path.read_text())["callbacks"]
    assert name == "EarlyStopping"
    assert memory["best_epoch"] > 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"seed": 1}, "it belongs to another run: seed was 0 there, and is 1 here"),
        ({"batch_size": 8}, "batch_size was 16 there, and is 8 here"),
        ({"loss": "hinge_loss"}, "loss was 'cross_entropy' there, and is 'hinge_loss' here"),
        ({"validation": 0.5}, "the fingerprint of X, y and validation was .* there, and is"),
        ({"model": MLP(2, [5, 2])}, r"model was 'MLP\(2 → 4 tanh → 2 linear\)'"),
        ({"optimizer": "sgd"}, "the saved optimiser is 'Adam', not 'SGD'"),
        (
            {"callbacks": [EarlyStopping()]},
            "the callbacks with a memory were none, and here they are EarlyStopping",
        ),
    ],
)
def test_a_checkpoint_of_another_run_is_refused(tmp_path, options, message):
    path = tmp_path / "c.json"
    train(epochs=1, callbacks=[Checkpoint(path)])
    with pytest.raises(ValueError, match=rf"cannot resume from .*c\.json: .*{message}"):
        train(resume=path, **options)


@pytest.mark.parametrize(
    ("how", "message"),
    [
        (lambda s: s.pop("format"), 'it is no checkpoint: it has no field "format"'),
        (lambda s: s.update(version=99), "its version is 99, and this program reads 1"),
        (lambda s: s.pop("rng"), "it is damaged: KeyError"),
        (lambda s: s.update(rng=[3]), "not enough values to unpack"),
        (lambda s: s.update(history=[{"epoch": 1}]), "it is damaged: TypeError"),
        (lambda s: s["model"].popitem(), "the state does not fit the parameters: missing"),
        ('{"format": "chainrule-', "Unterminated string"),
        ("[]", "it is no checkpoint"),
    ],
)
def test_a_damaged_checkpoint_is_refused(tmp_path, how, message):
    path = tmp_path / "c.json"
    train(epochs=1, callbacks=[Checkpoint(path)])
    if callable(how):
        state = json.loads(path.read_text())
        how(state)
        how = json.dumps(state)
    path.write_text(how)
    with pytest.raises(ValueError, match=rf"cannot resume from .*c\.json: .*{message}"):
        train(resume=path)
    path.unlink()
    with pytest.raises(FileNotFoundError):
        train(resume=path)


# --- faults ---------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore::nn.MistakeWarning")
def test_divergence_stops_with_the_likely_cause_and_undoes_the_epoch():
    line = Line()
    with pytest.raises(FloatingPointError) as caught:
        fit(line, [1e5, 2e5], [1, 2], "mse_loss", "sgd", 99, 1, lr=1e5, progress=False)
    assert re.match(r"epoch \d+, batch 1: the loss is inf\. ", str(caught.value))
    assert "The learning rate 100000 is probably too high: try 10000;" in str(caught.value)
    assert "scale the inputs, which reach" in str(caught.value)
    assert math.isfinite(line.slope.data)


@pytest.mark.filterwarnings("ignore::nn.MistakeWarning")
def test_divergence_of_scaled_inputs_blames_the_learning_rate_alone():
    with pytest.raises(FloatingPointError, match="too high: try 1e") as caught:
        train(loss="mse_loss", model=network(sizes=(1,)), optimizer="sgd", lr=1e200, epochs=9)
    assert "scale" not in str(caught.value)


def test_an_infinite_gradient_is_not_applied():
    line = Line()

    def loss(output, target):
        return sqrt(output * 0.0 + target)  # its derivative at 0 is infinite, times 0 is nan

    with pytest.raises(FloatingPointError, match="epoch 1, batch 1: the norm of the gradient is"):
        fit(line, [1.0], [0.0], loss, "sgd", lr=0.1, progress=False)
    assert (line.slope.data, line.intercept.data) == (2.0, 0.0)


@pytest.mark.parametrize("enabled", [True, False])
@pytest.mark.parametrize("fails", [True, False])
def test_the_garbage_collector_is_left_as_it_was(enabled, fails):
    states = []

    def loss(output, target):
        states.append(gc.isenabled())
        if fails:
            raise KeyboardInterrupt
        return cross_entropy(output, target)

    (gc.enable if enabled else gc.disable)()
    try:
        with pytest.raises(KeyboardInterrupt) if fails else open("/dev/null"):
            train(loss=loss)
        assert gc.isenabled() == enabled
    finally:
        gc.enable()
    assert not any(states)


other, frozen = network(), network()
frozen.freeze()


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"model": len}, TypeError, "model must be a Module, such as an MLP, not <built-in"),
        ({"loss": "l2"}, ValueError, "loss must be one of cross_entropy, .*, not 'l2'"),
        ({"loss": lambda *_: 0.5}, TypeError, "loss must return a Value that depends on"),
        ({"optimizer": "adagrad"}, ValueError, "optimizer must be one of sgd, adam, adamw, not"),
        ({"optimizer": None}, TypeError, r"must be a name, or made as Adam\(params\), not None"),
        ({"optimizer": "sgd", "lr": None}, ValueError, '"sgd" has no learning rate of its own'),
        ({"optimizer": Adam(other.parameters())}, ValueError, "parameters that the model has not"),
        ({"lr": -1.0}, ValueError, "lr must be finite and at least 0"),
        ({"epochs": 0}, ValueError, "epochs must be at least 1, not 0"),
        ({"epochs": 2.5}, TypeError, "epochs must be an integer, not 2.5"),
        ({"batch_size": 0}, ValueError, "batch_size must be at least 1, not 0"),
        ({"max_grad_norm": 0}, ValueError, "max_norm must be above 0"),
        ({"validation": 1.0}, ValueError, "validation=1.0 of 60 samples is 60: that leaves none"),
        ({"validation": 0.001}, ValueError, "validation=0.001 of 60 samples is 0"),
        ({"validation": "0.1"}, TypeError, "validation must be a pair .* it is a str"),
        ({"validation": (X, Y[1:])}, ValueError, "validation X has 60 samples, but validation y"),
        ({"model": MLP(3, [2])}, ValueError, "takes 3 inputs, not 2"),
        ({"model": frozen}, ValueError, "all parameters are frozen"),
        ({"backend": "torch"}, ValueError, 'backend must be "numpy" or "jax", not \'torch\''),
    ],
)
def test_wrong_arguments_are_named(options, error, message):
    with pytest.raises(error, match=message):
        train(**options)


@pytest.mark.parametrize(
    ("inputs", "targets", "error", "message"),
    [
        ([], [], ValueError, "X is empty"),
        ([[1.0]], [1, 2], ValueError, "X has 1 samples, but y has 2"),
        ([[1.0, math.nan]], [0], ValueError, r"X\[0\]\[1\] is nan"),
        ([[1.0], ["2"]], [0, 0], TypeError, r"X\[1\]\[0\] must be a real number, not the str '2'"),
        ([1.0, math.inf], [0, 0], ValueError, r"X\[1\] is inf"),
        ([[1.0], ["a"]], [0, 0], TypeError, r"X\[1\]\[0\] is the text 'a', .* make a feature of"),
        (iris(), [0], TypeError, r"one element per sample, not <Dataset .* inputs are \.X"),
        ([[1.0]], 3, TypeError, "y must be a list with one element per sample, not 3"),
    ],
)
def test_wrong_samples_are_named(inputs, targets, error, message):
    with pytest.raises(error, match=message):
        fit(MLP(1, [1]), inputs, targets, progress=False)


# --- targets and tables of other kinds ------------------------------------------------------------


class Frame:
    """As much of a DataFrame as counts here: iterating gives the names of its columns."""

    def __init__(self, columns):
        self.columns = columns

    def __iter__(self):
        return iter(self.columns)

    def to_numpy(self):
        return np.array(list(self.columns.values())).T


def test_names_of_classes_are_learnt_and_predicted():
    X = [[-2.0], [-1.0], [1.0], [2.0]]
    names = ["west", "west", "east", "east"]
    for loss, n_outputs in (("cross_entropy", 2), ("binary_cross_entropy", 1), ("hinge_loss", 1)):
        model = MLP(1, [n_outputs], seed=0)
        options = {"epochs": 60, "lr": 0.1, "progress": False}
        history = nn.fit(model, X, names, loss, validation=([[3.0]], ["east"]), **options)
        assert model.class_names == ("east", "west")
        assert nn.predict(model, X) == names
        assert history[-1].accuracy == history[-1].val_accuracy == 1.0
        assert nn.accuracy(model, X, ["east", *names[1:]]) == 0.75
        assert nn.confusion_matrix(names, nn.predict(model, X)) == [[2, 0], [0, 2]]
        numbered = MLP(1, [n_outputs], seed=0)
        signs = (1, -1) if loss == "hinge_loss" else (1, 0)
        y = [signs[name == "east"] for name in names]  # the first in the alphabet is class 0
        nn.fit(numbered, X, y, loss, **options)
        assert numbered.state_dict() == model.state_dict()
        assert (numbered.class_names, numbered.regression) == ((), False)


def test_a_regression_predicts_numbers():
    model = MLP(1, [1], seed=0)
    X, y = [[0.0], [1.0], [2.0]], [1.0, 3.0, 5.0]
    for loss in ("mse_loss", "mae_loss"):
        nn.fit(model, X, y, loss, epochs=300, lr=0.05, progress=False)
        assert nn.predict(model, X) == pytest.approx(y, abs=0.2)
        assert nn.predict(model, X, threshold=2.0) == [0, 1, 1]
    nn.fit(model, X, [-1, 1, 1], "hinge_loss", progress=False)
    assert set(nn.predict(model, X)) <= {0, 1}


def test_data_frames_are_read_by_row():
    X, y = [[1.0, 2.0], [3.0, 4.0], [0.0, 1.0]], [1.0, 0.0, 1.0]
    model, same = MLP(2, [1], seed=0), MLP(2, [1], seed=0)
    frame = Frame(dict(zip("ab", zip(*X, strict=True), strict=True)))
    nn.fit(model, frame, Frame({"y": y}), "mse_loss", progress=False)
    nn.fit(same, X, y, "mse_loss", progress=False)
    assert model.state_dict() == same.state_dict()
    assert nn.predict(model, frame) == nn.predict(same, X)
    nn.fit(
        MLP(1, [1]),
        Frame({"a": [1.0, 2.0]}),
        Frame({"y": ["no", "yes"]}),
        "hinge_loss",
        progress=False,
    )


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"y": ["a", "b", "c"]}, ValueError, "y has 3 classes, a, b, c, so the model needs 3 outp"),
        ({"y": ["a", "b", 1]}, TypeError, r"y\[2\] is 1, but other targets are names"),
        (
            {"y": ["a", "b", "a"], "validation": ([[1.0]], ["z"])},
            ValueError,
            "is 'z', but the classes are a",
        ),
        ({"learning_rate": 0.1}, TypeError, "fit has no argument 'learning_rate'; did you mean"),
        ({"momentum": 0.9}, TypeError, "fit has no argument 'momentum'; did you mean 'optimizer'"),
        ({"loss": "mse"}, ValueError, "not 'mse'; did you mean 'mse_loss'"),
        ({"loss": "bce"}, ValueError, "not 'bce'; did you mean 'binary_cross_entropy'"),
        ({"optimizer": "Adam"}, ValueError, "not 'Adam'; did you mean 'adam'"),
        ({"callbacks": nn.EarlyStopping()}, TypeError, r"list: \[EarlyStopping\(…\)\]"),
        ({"callbacks": [print]}, TypeError, r"nn\.Callback, .* not .*print.*: .* on_epoch_end"),
        (
            {"callbacks": [nn.EarlyStopping]},
            TypeError,
            r"such as nn\.EarlyStopping\(\), not <class",
        ),
    ],
)
def test_names_from_elsewhere_are_answered_with_ours(options, error, message):
    with pytest.raises(error, match=message):
        nn.fit(MLP(1, [2]), [[1.0], [2.0], [3.0]], **{"y": [0, 1, 0], **options}, progress=False)


@pytest.mark.parametrize("ragged", [[[1.0, 2.0], [3.0]], np.ones((2, 1))])
def test_a_sample_of_the_wrong_length_is_named(ragged):
    place = len(ragged[0]) - 1
    message = rf"X\[{place}\]: MLP\(2 → 1 linear\) takes 2 inputs, not 1"
    with pytest.raises(ValueError, match="^" + message):
        nn.fit(MLP(2, [1]), ragged, [0, 1], "mse_loss", progress=False)
    validation = (ragged, [0, 1])
    with pytest.raises(ValueError, match="^validation " + message):
        nn.fit(MLP(2, [1]), [[1, 2]], [0], "mse_loss", validation=validation, progress=False)
