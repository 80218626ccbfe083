"""Writes docs/reference/api.md from the docstrings of the public surface: `make docs`."""

import re
from pathlib import Path

from griffe2md import ConfigDict, write_package_docs

import platform_assets

PAGE = Path(__file__).with_name("api.md")
HEAD = """# Reference

Every public name, from its docstring. Written by `make docs`; a test fails when this page is not what the docstrings say.
"""
CONFIG = ConfigDict(
    members=platform_assets.__all__,
    docstring_style="google",
    docstring_section_style="list",
    line_length=100,
    merge_init_into_class=True,
    separate_signature=True,
    show_bases=False,
    show_if_no_docstring=False,
    show_root_heading=False,
    show_signature_annotations=True,
    show_submodules=False,
    signature_crossrefs=False,
    summary=False,
)


def api(draft: Path) -> str:
    """The page as it must be; `draft` is where the raw one is written on the way."""
    write_package_docs("platform_assets", config=CONFIG, output=str(draft))
    text = draft.read_text()
    text = text[text.index("\n## `platform_assets.") :].replace("`platform_assets.", "`")
    text = re.sub(r"\[([^\]\n]+)\]\(#[^)\n]*\)", r"\1", text)  # links to what has no heading here
    text = re.sub(r"</?code>", "`", text)
    text = text.replace("\n```python\n", "\n```py\n")  # signatures: no examples to run
    text = re.sub(r"\n\n((?:>>>|\.\.\.) .*(?:\n.+)*)", r"\n\n```pycon\n\1\n```", text)
    return HEAD + text.rstrip() + "\n"


if __name__ == "__main__":
    PAGE.write_text(api(PAGE.with_suffix(".draft")))
    PAGE.with_suffix(".draft").unlink()
