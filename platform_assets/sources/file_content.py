"""What is in a text file: its bytes in UTF-8, whatever encoding and compression it has; mapped to memory rather than read."""

import codecs
import gzip
import mmap
import shutil
import tempfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

from platform_assets.errors import SourceError
from platform_assets.sources.csv_records import Data, let_go, line_at


def content_of(file: Path, where: str, encoding: str, reader: str) -> Data:
    """The bytes of a file in UTF-8, unpacked if it is compressed.

    reader: the method that reads it, for errors that say which argument it needs.

    Raises:
        SourceError: it is empty, or in another encoding.
    """
    with file.open("rb") as opened:
        head = opened.read(4)
        if not head:
            raise SourceError(no_content(where, "it has not even a header" if reader == "read_csv" else "it has no line"))
        data: Data = _mapped(opened)
    if (unpacked := _PACKED.get(head[:2])) is not None and (head[:2] != b"\x28\xb5" or head == b"\x28\xb5\x2f\xfd"):
        data = unpacked(file)
    mark = data[:2]
    if encoding in _UTF8:
        if mark in (b"\xff\xfe", b"\xfe\xff"):
            raise SourceError(f"{where}: it is UTF-16. Say so: {reader}(..., encoding='utf-16').")
        if b"\x00" in data[: line_at(data, 0)[0]]:
            raise SourceError(
                f"{where}: its header has zero bytes. It is not text, or it is unmarked UTF-16: {reader}(..., encoding='utf-16-le')."
            )
        return data
    return _in_utf8(data, "utf-8", "replace") if encoding == "utf8-lossy" else _in_utf8(data, encoding)


_UTF8 = ("utf8", "utf-8", "UTF-8", "utf-8-sig")
SMALL = 1 << 24
"""Bytes of a file that is read as a whole. What has to be made of a larger one is written to disk: it may be many times as large."""


def _mapped(opened: IO[bytes]) -> mmap.mmap:
    return mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ)


def _in_utf8(data: Data, encoding: str, errors: str = "strict") -> Data:
    if len(data) <= SMALL:
        return data[:].decode(encoding, errors).encode()
    decoder = codecs.getincrementaldecoder(encoding)(errors)
    with tempfile.TemporaryFile() as copy:
        for start in range(0, len(data), SMALL):
            copy.write(decoder.decode(data[start : start + SMALL], final=start + SMALL >= len(data)).encode())
            let_go(data, start)
        copy.flush()
        return _mapped(copy)


def _gzip(file: Path) -> Data:
    with gzip.open(file) as unpacked:
        return _copied(unpacked)


def _zstd(file: Path) -> Data:
    import pyarrow as pa

    with pa.OSFile(str(file)) as packed, pa.CompressedInputStream(packed, "zstd") as unpacked:
        return _copied(unpacked)


def _zlib(file: Path) -> Data:
    with file.open("rb") as packed, tempfile.TemporaryFile() as copy:
        unpacking = zlib.decompressobj()
        while text := packed.read(SMALL >> 4):
            copy.write(unpacking.decompress(text))
        if not unpacking.eof:
            raise EOFError
        copy.write(unpacking.flush())
        copy.flush()
        copy.seek(0)
        return _mapped(copy) if copy.seek(0, 2) else b""


def _copied(unpacked: Any) -> Data:
    if len(begin := unpacked.read(SMALL)) < SMALL:
        return bytes(begin + unpacked.read())  # a short read is not always the end
    with tempfile.TemporaryFile() as copy:
        copy.write(begin)
        shutil.copyfileobj(unpacked, copy, SMALL)
        copy.flush()
        return _mapped(copy)


_PACKED: dict[bytes, Callable[[Path], Data]] = {
    b"\x1f\x8b": _gzip,
    b"\x28\xb5": _zstd,
    b"\x78\x01": _zlib,
    b"\x78\x9c": _zlib,
    b"\x78\xda": _zlib,
}


def no_content(where: str, said: str) -> str:
    return f"{where}: the file is empty, {said}. Deliver it again, or remove it."


def why_unreadable(error: Exception, reader: str) -> str:
    """What is wrong with a file, and the fix."""
    if isinstance(error, UnicodeDecodeError) or "utf-8" in str(error):
        return f"invalid utf-8 sequence. Say which encoding it has: {reader}(..., encoding='latin-1')."
    if isinstance(error, EOFError):
        return "unexpected end of file. Deliver it again."
    return f"{str(error).splitlines()[0]}. Deliver it again."
