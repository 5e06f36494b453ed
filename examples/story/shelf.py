"""What stands beside the router: the tickets themselves, an adapter that drafts answers, and a student of it."""

import json
from collections import Counter
from collections.abc import Mapping
from re import findall
from typing import Final

from story.publishing import Files, Project, Release
from story.tickets import LABELS, as_csv, as_dialogues, tickets
from story.weights import Tensor, gguf, safetensors

_BASE: Final = "Qwen/Qwen3-0.6B"
_TEMPLATE: Final = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
_TONE: Final = """You draft answers for the support desk of a shop that sells lamps and shelves.

Write two or three sentences, warm and plain. Say what happens next and by when. Do not promise money, do not blame the
courier, and never repeat an order number that the customer did not give.
"""


# ---- a kit that holds data only --------------------------------------------------------------------------------------


def _tickets(quarter: str, rows: int, note: str) -> Files:
    labels = LABELS if rows > 620 else LABELS[:5]  # noqa: PLR2004 -- from then on cancellations have a desk
    made = tickets(rows, labels=labels, german=len(labels) > 5)  # noqa: PLR2004 -- as above
    desks = Counter(row.label for row in made)
    share = "".join(f"| {label} | {count:,} |\n" for label, count in sorted(desks.items(), key=lambda one: -one[1]))
    return {
        "Kitfile": f"""manifestVersion: "1.0.0"
package:
  name: tickets
  version: {quarter}
  description: Support tickets with the desk that each belongs to, and answers that people liked.
  license: LicenseRef-Internal
  authors: [Mei Lin]
datasets:
  - name: tickets
    path: data/tickets.csv
    description: {rows:,} tickets, each labelled by a person.
    license: LicenseRef-Internal
  - name: dialogues
    path: data/dialogues.jsonl
    description: {rows // 2:,} of them with an answer, as chat messages.
    license: LicenseRef-Internal
docs:
  - path: README.md
    description: The data card.
  - path: guide.md
    description: How people label.
""",
        "README.md": f"""---
license: other
language:
  - en
task_categories:
  - text-classification
pretty_name: Support tickets {quarter}
---

# Support tickets, {quarter}

{rows:,} tickets as they came in by mail, form and chat. {note} Names, addresses and order numbers are invented; the
sentences are what people write.

| desk | tickets |
|---|---|
{share}
`labelled_by` says who decided. Two people label every tenth ticket; they agree on 94 of 100.
""",
        "guide.md": """# How we label

1. One ticket, one desk: the one that has to act first.
2. Money that should come back because something is *returned* is **returns**; any other money is **billing**.
3. A lamp that flickers is **technical** until the customer says that they want to give it back.
4. If you had to read it three times, ask in the channel before you choose.
""",
        "data/tickets.csv": as_csv(made),
        "data/dialogues.jsonl": as_dialogues(made[::2]),
    }


# ---- an adapter for somebody else's model ----------------------------------------------------------------------------


