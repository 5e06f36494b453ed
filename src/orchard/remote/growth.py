"""How many connections to read one blob through: more only while that makes the whole faster. Values, no network."""

from typing import Final

WAITING: Final = 0.6  # of the time, from which on one connection is worth a trial; a fast server stays below
HUNGRY: Final = 0.25  # the same for several connections, whose waiting holds no copying
STEADY: Final = 2  # judgements in a row that must say so: a server that is busy for a moment is not one with a limit
GAIN: Final = 1.25  # by which doubling must raise the rate, else it is taken back
PATIENCE: Final = 16  # judgements before the next trial after one that failed; doubles with each


class Growth:
    """Doubles the number of connections, and takes back what did not pay.

    Attributes:
        count: Connections now; whoever got fewer than was asked for says so here.
    """

    def __init__(self, most: int) -> None:
        self.count = 1
        self._most = most
        self._before: tuple[int, float] | None = None  # connections and rate before the trial that runs
        self._waiting = 0  # judgements in a row that were for more
        self._pause = 0
        self._patience = PATIENCE

    def judge(self, rate: float, waiting: float) -> int:
        """Decide how many connections to use, from what the last while brought.

        Args:
            rate: Bytes a second that were used.
            waiting: Share of the time in which the reader waited for bytes; the rest is its own work.
        """
        if self._before is not None:
            (count, before), self._before = self._before, None
            # A reader that is busy itself by now says nothing of the server, once two have paid.
            told = count == 1 or waiting >= HUNGRY
            if self.count > count and rate < before * GAIN and told:
                self._pause, self._patience, self._waiting = self._patience, 2 * self._patience, 0
                return count
        if self._pause:
            self._pause -= 1
            return self.count
        self._waiting = self._waiting + 1 if waiting >= (WAITING if self.count == 1 else HUNGRY) else 0
        if self.count == self._most or self._waiting < (STEADY if self.count == 1 else 1):
            return self.count
        self._before = self.count, rate
        return min(self._most, 2 * self.count)
