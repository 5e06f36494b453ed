"""The process that runs llama.cpp as a Python package: ``python -m orchard.deploy.llama SETTINGS``.

Nothing here is imported by the rest of Orchard. It serves llama.cpp's own OpenAI-compatible API, and our chat page.
"""

import json
import signal
import sys
from typing import Any

import xllamacpp


def main(settings: dict[str, Any]) -> None:
    """Serve until a signal comes."""
    wanted = {signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, wanted)  # before the engine makes its threads, which inherit it
    server = xllamacpp.Server(_parameters(settings))
    sys.stderr.write(f"listening on {server.listening_address}\n")
    sys.stderr.flush()
    signal.sigwait(wanted)
    del server  # ends its threads


def _parameters(settings: dict[str, Any]) -> "xllamacpp.CommonParams":
    parameters = xllamacpp.CommonParams()
    parameters.model.path = settings["model"]
    parameters.model_alias = {settings["alias"]}
    parameters.hostnames = [settings["host"]]
    parameters.port = settings["port"]
    parameters.public_path = settings["pages"]
    # By default it lets the pages of every site read its answers.
    parameters.cors_origins = settings["origin"]
    parameters.endpoint_metrics = True
    if settings["context"] is not None:
        parameters.n_ctx = settings["context"]
    if settings["projector"] is not None:
        parameters.mmproj.path = settings["projector"]
    parameters.lora_adapters = [xllamacpp.CommonAdapterLoraInfo(path, 1.0) for path in settings["adapters"]]
    return parameters


if __name__ == "__main__":
    sys.tracebacklimit = 0  # what an engine says of a model that it cannot load is all that a person needs
    main(json.loads(sys.argv[1]))
