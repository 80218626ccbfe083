"""A million rows of what the other benchmarks leave out: CPU seconds and peak memory, beside those of a quarter of the rows.

    .venv/bin/python benchmarks/survey.py [--quick] [WHAT ...]

Everything is of one size: the lines of a day, the entities that come that day, the groups of a report, the labels of a month. Each
measurement is a process of its own that runs one step without Dagster. What grows faster than its rows shows more than four times the
seconds of a quarter; steps of some partitions that have no rows have seconds that do not grow at all. WHAT measures some of them only.
"""

import os
import sys
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from measured import Spent, command_line, in_short, report, say, spawned

from platform_assets import (
    Arrival,
    AttributeView,
    Entity,
    Estimator,
    FeatureService,
    FeatureView,
    GoldTable,
    TrainingData,
    TrainingSet,
    any_event,
    count,
    daily,
    every,
    labels_from,
    model,
    source,
    sum,
)
from platform_assets.declare.source import Source
from platform_assets.steps.gold import make_attributes, make_change_log, make_report
from platform_assets.steps.model import make_model, make_predictions
from platform_assets.steps.raw import make_raw
from platform_assets.steps.run import Done, Run
from platform_assets.steps.silver import make_silver
from platform_assets.steps.training import make_training
from platform_assets.stores.delta import Lake
from platform_assets.stores.ledger import Entry, Ledger
from platform_assets.stores.verify import check_table

START, DAYS = datetime(2024, 1, 1, tzinfo=UTC), 33
NOW = START + timedelta(days=10_000)
HOME = Path(sys.argv[2] if "--child" in sys.argv else ".")
ROWS = int(sys.argv[3]) if "--child" in sys.argv else 0
DAY_OF_LABELS = 20
COUNTRIES = np.array(["DE", "FR", "GB", "NL", "US"])
days = daily("2024-01-01")
user = Entity("user", keys=["user"])


class Event:
    id: int
    user: int
    at: datetime
    amount: float
    country: str
    good: bool


def drawn(rows: int, since: datetime, until: datetime) -> pl.DataFrame:
    """Events of as many users, at any time between two moments."""
    draw = np.random.default_rng(rows)
    length = (until - since) // timedelta(microseconds=1)
    return pl.DataFrame({
        "id": np.arange(rows),
        "user": draw.permutation(rows),
        "at": pl.Series(draw.integers(0, length, rows)).cast(pl.Duration("us")) + since,
        "amount": np.round(draw.exponential(30.0, rows), 2),
        "country": draw.choice(COUNTRIES, rows),
        "good": draw.random(rows) < 0.3,
    })  # fmt: skip


def events_of(arrival: Arrival, day: int = 0) -> pl.DataFrame:
    """All on one day, and nothing on the others."""
    rows = drawn(ROWS, START, arrival.end)
    return rows if arrival.start == START + timedelta(days=day) else rows.clear()


def declared(name: str, read: Callable[[Arrival], Any], **options: Any) -> Source:
    read.__name__, read.__doc__ = name, "Rows that are drawn."
    return source(
        **{"schema": Event, "event_time": "at", "partitions": days, "empty_after": "0h", "owners": ["team:benchmarks"], **options}
    )(read)


def half_lines(arrival: Arrival) -> pl.LazyFrame | None:
    return arrival.read_csv(HOME / "half.csv")


events = declared("events", lambda arrival: events_of(arrival))
asked = declared("asked", lambda arrival: events_of(arrival, DAY_OF_LABELS))
profiles = declared("profiles", lambda arrival: events_of(arrival), kind="state", key=["user"])
broken = declared("broken", lambda arrival: events_of(arrival), rules={"little": "amount < -1", "few": "user < 0"})
unread = declared("unread", lambda arrival: events_of(arrival).with_columns(pl.format("{} EUR", "amount").alias("amount")))
copies = declared("copies", lambda arrival: events_of(arrival).with_columns(id=pl.lit(1)), key=["id"])
again = declared("again", lambda arrival: events_of(arrival).with_columns(pl.col("amount") + (HOME / "again").exists()))
half = declared("half", half_lines)
spend = FeatureView("spend", entity=user, source=events, online=True, features=[count().over("7d", "40d"), sum("amount").over("40d")])
profile = AttributeView("profile", entity=user, source=profiles, attributes=["country", "amount"], online=True)
by_user = GoldTable("by_user", source=events, by=["user", "country"], measures=[count().named("events"), sum("amount").named("amount")])
service = FeatureService("service", [spend, profile])
coming = TrainingSet("coming", features=service, labels=any_event(events, within="7d", spine=every("14d", active="20d")))
given = TrainingSet("given", features=service, labels=labels_from(asked, value="good", horizon="1d"))
classed = TrainingSet("classed", features=service, labels=labels_from(asked, value="country", horizon="1d"))


