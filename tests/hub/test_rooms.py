"""What a part of the hub loads: the core knows no server, and a command that runs no hub pays for none."""

import subprocess
import sys

import pytest

FOREIGN = ("starlette", "granian", "uvloop", "jinja2", "urllib3", "ruamel", "click", "rich", "alembic")


def loaded_by(module: str) -> set[str]:
    return {name.partition(".")[0] for name in modules_of(module)}


def modules_of(module: str) -> set[str]:
    script = f"import sys, {module}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


@pytest.mark.parametrize("module", ["orchard.hub.registry", "orchard.hub.storage.filesystem", "orchard.hub.db.sqlite"])
def test_core_loads_no_server_and_no_client(module: str) -> None:
    assert loaded_by(module).isdisjoint(FOREIGN)


def test_door_of_the_hub_loads_next_to_nothing() -> None:
    assert loaded_by("orchard.hub").isdisjoint({*FOREIGN, "sqlalchemy", "argon2"})


def test_hub_loads_migrations_only_when_there_are_some_to_run() -> None:
    assert "alembic" not in loaded_by("orchard.hub.app.running")


def test_hub_loads_readers_of_versions_only_when_one_is_looked_into() -> None:
    loaded = modules_of("orchard.hub.app.running")
    assert {"orchard.insight", "orchard.archive", "orchard.hub.jobs.studying"}.isdisjoint(loaded)


def test_hub_loads_another_database_only_when_it_has_one() -> None:
    loaded = modules_of("orchard.hub.app.running")
    assert not [module for module in loaded if module.startswith("sqlalchemy.dialects.postgresql")]


def test_hub_loads_tables_and_tools_only_when_they_are_asked_for() -> None:
    loaded = modules_of("orchard.hub.app.running")
    pages = {f"orchard.hub.http.pages.{page}" for page in ("repository", "version", "sheets", "contents", "comparing")}
    assert {*pages, "orchard.hub.app.backup", "orchard.hub.app.desk"}.isdisjoint(loaded)


def test_who_only_looks_after_a_hub_needs_no_server() -> None:
    assert not {"granian", "starlette", "jinja2"} & loaded_by("orchard.hub.app.desk")
