"""A registry as a store: any OCI distribution server, spoken to as its specification says and as registries are.

``Registry(host).repository(name)`` gives a ``RemoteRepository``, which satisfies ``orchard.store.Store``; ``Options``
say how to reach it, a ``CredentialStore`` knows who we are. ``Web`` speaks to services that are no registries. No HTTP
library is loaded before the first request.
"""

from orchard.remote.backoff import Timing
from orchard.remote.client import Answer
from orchard.remote.credentials import ANONYMOUS, Credential, Credentials, CredentialStore, Given
from orchard.remote.options import Chunking, Options, Proxies, Retry, Route, Timeouts
from orchard.remote.origin import Origin, Url
from orchard.remote.registry import Registry
from orchard.remote.repository import RemoteRepository, stream
from orchard.remote.streaming import Made
from orchard.remote.web import Web

__all__ = [
    "ANONYMOUS",
    "Answer",
    "Chunking",
    "Credential",
    "CredentialStore",
    "Credentials",
    "Given",
    "Made",
    "Options",
    "Origin",
    "Proxies",
    "Registry",
    "RemoteRepository",
    "Retry",
    "Route",
    "Timeouts",
    "Timing",
    "Url",
    "Web",
    "stream",
]
