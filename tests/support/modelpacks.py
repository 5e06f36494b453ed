"""ModelPacks and Docker models as the tools of other people write them (each from the source of its tool)."""

import io
import json
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from orchard.oci import JSON, Descriptor, Digest, Manifest, dumps, mediatype, parse_manifest
from orchard.store import Bytes, MemoryStore, Store

CNCF = "application/vnd.cncf.model"
CNAI = "application/vnd.cnai.model"
DOCKER = "application/vnd.docker.ai"
FILEPATH = "org.cncf.model.filepath"
METADATA = "org.cncf.model.file.metadata+json"
TITLE = "org.opencontainers.image.title"

WEIGHTS = b"GGUF and so on"
CONFIG = b'{"model_type": "llama"}'
README = b"# A model\n"


@dataclass(frozen=True)
class Blob:
    """One layer: its bytes, the end of its media type, its annotations."""

    data: bytes
    kind: str
    annotations: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Artifact:
    """What some tool would push."""

    manifest: Manifest
    config: bytes
    blobs: tuple[bytes, ...]

    def push(self, store: Store, tag: str = "v1") -> Descriptor:
        contents = (self.config, *self.blobs)
        for descriptor, data in zip(self.manifest.children, contents, strict=True):
            store.push(descriptor, Bytes(data))
        descriptor = self.manifest.describe()
        store.push(descriptor, Bytes(self.manifest.raw))
        store.tag(descriptor, tag)
        return descriptor

    def store(self) -> MemoryStore:
        store = MemoryStore()
        self.push(store)
        return store


def artifact(
    layers: Sequence[Blob],
    config: JSON,
    *,
    config_type: str = f"{CNCF}.config.v1+json",
    artifact_type: str | None = f"{CNCF}.manifest.v1+json",
    annotations: Mapping[str, str] | None = None,
    media_type: str = mediatype.OCI_MANIFEST,
) -> Artifact:
    raw = dumps(config)
    value: dict[str, JSON] = {"schemaVersion": 2, "mediaType": media_type}
    if artifact_type:
        value["artifactType"] = artifact_type
    value["config"] = Descriptor.of(raw, config_type).to_json()
    value["layers"] = [Descriptor.of(one.data, one.kind, annotations=dict(one.annotations)).to_json() for one in layers]
    if annotations:
        value["annotations"] = dict(annotations)
    return Artifact(parse_manifest(dumps(value), media_type), raw, tuple(one.data for one in layers))


def metadata(name: str, data: bytes, **more: JSON) -> str:
    value = {"name": name, "mode": 420, "uid": 0, "gid": 0, "size": len(data), "mtime": "2026-01-02T03:04:05Z"}
    return json.dumps({**value, "typeflag": 0, **more})


