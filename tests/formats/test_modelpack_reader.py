"""Every producer of ModelPacks and Docker models, read as a project."""

import json
from collections.abc import Callable

import pytest

from orchard.errors import InvalidDocumentError, NotAModelKitError
from orchard.formats import LayerKind, ModelKit, ProjectFormat, format_of, read_project, to_yaml
from orchard.oci import JSON, Descriptor, Manifest, dumps, mediatype, parse_manifest
from support import modelpacks
from support.modelpacks import CNAI, CNCF, DOCKER, FILEPATH, METADATA, TITLE, WEIGHTS, Artifact, Blob, artifact


def read(made: Artifact) -> ModelKit:
    return read_project(made.manifest, made.config)


def layers_of(kit: ModelKit) -> list[tuple[str, str]]:
    return [(layer.kind.value, layer.path) for layer in kit.layers]


PRODUCERS: dict[str, tuple[Callable[[], Artifact], list[tuple[str, str]]]] = {
    "modctl": (
        modelpacks.modctl,
        [("model", "weights/model.gguf"), ("modelpart", "config.json"), ("docs", "README.md")],
    ),
    "modctl, tar": (modelpacks.modctl_tar, [("model", "weights/model.gguf")]),
    "AIKit": (modelpacks.aikit, [("model", "models/model.gguf"), ("modelpart", "config"), ("docs", "docs")]),
    "olot": (modelpacks.olot, [("model", "model.gguf")]),
    "RamaLama": (modelpacks.ramalama, [("model", "model.gguf")]),
    "KitOps": (modelpacks.kitops, [("model", "./model.bin"), ("code", "src")]),
    "before 2025": (modelpacks.cnai, [("model", "model.safetensors")]),
    "Docker v0.1": (
        modelpacks.docker,
        [
            ("model", "model.gguf"),
            ("docs", "LICENSE-00001-of-00002"),
            ("docs", "LICENSE-00002-of-00002"),
            ("modelpart", "config.json"),
        ],
    ),
}


@pytest.mark.parametrize("name", PRODUCERS)
def test_every_producer_is_read(name: str) -> None:
    make, expected = PRODUCERS[name]

    kit = read(make())

    assert layers_of(kit) == expected
    assert kit.format is (ProjectFormat.DOCKER if name.startswith("Docker") else ProjectFormat.MODELPACK)
    assert all(layer.mode in {0o644, 0o755} and layer.diff_id is not None for layer in kit.layers)
    assert to_yaml(kit.kitfile).startswith("manifestVersion: 1.0.0\n")


def test_what_a_kitfile_has_no_place_for_stands_under_its_parameters() -> None:
    kit = read(modelpacks.modctl())

    assert kit.kitfile.model is not None
    assert (kit.kitfile.package.name, kit.kitfile.model.format) == ("tiny", "gguf")
    assert kit.kitfile.model.parameters == {
        "modelpack": {
            "createdAt": "2026-01-02T03:04:05Z",
            "family": "llama",
            "architecture": "transformer",
            "paramSize": "7.2b",
            "precision": "float16",
        }
    }


def test_the_kitfile_that_kit_brings_is_restored() -> None:
    kit = read(modelpacks.kitops())

    assert kit.kitfile.model is not None
    assert (kit.kitfile.model.framework, kit.kitfile.model.parameters) == ("torch", {"rate": 0.5})
    assert kit.kitfile.code[0].description == "The code"
    assert (kit.layers[0].name, kit.cli_version) == ("m", "1.10.0")


def test_a_kitfile_that_does_not_match_the_layers_any_more_is_not_believed() -> None:
    kit = read(modelpacks.kitops(change="x"))

    assert kit.kitfile.model is not None
    assert kit.kitfile.model.framework == ""
    assert layers_of(kit) == [("model", "model.bin"), ("code", "src")]


@pytest.mark.parametrize("text", ["", "{", "[]", '{"model": 1}', '{"code":[{"digest":"x"}]}', '{"Model":{}}', "[" * 99])
def test_a_kitfile_that_cannot_be_read_is_not_believed(text: str) -> None:
    made = artifact(
        [Blob(b"w", f"{CNCF}.weight.v1.raw", {FILEPATH: "w"})], {}, annotations={"ml.kitops.modelkit.kitfile": text}
    )

    assert layers_of(read(made)) == [("model", "w")]


