import gzip
import io
import sys
import zlib

import pytest

from orchard.archive import Compression, Limits, compress, decompress
from orchard.errors import IntegrityError, InvalidError, LimitExceededError
from orchard.oci import CHUNK, Descriptor, Verifying, chunks, read_bounded
from support.archive_tars import Trickle

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

KINDS: list[Compression] = ["gzip", "gzip-fastest", "zstd"]
TEXT = b"".join(b"%d,%d\n" % (n, n * n) for n in range(60_000))

# What Go's compress/gzip writes for b"orchard\n", default and fastest.
GO_DEFAULT = bytes.fromhex("1f8b08000000000000ffca2f4ace482c4ae102040000ffffe186970508000000")
GO_FASTEST = bytes.fromhex("1f8b08000000000004ff000800f7ff6f7263686172640a010000ffffe186970508000000")


def packed(data: bytes, kind: Compression) -> bytes:
    return b"".join(compress([data[at : at + CHUNK] for at in range(0, len(data), CHUNK)], kind))


def unpacked(data: bytes, kind: Compression, limits: Limits | None = None) -> bytes:
    body = decompress(io.BytesIO(data), kind, limits or Limits(), what="layer 1")
    return read_bounded(body, limit=1 << 30, what="test")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("data", [b"", b"x", TEXT, bytes(3 * CHUNK)], ids=["empty", "one", "text", "zeros"])
def test_decompress_after_compress_gives_the_same(data: bytes, kind: Compression) -> None:
    assert unpacked(packed(data, kind), kind) == data


@pytest.mark.parametrize("kind", KINDS)
def test_compress_when_repeated_gives_the_same_bytes(kind: Compression) -> None:
    assert packed(TEXT, kind) == packed(TEXT, kind)


def test_compress_when_gzip_frames_as_go_does() -> None:
    assert packed(b"orchard\n", "gzip")[:10] == GO_DEFAULT[:10]
    assert packed(b"orchard\n", "gzip-fastest")[:10] == GO_FASTEST[:10]
    assert gzip.decompress(packed(TEXT, "gzip")) == TEXT


@pytest.mark.parametrize("data", [GO_DEFAULT, GO_FASTEST], ids=["default", "fastest"])
def test_decompress_when_go_wrote_it_reads_it(data: bytes) -> None:
    assert unpacked(data, "gzip") == b"orchard\n"


def test_decompress_when_the_header_has_a_name_and_a_time_reads_it() -> None:
    file = io.BytesIO()
    with gzip.GzipFile("weights.tar", "wb", fileobj=file, mtime=12345) as stream:
        stream.write(TEXT)

    assert unpacked(file.getvalue(), "gzip") == TEXT


def test_compress_when_zstd_writes_a_plain_frame() -> None:
    assert zstd.decompress(packed(TEXT, "zstd")) == TEXT


def test_compress_when_the_output_is_large_gives_large_pieces() -> None:
    noise = zlib.compress(bytes(range(256)), 0) * 4000

    pieces = list(compress(iter([noise[at : at + 1000] for at in range(0, len(noise), 1000)]), "gzip"))

    assert len(pieces) <= len(b"".join(pieces)) // (CHUNK // 2) + 1


@pytest.mark.parametrize("kind", KINDS)
def test_decompress_when_the_body_trickles_gives_the_same(kind: Compression) -> None:
    body = decompress(Trickle(packed(TEXT[:5000], kind), 1), kind)

    assert b"".join(chunks(body, 7)) == TEXT[:5000]


@pytest.mark.parametrize("kind", KINDS)
def test_decompress_when_asked_for_nothing_reads_nothing(kind: Compression) -> None:
    source = io.BytesIO(packed(TEXT, kind))

    assert decompress(source, kind).read(0) == b""
    assert source.tell() == 0


@pytest.mark.parametrize("kind", KINDS)
def test_decompress_when_cut_off_anywhere_refuses(kind: Compression) -> None:
    whole = packed(TEXT[:300], kind)

    for length in range(len(whole)):
        with pytest.raises(InvalidError, match="layer 1: ends within the compressed data"):
            unpacked(whole[:length], kind)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("more", ["one byte", "another member", "zeros"])
def test_decompress_when_anything_follows_refuses(kind: Compression, more: str) -> None:
    whole = packed(TEXT, kind)
    tail = {"one byte": b"x", "another member": packed(b"evil", kind), "zeros": bytes(100_000)}[more]

    with pytest.raises(InvalidError, match="layer 1: bytes follow the compressed data"):
        unpacked(whole + tail, kind)


@pytest.mark.parametrize(("kind", "complaint"), [("gzip", "no sound gzip data"), ("zstd", "no sound zstd data")])
def test_decompress_when_it_is_something_else_refuses(kind: Compression, complaint: str) -> None:
    with pytest.raises(InvalidError, match=f"layer 1: {complaint}"):
        unpacked(TEXT, kind)


@pytest.mark.parametrize("place", [-8, -1], ids=["checksum", "length"])
def test_decompress_when_the_gzip_trailer_lies_refuses(place: int) -> None:
    data = bytearray(packed(TEXT, "gzip"))
    data[place] ^= 1

    with pytest.raises(InvalidError, match="no sound gzip data"):
        unpacked(bytes(data), "gzip")


@pytest.mark.parametrize("kind", KINDS)
def test_decompress_when_it_unpacks_to_the_limit_gives_it(kind: Compression) -> None:
    assert unpacked(packed(TEXT, kind), kind, Limits(total=len(TEXT))) == TEXT


@pytest.mark.parametrize("kind", KINDS)
def test_decompress_when_it_unpacks_to_more_than_the_limit_refuses(kind: Compression) -> None:
    with pytest.raises(LimitExceededError, match="layer 1: unpacks to more than"):
        unpacked(packed(TEXT, kind), kind, Limits(total=len(TEXT) - 1))


@pytest.mark.parametrize("kind", KINDS)
def test_decompress_when_the_ratio_is_passed_refuses(kind: Compression) -> None:
    bomb = packed(bytes(8 << 20), kind)

    with pytest.raises(LimitExceededError, match="more than 200 times its size"):
        unpacked(bomb, kind, Limits(ratio_after=1 << 20))


@pytest.mark.parametrize("kind", KINDS)
def test_decompress_when_little_is_unpacked_does_not_look_at_the_ratio(kind: Compression) -> None:
    data = bytes(8 << 20)

    assert unpacked(packed(data, kind), kind) == data


def test_decompress_when_the_zstd_window_is_too_large_refuses() -> None:
    options = {zstd.CompressionParameter.window_log: 28, zstd.CompressionParameter.content_size_flag: 0}
    compressor = zstd.ZstdCompressor(options={int(key): value for key, value in options.items()})
    frame = compressor.compress(TEXT) + compressor.flush()

    with pytest.raises(LimitExceededError, match="window is larger than 134217728 bytes"):
        unpacked(frame, "zstd")
    assert unpacked(frame, "zstd", Limits(window=256 << 20)) == TEXT


@pytest.mark.parametrize("kind", KINDS)
def test_decompress_when_the_body_verifies_itself_meets_the_verdict(kind: Compression) -> None:
    whole = packed(TEXT, kind)
    wrong = Descriptor.of(whole[:-1] + b"?", "application/x-test")

    with pytest.raises(IntegrityError, match="does not match"):
        read_bounded(decompress(Verifying(io.BytesIO(whole), wrong), kind), limit=1 << 30, what="test")
