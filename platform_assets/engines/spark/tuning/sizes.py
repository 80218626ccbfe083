"""Sizes in bytes as people and as Spark write them."""

import re

from platform_assets.errors import EngineError

KB, MB, GB, TB = 1 << 10, 1 << 20, 1 << 30, 1 << 40
_UNITS = {"": 1, "b": 1, "k": KB, "m": MB, "g": GB, "t": TB}
_SIZE = re.compile(r"(\d+(?:\.\d+)?) *([kmgt]?)i?b?", re.IGNORECASE)


def bytes_of(text: str) -> int:
    """The bytes of a size such as 512m, 8g or "1.5 GB".

    Raises:
        EngineError: it is not a size.
    """
    found = _SIZE.fullmatch(text.strip())
    if found is None:
        raise EngineError(f"{text!r} is not a size: write it like 512MB, 20GB or 1.5TB.")
    return int(float(found[1]) * _UNITS[found[2].lower()])


def size(count: int) -> str:
    """Bytes as people write them: 512 MB, 3.5 GB."""
    for unit, name in ((1 << 40, "TB"), (GB, "GB"), (MB, "MB"), (1 << 10, "KB")):
        if count >= unit:
            return f"{count / unit:.1f}".removesuffix(".0") + f" {name}"
    return f"{count} bytes"


def megabytes(count: int) -> str:
    """Memory in the format of Spark's settings: 3584m, 8g."""
    return f"{count // GB}g" if count % GB == 0 else f"{count // MB}m"
