"""What pages and lists show: facts of versions, summaries, details (the read model)."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchard.errors import DeniedError, InvalidReferenceError, NotFoundError
from orchard.hub.access import Principal
from orchard.hub.registry import VersionSummary
from orchard.hub.registry.outlining import MAX_CONFIG, MAX_TEXT, of_manifest
from orchard.oci import Digest, Manifest, mediatype, parse_document, parse_manifest
from support.hubinside import Inside, MakeHub, Only
from support.hubs import describe, index, manifest, subject

ENGINES = True

NAME = "team/model"
KITOPS = "application/vnd.kitops.modelkit.config.v1+json"
CNCF = "application/vnd.cncf.model.config.v1+json"
KITFILE = {
    "manifestVersion": "1.0.0",
    "package": {"name": "digits", "version": "1.2.3", "description": "Reads digits", "license": "MIT"},
    "model": {"name": "net", "path": "net.safetensors", "framework": "PyTorch", "format": "safetensors"},
}
MODELPACK = {
    "descriptor": {"name": "digits", "version": "1.2.3", "description": "Reads digits", "licenses": ["MIT", "BSD"]},
    "config": {"format": "safetensors", "paramSize": "8b"},
    "modelfs": {"type": "layers", "diffIds": []},
}


def push_kit(hub: Inside, config: bytes, tag: str = "v1", media_type: str = KITOPS) -> VersionSummary:
    """Push a version with this config and one layer of ten bytes; give what a list shows of it."""
    hub.push_blob(NAME, config)
    hub.push_blob(NAME, b"0123456789")
    raw = manifest(b"{}", b"0123456789", config={"mediaType": media_type, **describe(config)})
    hub.push_manifest(NAME, raw, tag)
    return hub.registry.version(hub.who, NAME, tag).summary


def test_kit_is_listed_with_what_its_kitfile_says(hub: Inside) -> None:
    config = json.dumps(KITFILE).encode()
    shown = push_kit(hub, config)
    assert shown == VersionSummary(
        digest=shown.digest,
        tags=("v1",),
        media_type=mediatype.OCI_MANIFEST,
        artifact_type=KITOPS,
        kind="ModelKit",
        model_name="net",
        model_version="1.2.3",
        description="Reads digits",
        model_format="safetensors",
        framework="PyTorch",
        licence="MIT",
        size_bytes=10 + len(config),
        layer_count=1,
        pushed_at=datetime.fromtimestamp(hub.clock.time, UTC),
        pushed_by="anonymous",
        note=None,
    )
    assert hub.registry.versions(hub.who, NAME) == [shown]


def test_modelpack_is_listed_with_what_its_config_says(hub: Inside) -> None:
    shown = push_kit(hub, json.dumps(MODELPACK).encode(), media_type=CNCF)
    assert (shown.kind, shown.model_name, shown.model_version) == ("ModelPack", "digits", "1.2.3")
    assert (shown.model_format, shown.licence, shown.framework) == ("safetensors", "MIT, BSD", None)


@pytest.mark.parametrize(
    ("config", "name"),
    [
        ({"package": {"name": "only a package"}}, "only a package"),
        ({"model": {"name": "only a model"}}, "only a model"),
        ({"model": "text", "package": []}, None),
        ({"model": {"name": 7, "framework": None}}, None),
        ({"model": {"name": ""}}, None),
        ({"model": {"name": "a\0b"}}, "ab"),
        ({"model": {"name": "x" * 5000}}, "x" * MAX_TEXT),
        ([], None),
        (None, None),
    ],
    ids=str,
)
@pytest.mark.parametrize("media_type", [KITOPS, CNCF])
def test_strange_config_is_taken_and_shown_as_far_as_it_goes(
    hub: Inside, config: object, name: str | None, media_type: str
) -> None:
    shown = push_kit(hub, json.dumps(config).encode(), media_type=media_type)
    assert shown.model_name == (name if media_type == KITOPS else None)
    assert shown.note is None


@pytest.mark.parametrize(
    "config",
    [b"", b"{", b"\xff", b'{"a":1,"a":2}', b"[" * 1000, b" " * (MAX_CONFIG + 1), b'{"model":{"name":"\\ud800"}}'],
    ids=["empty", "cut", "no text", "key twice", "deep", "large", "half a character"],
)
def test_config_that_cannot_be_read_is_taken_with_a_note(hub: Inside, config: bytes) -> None:
    shown = push_kit(hub, config)
    assert shown.note is not None
    assert shown.note.startswith("unreadable: ")
    assert (shown.kind, shown.model_name, shown.layer_count) == ("ModelKit", None, 1)
    assert hub.get(f"/v2/{NAME}/manifests/v1").status == 200


@pytest.mark.parametrize("damage", ["rotten", "gone"])
def test_config_whose_file_is_damaged_does_not_stop_a_push(hub: Inside, damage: str) -> None:
    config = json.dumps(KITFILE).encode()
    hub.push_blob(NAME, config)
    hub.push_blob(NAME, b"0123456789")
    path = hub.files.path(Digest.of(config))
    path.unlink()
    if damage == "rotten":
        path.write_bytes(config[:-1] + b"!")
    raw = manifest(b"{}", b"0123456789", config={"mediaType": KITOPS, **describe(config)})
    hub.push_manifest(NAME, raw, "v1")
    detail = hub.registry.version(hub.who, NAME, "v1")
    assert (detail.summary.note or "").startswith("unreadable: ")
    assert detail.config is None


def test_config_of_another_repository_is_not_read(hub: Inside) -> None:
    config = json.dumps(KITFILE).encode()
    hub.push_blob("team/secret", config)
    raw = manifest(b"{}", config={"mediaType": KITOPS, **describe(config)}, layers=[])
    answer = hub.request("PUT", f"/v2/{NAME}/manifests/v1", raw, {"content-type": mediatype.OCI_MANIFEST})
    assert (answer.status, answer.code) == (404, "MANIFEST_BLOB_UNKNOWN")


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda x: (
            st.lists(x)
            | st.dictionaries(
                st.sampled_from(["package", "model", "descriptor", "config", "name", "license", "licenses", "format"]),
                x,
            )
        ),
    )
)
def test_facts_are_read_from_any_json(value: object) -> None:
    document = parse_manifest(manifest(b"{}", config={"mediaType": KITOPS, **describe(b"{}")}))
    shown = of_manifest(document, lambda _: json.dumps(value).encode())
    assert shown.kind == "ModelKit"


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        ({}, "image"),
        ({"artifactType": "application/x-thing"}, "artifact"),
        ({"config": {"mediaType": "application/x-thing", **describe(b"{}")}}, "artifact"),
        ({"artifactType": "application/vnd.kitops.modelkit.manifest.v1+json"}, "ModelKit"),
        ({"artifactType": "application/vnd.cncf.model.manifest.v1+json"}, "ModelPack"),
    ],
)
def test_version_is_called_by_its_kind(fields: dict[str, object], kind: str) -> None:
    document = parse_document(manifest(b"{}", **fields))
    assert isinstance(document, Manifest)
    assert of_manifest(document, lambda _: b"{}").kind == kind


# Versions ---------------------------------------------------------------------------------------------------------


def test_versions_are_listed_newest_first_with_their_tags(hub: Inside) -> None:
    first = hub.push_image(NAME, "v1", b"one")
    hub.clock.time += 10
    second = hub.push_image(NAME, "v2", b"two")
    hub.clock.time += 10
    hub.push_manifest(NAME, second, "latest")
    hub.push_manifest(NAME, second, "again")
    shown = hub.registry.versions(hub.who, NAME)
    assert [version.digest for version in shown] == [Digest.of(second), Digest.of(first)]
    assert [version.tags for version in shown] == [("again", "latest", "v2"), ("v1",)]
    assert [version.pushed_at.timestamp() for version in shown] == [hub.clock.time - 10, hub.clock.time - 20]
    assert hub.registry.versions(hub.who, NAME, limit=1) == shown[:1]
    assert hub.registry.versions(hub.who, NAME, skip=1, limit=1) == shown[1:]
    assert hub.registry.versions(hub.who, NAME, skip=2) == []


def test_signatures_and_parts_of_an_index_are_no_versions(hub: Inside) -> None:
    part = hub.push_image(NAME, "part", b"one")
    hub.push_manifest(NAME, index(part), "all")
    hub.request("DELETE", f"/v2/{NAME}/manifests/part")
    loose = hub.push_image(NAME, "loose", b"two")
    hub.request("DELETE", f"/v2/{NAME}/manifests/loose")
    hub.push_manifest(NAME, manifest(b"{}", subject=subject(part)))
    old = manifest(b"{}", b"two", annotations={"old": "signature"})
    hub.push_manifest(NAME, old, str(Digest.of(part)).replace(":", "-") + ".sig")
    digests = {version.digest for version in hub.registry.versions(hub.who, NAME)}
    assert digests == {Digest.of(index(part)), Digest.of(loose)}


@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
@pytest.mark.parametrize("ending", ["", ".sig", ".att", ".sbom"])
def test_tags_that_stand_in_for_referrers_are_no_versions(hub: Inside, algorithm: str, ending: str) -> None:
    signed = hub.push_image(NAME, "v1", b"one")
    digest = Digest.of(signed, algorithm)
    fallback = f"{algorithm}-{digest.hex[:64]}{ending}"  # cut as the distribution spec says, "Referrers Tag Schema"
    hub.push_manifest(NAME, index(signed, annotations={"n": "list"}), fallback)
    hub.push_manifest(NAME, index(signed, annotations={"n": "mine"}), f"my-{fallback}")
    assert [version.tags for version in hub.registry.versions(hub.who, NAME)] == [(f"my-{fallback}",), ("v1",)]


def test_signatures_that_only_a_tag_attaches_are_attached_too(hub: Inside) -> None:
    signed, other = hub.push_image(NAME, "v1", b"one"), hub.push_image(NAME, "v2", b"two")
    hub.push_manifest(NAME, manifest(b"{}", subject=subject(signed), artifactType="application/x-new"))
    stem = str(Digest.of(signed)).replace(":", "-")
    for ending in ("sig", "sbom", "other"):
        hub.push_manifest(NAME, manifest(b"{}", b"one", annotations={"n": ending}), f"{stem}.{ending}")
    kinds = [one.artifact_type for one in hub.registry.version(hub.who, NAME, "v1").referrers]
    cosign = "application/vnd.dev.cosign.artifact.{}.v1+json"
    assert kinds == ["application/x-new", cosign.format("sbom"), cosign.format("sig")]
    assert hub.registry.version(hub.who, NAME, Digest.of(other)).referrers == ()


def test_signature_that_both_a_tag_and_a_subject_attach_is_attached_once(hub: Inside) -> None:
    signed = hub.push_image(NAME, "v1", b"one")
    signature = manifest(b"{}", subject=subject(signed), artifactType="application/x-new")
    hub.push_manifest(NAME, signature, str(Digest.of(signed)).replace(":", "-") + ".sig")
    (one,) = hub.registry.version(hub.who, NAME, "v1").referrers
    assert (one.digest, one.artifact_type) == (Digest.of(signature), "application/x-new")


def test_index_is_as_large_as_all_it_lists(hub: Inside) -> None:
    first, second = hub.push_image(NAME, "a", b"12345"), hub.push_image(NAME, "b", b"1234567")
    hub.push_manifest(NAME, index(first, second), "all")
    shown = hub.registry.version(hub.who, NAME, "all").summary
    assert (shown.kind, shown.layer_count, shown.size_bytes) == ("index", 2, 2 + 5 + 2 + 7)


def test_claimed_sizes_of_what_is_elsewhere_do_not_overflow(hub: Inside) -> None:
    hub.push_blob(NAME, b"{}")
    foreign = {"mediaType": "application/vnd.oci.image.layer.nondistributable.v1.tar", **describe(b"x")}
    huge = [{**foreign, "size": 2**63 - 1}] * 3
    part = manifest(b"{}", layers=huge)
    hub.push_manifest(NAME, part, "v1")
    hub.push_manifest(NAME, index(part, part), "v2")
    assert {version.size_bytes for version in hub.registry.versions(hub.who, NAME)} == {2**63 - 1}


def test_version_is_shown_whole(hub: Inside) -> None:
    config = json.dumps(KITFILE).encode()
    summary = push_kit(hub, config)
    raw = hub.get(f"/v2/{NAME}/manifests/v1").body
    signature = manifest(b"{}", subject=subject(raw), artifactType="application/x-signature", annotations={"by": "me"})
    hub.push_blob(NAME, b"{}")
    hub.push_manifest(NAME, signature)
    for reference in ("v1", str(summary.digest), summary.digest):
        detail = hub.registry.version(hub.who, NAME, reference)
        assert (detail.summary, detail.document.raw, detail.config) == (summary, raw, config)
        (referrer,) = detail.referrers
        assert (referrer.digest, referrer.artifact_type) == (Digest.of(signature), "application/x-signature")
        assert referrer.annotations == {"by": "me"}


def test_index_has_no_config_to_show(hub: Inside) -> None:
    hub.push_manifest(NAME, index(hub.push_image(NAME, "a", b"1")), "all")
    assert hub.registry.version(hub.who, NAME, "all").config is None


def test_version_that_is_not_there_is_not_shown(hub: Inside) -> None:
    for reference in ("v1", Digest.of(b"nothing")):
        with pytest.raises(NotFoundError, match="has no manifest"):
            hub.registry.version(hub.who, NAME, reference)
    with pytest.raises(NotFoundError, match="there is no repository"):
        hub.registry.versions(hub.who, NAME)
    with pytest.raises(InvalidReferenceError, match="not a repository name"):
        hub.registry.versions(hub.who, "a//b")


# Repositories -----------------------------------------------------------------------------------------------------


def test_repositories_are_listed_with_what_their_latest_version_says(hub: Inside) -> None:
    hub.push_image(NAME, "old", b"0123456789", b"shared")
    hub.clock.time += 10
    config = json.dumps(KITFILE).encode()
    latest = push_kit(hub, config)
    hub.clock.time += 10
    hub.push_manifest(NAME, manifest(b"{}", subject=subject(hub.get(f"/v2/{NAME}/manifests/v1").body)))
    hub.push_image("other", "x", b"layer")
    hub.push_blob("only/blobs", b"blob")
    other, shown = hub.registry.repositories(hub.who)
    assert (shown.name, shown.versions, shown.tags) == (NAME, 2, 2)
    assert (shown.latest_digest, shown.model_name, shown.format) == (latest.digest, "net", "safetensors")
    assert shown.latest_pushed_at == latest.pushed_at
    assert shown.size_bytes == len(b"{}") + 10 + len(b"shared") + len(config)
    assert (other.name, other.model_name, other.format) == ("other", None, None)


def test_repositories_are_listed_in_pages_of_what_one_may_see(make_hub: MakeHub) -> None:
    everything = [f"n{number}" for number in range(9)]
    hub = make_hub(policy=Only(anonymous=set(everything), bob=set(everything[::3])))
    for name in everything:
        hub.push_image(name, "v1", b"layer")
    bob = Principal("bob")
    assert [found.name for found in hub.registry.repositories(hub.who)] == everything
    assert [found.name for found in hub.registry.repositories(bob, limit=2)] == ["n0", "n3"]
    assert [found.name for found in hub.registry.repositories(bob, after="n3", limit=2)] == ["n6"]
    with pytest.raises(DeniedError, match="bob may not pull from n1"):
        hub.registry.versions(bob, "n1")
