"""Understanding files by their headers: what it costs, whatever they weigh. ``make bench ONLY=insights``."""

import json
import time
from collections.abc import Callable
from pathlib import Path

from orchard.insight import Conclusion, InMemory, Insight, OnDisk, conclude, examine
from orchard.insight.picklewalk import MAX_STEPS

GIB = 1 << 30
SHARDS = 4
LAYERS = 32
WIDTH = 4096


def rows(root: Path) -> None:
    """Measure and print."""
    shards = kit(root / "kit", 10 * GIB)
    vocabulary, many = InMemory(gguf(150_000)), InMemory(_header(100_000, 8))
    tokenizer, pickle = InMemory(_tokenizer()), InMemory(_pickle())
    print(f"\n{'understanding':<52}{'CPU ms':>9}   target")
    for name, work, target in (
        ("a 10 GiB safetensors kit in 4 shards", lambda: _understand(shards), "<= 2000"),
        ("the same, kept and read again", lambda: _again(shards), ""),
        ("GGUF, 150,000 tokens and merges", lambda: examine("m.gguf", vocabulary), "<= 200"),
        ("safetensors, 100,000 tensors", lambda: examine("m.safetensors", many), ""),
        ("tokenizer.json, 150,000 tokens and merges", lambda: examine("tokenizer.json", tokenizer), ""),
        (f"a pickle of {MAX_STEPS:,} operations", lambda: examine("m.pkl", pickle), ""),
    ):
        print(f"{name:<52}{_least(work) * 1000:>9.0f}   {target}", flush=True)


def kit(root: Path, size: int) -> Path:
    """Write a Llama of a size, sparse: nothing but its headers is on the disk."""
    root.mkdir(parents=True)
    weight_map: dict[str, str] = {}
    for shard in range(1, SHARDS + 1):
        name = f"model-{shard:05}-of-{SHARDS:05}.safetensors"
        count = LAYERS * 9 // SHARDS
        each = size // SHARDS // count // 2 * 2
        header = _header(count, each, first=(shard - 1) * count)
        with (root / name).open("wb") as file:
            file.write(header)
            file.truncate(len(header) + count * each)
        weight_map.update({f"model.layers.{(shard - 1) * count + n}.weight": name for n in range(count)})
    (root / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": weight_map}))
    config = {
        "model_type": "llama",
        "architectures": ["LlamaForCausalLM"],
        "num_hidden_layers": LAYERS,
        "hidden_size": WIDTH,
        "num_attention_heads": 32,
        "max_position_embeddings": 8192,
    }
    (root / "config.json").write_text(json.dumps(config))
    (root / "tokenizer.json").write_bytes(_tokenizer())
    return root


def _understand(kit: Path) -> Conclusion:
    found: dict[str, Insight] = {}
    for path in sorted(kit.iterdir()):
        with OnDisk(path) as source:
            insight = examine(path.name, source)
        if insight is not None:
            found[path.name] = insight
    concluded = conclude(found)
    assert not concluded.unreadable
    assert not concluded.models[0].missing
    return concluded


def _again(kit: Path) -> object:
    from msgspec.json import decode, encode  # noqa: PLC0415 -- as whoever keeps insights does

    found = {}
    for path in sorted(kit.iterdir()):
        with OnDisk(path) as source:
            found[path.name] = decode(encode(examine(path.name, source)), type=Insight)
    return conclude(found)


def _header(count: int, each: int, *, first: int = 0) -> bytes:
    entries = {
        f"model.layers.{first + number}.weight": {
            "dtype": "BF16",
            "shape": [each // 2],
            "data_offsets": [number * each, (number + 1) * each],
        }
        for number in range(count)
    }
    raw = json.dumps(entries).encode()
    return len(raw).to_bytes(8, "little") + raw + (bytes(count * each) if each < WIDTH else b"")


def gguf(tokens: int) -> bytes:
    """Make a GGUF file that holds a vocabulary and no tensor."""

    def text(value: bytes) -> bytes:
        return len(value).to_bytes(8, "little") + value

    def array(key: bytes, words: list[bytes]) -> bytes:
        head = text(key) + (9).to_bytes(4, "little") + (8).to_bytes(4, "little") + len(words).to_bytes(8, "little")
        return head + b"".join(map(text, words))

    keys = array(b"tokenizer.ggml.tokens", [b"token%d" % n for n in range(tokens)])
    keys += array(b"tokenizer.ggml.merges", [b"to ken%d" % n for n in range(tokens)])
    return b"GGUF" + b"\3\0\0\0" + bytes(8) + (2).to_bytes(8, "little") + keys + bytes(32)


def _tokenizer(tokens: int = 150_000) -> bytes:
    vocabulary = {f"token{number}": number for number in range(tokens)}
    merges = [f"to ken{number}" for number in range(tokens)]
    return json.dumps({"model": {"type": "BPE", "vocab": vocabulary, "merges": merges}}).encode()


def _pickle() -> bytes:
    return b"\x80\x02cos\nsystem\n" + b"N0" * (MAX_STEPS // 2) + b"."


def _least(work: Callable[[], object]) -> float:
    costs = []
    for _ in range(3):
        began = time.process_time()
        work()
        costs.append(time.process_time() - began)
    return min(costs)
