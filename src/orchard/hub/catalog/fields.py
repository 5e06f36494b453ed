"""What can be asked of versions: the fields of queries, how their values are written, and what they mean."""

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum
from types import MappingProxyType
from typing import Final


class Kind(StrEnum):
    """What the values of a field are.

    Attributes:
        TEXT: Texts; capitals do not matter.
        NUMBER: Numbers.
        SIZE: Bytes.
        TIME: Moments.
        ANY: Texts or numbers, from version to version.
    """

    TEXT = "text"
    NUMBER = "number"
    SIZE = "size"
    TIME = "time"
    ANY = "any"


class Place(StrEnum):
    """Where the values of a field are.

    Attributes:
        FACT: Among the facts, below the field's name.
        LIVE: In columns of their own, up to date at every moment.
        WORDS: Among the words of the full text.
    """

    FACT = "fact"
    LIVE = "live"
    WORDS = "words"


@dataclass(frozen=True, slots=True)
class Field:
    """One field.

    Attributes:
        name: As people write it; of a family such as ``metric.``, what all its names begin with.
        about: What it holds, for people.
        examples: Terms that use it.
        aliases: Other names of it.
        cased: Whether capitals matter.
        begins: Whether a value may be cut short.
    """

    name: str
    kind: Kind
    about: str
    examples: tuple[str, ...]
    place: Place = Place.FACT
    aliases: tuple[str, ...] = ()
    cased: bool = False
    begins: bool = False

    @property
    def is_family(self) -> bool:
        """Whether it stands for all fields whose names begin so."""
        return self.name.endswith(".")


_TEXT, _NUMBER, _SIZE, _TIME, _ANY = Kind.TEXT, Kind.NUMBER, Kind.SIZE, Kind.TIME, Kind.ANY
_LIVE, _WORDS = Place.LIVE, Place.WORDS

