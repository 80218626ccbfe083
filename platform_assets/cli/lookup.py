"""The declarations behind a module's Definitions, found by name: for commands that name a source or a view."""

import importlib
import os
import sys
from types import ModuleType
from typing import TypeVar

import dagster as dg

from platform_assets.assets.automation.stale import StaleSensor
from platform_assets.assets.resource import PlatformResource
from platform_assets.cli import MODULE
from platform_assets.cli.project import project_module
from platform_assets.declare.dependencies import Declaration
from platform_assets.errors import DeclarationError, unknown
from platform_assets.steps.layers import Graph
from platform_assets.steps.missing_inputs import YOUR_MODULE

Kind = TypeVar("Kind", bound=Declaration)
Other = TypeVar("Other", bound=Declaration)


def declared(module: str, kind: type[Kind] | tuple[type[Kind], type[Other]], what: str, name: str) -> Kind | Other:
    """The declaration of this kind and name among those that a module's Definitions were built from.

    Raises:
        DeclarationError: there is no such module or declaration; it suggests the closest name.
    """
    found = {one.name: one for one in graph_of(definitions_of(module)).declarations if isinstance(one, kind)}
    if name not in found:
        hint = "" if module != MODULE else f" Another module: --module {_module_here()}."
        raise DeclarationError(f"{unknown(f'module {module!r}', what, name, found)}{hint}")
    return found[name]


def graph_of(definitions: dg.Definitions) -> Graph:
    """The graph of all tables of the declarations passed to build_definitions, merged over several calls."""
    found = [sensor.graph for sensor in definitions.sensors or () if isinstance(sensor, StaleSensor)]
    return Graph(declaration for graph in found for declaration in graph.declarations)


def definitions_of(module: str) -> dg.Definitions:
    """The Definitions that Dagster loads from the module, or that its @dg.definitions function returns."""
    found = [value for value in vars(_module(module)).values() if isinstance(value, dg.Definitions)]
    found += [value() for value in vars(_module(module)).values() if isinstance(value, _LAZY)]
    if len(found) != 1:
        raise DeclarationError(f"module {module!r} has {len(found)} Definitions, but Dagster loads one: defs = build_definitions(...)")
    return found[0]


_LAZY = type(dg.definitions(lambda: dg.Definitions()))


def platform_of(definitions: dg.Definitions) -> PlatformResource:
    """The platform resource of these definitions."""
    resource = (definitions.resources or {}).get("platform")
    if not isinstance(resource, PlatformResource):
        raise DeclarationError("the Definitions have no resource 'platform': create them with build_definitions(...)")
    return resource


def _module(name: str) -> ModuleType:
    if "" not in sys.path and os.getcwd() not in sys.path:  # unlike `python -m` and Dagster, a command does not add the current folder
        sys.path.insert(0, os.getcwd())
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        raise DeclarationError(f"there is no module {name!r} ({error}). Name the one that declares it: --module {_module_here()}") from None


def _module_here() -> str:
    """The module of this folder's project; a placeholder if there is none, or if it is the shop's."""
    name = project_module()
    return name if name and name != MODULE else YOUR_MODULE
