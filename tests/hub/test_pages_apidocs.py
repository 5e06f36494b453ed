"""The manual of the API: everything that the document says, on pages of a bearable size, at addresses that stay."""

import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest

from support.hubapi import DOCUMENT, operations_of
from support.hubs import Nursery
from support.webpage import Answer, Webpage

LARGEST = 120_000  # bytes of a page, before it is compressed


class Reader:
    """Somebody who reads the manual of a running hub."""

    def __init__(self, hub: Any) -> None:  # noqa: ANN401 -- a running hub, or one with logins
        self._hub = hub
        self.document = json.loads(hub.get(DOCUMENT).body)

    def answer(self, target: str) -> Answer:
        found = self._hub.get(target)
        return Answer(found.status, dict(found.headers), found.body)

    def page(self, target: str) -> Webpage:
        answer = self.answer(target)
        assert answer.status == 200, target
        assert len(answer.body) < LARGEST, target
        return answer.page


@pytest.fixture(scope="module", name="reader")
def _reader(hubs: Nursery, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    with hubs.hub(tmp_path_factory.mktemp("hub")) as hub:
        yield Reader(hub)


@pytest.fixture(scope="module", name="chapters")
def _chapters(reader: Reader) -> dict[str, Webpage]:
    return {tag["name"]: reader.page(f"/docs/api/{tag['name'].lower()}") for tag in reader.document["tags"]}


def test_every_operation_is_in_its_chapter_with_all_that_it_takes_and_gives(
    reader: Reader, chapters: dict[str, Webpage]
) -> None:
    contents = reader.page("/docs/api")
    for method, path, operation in operations_of(reader.document):
        page = chapters[operation["tags"][0]]
        name = operation["operationId"]
        assert page.all("div", id=name), name
        assert f"{method} {operation['summary'].replace('`', '')} /api/v1{path}" in page.text
        assert f"/docs/api/{operation['tags'][0].lower()}#{name}" in contents.links()
        taken = page.all("table", aria_label=f"Parameters of {name}")
        assert bool(taken) == bool(operation["parameters"]), name


def test_every_link_within_a_chapter_leads_somewhere(chapters: dict[str, Webpage]) -> None:
    for page in chapters.values():
        anchors = {attributes["id"] for _, attributes in page.elements if "id" in attributes}
        assert {link[1:] for link in page.links() if link.startswith("#")} <= anchors


def test_every_attribute_of_a_body_is_explained(reader: Reader, chapters: dict[str, Webpage]) -> None:
    explained = 0
    for _, _, operation in operations_of(reader.document):
        body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
        name = body.get("$ref", "").rpartition("/")[2]
        if name:
            page = chapters[operation["tags"][0]]
            shape = reader.document["components"]["schemas"][name]
            assert page.all("table", aria_label=f"Attributes of {name}")
            for about in (one.get("description") for one in shape["properties"].values()):
                assert about is None or " ".join(about.replace("`", "").split()) in page.text
                explained += 1
    assert explained > 40


def test_examples_ask_for_what_they_explain_at_this_hub(reader: Reader, chapters: dict[str, Webpage]) -> None:
    for method, path, operation in operations_of(reader.document):
        pattern = re.sub(r"\\\{\w+\\\}", ".+", re.escape(f"/api/v1{path}"))
        commands = [one["data-copy"] for one in chapters[operation["tags"][0]].all("button", class_="copy")]
        urls = [
            re.search(r"http://[^ ']+", command)
            for command in commands
            if (re.search("-X ([A-Z]+)", command) or ["", "GET"])[1] == method
        ]
        assert any(url and re.fullmatch(pattern, urlsplit(url[0]).path) for url in urls), (method, path)


def test_operations_are_found_by_words(reader: Reader) -> None:
    page = reader.page("/docs/api?q=Put+TAG+wherever")
    assert "1 operation with Put TAG wherever" in page.text
    assert "/docs/api/tags#putTag" in page.links()


def test_words_that_nothing_has_lead_back_to_everything(reader: Reader) -> None:
    page = reader.page("/docs/api?q=%3Cscript%3E")
    assert "No operation has all of these words" in page.text
    assert "/docs/api" in page.links()


def test_chapter_that_is_not_there_is_not_found(reader: Reader) -> None:
    answer = reader.answer("/docs/api/nothing")
    assert answer.status == 404
    assert "The API has no chapter nothing" in answer.page.text


def test_every_page_leads_to_the_manual_once(reader: Reader) -> None:
    assert reader.page("/").links().count("/docs/api") == 1


def test_shapes_are_called_by_names_and_not_by_where_they_are_written(reader: Reader) -> None:
    assert [name for name in reader.document["components"]["schemas"] if not name.isidentifier()] == []
    assert "orchard.hub" not in json.dumps(reader.document)
