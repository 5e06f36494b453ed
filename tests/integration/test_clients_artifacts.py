"""Clients that know artifacts: oras, regctl, Helm, cosign. What they push is pulled, signed and found again."""

import json
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest

from support.cli import HubProgram, Program
from support.peers import attempt, call
from support.projects import contents, write_files

PLAIN = "--plain-http"
QUIET = ("--tlog-upload=false", "--use-signing-config=false", "--allow-http-registry")  # no service is asked


def ask(hub: HubProgram, path: str) -> Any:  # noqa: ANN401 -- whatever JSON it is
    with urlopen(f"http://{hub.host}/v2/{path}") as answer:
        return json.load(answer)


@pytest.mark.peer("oras")
def test_oras_pushes_attaches_discovers_and_copies(hub: HubProgram, tmp_path: Path) -> None:
    write_files(tmp_path / "files", {"a.txt": "a", "b.txt": "b" * 100_000})
    source, copy = f"{hub.host}/oras-cli/source", f"{hub.host}/oras-cli/copy"
    files = tmp_path / "files"
    call("oras", "push", PLAIN, f"{source}:v1,v2", "a.txt:text/plain", "b.txt", cwd=files)
    call("oras", "attach", PLAIN, "--artifact-type", "application/x-bill", f"{source}:v1", "a.txt", cwd=files)
    call("oras", "copy", "--from-plain-http", "--to-plain-http", "-r", f"{source}:v1", f"{copy}:v1")
    found = json.loads(call("oras", "discover", PLAIN, "--format", "json", f"{copy}:v1"))
    assert [one["artifactType"] for one in found["referrers"]] == ["application/x-bill"]
    assert call("oras", "repo", "tags", PLAIN, source).split() == ["v1", "v2"]
    assert "oras-cli/copy" in call("oras", "repo", "ls", PLAIN, hub.host).split()
    call("oras", "pull", PLAIN, "-o", tmp_path / "back", f"{copy}:v1")
    assert contents(tmp_path / "back") == contents(files)
    call("oras", "manifest", "delete", PLAIN, "-f", f"{copy}:v1")
    assert attempt("oras", "resolve", PLAIN, f"{copy}:v1").returncode == 1
    assert ask(hub, "oras-cli/copy/tags/list")["tags"] == []


@pytest.mark.peer("oras")
def test_oras_shows_the_warning_of_a_kit_that_cannot_be_read(hub: HubProgram, tmp_path: Path) -> None:
    (tmp_path / "config").write_text("no Kitfile")
    config = "config:application/vnd.kitops.modelkit.config.v1+json"
    done = attempt("oras", "push", PLAIN, "--config", config, f"{hub.host}/oras-cli/broken:v1", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "unreadable: " in done.stderr


@pytest.mark.peer("regctl")
def test_regctl_puts_artifacts_and_finds_what_is_about_them(hub: HubProgram, tmp_path: Path) -> None:
    environ = {"HOME": str(tmp_path)}
    (tmp_path / "text").write_text("text")
    name = f"{hub.host}/regctl/thing"

    def regctl(*arguments: str | Path) -> str:
        return call("regctl", *arguments, environ=environ, cwd=tmp_path)

    regctl("registry", "set", "--tls", "disabled", hub.host)
    regctl("artifact", "put", "--artifact-type", "application/x-a", "-f", "text", f"{name}:v1")
    regctl("artifact", "put", "--subject", f"{name}:v1", "--artifact-type", "application/x-b", "-f", "text")
    assert "application/x-b" in regctl("artifact", "list", f"{name}:v1")
    assert regctl("artifact", "get", f"{name}:v1") == "text"
    regctl("image", "copy", "--referrers", f"{name}:v1", f"{hub.host}/regctl/copy:v1")
    assert "application/x-b" in regctl("artifact", "list", f"{hub.host}/regctl/copy:v1")
    regctl("tag", "rm", f"{name}:v1")
    assert regctl("tag", "ls", name).split() == []


@pytest.mark.peer("helm")
def test_helm_pushes_a_chart_and_pulls_it_by_its_newest_version(hub: HubProgram, tmp_path: Path) -> None:
    write_files(tmp_path / "chart", {"Chart.yaml": "apiVersion: v2\nname: chart\nversion: 1.2.0+build.7\n"})
    environ = {"HOME": str(tmp_path)}
    call("helm", "package", "chart", cwd=tmp_path, environ=environ)
    (archive,) = tmp_path.glob("*.tgz")
    call("helm", "push", archive, f"oci://{hub.host}/charts", PLAIN, environ=environ)
    assert ask(hub, "charts/chart/tags/list")["tags"] == ["1.2.0_build.7"]
    shown = call("helm", "show", "chart", f"oci://{hub.host}/charts/chart", PLAIN, environ=environ)
    assert "1.2.0+build.7" in shown
    (tmp_path / "back").mkdir()
    call("helm", "pull", f"oci://{hub.host}/charts/chart", PLAIN, "-d", tmp_path / "back", environ=environ)
    assert (tmp_path / "back" / archive.name).read_bytes() == archive.read_bytes()


@pytest.mark.peer("cosign")
@pytest.mark.parametrize("form", ["tag", "bundle"])
def test_cosign_signs_a_kit_and_verifies_it(hub: HubProgram, shelf: Program, tmp_path: Path, form: str) -> None:
    name = f"signed/{form}"
    digest = shelf.digest("push", "tiny:v1", f"{hub.host}/{name}:v1")
    reference = f"{hub.host}/{name}@{digest}"
    environ = {"COSIGN_PASSWORD": ""}
    legacy = ("--new-bundle-format=false",) if form == "tag" else ()
    call("cosign", "generate-key-pair", cwd=tmp_path, environ=environ)
    call("cosign", "sign", "--yes", "--key", "cosign.key", *QUIET, *legacy, reference, cwd=tmp_path, environ=environ)
    check = ("cosign", "verify", "--key", "cosign.pub", "--insecure-ignore-tlog", "--allow-http-registry", *legacy)
    assert digest in call(*check, reference, cwd=tmp_path, environ=environ)
    signature = f"{digest.replace(':', '-')}.sig"
    assert ask(hub, f"{name}/tags/list")["tags"] == [*([signature] if form == "tag" else []), "v1"]
    about = ask(hub, f"{name}/referrers/{digest}")["manifests"]
    bundle = "application/vnd.dev.sigstore.bundle.v0.3+json"
    assert [one["artifactType"] for one in about] == ([bundle] if form == "bundle" else [])
    with urlopen(f"http://{hub.host}/r/{name}") as page:
        assert ".sig" not in page.read().decode()  # a signature is a fact about a version, and no version
    with urlopen(f"http://{hub.host}/r/{name}:v1") as page:
        shown = page.read().decode()
        assert ("application/vnd.dev.cosign.artifact.sig.v1+json" if form == "tag" else bundle) in shown
