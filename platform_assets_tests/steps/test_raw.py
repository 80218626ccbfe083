"""Raw over a range: a delivery that cannot be read holds up no other."""

from dataclasses import replace
from pathlib import Path

import pytest

from platform_assets import Arrival
from platform_assets.errors import SourceError
from platform_assets.steps.raw import make_raw, receive_all
from platform_assets.steps.stale import stale_raw
from platform_assets_tests.steps.business import Business


def test_a_delivery_that_cannot_be_read_holds_up_no_other_partition(tmp_path: Path) -> None:
    business = Business(tmp_path)
    for day in range(8):
        business.sell(day, f"{day}0 ada 1")
    broken = [business.day(day) for day in (2, 5)]

    def sales(arrival: Arrival) -> object:
        return "no table" if arrival.partition in broken else business.source.read(arrival)

    with pytest.raises(SourceError) as error:
        make_raw(replace(business.source, read=sales), business.first, business.last, business.run())
    assert [line.split(": ")[0] for line in str(error.value).splitlines()] == [f"source 'sales', partition {day}" for day in broken]
    assert list(business.entries("sales/raw")) == [business.day(day) for day in (0, 1, 3, 4, 6, 7)]
    business.sell(0, "00 ada 7")
    done = receive_all(replace(business.source, read=sales), business.first, business.last, business.run())
    assert (list(done.entries), list(done.unchanged)) == ([business.day(0)], [business.day(day) for day in (1, 3, 4, 6, 7)])
    assert done.fails
    with pytest.raises(SourceError, match=business.day(5)):
        done.check()


def test_a_delivery_that_has_become_unreadable_is_one_to_receive_and_keeps_nothing_from_being_looked_at(tmp_path: Path) -> None:
    business = Business(tmp_path)
    for day in range(8):
        business.sell(day, f"{day}0 ada 1")
    business.make("raw", business.first, business.last)

    def sales(arrival: Arrival) -> object:
        return "no table" if arrival.partition == business.day(2) else business.source.read(arrival)

    business.sell(5, "50 ada 7")
    broken = replace(business.source, read=sales)
    assert stale_raw(broken, business.first, business.last, business.run()) == [business.first + 2, business.first + 5]
    with pytest.raises(SourceError, match=business.day(2)):
        make_raw(broken, business.first, business.last, business.run())
    assert stale_raw(broken, business.first, business.last, business.run()) == [business.first + 2]
