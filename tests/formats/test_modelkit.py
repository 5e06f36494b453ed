import json
from contextlib import suppress

import pytest
from hypothesis import given

from orchard.errors import InvalidDocumentError, InvalidError, LimitExceededError, NotAModelKitError
from orchard.formats import (
    ARTIFACT_TYPE,
    CONFIG_TYPE,
    Code,
    Compression,
    Dataset,
    Docs,
    Kitfile,
    Layer,
    LayerKind,
    LayerType,
    ManifestForm,
    MCPServer,
    Model,
    ModelKit,
    ModelPart,
    Package,
    Prompt,
    build_config,
    build_manifest,
    layer_annotations,
    layer_media_type,
    name_of,
    read_modelkit,
    require_project,
)
from orchard.oci import JSON, Descriptor, Digest, Manifest, dumps, mediatype, parse_manifest
from support.formats_values import kitfiles

ALL = Kitfile(
    manifest_version="1.0.0",
    package=Package(name="all"),
    model=Model(path="m", name="llm", parts=(ModelPart(path="p", name="tok"), ModelPart(path="q"))),
    code=(Code(path="c"), Code(path="e")),
    datasets=(Dataset(path="d", name="train"), Dataset(path="r", remote_path="x.io/y:z")),
    docs=(Docs(path="o"),),
    prompts=(Prompt(path="s", name="ask"),),
    mcp_servers=(MCPServer(path="t.mcpb", name="tools"),),
)


def layer(kind: LayerKind, path: str, name: str = "", compression: Compression = Compression.NONE) -> Layer:
    content = f"{kind} {path}".encode()
    descriptor = Descriptor.of(content, layer_media_type(kind, compression), annotations=layer_annotations(kind))
    return Layer(kind=kind, path=path, name=name, descriptor=descriptor, diff_id=descriptor.digest)


def layers_of(kitfile: Kitfile) -> tuple[Layer, ...]:
    return tuple(
        layer(kind, entry.path, name_of(entry))
        for kind, _, entry in kitfile.entries()
        if entry.path and not (isinstance(entry, Dataset) and entry.remote_path)
    )


def packed(kitfile: Kitfile, layers: tuple[Layer, ...] | None = None) -> tuple[Manifest, bytes]:
    layers = layers_of(kitfile) if layers is None else layers
    config = build_config(kitfile, layers)
    return build_manifest(Descriptor.of(config, CONFIG_TYPE), layers), config


def foreign(config_type: str, artifact_type: str | None = None) -> Manifest:
    value: dict[str, JSON] = {"schemaVersion": 2, "config": Descriptor.of(b"{}", config_type).to_json(), "layers": []}
    if artifact_type:
        value["artifactType"] = artifact_type
    return parse_manifest(dumps(value), mediatype.OCI_MANIFEST)


def test_a_kit_that_was_built_is_read_back_layer_by_layer() -> None:
    manifest, config = packed(ALL)

    kit = read_modelkit(manifest, config)

    assert kit.layers == layers_of(ALL)
    assert kit.cli_version is None
    assert kit.kitfile.package == ALL.package
    assert [layer.type.kind for layer in kit.layers] == [layer.kind for layer in kit.layers]


def test_a_kit_without_layers_is_read_back() -> None:
    manifest, config = packed(Kitfile(package=Package(name="a")), ())

    assert json.loads(manifest.raw)["layers"] == []
    assert read_modelkit(manifest, config) == ModelKit(Kitfile(package=Package(name="a")), ())


def test_the_same_content_gives_the_same_bytes_in_any_order_of_layers() -> None:
    manifest, config = packed(ALL)
    other, same = packed(
        ALL,
        tuple(
            reversed(
                layers_of(
                    Kitfile(
                        model=ALL.model and Model(path="m"),
                        code=(Code(path="c"),),
                        docs=ALL.docs,
                        mcp_servers=ALL.mcp_servers,
                        datasets=(Dataset(path="d"),),
                        prompts=ALL.prompts,
                    )
                )
            )
        ),
    )

    assert packed(ALL) == (manifest, config)
    assert [one.media_type for one in other.layers] == [
        layer_media_type(kind) for kind in LayerKind if kind is not LayerKind.PART
    ]
    assert same != config


def test_a_manifest_has_the_keys_of_oci_in_order_and_no_annotations() -> None:
    manifest, _ = packed(ALL)

    assert list(json.loads(manifest.raw)) == ["schemaVersion", "mediaType", "artifactType", "config", "layers"]
    assert manifest.artifact_type == ARTIFACT_TYPE
    assert manifest.media_type == mediatype.OCI_MANIFEST
    assert b" " not in manifest.raw


