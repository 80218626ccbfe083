"""How an API knows who asks. A secret stands in a variable or a file, is read for each partition, and shown nowhere."""

import os
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal
from urllib.parse import quote, quote_plus

from platform_assets.declare.arguments import checked_arguments, shown
from platform_assets.errors import DeclarationError, SourceError

HIDDEN = "***"
_SHORTEST = 4
"""Of a shorter secret the characters stand everywhere by chance."""


@dataclass(frozen=True)
class Credentials:
    """Who asks, and where the secret is. Made by `bearer_token`, `basic_auth` and `api_key`."""

    kind: Literal["bearer", "basic", "header", "query"]
    name: str
    """Of the header or parameter; of "basic" the user."""
    env: str | None
    file: str | None

    @property
    def place(self) -> str:
        """Where the secret is, for messages."""
        return f"the variable {self.env}" if self.env else f"the file {self.file}"

    def read(self, where: str) -> "Identity":
        """The secret, as it is now.

        Raises:
            SourceError: it is not there, is empty, or has characters that no header may have.
        """
        if self.env:
            secret = os.environ.get(self.env, "")
        else:
            try:
                secret = Path(self.file or "").read_text()
            except (OSError, UnicodeDecodeError) as error:
                raise SourceError(f"{where}: the secret cannot be read from {self.place}: {type(error).__name__}.") from None
        secret = secret.strip()
        if not secret:
            raise SourceError(f"{where}: {self.place} is not set or empty. Set it to the secret for the API.")
        if not secret.isascii() or not secret.isprintable():
            raise SourceError(f"{where}: {self.place} holds characters that cannot be sent in a header. Set it to the secret alone.")
        if self.kind == "query":
            return Identity({}, {self.name: secret}, secret)
        sent = {
            "bearer": f"Bearer {secret}",
            "basic": f"Basic {b64encode(f'{self.name}:{secret}'.encode()).decode()}",
            "header": secret,
        }[self.kind]
        return Identity({self.name if self.kind == "header" else "Authorization": sent}, {}, secret)


@dataclass(frozen=True)
class Identity:
    """A secret that has been read, as it is sent."""

    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    parameters: Mapping[str, str] = field(default_factory=dict, repr=False)
    secret: str = field(default="", repr=False)

    def hide(self, text: str) -> str:
        """A text that may be shown."""
        return self.hide_in(text.encode()).decode()

    def hide_in(self, content: bytes) -> bytes:
        """The same content without the secret, however it is written there."""
        if len(self.secret) < _SHORTEST:
            return content
        sent = [value.rpartition(" ")[2] for value in self.headers.values()]
        for form in {self.secret, *sent, quote(self.secret, safe=""), quote(self.secret), quote_plus(self.secret)}:
            content = content.replace(form.encode(), HIDDEN.encode())
        return content


NOBODY = Identity()


@checked_arguments("bearer_token")
def bearer_token(*, env: str | None = None, file: str | Path | None = None) -> Credentials:
    """A token that is sent as `Authorization: Bearer ...`.

    Args:
        env: the variable of the environment that holds it; or
        file: the file.

    >>> bearer_token(env="RATES_TOKEN").place
    'the variable RATES_TOKEN'
    """
    return _credentials("bearer_token", "bearer", "", env, file)


@checked_arguments("basic_auth")
def basic_auth(user: str, *, env: str | None = None, file: str | Path | None = None) -> Credentials:
    """A user and a password, sent as `Authorization: Basic ...`.

    Args:
        user: the name.
        env: the variable of the environment that holds the password; or
        file: the file.

    >>> basic_auth("shop", file="/run/secrets/rates").place
    'the file /run/secrets/rates'
    """
    return _credentials("basic_auth", "basic", _named(user, "basic_auth, user"), env, file)


@checked_arguments("api_key")
def api_key(*, header: str | None = None, query: str | None = None, env: str | None = None, file: str | Path | None = None) -> Credentials:
    """A key that is sent in a header or a parameter of its own.

    Args:
        header: the name of the header, such as "X-Api-Key"; or
        query: the name of the parameter, such as "appid".
        env: the variable of the environment that holds the key; or
        file: the file.

    >>> api_key(query="appid", env="WEATHER_KEY").place
    'the variable WEATHER_KEY'
    """
    if (header is None) == (query is None):
        raise DeclarationError("api_key: say where it is sent, in a header or the query: api_key(header='X-Api-Key', env='WEATHER_KEY').")
    name = _named(header if query is None else query, "api_key")
    return _credentials("api_key", "header" if query is None else "query", name, env, file)


def _named(name: object, where: str) -> str:
    if not isinstance(name, str) or not name or not name.isascii() or not name.isprintable():
        raise DeclarationError(f"{where}: {shown(name)} is no name. Write it as the API's documentation does, such as 'X-Api-Key'.")
    return name


def _credentials(
    what: str, kind: Literal["bearer", "basic", "header", "query"], name: str, env: str | None, file: str | Path | None
) -> Credentials:
    if (env is None) == (file is None):
        raise DeclarationError(f"{what}: say where the secret is, in a variable or in a file: {what}(..., env='RATES_TOKEN').")
    if env is not None and (not isinstance(env, str) or not env.isidentifier()):
        # The value may be the secret itself: it is not repeated.
        raise DeclarationError(f"{what}: env= is the name of a variable of the environment, such as 'RATES_TOKEN', not the secret itself.")
    return Credentials(kind, name, env, None if file is None else str(file))
