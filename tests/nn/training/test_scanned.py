"""An epoch as one call of XLA trains to the numbers of NumPy's backend."""

import json
import os
import re
import subprocess
import sys

import numpy as np
import pytest

import nn

pytest.importorskip("jax", reason="JAX is not installed")

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(41, 3)), RNG.integers(3, size=41)

TRAIN = """
import json, sys
import numpy as np
import nn

class Dropping(nn.Module):
    def __init__(self):
        self.first, self.drop = nn.MLP(3, [6], "tanh", seed=0), nn.Dropout(0.25)
        self.last = nn.MLP(6, [3], seed=1)
    def __call__(self, x):
        return self.last(self.drop(self.first(x)))

X = np.random.default_rng(0).normal(size=(53, 3))
y = (X.sum(axis=1) > 0).astype(int) + (X[:, 0] > 1)
found = []
for devices in (None, 1, 2, 4):
    model = Dropping()
    options = {} if devices is None else {"backend": "jax", "devices": devices}
    history = nn.fit(model, X, y, epochs=3, batch_size=10, lr=0.05, progress=False,
                     max_grad_norm=0.5, validation=0.1, **options)
    found.append([*model.state_dict().values(), history[-1].loss, history[-1].val_loss,
                  history[-1].accuracy])
print(json.dumps(found))
"""


def trained(backend, make, epochs=4, **options):
    model = options.pop("model", None) or nn.MLP(3, [5, 3], seed=0)
    optimizer = make(model.parameters())
    history = nn.fit(
        model, X, Y, optimizer=optimizer, epochs=epochs, batch_size=8, progress=False,
        backend=backend, **options
    )  # fmt: skip
    return model, history, optimizer


@pytest.mark.parametrize(
    ("make", "options"),
    [
        (lambda p: nn.SGD(p, lr=0.1, momentum=0.9, nesterov=True), {"max_grad_norm": 0.5}),
        (lambda p: nn.AdamW(p, lr=0.01), {"lr": nn.Cosine(0.01, 4), "validation": 0.2}),
    ],
    ids=["nesterov, clipped", "adamw, a schedule, validation"],
)
def test_training_gives_the_same_numbers(make, options):
    (ours, first, kept), (theirs, second, _) = [
        trained(backend, make, **options) for backend in ("jax", "numpy")
    ]
    assert (first.engine, second.engine) == ("jax", "compiled")
    got, want = [[p.data for p in model.parameters()] for model in (ours, theirs)]
    np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-14)
    for a, b in zip(first, second, strict=True):
        assert a.loss == pytest.approx(b.loss, rel=1e-12)
        assert a.val_loss == (b.val_loss and pytest.approx(b.val_loss, rel=1e-12))
        assert (a.accuracy, a.val_accuracy, a.lr) == (b.accuracy, b.val_accuracy, b.lr)
    assert kept.state_dict()["memory"]


def test_dropout_draws_what_it_draws_otherwise():
    results = []
    for backend in ("jax", "numpy"):
        model = nn.Sequential(nn.MLP(3, [6], seed=0), nn.Dropout(0.5), nn.MLP(6, [3], seed=1))
        trained(backend, lambda p: nn.SGD(p, lr=0.1), epochs=2, model=model)
        results.append([p.data for p in model.parameters()])
    np.testing.assert_allclose(*results, rtol=1e-12, atol=1e-14)


@pytest.mark.filterwarnings("ignore:the learning rate")
def test_what_is_not_finite_is_told_of_its_minibatch():
    with pytest.raises(FloatingPointError, match=r"epoch 1, batch \d: the"):
        trained("jax", lambda p: nn.SGD(p, lr=1e200))


@pytest.mark.slow
def test_all_numbers_of_devices_agree_by_one_all_reduce_per_step(tmp_path):
    """5 minibatches of 10 samples, the last of which has 8, on 1, 2 and 4 devices."""
    flags = f"--xla_force_host_platform_device_count=4 --xla_dump_to={tmp_path}"
    environment = {**os.environ, "XLA_FLAGS": f"{flags} --xla_dump_hlo_as_text"}
    text = subprocess.run(
        [sys.executable, "-W", "error", "-c", TRAIN],
        env=environment,
        check=True,
        capture_output=True,
        text=True,
        timeout=120,
    ).stdout
    expected, *found = json.loads(text)
    for numbers in found:
        assert numbers == pytest.approx(expected, rel=0.0, abs=1e-13)
    codes = list(tmp_path.glob("*jit__steps*after_optimizations.txt"))
    counts = []
    for code in codes:
        text = code.read_text()
        counts.append(len(re.findall(r" all-reduce(?:-start)?\(", text)))
        assert not re.search(r" (all-to-all|collective-permute)", text)
    assert sorted(counts) == [0, 1, 1]


@pytest.mark.parametrize(
    ("devices", "backend", "expected"),
    [
        (1000, "jax", r"devices=1000, but JAX has \d+ here, .*device_count=1000"),
        (0, "jax", "devices must be at least 1, not 0"),
        (2, "numpy", 'devices is for compiled code and backend="jax"'),
    ],
)
def test_devices_that_there_are_not(devices, backend, expected):
    with pytest.raises(ValueError, match=expected):
        nn.fit(nn.MLP(1, [1]), [[1.0]], [1.0], "mse_loss", backend=backend, devices=devices)


def test_a_backend_for_code_that_is_not_compiled_is_refused():
    with pytest.raises(ValueError, match='"jax" runs compiled code: leave compile=False out'):
        nn.fit(nn.MLP(1, [1]), [[1.0]], [1.0], "mse_loss", backend="jax", compile=False)
