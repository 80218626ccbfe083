"""The files are counted here with the csv module and plain loops, and compared with the truths, which were counted from what was drawn."""

import csv
import os
import re
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from platform_assets.domains.retail.generate import (
    ACTIVE,
    COLUMNS,
    DUPLICATES_WITHIN,
    HORIZON,
    REASONS,
    RETURN_COLUMNS,
    RETURN_REASONS,
    Shop,
    Truths,
    churn_probability,
    draw_customers,
    generate,
    read_truths,
    restate,
)
from platform_assets.domains.retail.shop.calendar import is_closed
from platform_assets.domains.retail.shop.counting import expected_auc
from platform_assets.errors import SettingsError, SourceError

LONDON = ZoneInfo("Europe/London")
REAL_FILES = Path(__file__).parents[4] / "shared" / "data" / "retail"
KNOWN_COUNTRIES = {"United Kingdom", "Germany", "France", "EIRE", "Spain", "Netherlands", "Belgium", "Switzerland", "Portugal", "Australia"}
SMALL = {"days": 40, "customers": 60, "orders_per_day": 20}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("retail") / "shop"


@pytest.fixture(scope="module")
def truths(folder: Path) -> Truths:
    return generate(folder)


@pytest.fixture(scope="module")
def received(folder: Path, truths: Truths) -> dict[date, list["Line"]]:
    return {day.day: order_lines(folder, day.day) for day in truths.orders}


@pytest.fixture(scope="module")
def accepted(received: dict[date, list["Line"]]) -> list["Line"]:
    return [line for lines in received.values() for line in lines if line.reason is None]


# ------------------------------------------------------------------------------------------------------------ the naive reader


@dataclass(frozen=True)
class Line:
    """A line of a file, read as the platform must read it: with the reason why it cannot be accepted, or with its values."""

    arrival: date
    texts: tuple[str, ...]
    reason: str | None
    at: datetime | None = None
    amount: Decimal = Decimal(0)

    @property
    def event_day(self) -> date:
        assert self.at is not None
        return self.at.date()

    @property
    def is_cancelled(self) -> bool:
        return self.texts[0].startswith("C")

    @property
    def customer(self) -> str:
        return self.texts[6]


