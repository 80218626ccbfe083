"""How a CSV file is written: its separator, quote, escape and markers of missing values."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from platform_assets.declare.formats import Formats
from platform_assets.errors import SourceError


@dataclass(frozen=True)
class Dialect:
    """The characters that structure a file, as bytes of UTF-8."""

    separator: bytes = b","
    quote: bytes | None = b'"'
    escape: bytes | None = None
    null_values: tuple[str, ...] = ()

    @property
    def is_simple(self) -> bool:
        """Whether Polars can parse it: one byte for each character, and quotes escaped by doubling them."""
        return len(self.separator) == 1 and (self.quote is None or len(self.quote) == 1) and self.escape is None


def dialect(where: str, separator: Any, quote: Any, escape: Any, null_values: Any) -> Dialect:
    """The dialect that the arguments of read_csv describe.

    Raises:
        SourceError: an argument that cannot work, or two that contradict each other.
    """
    if not isinstance(separator, str) or not separator or set(separator) & {"\n", "\r"}:
        raise SourceError(f"{where}: separator={separator!r} is not a string between values. Write read_csv(..., separator=';').")
    for name, given in (("quote", quote), ("escape", escape)):
        if given is not None and (not isinstance(given, str) or len(given) != 1 or given in "\r\n"):
            raise SourceError(f"{where}: {name}={given!r} is not one character. Write read_csv(..., {name}={_USUAL[name]!r}), or None.")
    if quote is not None and (quote in separator or quote == escape):
        other = "separator" if quote in separator else "escape"
        raise SourceError(f"{where}: quote={quote!r} is also in {other}=. A doubled quote needs no escape=; without quotes: quote=None.")
    if escape is not None and escape in separator:
        raise SourceError(f"{where}: escape={escape!r} is also in separator={separator!r}.")
    if isinstance(null_values, str) or not isinstance(null_values, Sequence) or not all(isinstance(v, str) for v in null_values):
        raise SourceError(f"{where}: null_values={null_values!r} are not strings. Write read_csv(..., null_values=['NULL', 'n/a']).")
    return Dialect(
        separator.encode(), None if quote is None else quote.encode(), None if escape is None else escape.encode(), tuple(null_values)
    )


_USUAL = {"quote": "'", "escape": "\\"}


def check_formats(where: str, formats: Formats) -> None:
    """Refuses formats that cannot work."""
    for name, given in (("decimal", formats.decimal), ("thousands", formats.thousands)):
        if given is not None and (not isinstance(given, str) or len(given) != 1 or given.isdigit() or given in "+-eE"):
            raise SourceError(f"{where}: {name}={given!r} is not one sign. Write read_csv(..., {name}=',').")
    if formats.decimal == formats.thousands:
        raise SourceError(f"{where}: decimal= and thousands= are both {formats.decimal!r}.")
    if not all(isinstance(sign, str) and sign and not any(map(str.isdigit, sign)) for sign in formats.currency):
        raise SourceError(f"{where}: currency={list(formats.currency)!r} are not signs. Write read_csv(..., currency=['€', 'EUR']).")
    for form in formats.date_formats:
        try:
            if not isinstance(form, str) or "%" not in form:
                raise ValueError("it has no % in it")
            pl.Series(["2024-03-01"]).str.strptime(pl.Datetime, form, strict=False)
        except (ValueError, pl.exceptions.PolarsError) as error:
            raise SourceError(
                f"{where}: date_formats= has {form!r}, which is not a format: {error}. Write read_csv(..., date_formats=['%d/%m/%Y "
                "%H:%M'])."
            ) from None
