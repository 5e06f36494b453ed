"""What a hub is told: file, environment and flags, one schema for all three."""

from pathlib import Path

import pytest

from orchard.errors import InvalidDocumentError, OrchardError, StorageError, UsageError
from orchard.hub.settings import FILE, KEYS, Kind, Login, Settings, load_settings, parse_flag


def load(home: Path, environ: dict[str, str] | None = None, **flags: object) -> Settings:
    return load_settings(environ or {}, flags, data=home)


def test_nothing_said_gives_the_defaults(tmp_path: Path) -> None:
    assert load(tmp_path) == Settings(data=tmp_path)


def test_typed_beats_the_environment_and_that_beats_the_file(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text('port = 1\nhost = "file"\nkeep-deleted = "14d"\n')
    environ = {"ORCHARD_HUB_PORT": "2", "ORCHARD_HUB_HOST": "environment"}
    found = load(tmp_path, environ, port=3)
    assert (found.port, found.host, float(found.keep_deleted)) == (3, "environment", 14 * 24 * 3600)


def test_file_is_looked_for_in_the_data_directory_that_was_said(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / FILE).write_text("workers = 7\n")
    assert load(tmp_path, {"ORCHARD_HUB_DATA": str(tmp_path / "other")}).workers == 7
    assert load(tmp_path, data=tmp_path / "other").workers == 7


def test_file_may_be_named_elsewhere(tmp_path: Path) -> None:
    named = tmp_path / "named.toml"
    named.write_text('login = "required"\n')
    assert load(tmp_path, {"ORCHARD_HUB_SETTINGS": str(named)}).login is Login.REQUIRED
    assert load_settings({}, {}, data=tmp_path, file=named).login is Login.REQUIRED


def test_secret_may_stand_in_a_file_of_its_own(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("only for this test\n")
    found = load(tmp_path, {"ORCHARD_HUB_ADMIN_PASSWORD_FILE": str(secret)})
    assert found.admin_password == "only for this test"
    assert "only for this test" not in repr(found)


def test_old_name_of_the_password_still_works(tmp_path: Path) -> None:
    assert load(tmp_path, {"ORCHARD_ADMIN_PASSWORD": "only for this test"}).admin_password == "only for this test"


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("keep-deleted", "90", 90),
        ("keep-deleted", "5min", 300),
        ("keep-deleted", "1.5h", 5400),
        ("keep-deleted", "7d", 604_800),
        ("recall", "4096", 4096),
        ("recall", "64MiB", 64 << 20),
        ("recall", "1 gib", 1 << 30),
        ("access-log", "yes", True),
        ("access-log", "OFF", False),
        ("login", "open", "open"),
    ],
)
def test_values_are_read_as_people_write_them(name: str, text: str, value: object) -> None:
    assert parse_flag(KEYS[name], text) == value


@pytest.mark.parametrize(
    ("environ", "complaint"),
    [
        ({"ORCHARD_HUB_PORTS": "1"}, r"\$ORCHARD_HUB_PORTS is no setting"),
        ({"ORCHARD_HUB_PORT": "http"}, "port: 'http' is not a whole number"),
        ({"ORCHARD_HUB_PORT": "65536"}, "port: expected `int` <= 65535"),
        ({"ORCHARD_HUB_KEEP_DELETED": "soon"}, "keep-deleted: 'soon' is not a time"),
        ({"ORCHARD_HUB_KEEP_DELETED": "3 weeks"}, "keep-deleted: '3 weeks' is not a time"),
        ({"ORCHARD_HUB_RECALL": "-1"}, "recall: '-1' is not a size"),
        ({"ORCHARD_HUB_TOKEN_LIFETIME": "1d"}, "token-lifetime: expected"),
        ({"ORCHARD_HUB_LOGIN": "maybe"}, "login: 'maybe' is not one of auto, required, open"),
        ({"ORCHARD_HUB_ACCESS_LOG": "2"}, "access-log: '2' is not true or false"),
        ({"ORCHARD_HUB_TLS_CERT": "a.pem"}, "tls-cert and tls-key belong together"),
    ],
)
def test_what_cannot_be_is_refused_by_name(tmp_path: Path, environ: dict[str, str], complaint: str) -> None:
    with pytest.raises(UsageError, match=complaint):
        load(tmp_path, environ)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("ports = 1", "ports is not a setting"),
        ('data = "/srv"', "data belongs on the command line"),
        ('port = "1"', "port is to be a whole number"),
        ("port = true", "port is to be a whole number"),
        ("access-log = 1", "access-log is to be true or false"),
        ("host = 1", "host is to be a text"),
        ('keep-deleted = "soon"', "'soon' is not a time"),
        ("port = ", "is not TOML"),
        ("a" * (1 << 20) + " = 1", "has more than 1048576 bytes"),
    ],
)
def test_file_with_what_cannot_be_is_refused_by_name(tmp_path: Path, text: str, complaint: str) -> None:
    (tmp_path / FILE).write_text(text)
    with pytest.raises(InvalidDocumentError, match=complaint):
        load(tmp_path)


@pytest.mark.parametrize(
    ("environ", "complaint"),
    [
        ({"ORCHARD_HUB_SETTINGS": "/nonexistent/hub.toml"}, "there is no settings file"),
        ({"ORCHARD_HUB_SETTINGS": "/"}, "cannot be read"),
        ({"ORCHARD_HUB_ADMIN_PASSWORD_FILE": "/nonexistent"}, "cannot be read"),
    ],
)
def test_file_that_cannot_be_read_is_told(tmp_path: Path, environ: dict[str, str], complaint: str) -> None:
    with pytest.raises(StorageError, match=complaint):
        load(tmp_path, environ)


def test_every_setting_says_what_it_does() -> None:
    assert all(key.help.endswith(".") for key in KEYS.values())


@pytest.mark.parametrize("name", [name for name, key in KEYS.items() if key.kind is not Kind.TABLES])
def test_every_setting_has_a_variable(tmp_path: Path, name: str) -> None:
    try:
        load(tmp_path, {KEYS[name].variable: "?"})
    except OrchardError as error:
        assert "is no setting" not in str(error)  # noqa: PT017 -- most values are wrong, and that is fine
