"""The same shop again, others' folders, and restated days."""

import os
import subprocess
import sys
from collections import Counter
from datetime import date
from pathlib import Path

import pytest

from platform_assets.domains.retail.generate import (
    Shop,
    generate,
    read_truths,
    restate,
)
from platform_assets.errors import SettingsError, SourceError
from platform_assets_tests.domains.retail.naive_reader import SMALL, count_orders, order_lines, read_orders


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
    with pytest.raises(SettingsError, match=r"has a shop with other arguments.*seed=7"):
        generate(tmp_path, **SMALL, seed=8)


@pytest.mark.parametrize("name", ["2010-12-01.csv", "2025-01-02.csv", "returns/2025-01-02.csv", "customers/2025-01-02.csv"])
def test_the_files_of_others_are_neither_replaced_nor_mixed_with_ours(tmp_path: Path, name: str) -> None:
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text("precious")
    with pytest.raises(SettingsError, match=f"{name} does not belong to the requested shop"):
        generate(tmp_path, **SMALL)
    assert contents(tmp_path) == {name: b"precious"}


@pytest.mark.parametrize("name", ["days", "customers", "orders_per_day"])
def test_a_shop_of_nothing_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(SettingsError, match=f"{name}=0: give at least 1"):
        generate(tmp_path, **{name: 0})


@pytest.mark.parametrize("days", [1, 2, 5])
def test_the_smallest_shops_are_right_too(tmp_path: Path, days: int) -> None:
    truths = generate(tmp_path, days=days, customers=1, orders_per_day=1)
    assert len(truths.orders) == len(truths.returns) == len(truths.customers) == days - len(truths.closed)
    assert (truths.churn, truths.bayes_auc) == ((), 0.5)
    count_orders(read_orders(tmp_path), truths)


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