def table_of_labels() -> pl.DataFrame:
    found = drawn(ROWS, START + timedelta(days=1), START + timedelta(days=DAY_OF_LABELS))
    return found.select("user", "good", label_time=pl.col("at"))


tabled = TrainingSet("tabled", features=service, labels=labels_from(table_of_labels, value="good", type=bool, horizon="1d"))


def shares(train: TrainingData) -> Estimator:
    """Predicts how frequent each class was: what is measured is not the estimator."""
    from sklearn.dummy import DummyClassifier

    fitted: Estimator = DummyClassifier(strategy="prior").fit(train.features, train.target)
    return fitted


@model(given)
def good(train: TrainingData) -> Estimator:
    return shares(train)


@model(classed)
def country(train: TrainingData) -> Estimator:
    return shares(train)


def run_of(home: Path) -> Run:
    lake = Lake(str(home / "lake"))
    return Run(lake, Ledger(lake), "benchmark", NOW)


def made(step: Callable[..., Done], of: Any, first: int, last: int, *more: Any) -> dict[str, Any]:
    step(of, first, last, run_of(HOME), *more).check()
    return {}


def day(step: Callable[..., Done], of: Any) -> Callable[[], dict[str, Any]]:
    return lambda: made(step, of, days.first, days.first)


def all_days(step: Callable[..., Done], of: Any, *more: Any) -> Callable[[], dict[str, Any]]:
    return lambda: made(step, of, days.first, days.first + DAYS - 1, *more)


def january(step: Callable[..., Done], of: Any, *more: Any) -> Callable[[], dict[str, Any]]:
    months = (of if isinstance(of, TrainingSet) else of.training_set).partitions
    return lambda: made(step, of, months.first, months.first, *more)


def second_of_february(of: Any) -> Callable[[], dict[str, Any]]:
    return lambda: made(make_predictions, of, days.first + DAYS - 1, days.first + DAYS - 1, HOME / "models")


def online(what: str, view: Any) -> Callable[[], dict[str, Any]]:
    """CPU of this process, without the server's."""

    def run() -> dict[str, Any]:
        from platform_assets.steps.online import entities_of, make_online, rebuild_online
        from platform_assets.stores.online.connection import OnlineStore

        store = OnlineStore(os.environ["SURVEY_STORE"])
        if what == "count":
            entities_of(view, store)
        else:
            (make_online if what == "publish" else rebuild_online)(view, run_of(HOME), store)
        return {}

    return run


