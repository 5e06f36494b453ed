"""How what is kept is written: JSON, with names as the API has them, and nothing where nothing is said."""

import msgspec

Scalar = bool | int | float | str


class Kept(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel", tag_field="kind"):
    """What is kept of a file, with its kind beside it."""


class Part(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """A part of what is kept."""
