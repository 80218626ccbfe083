"""The names of keys in the online store: one hash per entity, and one for the marks of all views.

    platform:{customer:17850}        the customer 17850
    platform:{card:uk:12\\:34}        the card of the bank 'uk' with the number '12:34'
    platform:published               what of each view is published

The part in braces is what a cluster distributes keys by: everything that belongs to an entity is on one server. In strings,
: and the backslash are escaped by a backslash, so that no two entities share a key.
"""

import operator
from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any

import polars as pl

from platform_assets.errors import OnlineError
from platform_assets.expressions.types import POLARS, DataType
from platform_assets.stores.online.value_layout import ViewLayout, as_microseconds

_EPOCH_DAY = date(1970, 1, 1).toordinal()


def marks_key(project: str) -> bytes:
    """The hash with the marks of all views."""
    return f"{project}:published".encode()


def unfinished_field(layout: ViewLayout) -> bytes:
    """The field of the marks with the unfinished publications of a view."""
    return f"{layout.name} unfinished".encode()


def entities_field(layout: ViewLayout) -> bytes:
    """The field of the marks with the number of entities that have values of a view."""
    return f"{layout.name} entities".encode()


def complete_field(layout: ViewLayout) -> bytes:
    """The field of the marks with the last state in which all entities of a view were known to exist."""
    return f"{layout.name} complete".encode()


def lost_field(layout: ViewLayout) -> bytes:
    """The field of the marks with the number of missing entities of a view; absent if none are missing."""
    return f"{layout.name} lost".encode()


def entity_pattern(layout: ViewLayout, project: str) -> bytes:
    """A pattern that matches the keys of all entities of the view."""
    return f"{project}:{{{layout.entity}:*".encode()


def entity_keys(layout: ViewLayout, rows: pl.DataFrame, project: str) -> pl.Series:
    """The key of each row's entity. OnlineError: a key column is null."""
    _check_kinds(layout)
    for name, _ in layout.keys:
        if rows[name].null_count():
            raise OnlineError(f"{layout.view}: {rows[name].null_count()} rows have no {name!r}, so they have no {layout.entity}.")
    parts = [_text_of_column(pl.col(name).cast(POLARS[kind]), kind) for name, kind in layout.keys]
    before, after = f"{project}:{{{layout.entity}:", "}"
    return rows.select(key=pl.concat_str(pl.lit(before), pl.concat_str(*parts, separator=":"), pl.lit(after)))["key"]


def entity_key(layout: ViewLayout, project: str) -> Callable[[Mapping[str, Any]], bytes | None]:
    """The function that returns the key of an entity from its key values; None if one is null.

    OnlineError: a key is missing or has a different type than the view's: it would silently find no entity.
    """
    _check_kinds(layout)
    before, after = f"{project}:{{{layout.entity}:", "}"
    if len(layout.keys) == 1:
        ((only, only_text),) = _key_texts(layout)

        def key(values: Mapping[str, Any]) -> bytes | None:
            value = _value(layout, values, only)
            return None if value is None else f"{before}{only_text(value)}{after}".encode(errors="surrogatepass")

        return key
    texts = _key_texts(layout)

    def composite_key(values: Mapping[str, Any]) -> bytes | None:
        parts = []
        for name, text in texts:
            value = _value(layout, values, name)
            if value is None:
                return None
            parts.append(text(value))
        return f"{before}{':'.join(parts)}{after}".encode(errors="surrogatepass")

    return composite_key


def _value(layout: ViewLayout, values: Mapping[str, Any], name: str) -> Any:
    try:
        return values[name]
    except KeyError:
        raise OnlineError(f"{layout.view}: the request has no {name!r}, a key of {layout.entity}. It has: {', '.join(values)}.") from None


def _key_texts(layout: ViewLayout) -> list[tuple[str, Callable[[Any], str]]]:
    return [(name, _text_of(layout, name, kind)) for name, kind in layout.keys]


def _text_of_column(column: pl.Expr, kind: DataType) -> pl.Expr:
    if kind == "str":
        return column.str.replace_all("\\", "\\\\", literal=True).str.replace_all(":", "\\:", literal=True)
    return column.cast(pl.String) if kind in ("int", "bool") else column.to_physical().cast(pl.String)


def _text_of(layout: ViewLayout, name: str, kind: DataType) -> Callable[[Any], str]:
    def wrong(value: Any) -> OnlineError:
        return OnlineError(
            f"{layout.view}: the key {name!r} is {kind}, but the request has {value!r}, a {type(value).__name__}. Convert it first."
        )

    def of_int(value: Any) -> str:
        if type(value) is int:
            return str(value)
        try:
            if isinstance(value, bool):
                raise TypeError
            return str(operator.index(value))  # also NumPy's integers
        except TypeError:
            raise wrong(value) from None

    def of_str(value: Any) -> str:
        if not isinstance(value, str):
            raise wrong(value)
        return value.replace("\\", "\\\\").replace(":", "\\:") if ":" in value or "\\" in value else value

    def of_bool(value: Any) -> str:
        if not isinstance(value, bool):
            raise wrong(value)
        return "true" if value else "false"

    def of_datetime(value: Any) -> str:
        if not isinstance(value, datetime) or value.tzinfo is None:
            raise wrong(value)
        return str(as_microseconds(value))

    def of_date(value: Any) -> str:
        if not isinstance(value, date) or isinstance(value, datetime):
            raise wrong(value)
        return str(value.toordinal() - _EPOCH_DAY)

    texts: dict[DataType, Callable[[Any], str]] = {"int": of_int, "str": of_str, "bool": of_bool, "datetime": of_datetime, "date": of_date}
    return texts[kind]


def _check_kinds(layout: ViewLayout) -> None:
    for name, kind in layout.keys:
        if kind == "float":
            raise OnlineError(f"{layout.view}: the key {name!r} is a float, which cannot identify an entity: use an int or a str.")
