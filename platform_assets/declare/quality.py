"""Checks of a source's quality: what is wrong with a partition as a whole, though each of its rows may be right.

A rule decides about a row and sets it aside; a check counts over the accepted rows of a partition, changes no value, and reports. So
adding, changing or removing one makes nothing stale.
"""

import re
import typing
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from platform_assets.declare.arguments import checked_arguments, list_of, names_of, one_of, share, shown, text
from platform_assets.declare.checks import Check, Dimension, Kind, Severity
from platform_assets.declare.durations import duration, positive
from platform_assets.declare.source import Source
from platform_assets.errors import DeclarationError

_COLUMN = "a column or an SQL expression, such as 'unit_price'"


@checked_arguments("null_share")
def null_share(
    column: str,
    *,
    at_most: float | None = None,
    severity: Severity = "warn",
    dimension: Dimension = "completeness",
    name: str | None = None,
) -> Check:
    """The share of a partition's rows in which a value is missing.

    Args:
        column: a column that may be null, or an SQL expression.
        at_most: the share (0 to 1) from which on the check fails; None: learnt from earlier partitions (docs/concepts/quality.md).
        severity: "warn", or "error".
        dimension: of data quality, to group checks by.
        name: the check's name; default: null_share_ and the column.

    >>> null_share("customer_id", at_most=0.3).at_most
    0.3
    """
    return _check("null_share", (_text(column, "null_share"),), dimension, severity, name, at_most)


@checked_arguments("in_range")
def in_range(
    column: str,
    low: Any = None,
    high: Any = None,
    *,
    at_most: float | None = 0.0,
    severity: Severity = "warn",
    dimension: Dimension = "validity",
    name: str | None = None,
) -> Check:
    """The share of rows with a value below `low` or above `high`; a missing value is neither.

    Args:
        column: a column of numbers, dates or timestamps, or an SQL expression.
        low: the lowest value that is right; None: there is none. A number, a date, or a datetime with a time zone.
        high: the highest value that is right; None: there is none.
        at_most: the share of rows (0 to 1) that may lie outside; None: learnt from earlier partitions.
        severity: as of `null_share`.
        dimension: as of `null_share`.
        name: as of `null_share`.

    >>> in_range("unit_price", 0, 10_000).values
    (0, 10000)
    """
    where = f"in_range({column!r})"
    if low is None and high is None:
        raise DeclarationError(f"{where}: it has neither end. Write in_range({column!r}, 0, 100), or one of low= and high=.")
    if low is not None and high is not None:
        try:
            is_empty = low > high
        except TypeError:
            raise DeclarationError(f"{where}: {shown(low)} and {shown(high)} cannot be compared.") from None
        if is_empty:
            raise DeclarationError(f"{where}: nothing lies between {low} and {high}. Write the lower one first.")
    return _check("in_range", (_text(column, "in_range"),), dimension, severity, name, at_most, values=(low, high))


@checked_arguments("matches")
def matches(
    column: str,
    pattern: str,
    *,
    at_most: float | None = 0.0,
    severity: Severity = "warn",
    dimension: Dimension = "validity",
    name: str | None = None,
) -> Check:
    r"""The share of rows whose text a regular expression does not match as a whole; a missing value matches.

    Args:
        column: a column of texts, or an SQL expression.
        pattern: what the whole text must look like, with neither look-around nor back references.
        at_most: the share of rows (0 to 1) that may look different; None: learnt from earlier partitions.
        severity: as of `null_share`.
        dimension: as of `null_share`.
        name: as of `null_share`.

    >>> matches("stock_code", r"[0-9]{5}[A-Z]*").values
    ('[0-9]{5}[A-Z]*',)
    """
    where, example = f"matches({column!r})", r"pattern=r'[0-9]+'"
    _compiled(text(pattern, where, example), where)
    return _check("matches", (_text(column, "matches"),), dimension, severity, name, at_most, values=(pattern,))


@checked_arguments("allowed")
def allowed(
    column: str,
    values: Sequence[Any],
    *,
    at_most: float | None = 0.0,
    severity: Severity = "warn",
    dimension: Dimension = "validity",
    name: str | None = None,
) -> Check:
    """The share of rows with a value that is not listed; a missing value is none.

    Args:
        column: a column, or an SQL expression.
        values: the values that are right, of the column's type.
        at_most: the share of rows (0 to 1) that may have another value; None: learnt from earlier partitions.
        severity: as of `null_share`.
        dimension: as of `null_share`.
        name: as of `null_share`.

    >>> allowed("country", ["France", "Germany"]).values
    ('France', 'Germany')
    """
    found = list_of(values, f"allowed({column!r}), values", "values=['France', 'Germany']")
    if not found:
        raise DeclarationError(f"allowed({column!r}), values: no value is listed, so every row would be wrong.")
    return _check("allowed", (_text(column, "allowed"),), dimension, severity, name, at_most, values=found)


