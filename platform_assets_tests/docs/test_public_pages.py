"""Pages show what users may import: the public surface. An internal module on a page is an exception with a reason."""

import re
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"
INTERNAL = re.compile(r"^\s*(?:from|import)\s+(platform_assets\.(?:steps|stores|engines)\b[\w.]*)", re.MULTILINE)
PAGES = sorted(page for folder in ("concepts", "how-to") for page in (DOCS / folder).glob("*.md"))

ALLOWED = {
    # A page runs without a server beside it, so it starts one. Users run `platform-assets valkey`.
    "how-to/from-python.md": ["platform_assets.stores.valkey"],
}


def test_there_are_pages_and_the_exceptions_are_among_them() -> None:
    assert {str(page.relative_to(DOCS)) for page in PAGES} >= ALLOWED.keys()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(DOCS)))
def test_examples_of_a_page_import_nothing_internal_but_what_is_allowed(page: Path) -> None:
    assert INTERNAL.findall(page.read_text()) == ALLOWED.get(str(page.relative_to(DOCS)), []), "show it with the public surface"


def test_an_import_of_something_internal_is_found() -> None:
    text = "from platform_assets import materialize\n    from platform_assets.steps.run import Run\nimport platform_assets.engines\n"
    assert INTERNAL.findall(text) == ["platform_assets.steps.run", "platform_assets.engines"]
