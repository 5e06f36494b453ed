"""Facts drawn from what strangers say."""

import json
import random

import pytest

from orchard.formats import FileIndex, Kitfile, Model, ModelKit
from orchard.hub import catalog
from orchard.hub.jobs.stating import MOST, Evidence, facts_of
from orchard.hub.jobs.studying import Understander
from orchard.insight import Conclusion
from orchard.oci import JSON, mediatype, parse_manifest
from support.hubclient import manifest
from support.hubinside import Inside
from support.versions import bring, kit

ENGINES = True


def stated(parameters: JSON, **known: object) -> dict[str, object]:
    kitfile = Kitfile(model=Model(path="m", parameters=parameters))
    evidence = Evidence(
        document=parse_manifest(manifest(b"{}"), mediatype.OCI_MANIFEST),
        kind="ModelKit",
        kit=ModelKit(kitfile, ()),
        index=FileIndex(()),
        conclusion=Conclusion(**known),  # type: ignore[arg-type] # tests give what fits
        size=1,
        new=1,
    )
    return {fact.key: fact.value for fact in facts_of(evidence) if fact.key.startswith(("param.", "metric."))}


PARAMETERS: dict[str, tuple[JSON, dict[str, object]]] = {
    "numbers stay numbers": (
        {"a": 1, "b": 2.5, "c": True, "d": "x", "e": None},
        {"a": 1.0, "b": 2.5, "c": "true", "d": "x"},
    ),
    "nested": ({"a": {"b": {"c": 1}}}, {"a.b.c": 1.0}),
    "lists": ({"a": [1, 2], "b": [{"c": 1}, 2]}, {"a": "[1,2]", "b.0.c": 1.0, "b.1": 2.0}),
    "numbers too large": ({"a": 10**400, "b": -(10**400)}, {"a": "1" + "0" * 400, "b": "-1" + "0" * 400}),
    "controls": ({"a\n": "x\0y\x1b"}, {"a ": "x y"}),
    "no object": ([1, 2], {"value": "[1,2]"}),
    "a key that is endless": ({"k" * 300: 1, "a": 1}, {"a": 1.0}),
}


@pytest.mark.parametrize(("parameters", "wanted"), PARAMETERS.values(), ids=PARAMETERS)
def test_parameters_are_flattened(parameters: JSON, wanted: dict[str, object]) -> None:
    assert stated(parameters) == {f"param.{key}": value for key, value in wanted.items()}


def test_metrics_are_found_wherever_they_stand_and_those_of_the_kitfile_come_first() -> None:
    found = stated(
        {"Metrics": {"acc": 0.9}, "training": {"METRICS": {"loss": 0.1}, "lr": 1}, "metrics_of": 2},
        metrics={"acc": 0.5, "f1": 0.7},
    )
    assert found == {
        "metric.acc": 0.9,
        "metric.loss": 0.1,
        "metric.f1": 0.7,
        "param.training.lr": 1.0,
        "param.metrics_of": 2.0,
    }


def test_facts_are_bounded() -> None:
    assert len(stated({str(number): number for number in range(5000)})) == MOST
    deep: JSON = 1
    for _ in range(50):
        deep = {"a": deep}
    assert stated(deep) == {}
    assert stated({"a": "x" * 5000}) == {"param.a": "x" * 1000}


def test_any_database_takes_the_longest_facts(hub: Inside) -> None:
    letters = random.Random(1)  # noqa: S311 -- text that does not compress
    text = "".join(chr(letters.randrange(0x4E00, 0x9FFF)) for _ in range(3000))
    quoted = json.dumps(text, ensure_ascii=False)
    parameters = f"{{{text[:60]}: {quoted}}}"
    made = kit(f"package: {{name: x, description: {quoted}}}\nmodel: {{path: m, parameters: {parameters}}}\n")
    digest = bring(hub, "team/model", "v1", made)
    assert Understander(hub.premises, lambda *_: None).understand("team/model", digest) == "ready"
    with hub.database.read() as connection:
        assert catalog.facts.names(connection, "team/model")["description"] == 1
