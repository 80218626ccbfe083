"""Converts features to the numbers that an estimator reads; fitted on the training split, then applied to any rows.

| a feature that is | becomes |
|---|---|
| a number, a boolean, a duration | the median where null (0 if all are null); then scaled to mean 0, deviation 1 |
| a time | its age at the row's own time, as a duration; then as above. Its date would only tell training from test |
| null somewhere in the training split | besides, `is_missing(feature)`: 0 or 1 |
| a text, `ordinal` | a code: 0 if training did not see it; a null has its own; all beyond the 254 most frequent share one |
| a text, `one_hot` | `feature(category)`: 0 or 1 for each of the 50 most frequent; not seen in training: all 0, or as the infrequent ones |

NaN and infinities count as null. Nothing is learnt before `fit`: the Polars steps work row by row.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import polars as pl

from platform_assets.errors import ModelError, extra
from platform_assets.models.split import UTC_TIME

with extra("models"):
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import MissingIndicator, SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, OrdinalEncoder, StandardScaler

Kind = Literal["number", "boolean", "text", "time", "duration", "nothing"]
Encoding = Literal["ordinal", "one_hot"]

MOST_CODES = 255  # LightGBM bins a categorical column into 255
MOST_COLUMNS = 50


def kind_of(dtype: pl.DataType) -> Kind | None:
    """How a column of this type is prepared; None if models cannot read it (lists, structs, binaries, local times)."""
    if dtype.is_numeric():
        return "number"
    if isinstance(dtype, pl.Boolean):
        return "boolean"
    if isinstance(dtype, pl.String | pl.Categorical | pl.Enum):
        return "text"
    if isinstance(dtype, pl.Date) or (isinstance(dtype, pl.Datetime) and dtype.time_zone == "UTC"):
        return "time"
    if isinstance(dtype, pl.Duration):
        return "duration"
    return "nothing" if isinstance(dtype, pl.Null) else None


def kinds_of(frame: pl.DataFrame, features: Sequence[str], where: str) -> dict[str, Kind]:
    """The kinds of these columns, in this order; an error for the first one that a model cannot read."""
    kinds = {}
    for feature in features:
        kind = kind_of(frame.schema[feature])
        if kind is None:
            raise ModelError(
                f"{where}, feature {feature!r}: its type is {frame.schema[feature]}; "
                "models read numbers, booleans, strings, UTC times and durations. "
                "Leave it out of the features, or derive one of these from it."
            )
        kinds[feature] = kind
    return kinds


@dataclass(frozen=True)
class Preparation:
    """A preparation, fitted only to the rows passed to `fit`.

    kinds: the features it reads, in order. label_time: the column with the row's time; read only if a feature is a time.
    """

    kinds: Mapping[str, Kind]
    label_time: str
    encoding: Encoding
    transformer: Any

    @property
    def reads_time(self) -> bool:
        return "time" in self.kinds.values()

    def apply(self, frame: pl.DataFrame) -> pl.DataFrame:
        """The prepared rows, in the given order: always the same Float64 columns, without nulls."""
        prepared: pl.DataFrame = self.transformer.transform(_readings(frame, self.kinds, self.label_time))
        return prepared.cast(pl.Float64)

    def feature_of(self, column: str) -> str:
        """The feature that a prepared column was made from."""
        return next(feature for feature in self.kinds if column in (feature, f"is_missing({feature})") or column.startswith(f"{feature}("))

    def is_code(self, column: str) -> bool:
        """Whether a prepared column holds text codes, whose order has no meaning."""
        return self.encoding == "ordinal" and self.kinds.get(column) == "text"


def fit_preparation(frame: pl.DataFrame, kinds: Mapping[str, Kind], label_time: str, encoding: Encoding) -> Preparation:
    """Learns medians, scales and categories from these rows.

    encoding: `ordinal` for trees, `one_hot` for linear models.
    """
    numbers = [feature for feature, kind in kinds.items() if kind != "text"]
    texts = [feature for feature, kind in kinds.items() if kind == "text"]
    steps = [
        ("number", make_pipeline(SimpleImputer(strategy="median", keep_empty_features=True), StandardScaler()), numbers),
        ("missing", MissingIndicator(features="missing-only", error_on_new=False), numbers),
        ("text", _ordinal() if encoding == "ordinal" else _one_hot(), texts),
    ]
    transformer = ColumnTransformer([step for step in steps if step[2]], verbose_feature_names_out=_name).set_output(transform="polars")
    transformer.fit(_readings(frame, kinds, label_time))
    return Preparation(kinds, label_time, encoding, transformer)


def _readings(frame: pl.DataFrame, kinds: Mapping[str, Kind], label_time: str) -> pl.DataFrame:
    """Each feature as Float64 or String, row by row."""
    return frame.select(_reading(feature, kind, label_time).alias(feature) for feature, kind in kinds.items())


def _reading(feature: str, kind: Kind, label_time: str) -> pl.Expr:
    column = pl.col(feature)
    if kind == "text":
        return column.cast(pl.String)
    if kind == "time":
        column = pl.col(label_time).cast(UTC_TIME) - column.cast(UTC_TIME)
    if kind in ("time", "duration"):
        # Not in seconds: it is scaled later, and Polars' division of a column and of a single value differs in the last digits.
        return column.cast(pl.Duration("us")).dt.total_microseconds().cast(pl.Float64)
    number = column.cast(pl.Float64)
    return pl.when(number.is_finite()).then(number)


def _ordinal() -> Any:
    encoder = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1, max_categories=MOST_CODES)
    return make_pipeline(encoder, FunctionTransformer(_from_zero, feature_names_out="one-to-one"))


def _one_hot() -> Any:
    return OneHotEncoder(
        handle_unknown="infrequent_if_exist", sparse_output=False, max_categories=MOST_COLUMNS, feature_name_combiner=_category_name
    )


# These three are pickled by name: they must stay importable from here.
def _from_zero(codes: pl.DataFrame) -> pl.DataFrame:
    """Shifts codes to start at 0: LightGBM treats negative codes as missing values."""
    return codes.select(pl.all() + 1)


def _category_name(feature: str, category: object) -> str:
    return f"{feature}({category})"


def _name(step: str, column: str) -> str:
    return f"is_missing({column.removeprefix('missingindicator_')})" if step == "missing" else column
