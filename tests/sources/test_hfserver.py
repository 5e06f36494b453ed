"""The hub of our tests, checked by the real client of Hugging Face."""

import subprocess
import sys
from pathlib import Path

import pytest

from support.hfserver import TOKEN, HubServer

FILES = {
    "README.md": b"# hello\n",
    "config.json": b"{}",
    "model.safetensors": bytes(range(256)) * 200,
    "onnx/model.onnx": b"x" * 20_000,
    "onnx/empty.txt": b"",
}
DOWNLOAD = """
import sys
from huggingface_hub import snapshot_download
repo, kind, revision, directory, token = sys.argv[1:]
print(snapshot_download(repo, repo_type=kind, revision=revision, local_dir=directory, token=token or False))
"""


def download(
    hub: HubServer, repo: str, to: Path, *, kind: str = "model", revision: str = "main", token: str = ""
) -> str:
    """Let the real client download a repository, in a process of its own: it reads its variables at its import."""
    done = subprocess.run(
        [sys.executable, "-c", DOWNLOAD, repo, kind, revision, str(to), token],
        env={
            "HF_ENDPOINT": hub.url,
            "HF_HOME": str(to.parent / "hf"),
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "PATH": "/usr/bin",
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )
    return "" if done.returncode == 0 else done.stderr


def contents(directory: Path) -> dict[str, bytes]:
    """Read what was downloaded, without what the client keeps for itself."""
    files = {path.relative_to(directory).as_posix(): path for path in directory.rglob("*") if path.is_file()}
    return {name: path.read_bytes() for name, path in files.items() if not name.startswith(".cache/")}


@pytest.mark.parametrize("page", [1000, 2])
def test_the_real_client_downloads_a_model(hub: HubServer, tmp_path: Path, page: int) -> None:
    hub.page = page
    hub.model("org/tiny", FILES)
    assert download(hub, "org/tiny", tmp_path / "there") == ""
    assert contents(tmp_path / "there") == FILES


def test_the_real_client_downloads_a_dataset_at_a_tag(hub: HubServer, tmp_path: Path) -> None:
    hub.dataset("org/data", {"train.csv": b"a,b\n"})
    hub.datasets["org/data"].commit({"train.csv": b"c,d\n"}, "v2")
    assert download(hub, "org/data", tmp_path / "there", kind="dataset", revision="v2") == ""
    assert contents(tmp_path / "there") == {"train.csv": b"c,d\n"}


@pytest.mark.parametrize(
    ("options", "token", "message"),
    [
        ({"gated": True}, "", "GatedRepoError"),
        ({"private": True}, "", "RepositoryNotFoundError"),
        ({"gated": True, "private": True}, TOKEN, ""),
    ],
    ids=["gated", "private", "both, with a token"],
)
def test_the_real_client_meets_the_real_refusals(
    hub: HubServer, tmp_path: Path, options: dict[str, bool], token: str, message: str
) -> None:
    hub.model("org/tiny", FILES, **options)
    said = download(hub, "org/tiny", tmp_path / "there", token=token)
    assert message in said
    assert bool(said) == bool(message)
