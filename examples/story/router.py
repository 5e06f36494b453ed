"""A classifier of support tickets through five versions: the project that the table of versions is for."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from re import findall
from typing import Final

from story.papers import card, kitfile, notebook, per_desk, prompt
from story.publishing import Files, Project, Release
from story.runs import RUNS, Run
from story.tickets import LABELS, Ticket, as_csv, tickets
from story.weights import Tensor, safetensors

_TEXTS: Final = Path(__file__).parent / "texts"
_VOCABULARY: Final = 2048
_WIDTH, _INNER, _POSITIONS = 96, 384, 512
_SPECIAL: Final = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
_REMOTE: Final = "https://git.lamps.example/support/ticket-router.git"


def _files(run: Run) -> Files:
    labels = LABELS[: run.labels]
    train = tickets(run.rows, labels=labels, german=run.german, guessed=run.guessed)
    test = tickets(120, labels=labels, german=run.german, first=-1000)
    made: dict[str, str | bytes] = {
        "Kitfile": kitfile(run),
        "README.md": card(run, labels),
        "LICENSE": "The model and the code belong to the shop; the tickets may not leave it. Ask ana@lamps.example.\n",
        "metrics.json": json.dumps({**run.metrics, "per_desk": per_desk(run, labels)}, indent=2) + "\n",
        "data/train.csv": as_csv(train),
        "data/test.csv": as_csv(test),
        "model/config.json": json.dumps(_config(run, labels), indent=2) + "\n",
        "model/model.safetensors": safetensors(_tensors(run), {"format": "pt"}),
        "notebooks/errors.ipynb": notebook(run, test),
        **_code(run, labels),
    }
    if run.layers:
        made["model/tokenizer.json"] = _tokenizer(train)
        made["prompts/escalation.system.md"] = prompt(run)
    return made


def _code(run: Run, labels: Sequence[str]) -> Mapping[str, str]:
    if not run.layers:
        return {
            "src/train.py": (_TEXTS / "train-baseline.py").read_text(),
            "src/features.py": (_TEXTS / "features.py").read_text(),
            "requirements.txt": "safetensors==0.7.0\ntorch==2.9.1\n",
        }
    script = (_TEXTS / "train.py").read_text()
    swaps = {
        '"account", "technical"]': ", ".join(f'"{label}"' for label in labels[3:]) + "]",
        "LEARNING_RATE = 5e-4": f"LEARNING_RATE = {run.training['learning_rate']:g}",
        "EPOCHS = 8": f"EPOCHS = {run.training['epochs']}",
        "BATCH_SIZE = 32": f"BATCH_SIZE = {run.training['batch_size']}",
        "MAX_LENGTH = 96": f"MAX_LENGTH = {run.training['max_length']}",
        "LAYERS = 3": f"LAYERS = {run.layers}",
    }
    if run.dtype == "BF16":
        swaps["        report_to=[],\n"] = "        warmup_ratio=0.1,\n        bf16=True,\n        report_to=[],\n"
    for old, new in swaps.items():
        script = script.replace(old, new)
    return {
        "src/train.py": script,
        "src/serve.py": (_TEXTS / "serve.py").read_text(),
        "requirements.txt": "safetensors==0.7.0\ntorch==2.9.1\ntransformers==4.57.3\n",
    }


def _config(run: Run, labels: Sequence[str]) -> Mapping[str, object]:
    names = {str(number): label for number, label in enumerate(labels)}
    if not run.layers:
        return {"architectures": ["EmbeddingBagClassifier"], "vocab_size": _VOCABULARY, "dim": 64, "id2label": names}
    return {
        "architectures": ["DistilBertForSequenceClassification"],
        "model_type": "distilbert",
        "dim": _WIDTH,
        "hidden_dim": _INNER,
        "n_layers": run.layers,
        "n_heads": 4,
        "max_position_embeddings": _POSITIONS,
        "vocab_size": _VOCABULARY,
        "dropout": 0.1,
        "torch_dtype": "bfloat16" if run.dtype == "BF16" else "float32",
        "id2label": names,
        "label2id": {label: number for number, label in enumerate(labels)},
    }


def _tensors(run: Run) -> list[Tensor]:
    if not run.layers:
        shapes: dict[str, tuple[int, ...]] = {
            "embedding.weight": (_VOCABULARY, 64),
            "classifier.weight": (run.labels, 64),
            "classifier.bias": (run.labels,),
        }
    else:
        shapes = _encoder(run)
    return [Tensor(name, run.dtype, shape, _seed(name, run)) for name, shape in shapes.items()]


def _seed(name: str, run: Run) -> str:
    """Let positions stay as they were once learnt; everything else is trained each time."""
    return "frozen" if "position" in name else run.version


def _encoder(run: Run) -> dict[str, tuple[int, ...]]:
    root = "distilbert.embeddings"
    shapes: dict[str, tuple[int, ...]] = {
        f"{root}.word_embeddings.weight": (_VOCABULARY, _WIDTH),
        f"{root}.position_embeddings.weight": (_POSITIONS, _WIDTH),
        f"{root}.LayerNorm.weight": (_WIDTH,),
        f"{root}.LayerNorm.bias": (_WIDTH,),
    }
    square, vector = (_WIDTH, _WIDTH), (_WIDTH,)
    for number in range(run.layers):
        layer = f"distilbert.transformer.layer.{number}"
        for part in ("q_lin", "k_lin", "v_lin", "out_lin"):
            shapes |= {f"{layer}.attention.{part}.weight": square, f"{layer}.attention.{part}.bias": vector}
        shapes |= {f"{layer}.ffn.lin1.weight": (_INNER, _WIDTH), f"{layer}.ffn.lin1.bias": (_INNER,)}
        shapes |= {f"{layer}.ffn.lin2.weight": (_WIDTH, _INNER), f"{layer}.ffn.lin2.bias": vector}
        for part in ("sa_layer_norm", "output_layer_norm"):
            shapes |= {f"{layer}.{part}.weight": vector, f"{layer}.{part}.bias": vector}
    shapes |= {"pre_classifier.weight": square, "pre_classifier.bias": vector}
    return shapes | {"classifier.weight": (run.labels, _WIDTH), "classifier.bias": (run.labels,)}


def _tokenizer(train: Sequence[Ticket]) -> str:
    """Write a tokenizer of the words that the tickets have, the most frequent first."""
    counted = Counter(word for row in train for word in findall(r"\w+|[^\w\s]", row.text.lower()))
    words = [*_SPECIAL, *(word for word, _ in sorted(counted.items(), key=lambda one: (-one[1], one[0])))][:_VOCABULARY]
    words += [f"[unused{number}]" for number in range(_VOCABULARY - len(words))]
    return json.dumps(
        {
            "version": "1.0",
            "added_tokens": [{"id": number, "content": word, "special": True} for number, word in enumerate(_SPECIAL)],
            "normalizer": {"type": "BertNormalizer", "lowercase": True},
            "pre_tokenizer": {"type": "BertPreTokenizer"},
            "model": {
                "type": "WordPiece",
                "unk_token": "[UNK]",
                "continuing_subword_prefix": "##",
                "vocab": {word: number for number, word in enumerate(words)},
            },
        },
        ensure_ascii=False,
    )


_FIRST, _SECOND, _THIRD, _FOURTH, _FIFTH = RUNS

ROUTER: Final = Project(
    "support/ticket-router",
    _REMOTE,
    (
        Release(("v1", "latest"), "ana", "2026-03-02T10:12:00Z", "A baseline to beat", lambda: _files(_FIRST)),
        Release(
            ("v2", "latest", "staging"),
            "ana",
            "2026-04-13T15:40:00Z",
            "A small encoder beats the baseline by ten points",
            lambda: _files(_SECOND),
            promoted="prod",
        ),
        Release(
            ("v3", "latest", "staging"),
            "ben",
            "2026-06-01T09:05:00Z",
            "Cancellations get a desk; German tickets are read",
            lambda: _files(_THIRD),
            promoted="prod",
        ),
        Release(
            ("v4", "latest", "staging"),
            "mei",
            "2026-07-20T17:55:00Z",
            "Try the tickets that the old rules labelled",
            lambda: _files(_FOURTH),
            uncommitted={"requirements.txt": "safetensors==0.7.0\ntorch==2.10.0\ntransformers==4.57.3\n"},
        ),
        Release(
            ("v5", "latest", "staging"),
            "ana",
            "2026-09-07T11:20:00Z",
            "Labels looked through by people; half the bytes",
            lambda: _files(_FIFTH),
        ),
    ),
)
