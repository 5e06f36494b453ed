"""What a hub is told when it is started. Environment, file and command line are read by the caller, never here."""

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How one hub runs.

    Attributes:
        data: Directory that holds everything the hub keeps; made if it is missing, locked while the hub runs. With a
            database and a storage of its own elsewhere it holds nothing that matters.
        host: Address or name to listen on.
        port: TCP port; 0 takes a free one.
        url: How clients reach the hub, if a proxy stands before it: ``https://hub.example.com``, without a path.
        database: ``postgresql://…``; absent, the catalog is a file in ``data``.
        storage: ``s3://bucket/prefix``; absent, blobs are files in ``data``.
        storage_endpoint: Address of the object store, if it is not Amazon's.
        storage_region: Its region.
        login: Who has to log in.
        admin_password: Password of the account ``admin``, set at every start; if absent, one is made at the first start
            that needs it.
        token_lifetime: Seconds for which a registry token is good.
        upload_lifetime: Seconds after its start at which an unfinished upload is forgotten.
        keep_unreferenced: Seconds for which content that nothing names is kept, because a push may be on its way.
        keep_deleted: Seconds for which what was deleted can be restored.
        workers: Tasks that this process does at once, beside requests; 0 leaves them to other processes.
        grace: Seconds that requests get to finish when the hub is asked to stop.
        body_timeout: Seconds without one byte of a request's body after which the hub gives up on it.
        recall: Bytes of hot manifests kept in memory.
    """

    data: Path
    host: str = "127.0.0.1"
    port: int = 5000
    url: str | None = None
    database: str | None = field(default=None, repr=False)
    storage: str | None = None
    storage_endpoint: str | None = None
    storage_region: str = "us-east-1"
    login: Login = Login.AUTO
    admin_password: str | None = field(default=None, repr=False)
    token_lifetime: float = 300.0
    upload_lifetime: float = 24 * 3600.0
    keep_unreferenced: float = 24 * 3600.0
    keep_deleted: float = 7 * 24 * 3600.0
    workers: int = 2
    grace: float = 10.0
    body_timeout: float = 60.0
    recall: int = 64 << 20

    def needs_login(self, *, loopback: bool) -> bool:
        """Tell whether anybody has to log in, given whether only this machine can reach the hub."""
        return self.login == Login.REQUIRED or (self.login == Login.AUTO and not loopback)
