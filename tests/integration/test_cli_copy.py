import pytest

from orchard.oci import dumps, mediatype
from orchard.remote import Registry
from orchard.store import Bytes
from support.cli import HubProgram, Program
from support.clients import blob, manifest, named
from support.faultserver import FaultServer, answer
from support.registries import Running


def sign(host: str, repository: str, digest: str, *, tag: bool) -> str:
    """Put a signature beside a version: one that refers to it, or one that a tag leads to."""
    with Registry(host) as registry:
        repo = registry.repository(repository)
        subject = repo.resolve(digest)
        raw = manifest(subject=None if tag else subject, kind="application/vnd.test.signature")
        repo.push(blob(b"{}"), Bytes(b"{}"))
        repo.push(named(raw), Bytes(raw))
        if tag:
            repo.tag(named(raw), f"sha256-{subject.digest.hex}.sig")
    return str(named(raw).digest)


def referrers(host: str, repository: str, digest: str) -> list[str]:
    with Registry(host) as registry:
        repo = registry.repository(repository)
        return [str(found.digest) for found in repo.referrers(repo.resolve(digest).digest)]


@pytest.fixture
def pushed(shelf: Program, hub: HubProgram) -> str:
    return shelf.digest("push", "tiny:v1", f"{hub.host}/copy/here:v1")


@pytest.mark.peer("docker-registry")
def test_copy_goes_from_registry_to_registry_and_back_with_signatures(
    program: Program, hub: HubProgram, registry: Running, pushed: str
) -> None:
    """Debian's docker-registry 2.8 has no referrers API, so the tag scheme is in between."""
    signatures = {sign(hub.host, "copy/here", pushed, tag=tag) for tag in (False, True)}

    there = program.ok("copy", f"{hub.host}/copy/here:v1", f"{registry.host}/copy/there", "--output", "json").document
    program.ok("copy", f"{registry.host}/copy/there:v1", f"{hub.host}/copy/back:final")

    (version,) = there["versions"]
    assert (version["digest"], version["tags"]) == (pushed, ["v1"])
    assert {referrer["digest"] for referrer in version["referrers"]} == signatures
    for host, repository in ((registry.host, "copy/there"), (hub.host, "copy/back")):
        assert set(referrers(host, repository, pushed)) < signatures
    assert program.digest("inspect", "--remote", f"{hub.host}/copy/back:final") == pushed
    assert not (program.home / "layout/blobs").exists()


def test_copy_says_what_it_does(program: Program, hub: HubProgram, pushed: str) -> None:
    signature = sign(hub.host, "copy/here", pushed, tag=False)

    rehearsed = program.ok("copy", "--dry-run", f"{hub.host}/copy/here:v1", f"{hub.host}/copy/said:v1,v2")
    copied = program.ok("copy", f"{hub.host}/copy/here:v1", f"{hub.host}/copy/said:v1,v2")

    assert rehearsed.lines[0] == f"Would copy {pushed} to {hub.host}/copy/said as v1,v2"
    assert copied.lines[0] == f"Copied {pushed} to {hub.host}/copy/said as v1,v2"
    assert f"  application/vnd.test.signature {signature}" in copied.lines
    assert copied.lines[-1].endswith("; 0 were there")
    assert program.ok("copy", "-q", f"{hub.host}/copy/here:v1", f"{hub.host}/copy/said").lines == [pushed]


def test_copy_without_referrers(program: Program, hub: HubProgram, pushed: str) -> None:
    sign(hub.host, "copy/here", pushed, tag=False)

    program.ok("copy", "--no-referrers", f"{hub.host}/copy/here:v1", f"{hub.host}/copy/alone:v1")

    assert referrers(hub.host, "copy/alone", pushed) == []


def test_copy_of_all_tags(shelf: Program, program: Program, hub: HubProgram, pushed: str) -> None:
    shelf.ok("push", "tiny:v2", f"{hub.host}/copy/tags:v2,latest")
    shelf.ok("push", "tiny:v1", f"{hub.host}/copy/tags:v1")

    copied = program.ok("copy", "--all-tags", f"{hub.host}/copy/tags", f"{hub.host}/copy/all", "--output", "json")

    assert [version["tags"] for version in copied.document["versions"]] == [["latest", "v1", "v2"]]
    assert program.digest("inspect", "--remote", f"{hub.host}/copy/all:latest") == pushed


