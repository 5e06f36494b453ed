"""Where a version runs: inference engines on this machine.

``find_model`` decides what of a project can be served, ``DevServer`` runs an engine for it in a process of its own. The
engines (llama.cpp, onnxruntime) live in that process; nothing heavy is imported here.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from orchard.deploy.engines import ENGINES, EngineName, Wanted
    from orchard.deploy.models import Form, ServedModel, find_model
    from orchard.deploy.place import Place
    from orchard.deploy.server import DevServer, Running

__all__ = ["ENGINES", "DevServer", "EngineName", "Form", "Place", "Running", "ServedModel", "Wanted", "find_model"]

_WHERE: Final = {
    "ENGINES": "engines",
    "EngineName": "engines",
    "Wanted": "engines",
    "Form": "models",
    "ServedModel": "models",
    "find_model": "models",
    "DevServer": "server",
    "Place": "place",
    "Running": "server",
}

if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        if name not in _WHERE:
            raise AttributeError(name)
        return getattr(import_module(f"{__name__}.{_WHERE[name]}"), name)
