"""The files and their order lines are as the truths say."""

import re
from collections import Counter, defaultdict
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest

from platform_assets.domains.retail.generate import (
    REASONS,
    Truths,
    generate,
)
from platform_assets.domains.retail.shop.calendar import is_closed
from platform_assets_tests.domains.retail.naive_reader import REAL_FILES, Line, count_orders, read_orders


def test_there_is_a_file_for_each_open_day_and_nothing_else(folder: Path, truths: Truths) -> None:
    days = [date(2025, 1, 1) + timedelta(days=index) for index in range(120)]
    names = {f"{day}.csv" for day in days if day not in truths.closed}
    assert {path.name for path in folder.iterdir()} == names | {"truths.json", "returns", "customers"}
    assert {path.name for path in (folder / "returns").iterdir()} == {path.name for path in (folder / "customers").iterdir()} == names
    assert truths.files_written == 3 * len(names) + 1


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


def test_orders_of_a_summer_night_belong_to_the_day_of_the_file(accepted: list[Line]) -> None:
    nights = [line for line in accepted if line.texts[4][11:13] == "00" and line.texts[4][:10] == str(line.arrival)]
    before = [line for line in nights if line.arrival < date(2025, 3, 30)]
    summer = [line for line in nights if line.arrival > date(2025, 3, 30)]
    assert before
    assert summer
    assert all(line.event_day == line.arrival for line in (*before, *summer))
    assert all(line.at and line.at.date() == line.arrival - timedelta(days=1) for line in summer), "in UTC it is the day before"


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
