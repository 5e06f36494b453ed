"""What a machine-learning project is: Kitfile, ignore rules, ModelKit. Values only, no input or output.

A name is imported when it is first asked for, because no command needs all of this room.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from orchard.formats.classify import Listed, generate, license_files
    from orchard.formats.fileindex import FileIndex, IndexedFile, LayerFile, LayerFiles
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
        raw_annotations,
    )
    from orchard.formats.licenses import detect_license
    from orchard.formats.modelkit import (
        ARTIFACT_TYPE,
        CONFIG_TYPE,
        MAX_CONFIG,
        VERSION_ANNOTATION,
        Layer,
        ManifestForm,
        ModelKit,
        ProjectFormat,
        build_config,
        build_manifest,
        read_modelkit,
    )
    from orchard.formats.modelpack import read_modelpack
    from orchard.formats.packconfig import About, Capabilities, PackConfig, Traits, read_docker_config, read_pack_config
    from orchard.formats.projects import format_of, read_project, require_project
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
    "VERSION_ANNOTATION",
    "About",
    "Capabilities",
    "Code",
    "Compression",
    "Dataset",
    "Docs",
    "Entry",
    "FileIndex",
    "Filter",
    "Filters",
    "IgnoreRules",
    "IndexedFile",
    "Kitfile",
    "KitfileDocument",
    "Layer",
    "LayerFile",
    "LayerFiles",
    "LayerFormat",
    "LayerKind",
    "LayerType",
    "Listed",
    "MCPServer",
    "ManifestForm",
    "Model",
    "ModelKit",
    "ModelPart",
    "PackConfig",
    "Package",
    "ProjectFormat",
    "Prompt",
    "Traits",
    "build_config",
    "build_manifest",
    "clean_path",
    "detect_license",
    "format_of",
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
    "raw_annotations",
    "read_docker_config",
    "read_modelkit",
    "read_modelpack",
    "read_pack_config",
    "read_project",
    "require_project",
    "to_value",
    "to_yaml",
    "value_to_yaml",
]

_WHERE: Final = {
    "Listed": "classify",
    "generate": "classify",
    "license_files": "classify",
    "FileIndex": "fileindex",
    "IndexedFile": "fileindex",
    "LayerFile": "fileindex",
    "LayerFiles": "fileindex",
    "Filter": "filters",
    "Filters": "filters",
    "parse_filter": "filters",
    "parse_filters": "filters",
    "ALWAYS_IGNORED": "ignore",
    "IgnoreRules": "ignore",
    "kitfile_from_json": "kitconfig",
    "KitfileDocument": "kitedit",
    "IGNORE_NAME": "kitfile",
    "KITFILE_NAMES": "kitfile",
    "MANIFEST_VERSION": "kitfile",
    "Code": "kitfile",
    "Dataset": "kitfile",
    "Docs": "kitfile",
    "Entry": "kitfile",
    "Kitfile": "kitfile",
    "MCPServer": "kitfile",
    "Model": "kitfile",
    "ModelPart": "kitfile",
    "Package": "kitfile",
    "Prompt": "kitfile",
    "is_reference": "kitfile",
    "name_of": "kitfile",
    "MAX_KITFILE": "kitfileyaml",
    "parse_kitfile": "kitfileyaml",
    "clean_path": "kitpath",
    "Compression": "layertype",
    "LayerFormat": "layertype",
    "LayerKind": "layertype",
    "LayerType": "layertype",
    "layer_annotations": "layertype",
    "layer_media_type": "layertype",
    "parse_layer_media_type": "layertype",
    "raw_annotations": "layertype",
    "detect_license": "licenses",
    "ARTIFACT_TYPE": "modelkit",
    "CONFIG_TYPE": "modelkit",
    "VERSION_ANNOTATION": "modelkit",
    "MAX_CONFIG": "modelkit",
    "Layer": "modelkit",
    "ManifestForm": "modelkit",
    "ModelKit": "modelkit",
    "build_config": "modelkit",
    "build_manifest": "modelkit",
    "ProjectFormat": "modelkit",
    "read_modelkit": "modelkit",
    "read_modelpack": "modelpack",
    "About": "packconfig",
    "Capabilities": "packconfig",
    "PackConfig": "packconfig",
    "Traits": "packconfig",
    "read_docker_config": "packconfig",
    "read_pack_config": "packconfig",
    "format_of": "projects",
    "read_project": "projects",
    "require_project": "projects",
    "to_value": "yamlwriter",
    "to_yaml": "yamlwriter",
    "value_to_yaml": "yamlwriter",
}

if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        if name not in _WHERE:
            raise AttributeError(name)
        return getattr(import_module(f"{__name__}.{_WHERE[name]}"), name)