def rows(path: Path, header: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    with path.open(newline="", encoding="utf-8") as file:
        reader = csv.reader(file, strict=True)
        assert tuple(next(reader)) == header
        for row in reader:
            assert len(row) == len(header)
            yield tuple(row)


def utc(text: str) -> datetime:
    """A London time as UTC; one that the clocks skip is refused, for it comes back as another."""
    local = datetime.strptime(text, "%Y-%m-%d %H:%M:%S")
    at = local.replace(tzinfo=LONDON).astimezone(UTC)
    if at.astimezone(LONDON).replace(tzinfo=None) != local:
        raise LookupError(text)
    return at


def order_lines(folder: Path, day: date) -> list[Line]:
    return [order_line(day, texts) for texts in rows(folder / f"{day}.csv", COLUMNS)]


def read_orders(folder: Path) -> dict[date, list[Line]]:
    days = sorted(date.fromisoformat(path.stem) for path in folder.glob("*.csv"))
    return {day: order_lines(folder, day) for day in days}


def order_line(day: date, texts: tuple[str, ...]) -> Line:
    invoice, code, _, quantity, time, price, _, country = texts
    required = {"invoice": invoice, "stock code": code, "quantity": quantity, "time": time, "price": price, "country": country}
    if missing := [name for name, text in required.items() if not text]:
        assert len(missing) == 1
        return Line(day, texts, f"{missing[0]} is missing")
    try:
        at = utc(time)
    except ValueError:
        return Line(day, texts, "time is no time")
    except LookupError:
        return Line(day, texts, "time is skipped by summer time")
    if at >= datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(days=1):
        return Line(day, texts, "time is in the future")
    if not quantity.lstrip("-").isdigit():
        return Line(day, texts, "quantity is no number")
    try:
        amount = Decimal(price)
    except InvalidOperation:
        return Line(day, texts, "price is no number")
    broken = {"quantity is 0": int(quantity) == 0, "price is negative": amount < 0, "country is unknown": country not in KNOWN_COUNTRIES}
    reasons = [reason for reason, is_broken in broken.items() if is_broken]
    assert len(reasons) <= 1
    return Line(day, texts, reasons[0] if reasons else None, at, amount * int(quantity))


def count_orders(received: dict[date, list[Line]], truths: Truths) -> None:
    """Compares every count of every day."""
    assert list(received) == [day.day for day in truths.orders]
    for day in truths.orders:
        lines = received[day.day]
        kept = [line for line in lines if line.reason is None]
        late = Counter((day.day - line.event_day).days for line in kept)
        counted = replace(
            day,
            received=len(lines),
            accepted=len(kept),
            quarantined=dict(Counter(line.reason for line in lines if line.reason)),
            exact_copies=len(kept) - len({line.texts for line in kept}),
            repeats=len(kept) - len({line.texts[:2] for line in kept}),
            late={days: count for days, count in late.items() if days},
            anonymous=sum(not line.customer for line in kept),
            cancelled=sum(line.is_cancelled for line in kept),
            free=sum(Decimal(line.texts[5]) == 0 for line in kept),
        )
        assert counted == day


# ------------------------------------------------------------------------------------------------------------------- the files


def test_there_is_a_file_for_each_open_day_and_nothing_else(folder: Path, truths: Truths) -> None:
    days = [date(2025, 1, 1) + timedelta(days=index) for index in range(120)]
    names = {f"{day}.csv" for day in days if day not in truths.closed}
    assert {path.name for path in folder.iterdir()} == names | {"truths.json", "returns"}
    assert {path.name for path in (folder / "returns").iterdir()} == names
    assert truths.files_written == 2 * len(names) + 1


def test_the_shop_is_closed_on_saturdays_and_some_holidays(truths: Truths) -> None:
    holidays = {date(2025, 1, 1), date(2025, 4, 18), date(2025, 4, 21)}
    assert {day for day in truths.closed if day.weekday() != 5} == holidays
    assert len(truths.closed) == 17 + len(holidays)


@pytest.mark.parametrize("easter", ["2000-04-23", "2008-03-23", "2011-04-24", "2024-03-31", "2025-04-20", "2038-04-25"])
def test_easter_is_when_the_calendar_has_it(easter: str) -> None:
    sunday = date.fromisoformat(easter)
    assert is_closed(sunday - timedelta(days=2))
    assert is_closed(sunday + timedelta(days=1))
    assert not is_closed(sunday + timedelta(days=2))


def test_the_files_are_spelled_like_the_real_ones(folder: Path) -> None:
    if not REAL_FILES.exists():
        pytest.skip("the real files are not beside this checkout")
    real, ours = (REAL_FILES / "2011-03-30.csv").read_bytes(), (folder / "2025-03-31.csv").read_bytes()
    assert real.splitlines()[0] == ours.splitlines()[0]
    assert (b"\r" in real) == (b"\r" in ours) is False
    for name, pattern in {"customer": rb",1\d{4}\.0,", "cancelled": rb"^C\d{6},", "time": rb",\d{4}-\d\d-\d\d \d\d:\d\d:00,"}.items():
        assert re.search(pattern, real, re.MULTILINE), name
        assert re.search(pattern, ours, re.MULTILINE), name


def test_descriptions_have_commas_quotes_trailing_spaces_and_gaps(accepted: list[Line]) -> None:
    descriptions = {line.texts[2] for line in accepted}
    assert "" in descriptions
    assert any("," in text for text in descriptions)
    assert any('"' in text for text in descriptions)
    assert any(text.endswith(" ") for text in descriptions)


# ----------------------------------------------------------------------------------------------------------------- order lines


def test_the_order_lines_are_as_many_of_each_kind_as_the_truths_say(received: dict[date, list[Line]], truths: Truths) -> None:
    count_orders(received, truths)


def test_every_kind_of_dirt_is_there(truths: Truths) -> None:
    quarantined: Counter[str] = Counter()
    late: Counter[int] = Counter()
    for day in truths.orders:
        quarantined.update(day.quarantined)
        late.update(day.late)
    assert set(quarantined) == set(REASONS)
    assert {1, 2, 3, 4} <= set(late)
    for kind in ("exact_copies", "anonymous", "cancelled", "free"):
        assert sum(getattr(day, kind) for day in truths.orders) > 100, kind
    assert sum(day.repeats for day in truths.orders) > 1.3 * sum(day.exact_copies for day in truths.orders)
    accepted = sum(day.accepted for day in truths.orders)
    assert 0.99 < accepted / sum(day.received for day in truths.orders) < 0.995


def test_customers_are_written_as_decimals_or_are_missing_in_a_share_that_moves(accepted: list[Line], truths: Truths) -> None:
    assert all(line.customer == "" or (line.customer.endswith(".0") and line.customer[:-2].isdigit()) for line in accepted)
    shares = [day.anonymous / day.accepted for day in truths.orders]
    assert min(shares) < 0.15
    assert max(shares) > 0.35


def test_cancelled_lines_have_a_negative_quantity_and_some_others_too(accepted: list[Line]) -> None:
    assert all(int(line.texts[3]) < 0 for line in accepted if line.is_cancelled)
    negative = [line for line in accepted if int(line.texts[3]) < 0 and not line.is_cancelled]
    assert negative
    assert all(line.customer == "" and line.amount == 0 for line in negative)


def test_prices_rise_at_the_end(accepted: list[Line], truths: Truths) -> None:
    levels = [day.price_level for day in truths.orders]
    assert levels[0] == 1
    assert levels == sorted(levels)
    assert levels[-1] > 1.35
    prices: dict[str, dict[bool, list[Decimal]]] = defaultdict(lambda: defaultdict(list))
    for line in accepted:
        if line.event_day < date(2025, 2, 1) or line.event_day >= date(2025, 4, 29):
            prices[line.texts[1]][line.event_day.month == 4].append(Decimal(line.texts[5]))
    risen = [float(max(by[True]) / max(by[False])) for by in prices.values() if len(by) == 2 and max(by[False]) > 0]
    assert len(risen) > 200
    assert np.median(risen) == pytest.approx(1.4, abs=0.02)


def test_orders_of_a_summer_night_belong_to_the_utc_day_before(accepted: list[Line]) -> None:
    nights = [line for line in accepted if line.texts[4][11:13] == "00" and line.texts[4][:10] == str(line.arrival)]
    before = [line for line in nights if line.arrival < date(2025, 3, 30)]
    summer = [line for line in nights if line.arrival > date(2025, 3, 30)]
    assert before
    assert summer
    assert all(line.event_day == line.arrival for line in before)
    assert all(line.event_day == line.arrival - timedelta(days=1) for line in summer)


def test_an_autumn_with_the_clocks_put_back_has_no_time_that_exists_twice(tmp_path: Path) -> None:
    truths = generate(tmp_path, first_day=date(2025, 10, 20), days=10, customers=100, orders_per_day=1000)
    received = read_orders(tmp_path)
    lines = received[date(2025, 10, 26)]
    assert any(line.texts[4].startswith("2025-10-26 00:") for line in lines)
    assert not any(line.texts[4].startswith("2025-10-26 01:") for line in lines)
    count_orders(received, truths)


def test_the_first_line_of_each_order_is_accepted(received: dict[date, list[Line]], accepted: list[Line]) -> None:
    invoices = {line.texts[0] for line in accepted}
    delivered = {line.texts[0] for lines in received.values() for line in lines} - {""}
    assert invoices == delivered


def test_the_report_by_event_day_and_country_adds_up(accepted: list[Line], truths: Truths) -> None:
    groups: dict[tuple[date, str], list[Line]] = defaultdict(list)
    for line in accepted:
        groups[line.event_day, line.texts[7]].append(line)
    assert {(row.day, row.country) for row in truths.revenue} == set(groups)
    for row in truths.revenue:
        lines = groups[row.day, row.country]
        sold = [line for line in lines if not line.is_cancelled]
        assert (row.lines, row.orders, row.cancelled_lines) == (len(sold), len({line.texts[0] for line in sold}), len(lines) - len(sold))
        assert row.revenue == float(sum(line.amount for line in sold))
        assert row.cancelled == float(sum(line.amount for line in lines if line.is_cancelled))


# --------------------------------------------------------------------------------------------------------------------- returns


def return_reason(texts: tuple[str, ...]) -> str | None:
    if not texts[0]:
        return "return is missing"
    if not texts[6][:1].isdigit():
        return "time is no time"
    if int(texts[4]) < 1:
        return "quantity is below 1"
    return "refund is negative" if Decimal(texts[5]) < 0 else None


def test_the_returns_are_as_many_of_each_kind_as_the_truths_say(folder: Path, truths: Truths) -> None:
    last: dict[str, tuple[date, tuple[str, ...]]] = {}
    last_accepted: dict[str, tuple[date, tuple[str, ...]]] = {}
    horizon = timedelta(days=DUPLICATES_WITHIN)
    for day in truths.returns:
        count: Counter[str] = Counter()
        reasons: Counter[str] = Counter()
        late: Counter[int] = Counter()
        for texts in rows(folder / "returns" / f"{day.day}.csv", RETURN_COLUMNS):
            count["received"] += 1
            if reason := return_reason(texts):
                reasons[reason] += 1
                continue
            key = texts[0]
            if key in last and day.day - last[key][0] <= horizon:
                is_exact = texts == last[key][1]
                assert is_exact == (texts == last_accepted[key][1])  # whichever one a copy is compared with
                count["exact" if is_exact else "changed"] += 1
                count["chained"] += day.day - last_accepted[key][0] > horizon
            else:
                count["accepted"] += 1
                late[(day.day - utc(texts[6]).date()).days] += 1
                last_accepted[key] = (day.day, texts)
            last[key] = (day.day, texts)
        counted = replace(
            day,
            received=count["received"],
            accepted=count["accepted"],
            quarantined=dict(reasons),
            exact_duplicates=count["exact"],
            changed_duplicates=count["changed"],
            chained=count["chained"],
            late={days: number for days, number in late.items() if days},
        )
        assert counted == day


def test_every_kind_of_copy_of_a_return_is_there(folder: Path, truths: Truths) -> None:
    assert {reason for day in truths.returns for reason in day.quarantined} == set(RETURN_REASONS)
    for kind in ("exact_duplicates", "changed_duplicates", "chained"):
        assert sum(getattr(day, kind) for day in truths.returns) > 20, kind
    assert {1, 2, 3, 4} <= {days for day in truths.returns for days in day.late}
    seen: dict[str, list[tuple[date, bool]]] = defaultdict(list)
    for day in truths.returns:
        for texts in rows(folder / "returns" / f"{day.day}.csv", RETURN_COLUMNS):
            seen[texts[0]].append((day.day, return_reason(texts) is None))
    del seen[""]
    steps = [(later[0] - earlier[0]).days for each in seen.values() for earlier, later in pairwise(each)]
    assert {0, 1, 2} <= set(steps)
    assert max(steps) > DUPLICATES_WITHIN  # comes again after the horizon: accepted twice
    assert any(not first and second for (_, first), (_, second), *_ in (each for each in seen.values() if len(each) > 1))  # mended


def test_each_return_is_of_a_line_that_was_sold(folder: Path, truths: Truths, accepted: list[Line]) -> None:
    sold = {line.texts[0] for line in accepted}
    customer = {line.texts[0]: line.customer for line in accepted}
    for day in truths.returns:
        for texts in rows(folder / "returns" / f"{day.day}.csv", RETURN_COLUMNS):
            assert texts[1] in sold
            assert customer[texts[1]] == f"{texts[2]}.0"


# ----------------------------------------------------------------------------------------------------------------------- churn


@dataclass(frozen=True)
class Questions:
    """What was asked at one t: of whom, what came, what was known."""

    day: date
    customers: list[str]
    churned: np.ndarray
    features: np.ndarray
    probability: np.ndarray


@pytest.fixture(scope="module")
def questions(truths: Truths, accepted: list[Line]) -> list[Questions]:
    orders: dict[str, dict[str, tuple[date, date]]] = defaultdict(dict)
    for line in accepted:
        if line.customer and not line.is_cancelled:
            orders[line.customer][line.texts[0]] = (line.event_day, line.arrival)
    latent = draw_customers(truths.shop)
    index = {f"{customer}.0": number for number, customer in enumerate(latent["customer_id"])}
    asked = []
    for answer in truths.churn:
        t, customers, churned, features = answer.day, [], [], []
        for customer, times in orders.items():
            past = [event for event, arrival in times.values() if t - timedelta(days=ACTIVE) <= event < t and arrival < t]
            if past:
                customers.append(customer)
                churned.append(not any(t <= event < t + timedelta(days=HORIZON) for event, _ in times.values()))
                recent = sum(event >= t - timedelta(days=30) for event in past)
                features.append((np.log1p((t - max(past)).days), np.log1p(recent)))
        known = churn_probability(truths.shop, latent, (t - truths.shop.first_day).days)
        asked.append(Questions(t, customers, np.array(churned), np.array(features), known[[index[each] for each in customers]]))
    return asked


def test_as_many_churn_as_the_truths_say(truths: Truths, questions: list[Questions]) -> None:
    counted = [(each.day, len(each.customers), int(each.churned.sum())) for each in questions]
    assert counted == [(each.day, each.active, each.churned) for each in truths.churn]
    assert len(counted) == 12


def test_the_known_probability_is_calibrated(questions: list[Questions]) -> None:
    probability, churned = (np.concatenate([getattr(each, name) for each in questions]) for name in ("probability", "churned"))
    for low in np.arange(0, 1, 0.1):
        inside = (probability >= low) & ((probability < low + 0.1) | (low > 0.89))
        assert inside.sum() > 100
        assert churned[inside].mean() == pytest.approx(probability[inside].mean(), abs=0.08)
    assert churned.mean() == pytest.approx(probability.mean(), abs=0.02)


def test_the_ceiling_is_what_the_known_probability_reaches(truths: Truths, questions: list[Questions]) -> None:
    probability, churned = (np.concatenate([getattr(each, name) for each in questions]) for name in ("probability", "churned"))
    assert 0.80 <= truths.bayes_auc <= 0.88
    assert roc_auc_score(churned, probability) == pytest.approx(truths.bayes_auc, abs=0.01)


@pytest.mark.parametrize("probability", [(0.5, 0.5, 0.5), (0.0, 1.0), (0.2, 0.2, 0.9, 0.9, 0.4), (0.3,)])
def test_the_ceiling_is_the_share_of_pairs_ranked_right(probability: tuple[float, ...]) -> None:
    right = weight = 0.0
    for i, churns in enumerate(probability):
        for j, stays in enumerate(probability):
            if i != j:
                pair = churns * (1 - stays)
                weight += pair
                right += pair * (1.0 if churns > stays else 0.5 if churns == stays else 0.0)
    assert expected_auc(np.array(probability)) == pytest.approx(right / weight if weight else 0.5, abs=1e-4)


def test_recency_and_frequency_learn_much_but_not_all_of_it(questions: list[Questions]) -> None:
    train = [each for each in questions if each.day < date(2025, 2, 12)]
    test = [each for each in questions if each.day >= date(2025, 3, 12)]
    model = LogisticRegression().fit(np.concatenate([each.features for each in train]), np.concatenate([each.churned for each in train]))
    churned = np.concatenate([each.churned for each in test])
    learnt = roc_auc_score(churned, model.predict_proba(np.concatenate([each.features for each in test]))[:, 1])
    ceiling = roc_auc_score(churned, np.concatenate([each.probability for each in test]))
    assert 0.70 <= learnt <= 0.80
    assert ceiling - learnt > 0.05


def test_more_or_fewer_orders_come_as_asked(truths: Truths, accepted: list[Line]) -> None:
    orders = {line.texts[0] for line in accepted if not line.is_cancelled and line.texts[2]}
    assert len(orders) / len(truths.orders) == pytest.approx(truths.shop.orders_per_day, rel=0.03)


# ------------------------------------------------------------------------------------------------------------- again and again


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_another_process_writes_the_same_bytes(tmp_path: Path) -> None:
    generate(tmp_path / "here", **SMALL)
    code = f"from platform_assets.domains.retail.generate import generate; generate({str(tmp_path / 'there')!r}, **{SMALL})"
    root = str(Path(__file__).parents[3])
    subprocess.run(
        [sys.executable, "-c", code], check=True, env=os.environ | {"PYTHONHASHSEED": "1", "POLARS_MAX_THREADS": "1", "PYTHONPATH": root}
    )
    assert contents(tmp_path / "here") == contents(tmp_path / "there")


def test_another_seed_gives_another_shop(tmp_path: Path) -> None:
    generate(tmp_path / "7", **SMALL)
    generate(tmp_path / "8", **SMALL, seed=8)
    assert contents(tmp_path / "7")["2025-01-02.csv"] != contents(tmp_path / "8")["2025-01-02.csv"]


def test_a_second_call_writes_nothing_and_says_the_same(tmp_path: Path) -> None:
    first = generate(tmp_path, **SMALL)
    written = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    second = generate(tmp_path, **SMALL)
    assert (second, second.files_written) == (first, 0)
    assert read_truths(tmp_path) == first
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == written


def test_a_call_after_a_kill_writes_what_is_missing(tmp_path: Path) -> None:
    truths = generate(tmp_path, **SMALL)
    whole = contents(tmp_path)
    (tmp_path / "2025-01-09.csv").unlink()
    assert generate(tmp_path, **SMALL).files_written == 1
    (tmp_path / "truths.json").unlink()  # it is written last: this is what a kill leaves
    (tmp_path / "returns" / "2025-02-09.csv").unlink()
    again = generate(tmp_path, **SMALL)
    assert (again, again.files_written) == (truths, 2)
    assert contents(tmp_path) == whole


def test_a_folder_with_another_shop_is_refused(tmp_path: Path) -> None:
    generate(tmp_path, **SMALL)
    with pytest.raises(SettingsError, match=r"holds a shop of other arguments.*seed=7"):
        generate(tmp_path, **SMALL, seed=8)


@pytest.mark.parametrize("name", ["2010-12-01.csv", "2025-01-02.csv", "returns/2025-01-02.csv"])
def test_the_files_of_others_are_neither_replaced_nor_mixed_with_ours(tmp_path: Path, name: str) -> None:
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text("precious")
    with pytest.raises(SettingsError, match=f"{name} does not belong to the shop"):
        generate(tmp_path, **SMALL)
    assert contents(tmp_path) == {name: b"precious"}


@pytest.mark.parametrize("name", ["days", "customers", "orders_per_day"])
def test_a_shop_of_nothing_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(SettingsError, match=f"{name}=0: give at least 1"):
        generate(tmp_path, **{name: 0})


@pytest.mark.parametrize("days", [1, 2, 5])
def test_the_smallest_shops_are_right_too(tmp_path: Path, days: int) -> None:
    truths = generate(tmp_path, days=days, customers=1, orders_per_day=1)
    assert len(truths.orders) == len(truths.returns) == days - len(truths.closed)
    assert (truths.churn, truths.bayes_auc) == ((), 0.5)
    count_orders(read_orders(tmp_path), truths)


# ----------------------------------------------------------------------------------------------------------------- restatement


def test_a_restated_day_has_a_line_changed_one_gone_and_a_customer_gone(tmp_path: Path) -> None:
    generate(tmp_path, **SMALL)
    day, before = date(2025, 1, 15), contents(tmp_path)
    lines = Counter(line.texts for line in order_lines(tmp_path, day))
    restated = restate(tmp_path, day)
    after = contents(tmp_path)
    assert {name for name in before if before[name] != after[name]} == {"2025-01-15.csv", "truths.json"}
    now = Counter(line.texts for line in order_lines(tmp_path, day))
    gone, new = list((lines - now).elements()), list((now - lines).elements())
    customer = f"{restated.customer_gone}.0"
    assert sorted(" ".join(texts[:2]) for texts in gone if texts[6] != customer) == sorted([restated.changed, restated.dropped])
    assert [" ".join(texts[:2]) for texts in new] == [restated.changed]
    assert len(gone) == 3
    assert customer.encode() in before["2025-01-15.csv"]
    assert not any(customer.encode() in content for content in after.values())
    assert restated.truths == read_truths(tmp_path)
    assert restated.truths.restated == (day,)
    count_orders(read_orders(tmp_path), restated.truths)


def test_a_restated_shop_stays_restated(tmp_path: Path) -> None:
    generate(tmp_path, **SMALL)
    restate(tmp_path, date(2025, 1, 15))
    restate(tmp_path, date(2025, 1, 16))
    twice = restate(tmp_path, date(2025, 1, 15))
    assert twice.customer_gone is None
    count_orders(read_orders(tmp_path), twice.truths)
    whole = contents(tmp_path)
    (tmp_path / "2025-01-15.csv").unlink()
    assert generate(tmp_path, **SMALL) == twice.truths
    assert contents(tmp_path) == whole


def test_a_closed_day_cannot_be_restated(tmp_path: Path) -> None:
    generate(tmp_path, **SMALL)
    with pytest.raises(SourceError, match="has no file of 2025-01-04"):
        restate(tmp_path, date(2025, 1, 4))


def test_a_folder_without_truths_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"there is no truths\.json"):
        read_truths(tmp_path)


def test_a_negative_seed_is_refused() -> None:
    with pytest.raises(SettingsError, match="seed=-1: give 0 or more"):
        Shop(seed=-1)
