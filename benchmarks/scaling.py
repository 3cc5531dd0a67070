"""How long a step of training takes on several devices of JAX, and what the cost model foretells.

Run it from the repository's root: `python -m benchmarks.scaling`. With GPUs or TPUs it measures
these; without, devices that JAX divides the processor into, which share its cores: then it shows
what sharing costs, not what it gains.

*Strong* scaling shares one minibatch among the devices; *weak* scaling gives each as many samples
as one device has. The model is that of docs/scaling.md: it takes the speed from the run on one
device, and the speed of the link from the command line.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from itertools import pairwise
from statistics import median

from benchmarks import timing

SIZES = (64, 64, 32, 10)
SAMPLES, QUICK_SAMPLES = 12_800, 400
EPOCHS = 6
START = 1e-4  # seconds, of a call of XLA


def foretold(one: float, share: float, parameters: int, devices: int, link: float) -> float:
    """Return the seconds of a step on devices, from those on a single one.

    Args:
        one: seconds of a step on one device.
        share: what part of its samples each device has.
        parameters: how many there are, of 8 bytes.
        devices: how many there are.
        link: bytes a second.

    >>> foretold(1e-2, 0.5, 1_000_000, 2, 8e9)
    0.006
    """
    return one * share + 8 * parameters * 2 * (devices - 1) / devices / link


def measured(devices: int, batch: int, samples: int) -> float:
    """Train on so many devices, in a process of its own; return the seconds of a step."""
    code = f"from benchmarks import scaling; scaling.train({devices}, {batch}, {samples})"
    flag = f"--xla_force_host_platform_device_count={devices}"
    environment = {**os.environ, **timing.ONE_THREAD, "XLA_FLAGS": flag}
    run = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    return float(json.loads(run.stdout))


def train(devices: int, batch: int, samples: int) -> None:
    """Train a network on random numbers; print the seconds of a step, the median of epochs."""
    import numpy as np

    import nn

    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(samples, SIZES[0])), rng.integers(0, SIZES[-1], samples).tolist()
    model = nn.MLP(SIZES[0], SIZES[1:], seed=0)
    options = {"batch_size": batch, "epochs": EPOCHS, "progress": False}
    history = nn.fit(model, X, y, backend="jax", devices=devices, **options)
    print(json.dumps(median(epoch.seconds for epoch in history[2:]) / (samples / batch)))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--devices", type=int, nargs="+", default=[1, 2, 4], metavar="N")
    parser.add_argument("--batch", type=int, default=400, help="samples of one device")
    parser.add_argument("--link", type=float, default=1e9, help="bytes a second between devices")
    parser.add_argument("--quick", action="store_true", help="hardly measure, to try it out")
    options = parser.parse_args()
    samples = QUICK_SAMPLES if options.quick else SAMPLES
    parameters = sum((n + 1) * m for n, m in pairwise(SIZES))
    one = measured(1, options.batch, samples)
    rows = []
    for devices in options.devices:
        strong = one if devices == 1 else measured(devices, options.batch, samples)
        weak = one if devices == 1 else measured(devices, options.batch * devices, samples)
        models = [
            foretold(one - START, share, parameters, devices, options.link) + START
            for share in (1 / devices, 1.0)
        ]
        times = (strong, models[0], weak, models[1])
        rows.append([str(devices), *[f"{1e3 * seconds:.2f} ms" for seconds in times]])
    head = ("devices", "strong", "foretold", "weak", "foretold")
    print(f"A step of {'-'.join(map(str, SIZES))}, {options.batch} samples on one device\n")
    print(timing.table(head, rows))


if __name__ == "__main__":
    main()
