"""What any hub can be asked in a test's words, and the documents that a test pushes."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from orchard.oci import Digest, mediatype


@dataclass(frozen=True)
class Answer:
    """What a hub answered."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def code(self) -> str:
        """Code of the error document."""
        (error,) = json.loads(self.body)["errors"]
        assert set(error) == {"code", "message", "detail"}
        assert error["message"]
        return str(error["code"])

    @property
    def json(self) -> Any:  # noqa: ANN401 -- whatever JSON it is; tests compare it
        return json.loads(self.body)


class Client:
    """What any hub can be asked, in a test's words."""

    def request(
        self,
        method: str,
        target: str,
        body: bytes | Iterable[bytes] = b"",
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        raise NotImplementedError

    def begin(self, name: str, query: str = "", headers: Mapping[str, str] | None = None) -> str:
        answer = self.request("POST", f"/v2/{name}/blobs/uploads/{query}", headers=headers)
        assert answer.status == 202, answer
        return answer.headers["location"]

    def push_blob(self, name: str, data: bytes, algorithm: str = "sha256") -> Digest:
        digest = Digest.of(data, algorithm)
        answer = self.request("PUT", f"{self.begin(name)}?digest={digest}", data)
        assert answer.status == 201, answer
        return digest

    def push_manifest(self, name: str, raw: bytes, reference: str | Digest | None = None) -> Digest:
        """Push a manifest under a tag, or under its digest."""
        digest = Digest.of(raw)
        answer = self.request("PUT", f"/v2/{name}/manifests/{reference or digest}", raw, {"content-type": kind_of(raw)})
        assert answer.status == 201, answer
        return digest

    def push_image(self, name: str, tag: str, *layers: bytes, **fields: object) -> bytes:
        """Push a manifest with all it names; give the manifest."""
        for data in (b"{}", *layers):
            self.push_blob(name, data)
        raw = manifest(b"{}", *layers, **fields)
        self.push_manifest(name, raw, tag)
        return raw

    def get(self, target: str, **headers: str) -> Answer:
        return self.request("GET", target, headers={name.replace("_", "-"): value for name, value in headers.items()})


def manifest(config: bytes, /, *layers: bytes, **fields: object) -> bytes:
    """Write an image manifest; fields that are None are left out."""
    document = {
        "schemaVersion": 2,
        "mediaType": mediatype.OCI_MANIFEST,
        "config": {"mediaType": "application/vnd.oci.image.config.v1+json", **describe(config)},
        "layers": [{"mediaType": "application/vnd.oci.image.layer.v1.tar", **describe(data)} for data in layers],
        **fields,
    }
    return json.dumps({key: value for key, value in document.items() if value is not None}).encode()


def index(*manifests: bytes, **fields: object) -> bytes:
    entries = [{"mediaType": kind_of(raw), **describe(raw)} for raw in manifests]
    return json.dumps({"schemaVersion": 2, "mediaType": mediatype.OCI_INDEX, "manifests": entries, **fields}).encode()


def describe(data: bytes, algorithm: str = "sha256") -> dict[str, Any]:
    return {"digest": str(Digest.of(data, algorithm)), "size": len(data)}


def subject(raw: bytes) -> dict[str, Any]:
    return {"mediaType": kind_of(raw), **describe(raw)}


def kind_of(raw: bytes) -> str:
    return str(json.loads(raw)["mediaType"])
