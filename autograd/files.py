"""Writing files."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path


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
    target = Path(os.path.realpath(path))
    if not target.parent.is_dir():
        raise FileNotFoundError(f"{os.fspath(path)}: there is no folder {target.parent}; make it")
    with tempfile.TemporaryDirectory(prefix=".", dir=target.parent) as folder:
        draft = Path(folder, "draft")
        with draft.open("wb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
            file.flush()
            os.fsync(file.fileno())  # the content must reach the disk before the name does
        draft.replace(target)
