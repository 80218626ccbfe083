"""Parses times as databases and programs export them to UTC microseconds, or gives the reason why a text is not a time.

docs/concepts/times.md lists the formats. Whole seconds in the first text's format are read by one fixed-width strptime, ISO 8601 in its
usual form by another, which costs four times as much; only the rest is parsed by regular expressions, which cost ten times as
much again.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl

from platform_assets.expressions.types import POLARS

NO_TIME_ZONE = "no time zone (declare timezone=)"
OFFSET_NOT_UNDERSTOOD = "offset not understood (write it as +01:00, or Z)"
LEAP_SECOND = "a leap second (:60), which has no UTC time here"
INFINITE = "infinity is not a point in time"
OUT_OF_RANGE = "outside the years 1000 to 9999"
NUMBER = "a number, not a time (epoch times: pl.from_epoch in the source's function)"


def skipped(timezone: str) -> str:
    """The reason why a local time that a zone's clocks skipped is not a time."""
    return f"does not exist in {timezone} (clocks skipped it)"


EARLIEST, LATEST = -30_610_224_000_000_000, 253_402_300_799_999_999
"""The years 1000 to 9999 in microseconds since 1970: the range that partition keys, Python and the tables can all hold."""

_SECOND = 1_000_000
_DAY = 86_400 * _SECOND
_YEAR_2100 = 4_102_444_800 * _SECOND

_WHOLE_SECONDS = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}%s(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]%s$"
_USUAL = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[ T](?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]{1,9})?"
_USUAL_ZONED = _USUAL + r"(?:Z|[+-](?:[01][0-9]|2[0-3])(?::?[0-5][0-9])?)$"
_USUAL_LOCAL = _USUAL + "$"

_CLOCK = r"(?<hour>[0-9]{1,2}):(?<minute>[0-9]{2})(?::(?<second>[0-9]{2})(?:[.,](?<fraction>[0-9]{1,9}))?)?"
_COMPACT_CLOCK = r"(?<hour>[0-9]{2})(?<minute>[0-9]{2})(?:(?<second>[0-9]{2})(?:[.,](?<fraction>[0-9]{1,9}))?)?"
_REST = r"(?:\s*(?<zone>[A-Za-z+\-\x{2212}].*))?"
_WEEKDAY, _MONTH = "(?<weekday>[A-Za-z]{3})", "(?<month>[A-Za-z]{3})"
_FORMS: Sequence[str] = (
    rf"^(?<year>[0-9]{{4}})-(?<month>[0-9]{{1,2}})-(?<day>[0-9]{{1,2}})(?:(?:[Tt]|\s+){_CLOCK}{_REST})?$",
    rf"^(?<year>[0-9]{{4}})/(?<month>[0-9]{{1,2}})/(?<day>[0-9]{{1,2}})(?:(?:[Tt]|\s+){_CLOCK}{_REST})?$",
    rf"^(?<year>[0-9]{{4}})(?<month>[0-9]{{2}})(?<day>[0-9]{{2}})(?:(?:[Tt]|\s+){_COMPACT_CLOCK}{_REST})?$",
    r"^(?<year>[0-9]{4})(?<month>[0-9]{2})(?<day>[0-9]{2})(?<hour>[0-9]{2})(?<minute>[0-9]{2})(?<second>[0-9]{2})$",
    rf"^(?:{_WEEKDAY},?\s+)?(?<day>[0-9]{{1,2}})(?:\s+|-){_MONTH}(?:\s+|-)(?<year>[0-9]{{4}})(?:\s+{_CLOCK}{_REST})?$",
    rf"^{_WEEKDAY}\s+{_MONTH}\s+(?<day>[0-9]{{1,2}})\s+(?<year>[0-9]{{4}})(?:\s+{_CLOCK}{_REST})?$",
    rf"^{_WEEKDAY}\s+{_MONTH}\s+(?<day>[0-9]{{1,2}})\s+{_CLOCK}(?:\s+(?<zone>[A-Za-z+-][^\s]*))?\s+(?<year>[0-9]{{4}})$",
)
"""ISO 8601 (extended; with slashes; basic), digits alone, RFC 2822, JavaScript's toString, Unix's date and Java's Date.toString."""

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_PARTS = ("weekday", "year", "month", "day", "hour", "minute", "second", "fraction", "zone")