def noted() -> dict[str, Any]:
    """A tenth as many entries of partitions, each as silver writes it, a thousand at a time."""
    ledger = run_of(HOME).ledger
    reasons = {"reasons": {"quantity_not_zero": 12, "price: missing": 3}, "examples": {"quantity_not_zero": "quantity = '0'"}}
    details = {"received": 40, "accepted": 25, "tier": "HIGH", "read": {"events/raw": 3}, "event_partitions": ["2024-01-01"], **reasons}
    for first in range(0, ROWS // 10, 1000):
        ledger.record(Entry("by_user/gold", f"{number:08}", 0, "0", 25, details=details) for number in range(first, first + 1000))
    return {}


def read_ledger() -> dict[str, Any]:
    return {"entries": len(run_of(HOME).ledger.entries("by_user/gold", at_version=0))}


def verified() -> dict[str, Any]:
    return {"found": len(list(check_table(Lake(str(HOME / "lake")), ("events", "silver"), deep=True)))}


def delivered_again() -> dict[str, Any]:
    (HOME / "again").touch()
    return made(make_raw, again, days.first, days.first)


MODELS = HOME / "models"
STEPS: dict[str, tuple[Callable[[], dict[str, Any]], ...]] = {
    # What is measured is the last; those before it prepare it, in processes of their own.
    "raw: a day that comes again with other rows": (day(make_raw, again), delivered_again),
    "raw: every second line of a file is no row": (day(make_raw, half),),
    "silver: half of the lines were no rows": (day(make_silver, half),),
    "silver: every row breaks two rules": (day(make_raw, broken), day(make_silver, broken)),
    "silver: a number of each row cannot be read": (day(make_raw, unread), day(make_silver, unread)),
    "silver: all rows have one key": (day(make_raw, copies), day(make_silver, copies)),
    "silver: rows of as many entities": (all_days(make_raw, events), all_days(make_silver, events)),
    "silver of a state source": (all_days(make_raw, profiles), all_days(make_silver, profiles)),
    "attribute view": (all_days(make_attributes, profile),),
    "change log": (all_days(make_change_log, spend),),
    "report of as many groups": (all_days(make_report, by_user),),
    "labels of what follows": (january(make_training, coming),),
    "labels of a source's rows": (all_days(make_raw, asked), all_days(make_silver, asked), january(make_training, given)),
    "labels of a table": (january(make_training, tabled),),
    "model of two classes, with its baseline": (january(make_model, good, MODELS),),
    "predictions of two classes": (second_of_february(good),),
    "model of five classes, with its baseline": (january(make_training, classed), january(make_model, country, MODELS)),
    "predictions of five classes": (second_of_february(country),),
    "online: a view published": (online("publish", spend),),
    "online: attributes published": (online("publish", profile),),
    "online: entities counted": (online("count", spend),),
    "online: a view rebuilt": (online("rebuild", spend),),
    "verify: the files of a table read": (verified,),
    "ledger: a tenth as many entries written": (noted,),
    "ledger: read": (read_ledger,),
}


def prepare(home: Path, rows: int) -> None:
    """The file of which every second line has a value too many."""
    frame = drawn(rows // 2, START, START + timedelta(days=1)).with_columns(pl.col("at").dt.strftime("%Y-%m-%dT%H:%M:%SZ"))
    good = frame.write_csv().splitlines()
    lines = [good[0], *(line for row in good[1:] for line in (row, row + ",more"))]
    (home / "half.csv").write_text("\n".join(lines) + "\n")


def of_size(rows: int, wanted: list[str]) -> dict[str, Spent]:
    from platform_assets.stores.valkey import EmbeddedValkey

    found: dict[str, Spent] = {}
    with tempfile.TemporaryDirectory(prefix="survey-") as folder, EmbeddedValkey(Path(folder, "valkey"), {"save": ""}) as server:
        os.environ["SURVEY_STORE"] = server.url
        prepare(Path(folder), rows)
        for what, steps in STEPS.items():
            for number in range(len(steps)):
                spent = spawned(__file__, "--child", folder, rows, what, number, limit_gb=16)
            if not wanted or what in wanted:
                found[what] = spent
    return found


def main(rows: int, wanted: list[str], *, quick: bool) -> None:
    quarter, whole = of_size(rows // 4, wanted), of_size(rows, wanted)
    found = []
    for what, spent in whole.items():
        before = quarter[what]
        found.append((what, spent.stopped or spent.cpu, spent.cpu / before.cpu, spent.peak_gb))
    headings = [f"of {in_short(rows)}", "CPU s", "x a quarter", "peak GB"]
    report("survey", headings, found, ["polars", "deltalake", "pyarrow", "numpy", "scikit-learn"], quick=quick, whole=not wanted)


if __name__ == "__main__":
    if "--child" in sys.argv:
        say(STEPS[sys.argv[4]][int(sys.argv[5])])
    else:
        command = command_line(__doc__)
        command.add_argument("--quick", action="store_true", help="a tenth of the rows")
        command.add_argument("what", metavar="WHAT", nargs="*", choices=[*STEPS, []], help="; ".join(STEPS))
        asked_for = command.parse_args()
        main(100_000 if asked_for.quick else 1_000_000, asked_for.what, quick=asked_for.quick)
