"""Every Python example of the README and of the docs runs, and prints what the page shows."""

from pathlib import Path

import pytest

from platform_assets_tests.docs.pages import run

ROOT = Path(__file__).parents[2]
TEXTS = {path: path.read_text() for path in (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")))}
PAGES = [path for path, text in TEXTS.items() if "```python" in text and "<!-- needs Spark" not in text]
"""Pages with examples, but those of which a comment says that a test of Spark runs them."""


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each page runs in a folder of its own, with its own platform home."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PLATFORM_HOME", str(tmp_path / "home"))
    # Set and unset, so that what a page puts into the environment is taken back.
    for name in ("PLATFORM_NOW", "PLATFORM_REDIS_URL", "PLATFORM_RETAIL_FILES", "PLATFORM_PROJECT"):
        monkeypatch.setenv(name, "")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_the_examples_of_a_page_run(page: Path) -> None:
    run(page)


def page(folder: Path, text: str) -> Path:
    path = folder / "page.md"
    path.write_text(text)
    return path


def test_blocks_of_a_page_share_their_names_and_their_output_is_compared(tmp_path: Path) -> None:
    text = "Here\n```python\nx = 1\n```\nand\n```python\nprint(x + 1)\nprint('took', 3)\n```\n\n```text\n2\ntook ...\n```\n"
    assert run(page(tmp_path, text)) == 2
    with pytest.raises(AssertionError, match="line 7"):
        run(page(tmp_path, text.replace("\n2\n", "\n3\n")))


def test_an_example_that_fails_names_the_line_of_the_page(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError) as failure:
        run(page(tmp_path, "One\n\n```python\nx = 0\n1 / x\n```\n"))
    assert failure.traceback[-1].lineno + 1 == 5


def test_an_example_may_be_left_out_only_with_a_reason(tmp_path: Path) -> None:
    assert run(page(tmp_path, "```python\n# not run: needs a broker\n1 / 0\n```\n")) == 0
    with pytest.raises(ValueError, match="line 2"):
        run(page(tmp_path, "```python\n# not run\n1 / 0\n```\n"))


def test_source_and_type_hints_of_what_a_page_declares_are_found(tmp_path: Path) -> None:
    declared = "```python\ndef f() -> 'C': return 1\nclass C:\n    x: int\n```\n"
    asked = "Two\n```python\nimport inspect, typing\nprint(inspect.getsource(f).strip())\nprint(typing.get_type_hints(f))\n```\n"
    shown = "```text\ndef f() -> 'C': return 1\n{'return': ...}\n```\n"
    assert run(page(tmp_path, declared + asked + shown)) == 2
