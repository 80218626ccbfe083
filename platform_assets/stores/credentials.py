"""Hides credentials of an object store in texts: libraries quote URLs, options and server responses in their errors."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from urllib.parse import parse_qsl, quote, quote_plus, urlsplit

from platform_assets.errors import LakeError

_SECRET_NAME = re.compile(r"key|secret|token|sas|password", re.IGNORECASE)
_SHORTEST = 4
"""A shorter value would occur in ordinary words."""


def hide_credentials(text: str, options: Mapping[str, str]) -> str:
    """A text that is safe to show: secret options and the user and query of URLs are replaced by `***`.

    >>> hide_credentials("GET http://ann:pw@store:9000/b?sig=x: 403 for hunter2", {"aws_session_token": "hunter2"})
    'GET http://***@store:9000/b?***: 403 for ***'
    """
    for secret in sorted(set(_secrets(options)), key=len, reverse=True):
        text = text.replace(secret, "***")
    text = re.sub(r"(https?://)[^/\s?]+@", r"\1***@", text)
    return re.sub(r"(https?://[^\s?]*)\?[^\s:]*", r"\1?***", text)


def check_endpoints(options: Iterable[tuple[str, str]]) -> None:
    """Refuses credentials in the URL of an endpoint: Delta and Polars quote it in their errors.

    Raises:
        LakeError: an endpoint has a user, a password or a query.
    """
    for name, value in options:
        is_endpoint = re.search(r"endpoint|_url$|_host$", name, re.IGNORECASE) and "proxy" not in name.lower() and "://" in value
        if is_endpoint and ("@" in urlsplit(value).netloc or "?" in value):
            raise LakeError(f"{name} has a user, a password or a query in its URL. Remove them: credentials have their own options.")


def _secrets(options: Mapping[str, str]) -> Iterator[str]:
    """The secret values, plain and URL-encoded."""
    for name, value in options.items():
        is_json = value.lstrip().startswith("{")
        if _SECRET_NAME.search(name) or is_json:
            signatures = (text for part, text in parse_qsl(value.lstrip("?")) if part == "sig")  # in a SAS token
            for secret in (value, *signatures, *(_texts(value) if is_json else ())):
                if len(secret) >= _SHORTEST:
                    yield from (secret, quote(secret, safe=""), quote_plus(secret), json.dumps(secret)[1:-1])


def _texts(value: str) -> list[str]:
    """The secrets in a Google service account file."""
    try:
        fields = json.loads(value)
    except ValueError:
        return []
    return [text for name, text in fields.items() if isinstance(text, str) and "key" in name]
