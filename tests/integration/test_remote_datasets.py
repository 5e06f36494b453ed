"""Datasets that stay in S3 or are in other kits, with a real S3."""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.cli import Program
from support.projects import noise, write_files
from support.swift import Swift, running_swift

HEAD = "manifestVersion: 1.0.0\ncode:\n  - path: src\ndatasets:\n"
CSV = b"a,b\n1,2\n" * 1000


@pytest.fixture(scope="module")
def swift(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Swift]:
    with running_swift(tmp_path_factory.mktemp("swift")) as running:
        running.make_bucket("data")
        running.make_bucket("kept", versioned=True)
        yield running


@pytest.fixture
def client(swift: Swift, tmp_path: Path) -> Program:
    return Program(tmp_path / "home", environ=swift.environ)


def project(directory: Path, url: str, etag: str, path: str = "data/train.csv") -> Path:
    entry = f'  - name: train\n    path: {path}\n    remotePath: "{url}"\n    remoteHash: "{etag}"\n'
    return write_files(directory, {"Kitfile": HEAD + entry, "src/a.py": "a"})


def test_pack_and_unpack_a_dataset_in_s3(swift: Swift, client: Program, tmp_path: Path) -> None:
    etag = swift.put("data", "some dir/träin.csv", CSV)
    url = "s3://data/some%20dir/tr%C3%A4in.csv"
    packed = client.ok("pack", project(tmp_path / "p", url, etag), "-t", "x:v1", "--output", "json").document
    assert [layer["type"] for layer in packed["layers"]] == ["code"]
    lock = json.loads((tmp_path / "p/Kitfile.lock").read_text())
    assert lock["objects"] == {url: {"etag": etag, "size": len(CSV)}}
    without = client.ok("unpack", "x:v1", "-d", tmp_path / "without")
    assert "ModelKit contains remote datasets. To unpack, specify the --include-remote flag" in without.stderr
    assert not (tmp_path / "without/data").exists()
    done = client.ok("unpack", "x:v1", "-d", tmp_path / "with", "--include-remote", "--output", "json").document
    assert (done["remote"], done["skipped"]) == ([url], [])
    assert (tmp_path / "with/data/train.csv").read_bytes() == CSV


def test_pack_when_the_object_is_another_one_then_both_etags_are_said(
    swift: Swift, client: Program, tmp_path: Path
) -> None:
    etag = swift.put("data", "changed.csv", b"now")
    refused = client("pack", project(tmp_path / "p", "s3://data/changed.csv", "0" * 32))
    assert (refused.code, etag in refused.complaint, "0" * 32 in refused.complaint) == (8, True, True)


def test_unpack_when_the_object_has_changed_since_then_nothing_appears(
    swift: Swift, client: Program, tmp_path: Path
) -> None:
    etag = swift.put("data", "moving.csv", b"first")
    client.ok("pack", project(tmp_path / "p", "s3://data/moving.csv", etag), "-t", "x:v1")
    swift.put("data", "moving.csv", b"other")
    refused = client("unpack", "x:v1", "-d", tmp_path / "out", "--include-remote")
    assert (refused.code, "s3://data/moving.csv: the object has changed" in refused.complaint) == (8, True)
    assert not (tmp_path / "out").exists()


def test_unpack_from_a_bucket_that_keeps_versions_then_the_pinned_one_comes(
    swift: Swift, client: Program, tmp_path: Path
) -> None:
    etag = swift.put("kept", "train.csv", b"first")
    client.ok("pack", project(tmp_path / "p", "s3://kept/train.csv", etag), "-t", "x:v1")
    swift.put("kept", "train.csv", b"second")
    client.ok("unpack", "x:v1", "-d", tmp_path / "out", "--include-remote")
    assert (tmp_path / "out/data/train.csv").read_bytes() == b"first"
    client.ok("pack", tmp_path / "p", "-t", "x:v1", "--locked")


