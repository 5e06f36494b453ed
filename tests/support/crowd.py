"""Many clients at once, who share blobs and get in each other's way, and a ledger of what they were promised.

The promise: what was answered with 201 stays pullable, byte for byte, until somebody deletes it. A version is *live*
from the answer to its push until its deletion is begun; while a deletion or a push is under way, or when its answer was
lost, it is *unsure*: it may be there or not, but never in part.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from http.client import HTTPException
from random import Random
from threading import Event, Lock, Thread

from orchard.oci import Digest
from support.hubclient import Answer, Client, kind_of, manifest, subject

CONFIG = b"{}"
_SIZES = (10, 10, 3_000, 70_000, 400_000)


class State(Enum):
    ABSENT = "absent"
    UNSURE = "unsure"
    LIVE = "live"


@dataclass(eq=False)
class Version:
    """A version that somebody pushes, again and again.

    Attributes:
        lock: Held by whoever pushes or deletes it: two of them at once would not know what to expect.
        turns: Grows whenever it stops being live.
    """

    repository: str
    tag: str
    layers: tuple[bytes, ...]
    raw: bytes = field(repr=False)
    state: State = State.ABSENT
    turns: int = 0
    signed: bool = False
    lock: Lock = field(default_factory=Lock)

    @property
    def target(self) -> str:
        return f"/v2/{self.repository}/manifests/{Digest.of(self.raw)}"

    @property
    def signature(self) -> bytes:
        return manifest(CONFIG, subject=subject(self.raw), artifactType="application/vnd.test.signature")

    def doubt(self) -> None:
        """Whatever was known of it is not sure any more."""
        self.state, self.signed = State.UNSURE, False
        self.turns += 1


class LostError(Exception):
    """The hub went away in the middle of a request."""


class RefusedError(Exception):
    """The hub told a pusher to begin again, because something had been collected: unwelcome, and no broken promise."""


class Crowd:
    """Clients of one hub, or of several that are one.

    Args:
        ask: Sends a request to the hub, whichever that is now.
        seed: Chooses what they do.
        repositories: How many there are.
        versions: How many each of them may hold.
    """

    def __init__(self, ask: Client | Sequence[Client], *, seed: int, repositories: int = 3, versions: int = 8) -> None:
        self.hubs: Sequence[Client] = [ask] if isinstance(ask, Client) else ask
        self._chance = _dice(seed)
        self._stop = Event()
        self._threads: list[Thread] = []
        self.violations: list[str] = []
        self.counts: Counter[str] = Counter()
        pool = [self._chance.randbytes(self._chance.choice(_SIZES)) for _ in range(versions * 2)]
        self.versions = [
            self._version(f"crowd/n{number}", turn, pool) for number in range(repositories) for turn in range(versions)
        ]

    def _version(self, repository: str, turn: int, pool: list[bytes]) -> Version:
        layers = tuple(self._chance.sample(pool, 3))
        raw = manifest(CONFIG, *layers, annotations={"turn": f"{repository} {turn}"})
        return Version(repository, f"v{turn}", layers, raw)

    # Together -----------------------------------------------------------------------------------------------------

    def start(self, *, pushers: int = 3, pullers: int = 1, deleters: int = 1, collectors: int = 1) -> None:
        """Let them begin."""
        self._stop.clear()
        roles = [self.push] * pushers + [self.pull] * pullers + [self.delete] * deleters + [self.collect] * collectors
        self._threads = [Thread(target=self._run, args=(role, self._chance.randrange(10**9))) for role in roles]
        for thread in self._threads:
            thread.start()

    def finish(self) -> None:
        """Let them end what they are doing."""
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _run(self, role: Callable[[Random], None], seed: int) -> None:
        chance = _dice(seed)
        while not self._stop.is_set():
            try:
                role(chance)
            except LostError:
                self.counts["lost"] += 1
                self._stop.wait(0.01)
            except RefusedError:
                self.counts["refused"] += 1
            except Exception as error:  # noqa: BLE001 -- a thread that dies in silence proves nothing
                self.violations.append(f"{role.__name__}: {type(error).__name__}: {error}")

    # One by one ---------------------------------------------------------------------------------------------------

    def push(self, chance: Random) -> None:
        """Push a version, whether it is there or not."""
        version = chance.choice(self.versions)
        with version.lock:
            if version.state is State.LIVE and chance.random() < 0.5:
                self._retag(version, chance)
                return
            for blob in (CONFIG, *version.layers):
                self._push_blob(version.repository, blob, chance)
            self._push_manifest(version)
            if chance.random() < 0.3:
                self._sign(version, chance)

    def _push_blob(self, repository: str, data: bytes, chance: Random) -> None:
        """Push a blob in one of the ways in which clients do; most ask first."""
        digest = Digest.of(data)
        if chance.random() < 0.7 and self._ask("HEAD", f"/v2/{repository}/blobs/{digest}").status == 200:
            return
        uploads = f"/v2/{repository}/blobs/uploads/"
        way = chance.choice(["mount", "whole", "put", "chunks"])
        if way == "whole":
            self._expect(self._ask("POST", f"{uploads}?digest={digest}", data), 201)
            return
        query = f"?mount={digest}&from=crowd/n{chance.randrange(3)}" if way == "mount" else ""
        begun = self._expect(self._ask("POST", uploads + query), 201, 202)
        if begun.status == 201:
            self.counts["mounted"] += 1
            return
        self._fill(begun.headers["location"], data, digest, chunks=way == "chunks")

    def _fill(self, location: str, data: bytes, digest: Digest, *, chunks: bool) -> None:
        rest = data
        if chunks:
            half = len(data) // 2
            chunk = {"content-range": f"0-{half - 1}", "content-type": "application/octet-stream"}
            location = self._expect(self._ask("PATCH", location, data[:half], chunk), 202).headers["location"]
            rest = data[half:]
        self._expect(self._ask("PUT", f"{location}?digest={digest}", rest), 201)

    def _push_manifest(self, version: Version) -> None:
        before = version.state
        if before is State.ABSENT:
            version.state = State.UNSURE
        answer = self._put_manifest(version.repository, version.raw, version.tag)
        if answer.status == 404 and answer.code == "MANIFEST_BLOB_UNKNOWN":
            version.state = before
            raise RefusedError
        self._expect(answer, 201)
        version.state = State.LIVE
        self.counts["pushed"] += 1

    def _sign(self, version: Version, chance: Random) -> None:
        self._push_blob(version.repository, CONFIG, chance)
        answer = self._put_manifest(version.repository, version.signature, str(Digest.of(version.signature)))
        if answer.status == 404:
            raise RefusedError
        self._expect(answer, 201)
        version.signed = True
        self.counts["signed"] += 1

    def _retag(self, version: Version, chance: Random) -> None:
        """Delete the tag, and push the same bytes again: the version was there all the time."""
        self._expect(self._ask("DELETE", f"/v2/{version.repository}/manifests/{version.tag}"), 202, 404)
        if chance.random() < 0.5:
            self._expect(self._put_manifest(version.repository, version.raw, "latest"), 201)
        self._expect(self._put_manifest(version.repository, version.raw, version.tag), 201)
        self.counts["retagged"] += 1

    def delete(self, chance: Random) -> None:
        """Delete a version that is there."""
        version = chance.choice(self.versions)
        with version.lock:
            if version.state is not State.LIVE:
                self._stop.wait(0.005)
                return
            version.doubt()
            self._expect(self._ask("DELETE", version.target), 202)
            version.state = State.ABSENT
            self.counts["deleted"] += 1

    def pull(self, chance: Random) -> None:
        """Pull a version; it must be whole if it was live all the time."""
        version = chance.choice(self.versions)
        if version.state is not State.LIVE:
            self._stop.wait(0.005)
            return
        turns, signed = version.turns, version.signed
        wrong = self._pulled(version, signed=signed)
        if wrong is not None and version.turns == turns and version.state is State.LIVE:
            self.violations.append(f"{version.repository}:{version.tag}: {wrong}")
        self.counts["pulled"] += wrong is None

    def collect(self, _: Random) -> None:
        """Have garbage collected, and wait until that is done."""
        asked = self._ask("POST", "/api/v1/upkeep/garbage", b"{}", {"content-type": "application/json"})
        task = self._expect(asked, 202).json["id"]
        while not self._stop.wait(0.02):
            state = self._expect(self._ask("GET", f"/api/v1/upkeep/tasks/{task}"), 200).json["state"]
            if state not in {"waiting", "running"}:
                self.counts[f"collected: {state}"] += 1
                return

    # Looking back -------------------------------------------------------------------------------------------------

    def check(self) -> None:
        """See that all that was promised is there, and that nothing is there in part. Nobody else may be at work."""
        for version in self.versions:
            self._check(version)
        for repository in sorted({version.repository for version in self.versions}):
            for tag in self._tags(repository):
                if self._ask("GET", f"/v2/{repository}/manifests/{tag}").status != 200:
                    self.violations.append(f"{repository}:{tag} leads nowhere")

    def _check(self, version: Version) -> None:
        there = self._ask("GET", version.target).status == 200
        if there or version.state is State.LIVE:
            wrong = self._pulled(version, signed=version.signed)
            if wrong is not None:
                self.violations.append(f"{version.repository}:{version.tag} ({version.state.value}): {wrong}")
        version.state = State.LIVE if there else State.ABSENT

    def named(self) -> set[Digest]:
        """What the manifests name that are there."""
        found: set[Digest] = set()
        for version in self.versions:
            if self._ask("GET", version.target).status == 200:
                found.update(map(Digest.of, (CONFIG, *version.layers)))
            signature = f"/v2/{version.repository}/manifests/{Digest.of(version.signature)}"
            if self._ask("GET", signature).status == 200:
                found.add(Digest.of(CONFIG))
        return found

    def _tags(self, repository: str) -> list[str]:
        answer = self._ask("GET", f"/v2/{repository}/tags/list")
        return list(answer.json["tags"]) if answer.status == 200 else []

    def _pulled(self, version: Version, *, signed: bool) -> str | None:
        """Pull a version; tell what was wrong."""
        answer = self._ask("GET", version.target)
        if (answer.status, answer.body) != (200, version.raw):
            return f"its manifest: {answer.status}"
        for data in (CONFIG, *version.layers):
            answer = self._ask("GET", f"/v2/{version.repository}/blobs/{Digest.of(data)}")
            if (answer.status, answer.body) != (200, data):
                return f"blob {Digest.of(data)}: {answer.status}, {len(answer.body)} bytes"
        if signed:
            answer = self._ask("GET", f"/v2/{version.repository}/manifests/{Digest.of(version.signature)}")
            if (answer.status, answer.body) != (200, version.signature):
                return f"its signature: {answer.status}"
        return None

    # Asking -------------------------------------------------------------------------------------------------------

    def _put_manifest(self, repository: str, raw: bytes, reference: str) -> Answer:
        return self._ask("PUT", f"/v2/{repository}/manifests/{reference}", raw, {"content-type": kind_of(raw)})

    def _ask(self, method: str, target: str, body: bytes = b"", headers: dict[str, str] | None = None) -> Answer:
        self.counts["requests"] += 1
        hub = self.hubs[self.counts["requests"] % len(self.hubs)]
        try:
            return hub.request(method, target, body, headers)
        except (OSError, HTTPException) as error:
            raise LostError(f"{method} {target}: {error}") from error

    def _expect(self, answer: Answer, *statuses: int) -> Answer:
        assert answer.status in statuses, f"{answer.status} instead of {statuses}: {answer.body[:300]!r}"
        return answer


def _dice(seed: int) -> Random:
    return Random(seed)  # noqa: S311 -- repeatable, and no secret
