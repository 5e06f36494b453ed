"""Pickles, walked: the machine that a pickle is a program for, without the operations that would run something.

Nothing is imported and nothing called; the result is a tree of ``picklenodes``. Protocols 0 to 5 (CPython
``Lib/pickletools.py`` names the operations).
"""

from collections.abc import Callable, Mapping
from struct import unpack
from typing import ClassVar, Final

from orchard.errors import LimitExceededError
from orchard.insight.forward import Forward
from orchard.insight.picklenodes import Elsewhere, Made, Name, Node, Pairs
from orchard.insight.picklepieces import Pieces

MAX_STEPS: Final = 1_000_000  # operations, about a microsecond each; a state of 10,000 tensors has 400,000
MAX_NAMES: Final = 10_000
_MAX_NAME: Final = 512  # characters
_PROTOCOL: Final = 5
_STOP: Final = ord(".")


class Walk:
    """One walk through the pickles of a stream.

    Args:
        source: The stream, at the first byte of a pickle.
        built: Told of each object right after it was given its state: joblib writes an array into the stream there.

    Attributes:
        names: What loading would import, as ``module.name``, in the order of the stream.
        protocol: The highest that a pickle of the stream asked for.
    """

    def __init__(self, source: Forward, built: Callable[[Node], None] | None = None) -> None:
        self.names: dict[str, None] = {}
        self.protocol = 0
        self._source = source
        self._pieces = Pieces(source)
        self._built = built
        self._steps = MAX_STEPS
        self._stack: list[Node] = []
        self._below: list[list[Node]] = []
        self._memo: dict[int, Node] = {}

    def read(self) -> Node:
        """Walk through the next pickle up to its end and give what it describes.

        Raises:
            InvalidDocumentError: If it is not one.
            LimitExceededError: If it is longer than anybody's.
        """
        outer = self._stack, self._below, self._memo
        self._stack, self._below, self._memo = [], [], {}
        try:
            self._run()
            return self._stack.pop()
        except (IndexError, KeyError) as error:
            raise self._pieces.broken("an operation has nothing to work on") from error
        finally:
            self._stack, self._below, self._memo = outer

    def _run(self) -> None:
        """Carry out operations up to the end.

        Raises:
            InvalidDocumentError: If there is no such operation.
            LimitExceededError: If they are too many.
        """
        take, actions = self._source.take, self._ACTIONS
        while (code := take(1)[0]) != _STOP:
            self._steps -= 1
            if self._steps < 0:
                raise LimitExceededError(f"{self._source.what}: a pickle of more than {MAX_STEPS} operations")
            action = actions.get(code)
            if action is None:
                raise self._pieces.broken(f"there is no operation {code:#04x}")
            action(self)

    def _begin(self) -> None:
        """Take note of the protocol.

        Raises:
            InvalidDocumentError: If there is no such one.
        """
        protocol = self._pieces.number(1)
        if protocol > _PROTOCOL:
            raise self._pieces.broken(f"there is no protocol {protocol}")
        self.protocol = max(self.protocol, protocol)

    # Names

    def _named(self, module: Node, name: Node) -> Name:
        """Make a name; a part that is no text is a question mark.

        Raises:
            LimitExceededError: If there are too many.
        """
        parts = (part[:_MAX_NAME] if isinstance(part, str) else "?" for part in (module, name))
        found = Name(*parts)
        self.names[found.dotted] = None
        if len(self.names) > MAX_NAMES:
            raise LimitExceededError(f"{self._source.what}: more than {MAX_NAMES} names to import")
        return found

    def _name_on_lines(self) -> Name:
        module, name = self._pieces.line(), self._pieces.line()
        return self._named(module.decode("utf-8", "replace"), name.decode("utf-8", "replace"))

    def _name_of_stack(self) -> None:
        name, module = self._stack.pop(), self._stack.pop()
        self._stack.append(self._named(module, name))

    # Containers

    def _mark(self) -> None:
        self._below.append(self._stack)
        self._stack = []

    def _group(self) -> list[Node]:
        group, self._stack = self._stack, self._below.pop()
        return group

    def _drop(self) -> None:
        if self._stack:
            self._stack.pop()
        else:
            self._group()

    def _few(self, size: int) -> None:
        values = [self._stack.pop() for _ in range(size)]
        self._stack.append(tuple(reversed(values)))

    def _many(self, make: Callable[[list[Node]], Node]) -> None:
        group = self._group()
        self._stack.append(make(group))

    def _extend(self, values: list[Node]) -> None:
        """Append to the last value.

        Raises:
            InvalidDocumentError: If it is no list.
        """
        target = self._stack[-1]
        if isinstance(target, Made):
            target.items.extend(values)
        elif isinstance(target, list):
            target.extend(values)
        else:
            raise self._pieces.broken("it appends to what is no list")

    def _set(self, values: list[Node]) -> None:
        """Set items of the last value.

        Raises:
            InvalidDocumentError: If it is no dictionary.
        """
        target = self._stack[-1]
        if not isinstance(target, Pairs | Made):
            raise self._pieces.broken("it sets items of what is no dictionary")
        target.pairs.extend(zip(values[::2], values[1::2], strict=False))

    def _append(self) -> None:
        value = self._stack.pop()
        self._extend([value])

    def _set_one(self) -> None:
        value, key = self._stack.pop(), self._stack.pop()
        self._set([key, value])

    # Memory

    def _remember(self, number: int) -> None:
        self._memo[number] = self._stack[-1]

    def _recall(self, number: int) -> None:
        self._stack.append(self._memo[number])

    # Objects

    def _call(self) -> None:
        arguments, function = self._stack.pop(), self._stack.pop()
        self._stack.append(Made(function, arguments))

    def _call_with_keywords(self) -> None:
        keywords, arguments, function = self._stack.pop(), self._stack.pop(), self._stack.pop()
        self._stack.append(Made(function, (arguments, keywords)))

    def _instance(self) -> None:
        function, group = self._name_on_lines(), self._group()
        self._stack.append(Made(function, tuple(group)))

    def _object(self) -> None:
        group = self._group()
        self._stack.append(Made(group[0], tuple(group[1:])))

    def _build(self) -> None:
        state = self._stack.pop()
        target = self._stack[-1]
        if isinstance(target, Made):
            target.state = state
        if self._built is not None:
            self._built(target)

    _ACTIONS: ClassVar[Mapping[int, Callable[["Walk"], object]]] = {
        ord(code): action
        for code, action in (
            # Numbers and truth values
            ("N", lambda self: self._stack.append(None)),
            ("\x88", lambda self: self._stack.append(True)),
            ("\x89", lambda self: self._stack.append(False)),
            ("I", lambda self: self._stack.append(self._pieces.integer())),
            ("L", lambda self: self._stack.append(self._pieces.decimal())),
            ("J", lambda self: self._stack.append(self._pieces.long(4))),
            ("K", lambda self: self._stack.append(self._pieces.number(1))),
            ("M", lambda self: self._stack.append(self._pieces.number(2))),
            ("\x8a", lambda self: self._stack.append(self._pieces.long(self._pieces.number(1)))),
            ("\x8b", lambda self: self._stack.append(self._pieces.long(self._pieces.number(4)))),
            ("F", lambda self: self._stack.append(self._pieces.floating())),
            ("G", lambda self: self._stack.extend(unpack(">d", self._source.take(8)))),
            # Texts and bytes
            ("S", lambda self: self._stack.append(self._pieces.line().strip(b"'\"").decode("utf-8", "replace"))),
            ("T", lambda self: self._stack.append(self._pieces.text(self._pieces.number(4)))),
            ("U", lambda self: self._stack.append(self._pieces.text(self._pieces.number(1)))),
            ("V", lambda self: self._stack.append(self._pieces.escaped())),
            ("X", lambda self: self._stack.append(self._pieces.text(self._pieces.number(4)))),
            ("\x8c", lambda self: self._stack.append(self._pieces.text(self._pieces.number(1)))),
            ("\x8d", lambda self: self._stack.append(self._pieces.text(self._pieces.number(8)))),
            ("C", lambda self: self._stack.append(self._pieces.piece(self._pieces.number(1)))),
            ("B", lambda self: self._stack.append(self._pieces.piece(self._pieces.number(4)))),
            ("\x8e", lambda self: self._stack.append(self._pieces.piece(self._pieces.number(8)))),
            ("\x96", lambda self: self._stack.append(self._pieces.piece(self._pieces.number(8)))),
            ("\x97", lambda self: self._stack.append(None)),  # a buffer that is outside of the stream
            ("\x98", lambda self: self._stack[-1]),
            # Containers
            ("(", _mark),
            ("0", _drop),
            ("1", _group),
            ("2", lambda self: self._stack.append(self._stack[-1])),
            (")", lambda self: self._stack.append(())),
            ("\x85", lambda self: self._few(1)),
            ("\x86", lambda self: self._few(2)),
            ("\x87", lambda self: self._few(3)),
            ("t", lambda self: self._many(tuple)),
            ("]", lambda self: self._stack.append([])),
            ("l", lambda self: self._many(list)),
            ("a", _append),
            ("e", lambda self: self._extend(self._group())),
            ("\x8f", lambda self: self._stack.append([])),
            ("\x90", lambda self: self._extend(self._group())),
            ("\x91", lambda self: self._many(list)),
            ("}", lambda self: self._stack.append(Pairs())),
            ("d", lambda self: self._many(Pairs)),
            ("s", _set_one),
            ("u", lambda self: self._set(self._group())),
            # Memory
            ("p", lambda self: self._remember(self._pieces.decimal())),
            ("q", lambda self: self._remember(self._pieces.number(1))),
            ("r", lambda self: self._remember(self._pieces.number(4))),
            ("\x94", lambda self: self._remember(len(self._memo))),
            ("g", lambda self: self._recall(self._pieces.decimal())),
            ("h", lambda self: self._recall(self._pieces.number(1))),
            ("j", lambda self: self._recall(self._pieces.number(4))),
            # Names and objects
            ("c", lambda self: self._stack.append(self._name_on_lines())),
            ("\x93", _name_of_stack),
            ("\x82", lambda self: self._stack.append(self._named("copyreg", f"extension {self._pieces.number(1)}"))),
            ("\x83", lambda self: self._stack.append(self._named("copyreg", f"extension {self._pieces.number(2)}"))),
            ("\x84", lambda self: self._stack.append(self._named("copyreg", f"extension {self._pieces.number(4)}"))),
            ("R", _call),
            ("\x81", _call),
            ("\x92", _call_with_keywords),
            ("i", _instance),
            ("o", _object),
            ("b", _build),
            ("P", lambda self: self._stack.append(Elsewhere(self._pieces.line().decode("utf-8", "replace")))),
            ("Q", lambda self: self._stack.append(Elsewhere(self._stack.pop()))),
            # The stream itself
            ("\x80", _begin),
            ("\x95", lambda self: self._source.take(8)),
        )
    }