@checked_arguments("holds")
def holds(
    condition: str,
    *,
    at_most: float | None = 0.0,
    severity: Severity = "warn",
    dimension: Dimension = "consistency",
    name: str | None = None,
) -> Check:
    """The share of rows for which a condition over their columns is false; null is not false.

    Args:
        condition: an SQL condition, such as "shipped_at >= ordered_at".
        at_most: the share of rows (0 to 1) that may break it; None: learnt from earlier partitions.
        severity: as of `null_share`.
        dimension: as of `null_share`.
        name: as of `null_share`.

    >>> holds("quantity < 0 or not cancelled", name="cancelled_is_negative").name
    'cancelled_is_negative'
    """
    return _check("holds", (_text(condition, "holds"),), dimension, severity, name, at_most)


@checked_arguments("unique")
def unique(
    *columns: str,
    at_most: float | None = 0.0,
    severity: Severity = "warn",
    dimension: Dimension = "uniqueness",
    name: str | None = None,
) -> Check:
    """The share of rows whose values in some columns another row of their partition has; of equal rows the first is none.

    Of events the columns of `key=` are unique by themselves: copies are left out, and the check `keys` looks at the result.

    Args:
        columns: the columns whose values are unique together. Rows in which one is missing are left out.
        at_most: the share of rows (0 to 1) that may repeat another; None: learnt from earlier partitions.
        severity: as of `null_share`.
        dimension: as of `null_share`.
        name: as of `null_share`.

    >>> unique("invoice", "stock_code").of
    ('invoice', 'stock_code')
    """
    if not columns:
        raise DeclarationError("unique: no column is given. Write unique('invoice').")
    return _check("unique", names_of(columns, "unique", "unique('invoice')"), dimension, severity, name, at_most)


@checked_arguments("refers_to")
def refers_to(
    columns: str | Sequence[str],
    parent: Source,
    *,
    to: str | Sequence[str] | None = None,
    late: str = "0s",
    at_most: float | None = 0.0,
    severity: Severity = "warn",
    dimension: Dimension = "consistency",
    name: str | None = None,
) -> Check:
    """The share of rows that refer to a key which another source does not have: no accepted row of it has arrived by then.

    By then: in partitions of that source that ended when the row's partition did, or `late` after it. While they are not all there the
    check passes and says so; it is judged again with the next partition, or by running the checks alone.

    Args:
        columns: the columns that refer, in the order of `to`. Rows in which one is missing refer to nothing.
        parent: the source that has the keys.
        to: its columns; default: its key.
        late: how long after the end of a row's partition the row that it refers to may still arrive, such as "2d".
        at_most: the share of rows (0 to 1) that may refer to nothing known; None: learnt from earlier partitions.
        severity: as of `null_share`.
        dimension: as of `null_share`.
        name: default: refers_to_ and the source.
    """
    where, example = "refers_to", "refers_to('customer_id', customers)"
    if not isinstance(parent, Source):
        raise DeclarationError(f"{where}({columns!r}): {shown(parent)} is not a source. Write {example}.")
    mine = names_of([columns] if isinstance(columns, str) else columns, where, example)
    theirs = () if to is None else names_of([to] if isinstance(to, str) else to, f"{where}, to", "to='customer_id'")
    if not mine:
        raise DeclarationError(f"{where}: no column is given. Write {example}.")
    waits = duration(late, f"{where}({columns!r}), late")
    return _check("refers_to", mine, dimension, severity, name, at_most, parent=parent, to=theirs, late=waits)


@checked_arguments("volume")
def volume(
    *,
    at_least: int | None = None,
    at_most: int | None = None,
    severity: Severity = "warn",
    dimension: Dimension = "completeness",
) -> Check:
    """How many rows a partition received, in place of the check `volume` that every source has.

    Args:
        at_least: fewer rows fail.
        at_most: more rows fail. With neither, the rows are held against the median of earlier partitions: between half of it and twice as
            many.
        severity: as of `null_share`.
        dimension: as of `null_share`.

    >>> volume(at_least=100, severity="error").severity
    'error'
    """
    for what, bound in (("at_least", at_least), ("at_most", at_most)):
        if bound is not None and (isinstance(bound, bool) or not isinstance(bound, int) or bound < 0):
            raise DeclarationError(f"volume, {what}: {shown(bound)} is not a number of rows.")
    if at_least is not None and at_most is not None and at_least > at_most:
        raise DeclarationError(f"volume: no number is at least {at_least} and at most {at_most}.")
    return _described("volume", (), dimension, severity, "volume", at_most=at_most, at_least=at_least)