def _adapter(version: str, rank: int, *, rows: int, measured: Mapping[str, float]) -> Files:
    tensors = []
    for layer in range(28):
        for part, wide in (("q_proj", 2048), ("v_proj", 1024)):
            name = f"base_model.model.model.layers.{layer}.self_attn.{part}"
            tensors += [
                Tensor(f"{name}.lora_A.weight", "BF16", (rank, 1024), version),
                Tensor(f"{name}.lora_B.weight", "BF16", (wide, rank), version),
            ]
    metrics = "".join(f"      {key}: {value}\n" for key, value in measured.items())
    return {
        "Kitfile": f"""manifestVersion: "1.0.0"
package:
  name: reply-drafter-lora
  version: {version}
  description: Teaches Qwen3 0.6B to draft answers in the voice of our support desk.
  license: Apache-2.0
  authors: [Ben Okafor]
model:
  name: reply-drafter-lora
  path: model
  version: {version}
  framework: peft
  license: Apache-2.0
  description: A LoRA adapter of rank {rank} for {_BASE}.
  parameters:
    base_model: {_BASE}
    training:
      rank: {rank}
      alpha: {rank * 2}
      learning_rate: 0.0002
      epochs: 3
      max_length: 1024
    metrics:
{metrics}datasets:
  - name: dialogues
    path: data/dialogues.jsonl
    description: {rows:,} tickets with answers that people sent unchanged.
prompts:
  - name: tone
    path: prompts/tone.system.md
    description: How the desk speaks.
docs:
  - path: README.md
    description: The model card.
""",
        "README.md": f"""---
license: apache-2.0
base_model: {_BASE}
library_name: peft
pipeline_tag: text-generation
tags:
  - lora
  - support
---

# Reply drafter (LoRA)

An adapter of rank {rank} for [{_BASE}](https://huggingface.co/{_BASE}). It drafts the first answer to a ticket in the
voice of our support desk; a person reads, changes and sends it. {measured["sent_unchanged"]:.0%} of its drafts are sent
as they are.

Load it beside the base model with `peft.PeftModel.from_pretrained`, and put `prompts/tone.system.md` in front.
""",
        "model/adapter_config.json": json.dumps(
            {
                "base_model_name_or_path": _BASE,
                "peft_type": "LORA",
                "task_type": "CAUSAL_LM",
                "r": rank,
                "lora_alpha": rank * 2,
                "lora_dropout": 0.05,
                "bias": "none",
                "target_modules": ["q_proj", "v_proj"],
            },
            indent=2,
        )
        + "\n",
        "model/adapter_model.safetensors": safetensors(tensors, {"format": "pt"}),
        "data/dialogues.jsonl": as_dialogues(tickets(rows, labels=LABELS, german=True)),
        "prompts/tone.system.md": _TONE,
    }


# ---- a small language model for laptops ------------------------------------------------------------------------------


def _student(version: str, kind: str, measured: Mapping[str, float]) -> Files:
    metrics = "".join(f"      {key}: {value}\n" for key, value in measured.items())
    return {
        "Kitfile": f"""manifestVersion: "1.0.0"
package:
  name: reply-drafter-mini
  version: {version}
  description: Drafts short acknowledgements on a laptop, without a network.
  license: Apache-2.0
  authors: [Ben Okafor, Mei Lin]
model:
  name: reply-drafter-mini
  path: model/reply-drafter-mini.{kind}.gguf
  version: {version}
  framework: llama.cpp
  license: Apache-2.0
  description: A student of the reply drafter, quantised to {kind}.
  parameters:
    distilled_from: support/reply-drafter-lora:v2
    quantization: {kind}
    metrics:
{metrics}docs:
  - path: README.md
    description: The model card.
prompts:
  - name: tone
    path: prompts/tone.system.md
    description: How the desk speaks.
""",
        "README.md": f"""---
license: apache-2.0
base_model: {_BASE}
pipeline_tag: text-generation
tags:
  - gguf
  - support
---

# Reply drafter mini ({kind})

A student of four small layers that learnt from the reply drafter. It writes "thank you, we look into it, you hear from
us by noon" in the words of the ticket, on any laptop, in a tenth of a second. For everything longer use the adapter.
""",
        f"model/reply-drafter-mini.{kind}.gguf": _weights(kind),
        "prompts/tone.system.md": _TONE,
    }


