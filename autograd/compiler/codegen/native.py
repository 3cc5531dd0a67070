"""Native code that Numba makes of text, if it is here, and keeps on disk.

The text is written to a file of the user's cache, named after what is in it, and what has been
compiled is kept beside it. Where there is nowhere to write to, or what was kept is damaged,
functions are compiled anew.

To load Numba takes as long as to run many a program. So there are functions on pointers that it is
not needed for when they have been compiled: these are kept as object code, which LLVM loads alone.
"""

from __future__ import annotations

import hashlib
import os
import sys
import types
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any, TypeVar

from autograd.files import write_atomically

T = TypeVar("T")


@cache
def is_there() -> bool:
    """Tell whether Numba can be loaded, is no older than what is asked for, and is to compile."""
    try:
        import numba
    except ImportError:  # as where it is for another version of NumPy
        return False
    return numba.version_info.short >= (0, 62) and not numba.config.DISABLE_JIT


def folder() -> Path:
    """Return the folder for what is compiled."""
    home = Path.home()
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", home / "AppData/Local")) / "chainrule/Cache"
    if sys.platform == "darwin":
        return home / "Library/Caches/chainrule"
    return Path(os.environ.get("XDG_CACHE_HOME", home / ".cache")) / "chainrule"


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


# --- without Numba, once it has compiled ----------------------------------------------------------

_engines: list[Any] = []  # with the code of functions, which may be called at any time


@cache
def address(title: str, source: str, name: str, pointers: str) -> int | None:
    """Return the address of a function of pointers, as C has it; None where Numba cannot be had.

    Args:
        title: what it is from.
        source: the code of that.
        name: its name there; it calls nothing else, and neither raises nor returns anything.
        pointers: what it takes, up to nine, as Numba calls the types of pointers.
    """
    try:
        from llvmlite import binding
    except ImportError:
        return None
    binding.initialize_native_target()
    binding.initialize_native_asmprinter()
    host = binding.get_host_cpu_name(), binding.get_host_cpu_features().flatten()
    digest = hashlib.sha256(repr((source, name, pointers, host)).encode()).hexdigest()
    path = folder() / f"{title}_{digest[:16]}.o"
    target = binding.Target.from_default_triple()
    machine = target.create_target_machine(*host, opt=3, codemodel="jitdefault", jit=True)

    def engine_for(text: str) -> Any:
        _engines.append(binding.create_mcjit_compiler(binding.parse_assembly(text), machine))
        return _engines[-1]

    def keep(_: Any, code: bytes) -> None:
        with suppress(OSError):  # nowhere to write to
            path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(path, hashlib.sha256(code).digest() + code)

    kept = b""
    with suppress(OSError):  # nothing is there
        kept = path.read_bytes()
    if hashlib.sha256(kept[32:]).digest() == kept[:32]:
        engine = engine_for("")
        engine.add_object_file(binding.ObjectFileRef.from_data(kept[32:]))
    elif is_there():
        engine = engine_for(_compiled(getattr(module(title, source), name), pointers))
        engine.set_object_cache(keep)
    else:
        return None
    engine.finalize_object()
    return engine.get_function_address("entry")  # type: ignore[no-any-return]


def _compiled(function: Any, pointers: str) -> str:
    """Compile a function to the language of LLVM, with an `entry` that is called as in C."""
    from numba import njit

    options = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True, "error_model": "numpy"}
    made = njit(f"void({pointers})", fastmath={"contract"}, **options)(function)
    (overload,) = made.overloads.values()
    own = [f"ptr %{x}" for x, _ in zip("abcdefghi", overload.signature.args, strict=False)]
    return f"""{overload.library.get_llvm_str()}
define void @entry({", ".join(own)}) {{
  %result = alloca ptr
  %error = alloca ptr
  call i32 @{overload.fndesc.llvm_func_name}({", ".join(["ptr %result", "ptr %error", *own])})
  ret void
}}
"""
