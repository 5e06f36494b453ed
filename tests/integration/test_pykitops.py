"""KitOps' own Python SDK, `kitops` 1.5, run as its users run it: our program is the `kit` that it finds on PATH."""

import subprocess
from pathlib import Path

import pytest
from kitops.cli import kit
from kitops.modelkit.kitfile import Kitfile
from kitops.modelkit.manager import ModelKitManager
from kitops.modelkit.reference import ModelKitReference
from kitops.modelkit.user import UserCredentials

from support.cli import PROGRAMS, HubProgram
from support.hfserver import HubServer
from support.projects import contents, make_project, write_files
from support.registries import PASSWORD, USER, Running, docker_registry

PLAIN = {"plain-http": True}


@pytest.fixture(autouse=True)
def _our_kit_on_path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", f"{PROGRAMS}:/usr/bin:/bin")
    monkeypatch.setenv("KITOPS_HOME", str(tmp_path / "kit-home"))
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def local(tmp_path: Path) -> Path:
    # The SDK's own model of a Kitfile knows no names of prompts
    return make_project(tmp_path / "project", prompts=False)


def test_every_function_works_on_a_hub(local: Path, hub: HubProgram, tmp_path: Path) -> None:
    reference = f"{hub.host}/sdk/tiny:v1"
    assert "Version: " in kit.version()
    kit.pack(reference, str(local), compression="gzip", file=str(local / "Kitfile"), progress="none")
    kit.push(reference, concurrency="2", **PLAIN)
    kit.remove(reference)
    kit.pull(reference, **PLAIN, v=True)
    inspected = kit.inspect(reference)
    assert inspected == kit.inspect(reference, remote=True, **PLAIN)
    assert inspected["kitfile"]["model"]["name"] == "tiny-model"
    assert kit.info(reference)["package"]["authors"] == ["Ada", "Grace"]
    assert kit.info(reference, filters=["model.parameters"], remote=True, **PLAIN) == {"epochs": 3, "rate": 0.5}
    kit.tag(reference, "renamed:v2")
    assert "renamed" in kit.list()
    assert "sdk/tiny" in kit.list(reference.rpartition(":")[0], **PLAIN)
    kit.unpack(reference, str(tmp_path / "there"), overwrite=True)
    assert contents(tmp_path / "there") == contents(local)
    kit.unpack(reference, str(tmp_path / "part"), filters=["model", "docs:README.md"], **PLAIN)
    assert sorted(path.name for path in (tmp_path / "part").iterdir()) == ["README.md", "model"]
    kit.remove(reference, remote=True, **PLAIN)
    with pytest.raises(subprocess.CalledProcessError):
        kit.inspect(reference, remote=True, **PLAIN)
    kit.remove("renamed:v2", force=True)


def test_init_gives_a_kitfile_that_the_sdk_reads(tmp_path: Path) -> None:
    write_files(tmp_path / "new", {"model.onnx": "x", "README.md": "# x\n"})
    kitfile = kit.init(str(tmp_path / "new"), "fresh", "What it is", "Ada", force=True)
    assert isinstance(kitfile, Kitfile)
    package = kitfile.package
    assert (package.name, package.description, package.authors) == ("fresh", "What it is", ["Ada"])


def test_import_from_hugging_face_works(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with HubServer() as server:
        server.model("Org/Tiny", {"config.json": b"{}", "model.safetensors": b"weights"})
        monkeypatch.setenv("HF_ENDPOINT", server.url)
        kit.import_from_hf("Org/Tiny", tag="mine:v1")
        kit.unpack("mine:v1", str(tmp_path / "there"))
    assert (tmp_path / "there/model.safetensors").read_bytes() == b"weights"


@pytest.mark.peer("docker-registry")
def test_manager_packs_pushes_pulls_and_removes_with_a_login_each_time(local: Path, tmp_path: Path) -> None:
    (tmp_path / "registry").mkdir()
    with docker_registry(tmp_path / "registry", htpasswd=True) as registry:
        credentials = UserCredentials(username=USER, password=PASSWORD, registry=registry.host, namespace="team")
        tag = f"{registry.host}/team/tiny:v1"
        manager = ModelKitManager(str(local), credentials, modelkit_tag=tag)
        manager.login()
        manager.pack_and_push_modelkit()
        _assert_pulled(registry, credentials, local, tmp_path)
        manager.remove_modelkit(local=True, remote=True)
        with pytest.raises(subprocess.CalledProcessError):
            manager.inspect_modelkit()


def _assert_pulled(registry: Running, credentials: UserCredentials, local: Path, tmp_path: Path) -> None:
    reference = ModelKitReference(f"{registry.host}/team/tiny:v1")
    whole = ModelKitManager(str(tmp_path / "whole"), credentials, reference)
    whole.pull_and_unpack_modelkit(load_kitfile=True)
    assert contents(tmp_path / "whole") == contents(local)
    assert whole.kitfile.model.parameters == {"epochs": 3, "rate": 0.5}
    part = ModelKitManager(str(tmp_path / "part"), credentials, modelkit_tag=f"{registry.host}/team/tiny:v1")
    part.pull_and_unpack_modelkit(filters=["model"])
    assert [path.name for path in (tmp_path / "part").iterdir()] == ["model"]


def test_kitfile_of_the_sdk_packs_and_comes_back_the_same(tmp_path: Path) -> None:
    write_files(tmp_path / "project", {"model.bin": "weights", "data.csv": "1,2\n"})
    kitfile = Kitfile()
    kitfile.manifestVersion = "1.0"
    kitfile.package = {"name": "sdk", "version": "1.0.0", "authors": ["Ada"]}
    kitfile.model = {"name": "m", "path": "model.bin", "parameters": {"layers": [1, 2], "rate": 0.1}}
    kitfile.datasets = [{"name": "d", "path": "data.csv", "description": "Numbers: some"}]
    kitfile.save(str(tmp_path / "project/Kitfile"), print=False)
    kit.pack("sdk:v1", str(tmp_path / "project"))
    kit.unpack("sdk:v1", str(tmp_path / "there"))
    back = Kitfile(str(tmp_path / "there/Kitfile"))
    assert back.to_yaml() == kitfile.to_yaml()


def test_failure_is_the_exception_that_users_of_the_sdk_catch(tmp_path: Path) -> None:
    with pytest.raises(subprocess.CalledProcessError) as caught:
        kit.unpack("nothing:v1", str(tmp_path))
    assert "nothing:v1" in caught.value.stderr