_NAME_BESIDE_OFFSET = r"\s*(?:\([^()]*\)|\[[^\[\]]*\])$"
_IS_UTC = r"(?i)^(?:z|utc|gmt|ut|etc/utc)$"
_OFFSET = (
    r"^(?:UTC|GMT)?(?<sign>[+\-\x{2212}])(?:(?<h1>[0-9]{1,2})(?::(?<m1>[0-9]{2})(?::(?<s1>[0-9]{2}))?)?|"
    r"(?<h2>[0-9]{2})(?<m2>[0-9]{2})(?<s2>[0-9]{2})?)(?:\s+[A-Z]{2,5})?$"
)
_HALF_OF_DAY = r"(?i)^[ap]\.?m\b"

_IS_INFINITE = r"(?i)^[+-]?inf(?:inity)?$"
_IS_FAR = r"(?i)^(?:-[0-9]{4,}|[+]?[0-9]{5,})-[0-9]{1,2}-[0-9]{1,2}(?:$|[T\s])|^[0-9]{1,}-[0-9]{1,2}-[0-9]{1,2}.*\sBC$"
_IS_BEFORE_CHRIST = r"(?i)\sBC$"
_IS_NUMBER = r"^[+-]?[0-9]{9,19}(?:\.[0-9]*)?$"


def times_of(texts: pl.Series, timezone: str | None) -> pl.Series:
    """The UTC times of texts; null for unreadable ones.

    timezone: the zone of times without one; None: such times are unreadable.
    """
    found = _whole_seconds(texts, timezone)
    for read in (_usual, _unusual):
        left = (texts.is_not_null() & found.is_null()).arg_true()
        if left.len():
            found = found.scatter(left, read(texts.gather(left).str.strip_chars(), timezone))
    return found.alias(texts.name)


def why_no_times(texts: pl.Series, timezone: str | None) -> pl.Series:
    """The reasons why texts cannot be read as times; null if there is no specific reason."""
    return _taken_apart(texts.str.strip_chars(), timezone)["reason"].alias(texts.name)


