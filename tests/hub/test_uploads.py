"""Upload sessions (distribution spec, "Pushing blobs"): every form, every state, every mistake."""

import re
from threading import Timer

import pytest
from sqlalchemy import text

from orchard.hub import catalog
from orchard.oci import Digest
from support.hubinside import Inside, MakeHub

ENGINES = True

NAME = "team/model"
DATA = b"0123456789"
DIGEST = Digest.of(DATA)


def begin_with(hub: Inside, data: bytes = b"") -> str:
    location = hub.begin(NAME)
    if data:
        assert hub.request("PATCH", location, data).status == 202
    return location


def session_of(location: str) -> str:
    return location.rpartition("/")[2].partition("-")[0]


def is_there(hub: Inside, digest: Digest = DIGEST, name: str = NAME) -> bool:
    return hub.request("HEAD", f"/v2/{name}/blobs/{digest}").status == 200


def test_start_of_an_upload_tells_where_to_go_on(hub: Inside) -> None:
    answer = hub.request("POST", f"/v2/{NAME}/blobs/uploads/")
    session = answer.headers["docker-upload-uuid"]
    assert answer.status == 202
    assert re.fullmatch(rf"/v2/{NAME}/blobs/uploads/{session}-[0-9a-f]{{32}}", answer.headers["location"])
    assert answer.headers["range"] == "0-0"
    assert answer.headers["content-length"] == "0"
    assert len(session) == 32


def test_start_of_an_upload_tells_how_large_chunks_should_be_and_smaller_ones_are_taken(make_hub: MakeHub) -> None:
    assert "oci-chunk-min-length" not in make_hub().request("POST", f"/v2/{NAME}/blobs/uploads/").headers
    hub = make_hub(min_chunk=1000)
    begun = hub.request("POST", f"/v2/{NAME}/blobs/uploads/")
    assert begun.headers["oci-chunk-min-length"] == "1000"
    assert hub.request("PATCH", begun.headers["location"], DATA[:5], {"content-range": "0-4"}).status == 202


def test_start_without_the_last_slash_is_the_same(hub: Inside) -> None:
    assert hub.request("POST", f"/v2/{NAME}/blobs/uploads").status == 202


def test_blob_in_one_put_is_stored(hub: Inside) -> None:
    answer = hub.request("PUT", f"{hub.begin(NAME)}?digest={DIGEST}", DATA)
    assert answer.status == 201
    assert answer.headers["docker-content-digest"] == str(DIGEST)
    assert answer.headers["location"] == f"/v2/{NAME}/blobs/{DIGEST}"
    assert hub.get(answer.headers["location"]).body == DATA


@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
def test_blob_in_one_post_is_stored(hub: Inside, algorithm: str) -> None:
    digest = Digest.of(DATA, algorithm)
    answer = hub.request("POST", f"/v2/{NAME}/blobs/uploads/?digest={digest}", DATA)
    assert (answer.status, answer.headers["location"]) == (201, f"/v2/{NAME}/blobs/{digest}")
    assert hub.get(answer.headers["location"]).body == DATA
    assert not list(hub.files.sessions())


def test_blob_in_one_post_with_wrong_bytes_leaves_nothing(hub: Inside) -> None:
    answer = hub.request("POST", f"/v2/{NAME}/blobs/uploads/?digest={DIGEST}", b"other")
    assert (answer.status, answer.code) == (400, "DIGEST_INVALID")
    assert not list(hub.files.sessions())
    assert not is_there(hub)


@pytest.mark.parametrize("pieces", [[DATA], [b"01234", b"56789"], [bytes([byte]) for byte in DATA]])
@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
def test_chunks_in_order_become_a_blob(hub: Inside, pieces: list[bytes], algorithm: str) -> None:
    location = hub.begin(NAME, f"?digest-algorithm={algorithm}")
    at = 0
    for piece in pieces:
        content_range = f"{at}-{at + len(piece) - 1}"
        answer = hub.request("PATCH", location, piece, {"content-range": content_range})
        at += len(piece)
        assert answer.status == 202
        assert answer.headers["range"] == f"0-{at - 1}"
        location = answer.headers["location"]
    digest = Digest.of(DATA, algorithm)
    assert hub.request("PUT", f"{location}?digest={digest}").status == 201
    assert hub.get(f"/v2/{NAME}/blobs/{digest}").body == DATA


def test_last_chunk_may_come_with_the_put(hub: Inside) -> None:
    location = begin_with(hub, DATA[:4])
    answer = hub.request("PUT", f"{location}?digest={DIGEST}", DATA[4:], {"content-range": "4-9"})
    assert answer.status == 201
    assert is_there(hub)


