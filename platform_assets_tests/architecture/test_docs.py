"""The docs keep up with the code: every link leads somewhere, and every setting is on its page, word for word."""

import re
from pathlib import Path

import pytest

from platform_assets.settings import Settings
from platform_assets_tests.architecture.modules import ROOT

PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
FENCED = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)[^)]*\)")


def anchors(page: Path) -> set[str]:
    """The names that a link may end in: headings as the code hosts spell them."""
    headings = re.findall(r"^#+ +(.*)$", FENCED.sub("", page.read_text()), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def broken_links(page: Path, root: Path = ROOT) -> list[str]:
    """The links of a page that lead to no file below root, or to no heading of it."""
    broken = []
    for link in LINK.findall(FENCED.sub("", page.read_text())):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.is_relative_to(root) or not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)
    return broken


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_relative_link_leads_somewhere(page: Path) -> None:
    assert broken_links(page) == []


def test_a_link_to_nowhere_is_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# A title\n[here](#a-title) [gone](gone.md) [no heading](#b-title) [far](https://example.org)\n")
    assert broken_links(page, tmp_path) == ["gone.md", "#b-title"]


@pytest.mark.parametrize("field", Settings.model_fields)
def test_every_setting_is_documented_word_for_word(field: str) -> None:
    page = (ROOT / "docs/reference/settings.md").read_text()
    description = Settings.model_fields[field].description
    assert description, f"the setting {field} has no description"
    section = re.search(rf"^## PLATFORM_{field.upper()}\n(.*?)(?=^## |\Z)", page, re.DOTALL | re.MULTILINE)
    assert section, f"docs/reference/settings.md has no heading PLATFORM_{field.upper()}"
    assert description in " ".join(section[1].split())


def test_no_setting_is_documented_that_does_not_exist() -> None:
    page = (ROOT / "docs/reference/settings.md").read_text()
    assert set(re.findall(r"^## PLATFORM_(\w+)$", page, re.MULTILINE)) == {field.upper() for field in Settings.model_fields}
