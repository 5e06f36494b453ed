import json

import pytest

from orchard.errors import (
    InvalidDocumentError,
    InvalidReferenceError,
    NotFoundError,
    RemoteError,
    UnsupportedError,
)
from orchard.oci import mediatype
from orchard.remote import RemoteRepository
from support.clients import Connect, manifest
from support.faultserver import FOREVER, Exchange, FaultServer, answer, status


def page(key: str, names: list[str]) -> bytes:
    return json.dumps({key: names}).encode()


def test_tags_are_listed(server: FaultServer, repo: RemoteRepository) -> None:
    for tag in ("v2", "v1"):
        server.add_manifest(mediatype.OCI_MANIFEST, manifest(), tag)

    assert list(repo.tags()) == ["v1", "v2"]


def test_tags_follow_the_pages(server: FaultServer, repo: RemoteRepository) -> None:
    links = [
        '</v2/team/model/tags/list?n=2&last=b>; rel="next"',
        "<https://elsewhere.example/>; rel=prev, <?n=2&last=d>; Rel = next; title=x",
        "",
    ]
    for names, link in zip([["a", "b"], ["c", "d"], ["e"]], links, strict=True):
        server.on("GET", "/tags/list", answer(200, {"Link": link} if link else {}, page("tags", names)))

    assert list(repo.tags()) == ["a", "b", "c", "d", "e"]
    assert [seen.query for seen in server.seen] == [
        {"n": ["1000"]},
        {"n": ["2"], "last": ["b"]},
        {"n": ["2"], "last": ["d"]},
    ]


def test_tags_are_asked_for_page_by_page(server: FaultServer, repo: RemoteRepository) -> None:
    server.on("GET", "/tags/list", answer(200, {"Link": "<?last=b>; rel=next"}, page("tags", ["a", "b"])))

    tags = repo.tags()

    assert server.seen == []
    assert next(tags) == "a"
    assert len(server.seen) == 1


@pytest.mark.parametrize("body", [b'{"name": "x", "tags": null}', b'{"name": "x", "tags": []}'])
def test_tags_of_an_empty_repository_are_none(server: FaultServer, repo: RemoteRepository, body: bytes) -> None:
    server.on("GET", "/tags/list", answer(200, {}, body))

    assert list(repo.tags()) == []


@pytest.mark.parametrize("body", [b"[]", b'{"tags": "a"}', b'{"tags": [1]}', b'{"tags": {"a": 1}}', b"<html>"])
def test_tags_that_are_no_list_are_an_error(server: FaultServer, repo: RemoteRepository, body: bytes) -> None:
    server.on("GET", "/tags/list", answer(200, {}, body))

    with pytest.raises(InvalidDocumentError, match="list of tags"):
        list(repo.tags())


def test_tags_that_are_no_tags_are_an_error(server: FaultServer, repo: RemoteRepository) -> None:
    server.on("GET", "/tags/list", answer(200, {}, b'{"tags": ["a\\u001b[31m"]}'))

    with pytest.raises(InvalidReferenceError, match="is not a tag"):
        list(repo.tags())


def test_tags_in_a_circle_are_cut(server: FaultServer, repo: RemoteRepository) -> None:
    server.on("GET", "/tags/list", answer(200, {"Link": "<?last=a>; rel=next"}, page("tags", ["a"])), FOREVER)

    with pytest.raises(RemoteError, match="does not end"):
        list(repo.tags())

    assert len(server.seen) == 2


def test_tags_without_end_are_cut(server: FaultServer, repo: RemoteRepository, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("orchard.remote.pages.MAX_PAGES", 5)

    def more(exchange: Exchange) -> None:
        link = {"Link": f"<?last={len(server.seen)}>; rel=next"}
        exchange.reply(200, link, page("tags", ["a"]))

    server.on("GET", "/tags/list", more, FOREVER)

    with pytest.raises(RemoteError, match="does not end"):
        list(repo.tags())

    assert len(server.seen) == 5


def test_tags_elsewhere_are_refused(server: FaultServer, repo: RemoteRepository) -> None:
    with FaultServer() as other:
        link = f"<{other.url}/v2/team/model/tags/list?last=a>; rel=next"
        server.on("GET", "/tags/list", answer(200, {"Link": link}, page("tags", ["a"])))

        with pytest.raises(RemoteError, match=r"its list goes on at .*; refused"):
            list(repo.tags())

    assert other.seen == []


def test_tags_of_an_unknown_repository_are_an_error(server: FaultServer, repo: RemoteRepository) -> None:
    server.on("GET", "/tags/list", status(404, "NAME_UNKNOWN", "repository name not known"))

    with pytest.raises(NotFoundError, match="NAME_UNKNOWN"):
        list(repo.tags())


def test_catalog_lists_repositories(connect: Connect) -> None:
    assert list(connect().catalog()) == ["team/model", "team/other"]


def test_catalog_that_is_not_offered_is_an_error(connect: Connect, server: FaultServer) -> None:
    server.on("GET", "/_catalog", status(405, "UNSUPPORTED"))

    with pytest.raises(UnsupportedError, match="UNSUPPORTED"):
        list(connect().catalog())
