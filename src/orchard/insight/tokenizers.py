"""What turns text into tokens: ``tokenizer.json``, ``tokenizer_config.json``. A vocabulary is counted, not kept."""

from collections.abc import Mapping
from typing import Final, TypeVar

import msgspec

from orchard.errors import InvalidDocumentError, LimitExceededError
from orchard.insight.documents import TokenizerConfigInsight, TokenizerInsight
from orchard.insight.plain import MAX_ITEMS, count, items, mapping, text
from orchard.oci import JSON

MAX_TOKENIZER: Final = 64 << 20  # bytes; the largest have some 35 MB
MAX_TEMPLATE: Final = 256 << 10  # characters
MAX_TOKENS: Final = 1_000_000  # commas of a vocabulary, each may cost 200 bytes of memory; the largest have 500,000
MAX_MERGES: Final = 2_000_000  # commas of merges; where there are more, they are not counted
_MAX_ADDED: Final = 1_000_000  # commas of added tokens, of which each has six
_LONGEST: Final = 10**9  # tokens; where nothing limits the length, Transformers write 10^30
_T = TypeVar("_T")


class _Model(msgspec.Struct):
    type: str | None = None
    vocab: msgspec.Raw = msgspec.Raw()
    merges: msgspec.Raw = msgspec.Raw()


class _Added(msgspec.Struct):
    content: str = ""
    special: bool = False


class _Named(msgspec.Struct):
    type: str | None = None


class _Tokenizer(msgspec.Struct):
    model: _Model = msgspec.field(default_factory=_Model)
    added_tokens: msgspec.Raw = msgspec.Raw()
    normalizer: _Named | None = None
    pre_tokenizer: _Named | None = None


def tokenizer_of(raw: bytes, *, what: str) -> TokenizerInsight:
    """Keep what a ``tokenizer.json`` says.

    Raises:
        InvalidDocumentError: If it is none.
        LimitExceededError: If it knows more than anybody's.
    """
    said = _decoded(raw, _Tokenizer, what)
    added = _decoded(_bounded(said.added_tokens, _MAX_ADDED, what) or b"[]", list[_Added], what)
    known = _vocabulary(_bounded(said.model.vocab, MAX_TOKENS, what), what)
    known.update(token.content for token in added)
    merges = bytes(said.model.merges)
    return TokenizerInsight(
        type=(said.model.type or _guess(said.model))[:64],
        vocabulary=len(known),
        merges=_count(merges, what),
        added=len(added),
        special=tuple(token.content[:200] for token in added if token.special)[:MAX_ITEMS],
        normalizer=_type(said.normalizer),
        pre_tokenizer=_type(said.pre_tokenizer),
    )


def tokenizer_config_of(value: JSON) -> TokenizerConfigInsight:
    """Keep what a ``tokenizer_config.json`` says."""
    said = mapping(value)
    templates = _templates(said.get("chat_template"))
    length = count(said.get("model_max_length"))
    return TokenizerConfigInsight(
        type=text(said.get("tokenizer_class")),
        context_length=length if length and length < _LONGEST else None,
        special=_special(said),
        chat_template=templates.get("default", next(iter(templates.values()), None)),
        templates=tuple(name for name in templates if name),
    )


def _type(part: _Named | None) -> str:
    return ((part.type if part else "") or "")[:64]


def _guess(model: _Model) -> str:
    return "BPE" if bytes(model.merges) else ""


def _bounded(raw: msgspec.Raw, limit: int, what: str) -> bytes:
    """Give a part of the document; empty where there is none.

    Raises:
        LimitExceededError: If it has too many items.
    """
    part = bytes(raw)
    if part.count(b",") > limit:
        raise LimitExceededError(f"{what}: a vocabulary of more than {limit} items")
    return b"" if part == b"null" else part


def _count(merges: bytes, what: str) -> int | None:
    if not merges or merges == b"null" or merges.count(b",") > MAX_MERGES:
        return None
    return len(_decoded(merges, list[msgspec.Raw], what))


def _vocabulary(raw: bytes, what: str) -> set[str]:
    if raw.startswith(b"["):  # Unigram: pairs of token and score
        return {token for token, _score in _decoded(raw, list[tuple[str, float]], what)}
    return set(_decoded(raw, dict[str, int], what)) if raw else set()


def _decoded(raw: bytes, kind: type[_T], what: str) -> _T:
    """Decode a part of the document.

    Raises:
        InvalidDocumentError: If it is not what it must be.
        LimitExceededError: If it is nested too deeply.
    """
    try:
        return msgspec.json.decode(raw, type=kind)
    except RecursionError as error:
        raise LimitExceededError(f"{what}: nested too deeply") from error
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise InvalidDocumentError(f"{what}: not a tokenizer: {str(error)[:200]}") from error


def _templates(value: JSON) -> dict[str, str]:
    """Give chat templates by their names; the only one has none."""
    if isinstance(value, str):
        return {"": value[:MAX_TEMPLATE]}
    pairs = ((text(mapping(item).get("name"), 200), mapping(item).get("template")) for item in items(value)[:MAX_ITEMS])
    return {name: template[:MAX_TEMPLATE] for name, template in pairs if name and isinstance(template, str)}


def _special(said: Mapping[str, JSON]) -> dict[str, str]:
    found: dict[str, str] = {}
    for key, value in said.items():
        token = text(value, 200) or text(mapping(value).get("content"), 200)
        if key.endswith("_token") and token and len(found) < MAX_ITEMS:
            found[key[:200]] = token
    return found
