"""Several processes train as one does; if one is missing or goes away, the others say so."""

import json
import os
import socket
import subprocess
import sys
import threading
import time

import pytest

from nn.training.processes import joined

pytest.importorskip("jax", reason="JAX is not installed")

ONE_DEVICE = "--xla_force_host_platform_device_count=1"


@pytest.fixture
def port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


@pytest.fixture
def start(tmp_path):
    """Start `python -m nn train`; whatever is still running at the end is ended."""
    started = []

    def start_one(*arguments, flags=ONE_DEVICE):
        command = [sys.executable, "-m", "nn", "train", "--data", "iris", "--out", "runs"]
        started.append(
            subprocess.Popen(
                [*command, *map(str, arguments)],
                cwd=tmp_path,
                env={**os.environ, "XLA_FLAGS": flags, "PYTHONPATH": os.getcwd()},
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
        )
        return started[-1]

    yield start_one
    for process in started:
        process.kill()
        process.communicate()


def together(start, port, *options):
    """Start two processes, which listen and speak on the loopback device."""
    where = ("--backend", "jax", "--coordinator", f"127.0.0.1:{port}", "--processes", 2)
    return [start(*where, "--process", i, *options) for i in (0, 1)]


def numbers(tmp_path):
    return json.loads((tmp_path / "runs" / "checkpoint.json").read_text())["model"]


@pytest.mark.slow
def test_two_processes_train_as_one_does_and_the_first_alone_speaks(start, port, tmp_path):
    assert start("--epochs", 5).wait(60) == 0
    expected = numbers(tmp_path)
    first, second = together(start, port, "--epochs", 5)
    out, _ = first.communicate(timeout=60)
    assert second.communicate(timeout=60) == ("", "")
    assert (first.returncode, second.returncode) == (0, 0)
    assert "5 epochs in" in out
    assert "Gloo" not in out
    assert numbers(tmp_path) == pytest.approx(expected, rel=0.0, abs=1e-13)


@pytest.mark.slow
def test_a_run_whose_process_is_killed_goes_on_with_other_devices(start, port, tmp_path):
    assert start("--epochs", 400).wait(100) == 0
    expected = numbers(tmp_path)
    (checkpoint := tmp_path / "runs" / "checkpoint.json").unlink()
    first, second = together(start, port, "--epochs", 400)
    end = time.monotonic() + 60
    while not (checkpoint.exists() and '"epoch": 3,' in checkpoint.read_text()):
        assert time.monotonic() < end
        time.sleep(0.02)
    second.kill()
    _, error = first.communicate(timeout=30)
    assert first.returncode == 3
    assert error.splitlines()[-1].startswith("error: process 1 has gone away; to go on from")
    assert len(json.loads(checkpoint.read_text())["history"]) < 400
    flags = "--xla_force_host_platform_device_count=4"
    resumed = start("--epochs", 400, "--backend", "jax", "--devices", 4, "--resume", flags=flags)
    assert resumed.wait(60) == 0
    assert numbers(tmp_path) == pytest.approx(expected, rel=1e-9, abs=1e-9)


@pytest.mark.slow
def test_the_loss_of_the_first_process_ends_the_others_with_a_line(start, port, tmp_path):
    """It has the service of JAX, which aborts whoever is not quicker."""
    first, second = together(start, port, "--epochs", 4000)
    end = time.monotonic() + 60
    while not (tmp_path / "runs" / "checkpoint.json").exists():
        assert time.monotonic() < end
        time.sleep(0.02)
    first.kill()
    _, error = second.communicate(timeout=30)
    assert second.returncode == 3
    assert error.startswith("\nerror: process 0 has gone away; to go on from the last checkpoint")
    assert error.count("\n") == 2


def test_a_process_that_does_not_come_is_named(port):
    with pytest.raises(TimeoutError, match=r"of 3 processes, these did not come: 1, 2; start"):
        joined(f"127.0.0.1:{port}", 3, 0, "", patience=0.1).__enter__()
    with pytest.raises(TimeoutError, match=f"process 0 is not at 127.0.0.1:{port}: start it"):
        joined(f"127.0.0.1:{port}", 3, 1, "", patience=0.1).__enter__()


def test_processes_with_other_data_are_refused(port):
    found = []

    def come():
        try:
            joined(f"127.0.0.1:{port}", 2, 1, "theirs", patience=20.0).__enter__()
        except ValueError as error:
            found.append(str(error))

    (thread := threading.Thread(target=come)).start()
    with pytest.raises(ValueError, match="process 1 has other data or options: start all of them"):
        joined(f"127.0.0.1:{port}", 2, 0, "ours", patience=20.0).__enter__()
    thread.join(20.0)
    assert found == [
        "process 1 cannot train: process 0 says that this one has other data or options"
    ]


@pytest.mark.parametrize(
    ("coordinator", "process", "expected"),
    [
        ("localhost", 0, "coordinator must be HOST:PORT, like 10.0.0.1:4000, not localhost"),
        ("localhost:4000", 2, "of 2 processes, the last is 1, not 2"),
    ],
)
def test_what_is_no_address_or_no_process_is_refused(coordinator, process, expected):
    with pytest.raises(ValueError, match=expected):
        joined(coordinator, 2, process, "").__enter__()
