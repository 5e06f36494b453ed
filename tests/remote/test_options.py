from pathlib import Path

import pytest

from orchard.errors import UsageError
from orchard.remote import Options, Proxies
from orchard.remote.origin import Url


@pytest.mark.parametrize(
    ("host", "options", "scheme"),
    [
        ("ghcr.io", Options(), "https"),
        ("10.0.0.1:5000", Options(), "https"),
        ("localhost:5000", Options(), "http"),
        ("127.0.0.1:5000", Options(), "http"),
        ("[::1]:5000", Options(), "http"),
        ("localhost:443", Options(), "https"),
        ("localhost:5000", Options(tls_verify=False), "https"),
        ("localhost:5000", Options(ca_files=(Path("ca.pem"),)), "https"),
        ("localhost:5000", Options(client_cert=Path("c.pem")), "https"),
        ("localhost:5000", Options(plain_http=False), "https"),
        ("ghcr.io", Options(plain_http=True), "http"),
        ("localhost:5000", Options(plain_http=True, tls_verify=False), "http"),
    ],
)
def test_plain_http_is_used_for_loopback_or_where_it_was_chosen(host: str, options: Options, scheme: str) -> None:
    assert options.origin(host).scheme == scheme


def test_concurrency_below_one_is_refused() -> None:
    with pytest.raises(UsageError, match=r"invalid argument for concurrency \(0\): must be at least 1"):
        Options(concurrency=0)


def test_client_key_without_certificate_is_refused() -> None:
    with pytest.raises(UsageError, match="needs a certificate"):
        Options(client_key=Path("key.pem"))


@pytest.mark.parametrize(
    ("options", "environ", "pair"),
    [
        (Options(), {}, (None, None)),
        (Options(), {"KITOPS_CLIENT_CERT": "c", "KITOPS_CLIENT_KEY": "k"}, (Path("c"), Path("k"))),
        (Options(), {"KITOPS_CLIENT_CERT": "c"}, (Path("c"), None)),
        (Options(), {"KITOPS_CLIENT_KEY": "k"}, (None, None)),
        (
            Options(client_cert=Path("mine")),
            {"KITOPS_CLIENT_CERT": "c", "KITOPS_CLIENT_KEY": "k"},
            (Path("mine"), None),
        ),
    ],
)
def test_client_certificate_of_the_environment_yields_to_an_explicit_one(
    options: Options, environ: dict[str, str], pair: tuple[Path | None, Path | None]
) -> None:
    filled = options.with_environment(environ)

    assert (filled.client_cert, filled.client_key) == pair


HTTPS = {"HTTPS_PROXY": "http://s:1", "HTTP_PROXY": "http://p:1"}


@pytest.mark.parametrize(
    ("environ", "url", "proxy"),
    [
        ({}, "https://a.example", None),
        (HTTPS, "https://a.example", "http://s:1"),
        (HTTPS, "http://a.example", "http://p:1"),
        ({**HTTPS, "https_proxy": "http://lower:1"}, "https://a.example", "http://lower:1"),
        ({**HTTPS, "REQUEST_METHOD": "GET"}, "http://a.example", None),
        (HTTPS, "http://localhost:5000", None),
        (HTTPS, "http://127.0.0.1:5000", None),
        ({**HTTPS, "NO_PROXY": "*"}, "https://a.example", None),
        ({**HTTPS, "NO_PROXY": "b.example, a.example"}, "https://a.example", None),
        ({**HTTPS, "NO_PROXY": "example"}, "https://a.example", None),
        ({**HTTPS, "NO_PROXY": ".example"}, "https://a.example", None),
        ({**HTTPS, "NO_PROXY": "*.example"}, "https://a.example", None),
        ({**HTTPS, "NO_PROXY": ".a.example"}, "https://a.example", "http://s:1"),
        ({**HTTPS, "NO_PROXY": "ample"}, "https://a.example", "http://s:1"),
        ({**HTTPS, "NO_PROXY": "a.example:8443"}, "https://a.example", "http://s:1"),
        ({**HTTPS, "NO_PROXY": "a.example:8443"}, "https://a.example:8443", None),
        ({**HTTPS, "NO_PROXY": "example:8443"}, "https://a.example:8443", None),
        ({**HTTPS, "NO_PROXY": "10.0.0.0/8"}, "https://10.1.2.3", None),
        ({**HTTPS, "NO_PROXY": "10.0.0.0/8"}, "https://11.1.2.3", "http://s:1"),
        ({**HTTPS, "NO_PROXY": "a.example"}, "https://11.1.2.3", "http://s:1"),
        ({**HTTPS, "no_proxy": "[2001:db8::1]"}, "https://[2001:db8::1]", None),
    ],
)
def test_proxy_of_the_environment_depends_on_scheme_and_exceptions(
    environ: dict[str, str], url: str, proxy: str | None
) -> None:
    options = Options().with_environment(environ)

    assert options.proxy_for(Url.parse(url).origin) == proxy


def test_explicit_proxy_replaces_the_environment_and_its_exceptions() -> None:
    options = Options(proxy="http://mine:1").with_environment({**HTTPS, "NO_PROXY": "*"})

    assert options.proxy_for(Url.parse("http://localhost:5000").origin) == "http://mine:1"


def test_repr_does_not_show_the_password_of_a_proxy() -> None:
    options = Options(proxy="http://u:canary@p", proxies=Proxies(http="http://u:canary@p", https="http://u:canary@p"))

    assert "canary" not in repr(options)
