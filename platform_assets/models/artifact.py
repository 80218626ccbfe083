"""A trained model in the lake: a folder that never changes once it is written.

    <lake>/_platform/models/<name>/<first 16 hex digits of the SHA-256 of record.json>/
        pipeline.joblib     preparation and estimator, pickled
        record.sha256       of record.json, as `sha256sum --check` reads it
        record.json         the model, its inputs and its scores; the SHA-256 of pipeline.joblib

The folder's name is derived from its content: the same training writes the same folder, so a rerun changes nothing, and concurrent runs
cannot mix. Each file is written atomically, the record last, and all hashes are verified before a model is used: what a killed
process leaves behind is not a model, and the next save completes it. No rename is needed, which object stores do not have.

It uses pickle, through joblib, because an estimator may come from any library, or be your own. skops loads without executing code, but
needs a list of trusted types for every library that an estimator may come from. So: **loading executes what the file holds.** The hashes
show damage, not malice (anyone who can write the folder can write the hashes): load only from locations that only your platform writes to.
"""

import hashlib
import io
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib.metadata import version
from typing import Literal

import polars as pl
from pydantic import TypeAdapter, ValidationError

from platform_assets.declare.labels import Kind
from platform_assets.errors import ModelError, extra
from platform_assets.models.calibration import Calibration
from platform_assets.models.checks import CheckResult
from platform_assets.models.fitted import FittedModel
from platform_assets.models.metrics import Evaluation, Gain
from platform_assets.models.preparation import Encoding
from platform_assets.models.train import Counts, Trained
from platform_assets.stores.storage import Storage

with extra("models"):
    import joblib

PIPELINE, RECORD, RECORD_HASH = "pipeline.joblib", "record.json", "record.sha256"
LIBRARIES = ("joblib", "lightgbm", "numpy", "polars", "scikit-learn")


@dataclass(frozen=True)
class Provenance:
    """The facts about a training that only the caller knows.

    declarations: declaration -> version. tables: table ("churn/training") -> Delta version read. code: hash of the model's function.
    """

    declarations: Mapping[str, str]
    tables: Mapping[str, int]
    code: str


@dataclass(frozen=True)
class Record:
    """Everything that a model depends on, and its scores. It contains no time of writing and no run id: the same training gives the same
    record.

    features: names and Polars types, in order. importance: the score lost without each feature. libraries: versions, including Python's.
    seen_until: the last label time that the model was fitted to; outcomes_until: the end of that label's interval; judged_until: the same
    for the last label it was evaluated on. refit: whether it was then fitted once more, to all labels. calibration: the correction of its
    probabilities, if declared.
    """

    format: Literal[2]
    name: str
    features: dict[str, str]
    target: str
    label_time: str
    horizon: timedelta
    kind: Kind
    classes: tuple[str | int, ...]
    cut: datetime
    seen_until: datetime
    outcomes_until: datetime
    judged_until: datetime
    refit: bool
    seed: int
    encoding: Encoding
    estimator: str
    counts: Counts
    evaluation: Evaluation
    baseline: Evaluation
    gains: dict[str, Gain]
    checks: tuple[CheckResult, ...]
    importance: dict[str, float]
    declarations: dict[str, str]
    tables: dict[str, int]
    code: str
    content_hash: str
    libraries: dict[str, str]
    pipeline_sha256: str
    calibration: Calibration | None = None

    @property
    def passed(self) -> bool:
        return all(check.passed for check in self.checks if check.required)


_RECORD = TypeAdapter(Record)


@dataclass(frozen=True)
class LoadedModel:
    """A loaded model with its record."""

    record: Record
    model: FittedModel

    def predict(self, frame: pl.DataFrame) -> pl.Series:
        """See FittedModel.predict: columns are found by name and checked by type; a missing one is named."""
        return self.model.predict(frame)


def save(trained: Trained, root: Storage, provenance: Provenance) -> str:
    """Writes a model under `root` and returns its folder's name. Saving the same model again changes nothing; damaged files are replaced.

    Raises a ModelError if the estimator cannot be pickled, or another process could not import its class.
    """
    pipeline = _pickled(trained.model)
    record = _RECORD.dump_json(_record(trained, provenance, _sha256(pipeline)), indent=2)
    name = _sha256(record)[:16]
    folder = root.below(name)
    try:
        _intact(folder)
    except ModelError:
        folder.write(PIPELINE, pipeline)
        folder.write(RECORD_HASH, f"{_sha256(record)}  {RECORD}\n".encode())
        folder.write(RECORD, record)
    return name