def tar(files: Mapping[str, bytes]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


def diff_ids(*contents: bytes) -> list[JSON]:
    return [str(Digest.of(data)) for data in contents]


def modctl() -> Artifact:
    def one(path: str, data: bytes, kind: str) -> Blob:
        said = {FILEPATH: path, METADATA: metadata(path.rpartition("/")[2], data, uid=1000, gid=1000)}
        return Blob(data, f"{CNCF}.{kind}.v1.raw", said)

    layers = [
        one("weights/model.gguf", WEIGHTS, "weight"),
        one("config.json", CONFIG, "weight.config"),
        one("README.md", README, "doc"),
    ]
    config: JSON = {
        "descriptor": {"createdAt": "2026-01-02T03:04:05Z", "family": "llama", "name": "tiny"},
        "config": {"architecture": "transformer", "format": "gguf", "paramSize": "7.2b", "precision": "float16"},
        "modelfs": {"type": "layers", "diffIds": diff_ids(WEIGHTS, CONFIG, README)},
    }
    return artifact(layers, config, annotations={"org.cncf.modctl.modelfile": "MODEL *.gguf\n"})


def modctl_tar() -> Artifact:
    data = tar({"weights/model.gguf": WEIGHTS})
    layer = Blob(data, f"{CNCF}.weight.v1.tar", {FILEPATH: "weights/model.gguf"})
    return artifact([layer], {"descriptor": {}, "config": {}, "modelfs": {"type": "layers", "diffIds": diff_ids(data)}})


def aikit() -> Artifact:
    bundle = tar({"config.json": CONFIG, "tokenizer.json": b"{}"})
    docs = tar({"README.md": README})
    extra = metadata("models/model.gguf", WEIGHTS, files=["models/model.gguf"])
    layers = [
        Blob(WEIGHTS, f"{CNCF}.weight.v1.raw", {FILEPATH: "models/model.gguf", METADATA: extra, TITLE: "model.gguf"}),
        Blob(bundle, f"{CNCF}.weight.config.v1.tar", {FILEPATH: "config", METADATA: metadata("config", bundle)}),
        Blob(docs, f"{CNCF}.doc.v1.tar", {FILEPATH: "docs"}),
    ]
    return artifact(layers, {})


def olot() -> Artifact:
    data = tar({"models/model.gguf": WEIGHTS})
    layer = Blob(data, f"{CNCF}.weight.v1.tar", {TITLE: "model.gguf"})
    return artifact([layer], {"descriptor": {}, "config": {}, "modelfs": {"type": "layers", "diffIds": diff_ids(data)}})


def ramalama() -> Artifact:
    said = {FILEPATH: "model.gguf", METADATA: metadata("model.gguf", WEIGHTS, typeflag=48, mode=0o755)}
    said |= {"org.cncf.model.file.mediatype.untested": "true", TITLE: "model.gguf"}
    layer = Blob(WEIGHTS, f"{CNCF}.weight.v1.raw", said)
    config: JSON = {"descriptor": {"name": "tiny"}, "modelfs": {"type": "layers", "diffIds": diff_ids(WEIGHTS)}}
    return artifact([layer], config)


def kitops(*, change: str = "") -> Artifact:
    """As `kit pack --use-model-pack` writes it; ``change`` makes its Kitfile one that does not match any more."""
    model, code = tar({"model.bin": WEIGHTS}), tar({"src/main.py": b"print()\n"})
    kitfile = {
        "manifestVersion": "1.0.0",
        "package": {"name": "tiny"},
        "model": {"name": "m", "path": "./model.bin", "framework": "torch", "parameters": {"rate": 0.5}}
        | {"digest": str(Digest.of(model + change.encode())), "diffId": str(Digest.of(model))},
        "code": [{"path": "src", "description": "The code", "digest": str(Digest.of(code))}],
    }
    layers = [
        Blob(model, f"{CNCF}.weight.v1.tar", {FILEPATH: "model.bin"}),
        Blob(code, f"{CNCF}.code.v1.tar", {FILEPATH: "src"}),
    ]
    config: JSON = {
        "descriptor": {"name": "tiny", "title": "tiny"},
        "modelfs": {"type": "layers", "diffIds": diff_ids(model, code)},
        "config": {"format": "bin"},
    }
    said = {"ml.kitops.modelkit.kitfile": json.dumps(kitfile), "ml.kitops.modelkit.cli-version": "1.10.0"}
    return artifact(layers, config, annotations=said)


def cnai() -> Artifact:
    """As everybody wrote it until mid-2025: another prefix, snake case, no artifact type."""
    said = {"org.cnai.model.filepath": "model.safetensors"}
    said["org.cnai.model.file.metadata+json"] = metadata("model.safetensors", WEIGHTS, mode=0o755)
    config: JSON = {
        "descriptor": {"created_at": "2025-01-02T03:04:05Z", "doc_url": "https://example.com", "name": "old"},
        "config": {"param_size": "8b", "capabilities": {"input_types": ["text"], "tool_usage": True}},
        "modelfs": {"type": "layers", "diff_ids": diff_ids(WEIGHTS)},
    }
    layer = Blob(WEIGHTS, f"{CNAI}.weight.v1.raw", said)
    return artifact([layer], config, config_type=f"{CNAI}.config.v1+json", artifact_type=None)


def docker(version: str = "v0.1") -> Artifact:
    """As Docker Model Runner packages a GGUF: no names, a Docker manifest."""
    config: JSON = {
        "config": {"format": "gguf", "quantization": "Q4_K_M", "parameters": "7.24B", "architecture": "llama"},
        "descriptor": {"created": "2025-05-05T05:05:05Z"},
        "rootfs": {"type": "rootfs", "diff_ids": diff_ids(WEIGHTS, b"MIT", b"Apache", CONFIG)},
    }
    layers = [
        Blob(WEIGHTS, f"{DOCKER}.gguf.v3"),
        Blob(b"MIT", f"{DOCKER}.license"),
        Blob(b"Apache", f"{DOCKER}.license"),
        Blob(CONFIG, f"{DOCKER}.model.file", {FILEPATH: "config.json"}),
    ]
    return artifact(
        layers,
        config,
        config_type=f"{DOCKER}.model.config.{version}+json",
        artifact_type=None,
        media_type=mediatype.DOCKER_MANIFEST,
    )
