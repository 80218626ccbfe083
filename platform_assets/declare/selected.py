"""Selected features of a view, for a service that does not need the others."""

from collections.abc import Iterable, Mapping
from copy import copy
from dataclasses import dataclass, fields
from typing import Any, Generic, Protocol, TypeVar

from platform_assets.declare.arguments import shown
from platform_assets.errors import DeclarationError, unknown
from platform_assets.expressions.types import FeatureType


class HasFeatures(Protocol):
    """A view of either kind."""

    @property
    def name(self) -> str: ...
    @property
    def served(self) -> Mapping[str, FeatureType]: ...


Declared = TypeVar("Declared")
OfView = TypeVar("OfView", bound=HasFeatures)
Covariant = TypeVar("Covariant", bound=HasFeatures, covariant=True)


@dataclass(frozen=True)
class SelectedFeatures(Generic[Covariant]):
    """A view and the names of the features to read, in the view's order."""

    view: Covariant
    names: tuple[str, ...]


def selected(view: OfView, names: tuple[Any, ...]) -> SelectedFeatures[OfView]:
    """Selects features of a view.

    Raises:
        DeclarationError: a name is not a feature of the view or is listed twice, or there are no names.
    """
    where = f"view {view.name!r}, select"
    example = f"{view.name}.select({', '.join(map(repr, list(view.served)[:2]))})"
    if not names:
        raise DeclarationError(f"{where}: no features are named. Write {example}, or pass the view itself for all of them.")
    for name in names:
        if not isinstance(name, str):
            raise DeclarationError(f"{where}: {shown(name)} is not a feature name. Write {example}.")
        if (short := name.removeprefix(f"{view.name}__")) != name and short in view.served:
            raise DeclarationError(f"{where}: {name!r} is its full name. Write {short!r}.")
        if name not in view.served:
            raise unknown(where, "feature", name, view.served)
        if names.count(name) > 1:
            raise DeclarationError(f"{where}: {name!r} is listed twice. Leave one out.")
    return ordered(view, names)


def ordered(view: OfView, names: Iterable[str]) -> SelectedFeatures[OfView]:
    """These features of a view, without duplicates, in the view's order."""
    wanted = set(names)
    return SelectedFeatures(view, tuple(name for name in view.served if name in wanted))


def all_features(view: OfView) -> SelectedFeatures[OfView]:
    """All features of a view."""
    return SelectedFeatures(view, tuple(view.served))


def full_names(parts: Iterable[SelectedFeatures[HasFeatures]]) -> dict[str, FeatureType]:
    """The features as `view__feature`, with their types."""
    return {f"{part.view.name}__{name}": part.view.served[name] for part in parts for name in part.names}


def changed(declaration: Declared, **values: Any) -> Declared:
    """A copy of a declaration with changed values, without cached properties of the original."""
    other = copy(declaration)
    other.__dict__.clear()
    for field in fields(declaration):  # type: ignore[arg-type]
        object.__setattr__(other, field.name, values.get(field.name, getattr(declaration, field.name)))
    return other
