"""Saving and loading a network: one JSON file that people can read, with exact numbers.

    {
     "format": "chainrule-model",
     "version": 2,
     "architecture": {
      "kind": "MLP",
      "layers": [{"kind": "Layer", "n_in": 2, "n_out": 16, "activation": "relu"}, …]
     },
     "parameters": {"layer1.neuron1.w1": 0.6394, …},
     "frozen": [],
     "class_names": [],
     "regression": false,
     "metadata": {}
    }

Numbers are written with as many digits as it takes to read the same float back. JSON has no
nan and no infinities: these are the strings "nan", "inf" and "-inf". A module says itself what it
is made of, see `Module.saved`. Loading builds the network that the architecture describes, of the
modules of this library alone, and fills in the parameters; nothing in a file is ever executed.

A file whose name ends in .safetensors has the parameters as float64 tensors, in a sixth of the
room, and all else, as above, in its metadata, under "chainrule". The tensors of an MLP are those of
a `torch.nn.Sequential`; any other network has a single one, with its parameters in their order.
"""

from __future__ import annotations

import json
import math
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from math import inf
from pathlib import Path
from typing import Any, NoReturn

from autograd.extras import imported
from autograd.files import write_atomically
from nn.attention import Attention
from nn.containers import Each, Flatten, Residual, Sequential
from nn.convolution import Conv2d
from nn.dropout import Dropout
from nn.embedding import Embedding
from nn.interchange import linear_maps
from nn.layers import ACTIVATIONS, MLP, Layer, Neuron
from nn.mistakes import named
from nn.module import Frozen, Module, activation_label
from nn.norms import LayerNorm, RMSNorm
from nn.recurrent import GRU, LSTM, RNN

FORMAT, VERSION = "chainrule-model", 2

_MODULES: dict[str, type[Module]] = {
    kind.__name__: kind
    for kind in (
        *(Neuron, Layer, MLP, Sequential, Residual, Each, Flatten),
        *(Embedding, LayerNorm, RMSNorm, Dropout, Attention, Conv2d, RNN, GRU, LSTM),
    )
}


def save(
    model: Module, path: str | os.PathLike[str], metadata: Mapping[str, Any] | None = None
) -> None:
    """Write a network to a file, which afterwards is either the old one or the new one, entire.

    Args:
        model: the network, made of the modules of this library.
        path: the file: JSON, unless the name ends in .safetensors, for which the extra "export" is
            needed.
        metadata: what else to keep with the network, such as the names of the classes: strings,
            finite numbers, booleans, None, and lists and dictionaries of such.

    Raises:
        TypeError: there is a module of your own, or the metadata cannot be written as JSON.
        ValueError: an activation is a function of your own, which a file cannot hold; or a module
            is used in two places.
        ImportError: safetensors is not installed.
        OSError: the file cannot be written.

    >>> import tempfile
    >>> model = MLP(2, [3, 1], seed=0)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save(model, f"{folder}/model.json")
    ...     loaded = load(f"{folder}/model.json")
    >>> loaded.state_dict() == model.state_dict()
    True
    """
    metadata = dict(metadata or {})
    _refuse_unless_json(metadata, "metadata")
    document = {
        "format": FORMAT,
        "version": VERSION,
        "architecture": _described(model, "", set()),
        "parameters": {},
        "frozen": [name for name, p in model.named_parameters() if isinstance(p, Frozen)],
        "class_names": list(model.class_names),
        "regression": model.regression,
        "metadata": metadata,
    }
    if _is_safetensors(path):
        del document["parameters"]
        library = imported("safetensors.numpy", "export", f"to write {os.fspath(path)}")
        header = {"chainrule": json.dumps(document, ensure_ascii=False)}
        write_atomically(path, library.save(_tensors(model), header))
        return
    document["parameters"] = {
        name: x if math.isfinite(x) else str(x) for name, x in model.state_dict().items()
    }
    write_atomically(path, json.dumps(document, indent=1, ensure_ascii=False) + "\n")


