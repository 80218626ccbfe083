"""The tiny business with all that may follow from it: a training set, a model, predictions, the online store."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

from platform_assets import (
    Estimator,
    FeatureService,
    FeatureView,
    GoldTable,
    TrainingData,
    TrainingSet,
    any_event,
    at_least,
    count,
    every,
    mode,
    model,
    sum,
)
from platform_assets import first as earliest
from platform_assets import last as newest
from platform_assets.declare.checkpoints import months_of
from platform_assets.serving.plan import layout_of
from platform_assets.steps import stale_tables
from platform_assets.steps.checkpoints import make_checkpoints
from platform_assets.steps.gold import make_change_log
from platform_assets.steps.model import make_model, make_predictions
from platform_assets.steps.online import make_online, stale_online
from platform_assets.steps.replay import Chosen, Repair, replay, values_of
from platform_assets.steps.run import Done, stretches
from platform_assets.steps.training import make_training
from platform_assets.stores.ledger import Entry
from platform_assets.stores.online.connection import OnlineStore
from platform_assets_tests.steps.business import DAYS, START, Business

ALL_LAYERS = ("raw", "silver", "gold", "checkpoints", "history", "report", "training", "model", "predictions", "online")
TABLES = [
    *(("sales", layer) for layer in ("raw", "silver", "quarantine")),
    ("spending", "gold"),
    *(("history", layer) for layer in ("checkpoints", "gold")),
    ("takings", "gold"),
    *(("coming", layer) for layer in ("training", "model", "predictions")),
]
USERS = 90


class Redeclared:
    sale_id: str
    user: str | None
    at: datetime
    amount: float


REDECLARED: dict[str, Any] = {"schema": Redeclared, "flags": {"small": "amount < 5"}}


class Pipeline(Business):
    """A business over a lake, a folder of models and, if it is given one, an online store."""

    def __init__(self, home: Path | str, store: OnlineStore | None = None, *, redeclared: bool = False, key: str = "user") -> None:
        """redeclared: a column of each table has another type, others are gone, renamed or new. key: the entity's, of the column `user`."""
        super().__init__(f"{home}/lake", declared={"accepted_share": 0.5, **(REDECLARED if redeclared else {})}, key=key)
        lifetimes = [count().over("1d", "lifetime"), earliest("amount").over("lifetime"), mode("amount").over("lifetime")]
        if redeclared:
            features = [count().over("1d"), count().over("3d").named("amount_sum_3d"), newest("amount").over("3d").named("newest")]
            self.view = FeatureView("spending", entity=self.entity, source=self.source, online=True, features=features, keys=self.keys)
            measures = [sum("amount").named("sales"), count().named("number")]
            self.report = GoldTable("takings", source=self.source, measures=measures)
            lifetimes = [count().over("1d"), earliest("sale_id").over("lifetime").named("amount_first_lifetime")]
        self.home, self.store = home, store
        self.history = FeatureView(
            "history",
            entity=self.entity,
            source=self.source,
            features=lifetimes,
            keys=self.keys,
        )
        labels = any_event(self.source, within="1d", spine=every("1d", active="3d"), keys=self.keys)
        self.training = TrainingSet("coming", features=FeatureService("habits", [self.view]), labels=labels)

        @model(self.training, checks=[at_least("auc", 0.0)])
        def coming(train: TrainingData) -> Estimator:
            from sklearn.tree import DecisionTreeClassifier

            return DecisionTreeClassifier(max_depth=2, random_state=train.seed).fit(train.features, train.target)

        self.model = coming

    def make(self, table: str, first: int, last: int) -> Done:
        run = self.run()
        if table == "training":
            return make_training(self.training, first, last, run)
        if table == "model":
            return make_model(self.model, first, last, run)
        if table == "predictions":
            return make_predictions(self.model, first, last, run)
        if table == "checkpoints":
            return make_checkpoints(self.history, first, last, run)
        if table == "history":
            return make_change_log(self.history, first, last, run)
        return super().make(table, first, last)

    def stale(self, table: str) -> list[int]:
        run, months = self.run(), self.training.partitions
        assert months.last is not None
        if table == "training":
            return list(stale_tables.stale_training(self.training, months.first, months.last, run))
        if table == "model":
            return list(stale_tables.stale_models(self.model, months.first, months.last, run))
        if table == "predictions":
            return stale_tables.predictions_out_of_date(self.model, self.first, self.last, run)
        if table == "checkpoints":
            kept = months_of(self.history)
            assert kept.last is not None
            return list(stale_tables.stale_checkpoints(self.history, kept.first, kept.last, run))
        if table == "history":
            return list(stale_tables.stale_gold(self.history, self.first, self.last, run))
        if table == "online":
            assert self.store is not None
            return stale_online(self.view, self.first, self.last, run, self.store)
        return super().stale(table)

    def bring_up(self, *layers: str) -> None:
        """Makes what is stale of these layers, a range run for each stretch of partitions, as automation does."""
        for layer in layers:
            if layer == "replay":
                replay(self.source, Chosen(), Repair(values_of(self.source, ["amount = -amount"])), self.run(), by="ada", why="signs")
                continue
            if layer == "online":
                assert self.store is not None
                if self.stale(layer):
                    make_online(self.view, self.run(), self.store)
                continue
            for first, last in stretches(self.stale(layer)):
                self.make(layer, first, last)

    def state(self, exact: bool = True) -> dict[str, Any]:
        """All that readers can see, without runs, Delta versions and times of writing.

        exact: with what Delta versions are written into: names of models (they have read one), values and marks of the online store.
        """
        runs = ("run",) if exact else ("run", "artifact")
        tables = {"/".join(table): self._rows(table, runs) for table in TABLES if self.lake.exists(table)}
        return {**tables, **self.ledger(), "models": self._models() if exact else None, "online": self._online(exact)}

    def ledger(self) -> dict[str, dict[str, tuple[Any, ...]]]:
        run = self.run()
        return {f"{name} in the ledger": {key: _said(e) for key, e in run.ledger.entries(name).items()} for name in map("/".join, TABLES)}

    def _rows(self, table: tuple[str, str], runs: tuple[str, ...]) -> list[tuple[Any, ...]]:
        frame = self.lake.scan(table).collect()
        return sorted(frame.select(sorted(column for column in frame.columns if column not in runs)).rows(), key=repr)

    def _models(self) -> dict[str, str]:
        """Every file under the models' folder that has a name people see, by its content."""
        models = self.lake.models
        return {name: hashlib.sha256(models.read(name)).hexdigest() for name in models.files() if "/." not in name}

    def _online(self, exact: bool) -> dict[str, Any]:
        if self.store is None:
            return {}
        layout = layout_of(self.view)
        with self.store.session() as session:
            keys = sorted(session.call("KEYS", f"{self.store.project}:*"))
            fields = dict(zip(keys, (session.call("HGETALL", key) for key in keys), strict=True))
        found = {key.decode().removeprefix(self.store.project): _without_size(hashed) for key, hashed in fields.items()}
        if exact:
            return found
        rows, valid_from = layout.unpack([hashed.get(layout.field) for hashed in found.values()])
        return {key: (row, at) for key, row, at in zip(found, rows, valid_from, strict=True) if at is not None}


