"""Servers that are not what publishing needs: replicas, cluster nodes, other databases, users who may not, processes that died."""

import random
import shutil
import time
from pathlib import Path
from typing import Any

import pytest
import redis

from platform_assets.errors import OnlineError
from platform_assets.stores.online.client import OnlineClient
from platform_assets.stores.online.connection import OnlineStore
from platform_assets.stores.online.publish import publish, rebuild
from platform_assets.stores.valkey import EmbeddedValkey
from platform_assets_tests.stores.online.world import DAYS, ENTITIES, LAYOUT, NEVER, World, gold_of, stored

ASKED = [{"customer_id": entity} for entity in range(ENTITIES)]


def world_of_all() -> World:
    world = World(random.Random(0), is_change_log=True)
    while not world.as_of(len(world.versions) - 1, DAYS - 1) if world.versions else True:
        world.happen()
        world.write_all()
    return world


WORLD = world_of_all()
EXPECTED = WORLD.as_of(len(WORLD.versions) - 1, DAYS - 1)


def fill(store: OnlineStore) -> None:
    publish(store, LAYOUT, gold_of(WORLD), NEVER)


def totals(store: OnlineStore) -> dict[int, int]:
    rows = OnlineClient(store.url, store.project).reader([LAYOUT]).read(ASKED, NEVER).views["spend"].rows
    return {entity: total for entity, (total, _) in enumerate(rows) if entity in EXPECTED}


RIGHT = {entity: total for entity, (total, _) in EXPECTED.items()}


def port_of(server: EmbeddedValkey) -> str:
    return server.url.rsplit(":")[-1].split("/")[0]


def test_a_replica_is_read_and_not_written(tmp_path: Path) -> None:
    with EmbeddedValkey(tmp_path / "primary") as primary, EmbeddedValkey(tmp_path / "replica") as replica:
        fill(OnlineStore(primary.url))
        direct: Any = redis.Redis.from_url(replica.url)
        direct.replicaof("127.0.0.1", port_of(primary))
        while direct.info("replication").get("master_link_status") != "up":
            time.sleep(0.02)
        assert totals(OnlineStore(replica.url)) == RIGHT
        for act in (publish, rebuild):
            with pytest.raises(OnlineError, match=rf"is a replica.* its primary, 127\.0\.0\.1:{port_of(primary)}; reading from a replica"):
                act(OnlineStore(replica.url), LAYOUT, gold_of(WORLD), NEVER)
        assert totals(OnlineStore(replica.url)) == RIGHT, "nothing was removed"
        direct.replicaof("NO", "ONE")  # the primary is lost, and the replica takes over
        primary.kill()
        assert publish(OnlineStore(replica.url), LAYOUT, gold_of(WORLD), NEVER).values == 0
        assert stored(OnlineStore(replica.url)) == EXPECTED


def test_a_node_of_a_cluster_is_refused(tmp_path: Path) -> None:
    with EmbeddedValkey(tmp_path, {"cluster-enabled": "yes", "save": ""}) as server:
        store, direct = OnlineStore(server.url), redis.Redis.from_url(server.url)
        reader = OnlineClient(server.url).reader([LAYOUT])
        for has_slots in (False, True):
            with pytest.raises(OnlineError, match=r"redis://127.*a node of a cluster, which is not supported.*single server"):
                publish(store, LAYOUT, gold_of(WORLD), NEVER)
            if not has_slots:
                with pytest.raises(OnlineError, match="is a cluster, which is not supported: set PLATFORM_REDIS_URL to a single server"):
                    reader.read(ASKED, NEVER)
                direct.execute_command("CLUSTER", "ADDSLOTSRANGE", 0, 16383)
        assert direct.dbsize() == 0


