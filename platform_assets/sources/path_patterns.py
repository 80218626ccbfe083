"""The files that a path with placeholders and patterns stands for.

Patterns are those of a shell: `*`, `?`, `[ab]`, `[!a]`, and `**` for folders of any depth, in any part of a path; names that begin with a
dot are found only by a pattern that does. A name that is there with just these brackets is taken before what they would match as a pattern.
"""

import fnmatch
import os
import re
from collections.abc import Iterable, Iterator, Mapping
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


def placeholders(partition: str) -> dict[str, str]:
    """What stands for parts of a partition's key in a path: the key, its date, and the date's parts; of an hour also the hour.

    >>> placeholders("2024-03-05")["mm"], placeholders("2026-04-06T07")["hour"]
    ('03', '07')
    """
    date, _, hour = partition.partition("T")
    year, month, day = date.split("-")
    parts = {"day": partition, "partition": partition, "date": date, "yyyy": year, "mm": month, "dd": day}
    return {**parts, "hour": hour} if hour else parts


def has_placeholder(path: str) -> bool:
    """Whether a path is another one for each partition."""
    return any(found[1] is not None for found in _PLACEHOLDER.finditer(path))


def fixed_prefix(path: str) -> str:
    """The folders of a path of an object store in front of its first placeholder or pattern, with a slash at the end, or nothing."""
    parts = path.split("/")[:-1]
    count = next((n for n, part in enumerate(parts) if has_placeholder(part) or _is_pattern(part)), len(parts))
    return "".join(f"{part}/" for part in parts[:count]).replace("{{", "{").replace("}}", "}")


def fixed_folder(path: Path) -> Path:
    """The part of a path in front of its first placeholder or pattern."""
    folder = Path(path.anchor)
    for part in path.parts[1 if path.anchor else 0 : -1]:
        if any(found[1] is not None for found in _PLACEHOLDER.finditer(part)) or (_is_pattern(part) and not (folder / part).is_dir()):
            break
        folder /= part.replace("{{", "{").replace("}}", "}")
    return folder


class Listing:
    """The names in folders. Each folder is listed once, so that one look at thousands of partitions does not list it for each of them."""

    def __init__(self) -> None:
        self._names: dict[str, list[str]] = {}
        self._by_digits: dict[tuple[str, str], dict[str, list[str]]] = {}

    def names(self, folder: str) -> list[str]:
        """All names in a folder; none when there is no folder."""
        if folder not in self._names:
            try:
                self._names[folder] = sorted(os.listdir(folder))
            except (NotADirectoryError, FileNotFoundError):
                self._names[folder] = []
        return self._names[folder]

    def candidates(self, folder: str, pattern: str) -> list[str]:
        """The names in a folder that a pattern may match: those that contain the digits of its date, found by an index."""
        literal = max(_DATE.findall(re.sub(r"\[[^]]*\]", "*", pattern)), key=len, default="")
        if not literal:
            return self.names(folder)
        shape = re.sub(r"\d", "0", literal)
        if (folder, shape) not in self._by_digits:
            anywhere = re.compile("(?=(" + re.escape(shape).replace("0", r"\d") + "))")
            index: dict[str, list[str]] = {}
            for name in self.names(folder):
                for found in dict.fromkeys(anywhere.findall(name)):
                    index.setdefault(found, []).append(name)
            self._by_digits[folder, shape] = index
        return self._by_digits[folder, shape].get(literal, [])


_DATE = re.compile(r"[0-9][0-9T_-]{3,}[0-9]")


def matching(path: str, listing: Listing) -> list[str]:
    """What an absolute path or pattern finds, files and folders, in the order of their names.

    Plain texts: of ten thousand paths pathlib alone would take longer than a sensor may.
    """
    if os.path.lexists(path):
        return [path]
    first, *parts = path.split(os.sep)
    return sorted(set(_below(first + os.sep, tuple(parts), listing)), key=lambda found: found.split(os.sep))


def matching_names(pattern: str, names: Iterable[str]) -> list[str]:
    """The names of objects, with slashes, that a pattern matches as it would match files in folders; sorted."""
    wanted = tuple(pattern.split("/"))
    return sorted(name for name in names if name == pattern or _is_below(tuple(name.split("/")), wanted))


def _is_below(parts: tuple[str, ...], wanted: tuple[str, ...]) -> bool:
    if not wanted or not parts:
        return not wanted and not parts
    first, rest = wanted[0], wanted[1:]
    if first == "**":
        return _is_below(parts, rest) or (not parts[0].startswith(".") and _is_below(parts[1:], wanted))
    return _is_like(parts[0], first) and _is_below(parts[1:], rest)


def _is_like(name: str, pattern: str) -> bool:
    if not _is_pattern(pattern):
        return name == pattern
    return bool(
        (not name.startswith(".") or pattern.startswith("."))
        and (_matches([name], _as_it_stands(pattern)) or _matches([name], _as_set(pattern)))
    )


def _below(folder: str, parts: tuple[str, ...], listing: Listing) -> Iterator[str]:
    if not parts:
        yield folder
        return
    part, rest = parts[0], parts[1:]
    if part == "**":
        yield from _below(folder, rest, listing)
        for name in listing.names(folder):
            below = os.path.join(folder, name)
            if not name.startswith(".") and os.path.isdir(below) and not os.path.islink(below):
                yield from _below(below, parts, listing)
    elif not _is_pattern(part):
        # The folders in front of a pattern: what is in them says whether they are there.
        if _is_pattern("".join(rest)) or os.path.lexists(os.path.join(folder, part)):
            yield from _below(os.path.join(folder, part), rest, listing)
    else:
        names = [name for name in listing.candidates(folder, part) if not name.startswith(".") or part.startswith(".")]
        for name in _matches(names, _as_it_stands(part)) or _matches(names, _as_set(part)):
            yield from _below(os.path.join(folder, name), rest, listing)


def _as_it_stands(part: str) -> str:
    """The pattern whose brackets are just brackets."""
    return re.sub(r"\[", "[[]", part)


def _as_set(part: str) -> str:
    """The pattern whose brackets are a set of characters."""
    return re.sub(r"\[\^", "[!", part)


def _matches(names: list[str], pattern: str) -> list[str]:
    if "[" not in pattern and len(names) < _FEW:
        return [name for name in names if _is_match(name, pattern)]
    matches = re.compile(fnmatch.translate(pattern)).match
    return [name for name in names if matches(name)]


_FEW = 100
"""To compile a pattern takes as long as to try it on so many names."""


def _is_match(name: str, pattern: str) -> bool:
    """Whether a name is like a pattern of `*` and `?`: what stands between the stars is found from left to right."""
    first, *rest = pattern.split("*")
    if not rest:
        return len(name) == len(first) and _is_at(name, first, 0)
    if len(name) < len(first) + len(rest[-1]) or not _is_at(name, first, 0) or not _is_at(name, rest[-1], len(name) - len(rest[-1])):
        return False
    at, end = len(first), len(name) - len(rest[-1])
    for part in rest[:-1]:
        found = next((n for n in range(at, end - len(part) + 1) if _is_at(name, part, n)), None)
        if found is None:
            return False
        at = found + len(part)
    return at <= end


def _is_at(name: str, part: str, at: int) -> bool:
    if "?" not in part:
        return name.startswith(part, at)
    return len(name) >= at + len(part) and all(wanted in ("?", given) for wanted, given in zip(part, name[at:], strict=False))


def _is_pattern(part: str) -> bool:
    return any(mark in part for mark in "*?[")
