"""How numbers and dates are written in a delivery: the signs in them, and the order of their parts."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Formats:
    """What raw notes beside each row of such a delivery, so that silver reads its texts as they were meant; the texts stay as they came."""

    decimal: str = "."
    thousands: str | None = None
    currency: Sequence[str] = ()
    date_formats: Sequence[str] = ()

    @property
    def text(self) -> str | None:
        """As raw keeps it; None if there is nothing to note."""
        return None if self == Formats() else json.dumps(asdict(self), ensure_ascii=False, sort_keys=True)

    @staticmethod
    def of(text: str) -> "Formats":
        kept = json.loads(text)
        return Formats(kept["decimal"], kept["thousands"], tuple(kept["currency"]), tuple(kept["date_formats"]))
