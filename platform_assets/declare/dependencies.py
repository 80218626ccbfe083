"""Declarations together with everything they depend on."""

from collections.abc import Iterator, Sequence

from platform_assets.declare.attributes import AttributeView
from platform_assets.declare.model import Model
from platform_assets.declare.report import GoldTable
from platform_assets.declare.selected import SelectedFeatures
from platform_assets.declare.source import Source
from platform_assets.declare.training import FeatureService, TrainingSet
from platform_assets.declare.view import FeatureView
from platform_assets.errors import DeclarationError

Declaration = Source | FeatureView | AttributeView | GoldTable | FeatureService | TrainingSet | Model


def reached(declarations: Sequence[Declaration], asked_by: str) -> list[Declaration]:
    """The declarations and everything they depend on, each once, upstream first.

    asked_by: the function that they were passed to, for the error.

    Raises:
        DeclarationError: one of the arguments is not a declaration.
    """
    found: list[Declaration] = []
    for declaration in declarations:
        for one in _with_parents(declaration, asked_by):
            if not any(one is other for other in found):
                found.append(one)
    return found


def _with_parents(declaration: Declaration, asked_by: str) -> Iterator[Declaration]:
    if isinstance(declaration, FeatureView | AttributeView | GoldTable):
        yield declaration.source
    elif isinstance(declaration, FeatureService):
        for view in declaration.views:
            yield from _with_parents(view, asked_by)
    elif isinstance(declaration, TrainingSet):
        yield from [declaration.labels.source] if declaration.labels.source else []
        yield from _with_parents(declaration.features, asked_by)
    elif isinstance(declaration, Model):
        yield from _with_parents(declaration.training_set, asked_by)
    elif not isinstance(declaration, Source):
        if isinstance(declaration, list | tuple | set):
            kind = type(declaration).__name__
            raise DeclarationError(f"a {kind} is not a declaration. Pass its items one by one: {asked_by}(*[...])")
        if isinstance(declaration, SelectedFeatures):
            raise DeclarationError(f"{declaration.view.name}.select(...) has no tables of its own. Pass the view: {declaration.view.name}.")
        raise DeclarationError(
            f"{declaration!r} is not a declaration. Pass sources, feature views, attribute views, gold tables, services, training sets "
            "or models."
        )
    yield declaration
