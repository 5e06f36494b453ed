"""The requests of clients that cannot all run here, as their code writes them (protocol notes, 5.4)."""

import pytest

from orchard.oci import Digest, mediatype
from support.hubinside import Inside, MakeHub, NamedDoor, Only
from support.hubs import index, kind_of, manifest

NAME = "team/model"
BLOB = "application/octet-stream"
CHUNK = 100_000  # kit sends 100 MiB at a time
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
# What docker 20 and containerd say that they take, each in one line.
ACCEPT = f"{mediatype.DOCKER_MANIFEST}, {DOCKER_LIST}, {mediatype.OCI_MANIFEST}, {mediatype.OCI_INDEX}, */*"


# KitOps' kit (pkg/lib/repo/remote/repository.go, 1.7) -------------------------------------------------------------


@pytest.mark.parametrize("size", [1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK], ids=["1", "less", "one", "more", "three"])
def test_kit_pushes_a_layer_in_chunks(make_hub: MakeHub, size: int) -> None:
    hub = make_hub(policy=Only(ana={NAME}), access=lambda _: NamedDoor())
    login = {"authorization": "ana"}  # of the first request, sent with all the others
    data = bytes(range(256)) * (size // 256 + 1)
    data, digest = data[:size], Digest.of(data[:size])
    assert hub.request("HEAD", f"/v2/{NAME}/blobs/{digest}", headers=login).status == 404
    begun = hub.request("POST", f"/v2/{NAME}/blobs/uploads/", b"", login)
    assert begun.status == 202
    location = begun.headers["location"]
    for start in range(0, size, CHUNK):
        end = min(start + CHUNK, size) - 1
        headers = {**login, "content-range": f"{start}-{end}", "content-type": BLOB}
        answer = hub.request("PATCH", location, data[start : end + 1], headers)
        assert answer.status == 202
        first, last = answer.headers["range"].split("-")  # kit compares both, and ends if they differ
        assert (first, int(last)) == ("0", end)
        location = answer.headers["location"]
    done = hub.request("PUT", f"{location}?digest={str(digest).replace(':', '%3A')}", b"", login)
    assert (done.status, done.headers["location"]) == (201, f"/v2/{NAME}/blobs/{digest}")
    assert hub.request("GET", done.headers["location"], headers=login).body == data


# The docker daemon (registry client of distribution 2.8) ----------------------------------------------------------


def test_docker_daemon_pushes_and_pulls(hub: Inside) -> None:
    assert hub.get("/v2/").headers["docker-distribution-api-version"] == "registry/2.0"
    layers = [b"layer one" * 1000, b"layer two" * 1000]
    config = b'{"rootfs":{"type":"layers"}}'
    for data in (*layers, config):
        digest = Digest.of(data)
        assert hub.request("HEAD", f"/v2/{NAME}/blobs/{digest}").status == 404
        begun = hub.request("POST", f"/v2/{NAME}/blobs/uploads/", b"", {"content-length": "0"})
        assert begun.headers["docker-upload-uuid"]
        # streamed, of no announced length, without a range and without a type
        sent = hub.request("PATCH", begun.headers["location"], [data[:100], data[100:]])
        assert (sent.status, sent.headers["range"]) == (202, f"0-{len(data) - 1}")
        assert sent.headers["docker-upload-uuid"] == begun.headers["docker-upload-uuid"]
        done = hub.request("PUT", f"{sent.headers['location']}?digest={digest}", b"")
        assert (done.status, done.headers["docker-content-digest"]) == (201, str(digest))
        found = hub.request("HEAD", f"/v2/{NAME}/blobs/{digest}")
        assert (found.status, found.headers["content-length"]) == (200, str(len(data)))
    raw = manifest(config, *layers, mediaType=mediatype.DOCKER_MANIFEST)
    pushed = hub.request("PUT", f"/v2/{NAME}/manifests/latest", raw, {"content-type": mediatype.DOCKER_MANIFEST})
    assert pushed.headers["docker-content-digest"] == str(Digest.of(raw))
    for reference in ("latest", Digest.of(raw)):
        pulled = hub.get(f"/v2/{NAME}/manifests/{reference}", accept=ACCEPT)
        assert (pulled.body, pulled.headers["content-type"]) == (raw, mediatype.DOCKER_MANIFEST)


def test_docker_daemon_mounts_layers_that_another_repository_has(hub: Inside) -> None:
    digest = hub.push_blob("team/base", b"shared")
    mounted = hub.request("POST", f"/v2/{NAME}/blobs/uploads/?from=team%2Fbase&mount=sha256%3A{digest.hex}")
    assert (mounted.status, mounted.headers["docker-content-digest"]) == (201, str(digest))
    hint = hub.request("POST", f"/v2/{NAME}/blobs/uploads/?from=team%2Fgone&mount=sha256%3A{'0' * 64}")
    assert (hint.status, "location" in hint.headers) == (202, True)


def test_docker_daemon_pushes_a_list_for_several_machines(hub: Inside) -> None:
    parts = [hub.push_image(NAME, f"part{number}", b"%d" % number) for number in range(2)]
    raw = index(*parts, mediaType=DOCKER_LIST)
    pushed = hub.request("PUT", f"/v2/{NAME}/manifests/all", raw, {"content-type": DOCKER_LIST})
    assert pushed.status == 201
    assert hub.get(f"/v2/{NAME}/manifests/all", accept=ACCEPT).headers["content-type"] == kind_of(raw) == DOCKER_LIST


# containerd (remotes/docker) --------------------------------------------------------------------------------------


def test_containerd_pushes(hub: Inside) -> None:
    hub.push_blob("team/base", b"shared")
    for data in (b"layer", b"{}"):
        digest = Digest.of(data)
        assert hub.request("HEAD", f"/v2/{NAME}/blobs/{digest}?ns=127.0.0.1%3A5000").status == 404
        begun = hub.request("POST", f"/v2/{NAME}/blobs/uploads/?mount={digest}&from=team%2Fbase")
        assert begun.status == 202
        location = begun.headers["location"]
        done = hub.request("PUT", f"{location}?digest=sha256%3A{digest.hex}", [data], {"content-type": BLOB})
        assert (done.status, done.headers["docker-content-digest"]) == (201, str(digest))
    raw = manifest(b"{}", b"layer")
    assert hub.request("HEAD", f"/v2/{NAME}/manifests/v1", headers={"accept": ACCEPT}).status == 404
    pushed = hub.request("PUT", f"/v2/{NAME}/manifests/v1", raw, {"content-type": kind_of(raw)})
    assert (pushed.status, pushed.headers["docker-content-digest"]) == (201, str(Digest.of(raw)))


def test_containerd_resolves_without_getting_and_resumes_a_download(hub: Inside) -> None:
    raw = hub.push_image(NAME, "v1", b"0123456789")
    target = f"/v2/{NAME}/manifests/v1?ns=registry.example"
    head = hub.request("HEAD", target, headers={"accept": ACCEPT})
    assert head.headers["docker-content-digest"] == str(Digest.of(raw))
    assert head.headers["content-length"] == str(len(raw))
    assert head.headers["content-type"] == kind_of(raw)
    rest = hub.get(f"/v2/{NAME}/blobs/{Digest.of(b'0123456789')}?ns=registry.example", range="bytes=4-")
    assert (rest.status, rest.body, rest.headers["content-range"]) == (206, b"456789", "bytes 4-9/10")


def test_containerd_looks_among_the_blobs_for_a_manifest_that_it_does_not_find(hub: Inside) -> None:
    digest = hub.push_blob(NAME, b"a manifest of old")
    assert hub.request("HEAD", f"/v2/{NAME}/manifests/{digest}").status == 404
    assert hub.request("HEAD", f"/v2/{NAME}/blobs/{digest}").headers["docker-content-digest"] == str(digest)


def test_containerd_reads_why_it_may_not_after_asking_for_the_head(make_hub: MakeHub) -> None:
    hub = make_hub(policy=Only(), access=lambda _: NamedDoor())
    target = f"/v2/{NAME}/manifests/v1"
    head = hub.request("HEAD", target, headers={"authorization": "eve"})
    told = hub.request("GET", target, headers={"authorization": "eve"})
    assert (head.status, head.body, told.status) == (403, b"", 403)
    assert head.headers == told.headers
    assert told.json["errors"][0]["code"] == "DENIED"
    assert "eve may not pull from team/model" in told.json["errors"][0]["message"]


# podman, buildah and skopeo (containers/image) --------------------------------------------------------------------


def test_containers_image_pushes_a_stream_and_ends_it_with_an_empty_body_of_unknown_length(hub: Inside) -> None:
    data = b"streamed" * 1000
    location = hub.begin(NAME, headers={"content-type": BLOB})
    sent = hub.request("PATCH", location, [data], {"content-type": BLOB})
    digest = Digest.of(data)
    target = f"{sent.headers['location']}?digest=sha256%3A{digest.hex}"
    assert hub.request("PUT", target, [b""], {"content-type": BLOB}).status == 201
    assert hub.get(f"/v2/{NAME}/blobs/{digest}").body == data


# oras-go ----------------------------------------------------------------------------------------------------------


def test_oras_finds_the_referrers_api_by_asking_for_what_cannot_exist(hub: Inside) -> None:
    answer = hub.get(f"/v2/never/pushed/referrers/sha256:{'0' * 64}")
    assert (answer.status, answer.headers["content-type"]) == (200, "application/vnd.oci.image.index.v1+json")
    assert answer.json["manifests"] == []


def test_oras_seeks_in_blobs_because_the_hub_says_that_it_can(hub: Inside) -> None:
    digest = hub.push_blob(NAME, b"0123456789")
    for method in ("HEAD", "GET"):
        assert hub.request(method, f"/v2/{NAME}/blobs/{digest}").headers["accept-ranges"] == "bytes"
