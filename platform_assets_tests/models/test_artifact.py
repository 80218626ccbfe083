import hashlib
import json
import os
import pickle
import signal
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from platform_assets.declare.model import at_least, not_worse_than_baseline
from platform_assets.errors import ModelError
from platform_assets.models.artifact import Provenance, load, read_record, save
from platform_assets.models.boosting import lightgbm_classifier
from platform_assets.models.content import content_hash
from platform_assets.models.train import Trained, train
from platform_assets.stores.location import storage_at
from platform_assets.stores.storage import Storage
from platform_assets_tests.lakes import on_disk

from .conftest import FEATURES, HORIZON, labelled_rows

FRAME = labelled_rows(1_000)
PROVENANCE = Provenance(declarations={"churn": "0a1b", "customer_spend": "9f8e"}, tables={"churn/training": 17}, code="c0de")

TRAIN_AND_SAVE = """
import sys
from datetime import timedelta
import polars as pl
from platform_assets.declare.model import at_least, not_worse_than_baseline
from platform_assets.models.artifact import Provenance, save
from platform_assets.models.boosting import lightgbm_classifier
from platform_assets.models.train import train
from platform_assets.stores.location import storage_at

def churn(data):
    return lightgbm_classifier(data, n_estimators=20)

trained = train(churn, pl.read_parquet(sys.argv[1]), name="churn", features=sys.argv[3].split(","), target="churned",
                horizon=timedelta(days=30), checks=[at_least("auc", 0.65), not_worse_than_baseline(tolerance=0.2)], seed=5)
provenance = Provenance(declarations={"customer_spend": "9f8e", "churn": "0a1b"}, tables={"churn/training": 17}, code="c0de")
print(save(trained, storage_at(sys.argv[2]), provenance))
"""

LOAD_AND_PREDICT = """
import sys
import polars as pl
from platform_assets.models.artifact import load
from platform_assets.stores.location import storage_at

load(storage_at(sys.argv[1])).predict(pl.read_parquet(sys.argv[2])).to_frame().write_parquet(sys.argv[3])
"""


def run(script: str, *arguments: object, **environment: str) -> str:
    command = [sys.executable, "-c", script, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=True, env={**os.environ, **environment}).stdout.strip()


@pytest.fixture(scope="module")
def trained() -> Trained:
    result = train(
        lambda data: lightgbm_classifier(data, n_estimators=20),
        FRAME,
        name="churn",
        features=FEATURES,
        target="churned",
        horizon=HORIZON,
        checks=[at_least("auc", 0.65), not_worse_than_baseline(tolerance=0.2)],
        seed=5,
    )
    assert isinstance(result, Trained)
    return result


@pytest.fixture
def models(home: str) -> Storage:
    return storage_at(f"{home}/models")


@pytest.fixture
def model(trained: Trained, models: Storage) -> Storage:
    return models.below(save(trained, models, PROVENANCE))


@pytest.fixture
def folder(model: Storage) -> Path:
    """Its files on disk, also of one in the object store."""
    return on_disk(model.uri)


def signed(folder: Path, change: Callable[[dict[str, object]], object]) -> None:
    """Rewrite the record as another version of the libraries, or a forger, would: with a hash that fits."""
    record = json.loads((folder / "record.json").read_bytes())
    change(record)
    content = json.dumps(record).encode()
    (folder / "record.json").write_bytes(content)
    (folder / "record.sha256").write_text(f"{hashlib.sha256(content).hexdigest()}  record.json\n")


def test_a_fresh_process_predicts_the_same(trained: Trained, model: Storage, tmp_path: Path) -> None:
    shuffled = FRAME.select(reversed(FRAME.columns))
    shuffled.write_parquet(tmp_path / "rows.parquet")
    run(LOAD_AND_PREDICT, model.uri, tmp_path / "rows.parquet", tmp_path / "answer.parquet", PYTHONHASHSEED="77")
    assert pl.read_parquet(tmp_path / "answer.parquet")["probability"].equals(trained.model.predict(FRAME))


@pytest.mark.slow
def test_two_processes_train_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    FRAME.write_parquet(tmp_path / "training.parquet")
    other = run(TRAIN_AND_SAVE, tmp_path / "training.parquet", tmp_path / "other", ",".join(FEATURES), PYTHONHASHSEED="77")
    assert other == folder.name
    assert (tmp_path / "other" / other / "pipeline.joblib").read_bytes() == (folder / "pipeline.joblib").read_bytes()


