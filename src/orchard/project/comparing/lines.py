"""Which lines two texts share, found in a time that is bounded whatever the texts are.

Myers' algorithm (E. W. Myers, Algorithmica 1, 1986, pages 251 to 266) gives the least difference, and is quadratic at
worst; it stops at a number of steps. Then texts are cut at lines that are in each of them once, in an
order that both have ("patience"), and the pieces are compared with the steps that are left. What is left of all that is
taken as replaced whole. Steps are counted and not seconds, so that the same texts always give the same difference.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence
from typing import Final, NamedTuple

STEPS: Final = 300_000  # about 0.1 s
_PIECES: Final = 24  # times that a piece is cut again


class Run(NamedTuple):
    """Lines that both texts have.

    Attributes:
        old: Number of the first of them in the first text, from 0.
        new: Number of the first of them in the second text, from 0.
        size: How many there are.
    """

    old: int
    new: int
    size: int


class _Piece(NamedTuple):
    old: tuple[int, int]
    new: tuple[int, int]
    cuts: int


def shared_runs(old: Sequence[str], new: Sequence[str], *, steps: int = STEPS) -> tuple[list[Run], bool]:
    """Find the lines that two texts share, in an order that both have.

    Swapping the texts swaps the result, and nothing else.

    Args:
        old: Lines of the first text.
        new: Lines of the second text.
        steps: How much work it may be.

    Returns:
        Runs of shared lines in ascending order, and whether they are the most that there are.
    """
    if list(old) > list(new):
        runs, exact = shared_runs(new, old, steps=steps)
        return [Run(run.new, run.old, run.size) for run in runs], exact
    numbers: dict[str, int] = {}
    search = _Search(
        [numbers.setdefault(line, len(numbers)) for line in old],
        [numbers.setdefault(line, len(numbers)) for line in new],
        steps,
    )
    return search.run()


class _Search:
    """Compares two lists of numbers.

    Attributes:
        left: Steps that may still be taken.
    """

    def __init__(self, old: list[int], new: list[int], steps: int) -> None:
        self._old = old
        self._new = new
        self.left = steps
        self._pairs: list[tuple[int, int]] = []
        self._exact = True

    def run(self) -> tuple[list[Run], bool]:
        pending = [_Piece((0, len(self._old)), (0, len(self._new)), 0)]
        while pending:
            pending += self._piece(pending.pop())
        runs: list[Run] = []
        for old, new in sorted(self._pairs):
            last = runs[-1] if runs else Run(-1, -1, 0)
            if (last.old + last.size, last.new + last.size) == (old, new):
                runs[-1] = last._replace(size=last.size + 1)
            else:
                runs.append(Run(old, new, 1))
        return runs, self._exact

    def _piece(self, piece: _Piece) -> list[_Piece]:
        """Take what is equal at both ends; compare the rest, or give the smaller pieces that it is cut into."""
        (old, old_end), (new, new_end), cuts = piece
        while old < old_end and new < new_end and self._old[old] == self._new[new]:
            self._pairs.append((old, new))
            old, new = old + 1, new + 1
        while old < old_end and new < new_end and self._old[old_end - 1] == self._new[new_end - 1]:
            old_end, new_end = old_end - 1, new_end - 1
            self._pairs.append((old_end, new_end))
        if old == old_end or new == new_end:
            return []
        found = self._least(range(old, old_end), range(new, new_end))
        if found is not None:
            self._pairs += found
            return []
        self._exact = False
        if cuts == _PIECES:
            return []
        return self._cut((old, old_end), (new, new_end), cuts + 1)

    def _least(self, old: range, new: range) -> list[tuple[int, int]] | None:
        """Find the pairs of the least difference; None if that takes too many steps.

        A line that is in one of the texts only cannot be shared: without such lines the rest is quick.
        """
        common = {self._old[at] for at in old} & {self._new[at] for at in new}
        ours = [at for at in old if self._old[at] in common]
        theirs = [at for at in new if self._new[at] in common]
        self.left -= (len(old) + len(new)) // 8
        pairs = self._myers([self._old[at] for at in ours], [self._new[at] for at in theirs])
        return None if pairs is None else [(ours[x], theirs[y]) for x, y in pairs]

    def _myers(self, old: list[int], new: list[int]) -> list[tuple[int, int]] | None:
        """Go on, one edit after the other, from the furthest places that as many edits reach on each diagonal.

        ``trace[d][i]`` is how far in the first text ``d`` edits reach on diagonal ``2 * i - d``.
        """
        rows, columns = len(old), len(new)
        trace: list[list[int]] = []
        for edits in range(rows + columns + 1):
            reached: list[int] = []
            for i in range(edits + 1):
                x = start = _step(trace, edits, i)
                k = 2 * i - edits
                while x < rows and x - k < columns and old[x] == new[x - k]:
                    x += 1
                self.left -= 1 + (x - start) // 4
                reached.append(x)
            trace.append(reached)
            end = rows - columns + edits
            if not end % 2 and 0 <= end // 2 <= edits and reached[end // 2] >= rows:
                break
            if self.left < 0:
                return None
        return _walk_back(trace, rows, columns)

    def _cut(self, old: tuple[int, int], new: tuple[int, int], cuts: int) -> list[_Piece]:
        """Cut at the lines that are once in each piece, as many of them as are in one order."""
        anchors = self._anchors(old, new)
        if not anchors:
            return []
        self._pairs += anchors
        pieces = []
        before = (old[0], new[0])
        for anchor in (*anchors, (old[1], new[1])):
            if before[0] < anchor[0] and before[1] < anchor[1]:
                pieces.append(_Piece((before[0], anchor[0]), (before[1], anchor[1]), cuts))
            before = (anchor[0] + 1, anchor[1] + 1)
        return pieces

    def _anchors(self, old: tuple[int, int], new: tuple[int, int]) -> list[tuple[int, int]]:
        ours, theirs = self._old[slice(*old)], self._new[slice(*new)]
        counts, others = Counter(ours), Counter(theirs)
        places = {line: at for at, line in enumerate(theirs, new[0]) if others[line] == 1}
        pairs = [(at, places[line]) for at, line in enumerate(ours, old[0]) if counts[line] == 1 and line in places]
        return _ascending(pairs)


def _is_down(before: list[int], i: int) -> bool:
    """Tell whether the furthest way to a diagonal adds a line, and does not take one away."""
    return i == 0 or (i < len(before) and before[i - 1] < before[i])


def _step(trace: list[list[int]], edits: int, i: int) -> int:
    if not edits:
        return 0
    before = trace[edits - 1]
    return before[i] if _is_down(before, i) else before[i - 1] + 1


def _walk_back(trace: list[list[int]], x: int, y: int) -> list[tuple[int, int]]:
    """Follow the way that reached the end, and give the pairs of equal lines on it, the last one first."""
    pairs: list[tuple[int, int]] = []
    for edits in range(len(trace) - 1, -1, -1):
        i = (x - y + edits) // 2
        start = _step(trace, edits, i)
        while x > start:
            x, y = x - 1, y - 1
            pairs.append((x, y))
        if edits and _is_down(trace[edits - 1], i):
            y -= 1
        elif edits:
            x -= 1
    return pairs


def _ascending(pairs: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Give the longest part of pairs, which ascend in the first number, that ascends in the second too."""
    ends: list[int] = []
    tails: list[int] = []
    before: list[int] = []
    for number, (_, new) in enumerate(pairs):
        at = bisect_left(ends, new)
        before.append(tails[at - 1] if at else -1)
        if at == len(ends):
            ends.append(new)
            tails.append(number)
        else:
            ends[at], tails[at] = new, number
    found = []
    number = tails[-1] if tails else -1
    while number >= 0:
        found.append(pairs[number])
        number = before[number]
    return found[::-1]
