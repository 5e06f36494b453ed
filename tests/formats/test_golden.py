from collections import Counter

import pytest

from orchard.errors import InvalidDocumentError
from orchard.formats import (
    CONFIG_TYPE,
    ManifestForm,
    build_config,
    build_manifest,
    parse_kitfile,
    read_modelkit,
    to_yaml,
)
from orchard.oci import Descriptor, Digest
from support.formats_kits import KITS, Golden
from support.formats_scalars import MEANINGLESS, MEANINGS

each_kit = pytest.mark.parametrize("kit", KITS, ids=[kit.name for kit in KITS])


@each_kit
def test_config_of_a_kitfile_equals_that_of_kit(kit: Golden) -> None:
    config = build_config(parse_kitfile(kit.text.encode()), kit.packed())

    assert str(Digest.of(config)) == kit.config


@each_kit
def test_manifest_in_the_form_of_kit_equals_that_of_kit(kit: Golden) -> None:
    config = build_config(parse_kitfile(kit.text.encode()), kit.packed())

    manifest = build_manifest(
        Descriptor.of(config, CONFIG_TYPE), kit.packed(), cli_version="1.7.0", form=ManifestForm.KIT_1_7
    )

    assert str(manifest.describe().digest) == kit.manifest


@each_kit
def test_yaml_of_a_kitfile_equals_what_kit_unpacks(kit: Golden) -> None:
    assert to_yaml(parse_kitfile(kit.text.encode())) == kit.yaml


@each_kit
def test_a_kit_that_was_built_is_read_back(kit: Golden) -> None:
    kitfile = parse_kitfile(kit.text.encode())
    config = build_config(kitfile, kit.packed())
    manifest = build_manifest(Descriptor.of(config, CONFIG_TYPE), kit.packed())

    read = read_modelkit(manifest, config)

    assert to_yaml(read.kitfile).replace("- 0\n", "- -0\n") == kit.yaml  # Python's JSON has no negative zero
    assert Counter((layer.kind, layer.path, layer.descriptor) for layer in read.layers) == Counter(
        (layer.kind, layer.path, layer.descriptor) for layer in kit.packed()
    )


@pytest.mark.parametrize(("written", "meant"), MEANINGS, ids=[written for written, _ in MEANINGS])
def test_a_plain_scalar_means_what_it_means_to_kit(written: str, meant: str) -> None:
    kitfile = parse_kitfile(f"manifestVersion: 1.0.0\nmodel:\n  parameters:\n    - {written}\n".encode())

    assert kitfile.to_json().decode().partition('"parameters":')[2] == f"[{meant}]}}}}"


@pytest.mark.parametrize("written", MEANINGLESS)
def test_a_value_without_a_json_form_is_refused_in_parameters(written: str) -> None:
    with pytest.raises(InvalidDocumentError, match=r"line 3: model\.parameters: "):
        parse_kitfile(f"manifestVersion: 1.0.0\nmodel:\n  parameters: {written}\n".encode())
