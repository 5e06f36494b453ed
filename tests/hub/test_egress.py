import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event

import pytest
import trustme

from orchard.errors import DeniedError, InvalidError, OrchardError, RemoteError, StorageError, UsageError
from orchard.hub.egress import Exceptions, Gate, Vault
from orchard.oci import Descriptor, Digest
from orchard.remote import Credential, Given, Options, Origin, Proxies, Registry, Retry, Timeouts, Url, Web
from support.faultserver import Exchange, FaultServer

QUICK = Timeouts(connect=2, read=0.5, commit=2, stall=1)
ONCE = Retry(attempts=1)


class Resolver:
    """Answers one thing after the other, the last one for ever; remembers how often it was asked."""

    def __init__(self, *answers: list[str]) -> None:
        self._answers = list(answers)
        self.asked = 0

    def __call__(self, _host: str, _port: int) -> list[str]:
        self.asked += 1
        return self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]


def gate(*allowed: str, answers: Resolver | None = None) -> Gate:
    exceptions = Exceptions.parse(allowed)
    return Gate(exceptions) if answers is None else Gate(exceptions, resolver=answers)


def options(judge: Gate, scheme: str = "http") -> Options:
    return judge.options(scheme=scheme, timeouts=QUICK, retry=ONCE)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "127.8.9.10",
        "0.0.0.0",  # noqa: S104 -- nothing listens there
        "0.1.2.3",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "100.64.0.1",
        "169.254.1.1",
        "169.254.169.254",
        "168.63.129.16",
        "100.100.100.200",
        "192.0.0.192",
        "192.0.2.1",
        "198.18.0.1",
        "224.0.0.1",
        "239.255.255.250",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::127.0.0.1",
        "::ffff:127.0.0.1",
        "::ffff:8.8.8.8",
        "::ffff:0:127.0.0.1",
        "64:ff9b::7f00:1",
        "64:ff9b::808:808",
        "64:ff9b:1::7f00:1",
        "2001:0:7f00:1::",
        "2002:7f00:1::",
        "fc00::1",
        "fd00:ec2::254",
        "fe80::1",
        "fe80::1%eth0",
        "fec0::1",
        "ff02::1",
        "2001:db8::1",
    ],
)
def test_an_address_that_leads_inward_is_refused(address: str) -> None:
    with pytest.raises(DeniedError, match=r"the hub may not connect to https://api\.example\.com"):
        gate(answers=Resolver([address])).route(Origin("https", "api.example.com", 443))


@pytest.mark.parametrize("address", ["93.184.215.14", "8.8.8.8", "2606:4700::6810:84e5"])
def test_a_public_address_is_given_as_it_was_judged(address: str) -> None:
    assert gate(answers=Resolver([address])).route(Origin("https", "api.example.com", 443)) == [address]


def test_one_bad_address_among_good_ones_is_enough_to_refuse() -> None:
    with pytest.raises(DeniedError, match="not on the public Internet"):
        gate(answers=Resolver(["8.8.8.8", "10.0.0.1"])).route(Origin("https", "api.example.com", 443))


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "127.0.0.1",
        "127.1",
        "127.0.1",
        "0",
        "0x7f000001",
        "0x7f.1",
        "0177.0.0.1",
        "017700000001",
        "2130706433",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[::]",
        "[0:0:0:0:0:0:0:1]",
    ],
)
def test_every_spelling_of_this_machine_is_refused(host: str) -> None:
    with pytest.raises(DeniedError, match="the hub may not connect"):
        gate().check(f"https://{host}/hook")


