"""How a CI job logs in to a hub without a stored secret: by the token that the CI service signs for it."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final
from urllib.parse import quote

from orchard.errors import DeniedError, NotFoundError, RemoteError, UsageError
from orchard.oci import JSON, dumps, loads
from orchard.remote import Credential, Options, Url, Web

VARIABLE: Final = "ORCHARD_ID_TOKEN"  # where the job's definition puts the token, at services that do so (GitLab)
_MAX_ANSWER: Final = 64 << 10  # bytes
_CREATED: Final = 201
# Where GitHub's runners give a token for whatever audience is asked for (docs.github.com, "OpenID Connect").
_GITHUB_URL: Final = "ACTIONS_ID_TOKEN_REQUEST_URL"
_GITHUB_TOKEN: Final = "ACTIONS_ID_TOKEN_REQUEST_TOKEN"  # noqa: S105 -- the name of a variable


def job_credential(host: str, options: Options, environ: Mapping[str, str], *, trust: str | None = None) -> Credential:
    """Get a credential of a hub for the CI job that this runs in; it lives for minutes.

    Args:
        host: The hub.
        options: How to reach it.
        environ: Of the job.
        trust: ``namespace/name`` of what the hub believes; may be absent where only one fits.

    Raises:
        UsageError: If this is no CI job that has a token.
        DeniedError: If the hub does not believe it.
        RemoteError: If the hub, or the CI service, does not answer as it should.
    """
    base = f"{'http' if options.plain_http else 'https'}://{host}"
    with Web(base, options=options) as hub:
        audience = _text(_read(hub, f"{base}/api/v1/ci"), "audience", host)
        shown = _token(environ, audience, options)
        asked: dict[str, JSON] = {"token": shown, **({} if trust is None else {"trust": trust})}
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        answer = hub.post(Url.parse(f"{base}/api/v1/ci/tokens"), dumps(asked), headers, limit=_MAX_ANSWER)
    found = loads(answer.body, what=f"{host}: answer", limit=_MAX_ANSWER) if answer.body else None
    if answer.status != _CREATED:
        said = found.get("detail") if isinstance(found, dict) else None
        raise DeniedError(f"{host}: refused this job: {said or f'status {answer.status}'}")
    return Credential(_text(found, "account", host), _text(found, "secret", host))


def _token(environ: Mapping[str, str], audience: str, options: Options) -> str:
    """Find the token of the job.

    Raises:
        UsageError: If there is none.
        RemoteError: If the service does not give it.
    """
    if environ.get(VARIABLE):
        return environ[VARIABLE]
    url, secret = environ.get(_GITHUB_URL), environ.get(_GITHUB_TOKEN)
    if not url or not secret:
        raise UsageError(
            f"this job has no token to show: let the CI service put one for this hub into ${VARIABLE}, or, at GitHub, "
            "give the job the permission id-token: write"
        )
    where = Url.parse(f"{url}&audience={quote(audience, safe='')}")
    with Web(
        str(where.origin), options=replace(options, plain_http=where.origin.scheme == "http"), token=secret
    ) as web:
        return _text(loads(web.ask(where).body, what="token of the job", limit=_MAX_ANSWER), "value", where.origin.host)


def _read(hub: Web, url: str) -> JSON:
    """Ask the hub for a document.

    Raises:
        RemoteError: If it has none: then it is no hub, or an old one.
    """
    try:
        return loads(hub.ask(Url.parse(url)).body, what=url, limit=_MAX_ANSWER)
    except NotFoundError as error:
        raise RemoteError(f"{hub.host}: is no Orchard hub, or one that takes no tokens of CI jobs") from error


def _text(document: JSON, name: str, host: str) -> str:
    value = document.get(name) if isinstance(document, dict) else None
    if not isinstance(value, str) or not value:
        raise RemoteError(f"{host}: its answer has no {name}")
    return value
