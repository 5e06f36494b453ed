"""Whose blobs and whose sessions: mounting across repositories, and trespassing."""

import pytest

from orchard.oci import Digest
from support.hubinside import Inside, MakeHub, NamedDoor, Only

ENGINES = True

NAME = "team/model"
DATA = b"0123456789"
DIGEST = Digest.of(DATA)


def is_there(hub: Inside, digest: Digest = DIGEST, name: str = NAME) -> bool:
    return hub.request("HEAD", f"/v2/{name}/blobs/{digest}").status == 200


# Mounting ---------------------------------------------------------------------------------------------------------


def mount(hub: Inside, query: str, who: str = "ana") -> tuple[int, str]:
    answer = hub.request("POST", f"/v2/{NAME}/blobs/uploads/?{query}", headers={"authorization": who})
    return answer.status, answer.headers["location"]


def test_mount_links_a_blob_of_another_repository(hub: Inside) -> None:
    hub.push_blob("team/source", DATA)
    status, location = mount(hub, f"mount={DIGEST}&from=team/source")
    assert (status, location) == (201, f"/v2/{NAME}/blobs/{DIGEST}")
    assert hub.get(location).body == DATA


def test_mount_without_a_source_looks_everywhere(hub: Inside) -> None:
    hub.push_blob("team/source", DATA)
    assert mount(hub, f"mount={DIGEST}")[0] == 201
    assert is_there(hub)


@pytest.mark.parametrize("source", ["&from=team/empty", "&from=team/absent", "&from=..%2f", "&from=", ""])
def test_mount_of_what_is_not_there_begins_an_upload(hub: Inside, source: str) -> None:
    hub.push_blob("team/empty", b"something else")
    status, location = mount(hub, f"mount={DIGEST}{source}")
    assert status == 202
    assert hub.request("PUT", f"{location}?digest={DIGEST}", DATA).status == 201


def test_mount_of_a_malformed_digest_is_refused(hub: Inside) -> None:
    answer = hub.request("POST", f"/v2/{NAME}/blobs/uploads/?mount=sha256:x&from=team/source")
    assert (answer.status, answer.code) == (400, "DIGEST_INVALID")


@pytest.mark.parametrize("source", ["&from=team/secret", ""], ids=["named", "anywhere"])
def test_mount_of_what_one_may_not_read_begins_an_upload(make_hub: MakeHub, source: str) -> None:
    hub = make_hub(policy=Only(ana={NAME}, bob={NAME, "team/secret"}), access=lambda _: NamedDoor())
    location = hub.begin("team/secret", headers={"authorization": "bob"})
    assert hub.request("PUT", f"{location}?digest={DIGEST}", DATA, {"authorization": "bob"}).status == 201
    assert mount(hub, f"mount={DIGEST}{source}", "ana")[0] == 202
    assert mount(hub, f"mount={DIGEST}{source}", "bob")[0] == 201


# Whose session it is ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["GET", "PATCH", "PUT", "DELETE"])
@pytest.mark.parametrize("trespass", ["account", "repository"])
def test_session_belongs_to_its_account_and_its_repository(make_hub: MakeHub, trespass: str, method: str) -> None:
    everything = {NAME, "team/other"}
    hub = make_hub(policy=Only(ana=everything, bob=everything), access=lambda _: NamedDoor())
    location = hub.begin(NAME, headers={"authorization": "ana"})
    target = location if trespass == "account" else location.replace(NAME, "team/other")
    who = "bob" if trespass == "account" else "ana"
    answer = hub.request(method, f"{target}?digest={DIGEST}", headers={"authorization": who})
    assert (answer.status, answer.code) == (404, "BLOB_UPLOAD_UNKNOWN")
    assert hub.request("GET", location, headers={"authorization": "ana"}).status == 204


def test_who_may_not_write_gets_no_session(make_hub: MakeHub) -> None:
    hub = make_hub(policy=Only(ana={NAME}), access=lambda _: NamedDoor())
    answer = hub.request("POST", "/v2/team/other/blobs/uploads/", headers={"authorization": "ana"})
    assert (answer.status, answer.code) == (403, "DENIED")


def test_what_happened_is_written_down(hub: Inside) -> None:
    hub.push_blob("team/source", DATA)
    mount(hub, f"mount={DIGEST}&from=team/source")
    assert hub.actions(NAME) == [("blob.mount", str(DIGEST), None)]
    assert hub.actions("team/source") == [("blob.push", str(DIGEST), None)]
