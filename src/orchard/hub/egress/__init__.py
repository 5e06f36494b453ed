"""The way out: where the hub may connect to on somebody's behalf, and the secrets that it shows there.

Every outgoing connection of the hub passes here: webhooks, mirrors, proxied registries, identity providers. Whoever can
name an address for the hub to call must not reach what only the hub can reach (security notes 5.5, "SSRF").
"""

from orchard.hub.egress.exceptions import Exceptions
from orchard.hub.egress.gate import PORTS, Gate
from orchard.hub.egress.vault import VAULT, Vault

__all__ = ["PORTS", "VAULT", "Exceptions", "Gate", "Vault"]
