"""Rows of raw that are in quarantine, as they came, for a person to repair: with their reasons, by a function, or edited by hand."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import polars as pl

from platform_assets.declare.names import READ_AS, REPLAY_OF, UNPARSED, UNPARSED_COLUMNS
from platform_assets.declare.source import Source
from platform_assets.errors import DeclarationError, suggestion
from platform_assets.kernels.judge_rows import REASONS, received_columns
from platform_assets.kernels.received_types import as_delivered, kept_exactly
from platform_assets.sources.receive import deliveries_of, raw_table
from platform_assets.sources.replays import place_of_origin, places_of
from platform_assets.stores.delta import Lake, Span
from platform_assets.stores.ledger import Entry
from platform_assets.stores.tables import Table, name_of

HELD = "blocked: "
"""What the reason against good rows of a blocked partition begins with: they wait for it to be accepted, and are never replayed."""
_PLACE = ["key", "delivery", "row_number"]


@dataclass(frozen=True)
class SetAside:
    """Rows of one delivery: its columns by their names in raw, in the types in which they came, `replay_of` and the reasons."""

    key: str
    delivery: int
    content: str
    rows: pl.DataFrame

    @property
    def unparsed(self) -> pl.DataFrame:
        """Lines that are no rows."""
        return self.rows.filter(pl.col(UNPARSED).is_not_null()) if UNPARSED in self.rows.columns else self.rows.clear()

    @property
    def parsed(self) -> pl.DataFrame:
        return self.rows.filter(pl.col(UNPARSED).is_null()).drop(UNPARSED_COLUMNS) if UNPARSED in self.rows.columns else self.rows

    def only(self, rows: pl.DataFrame) -> "SetAside":
        return replace(self, rows=rows)


def places_set_aside(
    source: Source, lake: Lake, keys: Sequence[str], reasons: Sequence[str], by_hand: pl.DataFrame | None, before: pl.DataFrame | None
) -> tuple[pl.DataFrame, dict[str, int]]:
    """Which rows of quarantine are meant: key, delivery, row_number, reasons; and how many of `before` were left out, by their keeper.

    keys: of partitions. reasons: one of them stands against a row, or against a column of it. by_hand: rows, by `replay_of`. before: rows
    that were replayed already.

    Raises:
        DeclarationError: there is no such reason, or no such row.
    """
    partitions = source.partitions
    numbers = [partitions.number(key) for key in keys]
    table: Table = (source.name, "quarantine")
    rows = lake.scan(table, by="arrival", span=Span(partitions.value(min(numbers)), partitions.value(max(numbers) + 1)))
    places = (
        rows.filter(pl.col("arrival").is_in([partitions.value(number) for number in numbers]))
        .filter(~pl.col(REASONS).list.eval(pl.element().str.starts_with(HELD)).list.all())
        .select(pl.col("arrival").dt.strftime(partitions.key_format).alias("key"), "delivery", "row_number", REASONS)
        .sort(_PLACE)  # the deliveries of a replay are numbered in this order, however quarantine lies
        .collect()
    )
    if by_hand is not None:
        wanted = places_of(by_hand[REPLAY_OF])
        absent = wanted.with_columns(by_hand[REPLAY_OF]).join(places, on=_PLACE, how="anti")
        if absent.height:
            raise DeclarationError(
                f"{name_of(table)} has no row {absent[REPLAY_OF][0]!r}: the column replay_of says which row is meant, and stays as it was "
                "exported. Were its partition delivered or judged again since? Then export it again."
            )
        places = places.join(wanted, on=_PLACE, how="semi")
    if reasons:
        places = places.filter(_has_one(source, reasons, places))
    if before is None:
        return places, {}
    there = places.join(before, on=_PLACE, how="inner")
    return places.join(before, on=_PLACE, how="anti"), dict(there.group_by("keeper").len().sort("keeper").iter_rows())


def _has_one(source: Source, wanted: Sequence[str], places: pl.DataFrame) -> pl.Series:
    """Whether one of the reasons stands against each row. What a declared rule or column could say is no error where no row has it: whoever
    repeats a replay finds that there is nothing left to do."""
    there = set(places[REASONS].explode().drop_nulls().unique())
    columns = {reason.partition(": ")[0] for reason in there if ": " in reason}
    if unknown := [reason for reason in wanted if reason not in there | columns | {*source.rules, *source.columns}]:
        raise DeclarationError(f"{source.name}/quarantine: no row is set aside because of {unknown[0]!r}. {suggestion(unknown[0], there)}")
    is_wanted = pl.element().is_in(list(wanted)) | pl.element().str.split(": ").list.first().is_in(list(wanted))
    return places.select(pl.col(REASONS).list.eval(is_wanted).list.any()).to_series()


def set_aside_rows(source: Source, places: pl.DataFrame, lake: Lake, known: Mapping[str, Entry], version: int) -> Iterator[SetAside]:
    """places: key, delivery, row_number, reasons. known: the ledger's entries of raw at a version of it."""
    partitions, schema = source.partitions, lake.schema(raw_table(source), version)
    for (key,), of_partition in places.group_by("key", maintain_order=True):
        number = partitions.number(str(key))
        span = Span(partitions.value(number), partitions.value(number + 1))
        raw = lake.scan(raw_table(source), by="arrival", span=span, version=version).filter(~pl.col("superseded"))
        deliveries = {d.delivery: d for d in deliveries_of(known[str(key)])}
        for (delivery,), chosen in of_partition.group_by("delivery", maintain_order=True):
            came = deliveries[int(str(delivery))]
            others = (READ_AS, *UNPARSED_COLUMNS)
            columns = came.columns or tuple(c for c in received_columns(list(schema)) if c not in (REPLAY_OF, *others))
            values = [_as_it_came(c, schema[c], came.types) for c in columns if c in schema]
            rows = (
                raw.filter(pl.col("delivery") == came.delivery)
                .join(chosen.lazy().select("row_number", "key", REASONS), on="row_number", how="inner")
                .sort("row_number")
                .select(*values, *(c for c in others if c in schema), place_of_origin(), REASONS)
                .collect()
            )
            absent = [pl.lit(None, pl.String).alias(c) for c in columns if c not in schema]
            yield SetAside(str(key), came.delivery, came.content, rows.with_columns(absent))


