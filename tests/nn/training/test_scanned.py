"""An epoch by XLA, on one device and on several: the numbers are those of NumPy."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from nn.layers import MLP
from nn.training.loop import fit

pytest.importorskip("jax", reason="JAX is not installed")

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


@pytest.mark.slow
def test_all_numbers_of_devices_agree_by_one_all_reduce_per_step(tmp_path: Path) -> None:
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
    codes = list(tmp_path.glob("*jit__epoch*after_optimizations.txt"))
    assert len(codes) == 3
    for code in codes:
        text = code.read_text()
        assert len(re.findall(r" all-reduce(?:-start)?\(", text)) == 1
        assert not re.search(r" (all-to-all|collective-permute)", text)


@pytest.mark.parametrize(
    ("devices", "backend", "expected"),
    [
        (1000, "jax", r"devices=1000, but JAX has \d+ here, .*device_count=1000"),
        (0, "jax", "devices must be at least 1, not 0"),
        (2, "numpy", 'devices is for compiled code and backend="jax"'),
    ],
)
def test_devices_that_there_are_not(devices: int, backend: str, expected: str) -> None:
    with pytest.raises(ValueError, match=expected):
        fit(MLP(1, [1]), [[1.0]], [1.0], "mse_loss", backend=backend, devices=devices)


def test_an_epoch_that_diverges_names_the_minibatch() -> None:
    model = MLP(1, [1], seed=0)
    before = model.state_dict()
    X, y = [[1.0], [2.0], [3.0]], [1.0, 2.0, 1e200]
    with pytest.raises(FloatingPointError, match=r"epoch 1, batch [12]: the loss is inf"):
        fit(model, X, y, "mse_loss", "sgd", lr=0.1, batch_size=2, backend="jax", progress=False)
    assert model.state_dict() == before
