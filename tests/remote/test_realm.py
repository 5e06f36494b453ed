import pytest

from orchard.errors import DeniedError
from orchard.remote.origin import Url
from orchard.remote.realm import check_realm, check_redirect, registered_domain


@pytest.mark.parametrize(
    ("registry", "realm"),
    [
        ("https://registry-1.docker.io", "https://auth.docker.io/token"),
        ("https://ghcr.io", "https://ghcr.io/token"),
        ("https://registry.example.com:5000", "https://registry.example.com/auth"),
        ("https://registry.example.com", "https://registry.example.com:5001/auth"),
        ("https://registry.example.co.uk", "https://auth.example.co.uk/auth"),
        ("https://10.0.0.1:5000", "https://10.0.0.1:5001/auth"),
        ("http://registry.example.com", "http://registry.example.com/auth"),
        ("http://registry.example.com", "https://auth.example.com/auth"),
        ("http://localhost:5000", "http://127.0.0.1:5001/auth"),
        ("http://127.0.0.1:5000", "http://localhost:5001/auth"),
        ("http://registry:5000", "http://registry:5001/auth"),
        ("https://trusting.example", "https://tokens.other.example.net/auth"),
    ],
)
def test_realm_near_the_registry_is_accepted(registry: str, realm: str) -> None:
    trusted = {"trusting.example": "tokens.other.example.net"}

    check_realm(Url.parse(realm), Url.parse(registry).origin, trusted)


@pytest.mark.parametrize(
    ("registry", "realm", "reason"),
    [
        ("https://registry.example.com", "http://registry.example.com/auth", "without TLS"),
        ("https://registry.example.com", "http://169.254.169.254/latest", "without TLS"),
        ("http://registry.example.com", "http://169.254.169.254/latest", "another host"),
        ("https://registry.example.com", "https://169.254.169.254/latest", "another host"),
        ("https://registry.example.com", "https://evil.example.net/auth", "another host"),
        ("https://registry.example.com", "https://registry.example.com.evil.net/auth", "another host"),
        ("https://registry.example.com", "https://evilexample.com/auth", "another host"),
        ("https://registry.example.co.uk", "https://evil.co.uk/auth", "another host"),
        ("https://10.0.0.1", "https://10.0.0.2/auth", "another host"),
        ("https://10.0.0.1", "https://11.0.0.1/auth", "another host"),
        ("http://registry:5000", "http://metadata/auth", "another host"),
        ("https://registry.example.com", "https://localhost/auth", "another host"),
        ("http://localhost:5000", "http://evil.example/auth", "another host"),
    ],
)
def test_realm_elsewhere_is_refused(registry: str, realm: str, reason: str) -> None:
    with pytest.raises(DeniedError, match=reason):
        check_realm(Url.parse(realm), Url.parse(registry).origin, {})


@pytest.mark.parametrize(
    ("host", "domain"),
    [
        ("a.b.example.com", "example.com"),
        ("a.b.co.uk", "b.co.uk"),
        ("co.uk", "co.uk"),
        ("host", "host"),
        ("a.b.", "a.b"),
    ],
)
def test_registered_domain_is_what_somebody_registered(host: str, domain: str) -> None:
    assert registered_domain(host) == domain


@pytest.mark.parametrize(
    ("registry", "current", "target"),
    [
        ("https://r.example", "https://r.example", "https://storage.example.net"),
        ("http://r.example", "http://r.example", "https://storage.example.net"),
        ("https://r.example", "https://r.example", "https://10.0.0.7"),
        ("http://127.0.0.1:1", "http://127.0.0.1:1", "http://127.0.0.1:2"),
        ("http://169.254.1.1", "http://169.254.1.1", "http://169.254.1.1:81"),
    ],
)
def test_redirect_to_storage_is_accepted(registry: str, current: str, target: str) -> None:
    check_redirect(Url.parse(target).origin, Url.parse(current).origin, Url.parse(registry).origin)


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        ("http://storage.example.net", "away from TLS"),
        ("http://r.example", "away from TLS"),
        ("https://169.254.169.254", "redirects to 169"),
        ("https://127.0.0.1", "redirects to 127"),
        ("https://localhost:8443", "redirects to localhost"),
        ("https://[::ffff:169.254.169.254]", "redirects to"),
        ("https://[fe80::1]", "redirects to"),
        ("https://0.0.0.0", "redirects to"),
    ],
)
def test_redirect_inwards_or_away_from_tls_is_refused(target: str, reason: str) -> None:
    registry = Url.parse("https://r.example").origin

    with pytest.raises(DeniedError, match=reason):
        check_redirect(Url.parse(target).origin, registry, registry)