def _as_it_came(column: str, kept: pl.DataType, types: Mapping[str, str] | None) -> pl.Expr:
    read = as_delivered(column, kept, types.get(column, str(pl.String()))) if types is not None else None
    return pl.col(column) if read is None else read[0].alias(column)


def with_function(source: Source, one: SetAside, function: Callable[[pl.DataFrame], pl.DataFrame]) -> SetAside:
    """The rows as a function gives them: as many, in the order in which it got them.

    Raises:
        DeclarationError: it failed, or gave something else.
    """
    where, kept = f"source {source.name!r}, {function.__name__}()", [c for c in (READ_AS, REPLAY_OF) if c in one.rows.columns]
    if one.rows.is_empty():
        return one
    try:
        found = function(one.rows.drop(kept))
    except Exception as error:
        raise DeclarationError(f"{where} failed for rows of {one.key}: {type(error).__name__}: {error}") from error
    if not isinstance(found, pl.DataFrame) or found.height != one.rows.height:
        said = f"{found.height:,} rows" if isinstance(found, pl.DataFrame) else type(found).__name__
        raise DeclarationError(
            f"{where} was given {one.rows.height:,} rows and gave {said}: it must give a Polars frame of as many, in their order. Rows "
            "that are not meant are left out by --reason or --where."
        )
    if lost := [c for c in one.rows.columns if c not in (*found.columns, *kept, REASONS, *UNPARSED_COLUMNS)]:
        raise DeclarationError(f"{where}: its rows lack the column {lost[0]!r}, with which they came.")
    columns = [
        values if (values := kept_exactly(column)) is not None else column.cast(pl.String) for column in found.drop(REASONS, strict=False)
    ]
    return one.only(_lines_that_are_rows(pl.DataFrame(columns)).with_columns(one.rows.select(*kept, REASONS)))


def edited(source: Source, one: SetAside, by_hand: pl.DataFrame) -> SetAside:
    """The rows with the values that a person has given them; of columns that are not in the file those that came.

    by_hand: all text, with `replay_of`. A line that is no row has become one when `unparsed` is empty.
    """
    mine = one.rows.select(REPLAY_OF).join(by_hand, on=REPLAY_OF, how="left", maintain_order="left")
    columns = [c for c in mine.columns if c not in (REPLAY_OF, REASONS, READ_AS, "key", "delivery", "row_number", *UNPARSED_COLUMNS)]
    values = []
    for column in columns:
        came = one.rows.schema.get(column, pl.String())
        text = mine[column]
        typed = text if came == pl.String or not isinstance(came, pl.DataType) else text.cast(came, strict=False)
        values.append(typed if typed.null_count() == text.null_count() else text)
    rows = one.rows.with_columns(values)
    if UNPARSED in rows.columns:
        line = mine[UNPARSED] if UNPARSED in mine.columns else rows[UNPARSED]
        rows = _lines_that_are_rows(rows.with_columns(line.alias(UNPARSED)))
    if READ_AS in rows.columns:  # who repairs a line writes as the file does
        rows = rows.with_columns(pl.col(READ_AS).fill_null(pl.col(READ_AS).drop_nulls().first()))
    return one.only(rows)


def _lines_that_are_rows(rows: pl.DataFrame) -> pl.DataFrame:
    """Without the file and number of lines that have become rows."""
    if UNPARSED not in rows.columns:
        return rows
    is_line = pl.col(UNPARSED).is_not_null() & (pl.col(UNPARSED) != "")
    return rows.with_columns(pl.when(is_line).then(pl.col(c)).alias(c) for c in UNPARSED_COLUMNS if c in rows.columns)
