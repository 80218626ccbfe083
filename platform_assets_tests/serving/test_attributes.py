"""A service of features and attributes, with a feature on demand that reads both: offline = online = the oracle."""

from datetime import timedelta
from pathlib import Path
from random import Random

import polars as pl

from platform_assets import FeatureService, historical_features, on_demand, online_features
from platform_assets.engines import reference
from platform_assets.steps.online import make_online
from platform_assets.steps.silver import silver_table
from platform_assets.stores.online.client import OnlineClient
from platform_assets.stores.online.connection import OnlineStore
from platform_assets.stores.valkey import EmbeddedValkey
from platform_assets.testing.equality import require_same_rows
from platform_assets_tests.steps.business import DAYS, START, deliver
from platform_assets_tests.steps.members import Members, enrol

USERS = ("ada", "bob", "cy", "dee", "nobody", None)


def test_a_request_gets_offline_what_it_gets_online_and_what_the_contract_says(tmp_path: Path) -> None:
    business = Members(tmp_path / "lake", declared={"accepted_share": 0.0}, of_members={"accepted_share": 0.0})
    deliver(business, Random(4))
    enrol(business, Random(4))
    business.make_range()
    business.make_members()
    service = FeatureService(
        "known",
        [business.view, business.profile],
        on_demand=[
            on_demand("points_each", "points / (count_3d + more)", request={"more": int}),
            on_demand("on_tariff", "tariff is not null"),
        ],
    )
    partitions = business.source.partitions
    index = {partitions.value(p): p for p in range(business.first, business.last + 1)}
    silver = {
        source.name: [{**row, "arrival": index[row["arrival"]]} for row in business.lake.scan(silver_table(source)).collect().to_dicts()]
        for source in (business.source, business.members)
    }
    logs = {
        business.view.name: reference.change_log(business.view, silver["sales"], business.first, business.last),
        business.profile.name: reference.attributes_log(business.profile, silver["members"], business.first, business.last),
    }
    times = [START + timedelta(days=day, microseconds=off) for day in range(DAYS + 1) for off in (-1, 0)]
    labels = [{"user": user, "label_time": at, "more": more} for at in times for user in USERS for more in (1, None)]
    frame = pl.DataFrame(labels, schema={"user": pl.String, "label_time": pl.Datetime("us", "UTC"), "more": pl.Int64})
    expected = reference.point_in_time(service, logs, labels)
    offline = historical_features(service, frame, lake=business.lake)
    require_same_rows("offline", expected, offline.frame.to_dicts())
    assert len({row["points_each"] for row in expected}) > 4
    assert offline.null_keys == {"spending": len(times) * 2, "profile": len(times) * 2}

    newest = [row for row in expected if row["label_time"] == times[-1]]
    with EmbeddedValkey(tmp_path / "valkey") as server:
        for view in service.views:
            make_online(view, business.run(), OnlineStore(server.url, "members"))
        asked = [{"user": row["user"], "more": row["more"]} for row in newest]
        online = online_features(service, asked, OnlineClient(server.url, "members"), now=times[-1])
    require_same_rows("online", [{name: row[name] for name in service.features} for row in newest], online.rows)