def test_the_record_pins_everything(trained: Trained, model: Storage) -> None:
    record = read_record(model)
    assert record == load(model).record
    assert record.name == "churn"
    assert next(iter(record.features.items())) == ("spend", "Float64")
    assert list(record.features) == FEATURES
    assert (record.cut, record.seen_until, record.horizon) == (trained.cut, trained.seen_until, HORIZON)
    assert record.outcomes_until <= record.cut < record.judged_until
    assert (record.kind, record.refit, record.gains) == ("binary", False, trained.gains)
    assert (record.counts, record.checks) == (trained.counts, trained.checks)
    assert (record.evaluation, record.baseline) == (trained.evaluation, trained.baseline)
    assert record.importance == trained.importance
    assert record.passed
    assert (record.declarations, record.tables, record.code) == (PROVENANCE.declarations, PROVENANCE.tables, PROVENANCE.code)
    assert record.content_hash == content_hash(FRAME.select("label_time", "churned", *FEATURES))
    assert set(record.libraries) == {"python", "joblib", "lightgbm", "numpy", "polars", "scikit-learn"}
    assert record.estimator == "lightgbm.sklearn.LGBMClassifier"
    assert record.pipeline_sha256 == hashlib.sha256(model.read("pipeline.joblib")).hexdigest()


def test_the_record_is_checked_by_sha256sum_too(folder: Path) -> None:
    assert (folder / "record.sha256").read_text() == f"{hashlib.sha256((folder / 'record.json').read_bytes()).hexdigest()}  record.json\n"


def test_saving_again_changes_nothing(trained: Trained, models: Storage, folder: Path) -> None:
    before = {path.name: path.stat().st_mtime_ns for path in [folder, *folder.iterdir()]}
    assert save(trained, models, PROVENANCE) == folder.name
    assert {path.name: path.stat().st_mtime_ns for path in [folder, *folder.iterdir()]} == before
    assert list(folder.parent.iterdir()) == [folder]


def test_another_data_version_is_another_folder(trained: Trained, models: Storage, model: Storage) -> None:
    other = save(trained, models, replace(PROVENANCE, tables={"churn/training": 18}))
    assert not model.uri.endswith(other)
    assert load(model).record.tables == {"churn/training": 17}


def test_many_saves_at_once_leave_one_whole_model(trained: Trained, models: Storage) -> None:
    with ThreadPoolExecutor(8) as pool:
        [name] = set(pool.map(lambda _: save(trained, models, PROVENANCE), range(24)))
    assert models.files().keys() == {f"{name}/{file}" for file in ("pipeline.joblib", "record.json", "record.sha256")}
    assert load(models.below(name)).predict(FRAME).equals(trained.model.predict(FRAME))


@pytest.mark.slow
@pytest.mark.parametrize("written", [1, 2])
def test_a_process_killed_while_saving_leaves_no_model_and_the_next_save_succeeds(
    model: Storage, models: Storage, tmp_path: Path, written: int
) -> None:
    FRAME.write_parquet(tmp_path / "training.parquet")
    # Killed before it writes the second or the third file.
    killed = f"""
import itertools, os, signal
from platform_assets.stores import folder, object_store
count = itertools.count()
def dies(write):
    return lambda *given: write(*given) if next(count) < {written} else os.kill(os.getpid(), signal.SIGKILL)
folder.Folder.write, object_store.Bucket.write = dies(folder.Folder.write), dies(object_store.Bucket.write)
"""
    other = models.below("other")
    with pytest.raises(subprocess.CalledProcessError) as raised:
        run(killed + TRAIN_AND_SAVE, tmp_path / "training.parquet", other.uri, ",".join(FEATURES))
    assert raised.value.returncode == -signal.SIGKILL
    assert len(other.files()) == written
    name = on_disk(model.uri).name
    with pytest.raises(ModelError, match="there is no complete model"):
        load(other.below(name))
    assert run(TRAIN_AND_SAVE, tmp_path / "training.parquet", other.uri, ",".join(FEATURES)) == name
    assert len(load(other.below(name)).predict(FRAME)) == 1_000


