"""A language model of a few kilobytes that llama.cpp really runs; what it says makes no sense."""

import struct
from pathlib import Path

import numpy as np
from gguf import GGUFWriter, TokenType

PIECES = [
    *("<unk>", "<s>", "</s>"),
    *(f"<0x{byte:02X}>" for byte in range(256)),
    *("\u2581", *"abcdefghijklmnopqrstuvwxyz", "\u2581the", "\u2581a", "\u2581of", "er", "in", "on"),
]
KINDS = [TokenType.UNKNOWN, TokenType.CONTROL, TokenType.CONTROL, *[TokenType.BYTE] * 256]
TEMPLATE = "{% for m in messages %}{{ m['role'] }}: {{ m['content'] }}\n{% endfor %}assistant:"


def make_gguf(path: Path, *, layers: int = 2, width: int = 32, heads: int = 2, context: int = 256) -> Path:
    """Write a random Llama."""
    path.parent.mkdir(parents=True, exist_ok=True)
    writer = GGUFWriter(path, "llama")
    writer.add_name("tiny")
    writer.add_context_length(context)
    writer.add_embedding_length(width)
    writer.add_block_count(layers)
    writer.add_feed_forward_length(2 * width)
    writer.add_head_count(heads)
    writer.add_head_count_kv(heads)
    writer.add_rope_dimension_count(width // heads)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_vocab_size(len(PIECES))
    writer.add_tokenizer_model("llama")
    writer.add_token_list(PIECES)
    writer.add_token_scores([-float(number) for number in range(len(PIECES))])
    writer.add_token_types(KINDS + [TokenType.NORMAL] * (len(PIECES) - len(KINDS)))
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_unk_token_id(0)
    writer.add_chat_template(TEMPLATE)
    _add_tensors(writer, layers, width)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def make_broken_gguf(path: Path) -> Path:
    """Write a file that begins like a model and holds nonsense."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"GGUF" + struct.pack("<IQQ", 3, 1 << 40, 1 << 40) + bytes(64))
    return path


def _add_tensors(writer: GGUFWriter, layers: int, width: int) -> None:
    random = np.random.default_rng(7)
    shapes = {
        "attn_q": (width, width),
        "attn_k": (width, width),
        "attn_v": (width, width),
        "attn_output": (width, width),
        "ffn_gate": (2 * width, width),
        "ffn_up": (2 * width, width),
        "ffn_down": (width, 2 * width),
    }
    for name in ("token_embd", "output"):
        writer.add_tensor(f"{name}.weight", _noise(random, (len(PIECES), width)))
    writer.add_tensor("output_norm.weight", np.ones(width, np.float32))
    for layer in range(layers):
        for name in ("attn_norm", "ffn_norm"):
            writer.add_tensor(f"blk.{layer}.{name}.weight", np.ones(width, np.float32))
        for name, shape in shapes.items():
            writer.add_tensor(f"blk.{layer}.{name}.weight", _noise(random, shape))


def _noise(random: np.random.Generator, shape: tuple[int, int]) -> "np.ndarray[tuple[int, int], np.dtype[np.float32]]":
    return (random.standard_normal(shape) * 0.1).astype(np.float32)
