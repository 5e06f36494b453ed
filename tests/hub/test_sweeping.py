"""Uploads that nobody goes on with (security notes 5.6, "dangling uploads")."""

from dataclasses import replace

import pytest

from orchard.errors import RateLimitedError
from orchard.hub.access import Principal
from orchard.hub.registry import Registry
from orchard.oci import Digest
from support.hubinside import Inside

NAME = "team/model"
DATA = b"0123456789"
DAY = 24 * 3600.0
ENGINES = True
ANA, BEN = Principal("ana"), Principal("ben")


@pytest.mark.unmeasured
def test_thousand_uploads_of_one_account_are_refused_another_and_forgotten_in_time(hub: Inside) -> None:
    ana = hub.registry.writable(ANA, NAME)
    for _ in range(1000):
        ana.start_upload("sha256").close()
    with pytest.raises(RateLimitedError, match="ana has 1000 unfinished uploads; finish or cancel some of them"):
        ana.start_upload("sha256")
    hub.registry.writable(BEN, NAME).start_upload("sha256").close()
    assert len(list(hub.files.sessions())) == 1001
    hub.clock.time += DAY - 1
    hub.registry.sweep_uploads(DAY)
    assert len(list(hub.files.sessions())) == 1001
    hub.clock.time += 2
    hub.registry.sweep_uploads(DAY)
    assert list(hub.files.sessions()) == []
    ana.start_upload("sha256").close()


def test_too_many_uploads_are_answered_with_when_to_come_back(hub: Inside) -> None:
    registry = Registry(replace(hub.premises, most_uploads=1))
    kept = registry.writable(ANA, NAME).start_upload("sha256")
    with pytest.raises(RateLimitedError, match="unfinished"):
        registry.writable(ANA, NAME).start_upload("sha256")
    kept.cancel()
    kept.close()
    registry.writable(ANA, NAME).start_upload("sha256").close()


def test_blob_that_comes_whole_is_no_unfinished_upload(hub: Inside) -> None:
    registry = Registry(replace(hub.premises, most_uploads=1))
    registry.writable(ANA, NAME).start_upload("sha256").close()
    upload = registry.writable(ANA, NAME).start_upload("sha256", lasting=False)
    upload.append([DATA])
    assert upload.commit(Digest.of(DATA)).size == len(DATA)
    upload.close()


def test_upload_is_forgotten_a_day_after_its_last_bytes_and_not_after_its_first(hub: Inside) -> None:
    location = hub.begin(NAME)
    for start in (0, 10):
        hub.clock.time += DAY - 100
        chunk = {"content-range": f"{start}-{start + 9}"}
        assert hub.request("PATCH", location, DATA, chunk).status == 202
        hub.registry.sweep_uploads(DAY)
    assert hub.get(location).headers["range"] == "0-19"
    hub.clock.time += DAY + 1
    hub.registry.sweep_uploads(DAY)
    assert hub.get(location).status == 404


def test_clock_that_jumps_back_forgets_nothing(hub: Inside) -> None:
    location = hub.begin(NAME)
    hub.clock.time -= 10 * DAY
    assert hub.request("PATCH", location, DATA).status == 202
    hub.registry.sweep_uploads(DAY)
    assert hub.request("PUT", f"{location}?digest={Digest.of(DATA)}").status == 201
