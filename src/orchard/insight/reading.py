"""Small files, read whole within bounds, by their names."""

from collections.abc import Callable, Mapping
from typing import Final

from orchard.insight.access import RandomAccess
from orchard.insight.configs import adapter_of, config_of, generation_of, pipeline_of, sentences_of
from orchard.insight.documents import TemplateInsight
from orchard.insight.images import IMAGES, read_image
from orchard.insight.insights import Insight
from orchard.insight.measures import metrics_of
from orchard.insight.notebooks import MAX_NOTEBOOK, notebook_of
from orchard.insight.plain import document, whole
from orchard.insight.shards import shards_of
from orchard.insight.tokenizers import MAX_TEMPLATE, MAX_TOKENIZER, tokenizer_config_of, tokenizer_of
from orchard.oci import JSON

MAX_DOCUMENT: Final = 16 << 20  # bytes of other JSON; the index of 100,000 tensors has 10 MB

_DOCUMENTS: Final[Mapping[str, Callable[[JSON], Insight | None]]] = {
    "config.json": config_of,
    "generation_config.json": generation_of,
    "adapter_config.json": adapter_of,
    "model_index.json": pipeline_of,
    "modules.json": sentences_of,
    "tokenizer_config.json": tokenizer_config_of,
    "metrics.json": metrics_of,
    "eval_results.json": metrics_of,
}


def read_document(name: str, source: RandomAccess, *, what: str) -> Insight | None:
    """Read a file that its name tells; ``None`` for others.

    Args:
        name: In lower case, without its directories.
        source: The file.
        what: How errors call it.

    Raises:
        InvalidDocumentError: If it is not what its name says.
        LimitExceededError: If it is larger, or says more, than any such file.
        OrchardError: If the source cannot be read.
    """
    if name.endswith(IMAGES):
        return read_image(source, what=what)
    if name.endswith(".ipynb"):
        return notebook_of(whole(source, MAX_NOTEBOOK, what=what), what=what)
    if name == "chat_template.jinja":
        raw = whole(source, 4 * MAX_TEMPLATE, what=what)
        return TemplateInsight(chat_template=raw.decode("utf-8", "replace")[:MAX_TEMPLATE])
    return _of_json(name, source, what)


def _of_json(name: str, source: RandomAccess, what: str) -> Insight | None:
    if name == "tokenizer.json":
        return tokenizer_of(whole(source, MAX_TOKENIZER, what=what), what=what)
    if name.endswith((".safetensors.index.json", ".bin.index.json")):
        return shards_of(document(whole(source, MAX_DOCUMENT, what=what), what=what), what=what)
    reader = _DOCUMENTS.get(name)
    return None if reader is None else reader(document(whole(source, MAX_DOCUMENT, what=what), what=what))
