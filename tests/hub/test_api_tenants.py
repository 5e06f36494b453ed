"""Two tenants: whatever the API offers, neither sees nor changes anything of the other's (security notes 5.5).

The operations come from the document, so that one that is added is tried too. If its path has a new parameter, say here
what of tenant ml it stands for.
"""

from dataclasses import dataclass
from typing import Any

import pytest

from orchard.hub.jobs.studying import Understander
from orchard.oci import Digest
from support.hubapi import DOCUMENT, ask, ok, operations_of, sample
from support.hubclient import describe
from support.hubfirm import Sender, staffed
from support.hubinside import Inside, MakeHub

SECRET = "ml-treasure"  # stands in everything of tenant ml that must not be seen
STRANGERS = {"an owner elsewhere": "ops-owner", "an account": "eve", "a robot": "ops+ci", "nobody": None}
CARD = f"---\nlicense: mit\n---\n# {SECRET}\n".encode()
FOR_EVERYBODY = {"whoami", "getHub", "getCi"}  # they say nothing of anybody else


@dataclass
class Tenant:
    """What tenant ml has."""

    hub: Inside
    document: Any
    values: dict[str, str]
    tokens: dict[str, str]

    def path(self, template: str) -> str:
        """Put what tenant ml has into the template of a path."""
        path = template
        owner = "robots" if "/robots/" in template else "tokens"
        for name, value in {**self.values, "token": self.tokens[owner]}.items():
            path = path.replace(f"{{{name}}}", value)
        assert "{" not in path, f"say what of tenant ml {path} stands for"
        return path

    def send(self, who: str | None, method: str, template: str, operation: Any) -> tuple[int, str]:  # noqa: ANN401 -- JSON
        """Ask for an operation on what tenant ml has; give the status, and what was answered."""
        body = None
        if "requestBody" in operation:
            body = sample(self.document, operation["requestBody"]["content"]["application/json"]["schema"])
        login = {} if who is None else {"authorization": who}
        answer = ask(self.hub, method, self.path(template), body, **login)
        return answer.status, answer.body.decode()


@pytest.fixture
def tenant(make_hub: MakeHub) -> Tenant:
    hub, _ = staffed(make_hub)
    title = {"org.opencontainers.image.title": f"{SECRET}/README.md"}
    file = {"mediaType": "text/markdown", **describe(CARD), "annotations": title}
    kind = {"artifactType": "application/vnd.example", "layers": [file]}
    raw = Sender(hub, "ml-owner").push_image(f"ml/{SECRET}", SECRET, CARD, **kind)
    Understander(hub.premises, lambda *_: None).understand(f"ml/{SECRET}", Digest.of(raw))
    owner = {"authorization": "ml-owner"}
    wanted = {"name": SECRET, "scopes": ["pull"]}
    trust = {"name": SECRET, "issuer": "https://ci.example.com", "claims": {"repository": "ml/x"}, "scopes": ["pull"]}
    ok(hub, "POST", "/namespaces/ml/trusts", trust, **owner)
    hook = {"url": f"https://8.8.8.8/{SECRET}", "scope": f"ml/{SECRET}"}
    ok(hub, "POST", f"/webhooks/{ok(hub, 'POST', '/webhooks', hook, **owner)['id']}/ping", **owner)
    mirror = {"direction": "push", "repository": f"ml/{SECRET}", "remote": f"https://8.8.8.8/{SECRET}"}
    ok(hub, "POST", "/mirrors", mirror, **owner)
    return Tenant(
        hub,
        ok(hub, "GET", DOCUMENT),
        {
            "repository": f"ml/{SECRET}",
            "tag": SECRET,
            "trust": SECRET,
            "version": str(Digest.of(raw)),
            "path": f"{SECRET}/README.md",
            "user": "ml-owner",
            "team": "ml",
            "namespace": "ml",
            "scope": f"ml/{SECRET}",
            "number": "1",
            "webhook": "1",
            "delivery": "1",
            "mirror": "1",
            "party": "user:ops-owner",
            "task": "1",
        },
        {
            "tokens": ok(hub, "POST", "/users/ml-owner/tokens", wanted, **owner)["id"],
            "robots": ok(hub, "POST", "/namespaces/ml/robots", wanted, **owner)["id"],
        },
    )


def state(tenant: Tenant) -> list[Any]:
    """Everything of tenant ml that operations tell its owner."""
    found = []
    for method, template, operation in operations_of(tenant.document):
        if method == "GET" and "{" in template:
            found.append((template, *tenant.send("ml-owner", method, template, operation)))
    return found


@pytest.mark.parametrize("who", STRANGERS.values(), ids=STRANGERS)
def test_stranger_sees_and_changes_nothing_of_a_tenant(tenant: Tenant, who: str | None) -> None:
    before = state(tenant)
    for method, template, operation in operations_of(tenant.document):
        status, text = tenant.send(who, method, template, operation)
        name = operation["operationId"]
        if "{" in template:
            assert status in {401, 403, 404}, (name, status, text)
        else:
            assert name in FOR_EVERYBODY or status in {200, 401, 403}, (name, status, text)
        assert SECRET not in text or "{" in template, (name, text)
    assert state(tenant) == before


def test_owner_gets_what_strangers_are_refused(tenant: Tenant) -> None:
    refused = {template: status for template, status, _ in state(tenant) if status != 200}
    file = "/repositories/{repository}/-/compare/file"  # of a version beside itself no file differs
    assert refused == {
        "/upkeep/tasks/{task}": 403,
        "/tasks/{task}": 403,
        "/tasks/{task}/lines": 403,
        "/proxies/{namespace}": 403,
        file: 404,
    }  # of the site, no tenant's
