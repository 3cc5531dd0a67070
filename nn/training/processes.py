"""Several processes, on one machine or on many, that train one model together by JAX.

JAX aborts a process, with no exception of Python, if another one does not come or goes away. So
they meet here first, by sockets at the address that JAX is to have afterwards, and keep these open:

    process 0    listens, hears the others, compares    "go"    starts JAX at the same address
    process i    says which it is and what it has       waits   joins by JAX

A socket that closes without a goodbye is a process that has gone away.
"""

from __future__ import annotations

import atexit
import json
import os
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from threading import Thread
from typing import Any

from autograd.extras import imported

_LOST = 3  # the exit status
_GOODBYE = b"."


@contextmanager
def joined(
    coordinator: str, processes: int, process: int, has: str, patience: float = 60.0
) -> Iterator[None]:
    """Have JAX see the devices of all processes, until the end of the `with` block.

    If one of them goes away in the meantime, the others say so in a line and exit with the status
    3, since JAX would have them wait, or abort.

    Args:
        coordinator: "HOST:PORT", an address of process 0, the same for all of them.
        processes: how many there are.
        process: which one this is, from 0.
        has: what all must have alike, such as options and data.
        patience: the seconds to wait for the others.

    Raises:
        ValueError: the address is none; or the processes do not fit together.
        OSError: another process does not come; or the port is taken.
        ImportError: JAX is not installed.
    """
    jax = imported("jax", "jax", "training by several processes")
    host, _, port = coordinator.rpartition(":")
    if not (host and port.isdecimal() and 0 < int(port) < 65536):
        raise ValueError(f"coordinator must be HOST:PORT, like 10.0.0.1:4000, not {coordinator}")
    if not 0 <= process < processes:
        raise ValueError(f"of {processes} processes, the last is {processes - 1}, not {process}")
    address, end = (host.strip("[]"), int(port)), time.monotonic() + patience
    if process == 0:
        others = _gathered(address[1], processes, has, end)
    else:
        others = {0: _connected(address, process, has, end)}
    for other, connection in others.items():
        Thread(target=_watch, args=(other, connection), daemon=True).start()
    _mute_libraries()
    jax.config.update("jax_enable_preemption_service", False)  # so that SIGTERM ends a process
    jax.config.update("jax_cpu_collectives_implementation", "gloo")
    jax.distributed.initialize(coordinator, processes, process)
    try:
        yield
    except FloatingPointError:  # which all of them have
        _part(others)
        raise
    except jax.errors.JaxRuntimeError as error:
        time.sleep(1.0)  # by then the socket has told who has gone away, if it is that
        reason = str(error).split("\n")[0]
        _leave(_LOST, f"process {process} stops, since a device or another process fails: {reason}")
    except BaseException as error:
        atexit.register(_leave, 130 if isinstance(error, KeyboardInterrupt) else 2)
        raise
    _part(others)
    jax.distributed.shutdown()


def _gathered(port: int, processes: int, has: str, end: float) -> dict[int, socket.socket]:
    """Wait for the other processes, and let them go on if they have what this one has."""
    others: dict[int, socket.socket] = {}
    try:
        server = socket.create_server(("", port))
    except OSError as error:
        raise OSError(f"cannot listen at port {port}, choose another: {error.strerror}") from error
    with server, ExitStack() as stack:
        while len(others) < processes - 1:
            server.settimeout(max(end - time.monotonic(), 0.01))
            try:
                connection = stack.enter_context(server.accept()[0])
            except TimeoutError:
                missing = sorted({*range(1, processes)} - others.keys())
                raise TimeoutError(
                    f"of {processes} processes, these did not come: {str(missing)[1:-1]}; start "
                    "each with the same options as process 0, but for --process"
                ) from None
            try:
                connection.settimeout(5.0)
                process, its = json.loads(_line(connection))
            except (OSError, ValueError, TypeError):  # somebody else
                connection.close()
                continue
            if its != has or process in others:
                problem = "is there already" if its == has else "has other data or options"
                connection.sendall(f"{problem}\n".encode())
                raise ValueError(f"process {process} {problem}: start all of them anew")
            others[process] = connection
        for connection in others.values():
            connection.sendall(b"go\n")
        stack.pop_all()
    return others


def _connected(address: tuple[str, int], process: int, has: str, end: float) -> socket.socket:
    """Tell process 0 who is there and what it has; wait until all are."""
    while True:
        left = max(end - time.monotonic(), 0.01)
        try:
            connection = socket.create_connection(address, left)
            break
        except OSError as error:
            if time.monotonic() > end:
                host, port = address
                raise TimeoutError(
                    f"process 0 is not at {host}:{port}: start it there, with the same options "
                    f"but for --process, or give its address by --coordinator ({error})"
                ) from None
            time.sleep(0.1)
    connection.sendall(f"{json.dumps([process, has])}\n".encode())
    connection.settimeout(left + 5.0)
    try:
        answer = _line(connection)
    except OSError:
        answer = ""
    if answer != "go":
        connection.close()
        problem = f"says that this one {answer}" if answer else "has gone, since not all came"
        raise ValueError(f"process {process} cannot train: process 0 {problem}")
    return connection


def _line(connection: socket.socket) -> str:
    """Receive a line, and nothing of what follows."""
    with connection.makefile("rb", buffering=0) as file:
        return file.readline(1000).decode().rstrip("\n")


def _watch(other: int, connection: socket.socket) -> None:
    """Wait for the goodbye of another process."""
    connection.settimeout(None)
    try:
        word = connection.recv(1)
    except OSError:
        word = b""
    if word != _GOODBYE:
        _leave(
            _LOST,
            f"process {other} has gone away; to go on from the last checkpoint, start all "
            "processes again with --resume, as many as you like",
        )


def _part(others: dict[int, socket.socket]) -> None:
    """Say goodbye."""
    for connection in others.values():
        connection.sendall(_GOODBYE)


def _leave(status: int, problem: str = "") -> None:
    """Exit at once: as usual, JAX would wait for the others, which wait for this one."""
    if problem:
        sys.stderr.write(f"\nerror: {problem}\n")  # below the progress bar
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def _mute_libraries() -> None:
    """Leave standard output and error to Python: what Gloo and JAX write there is no news."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for number, name in ((1, "stdout"), (2, "stderr")):
        stream: Any = getattr(sys, name)
        stream.flush()
        own = os.fdopen(os.dup(number), "w", 1, encoding="utf-8", errors="backslashreplace")
        setattr(sys, name, own)
        os.dup2(nowhere, number)
    os.close(nowhere)
