"""Packages that only some users need, installed with an extra of this distribution."""

from __future__ import annotations

from importlib import import_module
from typing import Any


def imported(module: str, extra: str, needs: str) -> Any:
    """Import a module of a package that may not be installed.

    Args:
        module: its name.
        extra: the extra that brings it.
        needs: what needs it, for the error.

    Raises:
        ImportError: it is not installed; the message says how to install it.

    >>> imported("no_such_package", "jax", 'backend="jax"')
    Traceback (most recent call last):
    ImportError: backend="jax" needs no_such_package: pip install "chainrule[jax]"
    """
    try:
        return import_module(module)
    except ImportError as error:
        package = module.partition(".")[0]
        raise ImportError(f'{needs} needs {package}: pip install "chainrule[{extra}]"') from error
