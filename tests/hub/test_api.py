"""The JSON API's frame: what every operation has in common, tried on operations of the test's own."""

import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any

import pytest
from jsonschema import Draft202012Validator
from msgspec import UNSET, Meta, UnsetType
from schemathesis.specs.openapi.definitions import OPENAPI_31_VALIDATOR

from orchard.errors import (
    ConflictError,
    DeniedError,
    NotFoundError,
    RateLimitedError,
    RemoteError,
    StorageError,
    UnavailableError,
)
from orchard.hub.access import ANONYMOUS, Principal
from orchard.hub.http import Surface
from orchard.hub.http.api import PREFIX, PUBLIC, Api, error_problem, operation
from orchard.hub.http.api.shapes import Created, Input, Moment, Output, Paged, Part, RepositoryName
from support.hubapi import DOCUMENT, ask, problem_of
from support.hubinside import Inside, MakeHub, NamedDoor

BASKET = f"{PREFIX}/baskets/team/red/-/apples"


class Apple(Output, frozen=True):
    """An apple.

    Attributes:
        short_name: What it is called.
        grams: What it weighs.
    """

    short_name: str
    grams: int | None


class NewApple(Input, frozen=True):
    """An apple to be.

    Attributes:
        short_name: What it shall be called.
        grams: What it weighs.
    """

    short_name: Annotated[str, Meta(max_length=20)]
    grams: int | UnsetType | None = UNSET


class AppleQuery(Paged, frozen=True):
    """Which apples.

    Attributes:
        ripe_only: Whether green ones are left out.
        picked_after: Only what was picked later.
    """

    ripe_only: bool = False
    picked_after: Moment | None = None


@dataclass
class Apples:
    """Apples, in baskets."""

    eaten: list[str] = field(default_factory=list)

    @operation("GET", "/baskets/{+basket}/-/apples")
    def list_apples(self, *, basket: RepositoryName, query: AppleQuery) -> Part[Apple]:
        """List the apples of a basket."""
        found = [Apple(f"{basket}{number}", number) for number in range(int(query.after or 0), 5)]
        if query.ripe_only:
            found = found[3:]
        return Part.of(found, query.limit, lambda last: str((last.grams or 0) + 1))

    @operation("POST", "/baskets/{+basket}/-/apples", ConflictError)
    def add_apple(self, who: Principal, *, basket: RepositoryName, body: NewApple) -> Created[Apple]:
        """Put an apple into a basket.

        It is washed first.

        Raises:
            ConflictError: If there is one of this name.
        """
        if body.short_name == "there":
            raise ConflictError(f"{who.name} has an apple of this name")
        made = Apple(body.short_name, None if body.grams is UNSET else body.grams)
        return Created(made, f"/baskets/{basket}/-/apples/{body.short_name}")

    @operation("DELETE", "/baskets/{+basket}/-/apples/{apple}")
    def eat_apple(self, *, basket: RepositoryName, apple: str) -> None:
        """Eat an apple."""
        self.eaten.append(f"{basket} {apple}")

    @operation("GET", "/apples/best", RemoteError)
    def best_apple(self, who: Principal) -> Apple:
        """Fail in the way that the caller's name says."""
        raise FAILURES[who.name]


FAILURES: dict[str, Exception] = {
    "denied": DeniedError("no"),
    "missing": NotFoundError("no such"),
    "often": RateLimitedError("later"),
    "far": RemoteError("gone"),
    "disk": StorageError("full"),
    "busy": UnavailableError("later"),
    "bug": KeyError("secret of the implementation"),
    ANONYMOUS.name: DeniedError("no"),
}


def apples(hub: Inside) -> Sequence[Surface]:
    api = Api([Apples()], hub.threads, challenge="Basic", timeout=0.2)
    return [Surface(PREFIX, api, public=PUBLIC, problem=error_problem)]


@pytest.fixture
def hub(make_hub: MakeHub) -> Inside:
    return make_hub(surfaces=apples)


# Lists ------------------------------------------------------------------------------------------------------------


def test_list_leads_from_part_to_part(hub: Inside) -> None:
    first = ask(hub, "GET", f"{BASKET}?limit=3")
    document = json.loads(first.body)
    assert [apple["grams"] for apple in document["items"]] == [0, 1, 2]
    assert document["next"] == f"{BASKET}?limit=3&after=3"
    assert first.headers["link"] == f'<{document["next"]}>; rel="next"'
    last = ask(hub, "GET", document["next"])
    assert [apple["grams"] for apple in json.loads(last.body)["items"]] == [3, 4]
    assert json.loads(last.body)["next"] is None
    assert "link" not in last.headers


