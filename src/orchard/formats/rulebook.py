"""What a stored version must fulfil: each rule with why it is there and what to do about it."""

from dataclasses import dataclass
from enum import Enum
from typing import Final, NamedTuple

MAX_SHOWN: Final = 200  # characters of a stranger's text in a remark


class Severity(Enum):
    """How bad it is; the value is what people and scripts read."""

    ERROR = "error"  # the specification forbids it, or a client fails
    WARNING = "warning"  # some client will do worse


class Rule(NamedTuple):
    """One rule.

    Attributes:
        severity: How bad it is to break it.
        why: What happens otherwise.
        advice: What to do.
    """

    severity: Severity
    why: str
    advice: str


@dataclass(frozen=True, slots=True)
class Remark:
    """One place where a rule is broken.

    Attributes:
        rule: Name of the rule.
        where: In which document, and where in there.
        text: What is wrong.
    """

    rule: str
    where: str
    text: str

    @property
    def severity(self) -> Severity:
        """How bad it is."""
        return RULES[self.rule].severity

    @property
    def why(self) -> str:
        """What happens because of it."""
        return RULES[self.rule].why

    @property
    def advice(self) -> str:
        """What to do."""
        return RULES[self.rule].advice


def remark(rule: str, where: str, text: str) -> Remark:
    """Make a remark; what strangers wrote is cut."""
    return Remark(rule, where[:MAX_SHOWN], text if len(text) <= 2 * MAX_SHOWN else f"{text[: 2 * MAX_SHOWN]}…")


def _error(why: str, advice: str) -> Rule:
    return Rule(Severity.ERROR, why, advice)


def _warning(why: str, advice: str) -> Rule:
    return Rule(Severity.WARNING, why, advice)


_PACK_AGAIN: Final = "pack it again"
_CONVERT: Final = "orchard convert it --to modelpack, which writes its documents anew, or pack it again"
_RENAME: Final = "rename the file, and pack it again"

RULES: Final = {
    # of every format
    "manifest": _error("no client can read it", "push the version again from where it was packed"),
    "manifest-size": _warning(
        "many registries, and clients built on oras, refuse a manifest over 4 MiB",
        "pack fewer files, or with --layer-format tar",
    ),
    "layer-type": _error("clients skip or refuse layers of a type they do not know", _PACK_AGAIN),
    "diff-id": _error("a client that checks what it unpacks refuses the layer", _PACK_AGAIN),
    "path-unsafe": _error("unpacking it would write outside the directory, so clients refuse it", _RENAME),
    "path-duplicate": _error("one file would overwrite the other", "rename one of the two, and pack it again"),
    "file-metadata": _error("RamaLama and others refuse a layer whose metadata they cannot read", _PACK_AGAIN),
    "file-size": _error("a client that allocates or checks by this size fails", _PACK_AGAIN),
    "file-type": _error("a bare layer is a regular file; clients refuse or misread anything else", _PACK_AGAIN),
    "layer-size": _warning(
        "GHCR refuses layers over 10 GB, and uploads that take longer than 10 minutes",
        "split the weights into shards, or use a registry without this limit",
    ),
    "weights-compressed": _warning(
        "weights hardly shrink, and runtimes cannot read them in place", "pack it with --compression none"
    ),
    "license": _warning("tools that check licenses know SPDX expressions only", "write an SPDX expression"),
    # of a ModelPack
    "artifact-type": _error(
        "Docker Model Runner, Harbor and others tell a ModelPack by it",
        _CONVERT,
    ),
    "config-type": _error("clients tell a ModelPack by it", _CONVERT),
    "config-schema": _error("the specification forbids it, and strict readers refuse it", _CONVERT),
    "config-empty": _warning("nobody can tell what the model is without its files", "pack it with Orchard"),
    "layers-none": _error("the schema wants at least one layer", "add a README to the Kitfile"),
    "diff-ids": _error("layers and their digests are told by their order", _PACK_AGAIN),
    "untested": _error("RamaLama refuses other words than true and false", _PACK_AGAIN),
    "format-missing": _warning(
        "Docker Model Runner guesses it from the name of the file", "set model.format in the Kitfile"
    ),
    "filepath-missing": _warning(
        "modctl, Docker Model Runner and the CSI driver skip such a layer", "pack it with Orchard"
    ),
    "title-missing": _warning("oras, Podman and CRI-O name the file by its title", "pack it with Orchard"),
    "weights-bundled": _warning("runtimes want one file of weights in a layer", "orchard convert it with --explode"),
    "precision": _warning("clients know the words of the specification only", "use its words, as in float16,bfloat16"),
    "param-size": _warning(
        "the specification wants a number with at most one decimal and one of k, m, b, t, q", "write it as in 7.2b"
    ),
    "kitfile-stale": _warning(
        "Orchard and kit do not use the Kitfile of the annotation, because it names other layers", _PACK_AGAIN
    ),
    # of a ModelKit, and of a Kitfile
    "kitfile": _error("nobody can tell what the version holds", "correct the Kitfile, and pack it again"),
    "kitfile-rule": _error("kit refuses such a Kitfile", "correct the Kitfile, and pack it again"),
    "entry-missing": _error("layers and entries of the Kitfile do not fit together", _PACK_AGAIN),
    "artifact-type-missing": _warning(
        "registries show a kit without it as an image; kit 1.7 writes none", "pack it with Orchard, or a newer kit"
    ),
    "entry-digest": _warning(
        "an old kit packed it: which layer belongs to which entry is told by their order", _PACK_AGAIN
    ),
    # of a directory
    "files": _error("it cannot be packed", "correct the Kitfile or .kitignore, or put the file there"),
}