def load(path: str | os.PathLike[str]) -> Module:
    """Read the network that `save` wrote.

    Raises:
        ValueError: it is not such a file, or damaged, or of another version; the message names
            the file and the field.
        OSError: the file cannot be read.

    >>> load("pyproject.toml")
    Traceback (most recent call last):
    ValueError: pyproject.toml: it is not JSON, or cut short: ...
    """
    with _naming(path):
        document, tensors = _read(path)
        return _built(document, tensors)


def read_metadata(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Read the metadata that were given to `save`.

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
        metadata: dict[str, Any] = _field(_read(path)[0], "", "metadata", dict)
        return metadata


# --- reading ------------------------------------------------------------------------------------


@contextmanager
def _naming(path: str | os.PathLike[str]) -> Iterator[None]:
    """Put the name of the file into the errors about its content."""
    try:
        yield
    except (TypeError, ValueError) as error:
        raise ValueError(f"{os.fspath(path)}: {error}") from None


def _read(path: str | os.PathLike[str]) -> tuple[dict[str, Any], Mapping[str, Any]]:
    """Read a file and check that it is a saved network of this version; return tensors apart."""
    text: str | bytes
    tensors: Mapping[str, Any] = {}
    if _is_safetensors(path):
        text, tensors = _read_safetensors(path)
    else:
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
    return document, tensors


def _is_safetensors(path: str | os.PathLike[str]) -> bool:
    """Tell from its name what a file is."""
    return Path(path).suffix.lower() == ".safetensors"


def _read_safetensors(path: str | os.PathLike[str]) -> tuple[str, dict[str, Any]]:
    """Read what a file says of the network, and its tensors."""
    library = imported("safetensors", "export", f"to read {os.fspath(path)}")
    try:
        with library.safe_open(path, framework="numpy") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            header = file.metadata() or {}
    except library.SafetensorError as error:
        raise ValueError(f"it is no safetensors file, or cut short: {error}") from None
    if "chainrule" not in header:
        raise ValueError(
            "it has tensors, but does not say of which network: build that in PyTorch and use "
            "nn.from_torch"
        )
    return header["chainrule"], tensors


def _refuse_constant(constant: str) -> NoReturn:
    """Refuse what Python's reader takes and JSON does not have."""
    raise ValueError(f'{constant} is not JSON; it is written as a string, such as "nan"')


_KINDS = {
    int: "an integer",
    bool: "true or false",
    str: "a string",
    list: "a list",
    dict: "an object",
}


def _field(holder: dict[str, Any], place: str, name: str, kind: type | None = None) -> Any:
    """Get a field, of the right kind if there is one."""
    if name not in holder:
        raise ValueError(f"field {place}{name} is missing")
    return holder[name] if kind is None else _checked(holder[name], f"{place}{name}", kind)


def _checked(x: Any, place: str, kind: type) -> Any:
    """Check the kind of what stands in a field."""
    if type(x) is not kind:
        raise ValueError(f"field {place} must be {_KINDS[kind]}, not {x!r:.40}")
    return x


def _module(x: Any, place: str, most: int) -> Module:
    """Build a module of what the file says of it in the field `place`.

    No size may be above `most`, the count of parameters in the file, so that a damaged file cannot
    ask for more than memory holds.
    """
    _checked(x, place, dict)
    kind = named(_MODULES, _field(x, f"{place}.", "kind", str), f"field {place}.kind")
    fields = {
        name: _part(_field(x, f"{place}.", name), f"{place}.{name}", most) for name in kind.saved
    }
    try:
        return kind.from_saved(**fields)
    except (TypeError, ValueError) as error:
        raise ValueError(f"field {place} describes no module: {error}") from None


def _part(x: Any, place: str, most: int) -> Any:
    """Read one of the things that a module is made of: see `_module`."""
    if isinstance(x, dict):
        return _module(x, place, most)
    if isinstance(x, list):
        return [_module(entry, f"{place}[{i}]", most) for i, entry in enumerate(x)]
    if isinstance(x, int) and x > most:
        raise ValueError(f"field {place} is {x}, but field parameters has {most} numbers")
    return x


def _built(document: dict[str, Any], tensors: Mapping[str, Any]) -> Module:
    """Build the network that a file describes."""
    architecture = _field(document, "", "architecture", dict)
    if tensors:
        count = sum(tensor.size for tensor in tensors.values())
        model = _module(architecture, "architecture", count)
        _fill(model, tensors)
    else:
        numbers = _field(document, "", "parameters", dict)
        model = _module(architecture, "architecture", len(numbers))
        state = {name: _number(x, f"parameters.{name}") for name, x in numbers.items()}
        try:
            model.load_state_dict(state)
        except ValueError as error:
            raise ValueError(f"field parameters: {error}") from None

    parameters = dict(model.named_parameters())
    for i, name in enumerate(_field(document, "", "frozen", list)):
        if not isinstance(name, str) or name not in parameters:
            raise ValueError(f"field frozen[{i}] must be the name of a parameter, not {name!r:.40}")
        parameters[name].__class__ = Frozen
    names = _field(document, "", "class_names", list)
    for i, name in enumerate(names):
        _checked(name, f"class_names[{i}]", str)
    model.class_names = tuple(names)
    model.regression = _field(document, "", "regression", bool)
    return model


def _number(x: Any, place: str) -> float:
    """Read a number, or one of the strings for what JSON does not have."""
    if x in ("nan", "inf", "-inf") or (type(x) in (int, float) and abs(x) <= sys.float_info.max):
        return float(x)
    raise ValueError(f"field {place} must be a number that a float can hold, not {x!r:.40}")


def _fill(model: Module, tensors: Mapping[str, Any]) -> None:
    """Give a network the numbers in tensors, which must be the ones that it would be saved with."""
    import numpy as np

    expected = _tensors(model)
    for name in expected.keys() | tensors.keys():
        there, here = (
            f"{t[name].shape} of {t[name].dtype}" if name in t else "missing"
            for t in (tensors, expected)
        )
        if there != here:
            raise ValueError(f"tensor {name} is {there} in the file, and {here} in the network")
    if isinstance(model, MLP):
        rows = [
            np.column_stack([tensors[f"{place}.weight"], tensors[f"{place}.bias"]]).ravel()
            for place, *_ in linear_maps(model)
        ]
        numbers = np.concatenate(rows)
    else:
        numbers = tensors["parameters"]
    for p, x in zip(model.parameters(), numbers.tolist(), strict=True):
        p.data = x


# --- writing ------------------------------------------------------------------------------------


def _tensors(model: Module) -> dict[str, Any]:
    """Return the parameters as arrays, by name."""
    import numpy as np

    if not isinstance(model, MLP):
        return {"parameters": np.array([p.data for p in model.parameters()])}
    return {
        f"{place}.{name}": array
        for place, weights, biases, _ in linear_maps(model)
        for name, array in (("weight", weights), ("bias", biases))
    }


def _described(module: Module, place: str, seen: set[int]) -> dict[str, Any]:
    """Say what a module is made of."""
    kind = type(module).__name__ if isinstance(module, Module) else ""
    if _MODULES.get(kind) is not type(module):
        raise TypeError(
            f"save takes what is made of {', '.join(_MODULES)}, not a {type(module).__name__}; of "
            "a module of your own write the state_dict() with json.dump"
        )
    if id(module) in seen:
        raise ValueError(f"{place} is used in two places, which a file cannot tell")
    seen.add(id(module))
    description: dict[str, Any] = {"kind": kind}
    for name in module.saved:
        held, here = getattr(module, name), f"{place}.{name}" if place else name
        if name == "activation":
            held = _activation(module, place)
        elif isinstance(held, Module):
            held = _described(held, here, seen)
        elif isinstance(held, list):
            held = [_described(part, f"{here}[{i}]", seen) for i, part in enumerate(held)]
        description[name] = held
    return description


def _activation(module: Any, place: str) -> str:
    """Name the activation of a module, which is that of all of its neurons."""
    name = module.activation
    own = "linear" if name == "softmax" else name
    inside = [part.activation for part in Module.modules(module) if isinstance(part, Neuron)]
    if own not in ACTIVATIONS or any(other != own for other in inside):
        used = " and ".join(dict.fromkeys(map(activation_label, inside)))
        raise ValueError(
            f"{place or 'it'} cannot be saved with the activation {used}: it must be one for all "
            f"of its neurons, of {', '.join(ACTIVATIONS)}"
        )
    return str(name)


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
