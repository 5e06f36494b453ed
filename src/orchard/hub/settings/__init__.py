"""What a hub is told when it is started: one schema for its file, its environment and its command line."""

from orchard.hub.settings.keys import KEYS, Key, Kind
from orchard.hub.settings.loading import FILE, load_settings, parse_flag
from orchard.hub.settings.values import LogFormat, Login, Metrics, OidcProvider, Settings

__all__ = [
    "FILE",
    "KEYS",
    "Key",
    "Kind",
    "LogFormat",
    "Login",
    "Metrics",
    "OidcProvider",
    "Settings",
    "load_settings",
    "parse_flag",
]
