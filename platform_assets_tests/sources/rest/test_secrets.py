"""A secret is sent to the declared server, and stands nowhere else: not in errors, logs, the ledger, tables, kept answers or the cache."""

import base64
import logging
from pathlib import Path
from typing import Any

import pytest

from platform_assets import api_key, basic_auth, bearer_token, cursor_pages, rest_api
from platform_assets.errors import DeclarationError, SourceError
from platform_assets.settings import load_settings
from platform_assets_tests.sources.rest.declared import DAY, Says, declared, receive, rows, serving, silver

SECRET = "hunter2/&=xyz-0123456789"
ENCODED = base64.b64encode(f"shop:{SECRET}".encode()).decode()


@pytest.fixture(autouse=True)
def secret(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("RATES_TOKEN", f" {SECRET}\n")
    monkeypatch.setenv("PLATFORM_HOME", str(tmp_path / "home"))


def everything_below(folder: Path) -> bytes:
    """The content of all files, packed ones too."""
    import gzip

    files = [file for file in folder.rglob("*") if file.is_file()]
    assert files
    return b"".join(gzip.decompress(file.read_bytes()) if file.suffix == ".gz" else file.read_bytes() for file in files)


@pytest.mark.parametrize(
    ("auth", "sent"),
    [
        (bearer_token(env="RATES_TOKEN"), {"authorization": f"Bearer {SECRET}"}),
        (basic_auth("shop", env="RATES_TOKEN"), {"authorization": f"Basic {ENCODED}"}),
        (api_key(header="X-Key", env="RATES_TOKEN"), {"x-key": SECRET}),
        (api_key(query="key", env="RATES_TOKEN"), {}),
    ],
    ids=["bearer", "basic", "header", "query"],
)
def test_it_is_sent_and_shown_nowhere(tmp_path: Path, auth: Any, sent: dict[str, str], caplog: pytest.LogCaptureFixture) -> None:
    def repeats_it(asked: Any) -> Any:
        """Answers with all that it was told, as APIs do in addresses of next pages."""
        assert {name: asked.headers.get(name) for name in sent} == sent
        assert asked.params.get("key") == (None if sent else SECRET)
        told = f"{asked.headers.get('authorization')} {asked.headers.get('x-key')} {asked.params.get('key')}"
        next_page = f"/rates?key={asked.params.get('key', '')}&page=2" if "page" not in asked.params else None
        headers = {"ETag": '"1"', "Cache-Control": "max-age=60", "X-Told": told.replace("\n", "")}
        if asked.number == 1:
            return Says(told.encode(), status=503)
        return Says({"items": [{**row, "told": told} for row in rows(asked.number)], "next": next_page}, headers=headers)

    caplog.set_level(logging.DEBUG)
    with serving(repeats_it) as server:
        source = declared(server.url, auth=auth, rows="items", pages=cursor_pages("next", parameter=None))
        done = receive(source, tmp_path)
        done.check()
        assert [currency for currency, _ in silver(tmp_path)] == ["C2", "C3"]
        server.behaviour = lambda asked: Says(f"{asked.headers} {asked.params}".encode(), status=400)
        with pytest.raises(SourceError, match="answered 400") as error:
            receive(declared(server.url, name="others", auth=auth, attempts=1), tmp_path)
    shown = f"{error.value} {caplog.text} {done} {source} {source.connector!r} {source.connector.version}".encode()
    kept = everything_below(tmp_path / "lake") + everything_below(load_settings().home)
    assert b"***" in kept and b"***" in shown
    for text in (SECRET, ENCODED, "hunter2"):
        assert text.encode() not in kept
        assert text.encode() not in shown


@pytest.mark.parametrize("auth", [bearer_token(env="RATES_TOKEN"), api_key(query="key", env="RATES_TOKEN")], ids=["header", "query"])
def test_it_is_not_sent_to_another_server(tmp_path: Path, auth: Any) -> None:
    with serving(lambda _: rows(1)) as other:
        moved = Says(b"", status=302, headers={"Location": f"{other.url}/rates"})
        with serving(lambda _: moved) as server:
            receive(declared(server.url, auth=auth), tmp_path).check()
            assert "authorization" in server.asked[0].headers or "key" in server.asked[0].params
        assert "authorization" not in other.asked[0].headers and "key" not in other.asked[0].params
    assert silver(tmp_path) == [("C1", 0.25)]


@pytest.mark.parametrize(("status", "says"), [(401, "is wrong or expired"), (403, "may not read this")])
def test_an_expired_one_names_its_variable(tmp_path: Path, status: int, says: str) -> None:
    with serving(lambda _: Says({"error": "expired"}, status=status)) as server:
        with pytest.raises(
            SourceError, match=rf"answered {status}: the secret in the variable RATES_TOKEN {says}\. Set one .*expired"
        ) as error:
            receive(declared(server.url, auth=bearer_token(env="RATES_TOKEN")), tmp_path)
        assert SECRET not in str(error.value) and len(server.asked) == 1
        with pytest.raises(SourceError, match="it wants to know who asks"):
            receive(declared(server.url), tmp_path)


def test_a_new_one_is_read_without_a_restart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "token"
    file.write_text("the-old-one")
    with serving(lambda asked: rows(1) if asked.headers["authorization"] == "Bearer the-new-one" else Says(b"", status=401)) as server:
        source = declared(server.url, auth=bearer_token(file=file))
        with pytest.raises(SourceError, match=f"the secret in the file {file} is wrong or expired"):
            receive(source, tmp_path)
        file.write_text("the-new-one\n")
        receive(source, tmp_path).check()
    assert silver(tmp_path) == [("C1", 0.25)]


@pytest.mark.parametrize(
    ("value", "says"), [(None, "cannot be read"), ("", "is not set or empty"), ("a\x00b", "be sent"), ("ü", "be sent")]
)
def test_one_that_is_missing_is_asked_for_by_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: str | None, says: str
) -> None:
    file = tmp_path / "token"
    if value is not None:
        file.write_text(value)
    with serving(lambda _: rows(1)) as server:
        with pytest.raises(SourceError, match=f"partition {DAY}: the .*file {file}") as error:
            receive(declared(server.url, auth=bearer_token(file=file)), tmp_path)
        assert server.asked == []
    assert says in str(error.value)
    assert not value or f"{value!r}" not in str(error.value)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"params": {"api_key": SECRET}}, "'api_key' looks like a secret"),
        ({"headers": {"Authorization": SECRET}}, "Declare it as auth=api_key(header='Authorization', env='API_KEY')"),
        ({"auth": SECRET}, "write auth=bearer_token(env='API_TOKEN')"),
    ],
)
def test_a_secret_in_a_declaration_is_refused_and_not_repeated(options: dict[str, Any], says: str) -> None:
    with pytest.raises(DeclarationError) as error:
        rest_api("https://api.example.com/v1", **options)
    assert says in str(error.value) and SECRET not in str(error.value)


def test_a_secret_in_a_url_or_for_a_name_is_not_repeated() -> None:
    for url in (f"https://me:{SECRET}@api.example.com/v1", f"https://api.example.com/v1?key={SECRET}"):
        with pytest.raises(DeclarationError, match="without user, password and query") as error:
            rest_api(url)
        assert "hunter2" not in str(error.value)
    with pytest.raises(DeclarationError, match="not the secret itself") as error:
        bearer_token(env=SECRET)
    assert "hunter2" not in str(error.value)
