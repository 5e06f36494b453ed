"""The pages on which people find things: what a search found, what can be asked, and what is in a namespace."""

from orchard.hub.http.pages.finding.ports import Directory, Keeping
from orchard.hub.http.pages.finding.section import Finding

__all__ = ["Directory", "Finding", "Keeping"]
