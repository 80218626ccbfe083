"""A version changes with what a value depends on, with nothing else, and is the same in every process."""

import os
import subprocess
import sys
import textwrap
from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from platform_assets.declare.version import version_of, version_of_code
from platform_assets_tests.architecture.modules import ROOT
from platform_assets_tests.declare.versions import (
    ATTRIBUTES,
    MODELS,
    REPORTS,
    SAME_ATTRIBUTES,
    SAME_MODELS,
    SAME_SERVICES,
    SAME_SOURCES,
    SAME_VIEWS,
    SERVICES,
    SETS,
    SOURCES,
    VIEWS,
)

DIFFERENT = {
    "sources": SOURCES,
    "views": VIEWS,
    "attributes": ATTRIBUTES,
    "reports": REPORTS,
    "services": SERVICES,
    "training sets": SETS,
    "models": MODELS,
}
SAME = {
    f"{kind}: {what}": pair
    for kind, pairs in {
        "sources": SAME_SOURCES,
        "views": SAME_VIEWS,
        "attributes": SAME_ATTRIBUTES,
        "services": SAME_SERVICES,
        "models": SAME_MODELS,
    }.items()
    for what, pair in pairs.items()
}


@pytest.mark.parametrize("kind", DIFFERENT)
def test_declarations_that_mean_different_things_have_different_versions(kind: str) -> None:
    declarations: Mapping[str, Callable[[], Any]] = DIFFERENT[kind]
    by_version = defaultdict(list)
    for what, declare in declarations.items():
        by_version[declare().version].append(what)
    assert [whats for whats in by_version.values() if len(whats) > 1] == []


@pytest.mark.parametrize("what", SAME)
def test_declarations_that_are_only_written_differently_have_one_version(what: str) -> None:
    one, other = SAME[what]
    assert one().version == other().version


def test_versions_are_the_same_in_every_process() -> None:
    program = (
        "from platform_assets_tests.declare.test_version import DIFFERENT\n"
        "print(*(declare().version for kind in DIFFERENT.values() for declare in kind.values()))"
    )
    printed = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": seed},
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("0", "4242")
    }
    here = [declare().version for kind in DIFFERENT.values() for declare in kind.values()]
    assert printed == {" ".join(here) + "\n"}


def function(code: str) -> Callable[..., Any]:
    """A function as a prompt makes it: without a source file."""
    names: dict[str, Any] = {}
    exec(code, names)
    found: Callable[..., Any] = names["f"]
    return found


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("def f(x): return x + 1", "def f(x): return x + 2"),
        ("def f(x): return x.mean()", "def f(x): return x.std()"),
        ("def f(x): return [y for y in x if y > 1]", "def f(x): return [y for y in x if y > 2]"),
    ],
)
def test_code_typed_into_a_prompt_changes_the_version_too(one: str, other: str) -> None:
    assert version_of_code(function(one)) == version_of_code(function(one))
    assert version_of_code(function(one)) != version_of_code(function(other))


def test_comments_formatting_and_docstring_do_not_change_the_version_of_code() -> None:
    def plain(x: int) -> int:
        return max(x, 1)

    def written_otherwise(x: int) -> int:
        """What it does."""
        # why it does that
        return max(
            x,
            1,
        )

    assert version_of_code(plain) == version_of_code(written_otherwise)


def test_what_has_no_stable_text_has_no_version() -> None:
    with pytest.raises(TypeError, match="has no stable text"):
        version_of({"function": print})


def test_code_from_a_text_is_not_taken_for_that_of_the_program_it_runs_in() -> None:
    """Python 3.13 keeps the source of `python -c` under the name that every text has which is run."""
    program = """
    import functools
    from platform_assets.declare.arguments import returns_something
    from platform_assets.declare.version import version_of_code
    def retried(function):
        return functools.wraps(function)(lambda x: function(x))
    def made(code):
        names = {}
        exec(code, names)
        return names["f"]
    one, other = made("def f(x): return x + 1"), made("def f(x): return x + 2")
    returns_something(one, "here", "a value")
    assert version_of_code(one) != version_of_code(other)
    assert version_of_code(retried(one)) != version_of_code(retried(other))
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(program)], cwd=ROOT, check=True)