def test_next_part_is_asked_for_as_the_first_was(hub: Inside) -> None:
    answer = ask(hub, "GET", f"{BASKET}?limit=1&ripeOnly=true")
    assert json.loads(answer.body)["next"] == f"{BASKET}?limit=1&ripeOnly=true&after=4"


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("limit=0", "limit"),
        ("limit=1001", "limit"),
        ("limit=x", "limit"),
        ("ripeOnly=perhaps", "ripeOnly"),
        ("ripe_only=true", "unknown field `ripe_only`"),
        ("limt=5", "unknown field `limt`"),
        ("limit=1&limit=2", "twice"),
        ("after=%00", "NUL"),
        ("after=%FF", "cannot be read"),
        ("&".join(f"a{number}" for number in range(100)), "cannot be read"),
    ],
)
def test_query_that_is_not_understood_is_refused(hub: Inside, query: str, message: str) -> None:
    status, detail = problem_of(ask(hub, "GET", f"{BASKET}?{query}"))
    assert status == 400
    assert message in detail


def test_query_where_none_is_known_is_refused(hub: Inside) -> None:
    status, detail = problem_of(ask(hub, "DELETE", f"{BASKET}/x?dryRun=true"))
    assert (status, "dryRun" in detail) == (400, True)


# Bodies -----------------------------------------------------------------------------------------------------------


def test_new_thing_is_answered_with_its_place(hub: Inside) -> None:
    answer = ask(hub, "POST", BASKET, {"shortName": "boskoop"})
    assert (answer.status, json.loads(answer.body)) == (201, {"shortName": "boskoop", "grams": None})
    assert answer.headers["location"] == f"{BASKET}/boskoop"
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        (b"", 400, "not JSON"),
        (b"{", 400, "not JSON"),
        (b'{"shortName": "a", "shortName": "b"}', 400, "shortName"),
        (b'{"shortName": "\xff"}', 400, "UTF-8"),
        (b'{"shortName": "\\ud800"}', 400, "not a text"),
        (b'{"shortName": "\\u0000"}', 422, "NUL"),
        (b"[" * 1000 + b"]" * 1000, 413, "deep"),
        (b"[]", 422, "Expected `object`"),
        (b"{}", 422, "missing required field `shortName`"),
        (b'{"shortName": 1}', 422, "shortName"),
        (b'{"shortName": "a", "owner": "eve"}', 422, "unknown field `owner`"),
        (b'{"short_name": "a"}', 422, "short_name"),
        (b'{"shortName": "%b"}' % (b"a" * 21), 422, "length <= 20"),
        (b'{"shortName": "%b"}' % (b"a" * (1 << 20)), 413, "1048576"),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_body_that_is_not_understood_is_refused(hub: Inside, body: bytes, status: int, message: str) -> None:
    found, detail = problem_of(ask(hub, "POST", BASKET, body, content_type="application/json"))
    assert found == status
    assert message.lower() in detail.lower()


@pytest.mark.parametrize(
    "media_type", ["application/json", "application/json; charset=utf-8", "application/merge-patch+json"]
)
def test_body_is_json_of_any_name(hub: Inside, media_type: str) -> None:
    assert ask(hub, "POST", BASKET, {"shortName": "a"}, content_type=media_type).status == 201


