"""``orchard tensors``."""

from contextlib import suppress
from typing import TYPE_CHECKING, Final

import click

from orchard.cli.options import Command, NetworkFlags, current_session, network_options
from orchard.cli.output import format_size, printable, table
from orchard.cli.workspace import open_workspace
from orchard.errors import InvalidError, NotFoundError, UnsupportedError
from orchard.oci import JSON, Reference

if TYPE_CHECKING:
    from orchard.insight import ModelHeader
    from orchard.project import OpenVersion

_HEADINGS: Final = ("TENSOR", "TYPE", "SHAPE", "SIZE")


@click.command(cls=Command)
@click.argument("reference", metavar="[REGISTRY/]REPOSITORY[:TAG|@DIGEST]")
@click.argument("path", required=False)
@click.option("-r", "--remote", is_flag=True, default=None, help="Look in the registry, not in the local store.")
@network_options
def command(network: NetworkFlags, reference: str, path: str | None, *, remote: bool | None) -> None:
    """Show what is in the model files of a ModelKit: tensors, parameters, architecture, quantisation.

    safetensors, GGUF, ONNX and PyTorch, whose pickles are walked and never executed. Only headers are read, in the
    local store or in the registry; never the weights.

    \b
    Examples:
      orchard tensors mymodel:v1
      orchard tensors registry.example.com/team/mymodel:v1 model/model.safetensors
      orchard tensors mymodel:v1 --output json
    """
    session = current_session()
    from orchard.project import open_version

    workspace = open_workspace(network, session)
    with open_version(workspace, Reference.parse(reference), remote=remote) as opened:
        headers = _headers(opened, path)
        value: JSON = {
            "digest": str(opened.version.digest),
            "files": [_value(name, header) for name, header in headers.items()],
        }
    text = "\n\n".join(_text(name, header) for name, header in headers.items())
    names = [printable(tensor.name) for header in headers.values() for tensor in header.tensors]
    session.printer.result(text, value, brief="\n".join(names))


def _headers(opened: "OpenVersion", path: str | None) -> "dict[str, ModelHeader]":
    """Read the headers of all model files, or of one.

    Raises:
        NotFoundError: If there is none.
    """
    from orchard.insight import detect_format, may_be_model

    files = opened.list(path or "")
    if path is not None and [file.path for file in files] == [path]:
        return {path: opened.header(path)}
    found: dict[str, ModelHeader] = {}
    for name in (file.path for file in files if may_be_model(file.path)):
        # What others call so too, such as .bin, is shown where it is a model.
        with suppress(*(() if detect_format(name) else (UnsupportedError, InvalidError))):
            found[name] = opened.header(name)
    if not found:
        kinds = ".safetensors, .gguf, .onnx, .pt or .pth"
        raise NotFoundError(f"{path or 'this version'}: has no file that ends in {kinds}")
    return found


def _value(name: str, header: "ModelHeader") -> dict[str, JSON]:
    return {
        "path": name,
        "format": header.format,
        "parameters": header.parameters,
        "parametersByType": {**header.parameters_by_dtype},
        **_facts(header),
        "tensors": [
            {
                "name": tensor.name,
                "type": tensor.dtype,
                "shape": [*tensor.shape],
                "size": tensor.size,
                "offset": tensor.offset,
            }
            for tensor in header.tensors
        ],
    }


def _facts(header: "ModelHeader") -> dict[str, JSON]:
    """Give what only some formats say; ``None`` where this one does not."""
    from orchard.insight import Gguf

    if not isinstance(header, Gguf):
        return {"architecture": None, "quantization": None, "contextLength": None, "hasChatTemplate": False}
    return {
        "architecture": header.architecture,
        "quantization": header.quantization,
        "contextLength": header.context_length,
        "hasChatTemplate": header.chat_template is not None,
    }


def _text(name: str, header: "ModelHeader") -> str:
    facts = [header.format, f"{_count(header.parameters)} parameters"]
    said = _facts(header)
    facts += [str(said[key]) for key in ("architecture", "quantization") if said[key]]
    facts += [f"context {said['contextLength']}"] if said["contextLength"] else []
    facts += ["chat template"] if said["hasChatTemplate"] else []
    rows = [(t.name, t.dtype, "x".join(map(str, t.shape)) or "-", format_size(t.size)) for t in header.tensors]
    return printable(f"{name}: {', '.join(facts)}") + "\n" + table(_HEADINGS, rows)


def _count(number: int) -> str:
    """Write a number of parameters as people say it: 512, 1.5K, 7.2B."""
    scaled, unit = float(number), ""
    for unit in ("", "K", "M", "B", "T"):  # noqa: B007 -- the last one is used
        if scaled < 1000:  # noqa: PLR2004
            break
        scaled /= 1000
    return f"{number}" if not unit else f"{scaled:.1f}{unit}"
