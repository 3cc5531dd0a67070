"""Several processes, on one machine or on many, that train one model together by JAX.

JAX ends a process, with no exception of Python, if another one does not come or goes away. So they
meet here first, by a socket at the address that JAX is to use afterwards:

    process 0   listens, hears the others, compares   → "go"      starts JAX at the same address
    process i   says which one it is and what it has  → waits     joins by JAX
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
from typing import Any

from autograd.extras import imported

__all__ = ["joined"]

_PATIENCE = 60.0  # seconds
_LOST = 3  # the exit status


@contextmanager
def joined(
    coordinator: str, processes: int, process: int, has: str, patience: float = _PATIENCE
) -> Iterator[None]:
    """Have JAX see the devices of all processes, until the end of the `with` block.

    If one of them goes away in the meantime, the others say so in a line, and exit with the status
    3: JAX would have them wait for it.

    Args:
        coordinator: "HOST:PORT", an address of process 0, the same for all of them.
        processes: how many there are.
        process: which one this is, from 0.
        has: what all must have alike, such as options and data.
        patience: the seconds to wait for the others.

    Raises:
        ValueError: the address is none; or the processes do not fit together.
        TimeoutError: another process does not come.
        ImportError: JAX is not installed.
    """
    jax = imported("jax", "jax", "training by several processes")
    host, _, port = coordinator.rpartition(":")
    if not (host and port.isdecimal() and 0 < int(port) < 65536):
        raise ValueError(f"the coordinator must be HOST:PORT, as in 10.0.0.1:4000: {coordinator!r}")
    if not 0 <= process < processes:
        raise ValueError(f"of {processes} processes, there is none of the number {process}")
    address, end = (host.strip("[]"), int(port)), time.monotonic() + patience
    if process == 0:
        _gather(address, processes, has, end)
    else:
        _come(address, process, f"{processes} processes, {has}", end)
    jax.config.update("jax_cpu_collectives_implementation", "gloo")
    jax.distributed.initialize(coordinator, processes, process)
    _meet(jax)
    try:
        yield
    except jax.errors.JaxRuntimeError as error:
        reason = str(error).split("\n")[0]
        print(
            f"error: process {process} has lost another one, or its device failed; to go on, start "
            f"all of them again with --resume: {reason}",
            file=sys.stderr,
        )
        _leave(_LOST)
    except (KeyboardInterrupt, OSError) as error:  # which the others do not have
        atexit.register(_leave, 130 if isinstance(error, KeyboardInterrupt) else 2)
        raise
    jax.distributed.shutdown()


def _leave(status: int) -> None:
    """Exit at once: as usual, JAX would wait for the others, which wait for this one."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def _meet(jax: Any) -> None:
    """Connect all devices, without the line that Gloo writes on standard output."""
    sys.stdout.flush()
    kept, nowhere = os.dup(1), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    try:
        every = jax.sharding.Mesh(jax.devices(), ("data",))
        total = jax.shard_map(
            lambda: jax.lax.psum(1.0 * jax.lax.axis_index("data"), "data"),
            mesh=every,
            in_specs=(),
            out_specs=jax.sharding.PartitionSpec(),
        )
        jax.block_until_ready(jax.jit(total)())
    finally:
        os.dup2(kept, 1)
        os.close(kept)
        os.close(nowhere)


def _gather(address: tuple[str, int], processes: int, has: str, end: float) -> None:
    """Wait for the other processes, and let them go on if they have what this one has."""
    others: dict[int, socket.socket] = {}
    has = f"{processes} processes, {has}"
    with ExitStack() as stack:
        try:
            server = stack.enter_context(socket.create_server(("", address[1]), reuse_port=False))
        except OSError as error:
            raise OSError(f"cannot listen at port {address[1]}: {error.strerror}") from error
        while len(others) < processes - 1:
            try:
                server.settimeout(max(end - time.monotonic(), 0.01))
                peer = stack.enter_context(server.accept()[0])
                peer.settimeout(5.0)
                process, its = json.loads(peer.makefile().readline())
            except TimeoutError:
                missing = sorted({*range(1, processes)} - others.keys())
                raise TimeoutError(
                    f"of {processes} processes, {', '.join(map(str, missing))} did not come: "
                    "start it with the same options, but for --process"
                ) from None
            except (OSError, ValueError, TypeError):  # somebody else, such as a scanner of ports
                continue
            if its != has or process in others:
                problem = "is there twice" if its == has else "has other data or options"
                peer.sendall(f"{problem}\n".encode())
                raise ValueError(f"process {process} {problem}: start all of them anew")
            others[process] = peer
        for peer in others.values():
            peer.sendall(b"go\n")
        for peer in others.values():
            peer.recv(1)  # they close first, so that the port is free at once


def _come(address: tuple[str, int], process: int, has: str, end: float) -> None:
    """Tell process 0 who is there and what it has; wait until all are."""
    while True:
        left = max(end - time.monotonic(), 0.01)
        try:
            with socket.create_connection(address, left) as server:
                server.sendall(f"{json.dumps([process, has])}\n".encode())
                server.settimeout(left + 5.0)
                answer = server.makefile().readline().strip()
            break
        except OSError as error:
            if time.monotonic() > end:
                raise TimeoutError(
                    f"process 0 is not at {address[0]}:{address[1]} ({error}): start it there "
                    "with the same options, but for --process 0"
                ) from error
            time.sleep(0.1)
    if answer != "go":
        raise ValueError(
            f"process 0 refused process {process}: it {answer}"
            if answer
            else "process 0 has gone away, since not all came"
        )
