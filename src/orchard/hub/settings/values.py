"""The settings themselves; their descriptions are what ``--help`` and docs/hub-settings.md say."""

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Annotated, NewType

from msgspec import Meta, Struct

Seconds = NewType("Seconds", float)  # written as a number, or with s, min, h or d behind it
Bytes = NewType("Bytes", int)  # likewise, with KiB, MiB, GiB or TiB

_NEVER_SHOWN = False  # for ``repr``: secrets


class Login(StrEnum):
    """Who has to log in.

    Attributes:
        AUTO: Nobody where only this machine can reach the hub, else everybody but for what is public.
        REQUIRED: Everybody but for what is public.
        OPEN: Nobody. Only for a hub that others cannot reach, or that is theirs to write to.
    """

    AUTO = "auto"
    REQUIRED = "required"
    OPEN = "open"


class LogFormat(StrEnum):
    """How the hub logs."""

    TEXT = "text"
    JSON = "json"


class Metrics(StrEnum):
    """Who may read ``/metrics``."""

    ADMIN = "admin"
    OPEN = "open"
    OFF = "off"


class OidcProvider(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="kebab"):
    """A place that people log in at (OpenID Connect), as ``[[oidc]]`` in the settings file.

    Attributes:
        name: What the button says.
        issuer: Its URL, exactly as it writes it.
        client_id: What it calls this hub.
        client_secret: What the hub shows it; none for a public client, which PKCE alone protects.
        client_secret_file: File that holds the secret, in place of it.
        scopes: What is asked of it.
        name_claim: The claim that an account is named by.
        create_accounts: Whether whoever it knows gets an account at the first login.
        groups_claim: The claim that lists somebody's groups.
        teams: Team of this hub, by group: members come and go with the group, at each login.
        admin_group: Group whose members administer the site.
    """

    name: str
    issuer: str
    client_id: str
    client_secret: str | None = None
    client_secret_file: str | None = None
    scopes: tuple[str, ...] = ("openid", "profile", "email")
    name_claim: str = "preferred_username"
    create_accounts: bool = True
    groups_claim: str = "groups"
    teams: dict[str, str] = {}
    admin_group: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How one hub runs. Each attribute says in its annotation what it does."""

    data: Annotated[
        Path,
        Meta(
            description="Directory that holds everything the hub keeps; made if it is missing, locked while the hub "
            "runs. Nothing that matters is in it if both database and storage are elsewhere."
        ),
    ]
    host: Annotated[str, Meta(description="Address or name to listen on.")] = "127.0.0.1"
    port: Annotated[int, Meta(ge=0, le=65535, description="TCP port; 0 takes a free one.")] = 8080
    url: Annotated[
        str | None,
        Meta(description="How clients reach the hub, if a proxy stands before it: https://hub.example.com, no path."),
    ] = None
    trusted_proxies: Annotated[
        tuple[str, ...],
        Meta(
            description="Addresses or networks of the proxies before the hub; what they say about a client's address, "
            "scheme and host (X-Forwarded-For, -Proto, -Host, else Forwarded) is believed, and nobody else's word."
        ),
    ] = ()
    tls_cert: Annotated[
        Path | None, Meta(description="Certificate chain (PEM) to serve HTTPS with; needs tls-key.")
    ] = None
    tls_key: Annotated[Path | None, Meta(description="Key of the certificate (PEM, PKCS #8).")] = None
    database: Annotated[
        str | None,
        Meta(description="postgresql://user:password@host/name; absent, the catalog is an SQLite file in data."),
    ] = field(default=None, repr=_NEVER_SHOWN)
    storage: Annotated[
        str | None, Meta(description="s3://bucket/prefix, or a directory; absent, blobs are files in data.")
    ] = None
    storage_endpoint: Annotated[str | None, Meta(description="Address of the object store, if it is not Amazon's.")] = (
        None
    )
    storage_region: Annotated[str, Meta(description="Region of the object store.")] = "us-east-1"
    storage_redirect: Annotated[
        bool, Meta(description="Whether clients get blobs of up to 16 MiB from the object store themselves.")
    ] = False
    login: Annotated[
        Login,
        Meta(
            description="Who has to log in: auto (nobody if only this machine can reach the hub, else everybody), "
            "required, or open (nobody)."
        ),
    ] = Login.AUTO
    admin_password: Annotated[
        str | None,
        Meta(
            description="Password of the account admin, set at every start; absent, one is made at the first start "
            "that needs it. Also read from $ORCHARD_ADMIN_PASSWORD."
        ),
    ] = field(default=None, repr=_NEVER_SHOWN)
    anonymous: Annotated[bool, Meta(description="Whether whoever has no account may read what is public.")] = True
    self_service: Annotated[
        bool,
        Meta(description="Whether everybody with an account may make teams and namespaces; else only site admins."),
    ] = False
    token_lifetime: Annotated[Seconds, Meta(ge=60, le=900, description="How long a registry token is good.")] = Seconds(
        300
    )
    upload_lifetime: Annotated[
        Seconds, Meta(ge=0, description="An unfinished upload is forgotten when nothing has come for it in this time.")
    ] = Seconds(24 * 3600)
    uploads_per_account: Annotated[
        int, Meta(ge=1, description="Unfinished uploads that one account may have; further ones are refused (429).")
    ] = 1000
    keep_unreferenced: Annotated[
        Seconds,
        Meta(ge=0, description="How long content is kept that nothing names yet, because a push may be on its way."),
    ] = Seconds(24 * 3600)
    collect_every: Annotated[
        Seconds, Meta(ge=60, description="How often garbage is collected: what nothing names any more.")
    ] = Seconds(6 * 3600)
    scrub_every: Annotated[
        Seconds, Meta(ge=0, description="The bytes of each blob are read and verified again after this time.")
    ] = Seconds(30 * 24 * 3600)
    scrub_rate: Annotated[
        Bytes, Meta(ge=1 << 20, description="Bytes that are verified so in one second, past the page cache.")
    ] = Bytes(32 << 20)
    keep_deleted: Annotated[Seconds, Meta(ge=0, description="How long what was deleted can be restored.")] = Seconds(
        7 * 24 * 3600
    )
    workers: Annotated[
        int, Meta(ge=0, le=64, description="Tasks that this process does at once; 0 leaves them to other processes.")
    ] = 2
    drain: Annotated[
        Seconds,
        Meta(
            ge=0,
            description="When asked to stop: how long /readyz says so, and requests are still taken, before the hub "
            "stops listening. As long as a load balancer needs to notice.",
        ),
    ] = Seconds(0)
    grace: Annotated[
        Seconds, Meta(ge=0, description="When asked to stop: how long running requests get to finish.")
    ] = Seconds(10)
    body_timeout: Annotated[
        Seconds, Meta(gt=0, description="Without one byte of a request's body for so long, the hub gives up on it.")
    ] = Seconds(60)
    recall: Annotated[Bytes, Meta(ge=0, description="Memory for hot manifests.")] = Bytes(64 << 20)
    egress_allow: Annotated[
        tuple[str, ...],
        Meta(
            description="Where webhooks, mirrors and proxied registries may lead beyond https on the public Internet: "
            "names, addresses or networks, with http:// before one that may be spoken to without TLS and :port or :* "
            "behind one of other ports: registry.lan, *.lan:5001, 10.0.0.0/8, http://10.1.2.3:8080."
        ),
    ] = ()
    egress_ports: Annotated[
        tuple[str, ...], Meta(description="Ports that they may lead to where egress-allow says nothing else.")
    ] = ("443", "5000", "8443")
    secret_key: Annotated[
        str | None,
        Meta(
            description="At least 32 random characters that seal the passwords and keys which the hub shows to others; "
            "absent, the file vault.key in data is made. Hubs on one database need the same one."
        ),
    ] = field(default=None, repr=_NEVER_SHOWN)
    oidc: Annotated[
        tuple[OidcProvider, ...],
        Meta(description="Places that people log in at (OpenID Connect): tables [[oidc]], see hub-single-sign-on.md."),
    ] = field(default=(), repr=_NEVER_SHOWN)
    log_format: Annotated[LogFormat, Meta(description="text, or json: one object a line.")] = LogFormat.TEXT
    access_log: Annotated[bool, Meta(description="Log every request, not only those that failed.")] = False
    metrics: Annotated[
        Metrics, Meta(description="Who may read /metrics: admin (site admins), open (everybody), or off (nobody).")
    ] = Metrics.ADMIN

    def needs_login(self, *, loopback: bool) -> bool:
        """Tell whether anybody has to log in, given whether only this machine can reach the hub."""
        return self.login == Login.REQUIRED or (self.login == Login.AUTO and not loopback)
