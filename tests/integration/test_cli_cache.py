"""`cache info` and `cache clear`: what may go at any time, and never a version."""

from pathlib import Path

from support.cli import PROGRAMS, Program
from support.projects import write_files


def test_cache_that_is_empty_says_so_and_touches_nothing(program: Program) -> None:
    assert program.ok("cache", "info").stdout == "Cache is currently empty\n"
    assert program.ok("cache", "clear", "--output", "json").document == {"freed": 0, "dryRun": False}
    assert not program.home.exists()


def test_cache_info_prints_what_kit_prints(program: Program) -> None:
    write_files(
        program.home, {"cache/pack/a": b"x" * 3000, "cache/import/b/c": b"x" * 500, "layout/ingest/d": b"x" * 12}
    )
    assert program.ok("cache", "info").lines == [
        "Total size of cache directory: 3.4 KiB",
        "Cache contents:",
        "  ./import           500 B",
        "  ./pack             2.9 KiB",
        "  ./layout/ingest    12 B",
    ]
    assert program.ok("cache", "info", "--output", "json").document["contents"][1] == {
        "path": "cache/pack",
        "size": 3000,
    }
    assert program.ok("cache", "info", "-q").lines == ["cache/import", "cache/pack", "layout/ingest"]


def test_cache_clear_deletes_it_in_silence_and_keeps_versions(program: Program, project: Path) -> None:
    program.ok("pack", project, "-t", "tiny:v1")
    write_files(program.home, {"cache/pack/a": b"x" * 3000, "layout/ingest/sha256-00.partial": b"x" * 12})
    size = program.ok("cache", "info", "--output", "json").document["size"]
    assert size >= 3012  # packing remembers its layers there, too
    assert program.ok("cache", "clear", "--dry-run", "--output", "json").document == {"freed": size, "dryRun": True}
    assert program.ok("cache", "info").lines
    ran = program.ok("cache", "clear")
    assert ran.stdout == ""
    assert program.ok("cache", "info").stdout == "Cache is currently empty\n"
    program.ok("unpack", "tiny:v1", "-d", program.home / "there")


def test_cache_clear_does_not_follow_a_link_out_of_the_home(program: Program, tmp_path: Path) -> None:
    write_files(tmp_path / "mine", {"precious": b"x" * 100})
    write_files(program.home, {"cache/a": b"x"})
    (program.home / "cache/link").symlink_to(tmp_path / "mine")
    program.ok("cache", "clear")
    assert (tmp_path / "mine/precious").is_file()
    (program.home / "cache").rmdir()
    (program.home / "cache").symlink_to(tmp_path / "mine")
    program.ok("cache", "clear")
    assert (tmp_path / "mine/precious").is_file()


def test_help_is_a_command_too(program: Program) -> None:
    assert program.ok("help").stdout == program.ok("--help").stdout
    assert program.ok("help", "cache", "info").stdout == program.ok("cache", "info", "--help").stdout
    assert "Commit: unknown" in Program(program.home, PROGRAMS / "kit").ok("version").stdout