def test_copy_within_a_registry_sends_no_blob(shelf: Program, program: Program) -> None:
    with FaultServer() as server:
        shelf.ok("push", "tiny:v1", f"{server.host}/team/model:v1")
        server.seen.clear()

        def is_new(path: str) -> bool:  # the fault server keeps one heap of blobs
            return "/team/copy/" in path

        server.on("HEAD", "/team/copy/blobs/", lambda exchange: exchange.reply(404), 1 << 30)
        server.on("HEAD", "/team/copy/manifests/", lambda exchange: exchange.reply(404), 1 << 30)
        program.ok("copy", f"{server.host}/team/model:v1", f"{server.host}/team/copy:v1")

    assert not [seen for seen in server.seen if seen.method == "GET" and "/blobs/" in seen.path]
    sent = [seen for seen in server.seen if is_new(seen.path) and seen.received]
    assert {seen.path.rpartition("/manifests/")[1] for seen in sent} == {"/manifests/"}


def test_copy_of_what_refers_to_itself_ends(shelf: Program, program: Program, hub: HubProgram) -> None:
    """A registry may list anything as a referrer of anything (GHSA-298f-872v-2rcx)."""
    with FaultServer() as server:
        root = shelf.digest("push", "tiny:v1", f"{server.host}/team/model:v1")
        signature = sign(server.host, "team/model", root, tag=False)
        kinds = {digest: len(data) for digest, (_, data) in server.manifests.items()}
        listed = [
            {"mediaType": mediatype.OCI_MANIFEST, "digest": digest, "size": kinds[digest]}
            for digest in (root, signature)
        ]
        index = dumps({"schemaVersion": 2, "mediaType": mediatype.OCI_INDEX, "manifests": listed})
        server.on("GET", "/referrers/", answer(200, {"Content-Type": mediatype.OCI_INDEX}, index), 1 << 30)

        copied = program.ok("copy", f"{server.host}/team/model:v1", f"{hub.host}/copy/round", "--output", "json")

    (version,) = copied.document["versions"]
    assert [referrer["digest"] for referrer in version["referrers"]] == [signature]


def test_copy_from_a_registry_that_lies_is_refused(shelf: Program, program: Program, hub: HubProgram) -> None:
    with FaultServer() as server:
        shelf.ok("push", "tiny:v1", f"{server.host}/team/model:v1")
        for digest, data in server.blobs.items():
            server.blobs[digest] = data[:-1] + b"?"

        ran = program("copy", f"{server.host}/team/model:v1", f"{hub.host}/copy/lie:v1")

    assert ran.code == 6
    assert "source" in ran.complaint
    assert program("inspect", "--remote", f"{hub.host}/copy/lie:v1").code == 3


def test_copy_of_an_artifact_that_is_no_modelkit(program: Program, hub: HubProgram) -> None:
    raw = manifest(blob(b"any bytes"))
    with Registry(hub.host) as registry:
        repo = registry.repository("copy/any")
        for data in (b"{}", b"any bytes"):
            repo.push(blob(data), Bytes(data))
        repo.push(named(raw), Bytes(raw))
        repo.tag(named(raw), "v1")

    program.ok("copy", f"{hub.host}/copy/any:v1", f"{hub.host}/copy/any2")

    with Registry(hub.host) as registry:
        assert registry.repository("copy/any2").resolve("v1").media_type == mediatype.OCI_MANIFEST


def test_copy_into_the_local_store_is_a_pull_under_another_name(program: Program, hub: HubProgram, pushed: str) -> None:
    sign(hub.host, "copy/here", pushed, tag=False)

    program.ok("copy", f"{hub.host}/copy/here:v1", "mine:v1")

    assert program.digest("inspect", "mine:v1") == pushed
    assert [listed["repo"] for listed in program.ok("list", "--output", "json").document] == ["mine"]


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("{hub}/copy/nothing:v1", "{hub}/copy/x"), 3, "copy/nothing:v1 does not exist"),
        (("{hub}/copy/here:v1", "127.0.0.1:1/copy/x"), 5, "127.0.0.1:1"),
        (("{hub}/copy/here:v1", "{hub}/copy/x@sha256:" + "0" * 64), 2, "a copy keeps its digest"),
        (("nothing:v1", "{hub}/copy/x"), 3, "nothing:v1: not in the local store"),
    ],
)
def test_copy_that_fails_says_why(
    program: Program, hub: HubProgram, pushed: str, *, words: tuple[str, ...], code: int, message: str
) -> None:
    assert pushed

    ran = program("copy", *(word.format(hub=hub.host) for word in words))

    assert ran.code == code
    assert message in ran.complaint


def test_copy_of_what_is_not_here_says_how_to_see_what_is(program: Program) -> None:
    assert program("copy", "none", "other").complaint == "none:latest: not in the local store; see: orchard list"
