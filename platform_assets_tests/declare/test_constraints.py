"""Constraints of a schema that would not be checked are refused; hints of errors are right."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

import pytest
from pydantic import BaseModel, Field, PositiveInt, field_validator

from platform_assets import count, daily, every, no_event, source
from platform_assets import sum as sum_
from platform_assets.errors import DeclarationError


def declare(schema: type) -> Any:
    def orders(arrival: object) -> None: ...

    return source(schema=schema, event_time="at", partitions=daily("2024-03-01"))(orders)


class WithField(BaseModel):
    at: datetime
    price: float = Field(gt=0, le=100)


class WithPositive(BaseModel):
    at: datetime
    price: PositiveInt


class WithPattern(BaseModel):
    at: datetime
    price: str = Field(pattern="^a")


class WithAnnotation:
    at: datetime
    price: Annotated[float, Field(gt=0)]


class WithValidator(BaseModel):
    at: datetime
    price: float

    @field_validator("price")
    @classmethod
    def must_be_even(cls, value: float) -> float:
        return value


@dataclass
class WithPostInit:
    at: datetime
    price: float

    def __post_init__(self) -> None:
        assert self.price > 0


class Plain(BaseModel):
    at: datetime
    price: Annotated[float, "in euros"] | None


@pytest.mark.parametrize(
    ("schema", "says"),
    [
        (WithField, "WithField constrains the column 'price' by Gt(gt=0), which is not checked"),
        (WithField, "Write rules={'price_in_range': 'price > 0'}"),
        (WithPositive, "Write rules={'price_in_range': 'price > 0'}"),
        (WithPattern, "WithPattern constrains the column 'price'"),
        (WithAnnotation, "WithAnnotation constrains the column 'price'"),
        (WithValidator, "WithValidator has checks of its own (must_be_even), which do not run"),
        (WithPostInit, "WithPostInit has checks of its own (__post_init__)"),
    ],
)
def test_a_constraint_that_is_not_checked_is_refused(schema: type, says: str) -> None:
    with pytest.raises(DeclarationError) as error:
        declare(schema)
    assert says in str(error.value)


def test_a_model_of_types_alone_is_a_schema() -> None:
    assert list(declare(Plain).columns) == ["at", "price"]


class Sale:
    at: datetime


HINTS: dict[str, tuple[Callable[[], Any], str]] = {
    "a window where a column belongs": (
        lambda: count("7d"),
        "count('7d'): '7d' is a duration, where a column belongs. Write count().over('7d').",
    ),
    "a window for a sum": (lambda: sum_("30m"), "sum('30m'): '30m' is a duration, where a column belongs. Write sum(column).over('30m')."),
    "labels every half day of a daily source": (
        lambda: no_event(declare(Sale), within="7d", spine=every("12h", active="14d")),
        "labels every 12 hours do not fall on ends of days, in which the source arrives. Write every('1d', ...).",
    ),
    "labels every day and a half": (
        lambda: no_event(declare(Sale), within="7d", spine=every("36h", active="14d")),
        "Write every('2d', ...).",
    ),
}


@pytest.mark.parametrize("what", HINTS)
def test_the_hint_of_an_error_is_right(what: str) -> None:
    call, says = HINTS[what]
    with pytest.raises(DeclarationError) as error:
        call()
    assert says in str(error.value)
