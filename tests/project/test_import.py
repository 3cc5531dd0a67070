"""Importing the packages is light: heavy libraries load when first used."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HEAVY = ["numpy", "scipy", "sklearn", "matplotlib", "graphviz", "tqdm", "pandas", "jax"]

LOADED = """
import importlib, sys
importlib.import_module(sys.argv[1])
print([name for name in sys.argv[2:] if name in sys.modules])
"""


@pytest.mark.parametrize("package", ["autograd", "nn"])
def test_importing_loads_nothing_heavy(package, run_python):
    assert run_python(LOADED, package, *HEAVY) == "[]\n"


def test_scalar_work_loads_nothing_heavy(run_python):
    code = """
import copy, pickle, sys
import autograd
from autograd import Value
x, w = Value(0.5, "x"), Value(2.0)
y = autograd.dot([x], [w], 1).gelu() + autograd.softmax([x, w])[0] * 3 - x ** 2
y.backward()
y.backward(create_graph=True)
copy.deepcopy(y)
pickle.loads(pickle.dumps(y))
with autograd.no_grad(), autograd.detect_anomaly():
    x * w
print([name for name in sys.argv[1:] if name in sys.modules])
"""
    assert run_python(code, *HEAVY) == "[]\n"


def test_what_shows_and_explains_needs_no_other_package(run_python):
    """As in a browser: there the playground has the standard library, and what is pure Python."""
    code = """
import sys
sys.modules.update(dict.fromkeys(sys.argv[1:]))  # so that importing them raises ImportError
import autograd, nn
from autograd.pictures import set_layout
w, x = autograd.Value(-3.0, "w"), autograd.Value(2.0, "x")
o = autograd.tanh(w * x + 6.88)
o.backward()
assert "tanh" in autograd.draw(o).text and "digraph" in autograd.draw(o).source
for shown in (autograd.explain(o, w), autograd.why(o, w), autograd.paths(o, w)):
    assert "w" in str(shown)
passes = autograd.forward_steps(o), autograd.backward_steps(o)
assert [len(list(steps)) for steps in passes] == [6, 5]
assert autograd.grad(autograd.grad(autograd.sin))(0.0) == 0.0
model = nn.MLP(2, [3, 1], "relu", seed=0)
loss = nn.hinge_loss(model([1.0, 2.0]), 1.0) + nn.binary_cross_entropy(model([0.0, 1.0]), 1)
autograd.zero_grad(model.parameters())
loss.backward()
assert "layer1" in str(model.summary()) and "neuron" in autograd.draw(model).source
print(loss.data > 0.0)
"""
    native = [name for name in HEAVY if name != "graphviz"]
    assert run_python(code, *native, "ipywidgets", "IPython") == "True\n"


def test_numpy_loads_when_an_array_is_met(run_python):
    code = """
import sys
from autograd import Value, exp
assert "numpy" not in sys.modules
import numpy as np
assert exp(np.array([0.0]))[0] == 1.0
assert type(np.exp(Value(0.0))) is Value
print("fine")
"""
    assert run_python(code) == "fine\n"


def test_no_module_hides_a_public_function(run_python):
    code = """
import importlib, pkgutil, types
import autograd
public = {name: getattr(autograd, name) for name in dir(autograd) if name[0] != "_"}
for module in pkgutil.walk_packages(autograd.__path__, "autograd."):
    if module.name != "autograd.__main__":
        try:
            importlib.import_module(module.name)
        except ModuleNotFoundError as error:
            assert error.name == "jax"
assert not [n for n, x in public.items() if isinstance(x, types.ModuleType)]
changed = [n for n, x in public.items() if getattr(autograd, n) is not x]
print(changed)
"""
    assert run_python(code) == "[]\n"


def test_names_for_all_are_public_and_hide_nothing_of_python(run_python):
    code = """
import builtins, types
import autograd, nn
for package in (autograd, nn):
    shown = [name for name in dir(package) if name[0] != "_"]
    assert set(package.__all__) <= set(shown)
    assert {"numbers", "engine", "annotations", "Any", "training"}.isdisjoint(shown)
    assert not set(package.__all__) & set(dir(builtins))
assert autograd.abs(-2.0) == 2.0 and "abs" in dir(autograd)
print(autograd.__version__)
"""
    source = (ROOT / "autograd" / "__init__.py").read_text(encoding="utf-8")
    (version,) = re.findall(r'^__version__ = "(.*)"$', source, re.MULTILINE)
    assert run_python(code) == f"{version}\n"


def test_names_from_elsewhere_are_answered_with_those_here():
    import autograd

    for name, here in {"vmap": r"compile\(…, in_axes=…\)", "Tensor": "Value", "ln": "log"}.items():
        with pytest.raises(AttributeError, match=rf"'{name}'; did you mean autograd\.{here}\?$"):
            getattr(autograd, name)
    with pytest.raises(AttributeError, match=r"no attribute 'quantum'$"):
        _ = autograd.quantum


def test_an_installation_over_hips_autograd_is_told(tmp_path, uncovered):
    copy = tmp_path / "autograd"
    shutil.copytree(ROOT / "autograd", copy, ignore=shutil.ignore_patterns("__pycache__"))
    command = [sys.executable, "-c", "import autograd; print(autograd.Value(2.0).data)"]
    environment = {**uncovered, "PYTHONPATH": str(tmp_path)}

    def run():
        return subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
        )

    assert (run().stdout, run().stderr) == ("2.0\n", "")
    (copy / "numpy").mkdir()  # which HIPS autograd has, and ours has not
    mixed = run()
    assert mixed.stdout == "2.0\n"
    warning, *_ = mixed.stderr.splitlines()  # from Python 3.13 on, the line of code follows
    assert "run `pip uninstall autograd chainrule`, and then install chainrule again" in warning