def test_a_manifest_names_the_program_only_where_it_is_asked_to() -> None:
    config = build_config(ALL, layers_of(ALL))

    manifest = build_manifest(Descriptor.of(config, CONFIG_TYPE), layers_of(ALL), cli_version="1.2.3")

    assert manifest.raw.endswith(b',"annotations":{"ml.kitops.modelkit.cli-version":"1.2.3"}}')
    assert read_modelkit(manifest, config).cli_version == "1.2.3"


def test_a_manifest_in_the_form_of_kit_has_null_for_no_layers() -> None:
    manifest = build_manifest(Descriptor.of(b"{}", CONFIG_TYPE), (), form=ManifestForm.KIT_1_7)

    assert list(json.loads(manifest.raw)) == ["schemaVersion", "config", "layers"]
    assert json.loads(manifest.raw)["layers"] is None
    assert manifest.layers == ()


def test_a_manifest_takes_4096_layers_and_not_one_more() -> None:
    layers = [layer(LayerKind.CODE, str(number)) for number in range(4097)]
    config = Descriptor.of(b"{}", CONFIG_TYPE)

    assert len(build_manifest(config, layers[:4096]).layers) == 4096
    with pytest.raises(LimitExceededError, match="4097 entries, at most 4096"):
        build_manifest(config, layers)


def test_a_prompt_is_told_from_code_by_its_annotation() -> None:
    manifest, config = packed(ALL)

    written = json.loads(manifest.raw)["layers"][-2]

    assert written["mediaType"] == layer_media_type(LayerKind.CODE)
    assert written["annotations"] == {"ml.kitops.modelkit.layer-subtype": "prompt"}
    assert [(one.kind, one.path) for one in read_modelkit(manifest, config).layers][-2:] == [
        (LayerKind.PROMPT, "s"),
        (LayerKind.MCP_SERVER, "t.mcpb"),
    ]


def test_entries_that_share_their_content_keep_their_own_layers() -> None:
    blob = Descriptor.of(b"same", layer_media_type(LayerKind.CODE))
    pair = tuple(Layer(kind=LayerKind.CODE, path=path, descriptor=blob, diff_id=blob.digest) for path in "ab")

    manifest, config = packed(Kitfile(code=(Code(path="a"), Code(path="b"))), pair)

    assert read_modelkit(manifest, config).layers == pair


def test_the_digests_of_another_packing_are_forgotten() -> None:
    stale = Digest.of(b"stale")

    config = build_config(Kitfile(code=(Code(path="a", digest=stale, diff_id=stale),)), ())

    assert config == b'{"manifestVersion":"","package":{},"code":[{"path":"a"}]}'


def test_the_diff_id_of_a_layer_without_compression_is_its_digest() -> None:
    plain, small = (layer(LayerKind.CODE, "a", compression=one) for one in (Compression.NONE, Compression.GZIP))
    digests = {"digest": str(plain.descriptor.digest)}

    read = [
        read_modelkit(
            build_manifest(Descriptor.of(b"{}", CONFIG_TYPE), [one]), dumps({"code": [{"path": "a", **digests}]})
        ).layers[0]
        for one in (plain, small)
    ]

    assert [one.diff_id for one in read] == [plain.descriptor.digest, None]
    assert read[1].type == LayerType(LayerKind.CODE, compression=Compression.GZIP)


def test_layers_of_an_old_kit_are_paired_by_their_order() -> None:
    manifest, _ = packed(ALL)
    config = dumps(
        {
            "model": {"path": "1", "parts": [{"path": "2"}, {"path": "3"}]},
            "code": [{"path": "4"}, {"path": "5"}],
            "datasets": [{"path": "no", "remotePath": "x"}, {"path": "6"}],
            "docs": [{"path": "7"}],
            "prompts": [{"path": "8"}],
            "mcpServers": [{"path": "9"}],
        }
    )

    layers = read_modelkit(manifest, config).layers

    assert [one.path for one in layers] == list("123456789")
    assert all(one.legacy for one in layers)


def test_a_reference_to_another_kit_needs_no_layer() -> None:
    manifest, config = packed(
        Kitfile(model=Model(path="x.io/y:z"), code=(Code(path="c"),)), (layer(LayerKind.CODE, "c"),)
    )

    assert [one.path for one in read_modelkit(manifest, config).layers] == ["c"]


def test_a_layer_that_the_config_does_not_have_is_refused() -> None:
    manifest, _ = packed(ALL)

    with pytest.raises(InvalidDocumentError, match=r"team/kit: layer 2 \(modelpart, sha256:\w+\) is not in its config"):
        read_modelkit(manifest, dumps({"model": {"path": "m", "parts": [{"path": "p"}]}}), what="team/kit")


