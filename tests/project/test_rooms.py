"""The rooms: what is private stays in its file, and others come in by the door.

`lint-imports` checks the order of the rooms, see `pyproject.toml`.
"""

import ast
import importlib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FILES = sorted(path for package in ("autograd", "nn") for path in (ROOT / package).rglob("*.py"))

# Python's, NumPy's and Jupyter's
OF_OTHERS = {"_core", "_exit", "_fields", "_getframe", "_repr_svg_"}


def private_names_of_others(source):
    """Names with a leading underscore that are used in a file but not made there."""
    tree = list(ast.walk(ast.parse(source)))
    made = set(OF_OTHERS)
    for x in tree:
        if isinstance(x, ast.FunctionDef | ast.ClassDef):
            made.add(x.name)
        elif isinstance(x, ast.Name | ast.Attribute) and isinstance(x.ctx, ast.Store):
            made.add(x.id if isinstance(x, ast.Name) else x.attr)
    used = {x.attr for x in tree if isinstance(x, ast.Attribute)}
    imported = {a.name for x in tree if isinstance(x, ast.ImportFrom) for a in x.names}
    return sorted(x for x in (used - made) | imported if x[0] == "_" and x[-2:] != "__")


def ways_past_a_door(source, room):
    """Imports from rooms other than `room`, and than those around it, past their doors."""
    found = []
    for x in ast.walk(ast.parse(source)):
        if not isinstance(x, ast.ImportFrom) or x.module.partition(".")[0] not in (
            "autograd",
            "nn",
        ):
            continue
        other, _, file = x.module.rpartition(".")
        if (ROOT / x.module.replace(".", "/")).is_dir():
            other, opened = x.module, {a.name for a in x.names}
        else:
            opened = {file}
        inside = f"{room}.".startswith(f"{other}.")
        if other and "." in other and not inside:
            found += sorted(opened - set(importlib.import_module(other).__all__))
    return found


def room_of(path):
    return ".".join(path.relative_to(ROOT).parent.parts)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_nothing_private_is_used_by_other_files(path):
    source = path.read_text(encoding="utf-8")
    edges = (
        ["_primitive"] if path.name == "sums.py" else []
    )  # which `graph.py` shares with it alone
    assert private_names_of_others(source) == edges
    assert ways_past_a_door(source, room_of(path)) == []


DOORS = [path for path in FILES if path.name == "__init__.py" and "." in room_of(path)]


@pytest.mark.parametrize("path", DOORS, ids=room_of)
def test_a_door_says_what_lives_there_and_names_what_is_there(path):
    room = importlib.import_module(room_of(path))
    assert room.__doc__
    for name in room.__all__:
        assert hasattr(room, name) or (path.parent / f"{name}.py").exists(), name


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("from autograd.engine.value import _new", ["_new"]),
        ("value._a", ["_a"]),
        ("class A:\n    def _b(self):\n        self._c = 1\n\nA()._b, A()._c", []),
        ("node.__rank__, sys._getframe()", []),
    ],
)
def test_what_is_private(source, names):
    assert private_names_of_others(source) == names


@pytest.mark.parametrize(
    ("source", "room", "names"),
    [
        ("from autograd.engine.value import Value", "nn", ["value"]),
        ("from autograd.engine.value import Value", "autograd.engine", []),
        ("from autograd.engine import Value, copies", "autograd.compiler", ["copies"]),
        ("from autograd.compiler.plan import Plan", "autograd.compiler.listing", []),
        ("from autograd.compiler.passes.program import Tape", "autograd.compiler", ["program"]),
        ("from autograd.errors import as_float\nfrom os.path import join", "nn", []),
    ],
)
def test_what_is_past_a_door(source, room, names):
    assert ways_past_a_door(source, room) == names
