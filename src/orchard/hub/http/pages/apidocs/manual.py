"""An OpenAPI document as a manual: chapters with operations, and the shapes of what goes in and out."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from msgspec import json

from orchard.hub.http.pages.apidocs.examples import Example, example_of
from orchard.hub.http.pages.apidocs.words import Word, bounds_of, name_of, words_of

Node = Mapping[str, Any]

_METHODS: Final = ("get", "put", "post", "patch", "delete")
_SUCCESS: Final = "2"


@dataclass(frozen=True, slots=True)
class Row:
    """A parameter, or an attribute of a shape.

    Attributes:
        place: Where a parameter stands: in the path, in the query.
        about: What it is, as Markdown.
        bounds: What it may be, in short: ``1 to 1000``, ``by default 100``.
    """

    name: str
    words: Sequence[Word]
    required: bool
    about: str
    bounds: Sequence[str]
    place: str = ""


@dataclass(frozen=True, slots=True)
class Shape:
    """What a JSON object holds.

    Attributes:
        anchor: Names it within its page.
    """

    name: str
    anchor: str
    about: str
    rows: Sequence[Row]


@dataclass(frozen=True, slots=True)
class Answer:
    """What may come back.

    Attributes:
        words: What is in its body; nothing for none.
        headers: What is said beside it, with what it means.
    """

    status: str
    about: str
    words: Sequence[Word]
    headers: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True, slots=True)
class Entry:
    """One operation.

    Attributes:
        name: Its name in the document, and its anchor.
        path: Template, below the root of the hub.
        about: More than the summary, as Markdown.
        body: What must be sent; nothing for none.
        errors: Statuses of problems, with what each means.
        example: A request that could be sent.
    """

    name: str
    method: str
    path: str
    summary: str
    about: str
    parameters: Sequence[Row]
    body: Sequence[Word]
    answers: Sequence[Answer]
    errors: Sequence[tuple[str, str]]
    example: Example

    def has(self, words: Sequence[str]) -> bool:
        """Tell whether all words, in small letters, are somewhere in what is said of it."""
        text = f"{self.method} {self.path} {self.name} {self.summary} {self.about}".lower()
        return all(word in text for word in words)


@dataclass(frozen=True, slots=True)
class Chapter:
    """What can be done with one kind of thing.

    Attributes:
        slug: Names it in addresses.
        shapes: Those that its operations take and give, and all that are within.
    """

    title: str
    slug: str
    about: str
    entries: Sequence[Entry]
    shapes: Sequence[Shape]


@dataclass(frozen=True, slots=True)
class Manual:
    """All of it.

    Attributes:
        about: What the API is, as Markdown.
        problem: The shape of every error.
        errors: All statuses of problems, with what each means.
    """

    title: str
    version: str
    about: str
    chapters: Sequence[Chapter]
    problem: Shape
    errors: Sequence[tuple[str, str]]

    @staticmethod
    def parse(document: bytes) -> "Manual":
        """Read our own document."""
        return _Reader(json.decode(document)).manual()

    def chapter(self, slug: str) -> Chapter | None:
        """Find a chapter."""
        return next((one for one in self.chapters if one.slug == slug), None)


class _Reader:
    def __init__(self, document: Node) -> None:
        self._document = document
        self._shapes: Mapping[str, Node] = document["components"]["schemas"]
        self._problems: Mapping[str, Node] = document["components"]["responses"]
        self._root = document["servers"][0]["url"]

    def manual(self) -> Manual:
        info = self._document["info"]
        by_tag: dict[str, list[tuple[Entry, Node]]] = {tag["name"]: [] for tag in self._document["tags"]}
        for path, methods in self._document["paths"].items():
            for method in _METHODS:
                if method in methods:
                    node = methods[method]
                    by_tag[node["tags"][0]].append((self._entry(path, method, node), node))
        errors = sorted((name[-3:], node["description"]) for name, node in self._problems.items())
        return Manual(
            title=info["title"],
            version=info["version"],
            about=info["description"],
            chapters=[self._chapter(tag, by_tag[tag["name"]]) for tag in self._document["tags"]],
            problem=self._shape("Problem"),
            errors=errors,
        )

    def _chapter(self, tag: Node, found: Sequence[tuple[Entry, Node]]) -> Chapter:
        names: dict[str, None] = {}
        for _, node in found:
            for schema in self._bodies(node):
                self._gather(schema, names)
        return Chapter(
            title=tag["name"],
            slug=tag["name"].lower(),
            about=tag["description"],
            entries=[entry for entry, _ in found],
            shapes=[self._shape(name) for name in names],
        )

    def _bodies(self, node: Node) -> Iterator[Node]:
        for one in (node.get("requestBody", {}), *node["responses"].values()):
            yield from (content["schema"] for content in one.get("content", {}).values())

    def _gather(self, schema: Any, names: dict[str, None]) -> None:  # noqa: ANN401 -- any part of a document
        """Find the shapes of objects in a schema, and within those, in the order in which they are met."""
        if isinstance(schema, list):
            for one in schema:
                self._gather(one, names)
        if not isinstance(schema, dict):
            return
        name = _name_of(schema)
        if name and name not in names:
            if "properties" in self._shapes[name]:
                names[name] = None
            self._gather(self._shapes[name], names)
        for key, one in schema.items():
            if key not in {"examples", "default", "enum"}:
                self._gather(one, names)

    def _shape(self, name: str) -> Shape:
        node = self._shapes[name]
        title = name_of(name, node)
        required = node.get("required", ())
        rows = [
            Row(
                name=key,
                words=words_of(schema, self._shapes),
                required=key in required,
                about=self._about(schema),
                bounds=bounds_of(schema),
            )
            for key, schema in node["properties"].items()
        ]
        return Shape(title, f"shape-{title}", node.get("description", ""), rows)

    def _about(self, schema: Node) -> str:
        """Say what an attribute is; the shape that it has says it where nothing else does."""
        inner: Node = next((one for one in schema.get("anyOf", ()) if "description" in one), {})
        return str(schema.get("description") or inner.get("description") or "")

    def _entry(self, path: str, method: str, node: Node) -> Entry:
        parameters = [
            Row(
                name=one["name"],
                words=words_of(one["schema"], self._shapes),
                required=one.get("required", False),
                about=one.get("description", "") or self._about(one["schema"]),
                bounds=bounds_of(one["schema"]),
                place=one["in"],
            )
            for one in node["parameters"]
        ]
        body = node.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
        success = {status: one for status, one in node["responses"].items() if status.startswith(_SUCCESS)}
        return Entry(
            name=node["operationId"],
            method=method.upper(),
            path=self._root + path,
            summary=node["summary"],
            about=node.get("description", ""),
            parameters=parameters,
            body=() if body is None else words_of(body, self._shapes),
            answers=[self._answer(status, one) for status, one in node["responses"].items() if "$ref" not in one],
            errors=[(status, self._meaning(one)) for status, one in node["responses"].items() if "$ref" in one],
            example=Example(
                method=method.upper(),
                path=self._root + _filled(path, node["parameters"], self._shapes),
                body=None if body is None else example_of(body, self._shapes),
                download=any("*/*" in one.get("content", {}) for one in success.values()),
            ),
        )

    def _answer(self, status: str, node: Node) -> Answer:
        words: Sequence[Word] = ()
        for media_type, content in node.get("content", {}).items():
            bytes_ = media_type == "*/*"
            words = (Word("the bytes of the file"),) if bytes_ else words_of(content["schema"], self._shapes)
        headers = [(name, one["description"]) for name, one in node.get("headers", {}).items()]
        return Answer(status, node["description"], words, headers)

    def _meaning(self, reference: Node) -> str:
        return str(self._problems[reference["$ref"].rpartition("/")[2]]["description"])


def _name_of(schema: Node) -> str:
    reference = schema.get("$ref", "")
    return reference.removeprefix("#/components/schemas/") if reference.startswith("#/components/schemas/") else ""


def _filled(path: str, parameters: Sequence[Node], shapes: Mapping[str, Node]) -> str:
    """Fill in the template of a path, and whatever a query must have."""
    query = []
    for one in parameters:
        example = example_of(one["schema"], shapes)
        if one["in"] == "path":
            path = path.replace(f"{{{one['name']}}}", str(example))
        elif one.get("required"):
            query.append(f"{one['name']}={example}")
    return f"{path}?{'&'.join(query)}" if query else path
