"""What a hub is told when it is started. Environment and command line are read by the caller, never here."""

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How one hub runs.

    Attributes:
        data: Directory that holds everything the hub keeps; made if it is missing, locked while the hub runs.
        host: Address or name to listen on. A loopback address needs no login; every other one does.
        port: TCP port; 0 takes a free one.
        admin_password: Password of the account ``admin``, set at every start; if absent, one is made at the first start
            that needs it.
        upload_lifetime: Seconds after its start at which an unfinished upload is forgotten.
        grace: Seconds that requests get to finish when the hub is asked to stop.
        body_timeout: Seconds without one byte of a request's body after which the hub gives up on it.
        recall: Bytes of hot manifests kept in memory.
    """

    data: Path
    host: str = "127.0.0.1"
    port: int = 5000
    admin_password: str | None = field(default=None, repr=False)
    upload_lifetime: float = 24 * 3600.0
    grace: float = 10.0
    body_timeout: float = 60.0
    recall: int = 64 << 20
