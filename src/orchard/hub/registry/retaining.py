"""Which manifests of a repository stay, which go, and why: thought out from values, without a database.

Judged by the rules is every *version*: a manifest that people gave a tag, or that neither belongs to an index nor is
about another manifest that is there. A version stays if a rule keeps it, a tag rule holds its tag, it is the newest, or
it has no tag yet and is so young that its push may still be on its way. With what stays stays all that it lists, all
that is about it, and all that it is about itself. Everything else goes.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from orchard.hub.catalog import KeepRule, Retention, TagPattern, TagRule
from orchard.hub.catalog.census import Resident
from orchard.oci import Digest

_DAY: Final = 24 * 3600 * 1000

Lasting = Callable[[str], TagRule | None]


@dataclass(frozen=True, slots=True)
class Decision:
    """What becomes of one manifest.

    Attributes:
        digest: Which one.
        tags: What points to it.
        reasons: Why it stays; nothing if it goes.
        about: Whether it is about another manifest.
    """

    digest: Digest
    tags: tuple[str, ...]
    reasons: tuple[str, ...]
    about: bool


@dataclass(frozen=True, slots=True)
class Plan:
    """What becomes of all manifests of a repository.

    Attributes:
        repository: Which one.
        scope: Where its rules are said; none if nothing is, and then all stays.
        stays: What is kept, and why.
        goes: What is not; an index stands before what it lists.
        mark: Names this outcome: a run can be made to refuse any other.
    """

    repository: str
    scope: str | None
    stays: tuple[Decision, ...]
    goes: tuple[Decision, ...]

    @property
    def mark(self) -> str:
        """Name this outcome: a run can be made to refuse any other."""
        return Digest.of("\n".join(sorted(str(gone.digest) for gone in self.goes)).encode()).hex


def plan(
    repository: str,
    residents: Sequence[Resident],
    retention: Retention | None,
    *,
    lasting: Lasting,
    now: int,
    grace: int,
) -> Plan:
    """Think out what becomes of a repository.

    Args:
        repository: Its name.
        residents: All that it holds, what was pushed last first.
        retention: What keeps versions.
        lasting: Finds the rule that keeps a tag where it is.
        now: Milliseconds since 1970.
        grace: Milliseconds for which a push without a tag may be on its way.
    """
    if retention is None:
        everything = (_decision(resident, ["no rules say what may go"]) for resident in residents)
        return Plan(repository, None, tuple(everything), ())
    judge = _Judge(residents, lasting=lasting, now=now, grace=grace)
    reasons = judge.close(judge.judge(retention))
    stays = tuple(_decision(each, reasons[each.digest]) for each in residents if each.digest in reasons)
    gone = [each for each in residents if each.digest not in reasons]
    goes = tuple(_decision(each, ()) for each in _parents_first(gone))
    return Plan(repository, retention.scope, stays, goes)


class _Judge:
    """Everything in a repository, and how it hangs together."""

    def __init__(self, residents: Sequence[Resident], *, lasting: Lasting, now: int, grace: int) -> None:
        self._by_digest = {resident.digest: resident for resident in residents}
        listed = {digest for resident in residents for digest in resident.lists}
        self._about: dict[str, list[str]] = {}
        for resident in residents:
            for digest in resident.about & self._by_digest.keys():
                self._about.setdefault(digest, []).append(resident.digest)
        self._versions = [
            resident
            for resident in residents
            if resident.names or (resident.digest not in listed and not resident.about & self._by_digest.keys())
        ]
        self._lasting = lasting
        self._now = now
        self._grace = grace

    def judge(self, retention: Retention) -> dict[str, list[str]]:
        """Say of each version why it stays, of those that do."""
        found: dict[str, list[str]] = {}
        for rule in retention.rules:
            for version in self._kept(rule):
                found.setdefault(version.digest, []).append(str(rule))
        for version in self._own_versions()[:1]:
            found.setdefault(version.digest, []).append("it is the newest version")
        for version in self._versions:
            if not version.names and self._now - version.pushed_at < self._grace:
                found.setdefault(version.digest, []).append("it has no tag yet, and its push may still be on its way")
        for resident in self._by_digest.values():
            for held in self._held(resident):
                found.setdefault(resident.digest, []).append(held)
        return found

    def close(self, reasons: dict[str, list[str]]) -> dict[str, list[str]]:
        """Add what stays because of something else that stays."""
        waiting = list(reasons)
        while waiting:
            resident = self._by_digest[waiting.pop()]
            for digest, why in self._neighbours(resident):
                if digest in self._by_digest and digest not in reasons:
                    reasons[digest] = [why]
                    waiting.append(digest)
        return reasons

    def _own_versions(self) -> list[Resident]:
        """Give the versions but for what is about something that is not there, and that nobody gave a tag."""
        return [version for version in self._versions if version.names or not version.about]

    def _kept(self, rule: KeepRule) -> Iterable[Resident]:
        pattern = None if rule.tags is None else TagPattern.parse(rule.tags)
        candidates = [
            version
            for version in self._own_versions()
            if pattern is None or any(pattern.matches(tag) for tag in version.names)
        ]
        conditions = (rule.last, rule.pushed_days, rule.pulled_days)
        if all(condition is None for condition in conditions):
            return candidates
        return [version for place, version in enumerate(candidates) if self._meets(rule, version, place)]

    def _meets(self, rule: KeepRule, version: Resident, place: int) -> bool:
        return (
            (rule.last is not None and place < rule.last)
            or self._within(rule.pushed_days, version.pushed_at)
            or self._within(rule.pulled_days, version.asked_at)
        )

    def _within(self, days: float | None, at: int | None) -> bool:
        return days is not None and at is not None and self._now - at <= days * _DAY

    def _held(self, resident: Resident) -> list[str]:
        rules = (self._lasting(tag) for tag in resident.tags)
        return list(dict.fromkeys(str(rule) for rule in rules if rule is not None))

    def _neighbours(self, resident: Resident) -> Iterable[tuple[str, str]]:
        for digest in resident.lists:
            yield digest, f"{resident.digest} lists it"
        for digest in resident.about:
            yield digest, f"{resident.digest} is about it"
        for digest in self._about.get(resident.digest, ()):
            yield digest, f"it is about {resident.digest}"


def _parents_first(gone: Sequence[Resident]) -> list[Resident]:
    """Order what goes so that nothing goes while an index lists it."""
    by_digest = {resident.digest: resident for resident in gone}
    parents = dict.fromkeys(by_digest, 0)
    for resident in gone:
        for digest in resident.lists & by_digest.keys():
            parents[digest] += 1
    ready = [resident for resident in gone if not parents[resident.digest]]
    ordered: list[Resident] = []
    while ready:
        resident = ready.pop()
        ordered.append(resident)
        for digest in sorted(resident.lists & by_digest.keys()):
            parents[digest] -= 1
            if not parents[digest]:
                ready.append(by_digest[digest])
    return ordered


def _decision(resident: Resident, reasons: Iterable[str]) -> Decision:
    return Decision(Digest.parse(resident.digest), tuple(resident.tags), tuple(reasons), bool(resident.about))
