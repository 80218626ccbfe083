"""The request columns for on-demand features: checked, and converted for expressions."""

import numbers
from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any

from platform_assets.declare.training import FeatureService
from platform_assets.errors import OnlineError, suggestion
from platform_assets.expressions.types import DataType

Request = dict[str, Any]
"""The values of a service's request columns in one row."""


def reading_request(service: FeatureService) -> Callable[[Mapping[str, Any]], Request]:
    """The function that extracts the service's request columns from a row. None stays None; integers are accepted as floats.

    Raises:
        OnlineError: a column is missing, or its value has another type than declared.
    """
    columns = [(column, dtype, _READ[dtype]) for column, dtype in service.request.items()]

    def requested(row: Mapping[str, Any]) -> Request:
        found = {}
        for column, dtype, read in columns:
            if column not in row:
                raise OnlineError(f"feature service {service.name!r}: the request has no {column!r}. {suggestion(column, row)}")
            value = row[column]
            try:
                found[column] = None if value is None else read(value)
            except (TypeError, OverflowError):
                raise _wrong(service, column, dtype, value) from None
        return found

    return requested


def _wrong(service: FeatureService, column: str, dtype: DataType, value: Any) -> OnlineError:
    is_naive = isinstance(value, datetime) and dtype == "datetime"
    fix = "Give it a time zone: value.replace(tzinfo=UTC)." if is_naive else "Convert it first."
    return OnlineError(
        f"feature service {service.name!r}: the request's {column!r} is {dtype}, but has the value {value!r}, a {type(value).__name__}. "
        f"{fix}"
    )


def _int(value: Any) -> int:
    # The first check avoids the abstract class, which would take longer than everything else.
    if type(value) is not int and (not isinstance(value, numbers.Integral) or isinstance(value, bool)):
        raise TypeError
    whole = int(value)  # NumPy's integers wrap around
    if not -(2**63) <= whole < 2**63:
        raise OverflowError
    return whole


def _float(value: Any) -> float:
    if type(value) is not float and (not isinstance(value, numbers.Real) or isinstance(value, bool)):
        raise TypeError
    return float(value)


def _datetime(value: Any) -> datetime:
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise TypeError
    return value


def _date(value: Any) -> date:
    if not isinstance(value, date) or isinstance(value, datetime):
        raise TypeError
    return value


def _of(kind: type) -> Callable[[Any], Any]:
    def read(value: Any) -> Any:
        if not isinstance(value, kind):
            raise TypeError
        return value

    return read


_READ: dict[DataType, Callable[[Any], Any]] = {
    "int": _int,
    "float": _float,
    "str": _of(str),
    "bool": _of(bool),
    "datetime": _datetime,
    "date": _date,
}
