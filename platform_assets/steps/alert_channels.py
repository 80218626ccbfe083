"""How alerts are sent: a webhook, e-mail. Within some seconds, whatever the server does, and without secrets in what is said of it."""

import json
import threading
from collections.abc import Callable
from dataclasses import asdict
from urllib.parse import unquote, urlsplit

from platform_assets.errors import PlatformError, is_failure
from platform_assets.settings import Settings
from platform_assets.stores.outbox import Alert

SECONDS = 10.0
"""A server that has not taken an alert by then has failed."""

Send = Callable[[Alert], None]


class AlertError(PlatformError):
    """An alert that could not be sent: by which channel, to which server, why."""


def channels_of(settings: Settings) -> dict[str, Send]:
    """The channels that the settings name, by name."""
    found: dict[str, Send] = {}
    if settings.alert_webhook is not None:
        url = settings.alert_webhook.get_secret_value()
        found["webhook"] = lambda alert: _within(f"webhook at {_host(url)}", lambda: _post(url, alert), [url, urlsplit(url).path])
    if settings.alert_emails and settings.alert_smtp is not None:
        server = settings.alert_smtp.get_secret_value()
        secrets = [server, unquote(urlsplit(server).password or ""), urlsplit(server).password or ""]
        found["email"] = lambda alert: _within(f"mail server {_host(server)}", lambda: _mail(server, settings.alert_emails, alert), secrets)
    return found


def _within(what: str, send: Callable[[], None], secrets: list[str]) -> None:
    """Sends, and gives up after SECONDS: a timeout of sockets starts anew with every byte that a server drips."""
    failed: list[BaseException] = []

    def run() -> None:
        try:
            send()
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=run, name="platform-assets-alert", daemon=True)
    thread.start()
    thread.join(SECONDS)
    if thread.is_alive():
        raise AlertError(f"{what}: no answer within {SECONDS:g} s")
    if failed:
        if not is_failure(failed[0]):
            raise failed[0]
        said = f"{type(failed[0]).__name__}: {failed[0]}"
        for secret in filter(lambda text: len(text) > 1, secrets):
            said = said.replace(secret, "***")
        raise AlertError(f"{what}: {said}")


def _post(url: str, alert: Alert) -> None:
    from urllib.request import HTTPRedirectHandler, Request, build_opener

    class Refused(HTTPRedirectHandler):
        def redirect_request(self, *_: object) -> None:
            return None  # an alert goes where it was told to go

    body = json.dumps(asdict(alert), ensure_ascii=False).encode()
    request = Request(url, body, {"Content-Type": "application/json; charset=utf-8", "User-Agent": "platform-assets"}, method="POST")
    with build_opener(Refused).open(request, timeout=SECONDS):
        pass


def _mail(server: str, to: tuple[str, ...], alert: Alert) -> None:
    import smtplib
    import ssl
    from email.message import EmailMessage

    parts, context = urlsplit(server), ssl.create_default_context()
    message = EmailMessage()
    subject = f"[{alert.severity}] {alert.what} {alert.partition}: {alert.reason}"
    message["Subject"] = " ".join(subject.split())[:200]
    message["From"], message["To"] = to[0], ", ".join(to)
    message["Message-ID"] = f"<{alert.id}.{''.join(filter(str.isdigit, alert.at))}@platform-assets>"
    message.set_content(alert.text)
    host, secure = parts.hostname or "", parts.scheme == "smtps"
    port = parts.port or (465 if secure else 587)
    opened = smtplib.SMTP_SSL(host, port, timeout=SECONDS, context=context) if secure else smtplib.SMTP(host, port, timeout=SECONDS)
    with opened as smtp:
        smtp.ehlo()
        if not secure and smtp.has_extn("starttls"):
            smtp.starttls(context=context)
            secure = True
        if parts.username:
            if not secure:
                raise AlertError("the server offers no TLS, so the password was not sent: write smtps://, or leave user and password out")
            smtp.login(unquote(parts.username), unquote(parts.password or ""))
        smtp.send_message(message)


def _host(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.hostname}:{parts.port}" if parts.port else str(parts.hostname)
