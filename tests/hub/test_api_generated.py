"""Requests that nobody thought of, made from the API's own document: each is answered as the document says.

``ORCHARD_SOAK=1`` (``make soak``) also lets an administrator do whatever comes to mind, in any order.
"""

import os
import subprocess
import sys
from base64 import b64encode
from pathlib import Path

import pytest

from support.hubapi import DOCUMENT, ask, ok
from support.hubs import Hub, Nursery, quick_directory

# What may be refused although it is of the right shape: a token that ends before it begins, or is good for nothing; a
# trust that leaves its namespace; rules that contradict themselves. The accounts that the test comes in with must stay
# as they are.
CONFIG = """
[generation]
allow-x00 = false  # no shape forbids it, and PostgreSQL does

[[operations]]
include-operation-id = ["createToken", "createRobot", "createTrust", "addTagRule", "setRetention"]
checks.positive_data_acceptance.expected-statuses = ["2xx", "400", "401", "403", "404", "409"]

# An address may be none, or lead where the hub may not go; names may be taken; what a mirror leads to need not answer.
[[operations]]
include-operation-id = ["createWebhook", "changeWebhook", "createMirror", "putProxy"]
checks.positive_data_acceptance.expected-statuses = ["2xx", "400", "401", "403", "404", "409"]

[[operations]]
include-operation-id = ["search", "searchFacets", "listVersions"]  # no pattern says what a query is
checks.positive_data_acceptance.expected-statuses = ["2xx", "400", "401", "403", "404"]

[[operations]]
include-operation-id = ["planMirror", "compareVersions", "compareFile"]  # ask another registry, which is not there
checks.not_a_server_error.expected-statuses = ["2xx", "3xx", "4xx", "502"]
checks.positive_data_acceptance.expected-statuses = ["2xx", "4xx", "502"]

[[operations]]
include-operation-id = ["putPassword", "updateUser", "deleteUser"]
enabled = false
"""
SEED = "20261127"
FULL = os.environ.get("ORCHARD_SOAK") == "1"


def prepare(hub: Hub) -> None:
    """Put something of everything into a hub, as the document's examples call it."""
    hub.authorization = basic("admin")
    hub.push_image("team/model", "v1", b"data")
    ok(hub, "POST", "/users", {"name": "ana", "password": "secret"})
    ok(hub, "POST", "/teams", {"name": "research", "owner": "ana"})
    ok(hub, "POST", "/namespaces", {"name": "team", "owner": "user:ana"})
    ok(hub, "POST", "/users/ana/tokens", {"name": "laptop", "scopes": ["pull"]})


def basic(account: str) -> str:
    return f"Basic {b64encode(f'{account}:secret'.encode()).decode()}"


@pytest.mark.slow
@pytest.mark.timeout(500)  # half a minute on a machine of its own
@pytest.mark.parametrize(
    ("account", "phases"),
    [("admin", "examples,coverage,fuzzing,stateful" if FULL else "examples,coverage"), ("ana", "examples,fuzzing")],
)
def test_every_answer_is_as_the_document_says(hubs: Nursery, tmp_path: Path, account: str, phases: str) -> None:
    config = tmp_path / "schemathesis.toml"
    config.write_text(CONFIG)
    with quick_directory() as data, hubs.hub(data, login="required", admin_password="secret") as hub:
        prepare(hub)
        command = [
            *(str(Path(sys.executable).with_name("schemathesis")), "--config-file", str(config)),
            *("run", f"http://{hub.host}{DOCUMENT}", "--auth", f"{account}:secret", "--checks", "all"),
            *("--phases", phases, "--max-examples", "2", "--seed", SEED, "--generation-database", "none"),
            *("--warnings", "off", "--request-timeout", "60"),
        ]
        environ = {**os.environ, "NO_COLOR": "1"}
        done = subprocess.run(command, cwd=tmp_path, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    assert "No issues found" in done.stdout


def test_token_that_the_api_makes_opens_the_api(hubs: Nursery) -> None:
    with quick_directory() as data, hubs.hub(data, login="required", admin_password="secret") as hub:
        prepare(hub)
        made = ok(hub, "POST", "/users/ana/tokens", {"name": "reader", "scopes": ["pull"]})
        hub.authorization = f"Bearer {made['secret']}"
        assert ok(hub, "GET", "/whoami") == {"name": "ana", "kind": "user", "account": False, "siteAdmin": False}
        assert ok(hub, "GET", "/repositories/team/model")["name"] == "team/model"
        assert ask(hub, "GET", "/users/ana").status == 403
        assert ask(hub, "DELETE", "/repositories/team/model/-/tags/v1").status == 403
        hub.authorization = basic("admin")
        ok(hub, "DELETE", f"/users/ana/tokens/{made['id']}")
        hub.authorization = f"Bearer {made['secret']}"
        assert ask(hub, "GET", "/whoami").status == 401
