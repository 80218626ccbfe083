"""Bulk writes to the online store: a value is replaced if and only if the new version is not older than the stored one.

Nothing is written for a publication that the store does not know: if the store lost its data in the meantime, nobody would correct the
writes.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from platform_assets.errors import OnlineError
from platform_assets.stores.online.connection import Session
from platform_assets.stores.online.key_layout import entities_field, marks_key, unfinished_field
from platform_assets.stores.online.value_layout import TOMBSTONE_BYTES, ViewLayout, joined, tombstone

BATCH = 500
"""Entities per call of the script: the server is blocked while it runs (2 ms)."""

_UNANSWERED = 32
"""Calls in flight at once: the server works while we pack."""

TOMBSTONE_SECONDS = 24 * 3600
"""How long a tombstone prevents older values from reappearing: longer than any publication can run."""

_COMPACT_FIELDS = 100
"""Hashes with more fields are not small anyway."""

# A hash in which a field ever had an expiry permanently takes 384 bytes instead of 208: it is rewritten when the last tombstone is gone.
# Versions are compared as numbers: Lua compares strings by the server's locale, and bytes are not text. 2^53 versions are enough.
REPLACE = f"""
local function compact(key)
  local all = redis.call('HGETALL', key)
  for place = 2, #all, 2 do
    if #all[place] == {TOMBSTONE_BYTES} then return end
  end
  if #all > {_COMPACT_FIELDS} * 2 then return end
  redis.call('DEL', key)
  redis.call('HSET', key, unpack(all))
end
local field, version, seconds, replaced, entities = ARGV[1], tonumber(ARGV[2]), ARGV[3], 0, 0
local unfinished = redis.call('HGET', KEYS[1], ARGV[4])
if not unfinished or not string.find(unfinished, ARGV[5], 1, true) then return -1 end
for i = 2, #KEYS do
  local key = KEYS[i]
  local stored = redis.call('HGET', key, field)
  if not stored or version >= struct.unpack('>I8', stored) then
    local value = ARGV[i + 5]
    redis.call('HSET', key, field, value)
    if stored and #stored ~= {TOMBSTONE_BYTES} then entities = entities - 1 end
    if #value ~= {TOMBSTONE_BYTES} then entities = entities + 1 end
    if seconds ~= '0' then
      if #value == {TOMBSTONE_BYTES} then
        redis.call('HEXPIRE', key, seconds, 'FIELDS', 1, field)
      elseif stored and #stored == {TOMBSTONE_BYTES} then
        compact(key)
      end
    end
    replaced = replaced + 1
  end
end
if entities ~= 0 then redis.call('HINCRBY', KEYS[1], ARGV[6], entities) end
return replaced
"""


class Unannounced(OnlineError):
    """A write was refused because the store does not know its publication, or no longer."""


class Loader:
    """Writes packed fields of a view for a publication that has begun (publication_state.py).

    token: the publication's name. seconds: the expiry of tombstones.
    `expires` says whether the server can expire them (HEXPIRE: Valkey from 9, Redis from 8); otherwise they stay for ever, a field
    of 8 bytes for each entity that was ever emptied.
    """

    def __init__(self, session: Session, layout: ViewLayout, token: str, seconds: int = TOMBSTONE_SECONDS) -> None:
        self._session = session
        self._marks = _bulk(marks_key(session.store.project))
        self._script: bytes = session.call("SCRIPT", "LOAD", REPLACE)
        self.expires = session.call("COMMAND", "INFO", "HEXPIRE")[0] is not None
        self._field, self._announced = _bulk(layout.field), _bulk(unfinished_field(layout)) + _bulk(token.encode())
        self._entities = _bulk(entities_field(layout))
        self._seconds = _bulk(b"%d" % (seconds if self.expires else 0))

    def write(self, keys: pl.Series, values: pa.Array, version: int) -> int:
        """Writes the values, all read at `version`, for these keys; returns how many replaced the stored value.

        OnlineError: not all are written. Unannounced: the same, because the publication is no longer known.
        """
        return self._send(_Bulk(keys.to_arrow().cast(pa.large_binary())), _Bulk(values), version)

    def bury(self, keys: pl.Series, version: int) -> int:
        """Writes tombstones."""
        return self.write(keys, pa.repeat(pa.scalar(tombstone(version), pa.large_binary()), len(keys)), version)

    def _send(self, keys: "_Bulk", values: "_Bulk", version: int) -> int:
        replaced, unanswered = 0, 0
        options = self._field + _bulk(b"%d" % version) + self._seconds + self._announced + self._entities
        for start in range(0, keys.count, BATCH):
            end = min(start + BATCH, keys.count)
            count = end - start
            head = b"*%d\r\n$7\r\nEVALSHA\r\n%b%b" % (10 + 2 * count, _bulk(self._script), _bulk(b"%d" % (1 + count)))
            self._session.send([b"".join((head, self._marks, keys.part(start, end), options, values.part(start, end)))])
            unanswered += 1
            if unanswered == _UNANSWERED:
                replaced += self._answer()
                unanswered -= 1
        for _ in range(unanswered):
            replaced += self._answer()
        return replaced

    def _answer(self) -> int:
        replaced: int = self._session.answer()
        if replaced < 0:
            raise Unannounced(f"the online store {self._session.store.address} no longer knows this publication: publish again.")
        return replaced


class _Bulk:
    """Binary values as arguments of a command in a single buffer: consecutive values are a slice of it."""

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