def test_old_spellings_mean_the_same() -> None:
    config = read(modelpacks.cnai()).config

    assert config is not None
    assert (config.about.created_at, config.about.doc_url) == ("2025-01-02T03:04:05Z", "https://example.com")
    assert config.traits.param_size == "8b"
    assert config.traits.capabilities is not None
    assert (config.traits.capabilities.input_types, config.traits.capabilities.tool_usage) == (("text",), True)
    assert len(config.diff_ids) == 1


def test_a_docker_config_says_what_the_model_is() -> None:
    config = read(modelpacks.docker("v0.2")).config

    assert config is not None
    assert (config.traits.param_size, config.traits.quantization, config.traits.format) == ("7.24B", "Q4_K_M", "gguf")


@pytest.mark.parametrize(
    ("word", "kind", "path"),
    [
        ("gguf.v3", LayerKind.MODEL, "model.gguf"),
        ("gguf.v3.lora", LayerKind.PART, "lora.gguf"),
        ("gguf.v3.mmproj", LayerKind.PART, "mmproj.gguf"),
        ("mmproj", LayerKind.PART, "mmproj.gguf"),
        ("safetensors", LayerKind.MODEL, "model.safetensors"),
        ("vllm.config.tar", LayerKind.PART, "config"),
        ("dir.tar", LayerKind.PART, "files"),
        ("dduf", LayerKind.MODEL, "model.dduf"),
        ("license", LayerKind.DOCS, "LICENSE"),
        ("chat.template.jinja", LayerKind.PART, "chat_template.jinja"),
    ],
)
def test_every_docker_layer_has_a_kind_and_a_name(word: str, kind: LayerKind, path: str) -> None:
    made = artifact(
        [Blob(b"x", f"{DOCKER}.{word}")], {}, config_type=f"{DOCKER}.model.config.v0.2+json", artifact_type=None
    )

    assert [(layer.kind, layer.path) for layer in read(made).layers] == [(kind, path)]


@pytest.mark.parametrize(
    ("annotations", "path"),
    [
        ({FILEPATH: "a/b.bin", TITLE: "c", METADATA: '{"name":"d"}'}, "a/b.bin"),
        ({"org.cnai.model.filepath": "old", TITLE: "c"}, "old"),
        ({TITLE: "c", METADATA: '{"name":"d"}'}, "c"),
        ({METADATA: '{"name":"d"}'}, "d"),
        ({FILEPATH: "", TITLE: "c"}, "c"),
        ({METADATA: '{"name":7}'}, ""),
        ({METADATA: "not JSON"}, ""),
        ({METADATA: '{"name":"a","name":"b"}'}, ""),
        ({}, ""),
        ({FILEPATH: "./a//b/"}, "a/b"),
        ({FILEPATH: "../../etc/passwd"}, "../../etc/passwd"),
        ({FILEPATH: "a/../../b"}, "a/../../b"),
        ({FILEPATH: "/etc/passwd"}, "/etc/passwd"),
        ({FILEPATH: "C:\\x"}, "C:\\x"),
    ],
)
def test_the_path_of_a_layer_comes_from_its_best_source_and_is_shown_as_it_is(
    annotations: dict[str, str], path: str
) -> None:
    made = artifact([Blob(b"x", f"{CNCF}.weight.v1.raw", annotations)], {})

    assert read(made).layers[0].path == (path or made.manifest.layers[0].digest.hex)


def test_several_weights_in_one_directory_are_the_model() -> None:
    layers = [Blob(b"%d" % n, f"{CNCF}.weight.v1.raw", {FILEPATH: f"weights/{n}.safetensors"}) for n in range(3)]

    kit = read(artifact(layers, {"descriptor": {"name": "big"}}))

    assert kit.kitfile.model is not None
    assert kit.kitfile.model.path == "weights"
    assert [(layer.path, layer.entry, layer.name) for layer in kit.layers] == [
        (f"weights/{n}.safetensors", "weights", "big") for n in range(3)
    ]


