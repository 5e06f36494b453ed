"""From one format to the other and back: the layers stay, and the way back leads to the same digest."""

import base64
import json
import zlib
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from orchard.errors import InvalidDocumentError, InvalidError, UnsafePathError
from orchard.formats import (
    CONFIG_TYPE,
    Compression,
    Dataset,
    Draft,
    Kitfile,
    Layer,
    LayerFormat,
    LayerKind,
    ManifestForm,
    ModelKit,
    Original,
    Package,
    PackConfig,
    ProjectFormat,
    build_config,
    build_manifest,
    convert_project,
    layer_annotations,
    layer_media_type,
    name_of,
    read_project,
    restore_project,
    to_yaml,
)
from orchard.oci import Descriptor, Digest, parse_manifest
from support import modelpacks
from support.formats_values import kitfiles, valid_kitfiles
from support.modelpack_schema import VALIDATOR
from support.modelpacks import CNCF, FILEPATH, Artifact, Blob, artifact
from support.projects import noise

ORIGIN = "ml.orchard.converted-from"
PACK, KIT = ProjectFormat.MODELPACK, ProjectFormat.MODELKIT


def convert(original: Original, to: ProjectFormat) -> Draft:
    kit = read_project(original.manifest, original.config)
    return restore_project(original, kit, to) or convert_project(original, kit, to, found=PackConfig())


def there_and_back(original: Original, to: ProjectFormat, home: ProjectFormat) -> tuple[Original, Original]:
    there = Original(*convert(original, to)[:2][::-1])
    return there, Original(*convert(there, home)[:2][::-1])


def modelkit(
    kitfile: Kitfile,
    *,
    compression: Compression = Compression.NONE,
    form: ManifestForm = ManifestForm.CURRENT,
    annotations: dict[str, str] | None = None,
    layer_format: LayerFormat = LayerFormat.TAR,
) -> Original:
    layers = []
    for number, (kind, _, entry) in enumerate(kitfile.entries()):
        if not entry.path or (isinstance(entry, Dataset) and entry.remote_path):
            continue
        media_type = layer_media_type(kind, compression, form=layer_format)
        content = Descriptor.of(f"{number}".encode(), media_type, annotations=layer_annotations(kind))
        plain = Digest.of(b"plain %d" % number) if compression is not Compression.NONE else content.digest
        layers.append(Layer(kind=kind, path=entry.path, name=name_of(entry), descriptor=content, diff_id=plain))
    config = build_config(kitfile, layers)
    manifest = build_manifest(
        Descriptor.of(config, CONFIG_TYPE), layers, form=form, annotations=annotations, cli_version="1.7.0"
    )
    return Original(manifest, config)


def of(made: Artifact) -> Original:
    return Original(made.manifest, made.config)


def digests(layers: Sequence[Descriptor]) -> set[Digest]:
    return {layer.digest for layer in layers}


def _yaml(version: Original) -> str:
    return to_yaml(read_project(version.manifest, version.config).kitfile)


COMMENTS = st.dictionaries(st.text(max_size=9), st.text(max_size=9), max_size=3)


@given(valid_kitfiles(), st.sampled_from(Compression), st.sampled_from(ManifestForm), COMMENTS)
@settings(max_examples=60)
def test_a_modelkit_comes_back_by_its_digest(
    kitfile: Kitfile, compression: Compression, form: ManifestForm, annotations: dict[str, str]
) -> None:
    original = modelkit(kitfile, compression=compression, form=form, annotations=annotations)

    there, back = there_and_back(original, PACK, KIT)

    assert back == original
    assert digests(there.manifest.layers) == digests(original.manifest.layers)
    assert json.loads(there.manifest.raw)["artifactType"] == f"{CNCF}.manifest.v1+json"
    VALIDATOR.validate(json.loads(there.config))
    assert _yaml(there) == _yaml(original)


@given(kitfiles(), st.sampled_from(Compression))
@settings(max_examples=60)
def test_any_modelkit_comes_back_or_is_refused(kitfile: Kitfile, compression: Compression) -> None:
    original = modelkit(kitfile, compression=compression)
    try:
        there, back = there_and_back(original, PACK, KIT)
    except InvalidError:
        return

    assert back == original
    VALIDATOR.validate(json.loads(there.config))


