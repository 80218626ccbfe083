"""A module as a team writes it, with a day of which most rows are bad; its files are those of PLATFORM_HOME/till."""

from datetime import datetime

import polars as pl

from platform_assets import Arrival, GoldTable, build_definitions, count, daily, source
from platform_assets.settings import load_settings


class Receipt:
    receipt: int
    at: datetime
    amount: float


@source(schema=Receipt, event_time="at", partitions=daily("2024-03-01", end="2024-03-04"), rules={"positive": "amount >= 0"})
def receipts(arrival: Arrival) -> pl.LazyFrame | None:
    """What the till has taken."""
    return arrival.read_csv(load_settings().home / "till" / "{day}.csv")


takings = GoldTable("takings", source=receipts, measures=[count().named("receipts")])

defs = build_definitions(takings)


def write_files() -> None:
    """Three receipts a day; on the second day two of them are bad."""
    folder = load_settings().home / "till"
    folder.mkdir(parents=True)
    for day, amounts in (("2024-03-01", (1, 2, 3)), ("2024-03-02", (4, -5, "much")), ("2024-03-03", (7, 8, 9))):
        lines = [f"{number},{day}T10:00:00Z,{amount}" for number, amount in enumerate(amounts)]
        (folder / f"{day}.csv").write_text("\n".join(["receipt,at,amount", *lines, ""]))
