"""Files of a folder and of an object store behave alike; what a store answers is told in words, and how often it is asked is counted."""

import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from platform_assets.errors import LakeError
from platform_assets.stores import delta as delta_module
from platform_assets.stores.delta import Lake
from platform_assets.stores.ledger import Entry, Ledger
from platform_assets.stores.location import check_writers, storage_at
from platform_assets.stores.open_tables import OpenTables
from platform_assets.stores.storage import Storage
from platform_assets_tests.lakes import new_url
from platform_assets_tests.s3_server import BUCKET, KEY, SECRET, S3Server, running
from platform_assets_tests.stores.tables import TABLE, heights, lake_in, replace, rows, span

HOUR = "partition=2024-01-01%2005%3A00%3A00/part-0.parquet"


@pytest.fixture
def storage(home: str) -> Storage:
    found = storage_at(f"{home}/orders")
    for path in (HOUR, "_delta_log/0.json", "_delta_log/1.json", "_delta_log/1.checkpoint.parquet"):
        found.write(path, path.encode())
    return found


def test_files_are_listed_sized_and_read_by_their_plain_names(storage: Storage) -> None:
    assert storage.files("_delta_log") == {"_delta_log/0.json": 17, "_delta_log/1.json": 17, "_delta_log/1.checkpoint.parquet": 31}
    assert storage.files()[HOUR] == len(HOUR) and len(storage.files()) == 4
    assert (
        storage.sizes([HOUR, "no such file", "_delta_log"]) == {HOUR: len(HOUR), "no such file": None, "_delta_log": None}
        or storage.is_local
    )
    assert storage.folders() == ["_delta_log", HOUR.partition("/")[0]]
    assert storage.read(HOUR) == HOUR.encode()
    with storage.open(HOUR) as file:
        file.seek(-7, 2)
        assert file.read() == b"parquet"
    with pytest.raises(FileNotFoundError):
        storage.read("no such file")
    assert storage.below("no such folder").files() == {} and storage.below("no such folder").folders() == []
    assert storage.below("_delta_log").files() == {"0.json": 17, "1.json": 17, "1.checkpoint.parquet": 31}


def test_many_sizes_are_the_same_as_one_by_one(storage: Storage) -> None:
    names = [f"part-{number}" for number in range(70)]
    for name in names:
        storage.write(name, name.encode())
    assert storage.sizes([*names, HOUR, "gone"]) == {**{name: len(name) for name in names}, HOUR: len(HOUR), "gone": None}


def test_a_file_that_is_moved_takes_the_place_of_no_other(storage: Storage) -> None:
    aside = storage_at(storage.uri.replace("orders", "aside"))
    for content in (b"first", b"second", b"third"):
        storage.write("a file", content)
        storage.move("a file", aside, HOUR)
    assert [aside.read(name) for name in (HOUR, f"{HOUR}.2", f"{HOUR}.3")] == [b"first", b"second", b"third"]
    with pytest.raises(FileNotFoundError):
        storage.move("a file", aside, HOUR)
    assert storage.files().keys() == {HOUR, "_delta_log/0.json", "_delta_log/1.json", "_delta_log/1.checkpoint.parquet"}


def test_a_folder_is_deleted_with_all_that_is_in_it_and_again_without_complaint(storage: Storage) -> None:
    for _ in range(2):
        storage.delete_folder("_delta_log")
        assert storage.files().keys() == {HOUR}
    if storage.is_local:
        assert sorted(path.name for path in Path(storage.uri).iterdir()) == [HOUR.partition("/")[0]]


def test_a_url_as_a_path_is_refused_and_not_taken_for_a_folder() -> None:
    with pytest.raises(LakeError, match=r"'s3:/bucket/lake' is a URL that lost a slash in pathlib"):
        Lake(str(Path("s3://bucket/lake")))


def test_secrets_are_in_no_text_of_a_lake() -> None:
    lake = Lake("s3://bucket/lake", {"aws_access_key_id": "key", "aws_secret_access_key": "hunter2"})
    assert "hunter2" not in f"{lake!r} {lake} {lake.storage(TABLE)!r} {lake.storage(TABLE).__dict__['_store']!r}"


@pytest.mark.slow
def test_an_option_that_cannot_be_used_is_named(s3: S3Server) -> None:
    with pytest.raises(LakeError, match=r"the lake s3://bucket/lake cannot be reached: aws_conditional_put: Failed to parse '\*\*\*'"):
        Lake("s3://bucket/lake", {"aws_conditional_put": "maybe"}).version(TABLE)


WRONG = [
    (None, {"AWS_ACCESS_KEY_ID": None}, r"there are no credentials. Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or PLATFORM"),
    ("s3://other/lake", {}, r"there is no bucket 'other'. Create it, or correct PLATFORM_LAKE"),
    (
        None,
        {"AWS_SECRET_ACCESS_KEY": "hunter2"},
        r"refuses the credentials \(SignatureDoesNotMatch\). Check AWS_ACCESS_KEY_ID and AWS_SECRET",
    ),
    (None, {"AWS_ACCESS_KEY_ID": "nobody"}, r"refuses the credentials \(\w+\)"),
    (None, {"AWS_ENDPOINT_URL": "http://127.0.0.1:9"}, r"no server answers at http://127\.0\.0\.1:9. Check AWS_ENDPOINT_URL"),
    (None, {"AWS_ALLOW_HTTP": "false"}, r"its endpoint is http://, without TLS. If that is intended, set AWS_ALLOW_HTTP=true"),
]