def dates_of(texts: pl.Series) -> pl.Series:
    """The dates of texts: a date, or a midnight without a time zone."""
    texts = texts.str.strip_chars()
    usual = _where(texts.str.contains(r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"), texts)
    found = usual.str.to_date("%Y-%m-%d", strict=False)
    found = _where(found.to_physical().is_between(EARLIEST // _DAY, LATEST // _DAY), found)
    left = (texts.is_not_null() & found.is_null()).arg_true()
    if left.len():
        parts = _parts(texts.gather(left)).select("local", "zone")
        day = pl.when(pl.col("zone").is_null() & (pl.col("local") % _DAY == 0) & _in_range("local")).then(pl.col("local") // _DAY)
        found = found.scatter(left, parts.select(day.cast(pl.Int32).cast(pl.Date))["local"])
    return found.alias(texts.name)


def why_no_dates(texts: pl.Series) -> pl.Series:
    """The reasons why texts cannot be read as dates; null if there is no specific reason."""
    frame = texts.str.strip_chars().alias("text").to_frame().with_columns(_parts(texts.str.strip_chars())["local"])
    out_of_range = pl.when(~_in_range("local")).then(pl.lit(OUT_OF_RANGE))
    return frame.select(pl.when(pl.col("local").is_null()).then(_of_no_form()).otherwise(out_of_range)).to_series().alias(texts.name)


def to_utc(naive: pl.Series, timezone: str) -> pl.Series:
    """Local times to UTC: the earlier one if an hour occurs twice; null if the time was skipped or is out of range."""
    naive = _where(naive.to_physical().is_between(EARLIEST, LATEST), naive)
    utc = naive.dt.replace_time_zone(timezone, ambiguous="earliest", non_existent="null").dt.convert_time_zone("UTC")
    far = (naive.to_physical() >= _YEAR_2100).fill_null(False)  # Polars has no daylight saving time from 2100 on
    if far.any():
        each = naive.filter(far).unique()
        known = dict(zip(each.to_physical().to_list(), (_far_to_utc(at, timezone) for at in each.to_list()), strict=True))
        rows = far.arg_true()
        utc = utc.scatter(rows, naive.gather(rows).to_physical().replace_strict(known, return_dtype=POLARS["datetime"]))
    return _within_range(utc)


def _far_to_utc(naive: datetime, timezone: str) -> datetime | None:
    zone = ZoneInfo(timezone)
    try:
        at = naive.replace(tzinfo=zone).astimezone(UTC)
        return at if at.astimezone(zone).replace(tzinfo=None) == naive else None
    except OverflowError:
        return None


def _within_range(utc: pl.Series) -> pl.Series:
    return _where(utc.to_physical().is_between(EARLIEST, LATEST), utc)


def _where(keep: pl.Series, values: pl.Series) -> pl.Series:
    """The values where the condition is true; null elsewhere."""
    return pl.select(pl.when(keep).then(values)).to_series()


def _whole_seconds(texts: pl.Series, timezone: str | None) -> pl.Series:
    """The times of texts in the fixed format of the first text, as nearly all are in a file written by a program."""
    first: Any = texts.first(ignore_nulls=True)
    is_utc = first is not None and first.endswith("Z")
    if first is None or len(first) != 19 + is_utc or first[10] not in " T" or not (is_utc or timezone):
        return pl.Series(texts.name, [None], POLARS["datetime"]).new_from_index(0, len(texts))
    between, end = first[10], "Z" if is_utc else ""
    fixed = _where(texts.str.contains(_WHOLE_SECONDS % (between, end)), texts)
    naive = fixed.str.to_datetime(f"%Y-%m-%d{between}%H:%M:%S{end}", time_unit="us", strict=False)
    return to_utc(naive, timezone) if timezone and not is_utc else _within_range(naive.dt.replace_time_zone("UTC"))


def _usual(texts: pl.Series, timezone: str | None) -> pl.Series:
    """The times of texts in the usual ISO 8601 format."""
    spaced = texts.str.replace("T", " ", literal=True)
    zoned = _where(texts.str.contains(_USUAL_ZONED), spaced)
    if zoned.str.ends_with("Z").all():  # parsing an offset takes twice as long
        naive = zoned.str.strip_suffix("Z").str.to_datetime("%Y-%m-%d %H:%M:%S%.f", time_unit="us", strict=False)
        found = _within_range(naive.dt.replace_time_zone("UTC"))
    else:
        zoned = zoned.str.replace("Z", "+00", literal=True)
        found = _within_range(zoned.str.to_datetime("%Y-%m-%d %H:%M:%S%.f%#z", time_unit="us", strict=False).dt.convert_time_zone("UTC"))
    if timezone is None:
        return found
    local = _where(texts.str.contains(_USUAL_LOCAL), spaced)
    if local.null_count() == local.len():
        return found
    naive = local.str.to_datetime("%Y-%m-%d %H:%M:%S%.f", time_unit="us", strict=False)
    return found.zip_with(found.is_not_null(), to_utc(naive, timezone))


def _unusual(texts: pl.Series, timezone: str | None) -> pl.Series:
    return _taken_apart(texts, timezone)["time"]


def _taken_apart(texts: pl.Series, timezone: str | None) -> pl.DataFrame:
    """Texts in any format: `time`, or the `reason` why not."""
    parts = _parts(texts).with_columns(texts.alias("text"), _offset_of(pl.col("zone")).alias("offset"))
    naive = parts.select(pl.when(pl.col("zone").is_null() & _in_range("local")).then("local").cast(pl.Datetime("us"))).to_series()
    of_zone = pl.Series([None] * len(texts), dtype=POLARS["datetime"]) if timezone is None else to_utc(naive, timezone)
    utc = pl.col("local") - pl.col("offset")
    parts = parts.with_columns(of_zone.alias("of_zone"), utc.alias("utc"))
    time = pl.coalesce(pl.when(_in_range("utc")).then("utc").cast(POLARS["datetime"]), "of_zone")
    zoned, is_local = pl.col("zone").is_not_null(), pl.col("local").is_not_null() & pl.col("zone").is_null()
    reason = (
        pl.when(pl.col("leap"))
        .then(pl.lit(LEAP_SECOND))
        .when(zoned & pl.col("local").is_not_null() & pl.col("offset").is_null() & ~pl.col("zone").str.contains(_HALF_OF_DAY))
        .then(pl.lit(OFFSET_NOT_UNDERSTOOD))
        .when((is_local & ~_in_range("local")) | ~_in_range("utc"))
        .then(pl.lit(OUT_OF_RANGE))
        .when(is_local)
        .then(pl.lit(NO_TIME_ZONE) if timezone is None else _of_zone(timezone))
        .otherwise(_of_no_form())
    )
    return parts.select(time.alias("time"), pl.when(time.is_null()).then(reason).alias("reason"))


def _of_zone(timezone: str) -> pl.Expr:
    """Why a local time has no UTC time: near the ends of the supported range it is out of range in UTC, elsewhere it was skipped."""
    near = pl.col("local").is_between(EARLIEST + 2 * _DAY, LATEST - 2 * _DAY)
    return pl.when(near).then(pl.lit(skipped(timezone))).otherwise(pl.lit(OUT_OF_RANGE))


def _of_no_form() -> pl.Expr:
    text = pl.col("text")
    return (
        pl.when(text.str.contains(_IS_INFINITE))
        .then(pl.lit(INFINITE))
        .when(text.str.contains(_IS_FAR))
        .then(pl.lit(OUT_OF_RANGE))
        .when(text.str.contains(_IS_NUMBER))
        .then(pl.lit(NUMBER))
    )


def _in_range(column: str) -> pl.Expr:
    return pl.col(column).is_between(EARLIEST, LATEST)


def _parts(texts: pl.Series) -> pl.DataFrame:
    """`local`: microseconds since 1970 in local time; `zone`: the text after it; `leap`: whether the second is :60.

    All are null if the text has none of the formats, or no valid date or time of day.
    """
    numbered = texts.alias("text").to_frame().with_row_index("row")
    left, found = numbered.filter(~pl.col("text").str.contains(_IS_BEFORE_CHRIST)), []
    for form in _FORMS:
        if left.is_empty():
            break
        matches = left["text"].str.contains(form)
        groups = left.filter(matches).select("row", pl.col("text").str.extract_groups(form).alias("of")).unnest("of")
        absent = [pl.lit(None, pl.String).alias(part) for part in _PARTS if part not in groups.columns]
        found.append(groups.with_columns(absent).select("row", *_PARTS))
        left = left.filter(~matches)
    schema = {"row": numbered.schema["row"], **dict.fromkeys(_PARTS, pl.String())}
    parts = pl.concat(found) if found else pl.DataFrame(schema=schema)
    return numbered.join(parts.select("row", *_local()), on="row", how="left", maintain_order="left").select("local", "zone", "leap")


def _local() -> list[pl.Expr]:
    number = {part: pl.col(part).cast(pl.Int64, strict=False) for part in ("hour", "minute", "second")}
    hour, minute, second = (number[part].fill_null(0) for part in ("hour", "minute", "second"))
    name = pl.col("month").str.to_lowercase()
    month = (
        pl.when(name.str.contains("^[0-9]"))
        .then(name)
        .otherwise(name.replace_strict(list(_MONTHS), [str(n) for n in range(1, 13)], default=None, return_dtype=pl.String))
    )
    day = pl.concat_str(pl.col("year"), month, pl.col("day"), separator="-").str.to_date("%Y-%m-%d", strict=False)
    weekday = pl.col("weekday").str.to_lowercase().replace_strict(list(_WEEKDAYS), list(range(1, 8)), default=0, return_dtype=pl.Int8)
    fraction = pl.col("fraction").fill_null("").str.pad_end(6, "0").str.slice(0, 6).cast(pl.Int64)
    of_day = ((hour * 60 + minute) * 60 + second) * _SECOND + fraction
    right_day = pl.col("weekday").is_null() | (weekday == day.dt.weekday())
    leap = right_day & (hour < 24) & (minute < 60) & (second == 60)
    right_time = ((hour < 24) | (of_day == _DAY)) & (minute < 60) & (second < 60)  # 24:00 is the midnight at the end of a day
    local = pl.when(right_day & right_time).then(day.cast(pl.Int64) * _DAY + of_day)
    return [local.alias("local"), pl.col("zone"), (leap & day.is_not_null()).alias("leap")]


def _offset_of(zone: pl.Expr) -> pl.Expr:
    """The offset from UTC in a text, in microseconds; null if it has no known offset."""
    zone = zone.str.strip_chars().str.replace(_NAME_BESIDE_OFFSET, "")
    groups = zone.str.extract_groups(_OFFSET).struct

    def number(short: str, long: str) -> pl.Expr:
        return pl.coalesce(groups.field(short), groups.field(long)).cast(pl.Int64).fill_null(0)

    hours, minutes, seconds = number("h1", "h2"), number("m1", "m2"), number("s1", "s2")
    sign = groups.field("sign")
    offset = pl.when(sign == "+").then(1).otherwise(-1) * ((hours * 60 + minutes) * 60 + seconds) * _SECOND
    known = sign.is_not_null() & (hours < 24) & (minutes < 60) & (seconds < 60)
    return pl.when(zone.str.contains(_IS_UTC)).then(pl.lit(0, pl.Int64)).when(known).then(offset)
