"""The language in which people ask for versions; ``docs/search.md`` describes it, ``selecting`` makes conditions of it.

    llama "instruct tuned" params>7e9 format:gguf,safetensors license:apache-2.0 metric.accuracy>=0.95 -tag:old*

Terms stand beside each other and all must hold. A term is a word, a phrase in quotes, or a field with an operator and a
value; a ``-`` before it says that it must not hold. Reading takes time in proportion to the length of the text.
"""

import re
from dataclasses import dataclass
from typing import Final, NoReturn

from orchard.errors import InvalidError
from orchard.hub.catalog import amounts
from orchard.hub.catalog.amounts import Span
from orchard.hub.catalog.fields import STATES, Field, Kind, Place, find, like, spelt
from orchard.hub.db.folding import fold, words
from orchard.hub.db.fulltext import Phrase

MAX_QUERY: Final = 1000  # characters
MAX_TERMS: Final = 24
MAX_VALUES: Final = 24  # alternatives of one term

_FIELD: Final = re.compile(r"([A-Za-z][A-Za-z0-9_./\-]*)(!=|>=|<=|:>=|:<=|:>|:<|:|=|>|<)")
_STARS: Final = re.compile(r"\*+")
_BARE: Final = re.compile(r'[^\s,"]+')
_QUOTED: Final = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_ESCAPED: Final = re.compile(r'\\(["\\])')
_WORD: Final = re.compile(r'[^\s"]+')
_HINTS: Final = {
    "AND": "terms that stand beside each other must all hold; leave AND out",
    "OR": 'write alternatives with commas, as in format:gguf,safetensors; quote the word to look for it ("OR")',
    "NOT": "write a - before what must not hold, as in -format:gguf",
}
_OPERATORS: Final = frozenset((":", "=", "!=", ">", ">=", "<", "<="))


class QueryError(InvalidError):
    """A query that cannot be understood.

    Attributes:
        position: Where in the query, counted from 0.
    """

    def __init__(self, message: str, position: int) -> None:
        super().__init__(f"{message} (at character {position + 1} of the query)")
        self.position = position


@dataclass(frozen=True, slots=True)
class Value:
    """One value that would do.

    Attributes:
        text: The pieces, folded, between which anything may stand; none if it can be no text.
        span: The numbers that would do; none if it can be no number.
        words: The words, where they are looked for in a text; none elsewhere.
    """

    text: tuple[str, ...] | None = None
    span: Span | None = None
    words: Phrase | None = None


@dataclass(frozen=True, slots=True)
class Test:
    """A field whose value must be one of these.

    Attributes:
        key: By which its values are kept.
        values: Any of them does; none of them says that any value at all does.
    """

    __test__ = False  # pytest takes it for one of its own

    key: str
    field: Field
    values: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Term:
    """One term.

    Attributes:
        negated: Whether it must not hold.
        start: Where it begins in the query.
        stop: Where it ends.
    """

    content: Phrase | Test
    negated: bool
    start: int
    stop: int


@dataclass(frozen=True, slots=True)
class Filter:
    """A term, for people.

    Attributes:
        text: As written.
        field: The field that it is about; none if it is a word or a phrase.
        about: What that holds.
        without: The query without this term.
    """

    text: str
    field: str | None
    about: str | None
    without: str


@dataclass(frozen=True, slots=True)
class Query:
    """What is asked for; an empty one asks for everything.

    Attributes:
        text: As written.
    """

    text: str
    terms: tuple[Term, ...]

    @property
    def words(self) -> tuple[Phrase, ...]:
        """The words and phrases that must be there."""
        return tuple(one.content for one in self.terms if isinstance(one.content, Phrase) and not one.negated)

    @property
    def tests(self) -> tuple[Test, ...]:
        """The fields that are named, with what they must be."""
        return tuple(one.content for one in self.terms if isinstance(one.content, Test) and not one.negated)

    def describe(self) -> list[Filter]:
        """Say which terms there are, in their order, and how the query reads without each."""
        return [self._filter(term) for term in self.terms]

    def _filter(self, term: Term) -> Filter:
        key, about = (term.content.key, term.content.field.about) if isinstance(term.content, Test) else (None, None)
        rest = f"{self.text[: term.start].rstrip()} {self.text[term.stop :].lstrip()}".strip()
        return Filter(self.text[term.start : term.stop], key, about, rest)


