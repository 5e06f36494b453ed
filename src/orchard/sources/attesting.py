"""What can be said of an import afterwards: an in-toto statement with SLSA provenance (version 1), unsigned."""

import platform
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from uuid import uuid4

from orchard import __version__
from orchard.formats import Kitfile, to_yaml
from orchard.oci import JSON, Digest
from orchard.project import Packed
from orchard.sources.origin import Material, Origin

STATEMENT: Final = "https://in-toto.io/Statement/v1"
PREDICATE: Final = "https://slsa.dev/provenance/v1"
BUILD_TYPE: Final = "urn:orchard:import:v1"
BUILDER: Final = "urn:orchard:cli"


@dataclass(frozen=True, slots=True)
class Times:
    """When an import began and ended, in seconds since the epoch."""

    started: float
    finished: float


def statement(
    packed: Packed, origin: Origin, materials: list[Material], *, name: str, kitfile: Kitfile, times: Times
) -> dict[str, JSON]:
    """Say what was imported, from where, and what became of it.

    Args:
        packed: The version.
        origin: Where it comes from.
        materials: Its files, as their repository names them.
        name: What the version is called.
        kitfile: What was asked for.
        times: When.
    """
    commit: dict[str, JSON] = {"gitCommit": origin.commit}
    files: list[JSON] = [
        {"name": item.name, "uri": item.uri, "digest": {item.algorithm: item.digest}} for item in materials
    ]
    source: dict[str, JSON] = {"uri": origin.url, "ref": origin.ref, "tool": origin.tool, "digest": commit}
    asked: dict[str, JSON] = {
        "source": source,
        "kitfile": {"digest": {"sha256": Digest.of(to_yaml(kitfile).encode()).hex}},
    }
    details: dict[str, JSON] = {
        "builder": {"id": BUILDER, "version": {"orchard": __version__, "python": platform.python_version()}},
        "metadata": {
            "invocationId": str(uuid4()),
            "startedOn": _written(times.started),
            "finishedOn": _written(times.finished),
        },
    }
    return {
        "_type": STATEMENT,
        "subject": [{"name": name, "digest": {"sha256": packed.descriptor.digest.hex}}],
        "predicateType": PREDICATE,
        "predicate": {
            "buildDefinition": {
                "buildType": BUILD_TYPE,
                "externalParameters": asked,
                "internalParameters": {},
                "resolvedDependencies": [{"uri": origin.url, "digest": commit}, *files],
            },
            "runDetails": details,
        },
    }


def _written(time: float) -> str:
    return datetime.fromtimestamp(time, tz=UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