def test_stream_without_a_length_is_stored(hub: Inside) -> None:
    location = hub.begin(NAME)
    answer = hub.request("PATCH", location, [b"01234", b"", b"56789"])
    assert (answer.status, answer.headers["range"]) == (202, "0-9")
    assert hub.request("PUT", f"{location}?digest={DIGEST}", [b""]).status == 201
    assert is_there(hub)


def test_stream_of_many_batches_is_stored_in_order(hub: Inside) -> None:
    pieces = [bytes([number]) * 300_000 for number in range(20)]
    digest = Digest.of(b"".join(pieces))
    location = hub.begin(NAME)
    assert hub.request("PATCH", location, pieces).headers["range"] == f"0-{20 * 300_000 - 1}"
    assert hub.request("PUT", f"{location}?digest={digest}").status == 201
    assert hub.get(f"/v2/{NAME}/blobs/{digest}").body == b"".join(pieces)


@pytest.mark.parametrize("form", ["0-4", "bytes 0-4", "bytes=0-4", "bytes 0-4/10", "bytes 0-4/*"])
def test_content_range_is_read_in_the_forms_that_clients_write(hub: Inside, form: str) -> None:
    answer = hub.request("PATCH", hub.begin(NAME), DATA[:5], {"content-range": form})
    assert (answer.status, answer.headers["range"]) == (202, "0-4")


# What a request meets in each state of a session. A dash: the session holds the first five bytes, and keeps them.
GRID = {
    #            GET PATCH PUT(rest) DELETE
    "new":       (204, 202, 400, 204),
    "half":      (204, 202, 201, 204),
    "finished":  (404, 404, 201, 404),
    "cancelled": (404, 404, 404, 404),
    "expired":   (404, 404, 404, 404),
    "unknown":   (404, 404, 404, 404),
    "malformed": (404, 404, 404, 404),
}  # fmt: skip
METHODS = ("GET", "PATCH", "PUT", "DELETE")


def prepare(hub: Inside, state: str) -> str:
    location = begin_with(hub, b"" if state == "new" else DATA[:5])
    match state:
        case "finished":
            assert hub.request("PUT", f"{location}?digest={DIGEST}", DATA[5:]).status == 201
        case "cancelled":
            assert hub.request("DELETE", location).status == 204
        case "expired":
            hub.clock.time += 100
            hub.registry.sweep_uploads(99)
        case "unknown":
            location = location.replace(session_of(location), "0" * 32)
        case "malformed":
            location = location.replace(session_of(location), "..%2f" * 4)
        case _:
            pass
    return location


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("state", GRID)
def test_session_answers_by_its_state(hub: Inside, state: str, method: str) -> None:
    location = prepare(hub, state)
    query = f"?digest={DIGEST}" if method == "PUT" else ""
    answer = hub.request(method, location + query, DATA[5:] if method in {"PUT", "PATCH"} else b"")
    assert answer.status == GRID[state][METHODS.index(method)]
    if answer.status == 404:
        assert answer.code == "BLOB_UPLOAD_UNKNOWN"


def test_status_tells_how_far_an_upload_is(hub: Inside) -> None:
    location = begin_with(hub, DATA[:5])
    answer = hub.get(location)
    assert (answer.status, answer.headers["range"], answer.headers["location"]) == (204, "0-4", location)


@pytest.mark.parametrize("start", [0, 4, 6, 100], ids=["again", "overlap", "gap", "far"])
@pytest.mark.parametrize("method", ["PATCH", "PUT"])
def test_chunk_out_of_order_is_refused_and_the_upload_can_go_on(hub: Inside, start: int, method: str) -> None:
    location = begin_with(hub, DATA[:5])
    query = f"?digest={DIGEST}" if method == "PUT" else ""
    answer = hub.request(method, location + query, b"abc", {"content-range": f"{start}-{start + 2}"})
    assert (answer.status, answer.code) == (416, "BLOB_UPLOAD_INVALID")
    assert answer.headers["range"] == "0-4"
    assert hub.get(location).headers["range"] == "0-4"
    assert hub.request("PUT", f"{location}?digest={DIGEST}", DATA[5:], {"content-range": "5-9"}).status == 201


@pytest.mark.parametrize("content_range", ["5-8", "5-10"], ids=["shorter", "longer"])
@pytest.mark.parametrize("streamed", [False, True], ids=["announced", "streamed"])
def test_chunk_of_another_length_than_it_says_leaves_the_upload_as_it_was(
    hub: Inside, content_range: str, *, streamed: bool
) -> None:
    location = begin_with(hub, DATA[:5])
    body = [DATA[5:]] if streamed else DATA[5:]
    answer = hub.request("PATCH", location, body, {"content-range": content_range})
    assert (answer.status, answer.code) == (400, "SIZE_INVALID")
    assert hub.get(location).headers["range"] == "0-4"
    assert hub.request("PUT", f"{location}?digest={DIGEST}", DATA[5:]).status == 201


