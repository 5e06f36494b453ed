"""The JSON API explained to people: pages made of the hub's own OpenAPI document, so that neither can say more."""

from orchard.hub.http.pages.apidocs.section import ApiDocs

__all__ = ["ApiDocs"]
