"""The generated returns are as the truths say."""

from collections import Counter, defaultdict
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import polars as pl
import pytest

from platform_assets.domains.retail.generate import (
    DUPLICATES_WITHIN,
    RETURN_COLUMNS,
    RETURN_REASONS,
    Shop,
    Truths,
    draw_customers,
)
from platform_assets.domains.retail.shop.orders import draw_lines, draw_orders
from platform_assets.domains.retail.shop.returns import draw_returns, with_reasons_and_copies
from platform_assets_tests.domains.retail.naive_reader import Line, local_day, rows, utc


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
                late[(day.day - local_day(utc(texts[6]))).days] += 1
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
    assert any(not first and second for (_, first), (_, second), *_ in (each for each in seen.values() if len(each) > 1))  # fixed


def test_each_return_is_of_a_line_that_was_sold(folder: Path, truths: Truths, accepted: list[Line]) -> None:
    sold = {line.texts[0] for line in accepted}
    customer = {line.texts[0]: line.customer for line in accepted}
    for day in truths.returns:
        for texts in rows(folder / "returns" / f"{day.day}.csv", RETURN_COLUMNS):
            assert texts[1] in sold
            assert customer[texts[1]] == f"{texts[2]}.0"


@pytest.mark.parametrize("seed", range(5))
def test_no_day_has_so_many_broken_returns_that_it_is_blocked(seed: int) -> None:
    shop = Shop(date(2025, 1, 1), 60, 400, 60, seed)
    customers = draw_customers(shop)
    returns = with_reasons_and_copies(shop, draw_returns(shop, draw_lines(shop, draw_orders(shop, customers), customers)))
    days = returns.filter(copy=0).group_by("arrival").agg(good=pl.col("reason").is_null().mean())
    assert days["good"].min() >= 0.7
    assert returns["reason"].n_unique() == len(RETURN_REASONS) + 1, "each way to be broken is there, and none"
