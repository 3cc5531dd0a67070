"""Saving and loading a network: one JSON file that people can read, with exact numbers.

    {
     "format": "chainrule-model",
     "version": 1,
     "architecture": {"n_in": 2, "layers": [{"n_out": 16, "activation": "relu"}, …]},
     "parameters": {"layer1.neuron1.w1": 0.6394, …},
     "frozen": [],
     "class_names": [],
     "regression": false,
     "metadata": {}
    }

Numbers are written with as many digits as it takes to read the same float back. JSON has no
nan and no infinities: these are the strings "nan", "inf" and "-inf". Loading builds the network
that the architecture describes and fills in the parameters; nothing in a file is ever executed.
"""

from __future__ import annotations

import json
import math
import os
import random
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from math import inf
from pathlib import Path
from typing import Any, NoReturn

from autograd.files import write_atomically
from nn.layers import ACTIVATIONS, MLP, Layer, activation_label
from nn.module import Frozen

__all__ = ["load", "read_metadata", "save"]

FORMAT, VERSION = "chainrule-model", 1


def save(
    model: MLP, path: str | os.PathLike[str], metadata: Mapping[str, Any] | None = None
) -> None:
    """Write a network to a file, which afterwards is either the old one or the new one, entire.

    Args:
        model: the network.
        path: the file.
        metadata: what else to keep with the network, such as the names of the classes: strings,
            finite numbers, booleans, None, and lists and dictionaries of such.

    Raises:
        TypeError: it is not an MLP, or the metadata cannot be written as JSON.
        ValueError: an activation is a function of your own, which a file cannot hold.
        OSError: the file cannot be written.

    >>> import tempfile
    >>> model = MLP(2, [3, 1], seed=0)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save(model, f"{folder}/model.json")
    ...     loaded = load(f"{folder}/model.json")
    >>> loaded.state_dict() == model.state_dict()
    True
    """
    if type(model) is not MLP:
        raise TypeError(
            f"save takes an MLP, not {model!r}; of a module of your own save the state_dict()"
        )
    for k, layer in enumerate(model.layers, start=1):
        own = "linear" if layer.activation == "softmax" else layer.activation
        if own not in ACTIVATIONS or any(n.activation != own for n in layer.neurons):
            used = dict.fromkeys(activation_label(n.activation) for n in layer.neurons)
            raise ValueError(
                f"layer {k} cannot be saved with the activation {' and '.join(used)}: it must be "
                f"one for all of its neurons, of {', '.join(ACTIVATIONS)}"
            )
    metadata = dict(metadata or {})
    _refuse_unless_json(metadata, "metadata")
    document = {
        "format": FORMAT,
        "version": VERSION,
        "architecture": {
            "n_in": model.layers[0].n_in,
            "layers": [{"n_out": la.n_out, "activation": la.activation} for la in model.layers],
        },
        "parameters": {
            name: x if math.isfinite(x) else str(x) for name, x in model.state_dict().items()
        },
        "frozen": [name for name, p in model.named_parameters() if isinstance(p, Frozen)],
        "class_names": list(model.class_names),
        "regression": model.regression,
        "metadata": metadata,
    }
    write_atomically(path, json.dumps(document, indent=1, ensure_ascii=False) + "\n")


def load(path: str | os.PathLike[str]) -> MLP:
    """Read the network that `save` wrote.

    Args:
        path: the file.

    Raises:
        ValueError: it is not such a file, or damaged, or of another version; the message names
            the file and the field.
        OSError: the file cannot be read.

    >>> load("pyproject.toml")
    Traceback (most recent call last):
    ValueError: pyproject.toml: it is not JSON, or cut short: ...
    """
    with _naming(path):
        return _built(_read(path))


def read_metadata(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Read the metadata that were given to `save`.

    Args:
        path: the file.

    Raises:
        ValueError: see `load`.
        OSError: the file cannot be read.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save(MLP(2, [3, 1]), f"{folder}/model.json", {"class_names": ["no", "yes"]})
    ...     read_metadata(f"{folder}/model.json")
    {'class_names': ['no', 'yes']}
    """
    with _naming(path):
        metadata: dict[str, Any] = _field(_read(path), "", "metadata", dict)
        return metadata


# --- reading ------------------------------------------------------------------------------------


@contextmanager
def _naming(path: str | os.PathLike[str]) -> Iterator[None]:
    """Put the name of the file into the errors about its content."""
    try:
        yield
    except (TypeError, ValueError) as error:
        raise ValueError(f"{os.fspath(path)}: {error}") from None


def _read(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Read a file and check that it is a saved network of this version."""
    text = Path(path).read_bytes()
    try:
        document = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"it is not JSON, or cut short: {error}") from None
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise ValueError(f'it is not a saved network: it has no field "format": "{FORMAT}"')
    version = _field(document, "", "version", int)
    if version != VERSION:
        raise ValueError(f"field version is {version}, but this program reads version {VERSION}")
    return document


