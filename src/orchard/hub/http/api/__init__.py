"""The JSON API, below ``/api/v1``: what people do with the hub, for programs. ADR 48 says why it is made so.

How to add a resource, in a module of its own beside this one:

1. Shapes. What is answered extends ``Output``, what is asked ``Input`` (unknown keys are refused), a query of a list
   ``Paged``, each with ``frozen=True``. The words of ``shapes`` (``RepositoryName``, ``TagName``, ``DigestText``,
   ``Moment``, ``Bytes``, ...) carry patterns, descriptions and examples. Say in ``Attributes:`` what each attribute
   is: that is its description in the OpenAPI document. What a PATCH may leave out is ``X | UnsetType = UNSET``.
2. A class, called as the tag of the document, whose docstring is the tag's description. Its constructor receives the
   services it needs. Each operation is a method::

       @operation("PUT", "/repositories/{+repository}/-/tags/{tag}", ConflictError)
       def put_tag(self, who: Principal, *, repository: RepositoryName, tag: TagName, body: TagTarget) -> Tag:
           \"\"\"Point a tag at a version, wherever it pointed.\"\"\"

   The signature says all: ``who`` asks; parameters of the path by name (``{+name}`` may hold slashes, and what follows
   it stands behind ``/-/``); ``query`` and ``body`` are shapes. The docstring's first line is the summary, its
   paragraphs up to ``Raises:`` the description. It returns a shape (200), ``Part[Shape]`` (200, a page of a list: ask
   the service for ``limit + 1`` and use ``Part.of``), ``Created[Shape]`` (201 with ``Location``), ``Download`` (the
   bytes of a file, with ranges) or None (204).
3. It runs in a thread and may wait. It raises our errors; those of rights, parameters, bodies and storage are
   documented by themselves, others (``NotFoundError`` without a parameter, ``ConflictError``, ``UnsupportedError``,
   ``RemoteError``) are named in the decorator. ``problems`` says which status each has.
4. Rights are asked for where they are kept: the service takes ``who`` and refuses, or gives the object that is the
   permission. An operation never fetches something first and looks at its owner afterwards. What ``who`` may not know
   of is not found.
5. Name it in ``hub.app.surfaces``. The tests that walk the document (two tenants, schemathesis) then cover it; give the
   two-tenant test in ``tests/hub/test_api_tenants.py`` a value for each new path parameter.
"""

from orchard.hub.http.api.comparisons import Comparisons
from orchard.hub.http.api.events import Events
from orchard.hub.http.api.files import Files
from orchard.hub.http.api.grants import Grants
from orchard.hub.http.api.hub import Hub
from orchard.hub.http.api.insights import Insights
from orchard.hub.http.api.mirrors import Mirrors
from orchard.hub.http.api.namespaces import Namespaces
from orchard.hub.http.api.operations import operation
from orchard.hub.http.api.problems import error_problem
from orchard.hub.http.api.proxies import Proxies
from orchard.hub.http.api.repositories import Repositories
from orchard.hub.http.api.requests import PREFIX
from orchard.hub.http.api.rules import Rules
from orchard.hub.http.api.search import Search
from orchard.hub.http.api.surface import PUBLIC, Api
from orchard.hub.http.api.tags import Tags
from orchard.hub.http.api.tasks import Tasks
from orchard.hub.http.api.teams import Teams
from orchard.hub.http.api.tokens import Tokens
from orchard.hub.http.api.trash import Trash
from orchard.hub.http.api.trusts import Trusts
from orchard.hub.http.api.upkeep import Upkeep
from orchard.hub.http.api.users import Users
from orchard.hub.http.api.versions import Versions
from orchard.hub.http.api.webhooks import Webhooks
from orchard.hub.http.api.whoami import Whoami

__all__ = [
    "PREFIX",
    "PUBLIC",
    "Api",
    "Comparisons",
    "Events",
    "Files",
    "Grants",
    "Hub",
    "Insights",
    "Mirrors",
    "Namespaces",
    "Proxies",
    "Repositories",
    "Rules",
    "Search",
    "Tags",
    "Tasks",
    "Teams",
    "Tokens",
    "Trash",
    "Trusts",
    "Upkeep",
    "Users",
    "Versions",
    "Webhooks",
    "Whoami",
    "error_problem",
    "operation",
]
