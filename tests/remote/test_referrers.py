import json
import threading

import pytest

from orchard.errors import (
    InvalidDocumentError,
)
from orchard.oci import Digest, dumps, mediatype
from orchard.remote import RemoteRepository
from orchard.remote.referrers import fallback_tag
from orchard.store import Bytes
from support.clients import manifest, named
from support.faultserver import FaultServer, answer

RAW = manifest()
DOCUMENT = named(RAW)


SIGNATURE = manifest(subject=DOCUMENT, kind="application/vnd.signature")
REPORT = manifest(subject=DOCUMENT, kind="application/vnd.report")


@pytest.mark.parametrize("api", [True, False], ids=["api", "tag scheme"])
def test_referrers_are_found_with_and_without_an_api(server: FaultServer, repo: RemoteRepository, *, api: bool) -> None:
    server.referrers = api
    for raw in (RAW, SIGNATURE, REPORT, REPORT):
        repo.push(named(raw), Bytes(raw))

    everything = [found.digest for found in repo.referrers(DOCUMENT.digest)]
    signatures = list(repo.referrers(DOCUMENT.digest, "application/vnd.signature"))

    assert everything == [named(SIGNATURE).digest, named(REPORT).digest]
    assert [(found.digest, found.artifact_type) for found in signatures] == [
        (named(SIGNATURE).digest, "application/vnd.signature")
    ]
    assert (fallback_tag(DOCUMENT.digest) in server.tags) is not api


def test_referrers_of_what_has_none_are_none(server: FaultServer, repo: RemoteRepository) -> None:
    server.referrers = False

    assert list(repo.referrers(DOCUMENT.digest)) == []
    assert list(repo.referrers(DOCUMENT.digest)) == []
    assert len(server.lines(["GET", "/v2/team/model/referrers"][0])) == 3  # the API is looked for once


def test_referrers_follow_the_pages(server: FaultServer, repo: RemoteRepository) -> None:
    def listed(raw: bytes, link: str) -> None:
        index = {"schemaVersion": 2, "mediaType": mediatype.OCI_INDEX, "manifests": [named(raw).to_json()]}
        headers = {"Content-Type": mediatype.OCI_INDEX, **({"Link": link} if link else {})}
        server.on("GET", "/referrers/", answer(200, headers, dumps(index)))

    listed(SIGNATURE, "<?page=2>; rel=next")
    listed(REPORT, "")

    assert [found.digest for found in repo.referrers(DOCUMENT.digest)] == [
        named(SIGNATURE).digest,
        named(REPORT).digest,
    ]


def test_referrers_in_html_mean_that_there_is_no_api(server: FaultServer, repo: RemoteRepository) -> None:
    server.on("GET", "/referrers/", answer(200, {"Content-Type": "text/html"}, b"<html>"))

    assert list(repo.referrers(DOCUMENT.digest)) == []


def test_referrers_that_are_no_index_are_an_error(server: FaultServer, repo: RemoteRepository) -> None:
    server.referrers = False
    server.add_manifest(mediatype.OCI_MANIFEST, RAW, fallback_tag(DOCUMENT.digest))

    with pytest.raises(InvalidDocumentError, match="is not an index"):
        list(repo.referrers(DOCUMENT.digest))


def test_referrers_added_at_once_are_all_there(server: FaultServer, repo: RemoteRepository) -> None:
    server.referrers = False
    raws = [manifest(subject=DOCUMENT, kind=f"application/vnd.{number}") for number in range(6)]
    threads = [threading.Thread(target=repo.push, args=(named(raw), Bytes(raw))) for raw in raws]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert {found.digest for found in repo.referrers(DOCUMENT.digest)} == {named(raw).digest for raw in raws}


def test_referrers_keep_foreign_fields_of_the_list(server: FaultServer, repo: RemoteRepository) -> None:
    server.referrers = False
    entry = {**named(RAW).to_json(), "data": "e30=", "x-own": {"a": 1}}
    index = dumps({"schemaVersion": 2, "mediaType": mediatype.OCI_INDEX, "manifests": [entry]})
    server.add_manifest(mediatype.OCI_INDEX, index, fallback_tag(DOCUMENT.digest))

    repo.push(named(SIGNATURE), Bytes(SIGNATURE))

    kept = json.loads(server.manifests[server.tags[fallback_tag(DOCUMENT.digest)]][1])["manifests"]
    assert kept[0] == entry
    assert len(kept) == 2


def test_fallback_tag_is_that_of_the_spec() -> None:
    assert fallback_tag(Digest("sha512", "a" * 128)) == "sha512-" + "a" * 64