def _refuse_constant(constant: str) -> NoReturn:
    """Refuse what Python's reader takes and JSON does not have."""
    raise ValueError(f'{constant} is not JSON; it is written as a string, such as "nan"')


_KINDS = {
    int: "an integer",
    str: "a string",
    list: "a list",
    dict: "an object",
    bool: "true or false",
}


def _field(holder: dict[str, Any], place: str, name: str, kind: type) -> Any:
    """Get a field of the right kind."""
    if name not in holder:
        raise ValueError(f"field {place}{name} is missing")
    if type(holder[name]) is not kind:
        raise ValueError(f"field {place}{name} must be {_KINDS[kind]}, not {holder[name]!r:.40}")
    return holder[name]


def _size(holder: dict[str, Any], place: str, name: str) -> int:
    """Get a number of inputs or neurons."""
    size: int = _field(holder, place, name, int)
    if size < 1:
        raise ValueError(f"field {place}{name} must be at least 1, not {size}")
    return size


def _built(document: dict[str, Any]) -> MLP:
    """Build the network that a file describes."""
    architecture = _field(document, "", "architecture", dict)
    n_in = _size(architecture, "architecture.", "n_in")
    shapes: list[tuple[int, int, str]] = []
    for i, entry in enumerate(_field(architecture, "architecture.", "layers", list)):
        place = f"architecture.layers[{i}]"
        if not isinstance(entry, dict):
            raise ValueError(f"field {place} must be an object, not {entry!r:.40}")
        n_out = _size(entry, f"{place}.", "n_out")
        activation = _field(entry, f"{place}.", "activation", str)
        if activation not in ACTIVATIONS:
            raise ValueError(
                f"field {place}.activation must be one of {', '.join(ACTIVATIONS)}, "
                f"not {activation!r}"
            )
        shapes.append((n_in, n_out, activation))
        n_in = n_out
    if not shapes:
        raise ValueError("field architecture.layers is empty")

    numbers = _field(document, "", "parameters", dict)
    needed = sum((n_in + 1) * n_out for n_in, n_out, _ in shapes)
    if needed > 2 * len(numbers):  # or a damaged size may ask for more neurons than memory holds
        raise ValueError(
            f"field parameters has {len(numbers)} numbers, but the architecture needs {needed}"
        )
    model = MLP.from_layers(Layer(*shape, init=_zeros) for shape in shapes)
    state = {name: _number(x, f"parameters.{name}") for name, x in numbers.items()}
    try:
        model.load_state_dict(state)
    except ValueError as error:
        raise ValueError(f"field parameters: {error}") from None

    named = dict(model.named_parameters())
    for i, name in enumerate(_field(document, "", "frozen", list)):
        if not isinstance(name, str) or name not in named:
            raise ValueError(f"field frozen[{i}] must be the name of a parameter, not {name!r:.40}")
        named[name].__class__ = Frozen
    names = _field(document, "", "class_names", list)
    for i, name in enumerate(names):
        if not isinstance(name, str):
            raise ValueError(f"field class_names[{i}] must be a string, not {name!r:.40}")
    model.class_names = tuple(names)
    model.regression = _field(document, "", "regression", bool)
    return model


def _zeros(n_in: int, n_out: int, *, rng: random.Random) -> list[float]:  # noqa: ARG001 - one signature
    """Give weights that are replaced at once."""
    return [0.0] * n_in


def _number(x: Any, place: str) -> float:
    """Read a number, or one of the strings for what JSON does not have."""
    if x in ("nan", "inf", "-inf") or (type(x) in (int, float) and abs(x) <= sys.float_info.max):
        return float(x)
    raise ValueError(f"field {place} must be a number that a float can hold, not {x!r:.40}")


# --- writing ------------------------------------------------------------------------------------


def _refuse_unless_json(x: Any, place: str) -> None:
    """Refuse what would not come back as it is; a tuple comes back as a list."""
    if isinstance(x, dict):
        for key, element in x.items():
            if not isinstance(key, str):
                raise TypeError(f"{place} has the key {key!r}: keys must be strings")
            _refuse_unless_json(element, f"{place}.{key}")
    elif isinstance(x, (list, tuple)):
        for i, element in enumerate(x):
            _refuse_unless_json(element, f"{place}[{i}]")
    elif not (x is None or type(x) in (str, bool, int, float)) or x in (inf, -inf) or x != x:
        raise TypeError(
            f"{place} is {x!r:.40}; metadata may hold strings, finite numbers, booleans, None, and "
            "lists and dictionaries of such"
        )