@pytest.mark.parametrize(
    "url",
    [
        "https://good.example.com@127.0.0.1/",
        "https://127.0.0.1:443@good.example.com/",
        "https://good.example.com\\@127.0.0.1/",
        "https://127。0。0。1/",
        "https://127\uff0e0\uff0e0\uff0e1/",
        "https://\u2460\u2461\u2466.0.0.1/",
        "https://127.0.0.1./",
        "https://localhost./",
        "https://[fe80::1%25eth0]/",
        "https:127.0.0.1",
        "//127.0.0.1/",
        "file:///etc/passwd",
        "gopher://127.0.0.1:70/",
        "ftp://example.com/",
        "https:///hook",
        "https://",
        "https://exa mple.com/",
        "https://example.com/\r\nHost: x",
        "https://example.com:99999/",
    ],
)
def test_what_could_be_read_in_two_ways_is_no_address(url: str) -> None:
    with pytest.raises(InvalidError, match="not a URL that may be followed"):
        gate().check(url)


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://api.example.com/", "only https is allowed"),
        ("https://api.example.com:22/", "only the ports 443, 5000, 8443 are allowed"),
        ("https://metadata.google.internal/", "belongs to the machine's provider"),
    ],
)
def test_public_places_are_reached_by_https_through_few_ports(url: str, why: str) -> None:
    with pytest.raises(DeniedError, match=why):
        gate(answers=Resolver(["8.8.8.8"])).check(url)


#   entry                         url                            address              allowed
GRID = [
    ("registry.lan", "https://registry.lan/", "10.0.0.5", True),
    ("registry.lan", "https://registry.lan:5000/", "127.0.0.1", True),
    ("registry.lan", "http://registry.lan:5000/", "10.0.0.5", False),
    ("registry.lan", "https://registry.lan:5050/", "10.0.0.5", False),
    ("registry.lan:5050", "https://registry.lan:5050/", "10.0.0.5", True),
    ("registry.lan:5050", "https://registry.lan/", "10.0.0.5", False),
    ("registry.lan:*", "https://registry.lan:1/", "10.0.0.5", True),
    ("http://registry.lan:*", "http://registry.lan/", "10.0.0.5", True),
    ("http://registry.lan:*", "https://registry.lan/", "10.0.0.5", True),
    ("registry.lan", "https://registry.lan.evil.com/", "10.0.0.5", False),
    ("registry.lan", "https://notregistry.lan/", "10.0.0.5", False),
    ("registry.lan", "https://registry.lan/", "169.254.169.254", False),
    ("registry.lan", "https://registry.lan/", "0.0.0.0", False),  # noqa: S104 -- nothing listens there
    ("*.lan", "https://a.b.lan/", "10.0.0.5", True),
    ("*.lan", "https://lan/", "10.0.0.5", False),
    ("10.0.0.0/8", "https://anything.example/", "10.0.0.5", True),
    ("10.0.0.0/8", "https://anything.example/", "11.0.0.5", True),
    ("10.0.0.0/8", "https://anything.example/", "192.168.0.5", False),
    ("10.0.0.5", "https://anything.example/", "10.0.0.6", False),
    ("http://127.0.0.1:*", "http://127.0.0.1:4711/", "127.0.0.1", True),
    ("[fd00::]/8", "https://six.example/", "fd12::1", True),
    ("fd00::/8", "https://six.example/", "fd12::1", True),
    ("http://[fd00::1]:5050", "http://[fd00::1]:5050/", "fd00::1", True),
    ("HTTP://Registry.LAN:*", "http://REGISTRY.lan/", "10.0.0.5", True),
]


@pytest.mark.parametrize(("entry", "url", "address", "allowed"), GRID)
def test_an_exception_allows_what_it_says_and_nothing_else(
    entry: str, url: str, address: str, *, allowed: bool
) -> None:
    judge = gate(entry, answers=Resolver([address]))
    if allowed:
        assert judge.check(url).origin.host
        return
    with pytest.raises(DeniedError, match="the hub may not connect"):
        judge.check(url)


@pytest.mark.parametrize("entry", ["10.0.0.1/8", "registry lan", "ftp://x", "a:b", "*", "[::1", "x:99999999"])
def test_an_exception_that_says_nothing_is_a_mistake(entry: str) -> None:
    with pytest.raises(UsageError, match="does not say where the hub may connect to"):
        Exceptions.parse([entry])


def test_a_name_that_nobody_knows_yet_may_be_written_down_and_not_gone_to() -> None:
    def unknown(host: str, port: int) -> list[str]:
        raise RemoteError(f"{host}:{port}: unknown host")

    judge = Gate(Exceptions.parse([]), resolver=unknown)
    assert judge.check("https://later.example.com/").origin.host == "later.example.com"
    with pytest.raises(RemoteError, match="unknown host"):
        judge.route(Origin("https", "later.example.com", 443))
    with pytest.raises(RemoteError, match="unknown host"):
        gate(answers=Resolver([])).route(Origin("https", "later.example.com", 443))


