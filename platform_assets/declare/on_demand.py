"""On-demand features: computed while a request is served, from the features of a service and columns of the request."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from platform_assets.declare.arguments import checked_arguments, list_of, shown, text
from platform_assets.declare.names import RESERVED_COLUMNS, check_name
from platform_assets.errors import DeclarationError
from platform_assets.expressions import Expression, parse
from platform_assets.expressions.types import PYTHON, SQL_NAMES, DataType, FeatureType

REQUEST_TIME = "request_time"
"""The time of reading: the request's time online, the label's time offline. Every on-demand feature may read it."""

TAKEN = (REQUEST_TIME, "label_time", *RESERVED_COLUMNS)


@dataclass(frozen=True)
class OnDemand:
    """An on-demand feature as declared."""

    name: str
    sql: str
    request: tuple[tuple[str, DataType], ...] = ()


@dataclass(frozen=True)
class OnDemandFeature:
    """An on-demand feature of a service, checked. Its expression reads features as `view__feature`, and request columns."""

    name: str
    expression: Expression
    request: tuple[tuple[str, DataType], ...]

    @property
    def served_type(self) -> DataType:
        return self.expression.type


@checked_arguments("on_demand")
def on_demand(name: str, sql: str, *, request: Mapping[str, type] | None = None) -> OnDemand:
    """A feature of a service computed at read time, by the same expression offline and online.

    Args:
        name: of the feature. It does not belong to a view, so it is read under this name.
        sql: an expression over the features of the service, by their names or as `view__feature`, over the request's columns, and
            over `request_time`: the time of the request, or offline the label's time.
        request: the columns that a request must have, with their types: int, float, str, bool, datetime or date. A value may be
            missing (None). Offline they are columns of the labels.

    >>> on_demand("basket_share", "basket / spend_30d", request={"basket": float})
    OnDemand(name='basket_share', sql='basket / spend_30d', request=(('basket', 'float'),))
    """
    where = f"on_demand({shown(name)})"
    text(sql, f"{where}, sql", "on_demand('hours_since_last', 'hours_between(last_event_at, request_time)')")
    if request is not None and not isinstance(request, Mapping):
        raise DeclarationError(f"{where}, request: {shown(request)} is not a dict. Write request={{'basket': float}}.")
    return OnDemand(name, sql, tuple((column, _type(column, kind, where)) for column, kind in (request or {}).items()))


def _type(column: str, kind: type, where: str) -> DataType:
    check_name(column, f"{where}, request")
    if not isinstance(kind, type) or kind not in PYTHON:
        raise DeclarationError(
            f"{where}, request: {column!r} is {shown(kind)}. Its type must be one of {', '.join(k.__name__ for k in PYTHON)}."
        )
    return PYTHON[kind]


def checked_on_demand(
    declared: Sequence[OnDemand], features: Mapping[str, FeatureType], keys: Sequence[str], where: str
) -> tuple[OnDemandFeature, ...]:
    """The on-demand features of a service.

    features: the features that the service's views serve, as `view__feature`.
    """
    found: list[OnDemandFeature] = []
    request: dict[str, DataType] = {}
    example = "on_demand=[on_demand('hours_since_last', 'hours_between(last_event_at, request_time)')]"
    for one in list_of(declared, f"{where}, on_demand", example):
        if not isinstance(one, OnDemand):
            raise DeclarationError(f"{where}, on_demand: {shown(one)} is not an on-demand feature. Write {example}.")
        place = f"{where}, on_demand({shown(one.name)})"
        check_name(one.name, place)
        if one.name in (*keys, *TAKEN) or one.name in [feature.name for feature in found]:
            raise DeclarationError(f"{place}: there is a column {one.name!r} already. Give the feature another name.")
        found.append(OnDemandFeature(one.name, _expression(one, features, keys, place), one.request))
        for column, dtype in one.request:
            if request.setdefault(column, dtype) != dtype:
                raise DeclarationError(
                    f"{place}, request: {column!r} is {SQL_NAMES[dtype]} here and {SQL_NAMES[request[column]]} in another "
                    "on-demand feature. Give it one type."
                )
    for feature in found:
        if feature.name in request:
            raise DeclarationError(f"{where}: {feature.name!r} is an on-demand feature and a column of the request. Rename one of them.")
    return tuple(found)


def _expression(one: OnDemand, features: Mapping[str, FeatureType], keys: Sequence[str], place: str) -> Expression:
    views_of: dict[str, list[str]] = {}
    for full in features:
        views_of.setdefault(full.partition("__")[2], []).append(full)
    views_of.pop(REQUEST_TIME, None)  # the time of reading; a feature of that name is read as view__request_time
    for column, _ in one.request:
        if column in (*keys, *TAKEN):
            fix = "Every request has it, so leave it out." if column in (*keys, REQUEST_TIME) else "Give it another name."
            raise DeclarationError(f"{place}, request: {column!r} is a column of the platform. {fix}")
        if column in views_of:
            raise DeclarationError(
                f"{place}, request: {column!r} is a feature, {views_of[column][0]}. Give the request's column another name."
            )
    short = {name: features[full[0]] for name, full in views_of.items()}
    columns: dict[str, FeatureType] = {**features, **short, **dict(one.request), REQUEST_TIME: "datetime"}
    expression = parse(one.sql, columns=columns, where=place)
    for name in expression.columns:
        if len(views_of.get(name, ())) > 1:
            raise DeclarationError(f"{place}: {name!r} is a feature of several views. Write {' or '.join(views_of[name])}.")
    for column, _ in one.request:
        if column not in expression.columns:
            raise DeclarationError(
                f"{place}, request: {column!r} is not read by {one.sql!r}. Leave it out, so that requests do not need it."
            )
    return expression.renamed({name: full[0] for name, full in views_of.items()})
