"""Files are written whole, and nothing is left behind; Ctrl-C ends a command with one line."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from autograd.files import write_atomically

ROOT = Path(__file__).parents[2]

# A process that is killed, or waits, while it writes.
WRITING = """
import os, sys, time
from autograd.files import write_atomically
os.fsync = lambda _: (print("writing", flush=True), time.sleep(60))
write_atomically(sys.argv[1], "new" * 1000)
"""

# A command that says when it is ready for Ctrl-C.
ANNOUNCING = """
import runpy, signal, sys
_signal = signal.signal
def announce(*arguments):
    _signal(*arguments)
    signal.signal = _signal
    print("ready", flush=True)
signal.signal = announce
package, *sys.argv[1:] = sys.argv[1:]
runpy.run_module(package, run_name="__main__", alter_sys=True)
"""


@pytest.fixture
def start(uncovered):
    """Start Python code in a process of its own, and wait until it prints a line."""
    processes = []

    def start(code, *arguments):
        command = [sys.executable, "-c", code, *map(str, arguments)]
        pipe = subprocess.PIPE
        process = subprocess.Popen(command, cwd=ROOT, env=uncovered, stdout=pipe, stderr=pipe)
        processes.append(process)
        assert process.stdout.readline()
        return process

    yield start
    for process in processes:
        process.kill()
        process.communicate()


@pytest.mark.skipif(os.name == "nt", reason="Windows locks files itself")
def test_a_draft_of_a_killed_process_is_removed_by_the_next_and_that_of_a_live_one_is_not(
    tmp_path, start
):
    target = tmp_path / "check*point.json"  # a name with a wildcard is no pattern
    target.write_text("old")
    bystander = tmp_path / ".checkpoint.json.0123abcd.draft"
    bystander.write_text("of another file")
    start(WRITING, target).kill()
    deadline = time.monotonic() + 30
    writing = start(WRITING, target)  # which removes what the first has left
    while len(drafts := set(tmp_path.glob(".check[*]point*"))) > 1:
        assert time.monotonic() < deadline
    assert target.read_text() == "old"
    write_atomically(target, "newer")
    assert set(tmp_path.glob(".check[*]point*")) == drafts  # is being written
    writing.kill()
    writing.wait()
    write_atomically(target, "newest")
    assert {path.name for path in tmp_path.iterdir()} == {target.name, bystander.name}
    assert target.read_text() == "newest"


def test_an_error_names_the_file_that_was_asked_for_and_not_its_draft(tmp_path):
    target = tmp_path / ("a" * 250)  # with what a draft adds, too long
    with pytest.raises(OSError, match="too long") as caught:
        write_atomically(target, "new")
    assert caught.value.filename == str(target)


def test_a_draft_is_removed_when_writing_fails(tmp_path, monkeypatch):
    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_atomically(tmp_path / "a.txt", "abc")
    assert list(tmp_path.iterdir()) == []


TRAIN = ["nn", "train", "--data", "iris", "--epochs", "400", "--layers", "64,64"]
ANIMATE = ["autograd", "*".join(["tanh(w*x + b)"] * 30), "w=-3", "x=2", "b=6", "--animate"]


@pytest.mark.skipif(os.name == "nt", reason="there, Ctrl-C is another thing")
@pytest.mark.parametrize(
    ("command", "delay"),
    [
        *[pytest.param([*TRAIN, "--out"], t, id=f"nn, {t} s") for t in (0, 0.03, 0.1, 0.3, 0.8)],
        *[pytest.param(ANIMATE, t, id=f"autograd, {t} s") for t in (0, 0.03, 0.06)],
    ],
)
def test_ctrl_c_is_one_line_from_the_first_moment(tmp_path, start, command, delay):
    process = start(ANNOUNCING, *command, tmp_path / "page.html")
    time.sleep(delay)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err.decode()
    last = err.decode().replace("\r", "\n").splitlines()[-1]
    assert last.startswith("interrupted")
    assert "Traceback" not in err.decode()
