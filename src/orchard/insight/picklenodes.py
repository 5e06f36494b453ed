"""What a pickle describes, as inert values: a name where something would be imported, a note where it would be called.

Plain values are Python's own, tuples and lists too. They may contain themselves and repeat without end, so whoever
walks them keeps account of where it has been, and never compares, hashes or prints one.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

Node = object


class Name:
    """Something that loading would import.

    Attributes:
        module: Where from.
        name: What.
    """

    __slots__ = ("module", "name")

    def __init__(self, module: str, name: str) -> None:
        self.module = module
        self.name = name

    @property
    def dotted(self) -> str:
        """Both, as in an import."""
        return f"{self.module}.{self.name}"


class Pairs:
    """A dictionary, whose keys may be anything.

    Attributes:
        pairs: In their order, a later one for the same key included.
    """

    __slots__ = ("pairs",)

    def __init__(self, flat: Sequence[Node] = ()) -> None:
        self.pairs: list[tuple[Node, Node]] = list(zip(flat[::2], flat[1::2], strict=False))


@dataclass(slots=True, eq=False, repr=False)
class Made:
    """What loading would get from a call.

    Attributes:
        function: What would be called, a ``Name`` unless somebody plays games.
        arguments: What with.
        state: What it would be given afterwards, the last one.
        pairs: What would be set as its items.
        items: What would be appended to it.
    """

    function: Node
    arguments: Node
    state: Node = None
    pairs: list[tuple[Node, Node]] = field(default_factory=list)
    items: list[Node] = field(default_factory=list)

    @property
    def dotted(self) -> str:
        """Name of what would be called; empty if it is no name."""
        return self.function.dotted if isinstance(self.function, Name) else ""


class Elsewhere:
    """Something that is not in the pickle but has a name there, such as the storage of a tensor.

    Attributes:
        identity: That name.
    """

    __slots__ = ("identity",)

    def __init__(self, identity: Node) -> None:
        self.identity = identity


class Passed:
    """A text, bytes or number too long to be read.

    Attributes:
        size: Bytes of it.
    """

    __slots__ = ("size",)

    def __init__(self, size: int) -> None:
        self.size = size
