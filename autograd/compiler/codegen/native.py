"""Native code that Numba makes of text, if it is here, and keeps on disk.

The text is written to a file of the user's cache, named after what is in it, and Numba keeps beside
it what it has compiled. Where there is nowhere to write to, or what was kept is damaged, functions
are compiled anew.
"""

from __future__ import annotations

import hashlib
import sys
import types
from collections.abc import Callable
from functools import cache
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import TypeVar

from autograd.files import write_atomically

T = TypeVar("T")


@cache
def is_there() -> bool:
    """Tell whether Numba can be loaded, and is to compile."""
    try:
        import numba
    except ImportError:  # as where it is for another version of NumPy
        return False
    return not numba.config.DISABLE_JIT


def folder() -> Path:
    """Return the folder for what is compiled."""
    from numba.misc.appdirs import AppDirs

    return Path(AppDirs("chainrule", appauthor=False).user_cache_dir)


@cache
def module(title: str, source: str) -> types.ModuleType:
    """Load code from a file, so that Numba can keep what it makes of it beside that."""
    name = f"{title}_{hashlib.sha256(source.encode()).hexdigest()[:16]}"
    path = folder() / f"{name}.py"
    try:
        if not path.exists() or path.read_text() != source:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(path, source)
    except OSError:  # nowhere to write to
        loaded = types.ModuleType(name)
        exec(compile(source, name, "exec"), vars(loaded))
        return loaded
    spec = spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    loaded = sys.modules[name] = module_from_spec(spec)  # what was kept asks for it by name
    spec.loader.exec_module(loaded)
    return loaded


def kept(compiled: Callable[[bool], T]) -> T:
    """Compile a function, or load what was compiled before.

    Args:
        compiled: does either, and is told whether to keep the result.
    """
    try:
        return compiled(True)
    except Exception:  # there is no place to keep the result, or what is there is damaged
        return compiled(False)
