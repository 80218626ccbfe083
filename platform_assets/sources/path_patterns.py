"""The files that a path with placeholders and patterns stands for.

Patterns are those of a shell: `*`, `?`, `[ab]`, `[!a]`, and `**` for folders of any depth, in any part of a path; names that begin with a
dot are found only by a pattern that does. A name that is there with just these brackets is taken before what they would match as a pattern.
"""

import fnmatch
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from platform_assets.errors import SourceError

_PLACEHOLDER = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")


def filled(path: str, values: Mapping[str, str], where: str) -> str:
    """The path with its placeholders replaced; `{{` and `}}` are braces.

    Raises:
        SourceError: there is no such placeholder; or a brace stands alone, or the day is written as strftime does, which finds no file of
            any day.
    """
    known = ", ".join(f"{{{name}}}" for name in values)

    def value(found: re.Match[str]) -> str:
        if found[0] in ("{{", "}}"):
            return found[0][0]
        if found[1] is None:
            raise SourceError(
                f"{where}: the path {path!r} has a {found[0]} without its other half. Known are {known}; write a brace that is part of a "
                f"name twice: {found[0] * 2}."
            )
        if found[1] not in values:
            raise SourceError(
                f"{where}: the path {path!r} has the placeholder {found[0]}, which is not known. Known are {known}; "
                f"write a brace that is part of a name twice: {{{found[0]}}}."
            )
        return values[found[1]]

    replaced = _PLACEHOLDER.sub(value, path)
    if "%Y" in path:
        raise SourceError(f"{where}: the path {path!r} has %Y, which is not replaced by the year. Known are {known}.")
    return replaced


def fixed_folder(path: Path) -> Path:
    """The part of a path in front of its first placeholder or pattern."""
    folder = Path(path.anchor)
    for part in path.parts[1 if path.anchor else 0 : -1]:
        if any(found[1] is not None for found in _PLACEHOLDER.finditer(part)) or (_is_pattern(part) and not (folder / part).is_dir()):
            break
        folder /= part.replace("{{", "{").replace("}}", "}")
    return folder


def matching(path: Path) -> list[Path]:
    """The files that a path or pattern finds, in the order of their names."""
    if os.path.lexists(path):
        return [path]
    parts = path.parts[1:] if path.anchor else path.parts
    found = {file for file in _below(Path(path.anchor), parts) if not file.is_dir()}
    return sorted(found)


def _below(folder: Path, parts: tuple[str, ...]) -> Iterator[Path]:
    if not parts:
        yield folder
        return
    part, rest = parts[0], parts[1:]
    if part == "**":
        yield from _below(folder, rest)
        for name in _names(folder):
            if not name.startswith(".") and (folder / name).is_dir() and not (folder / name).is_symlink():
                yield from _below(folder / name, parts)
    elif not _is_pattern(part):
        if os.path.lexists(folder / part):
            yield from _below(folder / part, rest)
    else:
        names = [name for name in _names(folder) if not name.startswith(".") or part.startswith(".")]
        literal = re.sub(r"\[", "[[]", part)
        chosen = _matches(names, literal) or _matches(names, re.sub(r"\[\^", "[!", part))
        for name in chosen:
            yield from _below(folder / name, rest)


def _matches(names: list[str], pattern: str) -> list[str]:
    matches = re.compile(fnmatch.translate(pattern)).match
    return [name for name in names if matches(name)]


def _is_pattern(part: str) -> bool:
    return any(mark in part for mark in "*?[")


def _names(folder: Path) -> list[str]:
    try:
        return os.listdir(folder or ".")
    except (NotADirectoryError, FileNotFoundError):
        return []
