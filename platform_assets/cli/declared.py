"""What a module declares, found by name: for commands that name a source or a view."""

import importlib
import os
import sys
from types import ModuleType
from typing import TypeVar

import dagster as dg

from platform_assets.assets.definitions import Declaration, reached
from platform_assets.assets.resource import PlatformResource
from platform_assets.cli import MODULE
from platform_assets.errors import DeclarationError, unknown

Kind = TypeVar("Kind", bound=Declaration)
Other = TypeVar("Other", bound=Declaration)


def declared(module: str, kind: type[Kind] | tuple[type[Kind], type[Other]], what: str, name: str) -> Kind | Other:
    """The declaration of this kind and name that a module has, or that one which it has is made of.

    Raises:
        DeclarationError: there is no such module, or it declares nothing of that name; with the nearest one.
    """
    found = {one.name: one for one in declarations_of(module) if isinstance(one, kind)}
    if name not in found:
        hint = "" if module != MODULE else " Another module: --module your_module."
        raise DeclarationError(f"{unknown(f'module {module!r}', what, name, found)}{hint}")
    return found[name]


def declarations_of(module: str) -> list[Declaration]:
    """All declarations that a module has a name for, and all that they are made of, upstream first."""
    return reached([value for value in vars(_module(module)).values() if isinstance(value, Declaration)])


def definitions_of(module: str) -> dg.Definitions:
    """What Dagster loads from the module."""
    found = [value for value in vars(_module(module)).values() if isinstance(value, dg.Definitions)]
    if len(found) != 1:
        raise DeclarationError(f"module {module!r} has {len(found)} Definitions, Dagster loads one: defs = build_definitions(...)")
    return found[0]


def platform_of(definitions: dg.Definitions) -> PlatformResource:
    """Where these definitions keep their data."""
    resource = (definitions.resources or {}).get("platform")
    if not isinstance(resource, PlatformResource):
        raise DeclarationError("the Definitions have no resource 'platform': make them with build_definitions(...)")
    return resource


def _module(name: str) -> ModuleType:
    if "" not in sys.path and os.getcwd() not in sys.path:  # a command is not started as `python -m` is, nor as Dagster's are
        sys.path.insert(0, os.getcwd())
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        raise DeclarationError(f"there is no module {name!r} ({error}). Name the one that declares it: --module your_module") from None
