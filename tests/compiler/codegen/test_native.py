"""Functions that Numba compiles once, and LLVM loads from then on."""

from ctypes import CFUNCTYPE, c_void_p

import numpy as np
import pytest

from autograd.compiler.codegen import native

pytest.importorskip("numba", reason="Numba is of the extra `native`")


def is_right():
    """Tell whether a function that is compiled or loaded does what it should; None without one."""
    native.address.cache_clear()
    source = "def twice(x):\n    x[0] *= 2.0\n"
    address = native.address("test", source, "twice", "CPointer(float64)")
    if address is None:
        return None
    number = np.array([1.5])
    CFUNCTYPE(None, c_void_p)(address)(number.ctypes.data)
    return number[0] == 3.0


def test_what_is_kept_is_loaded_without_numba_unless_it_is_damaged(tmp_path, monkeypatch):
    monkeypatch.setattr(native, "folder", lambda: tmp_path / "new")
    assert is_right()
    (kept,) = tmp_path.rglob("*.o")
    with monkeypatch.context() as without_numba:
        without_numba.setattr(native, "is_there", lambda: False)
        assert is_right()
        kept.write_bytes(kept.read_bytes()[:-1] + b"?")
        assert is_right() is None
    assert is_right()


def test_with_no_place_to_keep_anything_it_is_compiled_all_the_same(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(native, "folder", lambda: tmp_path / "file" / "folder")
    assert is_right()