def test_of_several_weights_at_the_top_the_largest_is_the_model_and_the_others_are_parts() -> None:
    sizes = {"lora.gguf": 1, "model.gguf": 9, "mmproj.gguf": 2}
    layers = [Blob(b"x" * size, f"{CNCF}.weight.v1.raw", {FILEPATH: path}) for path, size in sizes.items()]

    model = read(artifact(layers, {})).kitfile.model

    assert model is not None
    assert model.path == "model.gguf"
    assert [(part.path, part.type) for part in model.parts] == [("lora.gguf", "weight"), ("mmproj.gguf", "weight")]


CONFIGS: list[JSON] = [
    {},
    {"descriptor": None, "config": 7, "modelfs": []},
    {"descriptor": {"name": 1, "authors": "x", "licenses": [1, None, {}]}, "config": {"capabilities": [1]}},
    {"modelfs": {"diffIds": ["x"]}},
    {"modelfs": {"diffIds": [None], "diff_ids": {}}},
    {"descriptor": {"authors": [["a"]] * 100, "name": "\0" * 50}},
]


@pytest.mark.parametrize("config", CONFIGS, ids=str)
@pytest.mark.parametrize(
    "kind", [f"{CNCF}.config.v1+json", f"{CNAI}.config.v1+json", f"{DOCKER}.model.config.v0.1+json"]
)
def test_a_hostile_config_hides_no_layer(config: JSON, kind: str) -> None:
    made = artifact([Blob(b"w", f"{CNCF}.weight.v1.raw", {FILEPATH: "w"})], config, config_type=kind)

    kit = read(made)

    assert layers_of(kit) == [("model", "w")]
    assert to_yaml(kit.kitfile)


@pytest.mark.parametrize(
    "said", ['{"typeflag":2}', '{"typeflag":5}', '{"typeflag":8}', '{"typeflag":"0"}', '{"typeflag":[0]}']
)
def test_a_layer_that_calls_itself_no_regular_file_is_read_but_has_no_mode(said: str) -> None:
    kit = read(artifact([Blob(b"w", f"{CNCF}.weight.v1.raw", {FILEPATH: "w", METADATA: said})], {}))

    with pytest.raises(InvalidDocumentError, match=r"layer 'w': its metadata calls it .* and not a regular file"):
        _ = kit.layers[0].mode


@pytest.mark.parametrize("said", ['{"mode":"x"}', '{"mode":-1}', '{"mode":true}', "[]", "null", "{" * 70_000])
def test_a_mode_that_makes_no_sense_is_the_usual_one(said: str) -> None:
    kit = read(artifact([Blob(b"w", f"{CNCF}.weight.v1.raw", {FILEPATH: "w", METADATA: said})], {}))

    assert kit.layers[0].mode == 0o644


def test_a_layer_of_an_unknown_type_is_refused_and_named() -> None:
    with pytest.raises(InvalidDocumentError, match=r"layer 0: .*agent\.v1\.raw' is a layer type that"):
        read(artifact([Blob(b"w", f"{CNCF}.agent.v1.raw")], {}))


@pytest.mark.parametrize(
    ("config_type", "artifact_type", "layer", "form"),
    [
        (f"{CNCF}.config.v1+json", None, f"{CNCF}.doc.v1.raw", ProjectFormat.MODELPACK),
        (mediatype.OCI_EMPTY, f"{CNCF}.manifest.v1+json", f"{CNCF}.doc.v1.raw", ProjectFormat.MODELPACK),
        (mediatype.OCI_EMPTY, f"{CNAI}.manifest.v1+json", f"{CNAI}.doc.v1.raw", ProjectFormat.MODELPACK),
        (mediatype.OCI_EMPTY, None, f"{CNCF}.doc.v1.raw", ProjectFormat.MODELPACK),
        (mediatype.OCI_EMPTY, None, f"{CNCF}.weight.v1.gguf", ProjectFormat.MODELPACK),
        (mediatype.OCI_EMPTY, None, f"{CNCF}.agent.v1.raw", None),
        (mediatype.OCI_EMPTY, None, "text/plain", None),
        ("application/vnd.oci.image.config.v1+json", f"{CNCF}.manifest.v1+json", f"{CNCF}.doc.v1.tar", None),
    ],
)
def test_a_modelpack_is_known_by_its_config_then_its_artifact_type_then_its_layers(
    config_type: str, artifact_type: str | None, layer: str, form: ProjectFormat | None
) -> None:
    made = artifact([Blob(b"x", layer, {FILEPATH: "x"})], {}, config_type=config_type, artifact_type=artifact_type)

    assert format_of(made.manifest) is form
    if form is None:
        with pytest.raises(NotAModelKitError, match="not a ModelKit or a ModelPack"):
            read(made)
    else:
        assert layers_of(read(made)) == [("docs" if "doc" in layer else "model", "x")]


