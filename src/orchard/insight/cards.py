"""Model cards: the front matter of a README, as Hugging Face defines it.

The YAML itself is read by whoever asks, because this room knows no YAML.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Final

from orchard.insight.documents import CardInsight, Measured
from orchard.insight.plain import MAX_ITEMS, items, mapping, number, text, texts
from orchard.oci import JSON

MAX_CARD: Final = 256 << 10  # bytes of a README that anybody looks at
_HEADING: Final = re.compile(r"^\#{1,2}[ \t]+(\S[^\n]{0,500})", re.MULTILINE)
_FENCED: Final = re.compile(r"\A---\r?\n.*?\n---[^\n]*\n", re.DOTALL)


def card_of(raw: bytes, front: Mapping[str, JSON]) -> CardInsight | None:
    """Keep what a README says of its model; ``None`` if it says nothing.

    Args:
        raw: The README.
        front: What its front matter says.
    """
    heading = _HEADING.search(_FENCED.sub("", raw.decode("utf-8", "replace").removeprefix("\ufeff"), count=1))
    found = CardInsight(
        license=texts(front.get("license")),
        base_models=texts(front.get("base_model")),
        datasets=texts(front.get("datasets")),
        tags=texts(front.get("tags")),
        languages=texts(front.get("language")),
        task=text(front.get("pipeline_tag")),
        library=text(front.get("library_name")),
        title=heading[1].strip().rstrip("#").strip() if heading else "",
        metrics=tuple(_measured(front.get("model-index")))[:MAX_ITEMS],
    )
    return found if found != CardInsight() else None


def _measured(index: JSON) -> Iterator[Measured]:
    for model in items(index)[:MAX_ITEMS]:
        for result in items(mapping(model).get("results"))[:MAX_ITEMS]:
            yield from _of_result(mapping(result))


def _of_result(result: Mapping[str, JSON]) -> Iterator[Measured]:
    for metric in map(mapping, items(result.get("metrics"))[:MAX_ITEMS]):
        value = number(metric.get("value"))
        measured = text(metric.get("value")) if value is None else value
        name = text(metric.get("type")) or text(metric.get("name"))
        if name and measured != "":
            yield Measured(
                name=name,
                value=measured,
                task=_named(result.get("task")),
                dataset=_named(result.get("dataset")),
            )


def _named(value: JSON) -> str:
    return text(mapping(value).get("name")) or text(mapping(value).get("type"))
