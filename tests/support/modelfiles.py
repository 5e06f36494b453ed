"""Model files written by the libraries that everybody uses, and by hand where those would not write them."""

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from gguf import GGMLQuantizationType, GGUFEndian, GGUFWriter, LlamaFileType
from safetensors.numpy import save

VOCABULARY = 150_000


def safetensors_bytes(tensors: Mapping[str, np.ndarray], metadata: dict[str, str] | None = None) -> bytes:
    return save(dict(tensors), metadata=metadata)


def safetensors_by_hand(header: object, data: bytes = b"") -> bytes:
    raw = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(raw).to_bytes(8, "little") + raw + data


def write_gguf(path: Path, *, tokens: int = 8, endian: GGUFEndian = GGUFEndian.LITTLE) -> Path:
    """Write a small Llama with a vocabulary of any size."""
    writer = GGUFWriter(path, "llama", endianess=endian)
    writer.add_name("tiny")
    writer.add_context_length(2048)
    writer.add_embedding_length(64)
    writer.add_file_type(LlamaFileType.MOSTLY_Q4_K_M)
    writer.add_bool("tiny.flag", val=True)
    writer.add_float64("tiny.precise", 0.1)
    writer.add_array("tiny.few", [1, 2, 3])
    writer.add_array("tiny.words", ["one", "two"])
    writer.add_chat_template("{{ messages }}")
    writer.add_token_list([f"token {number}" for number in range(tokens)])
    writer.add_token_scores([float(number) for number in range(tokens)])
    writer.add_token_merges([f"to ken{number}" for number in range(tokens)])
    rows = np.arange(4 * 64, dtype=np.float32).reshape(4, 64)
    writer.add_tensor("token_embd.weight", rows)
    writer.add_tensor("output_norm.weight", np.ones(3, dtype=np.float16))
    packed = np.zeros((2, 144), dtype=np.uint8)
    writer.add_tensor("blk.0.attn_q.weight", packed, raw_dtype=GGMLQuantizationType.Q4_K)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path