@pytest.mark.parametrize(
    "make",
    [
        modelpacks.modctl,
        modelpacks.modctl_tar,
        modelpacks.aikit,
        modelpacks.olot,
        modelpacks.ramalama,
        modelpacks.kitops,
        lambda: modelpacks.kitops(change="x"),
        modelpacks.cnai,
    ],
)
def test_a_modelpack_of_any_maker_comes_back_by_its_digest(make: Callable[[], Artifact]) -> None:
    original = of(make())

    there, back = there_and_back(original, KIT, PACK)

    assert back.manifest.raw == original.manifest.raw
    assert back.config == original.config
    kit = read_project(there.manifest, there.config)
    assert kit.format is KIT
    assert digests(there.manifest.layers) == digests(original.manifest.layers)
    before = read_project(original.manifest, original.config)
    assert to_yaml(kit.kitfile) == to_yaml(before.kitfile)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["weight", "weight.config", "doc", "code", "dataset"]),
            st.sampled_from(["raw", "tar", "tar+gzip", "tar+zstd"]),
            st.text("ab/.", min_size=1, max_size=6),
        ),
        min_size=1,
        max_size=8,
    ),
    st.dictionaries(st.text("xyz", min_size=1), st.text(max_size=5), max_size=2),
)
def test_any_modelpack_comes_back_or_is_refused(
    layers: list[tuple[str, str, str]], annotations: dict[str, str]
) -> None:
    blobs = [
        Blob(f"{n}{path}".encode(), f"{CNCF}.{kind}.v1.{form}", {FILEPATH: path})
        for n, (kind, form, path) in enumerate(layers)
    ]
    original = of(artifact(blobs, {"descriptor": {"name": "x", "family": "y"}}, annotations=annotations))
    try:
        there, back = there_and_back(original, KIT, PACK)
    except (UnsafePathError, InvalidDocumentError):
        return

    assert back.manifest.raw == original.manifest.raw
    assert digests(there.manifest.layers) == digests(original.manifest.layers)


def test_a_docker_model_becomes_a_modelkit_and_a_modelpack() -> None:
    original = of(modelpacks.docker())

    kit, pack = convert(original, KIT), convert(original, PACK)

    assert read_project(kit.manifest, kit.config).format is KIT
    VALIDATOR.validate(json.loads(pack.config))
    assert json.loads(pack.config)["config"]["paramSize"] == "7.2b"
    assert digests(pack.manifest.layers) == digests(original.manifest.layers)


def test_what_has_no_place_in_a_kitfile_is_a_parameter_and_finds_its_way_back() -> None:
    original = of(modelpacks.modctl())

    there = convert(original, KIT)
    stripped = json.loads(there.manifest.raw)
    del stripped["annotations"][ORIGIN]
    manifest = parse_manifest(json.dumps(stripped).encode())
    again = convert(Original(manifest, there.config), PACK)

    assert json.loads(there.config)["model"]["parameters"]["modelpack"]["paramSize"] == "7.2b"
    before, after = json.loads(original.config), json.loads(again.config)
    assert after["config"] == before["config"]
    assert after["descriptor"] == before["descriptor"] | {"title": "tiny"}


def test_a_modelkit_without_layers_gets_its_kitfile_as_one() -> None:
    original = modelkit(Kitfile(manifest_version="1.0.0", package=Package(name="bare")))

    draft = convert(original, PACK)
    _, back = there_and_back(original, PACK, KIT)

    assert draft.extra == b"manifestVersion: 1.0.0\npackage:\n  name: bare\n"
    assert [layer.digest for layer in draft.manifest.layers] == [Digest.of(draft.extra)]
    VALIDATOR.validate(json.loads(draft.config))
    assert back.manifest.raw == original.manifest.raw