def test_another_database_or_project_is_named(tmp_path: Path) -> None:
    with EmbeddedValkey(tmp_path, {"save": "", "databases": "2"}) as server:
        fill(OnlineStore(server.url))
        other = server.url.removesuffix("/0") + "/1"
        for url, project in ((other, "platform"), (server.url, "plattform")):
            with pytest.raises(OnlineError, match=rf"never published in the online store {url}.*\(project '{project}'\).*the database"):
                totals(OnlineStore(url, project))
        for act in (totals, fill):
            with pytest.raises(OnlineError, match=r"DB index is out of range\. The last number of PLATFORM_REDIS_URL is the database"):
                act(OnlineStore(server.url.removesuffix("/0") + "/2"))


def test_passwords_and_permissions(tmp_path: Path) -> None:
    with EmbeddedValkey(tmp_path, {"save": ""}) as server:
        direct: Any = redis.Redis.from_url(server.url)
        reads, writes = "+hmget +info +ping", "+hget +hset +hdel +hgetall +hincrby +hstrlen +hexpire +del +scan +dbsize"
        scripts = "+eval +evalsha +script +command"
        for user, commands in (("reader", reads), ("publisher", f"{reads} {writes} {scripts}"), ("unscripted", f"{reads} {writes}")):
            direct.execute_command("ACL", "SETUSER", user, "on", ">pass-of-it", "~platform:*", *commands.split())

        def store(user: str, password: str = "pass-of-it") -> OnlineStore:
            return OnlineStore(server.url.replace("://", f"://{user}:{password}@"))

        fill(store("publisher"))
        assert totals(store("reader")) == RIGHT
        rebuild(store("publisher"), LAYOUT, gold_of(WORLD), NEVER)
        refused = [
            (lambda: fill(store("reader")), r"refuses a command: .*no permissions.*Give the user of PLATFORM_REDIS_URL"),
            (lambda: fill(store("unscripted")), r"refuses a command: .*no permissions.*EVAL, EVALSHA, SCRIPT and COMMAND"),
            (lambda: totals(store("reader", "wrong")), "refuses the user or password"),
            (lambda: fill(store("nobody")), "refuses the user or password"),
        ]
        for act, message in refused:
            with pytest.raises(OnlineError, match=rf"redis://\*\*\*@127.*{message}") as error:
                act()
            assert "pass-of-it" not in str(error.value) and ":wrong@" not in str(error.value)
        direct.execute_command("ACL", "SETUSER", "default", "off")
        with pytest.raises(OnlineError, match="refuses the user or password"):
            totals(OnlineStore(server.url))


@pytest.mark.parametrize("is_saved", [True, False])
def test_a_server_that_was_killed_and_started_again(tmp_path: Path, is_saved: bool) -> None:
    options = {"appendonly": "yes", "appendfsync": "always"} if is_saved else {"save": ""}
    server = EmbeddedValkey(tmp_path, options).start()
    fill(OnlineStore(server.url))
    server.kill()
    with EmbeddedValkey(tmp_path, options) as again:
        store = OnlineStore(again.url)
        if is_saved:
            assert totals(store) == RIGHT, "another run id, and nothing is said to be lost"
        else:
            with pytest.raises(OnlineError, match=r"never published .*or is lost"):
                totals(store)
        done = publish(store, LAYOUT, gold_of(WORLD), NEVER)
        assert done.everything == ("" if is_saved else "nothing was published")
        assert (totals(store), stored(store)) == (RIGHT, EXPECTED)


def test_a_server_that_cannot_save_says_what_to_do(tmp_path: Path) -> None:
    with EmbeddedValkey(tmp_path / "valkey") as server:
        direct: Any = redis.Redis.from_url(server.url)
        direct.set("others", 1)
        shutil.rmtree(tmp_path / "valkey")
        direct.bgsave()
        while direct.info("persistence")["rdb_last_bgsave_status"] != "err":
            time.sleep(0.02)
        with pytest.raises(OnlineError, match=r"MISCONF .*free disk space there"):
            fill(OnlineStore(server.url))
        direct.config_set("stop-writes-on-bgsave-error", "no")
        fill(OnlineStore(server.url))
        assert totals(OnlineStore(server.url)) == RIGHT
        server.kill()
