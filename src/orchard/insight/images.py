"""Images: their size in pixels, from their headers. Nothing is decoded."""

import re
from typing import Final

from orchard.errors import InvalidDocumentError
from orchard.insight.access import Cursor, RandomAccess
from orchard.insight.documents import ImageInsight

IMAGES: Final = (".png", ".jpg", ".jpeg", ".gif", ".webp", ".bmp", ".svg")
_HEAD: Final = 32  # bytes that tell for all but JPEG and SVG
_MAX_SEGMENTS: Final = 500  # of a JPEG before its frame
_MAX_SVG: Final = 64 << 10  # bytes in which an SVG has to begin
_FRAMES: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # start of frame; the others are tables
_ALONE: Final = frozenset((0x01, *range(0xD0, 0xD9)))  # markers without a segment
_TAG: Final = re.compile(r"<svg\b([^>]{0,2000})>", re.IGNORECASE)
_SIZE: Final = re.compile(r"""\b(width|height|viewBox)\s*=\s*["']([^"']{1,100})["']""")
_PIXELS: Final = re.compile(r"(\d{1,7})(?:\.\d{1,6})?(?:px)?")


def read_image(source: RandomAccess, *, what: str = "the file") -> ImageInsight:
    """Read the size of an image.

    Raises:
        InvalidDocumentError: If it is none, or its header is broken.
        OrchardError: If the source cannot be read.
    """
    head = source.read_at(0, min(source.size, _HEAD)).ljust(_HEAD, b"\0") if source.size else bytes(_HEAD)
    if head.startswith(b"\xff\xd8\xff"):
        return _jpeg(source, what)
    if what.lower().endswith(".svg"):
        return _svg(source, what)
    found = _png(head) or _gif(head) or _webp(head) or _bmp(head)
    if found is None or not found.width or not found.height:
        raise InvalidDocumentError(f"{what}: not an image, or one without a size")
    return found


def _png(head: bytes) -> ImageInsight | None:
    if not head.startswith(b"\x89PNG\r\n\x1a\n") or head[12:16] != b"IHDR":
        return None
    return ImageInsight(format="png", width=_big(head[16:20]), height=_big(head[20:24]))


def _gif(head: bytes) -> ImageInsight | None:
    if not head.startswith((b"GIF87a", b"GIF89a")):
        return None
    return ImageInsight(format="gif", width=_little(head[6:8]), height=_little(head[8:10]))


def _webp(head: bytes) -> ImageInsight | None:
    """Read lossy, lossless and extended ones (RFC 9649)."""
    if head[:4] != b"RIFF" or head[8:12] != b"WEBP":
        return None
    kind = head[12:16]
    if kind == b"VP8X":
        return ImageInsight(format="webp", width=_little(head[24:27]) + 1, height=_little(head[27:30]) + 1)
    if kind == b"VP8L" and head[20] == 0x2F:  # noqa: PLR2004 -- its signature
        bits = _little(head[21:25])
        return ImageInsight(format="webp", width=(bits & 0x3FFF) + 1, height=(bits >> 14 & 0x3FFF) + 1)
    if kind == b"VP8 " and head[23:26] == b"\x9d\x01\x2a":
        return ImageInsight(format="webp", width=_little(head[26:28]) & 0x3FFF, height=_little(head[28:30]) & 0x3FFF)
    return None


def _bmp(head: bytes) -> ImageInsight | None:
    if head[:2] != b"BM":
        return None
    if _little(head[14:18]) == 12:  # noqa: PLR2004 -- bytes of the oldest header
        return ImageInsight(format="bmp", width=_little(head[18:20]), height=_little(head[20:22]))
    width, height = (int.from_bytes(head[at : at + 4], "little", signed=True) for at in (18, 22))
    return ImageInsight(format="bmp", width=abs(width), height=abs(height))


def _jpeg(source: RandomAccess, what: str) -> ImageInsight:
    """Go from segment to segment up to the frame (ITU-T T.81, B.1.1).

    Raises:
        InvalidDocumentError: If it does not come.
    """
    cursor = Cursor(source, what=what)
    cursor.skip(2)
    for _ in range(_MAX_SEGMENTS):
        if cursor.take(1) != b"\xff":
            break
        marker = cursor.take(1)[0]
        if marker in _FRAMES:
            frame = cursor.take(7)
            return ImageInsight(format="jpeg", width=_big(frame[5:7]), height=_big(frame[3:5]))
        if marker == 0xFF:  # noqa: PLR2004 -- fill bytes may stand before a marker
            cursor.position -= 1
        elif marker not in _ALONE:
            cursor.skip(max(_big(cursor.take(2)) - 2, 0))
    raise InvalidDocumentError(f"{what}: a JPEG without a frame")


def _svg(source: RandomAccess, what: str) -> ImageInsight:
    """Read the outermost element, as text.

    Raises:
        InvalidDocumentError: If there is none.
    """
    raw = source.read_at(0, min(source.size, _MAX_SVG)) if source.size else b""
    tag = _TAG.search(raw.decode("utf-8", "replace"))
    if tag is None:
        raise InvalidDocumentError(f"{what}: does not begin like an SVG")
    said: dict[str, str] = {name: value.strip() for name, value in _SIZE.findall(tag[1])}
    box = re.split(r"[\s,]+", said.get("viewBox", ""))
    wide, high = (box[2], box[3]) if len(box) == 4 else ("", "")  # noqa: PLR2004 -- two places and two lengths
    return ImageInsight(
        format="svg", width=_pixels(said.get("width", wide), wide), height=_pixels(said.get("height", high), high)
    )


def _pixels(value: str, otherwise: str) -> int | None:
    found = _PIXELS.fullmatch(value) or _PIXELS.fullmatch(otherwise)
    return int(found[1]) if found else None


def _big(raw: bytes) -> int:
    return int.from_bytes(raw, "big")


def _little(raw: bytes) -> int:
    return int.from_bytes(raw, "little")