class Mine:
    """What a malicious or damaged pickle could do: write a file when it is read."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (self.path,)


def damage_by_truncation(folder: Path) -> None:
    file = folder / "pipeline.joblib"
    file.write_bytes(file.read_bytes()[:-100])


def damage_by_one_bit(folder: Path) -> None:
    content = bytearray((folder / "pipeline.joblib").read_bytes())
    content[len(content) // 2] ^= 1
    (folder / "pipeline.joblib").write_bytes(content)


def damage_by_another_pickle(folder: Path) -> None:
    (folder / "pipeline.joblib").write_bytes(pickle.dumps(Mine(folder / "was-executed")))


def damage_by_a_better_score(folder: Path) -> None:
    record = json.loads((folder / "record.json").read_bytes())
    record["evaluation"]["auc"] = 0.99
    (folder / "record.json").write_text(json.dumps(record))


def damage_by_half_a_record(folder: Path) -> None:
    content = (folder / "record.json").read_bytes()
    (folder / "record.json").write_bytes(content[: len(content) // 2])


def damage_by_an_empty_hash(folder: Path) -> None:
    (folder / "record.sha256").write_bytes(b"")


def damage_by_a_signed_record_of_another_pipeline(folder: Path) -> None:
    signed(folder, lambda record: record.update(pipeline_sha256="0" * 64))


DAMAGES = [value for name, value in list(globals().items()) if name.startswith("damage_by")]


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
def test_a_damaged_model_is_refused_before_it_is_executed(model: Storage, folder: Path, damage: Callable[[Path], None]) -> None:
    load(model)
    damage(folder)
    with pytest.raises(ModelError, match=r"is damaged: the SHA-256 of (pipeline\.joblib|record\.json) is wrong.*Train the model again"):
        load(model)
    with pytest.raises(ModelError, match="is damaged"):
        read_record(model)
    assert not (folder / "was-executed").exists()


def test_the_planted_pickle_would_have_been_executed(tmp_path: Path) -> None:
    """Or the test above proved nothing."""
    pickle.loads(pickle.dumps(Mine(tmp_path / "was-executed")))
    assert (tmp_path / "was-executed").exists()


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
def test_saving_again_repairs_a_damaged_model(
    trained: Trained, models: Storage, model: Storage, folder: Path, damage: Callable[[Path], None]
) -> None:
    damage(folder)
    assert save(trained, models, PROVENANCE) == folder.name
    assert load(model).predict(FRAME).equals(trained.model.predict(FRAME))
    assert list(folder.parent.iterdir()) == [folder]


@pytest.mark.parametrize("file", ["pipeline.joblib", "record.json", "record.sha256"])
def test_a_missing_file_is_named(model: Storage, folder: Path, file: str) -> None:
    (folder / file).unlink()
    with pytest.raises(ModelError, match=f"there is no complete model in .*: {file} is missing"):
        load(model)


def test_a_model_of_another_scikit_learn_is_refused_with_both_versions(model: Storage, folder: Path) -> None:
    signed(folder, lambda record: record["libraries"].update({"scikit-learn": "0.24.2"}))
    with pytest.raises(ModelError, match=r"trained with scikit-learn 0\.24\.2, but 1\..*train the model again"):
        load(model)
    assert read_record(model).libraries["scikit-learn"] == "0.24.2"


def test_a_record_of_another_format_is_refused(model: Storage, folder: Path) -> None:
    signed(folder, lambda record: record.pop("counts"))
    with pytest.raises(ModelError, match=r"does not match this version of the platform \(counts: Field required\)"):
        load(model)


def test_a_loaded_model_names_the_column_it_misses(model: Storage) -> None:
    with pytest.raises(ModelError, match="model 'churn' was trained on 'spend', which the frame to predict does not have"):
        load(model).predict(FRAME.drop("spend"))


class Halves:
    """An estimator of one's own, in a module that can be imported."""

    def predict_proba(self, features: pl.DataFrame) -> np.ndarray:
        return np.full((features.height, 2), 0.5)


def test_an_estimator_of_ones_own_is_saved(trained: Trained, models: Storage) -> None:
    model = models.below(save(replace(trained, model=replace(trained.model, estimator=Halves())), models, PROVENANCE))
    assert load(model).predict(FRAME).unique().to_list() == [0.5]
    assert read_record(model).estimator == f"{__name__}.Halves"


def test_a_model_whose_module_is_gone_names_it(trained: Trained, tmp_path: Path) -> None:
    models = storage_at(str(tmp_path))
    name = save(replace(trained, model=replace(trained.model, estimator=Halves())), models, PROVENANCE)
    FRAME.write_parquet(tmp_path / "rows.parquet")
    gone = f"import sys\nsys.modules[{__name__!r}] = None\n"
    with pytest.raises(subprocess.CalledProcessError) as raised:
        run(gone + LOAD_AND_PREDICT, tmp_path / name, tmp_path / "rows.parquet", tmp_path / "answer.parquet")
    assert f"with estimator {__name__}.Halves cannot be unpickled here: ModuleNotFoundError" in raised.value.stderr


def test_a_class_that_no_other_process_could_load_is_refused(trained: Trained, tmp_path: Path) -> None:
    class Local(Halves):
        pass

    with pytest.raises(ModelError, match="Local is defined in a script, a notebook or a function: other processes cannot import it"):
        save(replace(trained, model=replace(trained.model, estimator=Local())), storage_at(str(tmp_path)), PROVENANCE)
    assert list(tmp_path.iterdir()) == []


def test_an_estimator_that_cannot_be_pickled_is_refused(trained: Trained, tmp_path: Path) -> None:
    estimator = Halves()
    estimator.lock = (value for value in ())  # type: ignore[attr-defined]
    with pytest.raises(ModelError, match=r"its Halves cannot be pickled: .*generator"):
        save(replace(trained, model=replace(trained.model, estimator=estimator)), storage_at(str(tmp_path)), PROVENANCE)
