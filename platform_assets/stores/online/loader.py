"""Bulk writing into the online store: a value is replaced if and only if the new version is not older than the stored one."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from platform_assets.stores.online.connection import Session
from platform_assets.stores.online.layout import TOMBSTONE_BYTES, ViewLayout, joined, tombstone

BATCH = 500
"""Entities a call of the script: the server answers nobody else while it runs (2 ms)."""

_UNANSWERED = 32
"""Calls on their way at once: the server works while we pack."""

TOMBSTONE_SECONDS = 24 * 3600
"""How long a tombstone keeps older values from coming back: longer than any publication can be under way."""

# The versions are compared as numbers: Lua compares texts by the server's locale, and bytes are no text. 2^53 versions are enough.
REPLACE = f"""
local field, version, seconds, replaced = ARGV[1], tonumber(ARGV[2]), ARGV[3], 0
for i, key in ipairs(KEYS) do
  local stored = redis.call('HGET', key, field)
  if not stored or version >= struct.unpack('>I8', stored) then
    local value = ARGV[i + 3]
    redis.call('HSET', key, field, value)
    if seconds ~= '0' and #value == {TOMBSTONE_BYTES} then redis.call('HEXPIRE', key, seconds, 'FIELDS', 1, field) end
    replaced = replaced + 1
  end
end
return replaced
"""


class Loader:
    """Writes packed fields of a view through a session.

    `expires` says whether the server can let tombstones go (HEXPIRE: Valkey from 9, Redis from 8); otherwise they stay for good, a
    field of 8 bytes for each entity that was ever emptied.
    """

    def __init__(self, session: Session, layout: ViewLayout, tombstone_seconds: int = TOMBSTONE_SECONDS, batch: int = BATCH) -> None:
        self._session, self._field, self._batch = session, layout.field, batch
        self._script: bytes = session.call("SCRIPT", "LOAD", REPLACE)
        self.expires = session.call("COMMAND", "INFO", "HEXPIRE")[0] is not None
        self._seconds = str(tombstone_seconds if self.expires else 0).encode()

    def write(self, keys: pl.Series, values: pa.Array, version: int) -> int:
        """Writes the values, all read at `version`, for these keys; how many replaced what was there. OnlineError: not all are written."""
        return self._send(_Bulk(keys.to_arrow().cast(pa.large_binary())), _Bulk(values), version)

    def bury(self, keys: pl.Series, version: int) -> int:
        """Writes tombstones."""
        return self.write(keys, pa.repeat(pa.scalar(tombstone(version), pa.large_binary()), len(keys)), version)

    def _send(self, keys: "_Bulk", values: "_Bulk", version: int) -> int:
        replaced, unanswered = 0, 0
        for start in range(0, keys.count, self._batch):
            end = min(start + self._batch, keys.count)
            head = b"*%d\r\n$7\r\nEVALSHA\r\n$40\r\n%b\r\n" % (6 + 2 * (end - start), self._script) + _bulk(b"%d" % (end - start))
            arguments = b"".join(
                (head, keys.part(start, end), *map(_bulk, (self._field, b"%d" % version, self._seconds)), values.part(start, end))
            )
            self._session.send([arguments])
            unanswered += 1
            if unanswered == _UNANSWERED:
                replaced += self._session.answer()
                unanswered -= 1
        for _ in range(unanswered):
            replaced += self._session.answer()
        return replaced


class _Bulk:
    """Binary values as arguments of a command, all in one buffer: any run of them is a slice."""

    def __init__(self, values: pa.Array) -> None:
        lengths = pc.binary_length(values).cast(pa.string()).cast(pa.large_binary())
        packed = joined([b"$", lengths, b"\r\n", values, b"\r\n"])
        self.count = len(values)
        _, offsets, data = packed.buffers()
        self._offsets: Sequence[int] = np.frombuffer(offsets, np.int64)[packed.offset : packed.offset + self.count + 1].tolist()
        self._data: Any = memoryview(data) if data is not None else memoryview(b"")

    def part(self, start: int, end: int) -> Any:
        return self._data[self._offsets[start] : self._offsets[end]]


def _bulk(argument: bytes) -> bytes:
    return b"$%d\r\n%b\r\n" % (len(argument), argument)