def test_a_diff_id_is_believed_only_where_it_can_say_something() -> None:
    lie: JSON = {"modelfs": {"type": "layers", "diffIds": modelpacks.diff_ids(b"a", b"b", b"compressed")}}
    layers = [
        Blob(b"raw", f"{CNCF}.weight.v1.raw"),
        Blob(b"gzip", f"{CNCF}.doc.v1.tar+gzip"),
        Blob(b"compressed", f"{CNCF}.doc.v1.tar+zstd"),
    ]

    kit = read(artifact(layers, lie))

    digests = [str(layer.diff_id) if layer.diff_id else None for layer in kit.layers]
    assert digests == [str(kit.layers[0].descriptor.digest), *modelpacks.diff_ids(b"b"), None]


def test_a_manifest_of_docker_is_read() -> None:
    made = modelpacks.docker()

    assert made.manifest.media_type == mediatype.DOCKER_MANIFEST
    assert read(made).layers[0].descriptor == Descriptor.of(WEIGHTS, f"{DOCKER}.gguf.v3")


def single_files() -> Manifest:
    """A project whose files are layers, with the Kitfile that somebody wrote."""
    files = {"data/a.csv": b"a", "data/b.csv": b"b", "README.md": b"r"}
    kinds = {"data/a.csv": "dataset", "data/b.csv": "dataset", "README.md": "doc"}
    layers = [Blob(data, f"{CNCF}.{kinds[path]}.v1.raw", {FILEPATH: path}) for path, data in files.items()]
    digests = dict(zip(files, modelpacks.diff_ids(*files.values()), strict=True))
    expanded = {
        "datasets": [{"path": path, "digest": digests[path]} for path in ("data/a.csv", "data/b.csv")],
        "docs": [{"path": "README.md", "digest": digests["README.md"]}],
    }
    written = {"datasets": [{"name": "train", "path": "./data"}], "docs": [{"path": "README.md"}]}
    said = {"ml.kitops.modelkit.kitfile": json.dumps(expanded), "ml.orchard.kitfile": json.dumps(written)}
    return artifact(layers, {}, annotations=said).manifest


def test_the_kitfile_that_a_person_wrote_claims_the_single_files() -> None:
    kit = read_project(single_files(), b"{}")

    assert [entry.path for _, _, entry in kit.kitfile.entries()] == ["./data", "README.md"]
    assert [(layer.path, layer.entry, layer.name) for layer in kit.layers] == [
        ("data/a.csv", "./data", "train"),
        ("data/b.csv", "./data", "train"),
        ("README.md", "", ""),
    ]


def test_a_kitfile_that_does_not_claim_every_file_is_not_believed() -> None:
    manifest = single_files()
    raw = manifest.raw.replace(b"./data", b"./dat\xc3\xa4")
    kit = read_project(parse_manifest(raw), b"{}")

    assert [entry.path for _, _, entry in kit.kitfile.entries()] == ["data/a.csv", "data/b.csv", "README.md"]


def test_a_config_that_is_not_json_is_refused() -> None:
    made = modelpacks.modctl()

    with pytest.raises(InvalidDocumentError, match="x: config: not JSON"):
        read_project(made.manifest, b"{", what="x")
    with pytest.raises(InvalidDocumentError, match="stands twice"):
        read_project(made.manifest, b'{"config":{},"config":{}}')
    assert read_project(made.manifest, b"").layers
    assert dumps({}) == b"{}"