@pytest.mark.parametrize("content_range", ["", "5", "9-5", "-5", "5-", "a-b", "bytes", "5-99999999999999999999"])
def test_content_range_that_is_none_is_refused(hub: Inside, content_range: str) -> None:
    location = begin_with(hub, DATA[:5])
    answer = hub.request("PATCH", location, DATA[5:], {"content-range": content_range})
    assert (answer.status, answer.code) == (400, "BLOB_UPLOAD_INVALID")


BAD_DIGESTS = [
    f"?digest={Digest.of(b'other')}",
    f"?digest={Digest.of(b'other', 'sha512')}",
    "?digest=sha256:baddigeststring",
    "?digest=sha256:" + "A" * 64,
    "?digest=md5:" + "a" * 32,
    "?digest=",
    "",
]


WRONG = [
    *(pytest.param(form, query, id=f"{form}{query[:24]}") for form in ("put", "chunks") for query in BAD_DIGESTS),
    *(pytest.param("post", query, id=f"post{query[:24]}") for query in BAD_DIGESTS if query),
]


@pytest.mark.parametrize(("form", "query"), WRONG)
def test_wrong_digest_is_refused_and_nothing_is_stored(hub: Inside, form: str, query: str) -> None:
    if form == "post":
        answer = hub.request("POST", f"/v2/{NAME}/blobs/uploads/{query}", DATA)
    else:
        location = begin_with(hub, DATA if form == "chunks" else b"")
        answer = hub.request("PUT", location + query, DATA if form == "put" else b"")
    assert (answer.status, answer.code) == (400, "DIGEST_INVALID")
    assert not is_there(hub)
    assert not list(hub.data.glob("blobs/*/*/*"))


def test_wrong_content_ends_the_session(hub: Inside) -> None:
    location = begin_with(hub, b"other")
    hub.request("PUT", f"{location}?digest={DIGEST}")
    assert hub.get(location).status == 404
    assert not list(hub.files.sessions())


def test_unknown_algorithm_is_refused_when_the_upload_begins(hub: Inside) -> None:
    answer = hub.request("POST", f"/v2/{NAME}/blobs/uploads/?digest-algorithm=md5")
    assert (answer.status, answer.code) == (400, "DIGEST_INVALID")
    assert not list(hub.files.sessions())


def test_upload_may_end_with_another_algorithm_than_it_began_with(hub: Inside) -> None:
    location = begin_with(hub, DATA)
    digest = Digest.of(DATA, "sha512")
    assert hub.request("PUT", f"{location}?digest={digest}").status == 201
    assert is_there(hub, digest)


def test_put_of_a_finished_upload_can_be_repeated(hub: Inside) -> None:
    location = f"{begin_with(hub, DATA)}?digest={DIGEST}"
    first, second = hub.request("PUT", location), hub.request("PUT", location, DATA)
    assert (first.status, second.status) == (201, 201)
    assert second.headers["location"] == first.headers["location"]


def test_same_blob_can_be_pushed_twice(hub: Inside) -> None:
    hub.push_blob(NAME, DATA)
    hub.push_blob(NAME, DATA)
    assert is_there(hub)
    assert len(list(hub.data.glob("blobs/*/*/*"))) == 1


def test_pushing_again_heals_a_blob_that_has_rotted(hub: Inside) -> None:
    hub.push_blob(NAME, DATA)
    hub.files.path(DIGEST).write_bytes(b"rotten")
    hub.push_blob(NAME, DATA)
    assert hub.get(f"/v2/{NAME}/blobs/{DIGEST}").body == DATA


def test_connection_lost_in_a_patch_keeps_what_came(hub: Inside) -> None:
    location = hub.begin(NAME)
    assert hub.request("PATCH", location, [DATA[:3], DATA[3:6]], broken=True).status == 408
    assert hub.get(location).headers["range"] == "0-5"
    assert hub.request("PUT", f"{location}?digest={DIGEST}", DATA[6:], {"content-range": "6-9"}).status == 201


def test_connection_lost_in_a_put_forgets_what_came_with_it(hub: Inside) -> None:
    location = begin_with(hub, DATA[:3])
    assert hub.request("PUT", f"{location}?digest={DIGEST}", [DATA[3:6]], broken=True).status == 408
    assert hub.get(location).headers["range"] == "0-2"
    assert hub.request("PUT", f"{location}?digest={DIGEST}", DATA[3:]).status == 201


