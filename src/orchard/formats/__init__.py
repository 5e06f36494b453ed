"""What a machine-learning project is: Kitfile, ignore rules, ModelKit. Values only, no input or output."""

from orchard.formats.classify import Listed, generate, license_files
from orchard.formats.filters import Filter, Filters, parse_filter, parse_filters
from orchard.formats.ignore import ALWAYS_IGNORED, IgnoreRules
from orchard.formats.kitconfig import kitfile_from_json
from orchard.formats.kitedit import KitfileDocument
from orchard.formats.kitfile import (
    IGNORE_NAME,
    KITFILE_NAMES,
    MANIFEST_VERSION,
    Code,
    Dataset,
    Docs,
    Entry,
    Kitfile,
    MCPServer,
    Model,
    ModelPart,
    Package,
    Prompt,
    is_reference,
    name_of,
)
from orchard.formats.kitfileyaml import MAX_KITFILE, parse_kitfile
from orchard.formats.kitpath import clean_path
from orchard.formats.layertype import (
    Compression,
    LayerFormat,
    LayerKind,
    LayerType,
    layer_annotations,
    layer_media_type,
    parse_layer_media_type,
)
from orchard.formats.licenses import detect_license
from orchard.formats.modelkit import (
    ARTIFACT_TYPE,
    CONFIG_TYPE,
    MAX_CONFIG,
    Layer,
    ManifestForm,
    ModelKit,
    build_config,
    build_manifest,
    read_modelkit,
    require_modelkit,
)
from orchard.formats.yamlwriter import to_value, to_yaml, value_to_yaml

__all__ = [
    "ALWAYS_IGNORED",
    "ARTIFACT_TYPE",
    "CONFIG_TYPE",
    "IGNORE_NAME",
    "KITFILE_NAMES",
    "MANIFEST_VERSION",
    "MAX_CONFIG",
    "MAX_KITFILE",
    "Code",
    "Compression",
    "Dataset",
    "Docs",
    "Entry",
    "Filter",
    "Filters",
    "IgnoreRules",
    "Kitfile",
    "KitfileDocument",
    "Layer",
    "LayerFormat",
    "LayerKind",
    "LayerType",
    "Listed",
    "MCPServer",
    "ManifestForm",
    "Model",
    "ModelKit",
    "ModelPart",
    "Package",
    "Prompt",
    "build_config",
    "build_manifest",
    "clean_path",
    "detect_license",
    "generate",
    "is_reference",
    "kitfile_from_json",
    "layer_annotations",
    "layer_media_type",
    "license_files",
    "name_of",
    "parse_filter",
    "parse_filters",
    "parse_kitfile",
    "parse_layer_media_type",
    "read_modelkit",
    "require_modelkit",
    "to_value",
    "to_yaml",
    "value_to_yaml",
]
