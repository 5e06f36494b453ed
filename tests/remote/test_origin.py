import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchard.errors import InvalidReferenceError, RemoteError
from orchard.remote.origin import Origin, Url, split_host


@pytest.mark.parametrize(
    ("text", "origin", "path", "query"),
    [
        ("https://Ghcr.IO", "https://ghcr.io", "/", ""),
        ("https://ghcr.io:443/v2/", "https://ghcr.io", "/v2/", ""),
        ("http://localhost:5000/v2/a?b=c&d", "http://localhost:5000", "/v2/a", "b=c&d"),
        ("http://[::1]:80/x#fragment", "http://[::1]", "/x", ""),
        ("https://host_with_underscore/x%2Fy?sig=a%2Bb", "https://host_with_underscore", "/x%2Fy", "sig=a%2Bb"),
    ],
)
def test_url_when_usual_is_taken_apart(text: str, origin: str, path: str, query: str) -> None:
    url = Url.parse(text)

    assert (str(url.origin), url.path, url.query) == (origin, path, query)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ghcr.io/v2/",
        "ftp://ghcr.io/",
        "file:///etc/passwd",
        "https://",
        "https://user:canary@host/",
        "https://good.example\\@evil.example/",
        "https://good.example @evil.example/",
        "https://good.example\n/",
        "https://host:99999/",
        "https://host:port/",
        "https://[::1/",
        "https://-bad-/",
        "https://hä.example/",
        "https://host/" + "x" * 9000,
    ],
)
def test_url_when_it_could_be_read_in_two_ways_is_refused(text: str) -> None:
    with pytest.raises(RemoteError, match="not a URL that may be followed"):
        Url.parse(text)


def test_url_that_names_a_user_is_refused_without_repeating_the_password() -> None:
    with pytest.raises(RemoteError, match=r"names a user \(host\.example\)$") as caught:
        Url.parse("https://user:canary@host.example/")

    assert "canary" not in str(caught.value)


@pytest.mark.parametrize(
    ("location", "joined"),
    [
        ("/v2/b?x=1", "https://host:8443/v2/b?x=1"),
        ("c", "https://host:8443/v2/c"),
        ("?n=2", "https://host:8443/v2/a?n=2"),
        ("//other/x", "https://other/x"),
        ("http://other:81/x", "http://other:81/x"),
    ],
)
def test_join_resolves_like_a_browser(location: str, joined: str) -> None:
    assert str(Url.parse("https://host:8443/v2/a").join(location)) == joined


@pytest.mark.parametrize("location", ["", "a b", "a\r\nX: y", "javascript:alert(1)", "\\\\evil"])
def test_join_when_the_location_is_strange_is_refused(location: str) -> None:
    with pytest.raises(RemoteError, match=r"unusable address|not a URL"):
        Url.parse("https://host/v2/").join(location)


def test_repr_and_where_hide_the_query() -> None:
    url = Url.parse("https://host/x?signature=canary")

    assert "canary" not in repr(url)
    assert url.where == "https://host/x?…"
    assert str(url).endswith("canary")


def test_asking_keeps_what_is_there_and_escapes_what_is_added() -> None:
    url = Url.parse("https://host/x?state=a%2Fb").asking({"digest": "sha256:00", "text": "a&b c"})

    assert url.query == "state=a%2Fb&digest=sha256:00&text=a%26b%20c"


@pytest.mark.parametrize(
    ("text", "origin"),
    [
        ("ghcr.io", Origin("https", "ghcr.io", 443)),
        ("Host:5000", Origin("https", "host", 5000)),
        ("[::1]:5000", Origin("https", "::1", 5000)),
    ],
)
def test_split_host_reads_host_and_port(text: str, origin: Origin) -> None:
    assert split_host(text, "https") == origin


@pytest.mark.parametrize(
    "text", ["", "https://ghcr.io", "host/path", "host:0", "host:70000", "a b", "user@host", "host:"]
)
def test_split_host_when_it_is_no_host_is_refused(text: str) -> None:
    with pytest.raises(InvalidReferenceError, match="is not a registry host"):
        split_host(text, "https")


@pytest.mark.parametrize(
    ("host", "loopback"),
    [("localhost", True), ("127.9.9.9", True), ("::1", True), ("localhost.example", False), ("128.0.0.1", False)],
)
def test_loopback_is_this_machine_only(host: str, *, loopback: bool) -> None:
    assert Origin("http", host, 80).is_loopback is loopback


@given(st.text(max_size=60))
def test_parse_gives_back_what_it_accepts_or_refuses(text: str) -> None:
    try:
        url = Url.parse("https://" + text)
    except RemoteError:
        return
    again = Url.parse(str(url))
    assert again == url
    assert "@" not in str(url.origin)
