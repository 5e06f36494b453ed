"""Keys that sign registry tokens: made in the database, so that all replicas share them."""

import json
import secrets
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING

from sqlalchemy import insert, select, update

from orchard.hub.access.ledger import Change, Ledger
from orchard.hub.access.mandate import Mandate
from orchard.hub.db.people import signing_keys

if TYPE_CHECKING:
    from joserfc.jwk import ECKey


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A key, and what it is called.

    Attributes:
        kid: Its name in the tokens that it signed.
        key: The private key (ES256).
    """

    kid: str
    key: "ECKey"


class Keys:
    """The signing keys of one hub.

    The newest signs. What an older one has signed is good until it ends, so a retired key is kept for ``overlap``.

    Args:
        ledger: Where they are kept.
        overlap: Seconds for which the longest token is good.
    """

    def __init__(self, ledger: Ledger, *, overlap: float) -> None:
        self._ledger = ledger
        self._overlap = round(overlap * 1000)
        self._lock = Lock()
        self._known: tuple[SigningKey, ...] = ()
        self._epoch: int | None = None

    def newest(self) -> SigningKey:
        """Give the key that signs, making the first one.

        Raises:
            StorageError: If the catalog fails.
        """
        return (self._load() or self._make())[0]

    def find(self, kid: str) -> SigningKey | None:
        """Give the key of a name, if what it signed can still be good.

        Raises:
            StorageError: If the catalog fails.
        """
        return next((key for key in self._load() if key.kid == kid), None)

    def rotate(self, by: Mandate) -> str:
        """Let a new key sign from now on; give its name.

        Raises:
            DeniedError: If the mandate is not one over the site.
            StorageError: If the catalog fails.
        """
        by.require_site()
        with self._ledger.changing(by) as change:
            current = signing_keys.c.retired_at.is_(None)
            change.connection.execute(update(signing_keys).where(current), {"retired_at": change.at})
            kid = _add_key(change)
            change.record("key.rotate", kid)
        return kid

    def _make(self) -> tuple[SigningKey, ...]:
        with self._ledger.changing(Mandate.operator()) as change:  # one at a time, also across replicas
            if change.connection.execute(select(signing_keys.c.kid).limit(1)).first() is None:
                change.record("key.create", _add_key(change))
        return self._load()

    def _load(self) -> tuple[SigningKey, ...]:
        """Give the keys that may still be good, the one that signs first."""
        with self._lock:
            if self._epoch == self._ledger.epoch.current:
                return self._known
        from joserfc.jwk import ECKey  # noqa: PLC0415 -- 40 ms that only a hub with logins pays, at its first token

        good = signing_keys.c.retired_at.is_(None) | (signing_keys.c.retired_at > self._ledger.at - self._overlap)
        order = (signing_keys.c.retired_at.is_not(None), signing_keys.c.created_at.desc(), signing_keys.c.kid)
        with self._ledger.database.read() as connection:
            epoch = self._ledger.epoch.read(connection)
            rows = connection.execute(select(signing_keys).where(good).order_by(*order)).all()
        found = tuple(SigningKey(row.kid, ECKey.import_key(json.loads(row.jwk))) for row in rows)
        with self._lock:
            self._known, self._epoch = found, epoch
        return found


def _add_key(change: Change) -> str:
    from joserfc.jwk import ECKey  # noqa: PLC0415 -- as above

    kid = secrets.token_hex(8)
    jwk = json.dumps(ECKey.generate_key("P-256").as_dict(private=True))
    change.connection.execute(insert(signing_keys), {"kid": kid, "jwk": jwk, "created_at": change.at})
    return kid
