"""How much memory a model needs to run for one user. An estimate, with the formula beside it."""

from collections.abc import Iterator, Mapping
from typing import Final

from orchard.insight.conclusion import MemoryEstimate, Need
from orchard.insight.weights import Shape

GIB: Final = 1 << 30
SIZES: Final = (8, 12, 16, 24, 48, 80)  # GiB of memory of graphics cards that people have
SHORT: Final = 8192  # tokens of a conversation or a document of some pages
_ABSURD: Final = 1 << 60  # bytes
_HALF: Final = 2  # bytes of a number of the cache
_SHARE: Final = 10  # percent of overhead
_RUNTIME: Final = 512 << 20  # bytes that a runtime takes on a graphics card, a small model less
# Bits of a parameter. Four bits are never alone: blocks of 32 share a 16-bit scale (ggml's Q4_0, bitsandbytes' NF4).
_BITS: Final[Mapping[str, float]] = {"float32": 32, "float16": 16, "int8": 8, "4-bit": 4.5}

TOTAL: Final = "total = weights + cache + overhead"
WEIGHTS: Final = (
    "weights = parameters x bits / 8, with 32 bits for float32, 16 for float16, 8 for int8, 4.5 for 4-bit (4, and a "
    "16-bit scale for every 32 of them); as stored: the bytes of the tensors in the files"
)
CACHE: Final = "cache = 2 x layers x KV heads x head size x tokens x 2 bytes (keys and values in 16 bits, one sequence)"
LATENT: Final = "cache = layers x latent size x tokens x 2 bytes (compressed keys and values in 16 bits, one sequence)"
OVERHEAD: Final = "overhead = 10 % of weights and cache, and for the runtime 512 MiB or as much as the weights, if less"


def estimate(parameters: int, stored: int, *, shape: Shape | None, context: int | None) -> MemoryEstimate | None:
    """Estimate what a model needs at each precision, with a short and with its whole context.

    ``None`` if that is more memory than there is in the world: then somebody lies.

    Args:
        parameters: Numbers in all weights.
        stored: Bytes of them in the files.
        shape: What the cache of keys and values depends on; ``None`` if the model has none.
        context: Tokens that it looks back on.
    """
    token = _token_size(shape)
    known = token is not None and bool(context)
    lengths = tuple(dict.fromkeys((min(context or 0, SHORT), context))) if known else (None,)
    weights = {"stored": stored, **{name: round(parameters * bits / 8) for name, bits in _BITS.items()}}
    if not stored:
        del weights["stored"]
    needs = tuple(
        _need(name, size, context=length, token=token or 0) for name, size in weights.items() for length in lengths
    )
    if max(need.total for need in needs) > _ABSURD:
        return None
    return MemoryEstimate(
        formula=(TOTAL, WEIGHTS, *((LATENT if shape and shape.latent else CACHE,) if known else ()), OVERHEAD),
        numbers=dict(_numbers(parameters, stored, shape if known else None)),
        needs=needs,
        note=_note(shape, known=known),
    )


def _need(precision: str, weights: int, *, context: int | None, token: int) -> Need:
    cache = token * (context or 0)
    overhead = (weights + cache) * _SHARE // 100 + min(weights, _RUNTIME)
    total = weights + cache + overhead
    return Need(
        precision=precision,
        context=context,
        weights=weights,
        cache=cache,
        overhead=overhead,
        total=total,
        fits=tuple(size for size in SIZES if total <= size * GIB),
    )


def _token_size(shape: Shape | None) -> int | None:
    """Give the bytes that one token costs in the cache; ``None`` if that is not known."""
    if shape is None or not shape.layers:
        return None
    if shape.latent:
        return shape.layers * shape.latent * _HALF
    heads, size = kv_heads(shape), head_size(shape)
    return 2 * shape.layers * heads * size * _HALF if heads and size else None


def kv_heads(shape: Shape) -> int | None:
    """Give the heads with keys and values of their own: all of them, where nobody says otherwise."""
    return shape.heads if shape.kv_heads is None else shape.kv_heads


def head_size(shape: Shape) -> int | None:
    """Give the width of a head: where nobody says, that between layers, shared by the heads."""
    if shape.head_size:
        return shape.head_size
    return shape.hidden // shape.heads if shape.hidden and shape.heads else None


def _numbers(parameters: int, stored: int, shape: Shape | None) -> Iterator[tuple[str, float]]:
    yield "parameters", parameters
    yield "storedBytes", stored
    if shape is None:
        return
    yield "layers", shape.layers or 0
    if shape.latent:
        yield "latentSize", shape.latent
    else:
        yield "kvHeads", kv_heads(shape) or 0
        yield "headSize", head_size(shape) or 0


def _note(shape: Shape | None, *, known: bool) -> str:
    if shape is None:
        return ""
    if not known:
        return "the cache of keys and values is not in it: the files do not say enough of the model's shape"
    return "layers with a sliding window keep less than is reckoned here" if shape.window else ""