def test_the_judged_address_is_connected_to_and_the_name_is_not_looked_up_again() -> None:
    with FaultServer() as server:
        answers = Resolver(["127.0.0.1"], ["8.8.8.8"])
        judge = gate(f"http://registry.test:{server.port}", answers=answers)
        with Web(f"http://registry.test:{server.port}", options=options(judge)) as web:
            assert web.post(web.root, b"{}", {}, limit=100).status == 404
        assert answers.asked == 1
        assert server.seen[0].headers["host"] == f"registry.test:{server.port}"


def test_a_name_that_is_public_first_and_loopback_then_never_gets_there() -> None:
    with FaultServer() as server:
        judge = Gate(Exceptions.parse([]), ports=(server.port,), resolver=Resolver(["8.8.8.8"], ["127.0.0.1"]))
        url = judge.check(f"https://rebinding.example:{server.port}/hook")
        with (
            Web(str(url.origin), options=options(judge, "https")) as web,
            pytest.raises(DeniedError, match="not on the public Internet"),
        ):
            web.post(url, b"{}", {}, limit=100)
        assert server.connections == 0


@contextmanager
def redirecting(target: str) -> Iterator[FaultServer]:
    def away(exchange: Exchange) -> None:
        exchange.reply(302, {"Location": target})

    with FaultServer() as server:
        server.on("*", "", away, times=99)
        yield server


def test_a_redirect_into_this_machine_is_never_followed() -> None:
    with FaultServer() as inner, redirecting(f"http://127.0.0.1:{inner.port}/secret") as outer:
        judge = gate(f"http://registry.test:{outer.port}", answers=Resolver(["127.0.0.1"]))
        with (
            Web(f"http://registry.test:{outer.port}", options=options(judge)) as web,
            pytest.raises(DeniedError, match="refused"),
        ):
            web.ask(web.root)
        assert inner.connections == 0


def test_a_redirect_to_a_name_that_leads_into_this_machine_is_never_followed() -> None:
    with FaultServer() as inner, redirecting(f"http://inner.test:{inner.port}/secret") as outer:
        judge = gate(f"http://registry.test:{outer.port}", answers=Resolver(["127.0.0.1"]))
        with (
            Web(f"http://registry.test:{outer.port}", options=options(judge), token="canary") as web,
            pytest.raises(DeniedError, match=f"the hub may not connect to http://inner.test:{inner.port}"),
        ):
            web.ask(web.root)
        assert inner.connections == 0


def test_a_document_that_is_sent_is_not_sent_elsewhere() -> None:
    with redirecting("http://127.0.0.1:9/") as outer:
        judge = gate("http://127.0.0.1:*")
        with Web(outer.url, options=options(judge)) as web:
            assert web.post(web.root, b"{}", {}, limit=100).status == 302
        assert len(outer.seen) == 1


def test_credentials_stay_with_the_registry_when_a_download_is_sent_on() -> None:
    with FaultServer() as storage, FaultServer() as registry:
        blob = storage.add_blob(b"content")

        def elsewhere(exchange: Exchange) -> None:
            exchange.reply(307, {"Location": f"http://storage.test:{storage.port}{exchange.seen.path}"})

        def closed(exchange: Exchange) -> bool | None:
            if "authorization" in exchange.seen.headers:
                return False
            exchange.refuse(401, "UNAUTHORIZED", WWW_Authenticate='Basic realm="x"')
            return None

        registry.on("GET", "/blobs/", closed)
        registry.on("GET", "/blobs/", elsewhere)
        judge = gate("http://*.test:*", answers=Resolver(["127.0.0.1"]))
        known = Given(f"registry.test:{registry.port}", Credential("ana", "canary"))
        with Registry(f"registry.test:{registry.port}", options=options(judge), credentials=known) as outside:
            wanted = Descriptor(media_type="application/octet-stream", digest=Digest.parse(blob), size=7)
            with outside.repository("team/model").open(wanted) as body:
                assert body.read(100) == b"content"
        assert "authorization" not in storage.seen[0].headers