def _origin(value: object) -> str:
    return base64.b64encode(zlib.compress(json.dumps(value).encode())).decode()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "!",
        "AAAA",
        _origin([]),
        _origin({"manifest": 1}),
        _origin({"manifest": "{}", "config": "", "mediaType": ""}),
        base64.b64encode(zlib.compress(b"[" * 100_000)).decode(),
        base64.b64encode(zlib.compress(bytes(50 << 20))).decode(),
    ],
    ids=range(8),
)
def test_an_origin_that_cannot_be_read_is_not_believed(text: str) -> None:
    original = of(artifact([Blob(b"w", f"{CNCF}.weight.v1.raw", {FILEPATH: "w"})], {}, annotations={ORIGIN: text}))

    draft = convert(original, KIT)

    assert not draft.restored
    assert draft.manifest.annotations[ORIGIN] != text


def test_an_origin_of_other_content_is_not_believed() -> None:
    mine = of(artifact([Blob(b"mine", f"{CNCF}.weight.v1.raw", {FILEPATH: "w"})], {}))
    theirs = convert(of(artifact([Blob(b"theirs", f"{CNCF}.weight.v1.raw", {FILEPATH: "w"})], {})), KIT)
    value = json.loads(convert(mine, KIT).manifest.raw)
    value["annotations"][ORIGIN] = theirs.manifest.annotations[ORIGIN]
    kit = Original(parse_manifest(json.dumps(value).encode()), convert(mine, KIT).config)

    draft = convert(kit, PACK)

    assert not draft.restored
    assert digests(draft.manifest.layers) == {Digest.of(b"mine")}


def test_two_layers_with_one_path_are_refused_and_both_are_named() -> None:
    blobs = [Blob(data, f"{CNCF}.doc.v1.raw", {FILEPATH: "a"}) for data in (b"1", b"2")]

    with pytest.raises(InvalidDocumentError, match=f"'a' is the path of two .*{Digest.of(b'1')} and {Digest.of(b'2')}"):
        convert(of(artifact(blobs, {})), KIT)


@pytest.mark.parametrize("path", ["../x", "/x", "a/../../x", "a\nb"])
def test_a_path_that_cannot_stand_in_a_kitfile_is_refused(path: str) -> None:
    with pytest.raises(UnsafePathError, match=r"layer sha256:\w+: "):
        convert(of(artifact([Blob(b"x", f"{CNCF}.doc.v1.raw", {FILEPATH: path})], {})), KIT)


def test_a_compressed_bare_file_is_not_called_something_else() -> None:
    original = modelkit(
        Kitfile(package=Package(name="x"), docs=()), compression=Compression.GZIP, layer_format=LayerFormat.RAW
    )
    content = Descriptor.of(b"z", layer_media_type(LayerKind.DOCS, Compression.GZIP, form=LayerFormat.RAW))
    kit = ModelKit(Kitfile(), (Layer(kind=LayerKind.DOCS, path="a", descriptor=content, diff_id=content.digest),))

    with pytest.raises(InvalidDocumentError, match="compression for raw layers is not supported for ModelPack"):
        convert_project(original, kit, PACK, found=PackConfig())


def test_an_archive_of_an_old_kit_is_not_moved_to_another_place() -> None:
    original = modelkit(Kitfile(package=Package(name="x")))
    content = Descriptor.of(b"z", layer_media_type(LayerKind.DOCS))
    layer = Layer(kind=LayerKind.DOCS, path="docs/a", descriptor=content, diff_id=content.digest, legacy=True)
    kit = ModelKit(Kitfile(), (layer,))

    with pytest.raises(InvalidDocumentError, match=r"'docs/a': an old kit packed it .* --explode"):
        convert_project(original, kit, PACK, found=PackConfig())
    flat = replace(kit, layers=(replace(layer, path="a"),))
    assert convert_project(original, flat, PACK, found=PackConfig()).manifest.layers


@pytest.mark.unmeasured
def test_where_there_is_no_room_the_way_back_is_not_kept() -> None:
    blobs = [
        Blob(b"%d" % n, f"{CNCF}.dataset.v1.raw", {FILEPATH: f"{'x' * 100}/{n}", "a": noise(270, n).hex()})
        for n in range(4000)
    ]

    draft = convert(of(artifact(blobs, {})), KIT)

    assert draft.lossy
    assert ORIGIN not in draft.manifest.annotations
