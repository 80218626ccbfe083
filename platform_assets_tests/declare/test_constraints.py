"""Constraints of a schema that would not be checked are refused; hints of errors are right."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

import pytest
from pydantic import BaseModel, ConfigDict, Field, PositiveInt, field_validator

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


class WithBoth(BaseModel):
    at: datetime
    price: Annotated[float, Field(gt=0)] = Field(lt=9)


class WithSeveral(BaseModel):
    at: datetime
    price: Annotated[float, Field(ge=0)] | None = None
    name: str = Field(min_length=2, max_length=4)


class WithMultiple(BaseModel):
    at: datetime
    price: int = Field(ge=0, multiple_of=5)


class WithAlias(BaseModel):
    at: datetime
    price: float = Field(alias="Price")


class WithConfig(BaseModel):
    model_config = ConfigDict(extra="forbid", str_min_length=1, frozen=True)

    at: datetime
    price: float


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
    model_config = ConfigDict(extra="ignore", frozen=True, arbitrary_types_allowed=True)

    at: datetime
    price: Annotated[float, "in euros"] | None


@pytest.mark.parametrize(
    ("schema", "says"),
    [
        (WithField, "WithField constrains the column 'price' by Gt(gt=0) and Le(le=100), which are not checked"),
        (WithField, "Write rules={'price_in_range': 'price > 0 and price <= 100'}, and remove the constraints."),
        (WithPositive, "Write rules={'price_in_range': 'price > 0'}"),
        (WithPattern, "WithPattern constrains the column 'price'"),
        (WithAnnotation, "WithAnnotation constrains the column 'price' by Gt(gt=0), which is not checked"),
        (WithBoth, "Write rules={'price_in_range': 'price > 0 and price < 9'}, and remove the constraints."),
        (WithSeveral, "the column 'price' by Ge(ge=0), the column 'name' by MinLen(min_length=2) and MaxLen(max_length=4), which are not"),
        (WithSeveral, "Write rules={'price_in_range': 'price >= 0', 'name_length': 'length(name) >= 2 and length(name) <= 4'}, and"),
        (WithMultiple, "Write rules={'price_in_range': 'price >= 0'}, the others as rules of their own, and remove the constraints."),
        (WithAlias, "WithAlias gives columns other names (price: Price), which are ignored"),
        (WithConfig, "WithConfig has model_config extra='forbid', str_min_length=1, which has no effect"),
        (WithValidator, "WithValidator has validators (must_be_even), which do not run"),
        (WithPostInit, "WithPostInit has validators (__post_init__)"),
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
        "count('7d'): '7d' is a duration, but the argument is a column. Write count().over('7d').",
    ),
    "a window for a sum": (
        lambda: sum_("30m"),
        "sum('30m'): '30m' is a duration, but the argument is a column. Write sum(column).over('30m').",
    ),
    "labels every half day of a daily source": (
        lambda: no_event(declare(Sale), within="7d", spine=every("12h", active="14d")),
        "labels every 12 hours do not fall on the ends of the source's partitions, which are days. Write every('1d', ...).",
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