@checked_arguments("fresh")
def fresh(*, within: str | None = None, severity: Severity = "warn", dimension: Dimension = "timeliness", name: str | None = None) -> Check:
    """How long before the end of its partition the newest event of a partition lies: did what was delivered stop early?

    Args:
        within: such as "6h"; None: learnt from earlier partitions.
        severity: as of `null_share`.
        dimension: as of `null_share`.
        name: as of `null_share`.

    >>> fresh(within="6h").at_most
    21600.0
    """
    at_most = None if within is None else positive(within, "fresh, within") / timedelta(seconds=1)
    return _described("fresh", (), dimension, severity, name, at_most=at_most)


@checked_arguments("duplicates")
def duplicates(
    *, at_most: float | None = None, severity: Severity = "warn", dimension: Dimension = "uniqueness", name: str | None = None
) -> Check:
    """The share of received rows that are copies: duplicates by `key=`, which are left out; without a key, rows equal to another.

    Args:
        at_most: the share of rows (0 to 1) that may be copies; None: learnt from earlier partitions.
        severity: as of `null_share`.
        dimension: as of `null_share`.
        name: as of `null_share`.

    >>> duplicates(at_most=0.01).dimension
    'uniqueness'
    """
    return _check("duplicates", (), dimension, severity, name, at_most)


@checked_arguments("outliers")
def outliers(
    column: str,
    *,
    at_most: float | None = None,
    severity: Severity = "warn",
    dimension: Dimension = "accuracy",
    name: str | None = None,
) -> Check:
    """The share of rows whose number is an outlier by Tukey's fences: outside of [q1 - 1.5 iqr, q3 + 1.5 iqr].

    The quartiles q1 and q3, and iqr = q3 - q1, are those of the earlier partitions like this one together, or of the partition itself while
    there are fewer than four. Values are those of their cell, at most 1/32 nearer to 0 than they are. Source: Tukey (1977), "Exploratory
    Data Analysis".

    Args:
        column: a column of numbers, or an SQL expression.
        at_most: the share of rows (0 to 1) that may be outliers; None: learnt from earlier partitions.
        severity: as of `null_share`.
        dimension: as of `null_share`.
        name: as of `null_share`.

    >>> outliers("unit_price").kind
    'outliers'
    """
    return _check("outliers", (_text(column, "outliers"),), dimension, severity, name, at_most)


@checked_arguments("drift")
def drift(
    column: str,
    *,
    at_most: float | None = None,
    severity: Severity = "warn",
    dimension: Dimension = "accuracy",
    name: str | None = None,
) -> Check:
    """How far the distribution of a column has moved from that of the earlier partitions like this one: population stability index.

    PSI = sum over bins of (p - q) ln(p / q), where q is the share of a bin in the earlier partitions together and p in this one, each
    count taken as half a row more, so that no share is 0. Bins are the values of a text or bool, the rarest together, and tenths of the
    earlier partitions' numbers; null is a bin. Source: Siddiqi (2006), "Credit Risk Scorecards"; there 0.1 is called a small change and
    0.25 a large one.

    Args:
        column: a column of numbers, texts or bools, or an SQL expression.
        at_most: the index from which on the check fails, such as 0.25; None: learnt, and not below what chance makes of so few rows
            (docs/concepts/quality.md).
        severity: as of `null_share`.
        dimension: as of `null_share`.
        name: as of `null_share`.

    >>> drift("country", at_most=0.25).at_most
    0.25
    """
    if at_most is not None and (isinstance(at_most, bool) or not isinstance(at_most, int | float) or not 0 <= at_most < float("inf")):
        raise DeclarationError(f"drift({column!r}), at_most: {shown(at_most)} is not a number of 0 or more, such as 0.25.")
    limit = None if at_most is None else float(at_most)
    return _described("drift", (_text(column, "drift"),), dimension, severity, name, at_most=limit)


def _check(
    kind: Kind, of: tuple[str, ...], dimension: Dimension, severity: Severity, name: str | None, at_most: float | None, **more: Any
) -> Check:
    """A check whose figure is a share of rows."""
    limit = None if at_most is None else share(at_most, f"{kind}({', '.join(map(repr, of))}), at_most")
    return _described(kind, of, dimension, severity, name, at_most=limit, **more)


def _described(kind: Kind, of: tuple[str, ...], dimension: Dimension, severity: Severity, name: str | None, **more: Any) -> Check:
    where = f"{kind}({', '.join(map(repr, of))})"
    one_of(dimension, typing.get_args(Dimension), f"{where}, dimension", "dimension")
    one_of(severity, typing.get_args(Severity), f"{where}, severity", "severity")
    return Check(kind, of, dimension, severity, name, **more)


def _text(column: Any, what: str) -> str:
    return text(column, what, f"{what} of {_COLUMN}")


def _compiled(pattern: str, where: str) -> None:
    """Refuses what one of the two libraries does not read that match it: Rust's in tables, Python's for single events."""
    import polars as pl

    try:
        re.compile(pattern)
        pl.Series([""]).str.contains(pattern)
    except (re.error, pl.exceptions.ComputeError) as error:
        raise DeclarationError(f"{where}: {pattern!r} is not a regular expression that can be used here: {error}") from None