def _without_size(hashed: dict[bytes, bytes]) -> dict[bytes, bytes]:
    """A hash without how many keys the database had: other projects have theirs in it."""
    return {field: value.rpartition(b" ")[0] if field.endswith(b" complete") else value for field, value in hashed.items()}


def _said(entry: Entry) -> tuple[Any, ...]:
    details = {
        name: said for name, said in entry.details.items() if name not in ("read", "read_from", "rows_since", "artifact", "withdrawn")
    }
    return entry.rows, entry.status, entry.tier, entry.declaration_version, repr(sorted(details.items()))


def delivered(pipeline: Pipeline, seed: int = 1) -> None:
    """Days of ninety users who come more or less often, with copies, late rows and rows that break a rule."""
    random, number = Random(seed), 0
    for day in range(DAYS):
        rows: list[dict[str, Any]] = []
        for user in range(USERS):
            if random.random() < 0.3 + 0.6 * (user % 3 == 0):
                number += 1
                at = START + timedelta(days=day - (random.random() < 0.1), hours=random.randint(0, 23))
                amount = random.choice(["1.5", "20", "75", "75", "-1"]) if random.random() < 0.3 else "4.25"
                rows.append({"sale_id": str(number), "user": f"user{user}", "at": at.isoformat(), "amount": amount})
        pipeline.deliveries[pipeline.day(day)] = [*rows, rows[0]]


def corrected(pipeline: Pipeline) -> None:
    """Other editions of the fourth and the seventh day: other amounts, rows less, a user who comes then only, and two who came are gone."""
    for number in (3, 6):
        key = pipeline.day(number)
        rows = [{**row, "amount": "11"} for row in pipeline.deliveries[key] or []]
        pipeline.deliveries[key] = [*rows[2:], {**rows[0], "sale_id": f"900{number}", "user": "once"}]


def withdrawn(pipeline: Pipeline) -> None:
    """Another edition of the last day, of which nearly nothing can be accepted: what was made of the earlier one is taken back."""
    key = pipeline.day(DAYS - 1)
    pipeline.deliveries[key] = [{**row, "amount": "much"} for row in pipeline.deliveries[key] or []]


def typed(pipeline: Pipeline) -> None:
    """Other editions of two days, with a column that nobody declared: of numbers, and of texts."""
    for number, shelf in ((0, 7), (1, "B 7")):
        key = pipeline.day(number)
        pipeline.deliveries[key] = [{**row, "shelf": shelf} for row in pipeline.deliveries[key] or []]


EDITIONS: Mapping[str, Sequence[Callable[[Pipeline], None]]] = {
    "new": [],
    "corrected": [corrected],
    "withdrawn": [corrected, withdrawn],
    "redeclared": [corrected, withdrawn],
    "typed": [corrected, withdrawn, typed],
}


def pipeline_with(home: Path | str, edition: str = "new", store: OnlineStore | None = None) -> Pipeline:
    """A pipeline whose days have been delivered, or delivered again."""
    pipeline = Pipeline(home, store, redeclared=edition == "redeclared")
    delivered(pipeline)
    for deliver_again in EDITIONS[edition]:
        deliver_again(pipeline)
    return pipeline
