"""How numbers and dates are written in a delivery: separators, currency signs, and the order of date parts."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Formats:
    """The formats of a delivery. Raw stores them with each row, so that silver reads its texts as intended; the texts stay unchanged."""

    decimal: str = "."
    thousands: str | None = None
    currency: Sequence[str] = ()
    date_formats: Sequence[str] = ()

    @property
    def text(self) -> str | None:
        """As stored in raw; None if all formats are the usual ones."""
        return None if self == Formats() else json.dumps(asdict(self), ensure_ascii=False, sort_keys=True)

    @staticmethod
    def of(text: str) -> "Formats":
        kept = json.loads(text)
        return Formats(kept["decimal"], kept["thousands"], tuple(kept["currency"]), tuple(kept["date_formats"]))