def test_a_layer_that_the_manifest_does_not_have_is_refused() -> None:
    _, config = packed(ALL)
    manifest, _ = packed(ALL, layers_of(ALL)[:-1])

    with pytest.raises(
        InvalidDocumentError, match=r"'t\.mcpb' is in its config, but its layer sha256:\w+ is not there"
    ):
        read_modelkit(manifest, config)


def test_a_layer_with_another_digest_than_the_config_says_is_refused() -> None:
    manifest, _ = packed(Kitfile(code=(Code(path="c"),)))

    with pytest.raises(InvalidDocumentError, match="is not in its config"):
        read_modelkit(manifest, dumps({"code": [{"path": "c", "digest": str(Digest.of(b"other"))}]}))


def test_a_layer_of_an_unknown_type_is_refused_and_named() -> None:
    strange = Descriptor.of(b"", "application/vnd.kitops.modelkit.agent.v1.tar")
    manifest = build_manifest(
        Descriptor.of(b"{}", CONFIG_TYPE), [Layer(kind=LayerKind.CODE, path="a", descriptor=strange)]
    )

    with pytest.raises(InvalidDocumentError, match=r"this artifact: layer 0: .*agent\.v1\.tar' is a layer type that"):
        read_modelkit(manifest, b"{}")


def test_a_layer_without_an_entry_is_not_built_in() -> None:
    with pytest.raises(InvalidDocumentError, match=r"'b' \(code\): the Kitfile has no such entry"):
        build_config(Kitfile(code=(Code(path="a"),)), [layer(LayerKind.CODE, "b")])


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (b"", "team/kit: config: not JSON"),
        (b"[]", "config: must be an object, not a list"),
        (b'{"code":1}', r"config\.code: must be a list"),
        (b'{"code":[],"code":[]}', "stands twice"),
    ],
)
def test_a_config_that_is_no_kitfile_is_refused(config: bytes, message: str) -> None:
    with pytest.raises(InvalidDocumentError, match=message):
        read_modelkit(foreign(CONFIG_TYPE), config, what="team/kit")


def test_a_config_is_at_most_four_mebibytes() -> None:
    with pytest.raises(LimitExceededError, match="4194305 bytes, at most 4194304"):
        read_modelkit(foreign(CONFIG_TYPE), b" " * ((4 << 20) + 1))
    with pytest.raises(LimitExceededError, match="bytes as JSON, at most 4194304"):
        build_config(Kitfile(package=Package(description="x" * (4 << 20))), ())


@pytest.mark.parametrize(
    ("config_type", "artifact_type", "message"),
    [
        ("application/vnd.oci.image.config.v1+json", None, "team/x is a container image, not a ModelKit"),
        ("application/vnd.docker.container.image.v1+json", None, "team/x is a container image, not a ModelKit"),
        ("application/vnd.cncf.helm.config.v1+json", None, "team/x is a Helm chart"),
        ("application/vnd.jozu.model.config.v1+json", None, "team/x is a ModelKit of 2024 or earlier"),
        ("application/x", None, "team/x is an artifact of type application/x, not a ModelKit"),
        (mediatype.OCI_EMPTY, "application/spdx+json", "an artifact of type application/spdx"),
        (mediatype.OCI_EMPTY, ARTIFACT_TYPE, "team/x is an artifact of type application/vnd.kitops"),
    ],
)
def test_another_artifact_is_refused_and_called_by_its_name(
    config_type: str, artifact_type: str | None, message: str
) -> None:
    manifest = foreign(config_type, artifact_type)

    with pytest.raises(NotAModelKitError, match=message):
        require_project(manifest, what="team/x")
    with pytest.raises(NotAModelKitError, match="this artifact has a config of type"):
        read_modelkit(manifest, b"{}")


@given(kitfiles())
def test_any_kitfile_with_any_layers_is_read_or_refused(kitfile: Kitfile) -> None:
    manifest, _ = packed(ALL)

    with suppress(InvalidError):
        read_modelkit(manifest, kitfile.to_json())


@given(kitfiles())
def test_any_kitfile_is_packed_and_read_back(kitfile: Kitfile) -> None:
    layers = tuple(
        layer(kind, entry.path, name_of(entry))
        for kind, _, entry in kitfile.entries()
        if not (isinstance(entry, Dataset) and entry.remote_path)
    )
    config = build_config(kitfile, layers)

    kit = read_modelkit(build_manifest(Descriptor.of(config, CONFIG_TYPE), layers), config)

    assert [(one.kind, one.path) for one in kit.layers] == [(one.kind, one.path) for one in layers]
    assert kit.kitfile.to_json() == config