@pytest.mark.parametrize("media_type", ["", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data"])
def test_body_that_a_form_of_another_site_could_send_is_refused(hub: Inside, media_type: str) -> None:
    answer = ask(hub, "POST", BASKET, {"shortName": "a"}, content_type=media_type)
    assert problem_of(answer) == (415, f"Content-Type is {media_type!r}; send application/json")


def test_backslash_before_zeros_is_no_nul_character(hub: Inside) -> None:
    answer = ask(hub, "POST", BASKET, b'{"shortName": "a\\\\u0000"}', content_type="application/json")
    assert json.loads(answer.body)["shortName"] == "a\\u0000"


def test_body_that_breaks_off_is_answered_all_the_same(hub: Inside) -> None:
    answer = hub.request("POST", BASKET, b'{"short', {"content-type": "application/json"}, broken=True)
    assert problem_of(answer) == (408, "the client went away")


# Paths and methods ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["", "/", "/nothing", "/baskets", "/baskets/-/apples", f"{BASKET[7:]}/", "/apples/"])
def test_path_that_leads_nowhere_is_not_found(hub: Inside, path: str) -> None:
    status, detail = problem_of(ask(hub, "GET", PREFIX + path))
    assert (status, DOCUMENT in detail) == (404, True)


def test_name_with_slashes_ends_where_a_name_cannot(make_hub: MakeHub) -> None:
    resource = Apples()
    hub = make_hub(surfaces=lambda hub: [Surface(PREFIX, Api([resource], hub.threads, challenge=None, timeout=1))])
    assert ask(hub, "DELETE", f"{PREFIX}/baskets/a/apples/b/-/apples/c").status == 204
    assert resource.eaten == ["a/apples/b c"]


def test_other_methods_are_told_which_ones_are_possible(hub: Inside) -> None:
    answer = ask(hub, "PUT", BASKET, {})
    assert problem_of(answer) == (405, "PUT is not possible here")
    assert answer.headers["allow"] == "GET, POST, HEAD"


def test_head_is_get_without_a_body(hub: Inside) -> None:
    answer = ask(hub, "HEAD", BASKET)
    assert (answer.status, answer.body) == (200, b"")
    assert int(answer.headers["content-length"]) > 0


# Failures ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("who", "status"),
    [("denied", 403), ("missing", 404), ("often", 429), ("far", 502), ("disk", 507), ("busy", 503), ("bug", 500)],
)
def test_failure_is_a_problem(make_hub: MakeHub, who: str, status: int, caplog: pytest.LogCaptureFixture) -> None:
    hub = make_hub(surfaces=apples, access=lambda _: NamedDoor())
    with caplog.at_level(logging.CRITICAL, "orchard.hub"):
        answer = ask(hub, "GET", f"{PREFIX}/apples/best", authorization=who)
    assert problem_of(answer)[0] == status
    assert b"secret" not in answer.body
    assert ("retry-after" in answer.headers) is (status in {429, 503})


def test_bug_is_in_the_log_and_nowhere_else(make_hub: MakeHub, caplog: pytest.LogCaptureFixture) -> None:
    hub = make_hub(surfaces=apples, access=lambda _: NamedDoor())
    ask(hub, "GET", f"{PREFIX}/apples/best", authorization="bug")
    (record,) = caplog.records
    assert record.getMessage() == "GET /apples/best failed"
    assert "secret of the implementation" in str(record.exc_info)


def test_somebody_unknown_who_may_not_is_asked_to_log_in(hub: Inside) -> None:
    answer = ask(hub, "GET", f"{PREFIX}/apples/best")
    assert problem_of(answer) == (401, "login required: no")
    assert answer.headers["www-authenticate"] == "Basic"


def test_page_of_another_site_cannot_use_a_visitors_login(make_hub: MakeHub) -> None:
    hub = make_hub(surfaces=apples, access=lambda _: NamedDoor())
    answer = ask(hub, "DELETE", f"{BASKET}/x", origin="http://evil.example", authorization="ana")
    assert problem_of(answer) == (403, "this request was sent by a page of another site")


@pytest.mark.parametrize("time", ["2026-11-27T09:00:00Z", "2026-11-27t09:00:00.5%2B01:00", "2026-11-27 09:00:00Z"])
def test_times_are_asked_for_as_they_are_written(hub: Inside, time: str) -> None:
    assert ask(hub, "GET", f"{BASKET}?pickedAfter={time.replace(' ', '%20')}").status == 200


@pytest.mark.parametrize(
    "time", ["0.5", "1795831498", "-1", "1e9", "2026-11-27", "123e-00000000000000005", "2026-11-27T09:00:00"]
)
def test_numbers_are_no_times(hub: Inside, time: str) -> None:
    answer = ask(hub, "GET", f"{BASKET}?pickedAfter={time}")
    assert answer.status == 400
    assert b"pickedAfter" in answer.body


# The document -----------------------------------------------------------------------------------------------------


@pytest.fixture
def document(hub: Inside) -> dict[str, Any]:
    answer = ask(hub, "GET", DOCUMENT)
    assert (answer.status, answer.headers["content-type"]) == (200, "application/json")
    found: dict[str, Any] = json.loads(answer.body)
    return found


def test_document_is_openapi_31(document: dict[str, Any]) -> None:
    OPENAPI_31_VALIDATOR.validate(document)
    for schema in document["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)


def test_document_is_for_everybody(make_hub: MakeHub) -> None:
    hub = make_hub(surfaces=apples)
    assert ask(hub, "GET", DOCUMENT, host="evil.example").status == 200
    assert ask(hub, "GET", BASKET, host="evil.example").status == 403
    assert ask(hub, "POST", DOCUMENT, {}).headers["allow"] == "GET, HEAD"


def test_document_says_what_signatures_and_docstrings_say(document: dict[str, Any]) -> None:
    add = document["paths"]["/baskets/{basket}/-/apples"]["post"]
    assert (add["operationId"], add["tags"]) == ("addApple", ["Apples"])
    assert (add["summary"], add["description"]) == ("Put an apple into a basket", "It is washed first.")
    assert add["requestBody"]["content"]["application/json"]["schema"] == {"$ref": "#/components/schemas/NewApple"}
    assert add["responses"]["201"]["content"]["application/json"]["schema"] == {"$ref": "#/components/schemas/Apple"}
    assert " ".join(sorted(add["responses"])) == "201 400 401 403 404 408 409 413 415 422 429 500 503 507"
    apple = document["components"]["schemas"]["NewApple"]
    assert apple["description"] == "An apple to be."
    assert apple["properties"]["shortName"]["description"] == "What it shall be called."
    assert apple["additionalProperties"] is False


def test_document_describes_parameters(document: dict[str, Any]) -> None:
    shown = document["paths"]["/baskets/{basket}/-/apples"]["get"]["parameters"]
    assert {one["name"]: (one["in"], one["required"], one["schema"].get("default")) for one in shown} == {
        "basket": ("path", True, None),
        "after": ("query", False, ""),
        "limit": ("query", False, 100),
        "ripeOnly": ("query", False, False),
        "pickedAfter": ("query", False, None),
    }
    assert all(one["description"] for one in shown)
    assert "AppleList" in document["components"]["schemas"]


def test_two_operations_cannot_have_one_place(make_hub: MakeHub) -> None:
    hub = make_hub()
    with pytest.raises(AssertionError, match=r"GET /baskets/.* is there twice"):
        Api([Apples(), Apples()], hub.threads, challenge=None, timeout=1)
