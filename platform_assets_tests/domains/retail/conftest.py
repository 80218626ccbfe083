"""One generated shop for the tests of the generator."""

from datetime import date
from pathlib import Path

import pytest

from platform_assets.domains.retail.generate import (
    Truths,
    generate,
)
from platform_assets_tests.domains.retail.naive_reader import Line, order_lines


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("retail") / "shop"


@pytest.fixture(scope="module")
def truths(folder: Path) -> Truths:
    return generate(folder)


@pytest.fixture(scope="module")
def received(folder: Path, truths: Truths) -> dict[date, list[Line]]:
    return {day.day: order_lines(folder, day.day) for day in truths.orders}


@pytest.fixture(scope="module")
def accepted(received: dict[date, list[Line]]) -> list[Line]:
    return [line for lines in received.values() for line in lines if line.reason is None]
