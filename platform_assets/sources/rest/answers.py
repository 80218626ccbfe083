"""The answers of an API as they came, kept in the lake before they are read: <source>/responses/<partition>/<when>/.

Of each page there are two files: the body, packed, and what is known of the call. The last file, `complete.json`, says that all pages are
there, what was asked, and by which version of the declaration. Nothing deletes them.
"""

import gzip
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from platform_assets.stores.location import storage_at
from platform_assets.stores.tables import RESPONSES

_COMPLETE = "complete.json"


@dataclass(frozen=True)
class Answer:
    """What an API has answered, without secrets."""

    url: str
    """What was asked."""
    status: int
    content_type: str
    charset: str | None
    asked_at: datetime
    seconds: float
    """From the question to the last byte, with all tries and waits; of one from the cache next to nothing."""
    is_cached: bool
    next_link: str | None
    """Of the header Link."""
    body: bytes = field(repr=False)
    """Unpacked."""


class KeptAnswers:
    """The answers that were given for one partition.

    lake: a `Lake`, or None where there is none: then nothing is kept.
    """

    def __init__(self, lake: Any, source: str, partition: str) -> None:
        self._files = None if lake is None else storage_at("/".join((lake.root, source, RESPONSES, partition)), lake.storage_options)
        self._source = source
        now = datetime.now(UTC)
        self.folder = f"{now:%Y%m%dT%H%M%S.%fZ}-{uuid4().hex[:8]}"
        self._pages = 0

    @property
    def place(self) -> str | None:
        """Where the answers of this reading are."""
        return None if self._files is None or not self._pages else self._files.path(self.folder)

    def keep(self, answer: Answer) -> None:
        """Writes an answer down."""
        self._pages += 1
        if self._files is None:
            return
        name = f"{self.folder}/{self._pages:05}"
        self._files.write(f"{name}.body.gz", gzip.compress(answer.body, compresslevel=6, mtime=0))
        known = {**asdict(answer), "source": self._source, "asked_at": answer.asked_at.isoformat(), "bytes": len(answer.body)}
        known.pop("body")
        self._write(f"{name}.json", known)

    def complete(self, asked: str, version: str) -> None:
        """Says that all pages are there. asked: what was asked. version: of the declaration that asked."""
        if self._files is not None:
            self._write(f"{self.folder}/{_COMPLETE}", {"pages": self._pages, "asked": asked, "version": version})

    def newest(self, asked: str) -> tuple[str, int, str] | None:
        """The folder of the newest complete answers to the same question, the number of their pages, and the version that asked."""
        if self._files is None:
            return None
        folders = sorted(path.partition("/")[0] for path in self._files.files() if path.endswith(f"/{_COMPLETE}"))
        for folder in reversed(folders):
            found = json.loads(self._files.read(f"{folder}/{_COMPLETE}"))
            if found["asked"] == asked:
                return folder, found["pages"], found["version"]
        return None

    def pages(self, folder: str, count: int) -> Iterator[Answer]:
        """Answers that were kept, in their order."""
        assert self._files is not None
        for number in range(1, count + 1):
            name = f"{folder}/{number:05}"
            known = json.loads(self._files.read(f"{name}.json"))
            known = {name: known[name] for name in Answer.__dataclass_fields__ if name in known}
            body = gzip.decompress(self._files.read(f"{name}.body.gz"))
            yield Answer(**{**known, "asked_at": datetime.fromisoformat(known["asked_at"]), "body": body})

    def _write(self, path: str, known: Any) -> None:
        assert self._files is not None
        self._files.write(path, json.dumps(known, indent=1).encode())
