"""The commands of the pages: each can be parsed, and those about the shop run on it, in the order in which they stand."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from contextlib import nullcontext
from datetime import date
from pathlib import Path

import click
import pytest

from platform_assets.cli.main import cli
from platform_assets.domains.retail.generate import generate
from platform_assets.stores.valkey import EmbeddedValkey
from platform_assets_tests.architecture.modules import ROOT

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCK = re.compile(r"^```(?:sh|bash)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
INLINE = re.compile(r"`(platform-assets [^`]+)`")
ABOUT_THE_SHOP = ["README.md", "docs/how-to/after-an-error.md", "docs/how-to/repair.md", "docs/how-to/ui.md", "docs/how-to/up-to-date.md"]
RUN_ELSEWHERE = {
    "docs/concepts/feature-views.md": "docs/test_lifetime_page.py",
    "docs/concepts/rules-and-quarantine.md": "docs/test_accept_page.py",
    "docs/first-steps.md": "docs/test_first_steps.py",
    "docs/how-to/alerts.md": "cli/test_alerts.py",
    "docs/how-to/dg.md": "docs/test_dg_page.py",
    "docs/how-to/object-store.md": "cli/test_object_store.py",
    "docs/how-to/spark.md": "spark",
}
"""Pages whose commands are about declarations of their own, with the tests that run them."""
DAY = "2025-03-05"
"""The day that the pages speak of as blocked."""
WAIT_FOR_A_PERSON = ("make ", "git ", "platform-assets ui", "platform-assets valkey")


def commands(page: Path) -> list[str]:
    """The lines of a page's shell blocks, without comments and with continued lines joined."""
    text = "\n".join(BLOCK.findall(page.read_text())).replace("\\\n", " ")
    lines = (re.sub(r"(^|\s)#.*", "", line).strip() for line in text.splitlines())
    return [line for line in lines if line]


def documented() -> list[str]:
    found = [line for page in PAGES for line in commands(page) if line.startswith("platform-assets ")]
    return sorted({*found, *(line for page in PAGES for line in INLINE.findall(page.read_text()))})


@pytest.mark.parametrize("command", documented())
def test_a_command_of_a_page_has_a_name_and_options_that_exist(command: str) -> None:
    name, *words = shlex.split(command)[1:]
    if "." in name or "`" in command:
        return
    assert name in cli.commands, f"there is no command {name!r}"
    if words:  # a command that is only named has no arguments to check
        cli.commands[name].make_context(name, [word for word in words if word != "..."], resilient_parsing=False)


def test_a_command_that_does_not_exist_is_found() -> None:
    with pytest.raises(click.UsageError, match="No such option"):
        cli.commands["status"].make_context("status", ["--colour"])


def test_the_commands_of_every_page_are_run() -> None:
    ours = re.compile(r"(platform-assets|dagster|dg) ")
    pages = {str(page.relative_to(ROOT)) for page in PAGES if any(ours.match(command) for command in commands(page))}
    assert pages == {*ABOUT_THE_SHOP, *RUN_ELSEWHERE}
    assert all((ROOT / "platform_assets_tests" / test).exists() for test in RUN_ELSEWHERE.values())


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a small shop of six weeks, of which everything is up to date."""
    folder = tmp_path_factory.mktemp("shop")
    generate(folder / "files", first_day=date(2025, 2, 24), days=38, customers=60, orders_per_day=25)
    succeed(folder, "platform-assets backfill")
    return folder


def succeed(folder: Path, command: str, redis_url: str = "") -> str:
    """What a command prints that runs in this folder; dg works in that of a project alone."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PLATFORM_", "DAGSTER_"))}
    environment |= {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}",
        "PLATFORM_HOME": str(folder / ".platform"),
        "PLATFORM_RETAIL_FILES": str(folder / "files"),
        "DAGSTER_HOME": str(folder / ".platform" / "dagster"),
        "PLATFORM_REDIS_URL": redis_url,
    }
    done = subprocess.run(
        ["bash", "-euc", command],
        cwd=ROOT if command.startswith("dg ") else folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=800,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    return done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("page", ABOUT_THE_SHOP)
def test_the_commands_of_a_page_run_on_the_shop(shop: Path, page: str, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(shop, tmp_path / "shop"))
    if page == "docs/how-to/ui.md":  # it speaks of a day that is blocked
        file = folder / "files" / f"{DAY}.csv"
        file.write_text(re.sub(r"\b2025-\d\d-\d\d\b", "soon", file.read_text()))
        assert f"orders/silver {DAY} is blocked" in succeed(folder, "platform-assets backfill orders")
    run = [command for command in commands(ROOT / page) if not command.startswith(WAIT_FOR_A_PERSON)]
    # The page on repairs compares the online store with gold: `platform-assets valkey` stands beside it.
    with EmbeddedValkey(folder / ".platform" / "valkey") if page == "docs/how-to/repair.md" else nullcontext() as server:
        for command in run:
            of_the_shop = command.replace("your_module", "platform_assets.definitions")
            succeed(folder, of_the_shop.replace(".venv/bin/", "").replace("$PWD", str(folder)), server.url if server else "")
    assert len(run) >= 3


@pytest.mark.slow
def test_the_advice_on_spark_is_given_for_tables_of_the_shop(shop: Path) -> None:
    """It needs no Spark; the other commands of the page do."""
    asked = [command for command in commands(ROOT / "docs/how-to/spark.md") if command.startswith("platform-assets spark advise")]
    assert [bool(succeed(shop, command)) for command in asked] == [True] * 3
