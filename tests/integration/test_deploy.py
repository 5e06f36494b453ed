"""What deploy/ holds is what Kubernetes, Compose, nginx and the hub understand."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from orchard.hub.settings import KEYS, load_settings

DEPLOY = Path(__file__).parents[2] / "deploy"
CHART = DEPLOY / "helm/orchard-hub"
KUBERNETES = "1.31"
EVERYTHING = (
    *("--set", "autoscaling.enabled=true", "--set", "networkPolicy.enabled=true"),
    *(
        "--set-json",
        'networkPolicy.from=[{"namespaceSelector":{}}]',
        "--set-json",
        'imagePullSecrets=[{"name":"mine"}]',
    ),
    *("--set-json", 'podAnnotations={"a":"b"}', "--set-json", 'nodeSelector={"disk":"fast"}'),
    *("--set-json", 'tolerations=[{"operator":"Exists"}]', "--set-json", 'serviceAccount.annotations={"role":"mine"}'),
)


def render(*arguments: str) -> str:
    words = ["helm", "template", "orchard-hub", str(CHART), "--kube-version", f"{KUBERNETES}.0", *arguments]
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout


def documents(text: str) -> Iterator[dict[str, Any]]:
    return (document for document in yaml.safe_load_all(text) if document)


@pytest.mark.peer("helm")
@pytest.mark.parametrize(
    "arguments",
    [(), EVERYTHING, ("--set", "ingress.enabled=false", "--set", "ingress.tlsSecret=")],
    ids=["plain", "all", "few"],
)
def test_what_the_chart_makes_is_what_kubernetes_takes(arguments: tuple[str, ...]) -> None:
    kinds = set()
    for document in documents(render(*arguments)):
        kubernetes_validate.validate(document, KUBERNETES, strict=True)
        kinds.add(document["kind"])
    assert {"Deployment", "Service", "ConfigMap", "PodDisruptionBudget"} <= kinds
    assert ("Ingress" in kinds) == ("ingress.enabled=false" not in arguments)
    assert {"HorizontalPodAutoscaler", "NetworkPolicy"} <= kinds or arguments is not EVERYTHING


@pytest.mark.peer("helm")
def test_chart_is_clean() -> None:
    subprocess.run(["helm", "lint", "--strict", CHART], check=True, capture_output=True)


@pytest.mark.peer("helm")
@pytest.mark.parametrize("value", ["url=hub.example.com", "settings.database=x", "settings.storage=/srv", "replica=2"])
def test_values_that_cannot_be_are_refused(value: str) -> None:
    with pytest.raises(subprocess.CalledProcessError) as raised:
        render("--set", value)
    assert value.partition("=")[0].rpartition(".")[2] in raised.value.stderr


@pytest.mark.peer("helm")
def test_plain_manifests_are_what_the_chart_makes() -> None:
    assert (DEPLOY / "kubernetes/hub.yaml").read_text() == render(), "run: make manifests"


def manifests() -> list[dict[str, Any]]:
    return [one for path in sorted((DEPLOY / "kubernetes").glob("*.yaml")) for one in documents(path.read_text())]


def of_kind(kind: str) -> dict[str, Any]:
    (found,) = (document for document in manifests() if document["kind"] == kind)
    return found


def test_plain_manifests_are_what_kubernetes_takes() -> None:
    for document in manifests():
        kubernetes_validate.validate(document, KUBERNETES, strict=True)


def test_hub_understands_the_settings_in_the_manifests(tmp_path: Path) -> None:
    file = tmp_path / "hub.toml"
    file.write_text(of_kind("ConfigMap")["data"]["hub.toml"])
    settings = load_settings({}, {}, data=tmp_path, file=file)
    assert settings.url == "https://hub.example.com"
    patience = of_kind("Deployment")["spec"]["template"]["spec"]["terminationGracePeriodSeconds"]
    assert settings.drain > 0
    assert patience > settings.drain + settings.grace


def test_variables_of_the_manifests_are_settings_or_the_object_stores() -> None:
    pod = of_kind("Deployment")["spec"]["template"]["spec"]
    secret = of_kind("Secret")["stringData"]
    known = {key.variable for key in KEYS.values()} | {
        "ORCHARD_HUB_SETTINGS",
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
    }
    for container in (*pod["initContainers"], *pod["containers"]):
        assert {one["name"] for one in container["env"]} <= known
        assert {one["valueFrom"]["secretKeyRef"]["key"] for one in container["env"] if "valueFrom" in one} == set(
            secret
        )


@pytest.fixture
def compose(tmp_path: Path) -> Path:
    shutil.copytree(DEPLOY / "compose", tmp_path / "compose")
    for name in ("hub.env", "postgres.env"):
        shutil.copy(DEPLOY / "compose" / f"{name}.example", tmp_path / "compose" / name)
    return tmp_path / "compose"


@pytest.mark.peer("docker-compose")
def test_compose_file_is_what_compose_takes(compose: Path) -> None:
    done = subprocess.run(["docker-compose", "config"], cwd=compose, check=True, capture_output=True, text=True)
    services = yaml.safe_load(done.stdout)["services"]
    assert set(services) == {"hub-a", "hub-b", "migrate", "nginx", "postgres"}
    environment = services["hub-b"]["environment"]
    given = {name: value for name, value in environment.items() if name.startswith("ORCHARD_HUB_")}
    settings = load_settings(given, {}, data=compose)
    assert (settings.storage, float(settings.drain)) == ("s3://orchard-hub/blobs", 5)
    assert services["migrate"]["command"] == ["hub", "migrate"]


@pytest.mark.peer("nginx")
def test_nginx_takes_its_configuration(compose: Path) -> None:
    file = compose / "nginx.conf"
    text = file.read_text()
    for name in ("hub-a", "hub-b"):
        text = text.replace(f"{name}:8080", "127.0.0.1:1")
    file.write_text(f"pid {compose}/pid; error_log {compose}/error.log;\n{text}")
    program = shutil.which("nginx")
    assert program is not None
    subprocess.run([program, "-t", "-c", file, "-p", compose], check=True, capture_output=True, env=os.environ)


def test_image_installs_what_is_pinned_and_runs_as_nobody() -> None:
    lines = (DEPLOY / "image/Containerfile").read_text()
    assert "--require-hashes --requirement /build/requirements/scale.txt" in lines
    assert "USER 10001:10001" in lines