def test_a_version_in_the_address_then_that_one_is_meant(swift: Swift, client: Program, tmp_path: Path) -> None:
    etag = swift.put("kept", "named.csv", b"first")
    client.ok("pack", project(tmp_path / "p", "s3://kept/named.csv", etag))
    version = json.loads((tmp_path / "p/Kitfile.lock").read_text())["objects"]["s3://kept/named.csv"]["versionId"]
    swift.put("kept", "named.csv", b"second")
    url = f"s3://kept/named.csv?versionId={version}"
    client.ok("pack", project(tmp_path / "q", url, etag), "-t", "x:v1")
    client.ok("unpack", "x:v1", "-d", tmp_path / "out", "--include-remote")
    assert (tmp_path / "out/data/train.csv").read_bytes() == b"first"


def test_a_large_object_in_parts_then_update_lock_pins_its_content(
    swift: Swift, client: Program, tmp_path: Path
) -> None:
    content = noise(35 << 20)
    etag = swift.put("data", "big.bin", content, parts=5 << 20)
    assert "-" in etag  # no hash of the content
    client.ok("pack", project(tmp_path / "p", "s3://data/big.bin", etag), "-t", "x:v1", "--update-lock")
    pinned = json.loads((tmp_path / "p/Kitfile.lock").read_text())["objects"]["s3://data/big.bin"]
    assert pinned["sha256"] == f"sha256:{hashlib.sha256(content).hexdigest()}"
    client.ok("unpack", "x:v1", "-d", tmp_path / "out", "--include-remote")
    assert (tmp_path / "out/data/train.csv").read_bytes() == content


def test_a_dataset_that_is_another_kit_then_its_datasets_come_below_the_path(
    swift: Swift, client: Program, tmp_path: Path
) -> None:
    etag = swift.put("data", "inner.csv", b"inner")
    inner = project(tmp_path / "inner", "s3://data/inner.csv", etag, "remote/inner.csv")
    write_files(inner, {"Kitfile": (inner / "Kitfile").read_text() + "  - path: here.csv\n", "here.csv": "here"})
    client.ok("pack", inner, "-t", "inner:v1")
    entry = '  - name: all\n    path: data/all\n    remotePath: "inner:v1"\n'
    outer = write_files(tmp_path / "outer", {"Kitfile": HEAD + entry, "src/a.py": "a"})
    client.ok("pack", outer, "-t", "outer:v1")
    skipping = client.ok("unpack", "outer:v1", "-d", tmp_path / "skipped", "--output", "json").document
    assert skipping["skipped"] == ["all"]
    client.ok("unpack", "outer:v1", "-d", tmp_path / "out", "--include-remote", "-f", "datasets")
    found = {path.relative_to(tmp_path / "out").as_posix() for path in (tmp_path / "out").rglob("*") if path.is_file()}
    assert found == {"data/all/here.csv", "data/all/remote/inner.csv"}


PROBLEMS = [
    pytest.param("s3://data/gone.csv", 3, "there is no such object", id="no-object"),
    pytest.param("s3://nowhere/x", 3, "there is no such object", id="no-bucket"),
    pytest.param("s3://UPPER/x", 7, "is not an address in S3", id="bucket"),
    pytest.param("s3://data/x?partNumber=1", 7, "only ?versionId=", id="query"),
    pytest.param("s3://data/x#y", 7, "write ? as %3F", id="fragment"),
]


@pytest.mark.parametrize(("url", "code", "message"), PROBLEMS)
def test_pack_what_is_not_in_s3_then_it_is_named(
    client: Program, tmp_path: Path, url: str, code: int, message: str
) -> None:
    refused = client("pack", project(tmp_path / "p", url, "0" * 32))
    assert (refused.code, message in refused.complaint, "dataset train" in refused.complaint) == (code, True, True), (
        refused
    )


def test_pack_with_a_wrong_secret_then_it_says_which_variables(swift: Swift, tmp_path: Path) -> None:
    swift.put("data", "secret.csv", b"x")
    client = Program(tmp_path / "home", environ={**swift.environ, "S3_SECRET_KEY": "wrong"})
    refused = client("pack", project(tmp_path / "p", "s3://data/secret.csv", "0" * 32))
    assert (refused.code, "S3_SECRET_KEY" in refused.complaint) == (4, True), refused