def test_connection_lost_in_a_post_leaves_nothing(hub: Inside) -> None:
    target = f"/v2/{NAME}/blobs/uploads/?digest={DIGEST}"
    assert hub.request("POST", target, [DATA[:3]], broken=True).status == 408
    assert not list(hub.files.sessions())


def test_client_that_stops_sending_is_given_up(make_hub: MakeHub) -> None:
    hub = make_hub(timeout=0.05)
    location = hub.begin(NAME)
    answer = hub.request("PATCH", location, [], {"content-length": "10"})
    assert (answer.status, answer.code) == (408, "BLOB_UPLOAD_INVALID")


def test_upload_goes_on_after_the_hub_has_forgotten_its_hash(hub: Inside) -> None:
    location = begin_with(hub, DATA[:5])
    again = Inside(hub.data, database=hub.database)
    with again.threads:
        assert again.get(location).headers["range"] == "0-4"
        assert again.request("PATCH", location, DATA[5:], {"content-range": "5-9"}).status == 202
        assert again.request("PUT", f"{location}?digest={DIGEST}").status == 201
        assert is_there(again)


def test_second_request_waits_for_the_first_and_then_sees_its_bytes(hub: Inside) -> None:
    location = begin_with(hub, DATA[:5])
    held = hub.registry.writable(hub.who, NAME).upload(location.rpartition("/")[2])
    release = Timer(0.1, held.close)
    release.start()
    assert hub.request("PATCH", location, DATA[5:], {"content-range": "5-9"}).status == 202
    release.join()


# Failing ----------------------------------------------------------------------------------------------------------


def test_upload_that_cannot_be_staged_is_refused(hub: Inside) -> None:
    (hub.data / "uploads").write_text("in the way")
    answer = hub.request("POST", f"/v2/{NAME}/blobs/uploads/")
    assert (answer.status, answer.code) == (507, "DENIED")
    (hub.data / "uploads").unlink()
    assert hub.request("POST", f"/v2/{NAME}/blobs/uploads/").status == 202


def test_upload_that_cannot_be_written_down_leaves_nothing(hub: Inside) -> None:
    with hub.database.write() as connection:
        connection.execute(text("ALTER TABLE uploads RENAME TO hidden"))
    assert hub.request("POST", f"/v2/{NAME}/blobs/uploads/").status == 507
    assert not list(hub.files.sessions())


def test_session_whose_bytes_are_gone_is_unknown(hub: Inside) -> None:
    location = begin_with(hub, DATA)
    hub.files.discard(session_of(location))
    assert hub.get(location).status == 404
    assert hub.get(location).code == "BLOB_UPLOAD_UNKNOWN"


# Forgetting -------------------------------------------------------------------------------------------------------


def test_sweep_forgets_old_uploads_and_keeps_young_ones(hub: Inside) -> None:
    old = begin_with(hub, DATA)
    hub.clock.time += 3600
    young = begin_with(hub, DATA)
    hub.registry.sweep_uploads(1800)
    assert (hub.get(old).status, hub.get(young).status) == (404, 204)
    assert list(hub.files.sessions()) == [session_of(young)]


def test_sweep_forgets_bytes_that_belong_to_no_session(hub: Inside) -> None:
    young = begin_with(hub, DATA)
    (hub.data / "uploads" / ("f" * 32)).write_bytes(b"left by a crash")
    hub.registry.sweep_uploads(1800)
    assert list(hub.files.sessions()) == [session_of(young)]


def test_sweep_leaves_alone_what_has_only_just_begun(hub: Inside, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its bytes are there before its row is, so that the sweep may have seen the one and not the other."""
    location = begin_with(hub, DATA)
    monkeypatch.setattr(catalog.uploads, "alive", lambda _: set())
    monkeypatch.setattr(catalog.uploads, "expired", lambda *_: [session_of(location)])
    hub.registry.sweep_uploads(1800)
    assert hub.get(location).status == 204


def test_sweep_leaves_alone_what_another_held_when_it_was_looked_at(
    hub: Inside, monkeypatch: pytest.MonkeyPatch
) -> None:
    location = begin_with(hub, DATA)
    looks = iter([None])  # its row is not there yet; it is when the session can be taken
    get = catalog.uploads.get
    monkeypatch.setattr(catalog.uploads, "alive", lambda _: set())
    monkeypatch.setattr(catalog.uploads, "get", lambda *asked: next(looks, get(*asked)))
    hub.registry.sweep_uploads(1800)
    assert hub.get(location).status == 204


def test_sweep_leaves_alone_what_is_being_written(hub: Inside) -> None:
    location = begin_with(hub, DATA)
    held = hub.registry.writable(hub.who, NAME).upload(location.rpartition("/")[2])
    hub.clock.time += 3600
    hub.registry.sweep_uploads(1800)
    held.close()
    assert hub.get(location).status == 204
