"""Writing files."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from glob import escape
from pathlib import Path
from typing import BinaryIO

try:
    from fcntl import LOCK_EX, LOCK_NB, flock
except ImportError:  # Windows, where a file that is open cannot be removed in any case
    flock = None  # type: ignore[assignment]


def write_atomically(path: str | os.PathLike[str], content: str | bytes) -> None:
    """Write a file so that at every moment it is either the old one or the new one, entire.

    Args:
        path: the file; its folder must exist.
        content: what to write; text is written in UTF-8.

    Raises:
        OSError: the folder does not exist, or the file cannot be written.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_atomically(f"{folder}/a.txt", "abc")
    ...     Path(folder, "a.txt").read_text()
    'abc'
    """
    with atomically(path) as file:
        file.write(content.encode() if isinstance(content, str) else content)


@contextmanager
def atomically(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """Open a file to write that takes its place at the end of the `with` block, or not at all.

    Until then it is a draft in the same folder. Should the process be killed meanwhile, the next to
    write that file removes the draft.

    Args:
        path: the file; its folder must exist.

    Raises:
        OSError: the folder does not exist, or the file cannot be written.
    """
    target = Path(os.path.realpath(path))
    if not target.parent.is_dir():
        raise FileNotFoundError(f"{os.fspath(path)}: there is no folder {target.parent}; make it")
    _remove_abandoned(target)
    try:
        draft, file = _opened_draft(target)
    except OSError as error:  # of the file that was asked for, not of its draft
        raise type(error)(error.errno, error.strerror, os.fspath(path)) from None
    try:
        with file:
            yield file
            file.flush()
            os.fsync(file.fileno())  # the content must reach the disk before the name does
            if flock is not None:
                draft.replace(target)
        if flock is None:  # where an open file cannot be renamed either
            draft.replace(target)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


def _opened_draft(target: Path) -> tuple[Path, BinaryIO]:
    """Open a new draft, locked so that nobody takes it for abandoned."""
    while True:
        draft = target.with_name(f".{target.name}.{os.urandom(4).hex()}.draft")
        file = draft.open("xb")
        if flock is not None:
            flock(file, LOCK_EX)
        if draft.exists():  # nobody was quicker than the lock
            return draft, file
        file.close()


def _remove_abandoned(target: Path) -> None:
    """Remove the drafts of a file that no process is writing any more."""
    for draft in target.parent.glob(f".{escape(target.name)}.*.draft"):
        with suppress(OSError):
            if flock is None:
                draft.unlink()
                continue
            with draft.open("rb") as file:
                flock(file, LOCK_EX | LOCK_NB)
                draft.unlink()
