"""Versions in memory, of any layers, and ways to bring them into a hub."""

import json
from collections.abc import Mapping
from typing import Any

from orchard.formats import CONFIG_TYPE, Layer, LayerKind, build_config, build_manifest, parse_kitfile
from orchard.hub.registry import Registry, Shelf
from orchard.oci import Descriptor, Digest, Manifest, mediatype, parse_manifest
from orchard.store import Bytes, MemoryStore, copy_graph
from support.hubinside import Inside

KITOPS = "application/vnd.kitops.modelkit.{}.v1.{}"
Made = tuple[MemoryStore, Manifest]


def kit(kitfile: str, *layers: tuple[LayerKind, str, bytes, str], annotations: Mapping[str, str] | None = None) -> Made:
    """Make a ModelKit: its Kitfile, and kind, path, bytes as stored and form (``tar+gzip``) of each layer."""
    store = MemoryStore()
    made = []
    for kind, path, raw, form in layers:
        descriptor = Descriptor.of(raw, KITOPS.format(kind.value, form))
        store.push(descriptor, Bytes(raw))
        made.append(Layer(kind=kind, path=path, descriptor=descriptor, diff_id=Digest.of(raw)))
    config = build_config(parse_kitfile(f"manifestVersion: 1.0.0\n{kitfile}".encode()), made)
    described = Descriptor.of(config, CONFIG_TYPE)
    store.push(described, Bytes(config))
    found = build_manifest(described, made, annotations=annotations)
    store.push(found.describe(), Bytes(found.raw))
    return store, found


def plain_artifact(*layers: tuple[str, bytes, Mapping[str, str]], **fields: Any) -> Made:  # noqa: ANN401 -- JSON
    """Make an artifact of no known kind: type, bytes and annotations of each layer."""
    store = MemoryStore()
    described = []
    for media_type, raw, annotations in layers:
        store.push(Descriptor.of(raw, media_type), Bytes(raw))
        described.append({**Descriptor.of(raw, media_type).to_json(), "annotations": dict(annotations)})
    config = Descriptor.of(b"{}", "application/vnd.oci.empty.v1+json")
    store.push(config, Bytes(b"{}"))
    document = {
        "schemaVersion": 2,
        "mediaType": mediatype.OCI_MANIFEST,
        "artifactType": "application/vnd.example",
        "config": config.to_json(),
        "layers": described,
        **fields,
    }
    found = parse_manifest(json.dumps(document).encode(), mediatype.OCI_MANIFEST)
    store.push(found.describe(), Bytes(found.raw))
    return store, found


def bring(hub: Inside, name: str, tag: str, made: Made) -> Digest:
    """Push a version to a hub inside the test, as a mirror does."""
    return bring_to(hub.registry, hub, name, tag, made)


def bring_to(registry: Registry, hub: Inside, name: str, tag: str, made: Made) -> Digest:
    """Push a version by a registry."""
    store, found = made
    shelf = Shelf(registry, hub.who, name)
    copy_graph(store, shelf, found.describe())
    shelf.tag(found.describe(), tag)
    return found.describe().digest