def load(folder: Storage) -> LoadedModel:
    """Loads a model for predictions. **This executes the pickle in it**: load only models that your platform wrote.

    The hashes are verified before anything is unpickled. Raises a ModelError if a file is missing, truncated or modified, if
    scikit-learn has another minor version than in training (its pickles are not compatible across them), or if the estimator's
    module is missing.
    """
    record, pipeline = _intact(folder)
    trained_with, here = record.libraries["scikit-learn"], version("scikit-learn")
    if trained_with.split(".")[:2] != here.split(".")[:2]:
        raise ModelError(
            f"model {record.name!r} in {folder.uri} was trained with scikit-learn {trained_with}, but {here} is installed. "
            "Install that version, or train the model again."
        )
    try:
        model = joblib.load(io.BytesIO(pipeline))
    except Exception as error:
        what = f"{type(error).__name__}: {error}"
        raise ModelError(
            f"model {record.name!r} in {folder.uri} with estimator {record.estimator} cannot be unpickled here: {what}"
        ) from error
    return LoadedModel(record, model)


def read_record(folder: Storage) -> Record:
    """A model's record, without unpickling the model; hashes are verified as in load."""
    return _intact(folder)[0]


def _intact(folder: Storage) -> tuple[Record, bytes]:
    """The record and the pickle of an artifact, as verified bytes."""
    record, record_hash, pipeline = (_read(folder, name) for name in (RECORD, RECORD_HASH, PIPELINE))
    if record_hash.split()[:1] != [_sha256(record).encode()]:
        raise _damaged(folder, RECORD)
    try:
        parsed = _RECORD.validate_json(record)
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, problem['loc']))}: {problem['msg']}" for problem in error.errors())
        raise ModelError(
            f"the record of the model in {folder.uri} does not match this version of the platform ({problems}). Train the model again."
        ) from None
    if parsed.pipeline_sha256 != _sha256(pipeline):
        raise _damaged(folder, PIPELINE)
    return parsed, pipeline


def _read(folder: Storage, name: str) -> bytes:
    try:
        return folder.read(name)
    except (FileNotFoundError, NotADirectoryError):
        raise ModelError(f"there is no complete model in {folder.uri}: {name} is missing. Train the model again.") from None


def _damaged(folder: Storage, file: str) -> ModelError:
    return ModelError(
        f"the model in {folder.uri} is damaged: the SHA-256 of {file} is wrong. It was not loaded. "
        "Train the model again, or restore the folder."
    )


def _pickled(model: FittedModel) -> bytes:
    kind = type(model.estimator)
    if kind.__module__ == "__main__" or "<locals>" in kind.__qualname__:
        raise ModelError(
            f"model {model.name!r}: its estimator's class {kind.__qualname__} is defined in a script, a notebook or a function: "
            "other processes cannot import it. Move the class to a module."
        )
    file = io.BytesIO()
    try:
        joblib.dump(model, file)
    except Exception as error:
        raise ModelError(f"model {model.name!r}: its {kind.__qualname__} cannot be pickled: {error}") from error
    return file.getvalue()


def _record(trained: Trained, provenance: Provenance, pipeline_sha256: str) -> Record:
    kind = type(trained.model.estimator)
    return Record(
        format=2,
        name=trained.model.name,
        features=trained.features,
        target=trained.target,
        label_time=trained.label_time,
        horizon=trained.horizon,
        cut=trained.cut,
        kind=trained.model.kind,
        classes=trained.model.classes,
        seen_until=trained.seen_until,
        outcomes_until=trained.outcomes_until,
        judged_until=trained.judged_until,
        refit=trained.refit,
        seed=trained.seed,
        encoding=trained.model.preparation.encoding,
        estimator=f"{kind.__module__}.{kind.__qualname__}",
        counts=trained.counts,
        evaluation=trained.evaluation,
        baseline=trained.baseline,
        gains=trained.gains,
        checks=trained.checks,
        importance=trained.importance,
        declarations=dict(sorted(provenance.declarations.items())),
        tables=dict(sorted(provenance.tables.items())),
        code=provenance.code,
        content_hash=trained.content_hash,
        libraries={"python": platform.python_version(), **{library: version(library) for library in LIBRARIES}},
        pipeline_sha256=pipeline_sha256,
        calibration=trained.model.calibration,
    )


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