def test_tls_asks_for_the_name_and_not_for_the_address(tmp_path: Path) -> None:
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("registry.test").configure_cert(context)
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    with FaultServer(tls=context) as server:
        judge = gate(f"*.test:{server.port}", answers=Resolver(["127.0.0.1"]))
        trusting = Options(ca_files=(tmp_path / "ca.pem",), timeouts=QUICK, retry=ONCE, route=judge.route)
        with Web(f"https://registry.test:{server.port}", options=trusting) as web:
            assert web.post(web.root, b"{}", {}, limit=10).status == 404
        with (
            Web(f"https://other.test:{server.port}", options=trusting) as web,
            pytest.raises(RemoteError, match="certificate verify failed"),
        ):
            web.post(web.root, b"{}", {}, limit=10)


def test_a_place_that_answers_in_drips_is_left() -> None:
    def drip(exchange: Exchange) -> None:
        pause = Event()
        for _ in range(30):
            exchange.wfile.write(b"X")
            pause.wait(0.1)

    with FaultServer() as server:
        server.on("POST", "", drip)
        with (
            Web(server.url, options=options(gate("http://127.0.0.1:*"))) as web,
            pytest.raises(RemoteError, match=r"the connection broke|not HTTP"),
        ):
            web.post(web.root, b"{}", {}, limit=10)


def test_nobody_at_an_address_is_said_with_the_name() -> None:
    with FaultServer() as server:
        port = server.port
    judge = gate("http://registry.test:*", answers=Resolver(["127.0.0.1", "127.0.0.1"]))
    with (
        Web(f"http://registry.test:{port}", options=options(judge)) as web,
        pytest.raises(RemoteError, match=f"registry.test:{port}: connection refused"),
    ):
        web.post(web.root, b"{}", {}, limit=10)


def test_a_proxy_of_the_environment_is_not_asked() -> None:
    judged = Options(proxies=Proxies(http="http://proxy.example:3128"), route=gate().route)
    assert judged.proxy_for(Origin("http", "a.example", 80)) is None


def test_a_secret_is_kept_sealed_and_comes_back(tmp_path: Path) -> None:
    sealed = Vault(None, tmp_path / "vault.key").seal("canary")
    assert "canary" not in sealed
    assert Vault(None, tmp_path / "vault.key").unseal(sealed) == "canary"
    assert (tmp_path / "vault.key").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["vault.key"]


def test_processes_that_were_told_the_same_key_read_each_others_secrets() -> None:
    key = "k" * 32
    assert Vault(key, None).unseal(Vault(key, None).seal("canary")) == "canary"


def test_a_secret_of_another_key_cannot_be_read(tmp_path: Path) -> None:
    sealed = Vault("k" * 32, None).seal("canary")
    with pytest.raises(StorageError, match="set the secret again"):
        Vault(None, tmp_path / "vault.key").unseal(sealed)


def test_a_key_that_is_missing_short_or_damaged_is_said(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="at least 32 characters"):
        Vault("short", None)
    with pytest.raises(UsageError, match="needs the setting secret-key"):
        Vault(None, None).seal("x")
    (tmp_path / "vault.key").write_bytes(b"short")
    with pytest.raises(StorageError, match="is not a key of this hub"):
        Vault(None, tmp_path / "vault.key").seal("x")
    with pytest.raises(StorageError, match="No such file"):
        Vault(None, tmp_path / "missing" / "vault.key").seal("x")


def test_the_settings_say_which_ports_are_open() -> None:
    judge = Gate.of(["http://127.0.0.1"], ["80", "4711"])
    assert judge.check("http://127.0.0.1:4711/").origin.port == 4711
    with pytest.raises(UsageError, match="'https' is not a port"):
        Gate.of([], ["https"])


def test_the_url_is_what_decides() -> None:
    judge = gate("http://127.0.0.1:*")
    assert judge.check("http://127.0.0.1:4711/a?b=c") == Url.parse("http://127.0.0.1:4711/a?b=c")
    with pytest.raises(OrchardError, match="names a user"):
        judge.check("http://u:p@127.0.0.1:4711/")