def parse(text: str) -> Query:
    """Read a query.

    Raises:
        QueryError: If it cannot be understood; it says where, and what would be right.
    """
    if len(text) > MAX_QUERY:
        raise QueryError(f"the query has {len(text):,} characters, and may have {MAX_QUERY:,}", MAX_QUERY)
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise QueryError("the query holds half of a character", error.start) from error
    terms: list[Term] = []
    reader = _Reader(text)
    while not reader.at_end():
        if len(terms) == MAX_TERMS:
            raise QueryError(f"the query has more than {MAX_TERMS} terms", reader.at)
        terms.append(reader.term())
    return Query(text, tuple(terms))


@dataclass(frozen=True, slots=True)
class _Written:
    """A value in a query, and where."""

    text: str
    start: int
    quoted: bool


class _Reader:
    """Goes through a query once."""

    def __init__(self, text: str) -> None:
        self._text = text
        self.at = 0

    def at_end(self) -> bool:
        """Go to the next term; tell whether there is none."""
        while self.at < len(self._text) and self._text[self.at].isspace():
            self.at += 1
        return self.at == len(self._text)

    def term(self) -> Term:
        """Read a term.

        Raises:
            QueryError: If it is none.
        """
        start = self.at
        negated = self._take("-")
        if negated and (self.at == len(self._text) or self._text[self.at].isspace()):
            self._fail("a - stands alone; write it right before what must not hold, as in -format:gguf", start)
        named = _FIELD.match(self._text, self.at)
        if named is None:
            content: Phrase | Test = self._words()
        else:
            self.at = named.end()
            negated ^= named[2] == "!="
            content = self._test(named[1], named[2].removeprefix(":") or ":", named.start())
        if self.at < len(self._text) and not self._text[self.at].isspace():
            self._fail("a space is missing between two terms", self.at)
        return Term(content, negated, start, self.at)

    def _words(self) -> Phrase:
        """Read a word or a phrase.

        Raises:
            QueryError: If it has nothing to look for.
        """
        start = self.at
        if self._text[start] == '"':
            text, whole = self._quoted(), True
        else:
            text, whole = self._word(), False
        row = self._row(text, start)
        return Phrase(row, whole or len(row[-1]) == 1)  # half of all words begin with any letter

    def _row(self, text: str, start: int) -> tuple[str, ...]:
        """Give the words of a text.

        Raises:
            QueryError: If it has none.
        """
        row = tuple(words(text))
        if not row:
            self._fail(f"{text[:40]!r} has no letter and no digit to look for", start)
        return row

    def _word(self) -> str:
        """Read a word that stands free.

        Raises:
            QueryError: If it looks like part of something else.
        """
        start = self.at
        match = _WORD.match(self._text, start)
        assert match is not None
        text = match[0]
        self.at = match.end()
        if text in _HINTS:
            self._fail(_HINTS[text], start)
        if text[0] in ":=<>!" and text[:2].rstrip("=") in {"", ":", "<", ">", "!"}:
            self._fail(f"nothing stands right before {text[:1]}; write a field there, as in params>7e9", start)
        return text

    def _quoted(self) -> str:
        """Read what stands in quotes; a backslash before a quote, or before another one, makes that part of the text.

        Raises:
            QueryError: If they are not closed.
        """
        match = _QUOTED.match(self._text, self.at)
        if match is None:
            self._fail('the quote that begins here is not closed; add a "', self.at)
        self.at = match.end()
        return _ESCAPED.sub(r"\1", match[1])

    def _test(self, written: str, operator: str, start: int) -> Test:
        """Read the values behind a field and an operator.

        Raises:
            QueryError: If there is no such field, or it takes no such values.
        """
        found = find(written)
        if found is None:
            self._fail(f"there is no field {written[:60]!r}; {_meant(written, operator)}", start)
        key, field = found
        values: list[Value | None] = []
        while True:
            if len(values) == MAX_VALUES:
                self._fail(f"{written} has more than {MAX_VALUES} alternatives", self.at)
            values.append(self._value(key, field, operator))
            if not self._take(","):
                break
        if any(value is None for value in values):
            return Test(key, field, ())
        return Test(key, field, tuple(value for value in values if value is not None))

    def _value(self, key: str, field: Field, operator: str) -> Value | None:
        """Read one value; none stands for any.

        Raises:
            QueryError: If the field takes no such value.
        """
        start = self.at
        quoted = self._text.startswith('"', start)
        bare = None if quoted else _BARE.match(self._text, start)
        if quoted:
            text = self._quoted()
        elif bare is None:
            self._fail(f"{key}{operator} needs a value right behind it, such as {field.examples[0]}", start)
        else:
            text, self.at = bare[0], bare.end()
        if operator in _ORDERS:
            return Value(span=self._bound(field, operator, _Written(text, start, quoted)))
        if text == "*" and not quoted:
            return None
        return self._equal(key, field, _Written(text, start, quoted), exact=operator != ":")

    def _equal(self, key: str, field: Field, written: "_Written", *, exact: bool) -> Value:
        """Read a value that must be this one.

        Raises:
            QueryError: If the field takes no such value.
        """
        text = written.text
        if key == "is" and text.lower() not in STATES:
            known = ", ".join(f"is:{one}" for one in STATES)
            self._fail(f"is:{text[:40]} is not known; there is {known}", written.start)
        if field.place is Place.WORDS:
            return Value(words=Phrase(self._row(text, written.start), written.quoted))
        pieces = tuple(spelt(key, one) for one in _pieces(text, cased=field.cased, whole=written.quoted))
        if field.kind is Kind.TEXT:
            return Value(text=pieces)
        span = _span(field, text, exact=exact)
        if span is None and field.kind is not Kind.ANY:
            self._refuse(field, written)
        return Value(text=pieces if field.kind is Kind.ANY else None, span=span)

    def _bound(self, field: Field, operator: str, written: "_Written") -> Span:
        """Make a span of a comparison.

        Raises:
            QueryError: If this is nothing to compare with.
        """
        if field.kind is Kind.TEXT:
            where = written.start - len(operator)
            self._fail(f"{field.name} is a text and has no order; write {field.examples[0]}", where)
        is_time = field.kind is Kind.TIME
        span = (amounts.age(written.text) if is_time else None) or _span(field, written.text, exact=not is_time)
        if span is None:
            self._refuse(field, written)
        return amounts.beyond(span, operator)

    def _refuse(self, field: Field, written: "_Written") -> NoReturn:
        """Refuse a value.

        Raises:
            QueryError: Always.
        """
        wanted, examples = _WANTED[field.kind], " or ".join(field.examples)
        self._fail(f"{written.text[:40]!r} is not {wanted}; write {examples}", written.start)

    def _take(self, what: str) -> bool:
        found = self._text.startswith(what, self.at)
        self.at += len(what) * found
        return found

    def _fail(self, message: str, at: int) -> NoReturn:
        """Refuse the query.

        Raises:
            QueryError: Always.
        """
        raise QueryError(message, at)