FIELDS: Final = (
    Field("repo", _TEXT, "Name of the repository.", ("repo:team/model", "repo:team/*"), _LIVE, ("repository",)),
    Field("namespace", _TEXT, "First component of the repository's name.", ("namespace:team",), _LIVE, ("ns",)),
    Field(
        "tag", _TEXT, "A tag that points to the version; capitals matter.", ("tag:prod", "tag:v1.*"), _LIVE, cased=True
    ),
    Field("is", _TEXT, "What holds for the version: `tagged`.", ("is:tagged", "-is:tagged"), _LIVE),
    Field("digest", _TEXT, "Digest of the version, or how it begins.", ("digest:sha256:4f1c",), _LIVE, begins=True),
    Field("kind", _TEXT, "ModelKit, ModelPack, Docker model, image, index, artifact.", ("kind:modelkit",), _LIVE),
    Field("pushed", _TIME, "When it came: a date, or an age.", ("pushed>=2026-01-01", "pushed<7d"), _LIVE),
    Field("by", _TEXT, "Who pushed it.", ("by:ana",), _LIVE, ("pushed_by", "user")),
    Field("pulls", _NUMBER, "How often it was pulled.", ("pulls>100", "pulls:0"), _LIVE, ("downloads",)),
    Field("size", _SIZE, "Bytes of all that it names.", ("size<4GiB", "size>=500MB"), _LIVE),
    Field("name", _TEXT, "What the version calls the model.", ("name:digits", "name:llama*")),
    Field("version", _TEXT, "What it calls itself.", ("version:1.2.0", "version:2.*")),
    Field("description", _TEXT, "Words in what it says about itself.", ("description:translation",), _WORDS),
    Field("card", _TEXT, "Words in its card (README).", ('card:"intended use"',), _WORDS, ("readme",)),
    Field("license", _TEXT, "Its licence, an SPDX identifier.", ("license:apache-2.0,mit",), aliases=("licence",)),
    Field("framework", _TEXT, "Framework of the model.", ("framework:pytorch",)),
    Field("author", _TEXT, "Who made it; there may be several.", ('author:"Ana Lima"',), aliases=("authors",)),
    Field("format", _TEXT, "Format of the model's weights.", ("format:gguf,safetensors",)),
    Field("architecture", _TEXT, "What the model is built as.", ("architecture:llama*",), aliases=("arch",)),
    Field("family", _TEXT, "Family of models that it belongs to.", ("family:llama",)),
    Field("precision", _TEXT, "Types of its numbers; there may be several.", ("precision:bf16",), aliases=("dtype",)),
    Field("quantization", _TEXT, "How its weights are quantised.", ("quantization:q4_k_m",), aliases=("quant",)),
    Field("params", _NUMBER, "Parameters of the model.", ("params>7e9", "params:7B..13B"), aliases=("parameters",)),
    Field("context", _NUMBER, "Tokens of context that it takes.", ("context>=32k",)),
    Field("vocabulary", _NUMBER, "Tokens that it knows.", ("vocabulary>100k",), aliases=("vocab",)),
    Field("base_model", _TEXT, "What it was made from; there may be several.", ("base_model:*llama-3*",)),
    Field("lora.rank", _NUMBER, "Rank of an adapter.", ("lora.rank:16",)),
    Field("dataset", _TEXT, "Name of a dataset; there may be several.", ('dataset:"digits"',), aliases=("datasets",)),
    Field("size.new", _SIZE, "Bytes that the version before did not have.", ("size.new>1GiB",)),
    Field("files", _NUMBER, "Files in it.", ("files>1000",)),
    Field("git.remote", _TEXT, "Git repository that it was packed from.", ("git.remote:*team/project*",)),
    Field(
        "git.commit", _TEXT, "Commit that it was packed from, or how it begins.", ("git.commit:4f1c2d",), begins=True
    ),
    Field("git.branch", _TEXT, "Branch that it was packed from.", ("git.branch:main",)),
    Field("git.dirty", _ANY, "Whether files differed from the commit.", ("git.dirty:true",)),
    Field("metric.", _ANY, "A measured result.", ("metric.accuracy>=0.95", "metric.accuracy:*"), aliases=("metrics.",)),
    Field("param.", _ANY, "A parameter that it was made with.", ("param.lr<=2e-5", "param.optimizer:adamw")),
    Field("dataset.", _ANY, "A dataset's `digest`, `size`, `rows` or `source`.", ("dataset.train.rows>=1M",)),
)
_NAMES: Final[Mapping[str, Field]] = MappingProxyType({field.name: field for field in FIELDS if not field.is_family})
_ALIASES: Final[Mapping[str, Field]] = MappingProxyType(
    {alias: field for field in FIELDS for alias in field.aliases if not field.is_family}
)
_FAMILIES: Final[Mapping[str, Field]] = MappingProxyType(
    {begin: field for field in FIELDS if field.is_family for begin in (field.name, *field.aliases)}
)
STATES: Final = ("tagged",)
# What people write for values that are kept under longer names.
_SPELT: Final[Mapping[str, Mapping[str, str]]] = MappingProxyType(
    {
        "precision": {
            "bf16": "bfloat16",
            "fp16": "float16",
            "f16": "float16",
            "half": "float16",
            "fp32": "float32",
            "f32": "float32",
            "fp64": "float64",
            "f64": "float64",
        }
    }
)


def find(written: str) -> tuple[str, Field] | None:
    """Find a field by any of its names; give the name by which its values are kept, too."""
    folded = written.lower()
    field = _NAMES.get(folded) or _ALIASES.get(folded)
    if field is not None:
        return field.name, field
    begin, dot, rest = written.partition(".")
    family = _FAMILIES.get(f"{begin.lower()}.") if dot and rest else None
    return None if family is None else (family.name + rest, family)


def spelt(key: str, value: str) -> str:
    """Give the value of a field that somebody means."""
    return _SPELT.get(key, {}).get(value, value)


def like(written: str) -> str | None:
    """Guess which field was meant by a name that is none."""
    close = get_close_matches(written.lower(), (*_NAMES, *_ALIASES), n=1, cutoff=0.7)
    return close[0] if close else None
