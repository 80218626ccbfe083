"""The page on PostgreSQL runs against a real server, with the table that it shows."""

import re
from pathlib import Path

import pytest

from platform_assets_tests.architecture.modules import ROOT
from platform_assets_tests.docs.pages import NOT_RUN, run
from platform_assets_tests.sources.postgres_tables import Database
from platform_assets_tests.sources.postgres_tables import database as database
from platform_assets_tests.sources.postgres_tables import postgres as postgres

PAGE = ROOT / "docs" / "how-to" / "postgres.md"


def test_the_page_prints_what_it_shows(database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = PAGE.read_text()
    (statements,) = re.findall(r"```sql\n(.*?)```", text, re.DOTALL)
    database.sql(*statements.strip().splitlines())
    page = tmp_path / "page.md"
    page.write_text(NOT_RUN.sub("# with a server", text))
    monkeypatch.chdir(tmp_path)
    assert run(page) == text.count("```python") == 3
