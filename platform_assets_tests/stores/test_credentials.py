"""Credentials of an object store are in no error, whatever a server answers and whichever library says so."""

import base64
import json
import traceback
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import polars as pl
import pytest

from platform_assets.errors import LakeError
from platform_assets.stores.credentials import hide_credentials
from platform_assets.stores.damage import damage_named
from platform_assets.stores.delta import Lake
from platform_assets.stores.ledger import Ledger
from platform_assets.stores.own_tables import write_table
from platform_assets_tests.stores.tables import TABLE, replace, rows, span

SECRET = "hunter2+abc/123=="
KEY = base64.b64encode(b"the key of an account").decode()
SERVICE_ACCOUNT = {"private_key": SECRET, "private_key_id": "id-of-the-key", "client_email": "a@example.org", "disable_oauth": True}
HIDDEN = (SECRET, KEY, "hunter2")


class Failing(BaseHTTPRequestHandler):
    """Answers each request with an error that repeats its address and headers, as S3 does when a signature is wrong."""

    status = 500

    def _answer(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        content = f"<Error><Code>Broken</Code><Request>{self.path} {self.headers}{SECRET}</Request></Error>".encode()
        self.send_response(self.status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = _answer  # noqa: N815

    def log_message(self, format: str, *args: object) -> None:
        """Prints nothing."""


@pytest.fixture(scope="module")
def failing() -> Iterator[str]:
    """The address of a store that fails."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Failing)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


S3 = {"aws_access_key_id": "id", "aws_secret_access_key": SECRET, "aws_session_token": SECRET, "aws_allow_http": "true", "max_retries": "0"}
AZURE = {"azure_storage_account_name": "account", "azure_allow_http": "true", "max_retries": "0"}
SAS = {"azure_storage_sas_token": "?sv=2022&sp=r&sig=hunter2%2Babc%2F123%3D%3D"}
# Where the lake is, its options, and the one that takes the address of the server.
STORES = {
    "s3": ("s3://bucket/lake", S3, "aws_endpoint_url"),
    "s3a": ("s3a://bucket/lake", S3, "aws_endpoint_url"),
    "a token of S3": ("s3://bucket/lake", {**S3, "aws_region": "eu-west-1"}, "endpoint"),
    "az with a key": ("az://container/lake", {**AZURE, "azure_storage_account_key": KEY}, "azure_endpoint"),
    "az with SAS": ("az://container/lake", {**AZURE, **SAS}, "azure_endpoint"),
    "abfs with SAS": ("abfs://container@account.dfs.core.windows.net/lake", {**AZURE, **SAS}, "azure_endpoint"),
    "abfss with a client": (
        "abfss://container@account.dfs.core.windows.net/lake",
        {**AZURE, "azure_client_id": "c", "azure_tenant_id": "t", "azure_client_secret": SECRET},
        "azure_endpoint",
    ),
}


def lake_of(store: str, address: str) -> Lake:
    root, options, endpoint = STORES[store]
    more = {"azure_authority_host": address} if "azure_client_secret" in options else {}
    return Lake(root, {**options, **more, endpoint: address})


def acts(lake: Lake) -> list[Callable[[], object]]:
    return [
        lambda: lake.version(TABLE),
        lambda: lake.scan(TABLE).collect(),
        lambda: replace(lake, rows([1]), span(1)),
        lambda: Ledger(lake).entries("orders/silver"),
        lambda: lake.storage(TABLE).files(),
        lambda: lake.models.read("churn/model"),
        lambda: write_table(lake, ("my", "asset"), pl.LazyFrame({"a": [1]}), None, "run", "my/asset"),
    ]


def check_hidden(act: Callable[[], object]) -> str:
    with pytest.raises(LakeError) as raised:
        act()
    shown = "".join(traceback.format_exception(raised.value))
    assert not [secret for secret in HIDDEN if secret in shown], shown
    return str(raised.value)


@pytest.mark.parametrize("status", [500, 403])
@pytest.mark.parametrize("store", STORES)
def test_a_store_that_fails_is_told_without_credentials(store: str, status: int, failing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Failing, "status", status)
    for act in acts(lake_of(store, failing)):
        assert "cannot be reached" in check_hidden(act)


def test_a_service_account_of_google_is_not_shown(failing: str) -> None:
    account = json.dumps({**SERVICE_ACCOUNT, "gcs_base_url": failing})
    for act in acts(Lake("gs://bucket/lake", {"google_service_account_key": account, "allow_http": "true", "max_retries": "0"})):
        check_hidden(act)
    for wrong in ({"google_service_account_key": f"{SECRET}, which is not JSON"}, {"google_service_account": account}):
        check_hidden(lambda wrong=wrong: Lake("gs://bucket/lake", wrong).version(TABLE))


@pytest.mark.parametrize("store", STORES)
@pytest.mark.parametrize("address", ["http://user:hunter2@127.0.0.1:9/", "http://127.0.0.1:9/?token=hunter2"])
@pytest.mark.parametrize("from_options", [True, False], ids=["options", "environment"])
def test_credentials_in_the_address_of_a_store_are_refused_before_it_is_asked(
    store: str, address: str, from_options: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    root, options, endpoint = STORES[store]
    if from_options:
        lake = Lake(root, {**options, endpoint: address})
    else:
        lake, endpoint = Lake(root, options), "AWS_ENDPOINT_URL"
        monkeypatch.setenv(endpoint, address)
    for act in acts(lake):
        assert f"{endpoint} has a user, a password or a query in its URL" in check_hidden(act)


@pytest.mark.parametrize("option", ["aws_conditional_put", "aws_allow_http", "timeout", "aws_checksum_algorithm"])
def test_a_secret_in_the_wrong_option_is_not_shown(option: str) -> None:
    for act in acts(Lake("s3://bucket/lake", {option: "hunter2"})):
        assert "'***'" in check_hidden(act)


def test_a_read_that_fails_later_shows_no_credentials(failing: str, tmp_path: object) -> None:
    """The log could be read, then the store refuses the files: Polars repeats what the server says."""
    lake = Lake("s3://bucket/lake", {**S3, "aws_endpoint_url": failing})
    with pytest.raises(OSError, match="hunter2"):
        pl.scan_parquet(f"{lake.uri(TABLE)}/a.parquet", storage_options=lake.polars_options).collect()

    def read() -> None:
        from platform_assets.stores.damage import Scanned, check_before_reading

        with damage_named():
            check_before_reading(Scanned(TABLE, lake.storage(TABLE), ()))
            pl.scan_parquet(f"{lake.uri(TABLE)}/a.parquet", storage_options=lake.polars_options).collect()

    check_hidden(read)


def test_what_is_no_secret_stays() -> None:
    options = {
        "aws_region": "eu-west-1",
        "aws_endpoint_url": "http://store:9000",
        "aws_access_key_id": "K",
        "aws_secret_access_key": SECRET,
    }
    said = "GET http://store:9000/bucket/a=b/part-0.parquet in eu-west-1: 403. K?"
    assert hide_credentials(said, options) == said
    assert (
        hide_credentials("PUT https://account.blob/c/x?sv=1&sig=abc: 403 Forbidden", {})
        == "PUT https://account.blob/c/x?***: 403 Forbidden"
    )
    assert (
        hide_credentials("abfss://container@account.dfs.core.windows.net/lake", {}) == "abfss://container@account.dfs.core.windows.net/lake"
    )
