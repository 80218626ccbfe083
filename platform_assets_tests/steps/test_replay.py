"""Replays from quarantine: rows that are repaired and received again, once, in the newest partition (semantics.md 1, ADR 44)."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from platform_assets.errors import DeclarationError, NotReadyError
from platform_assets.expressions import parse
from platform_assets.steps.replay import Chosen, Outcome, Repair, replay, values_of
from platform_assets_tests.steps.business import Business, same

BAD, NEWEST = 2, 7


@pytest.fixture
def business(tmp_path: Path) -> Business:
    return business_of(tmp_path / "lake")


def business_of(home: Path, **declared: Any) -> Business:
    business = Business(home, declared={"accepted_share": 0.2, **declared})
    for day in range(8):
        business.sell(day, f"{day}0 ada 1", f"{day}1 bob 2")
    business.sell(BAD, "20 ada 1", "21 bob -5", "22 cy much", "23 cy -7 -1")
    business.make_range()
    return business


def replayed(business: Business, *values: str, why: str = "the till swapped signs", **asked: Any) -> Outcome:
    """asked: of Chosen and Repair, and `dry_run`."""
    chosen = {name: asked.pop(name) for name in ("first", "last", "reasons", "again") if name in asked}
    if where := asked.pop("where", ""):
        types = {column: declared.type for column, declared in business.source.columns.items()}
        chosen["where"] = parse(where, columns=types, where="test")
    dry_run = asked.pop("dry_run", False)
    repair = Repair(values=values_of(business.source, values), **asked)
    return replay(business.source, Chosen(**chosen), repair, business.run("by ada"), by="ada", why=why, dry_run=dry_run)


def sales(business: Business, layer: str = "silver") -> dict[str, list[int]]:
    """Numbers of sales by arrival."""
    rows = business.lake.scan(("sales", layer)).select(pl.col("arrival").cast(pl.String), pl.col("sale_id").cast(pl.Int64)).collect()
    return {key: sorted(of["sale_id"]) for (key,), of in sorted(rows.group_by("arrival")) if of.height}  # type: ignore[misc]


def until(business: Business, day: int) -> list[tuple[Any, ...]]:
    log = business.lake.scan(("spending", "gold")).filter(pl.col("partition").cast(pl.String) < business.day(day)).collect()
    return sorted(log.rows(), key=repr)


def test_repaired_rows_arrive_in_the_newest_partition_with_their_old_event_times(business: Business) -> None:
    before, silver = until(business, NEWEST), sales(business)
    outcome = replayed(business, "amount = -amount", reasons=("positive",))
    assert (outcome.keeper, outcome.rows, outcome.good, outcome.of) == (business.day(NEWEST), 2, 2, {business.day(BAD): 2})
    assert business.stale("silver") == [business.first + NEWEST]
    business.make_stale()
    assert sales(business) == {**silver, business.day(NEWEST): [21, 23, 70, 71]}
    assert until(business, NEWEST) == before, "no earlier value changes"
    rows = business.lake.scan(("sales", "silver")).filter(pl.col("sale_id").is_in([21, 23])).sort("sale_id").collect()
    assert rows["amount"].to_list() == [5.0, 7.0]
    assert [str(at.date()) for at in rows["at"]] == [business.day(BAD), business.day(BAD - 1)]
    report = dict(business.lake.scan(("takings", "gold")).select(pl.col("partition").cast(pl.String), "sales").collect().rows())
    assert (report[business.day(BAD)], report[business.day(BAD - 1)]) == (2, 3), "a report is restated for the event days"
    entry = business.entries("sales/silver")[business.day(NEWEST)]
    assert (entry.details["received"], entry.details["accepted"]) == (4, 4)


def test_what_was_replayed_is_recorded_with_who_and_why_and_stays_in_quarantine(business: Business) -> None:
    outcome = replayed(business, "amount = -amount", reasons=("positive",))
    delivery = business.entries("sales/raw")[business.day(NEWEST)].details["deliveries"][1]
    assert (delivery["origin"], delivery["rows"], delivery["delivery"]) == (f"replay {outcome.id}", 2, 2)
    said = {name: delivery["replay"][name] for name in ("id", "by", "why", "at", "repair", "partition", "delivery")}
    assert said == {
        "id": outcome.id,
        "by": "ada",
        "why": "the till swapped signs",
        "at": "2025-03-31T00:00:00+00:00",
        "repair": ["amount = -amount"],
        "partition": business.day(BAD),
        "delivery": 1,
    }
    raw = business.lake.scan(("sales", "raw")).filter(pl.col("origin").str.starts_with("replay")).sort("row_number").collect()
    assert raw["replay_of"].to_list() == [f"{business.day(BAD)}/1/2", f"{business.day(BAD)}/1/4"]
    business.make_stale()
    assert sales_in_quarantine(business) == {business.day(BAD): ["21", "22", "23"]}


def sales_in_quarantine(business: Business) -> dict[str, list[str]]:
    rows = business.lake.scan(("sales", "quarantine")).select(pl.col("arrival").cast(pl.String), "sale_id").collect()
    return {str(key): sorted(of["sale_id"]) for (key,), of in rows.group_by("arrival")}


def test_the_same_replay_twice_changes_nothing(business: Business) -> None:
    first = replayed(business, "amount = -amount", reasons=("positive",))
    business.make_stale()
    tables, ledger, version = business.tables(), business.ledger(), business.lake.version(("sales", "raw"))
    again = replayed(business, "amount = -amount", reasons=("positive",))
    assert (again.rows, again.entry, again.already) == (0, None, {first.keeper: 2})
    asked = replayed(business, "amount = -amount", reasons=("positive",), again=True)
    assert (asked.rows, asked.entry, asked.id) == (0, None, first.id), "the same rows, repaired alike, are the same replay"
    assert business.lake.version(("sales", "raw")) == version
    same(business.tables(), tables)
    same(business.ledger(), ledger)


def test_rows_that_fail_again_go_to_quarantine_again_and_can_be_replayed_from_there(business: Business) -> None:
    outcome = replayed(business, first=business.first + BAD, last=business.first + BAD, where="sale_id = 22")
    assert (outcome.rows, outcome.good, dict(outcome.reasons)) == (1, 0, {"amount: not float": 1})
    business.make_stale()
    assert sales_in_quarantine(business)[business.day(NEWEST)] == ["22"]
    newest = business.entries("sales/silver")[business.day(NEWEST)].details
    assert (newest["received"], newest["accepted"], newest["quarantined"]) == (3, 2, 1)
    second = replayed(business, "amount = 3", where="sale_id = 22")
    assert (second.rows, second.of) == (1, {business.day(NEWEST): 1}), "not once more from where it was first"
    business.make_stale()
    assert sales(business)[business.day(NEWEST)] == [22, 70, 71]


@pytest.mark.slow
def test_a_partition_that_is_delivered_again_keeps_what_was_replayed_into_it(business: Business) -> None:
    replayed(business, "amount = -amount", reasons=("positive",))
    business.make_stale()
    business.sell(NEWEST, "70 ada 1", "72 eve 3")
    business.make_stale()
    assert sales(business)[business.day(NEWEST)] == [21, 23, 70, 72]
    raw = business.lake.scan(("sales", "raw")).filter(pl.col("arrival").cast(pl.String) == business.day(NEWEST)).collect()
    assert sorted(raw.select("delivery", "superseded").unique().rows()) == [(1, True), (2, False), (3, False)]


@pytest.mark.slow
@pytest.mark.parametrize("keyless", [False, True])
def test_a_partition_that_is_restated_takes_back_what_was_replayed_of_it(tmp_path: Path, keyless: bool) -> None:
    business = business_of(tmp_path, **({"key": (), "duplicates_within": 0} if keyless else {}))
    replayed(business, "amount = -amount", reasons=("positive",))
    business.make_stale()
    business.sell(BAD, "20 ada 1", "21 bob 5", "23 cy 7 -1", "24 cy -1")
    business.make_stale()
    assert sales(business)[business.day(BAD)] == [20, 21, 23]
    assert sales(business)[business.day(NEWEST)] == [70, 71], "its rows count where they were delivered right"
    assert replayed(business, "amount = -amount").rows == 1, "what is bad in the new delivery is no row of the old one"


@pytest.mark.slow
def test_a_replay_of_a_replay_is_taken_back_with_it(business: Business) -> None:
    replayed(business, where="sale_id = 22")
    business.make_stale()
    replayed(business, "amount = 3", where="sale_id = 22")
    business.make_stale()
    assert 22 in sales(business)[business.day(NEWEST)]
    business.sell(BAD, "20 ada 1", "22 cy 4")
    business.make_stale()
    assert sales(business)[business.day(BAD)] == [20, 22]
    assert sales(business)[business.day(NEWEST)] == [70, 71]
    assert [d["superseded"] for d in business.entries("sales/raw")[business.day(NEWEST)].details["deliveries"]] == [False, True, True]


@pytest.mark.slow
@pytest.mark.parametrize("keyless", [False, True])
def test_a_row_that_was_replayed_does_not_count_where_it_was_when_the_rule_is_corrected(tmp_path: Path, keyless: bool) -> None:
    declared: dict[str, Any] = {"key": (), "duplicates_within": 0} if keyless else {}
    business = business_of(tmp_path, **declared)
    replayed(business, "amount = -amount", where="sale_id = 21")
    business.make_stale()
    corrected = Business(tmp_path, declared={"accepted_share": 0.2, **declared, "rules": {"small": "amount > -100"}})
    corrected.deliveries.update(business.deliveries)
    corrected.make_stale()
    assert sales(corrected)[business.day(BAD)] == [20, 23]
    assert sales(corrected)[business.day(NEWEST)] == [21, 70, 71]
    reasons = corrected.lake.scan(("sales", "quarantine")).filter(pl.col("sale_id") == "21").collect()["reasons"].to_list()
    assert reasons == [["replayed"]]
    assert replayed(corrected).of == {business.day(BAD): 1}, "the row that still cannot be read"


def test_after_a_corrected_rule_rows_are_good_where_they_are_and_a_replay_says_so(business: Business, tmp_path: Path) -> None:
    corrected = Business(tmp_path / "lake", declared={"accepted_share": 0.2, "rules": {"small": "amount > -100"}})
    corrected.deliveries.update(business.deliveries)
    with pytest.raises(NotReadyError, match="was judged by another version of the declaration: some of its rows may be good now"):
        replayed(corrected, first=corrected.first + BAD, last=corrected.first + BAD)
    assert replayed(corrected).left_out.keys() == {corrected.day(BAD)}


@pytest.mark.slow
def test_rows_in_the_future_are_replayed_as_they_are_when_their_time_has_come(business: Business) -> None:
    business.sell(3, "30 ada 1", "31 bob 2", "32 eve 4 2")
    business.make_stale()
    outcome = replayed(business, reasons=("in the future",))
    assert (outcome.rows, outcome.good) == (1, 1)
    business.make_stale()
    assert 32 in sales(business)[business.day(NEWEST)]


def test_a_dry_run_counts_and_writes_nothing(business: Business) -> None:
    tables, version = business.tables(), business.lake.version(("sales", "raw"))
    outcome = replayed(business, "amount = -amount", dry_run=True)
    assert (outcome.rows, outcome.good, dict(outcome.reasons), outcome.entry) == (3, 2, {"amount: missing": 1}, None)
    assert business.lake.version(("sales", "raw")) == version
    same(business.tables(), tables)


def test_a_function_repairs_rows_as_they_came(business: Business) -> None:
    def spelled(rows: pl.DataFrame) -> pl.DataFrame:
        assert rows["amount"].to_list() == ["-5", "much", "-7"]
        assert rows["reasons"].to_list() == [["positive"], ["amount: not float"], ["positive"]]
        return rows.with_columns(pl.col("amount").replace("much", "100").str.strip_prefix("-"))

    assert replayed(business, function=spelled).good == 3
    business.make_stale()
    rows = business.lake.scan(("sales", "silver")).filter(pl.col("sale_id").is_between(21, 23)).sort("sale_id").collect()
    assert rows["amount"].to_list() == [5.0, 100.0, 7.0]


@pytest.mark.parametrize(
    ("function", "error"),
    [
        (lambda rows: rows.head(1), r"was given 3 rows and gave 1 rows: it must give a Polars frame of as many"),
        (lambda rows: None, r"gave NoneType"),
        (lambda rows: rows.drop("amount"), r"its rows lack the column 'amount', with which they came"),
        (lambda rows: rows["amonut"], r"failed for rows of 2024-02-27: ColumnNotFoundError"),
    ],
)
def test_a_function_that_gives_something_else_is_refused(business: Business, function: Callable[..., Any], error: str) -> None:
    version = business.lake.version(("sales", "raw"))
    with pytest.raises(DeclarationError, match=error):
        replayed(business, function=function)
    assert business.lake.version(("sales", "raw")) == version


@pytest.mark.parametrize(
    ("values", "error"),
    [
        (["amuont = 1"], r"there is no column 'amuont'\. Did you mean 'amount'\?"),
        (["amount"], r"'amount' sets no column"),
        (["amount = 'ten'"], r"the column 'amount' is float, the value is str"),
        (["amount = amuont"], r"amuont"),
    ],
)
def test_a_repair_that_cannot_work_is_named(business: Business, values: list[str], error: str) -> None:
    with pytest.raises(DeclarationError, match=error):
        values_of(business.source, values)


def test_an_unknown_reason_is_named_with_the_nearest(business: Business) -> None:
    with pytest.raises(DeclarationError, match=r"no row is set aside because of 'postive'\. Did you mean 'positive'\?"):
        replayed(business, reasons=("postive",))
    assert replayed(business, reasons=("amount",), dry_run=True).rows == 1, "all reasons that are about a column"


def test_a_replay_that_would_block_the_partition_that_receives_it_is_refused(tmp_path: Path) -> None:
    business = business_of(tmp_path, accepted_share=0.6)
    assert business.entries("sales/silver")[business.day(BAD)].status == "blocked"
    version = business.lake.version(("sales", "raw"))
    with pytest.raises(
        NotReadyError, match=r"3 rows of 3 would be set aside again \(positive: 2, amount: not float: 1\), and block sales/silver"
    ):
        replayed(business)
    assert business.lake.version(("sales", "raw")) == version
    assert replayed(business, "amount = -amount", reasons=("positive",)).rows == 2, "bad rows of a blocked partition, not its good ones"


def test_a_partition_that_was_delivered_again_is_looked_at_again_first(business: Business) -> None:
    business.sell(BAD, "20 ada 1", "21 bob -6")
    business.make("raw", business.first + BAD, business.first + BAD)
    with pytest.raises(NotReadyError, match=r"was judged before raw was delivered again\. Materialize it, and look again"):
        replayed(business, first=business.first + BAD, last=business.first + BAD)
    assert replayed(business).left_out == {business.day(BAD): "was judged before raw was delivered again"}