@pytest.mark.slow
@pytest.mark.parametrize(("root", "environment", "says"), WRONG, ids=["no key", "bucket", "secret", "key", "server", "TLS"])
@pytest.mark.parametrize("from_options", [False, True], ids=["environment", "options"])
def test_a_store_that_cannot_be_reached_is_told_at_once_by_reader_and_writer(
    s3: S3Server, monkeypatch: pytest.MonkeyPatch, root: str | None, environment: dict[str, str | None], says: str, from_options: bool
) -> None:
    options = {**s3.environment, **environment}
    if from_options:
        for name in s3.environment:
            monkeypatch.delenv(name)
    else:
        for name, value in environment.items():
            monkeypatch.delenv(name) if value is None else monkeypatch.setenv(name, value)
    lake = Lake(
        f"{root or new_url()}/lake", {name: value for name, value in options.items() if value is not None} if from_options else None
    )
    for act in (lambda: lake.version(TABLE), lambda: replace(lake, rows([1]), span(1)), lambda: Ledger(lake).entries("orders/silver")):
        started = time.monotonic()
        with pytest.raises(LakeError, match=rf"the lake {lake.root} cannot be reached: .*{says}") as raised:
            act()
        assert time.monotonic() - started < 8
        assert "hunter2" not in str(raised.value) and SECRET not in str(raised.value) and len(str(raised.value).splitlines()) == 1


@pytest.mark.slow
def test_options_of_a_lake_are_enough_by_any_of_their_names(s3: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in s3.environment:
        monkeypatch.delenv(name)
    plain = {"endpoint": f"http://127.0.0.1:{s3.port}", "access_key_id": KEY, "secret_access_key": SECRET, "region": "us-east-1"}
    of_delta = {"allow_unsafe_rename": "true", "imdsv1_fallback": "false", "max_retries": "2"}
    for options in (s3.environment, {**plain, "allow_http": "true", "timeout": "30s", **of_delta}):
        lake = Lake(f"{new_url()}/lake", options)
        written = replace(lake, rows([1, 2]), span(1, 2))
        Ledger(lake).record([Entry("orders/silver", "2024-01-01", written.version, "v1", 1)])
        assert len(heights(lake)) == 2 and lake.storage(TABLE).files() and not lake.damaged_files(TABLE, {"2024-01-01"})


class Careless(BaseHTTPRequestHandler):
    """A store that overwrites whatever it is told."""

    def _answer(self, content: bytes = b"") -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.send_response(200)
        self.send_header("ETag", '"1"')
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def do_PUT(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer(b"<DeleteResult><Deleted><Key>it</Key></Deleted></DeleteResult>")

    def do_DELETE(self) -> None:
        self._answer()

    def log_message(self, format: str, *arguments: object) -> None:
        pass


def test_a_store_that_would_lose_one_of_two_writers_is_refused() -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), Careless) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        options = {"endpoint": f"http://127.0.0.1:{server.server_port}", "allow_http": "true", "region": "x"}
        with pytest.raises(LakeError, match=r"s3://bucket/lake overwrites an object despite.*one would be lost\. Use a store with"):
            check_writers("s3://bucket/lake", {**options, "access_key_id": "key", "secret_access_key": "secret"})
        server.shutdown()


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[S3Server]:
    with running(tmp_path) as server:
        yield server


@pytest.mark.slow
def test_a_server_that_dies_is_named_and_nothing_is_lost_when_it_is_back(own_server: S3Server) -> None:
    lake = lake_in(f"s3://{BUCKET}/home")
    replace(lake, rows([1, 2]), span(1, 2))
    own_server.kill()
    for act in (lambda: lake.version(TABLE), lambda: replace(lake, rows([1]), span(1)), lambda: lake.storage(TABLE).files()):
        with pytest.raises(LakeError, match=r"no server answers at http://127\.0\.0\.1"):
            act()
    own_server.start()
    assert len(heights(lake)) == 2
    replace(lake, rows([1, 1, 1]), span(1))
    assert list(heights(lake).values()) == [3, 1]


@pytest.mark.slow
def test_how_often_an_object_store_is_asked(s3: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """More would be felt: a request takes 10 to 50 ms, and is paid for."""
    lake = lake_in(new_url())
    for number in range(1, 5):
        replace(lake, rows([number]), span(number))
    with s3.requests() as kept_open:
        lake.version(TABLE)
    monkeypatch.setattr(delta_module, "OPEN_TABLES", OpenTables())  # as in another process
    with s3.requests() as opening:
        lake.version(TABLE)
    with s3.requests() as reading:
        lake.scan(TABLE, by="partition", span=span(2)).collect()
    with s3.requests() as commit:
        lake.commit(TABLE, 2)
    with s3.requests() as looking:
        lake.damaged_files(TABLE, {"2024-01-02"})
    Ledger(lake).record([Entry("orders/silver", "2024-01-01", 0, "v1", 1)])  # the first tries whether writers are kept apart
    with s3.requests() as ledger:
        Ledger(lake).record([Entry("orders/silver", "2024-01-01", 0, "v1", 1)])
    # Delta reads the hint and each entry since the last checkpoint twice, and lists what may have come after them; we list them before.
    assert opening == {"GetObject": 9, "ListObjectsV2": 2}
    assert kept_open == {"ListObjectsV2": 1}
    assert reading == {"GetObject": 1, "ListObjectsV2": 1}, "nothing is looked at before it is read"
    assert commit == {"GetObject": 1}
    assert looking == {"GetObject": 1, "ListObjectsV2": 1, "HeadObject": 2}
    assert ledger.total() <= 14, ledger