def _weights(kind: str) -> bytes:
    width, inner, keys, words = 256, 768, 128, _words()
    matrix, head = ("Q8_0", "Q8_0") if kind == "Q8_0" else ("Q4_K", "Q6_K")
    shapes: dict[str, tuple[str, tuple[int, ...]]] = {
        "token_embd.weight": (head, (len(words), width)),
        "output_norm.weight": ("F32", (width,)),
    }
    for number in range(4):
        block = f"blk.{number}"
        for part, sides in (
            ("attn_q", (width, width)),
            ("attn_k", (keys, width)),
            ("attn_v", (keys, width)),
            ("attn_output", (width, width)),
            ("ffn_gate", (inner, width)),
            ("ffn_up", (inner, width)),
            ("ffn_down", (width, inner)),
        ):
            shapes[f"{block}.{part}.weight"] = (matrix, sides)
        shapes |= {f"{block}.{part}.weight": ("F32", (width,)) for part in ("attn_norm", "ffn_norm")}
    return gguf(
        [Tensor(name, dtype, shape, kind) for name, (dtype, shape) in shapes.items()],
        {
            "general.architecture": "qwen3",
            "general.name": "reply-drafter-mini",
            "general.license": "apache-2.0",
            "general.file_type": 7 if kind == "Q8_0" else 15,
            "qwen3.block_count": 4,
            "qwen3.context_length": 4096,
            "qwen3.embedding_length": width,
            "qwen3.feed_forward_length": inner,
            "qwen3.attention.head_count": 4,
            "qwen3.attention.head_count_kv": 2,
            "qwen3.attention.layer_norm_rms_epsilon": 1e-6,
            "qwen3.rope.freq_base": 1_000_000.0,
            "tokenizer.ggml.model": "gpt2",
            "tokenizer.ggml.pre": "qwen2",
            "tokenizer.ggml.tokens": words,
            "tokenizer.ggml.eos_token_id": 1,
            "tokenizer.ggml.add_bos_token": False,
            "tokenizer.chat_template": _TEMPLATE,
        },
    )


def _words() -> list[str]:
    """Give a vocabulary of 1,024: marks of chats, bytes, and the words of tickets."""
    text = " ".join(row.text for row in tickets(400, labels=LABELS, german=True))
    known = [
        "<|im_start|>",
        "<|im_end|>",
        *(f"<0x{number:02X}>" for number in range(256)),
        *sorted(set(findall(r"[^\W\d]+", text))),
    ]
    return [*known, *(f"<unused{number}>" for number in range(1024))][:1024]


TICKETS: Final = Project(
    "support/tickets",
    "https://git.lamps.example/support/tickets.git",
    (
        Release(
            ("2026-q1", "latest"),
            "mei",
            "2026-04-02T08:30:00Z",
            "Tickets of the first quarter",
            lambda: _tickets("2026.1", 620, "January to March."),
        ),
        Release(
            ("2026-q2", "latest"),
            "mei",
            "2026-07-02T08:45:00Z",
            "Second quarter; cancellations are told apart",
            lambda: _tickets("2026.2", 1400, "January to June, every sixth in German since April."),
        ),
    ),
)
STUDENT: Final = Project(
    "support/reply-drafter-mini",
    "https://git.lamps.example/support/reply-drafter.git",
    (
        Release(
            ("q8", "v1"),
            "ben",
            "2026-08-10T13:00:00Z",
            "A student for laptops",
            lambda: _student("0.1.0", "Q8_0", {"perplexity": 11.4, "tokens_per_second": 310}),
        ),
        Release(
            ("q4", "v2", "latest"),
            "ben",
            "2026-08-11T10:30:00Z",
            "Half the size, nearly as good",
            lambda: _student("0.2.0", "Q4_K_M", {"perplexity": 11.9, "tokens_per_second": 420}),
        ),
    ),
)
ADAPTER: Final = Project(
    "support/reply-drafter-lora",
    "https://git.lamps.example/support/reply-drafter.git",
    (
        Release(
            ("v1",),
            "ben",
            "2026-05-18T14:20:00Z",
            "Drafts in the voice of the desk",
            lambda: _adapter("0.1.0", 8, rows=300, measured={"eval_loss": 1.412, "sent_unchanged": 0.31}),
        ),
        Release(
            ("v2", "latest"),
            "ben",
            "2026-08-03T16:10:00Z",
            "Twice the rank, three times the dialogues",
            lambda: _adapter("0.2.0", 16, rows=900, measured={"eval_loss": 1.207, "sent_unchanged": 0.44}),
        ),
    ),
)
