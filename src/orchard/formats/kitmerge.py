"""A Kitfile together with the one that holds its model.

The merge rule is KitOps': the child's words win, lists are joined, and the model's path comes from the parent. KitOps
loses license, format and parameters of the model on the way; here they are treated as its other words.
"""

from msgspec.structs import replace

from orchard.formats.kitfile import Dataset, Entry, Kitfile, Model, Package, is_reference
from orchard.formats.layertype import LayerKind


def model_reference(kitfile: Kitfile) -> str | None:
    """Give the text that may name the kit which holds the model; a file may have such a name as well."""
    path = kitfile.model.path if kitfile.model is not None else ""
    return path if is_reference(path) else None


def is_elsewhere(entry: Entry) -> bool:
    """Tell whether an entry's content is not in the kit; for a model only what its path looks like."""
    if isinstance(entry, Dataset):
        return bool(entry.remote_path)
    return isinstance(entry, Model) and is_reference(entry.path)


def model_paths(kitfile: Kitfile) -> list[str]:
    """Give the paths that a kit brings to those that refer to it: its model and the parts of that."""
    kinds = (LayerKind.MODEL, LayerKind.PART)
    return [
        entry.path for kind, _, entry in kitfile.entries() if kind in kinds and entry.path and not is_elsewhere(entry)
    ]


def merge_kitfiles(child: Kitfile, parent: Kitfile) -> Kitfile:
    """Put a Kitfile and the one that its model refers to together."""
    return Kitfile(
        manifest_version=child.manifest_version or parent.manifest_version,
        package=_packages(child.package, parent.package),
        model=_models(child.model, parent.model),
        code=child.code + parent.code,
        datasets=child.datasets + parent.datasets,
        docs=child.docs + parent.docs,
        prompts=child.prompts + parent.prompts,
        mcp_servers=child.mcp_servers + parent.mcp_servers,
    )


def _packages(child: Package, parent: Package) -> Package:
    return Package(
        name=child.name or parent.name,
        version=child.version or parent.version,
        description=child.description or parent.description,
        license=child.license or parent.license,
        authors=child.authors + parent.authors,
    )


def _models(child: Model | None, parent: Model | None) -> Model | None:
    if child is None or parent is None:
        return child or parent
    return replace(
        parent,
        name=child.name or parent.name,
        license=child.license or parent.license,
        framework=child.framework or parent.framework,
        format=child.format or parent.format,
        version=child.version or parent.version,
        description=child.description or parent.description,
        parts=child.parts + parent.parts,
        parameters=parent.parameters if child.parameters is None else child.parameters,
    )
