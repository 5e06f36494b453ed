"""Starting a hub, and ending it."""

import gc
import time
from collections.abc import Callable
from contextlib import ExitStack
from ssl import Purpose, SSLError, create_default_context
from typing import Final

import uvloop

from orchard.errors import UsageError
from orchard.hub.app.administration import Staff, administration
from orchard.hub.app.drivers import open_catalog, open_files, open_queue
from orchard.hub.app.outgoing import open_outside
from orchard.hub.app.people import Entrance, open_entrance
from orchard.hub.app.quarters import quarters
from orchard.hub.app.sections import sections
from orchard.hub.app.signing import trusts_of
from orchard.hub.app.surfaces import api, site, tasks, tickets, trusts, upkeep, upkeep_gauges, watch
from orchard.hub.app.work import counted, kinds, open_worker, writing_pulls
from orchard.hub.db import Database
from orchard.hub.http import Guard, Threads, build_app
from orchard.hub.http.forwarded import Forwarded
from orchard.hub.http.logs import log_to_stderr
from orchard.hub.http.meters import Meters
from orchard.hub.http.pages import Live
from orchard.hub.http.serving import Certificate, Ending, Place, serve
from orchard.hub.http.watch import Readiness
from orchard.hub.http.watched import Watched
from orchard.hub.jobs.caretaking import Caretaker
from orchard.hub.jobs.tending import Foreman
from orchard.hub.queue import TaskQueue
from orchard.hub.registry import Premises, Recall, Registry
from orchard.hub.settings import LogFormat, Settings
from orchard.hub.storage.directory import claim

OBJECT: Final = 4 << 20  # bytes below which a chunk is no object of its own in a store, but waits beside the rows


def run(settings: Settings, *, announce: Callable[[str], None]) -> None:
    """Serve until a signal asks to stop (SIGTERM or SIGINT), then let running requests end.

    Args:
        settings: How.
        announce: Is told each line that the person who started it must read: the password of a new account, once; and
            the address, as soon as it answers.

    Raises:
        UsageError: If the address cannot be listened on, or a trusted proxy has none.
        ConflictError: If another hub has the data directory, or a newer one made it.
        StorageError: If the data directory cannot be used.
        InvalidError: If the password that is wanted for the admin account cannot be one.
    """
    log_to_stderr(as_json=settings.log_format == LogFormat.JSON)
    place = Place.find(settings.host, settings.port, _certificate(settings))
    login = settings.needs_login(loopback=place.loopback)
    with ExitStack() as stack:
        stack.enter_context(claim(settings.data))
        database = stack.enter_context(open_catalog(settings))
        entrance = stack.enter_context(
            open_entrance(
                settings, database, loopback=place.loopback, url=settings.url or place.local_url, announce=announce
            )
        )
        threads = stack.enter_context(Threads())
        outside = stack.enter_context(open_outside(settings, database))
        queue = open_queue(database)
        premises = _premises(settings, database, entrance, queue=queue)
        registry = Registry(premises, outside.upstreams)
        mirroring = outside.mirroring(registry, queue)
        caretaker, foreman = Caretaker(premises, queue), Foreman(database, queue)
        meters, readiness, live = Meters(upkeep_gauges(caretaker)), Readiness({"catalog": database.check}), Live()
        served = api(
            registry,
            entrance,
            settings,
            threads=threads,
            more=(
                upkeep(caretaker, entrance),
                tasks(foreman, entrance),
                trusts(entrance, outside.gate, settings),
                *outside.resources(entrance.policy, mirroring),
            ),
        )
        staff = Staff(
            caretaker,
            foreman,
            outside.keepers(entrance.policy, mirroring),
            trusts_of(entrance.people, outside.gate),
        )
        app = build_app(
            registry,
            entrance.access,
            threads,
            guard=Guard(loopback_only=not login),
            site=site(
                registry,
                entrance,
                outside,
                settings=settings,
                sections=[
                    *sections(registry, entrance, served.document),
                    quarters(settings, registry, entrance),
                    administration(settings, registry, entrance, staff=staff),
                ],
                live=live,
            ),
            surfaces=(
                *watch(settings, meters, readiness, threads=threads, entrance=entrance),
                *tickets(entrance.tickets, threads, timeout=settings.body_timeout),
                served,
            ),
            timeout=settings.body_timeout,
            min_chunk=OBJECT if settings.storage is not None and "://" in settings.storage else 0,
        )
        known = (*kinds(settings, registry, premises=premises, queue=queue), *outside.kinds(mirroring))
        worker = open_worker(settings, queue, counted(known, meters))
        stack.enter_context(outside.courier(mirroring))
        stack.enter_context(writing_pulls(registry))
        if settings.workers:
            stack.enter_context(worker)

        watched = Watched(app, meters, log_all=settings.access_log)
        gc.freeze()  # what is loaded stays: looking for garbage among it held every request up for 30 to 60 ms
        uvloop.run(
            serve(
                Forwarded(watched, settings.trusted_proxies) if settings.trusted_proxies else watched,
                place,
                ending=Ending(settings.drain, settings.grace, _each(readiness.drain, live.close, worker.stop)),
                announce=announce,
            )
        )


def _premises(settings: Settings, database: Database, entrance: Entrance, *, queue: TaskQueue) -> Premises:
    """Put together what everything that a hub keeps stands on."""
    return Premises(
        database,
        open_files(settings, database),
        entrance.policy,
        recall=Recall(settings.recall if settings.database is None else 0),  # other hubs may write there
        now=time.time,
        reach=entrance.reach,
        keep=settings.keep_unreferenced,
        most_uploads=settings.uploads_per_account,
        queue=queue,
    )


def _each(*steps: Callable[[], None]) -> Callable[[], None]:
    def all_of_them() -> None:
        for step in steps:
            step()

    return all_of_them


def _certificate(settings: Settings) -> Certificate | None:
    """Find what HTTPS is served with.

    Raises:
        UsageError: If it cannot be read, or the key is not that of the certificate.
    """
    if settings.tls_cert is None or settings.tls_key is None:
        return None
    try:
        create_default_context(Purpose.CLIENT_AUTH).load_cert_chain(settings.tls_cert, settings.tls_key)
    except (OSError, SSLError) as error:
        raise UsageError(f"cannot serve HTTPS with {settings.tls_cert} and {settings.tls_key}: {error}") from error
    return Certificate(settings.tls_cert, settings.tls_key)