_ORDERS: Final = _OPERATORS - {":", "=", "!="}
_WANTED: Final = {
    Kind.NUMBER: "a number",
    Kind.SIZE: "a number of bytes",
    Kind.TIME: "a date or an age",
    Kind.ANY: "a number",
}


def _span(field: Field, text: str, *, exact: bool) -> Span | None:
    """Read a number or a moment, or two of them with all between."""
    low, dots, high = text.partition("..")
    if not (dots and low and high):
        return _one(field, text, exact=exact)
    first, last = _one(field, low, exact=exact), _one(field, high, exact=exact)
    return None if first is None or last is None else Span(first.low, last.high, below=last.below)


def _one(field: Field, text: str, *, exact: bool) -> Span | None:
    if field.kind is Kind.TIME:
        return amounts.moment(text)
    return amounts.number(text, size=field.kind is Kind.SIZE, exact=exact)


def _meant(written: str, operator: str) -> str:
    """Guess what was meant by a field that there is none of."""
    close = like(written)
    if close is not None:
        return f"did you mean {close}?"
    if operator == ":":
        return "put what holds a colon into quotes to look for it as it is"
    return f"did you mean metric.{written[:60]} or param.{written[:60]}?"


def _pieces(text: str, *, cased: bool, whole: bool) -> tuple[str, ...]:
    """Part a text at its stars, unless it is to be taken whole."""
    parts = [text] if whole else _STARS.split(text)
    return tuple(part if cased else fold(part) for part in parts)
