"""What is shipped beside the package: service, image, chart, dashboard, alert rules."""

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from kmip_app.client import KmipClient
from kmip_app.configuration.settings import SETTINGS
from kmip_app.monitoring.exposition import FAMILIES
from tests.e2e.operations.conftest import eventually
from tests.server import ROOT, command

PACKAGING = ROOT / "packaging"
UNIT = PACKAGING / "systemd" / "kmipd.service"
CONTAINERFILE = PACKAGING / "container" / "Containerfile"
CHART = PACKAGING / "helm" / "kmipd"
WITHIN = 120  # seconds; a hang limit

VARIABLES = {setting.environment for setting in SETTINGS.values()} | {
    f"{setting.environment}_FILE" for setting in SETTINGS.values() if setting.is_secret
}


def tool(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not here; .ci/run installs it")
    return found


# The service


def test_systemd_takes_the_unit(tmp_path: Path) -> None:
    unit = tmp_path / "kmipd.service"
    unit.write_text(UNIT.read_text().replace("/opt/kmipd/bin/kmipd", "/bin/true"))

    done = subprocess.run(
        [tool("systemd-analyze"), "verify", "--man=no", str(unit)], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_the_service_is_hardly_exposed() -> None:
    done = subprocess.run(
        [tool("systemd-analyze"), "security", "--offline=true", "--threshold=15", str(UNIT)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-300:]  # a threshold of 15 is an exposure of 1.5


# The Compose file


def compose_command() -> str:
    """Return what `sh -c` runs, a folded block of the file."""
    (block,) = re.findall(r"- sh\n +- -c\n +- >-\n((?: {8}.*\n)+)", (PACKAGING / "compose.yaml").read_text())
    return " ".join(line.strip() for line in block.splitlines())


def compose_environment() -> dict[str, str]:
    (block,) = re.findall(r"    environment:\n((?: {6}.*\n)+)", (PACKAGING / "compose.yaml").read_text())
    lines = (line.partition(" #")[0] for line in block.splitlines())
    return {name.strip(): value.strip() for name, _, value in (line.partition(":") for line in lines)}


def test_the_compose_file_starts_a_server_that_an_application_can_use(tmp_path: Path) -> None:
    """No engine runs here: the file's own command and environment, in folders of ours, twice, as after a restart."""
    assert compose_environment().keys() <= VARIABLES
    (tmp_path / "bin").mkdir()
    for name, does in (("pip", "exit 0"), ("kmipd", f'exec {shlex.join(command())} "$@"')):
        path = tmp_path / "bin" / name
        path.write_text(f"#!/bin/sh\n{does}\n")
        path.chmod(0o700)

    def ours(text: str) -> str:
        return re.sub(r"(?<![\w.])/(data|clients|run)\b", rf"{tmp_path}/\1", text)

    (tmp_path / "run").mkdir()
    (tmp_path / "clients").mkdir()
    environment = {name: ours(value) for name, value in compose_environment().items()}
    environment |= {"PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT), "KMIPD_PORT": "0"}
    ready = tmp_path / "run" / "kmipd.json"
    identifiers: set[str] = set()
    for _ in range(2):
        process = subprocess.Popen(["sh", "-c", ours(compose_command())], env=environment, cwd=tmp_path)
        try:
            eventually(lambda: ready.exists() and ready.stat().st_size > 0, "the server is ready")
            health = [str(tmp_path / "bin" / "kmipd"), "health", "--ready-file", str(ready)]
            assert subprocess.run(health, env=environment, timeout=WITHIN, check=False).returncode == 0
            files = {name: tmp_path / "clients" / f"application.{name}" for name in ("crt", "key")}
            port, ca = json.loads(ready.read_text())["port"], tmp_path / "clients" / "ca.crt"
            with KmipClient("127.0.0.1", port, files["crt"], files["key"], ca, server_name="kmipd") as client:
                identifiers.add(client.create("AES", 256, name="mine").unique_identifier)
                assert set(client.locate("mine").unique_identifiers) == identifiers
        finally:
            process.send_signal(signal.SIGTERM)
            assert process.wait(WITHIN) == 0
        ready.unlink(missing_ok=True)


# The image


def environment_of_the_image() -> dict[str, str]:
    (block,) = re.findall(r"^ENV ((?:.*\\\n)*.*)$", CONTAINERFILE.read_text(), re.MULTILINE)
    return dict(word.split("=", 1) for word in block.replace("\\\n", " ").split())


def test_hadolint_has_no_complaint() -> None:
    done = subprocess.run([tool("hadolint"), str(CONTAINERFILE)], capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout) == (0, "")


def test_the_image_starts_by_its_own_words_in_a_plain_environment(tmp_path: Path) -> None:
    """No engine runs here: the entry command with the image's environment alone, on free ports, in a folder of ours."""
    text = CONTAINERFILE.read_text()
    entry, words = (
        json.loads(re.findall(rf"^{name} (\[.*\])$", text, re.MULTILINE)[0]) for name in ("ENTRYPOINT", "CMD")
    )
    health = json.loads(re.findall(r"CMD (\[.*\])$", text, re.MULTILINE)[0])
    assert entry == ["kmipd"]
    data, ready = tmp_path / "data", tmp_path / "ready.json"
    given = environment_of_the_image() | {
        "PATH": os.environ["PATH"],
        "KMIPD_DATA_DIR": str(data),
        "KMIPD_PORT": "0",
        "KMIPD_ADMIN_ADDRESS": "0.0.0.0:0",
        "KMIPD_READY_FILE": str(ready),
    }
    output = tmp_path / "output"
    with output.open("wb") as stream:
        process = subprocess.Popen(command(*words), cwd=ROOT, env=given, stdout=stream, stderr=stream)
    try:
        eventually(lambda: ready.exists() or process.poll() is not None, "it is ready")
        admin = json.loads(ready.read_text())["admin"]
        words = [word if word != "127.0.0.1:9696" else admin for word in health[1:]]
        assert subprocess.run(command(*words), cwd=ROOT, env=given, timeout=WITHIN, check=False).returncode == 0
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(WITHIN) == 0
    lines = [line for line in output.read_text().splitlines() if line.startswith("{")]
    assert all(json.loads(line)["level"] for line in lines)
    assert lines


@pytest.mark.parametrize(
    "path", [UNIT, CONTAINERFILE, CHART / "templates" / "_helpers.tpl"], ids=lambda path: path.name
)
def test_every_variable_is_a_setting(path: Path) -> None:
    named = set(re.findall(r"KMIPD_[A-Z][A-Z_]*[A-Z]", path.read_text()))

    assert named
    assert named <= VARIABLES


# The chart


def rendered(values: dict[str, Any]) -> list[dict[str, Any]]:
    helm = pytest.importorskip("helm_python", reason="helm-python-sdk is not here; .ci/run installs it")
    yaml = pytest.importorskip("yaml")
    chart = helm.Chart.load(str(CHART))
    manifests = [
        text for path, text in chart.render(values, name="kms", namespace="keys").items() if "NOTES" not in path
    ]
    return [document for text in manifests for document in yaml.safe_load_all(text) if isinstance(document, dict)]


def kinds(documents: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {document["kind"]: document for document in documents}


POSTGRESQL = {
    "database": {"url": "postgresql+psycopg://kmipd@db/kmipd", "passwordSecret": "db"},
    "rootKeySecret": "root",
    "tlsSecret": "tls",
    "serviceMonitor": {"enabled": True},
    "networkPolicy": {"monitoring": [{"namespaceSelector": {}}]},
}


@pytest.mark.parametrize(
    ("values", "kind"), [({}, "StatefulSet"), (POSTGRESQL, "Deployment")], ids=["sqlite", "postgresql"]
)
def test_the_chart_renders_what_is_promised(values: dict[str, Any], kind: str) -> None:
    found = kinds(rendered(values))

    assert {kind, "Service", "NetworkPolicy", "PodDisruptionBudget"} <= found.keys()
    assert ("ServiceMonitor" in found) == (kind == "Deployment")
    pod = found[kind]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert container["securityContext"]["readOnlyRootFilesystem"]
    assert pod["securityContext"]["runAsNonRoot"]
    assert {port["containerPort"] for port in container["ports"]} == {5696, 9696}
    assert {"startupProbe", "livenessProbe", "readinessProbe"} <= container.keys()
    assert not [variable for variable in container["env"] if "valueFrom" in variable]  # secrets come as files
    mounted = {mount["name"] for mount in container["volumeMounts"]}
    volumes = {volume["name"] for volume in pod["volumes"]}
    claims = {claim["metadata"]["name"] for claim in found[kind]["spec"].get("volumeClaimTemplates", [])}
    assert mounted == volumes | claims


def test_a_chart_for_several_pods_needs_their_common_secrets() -> None:
    with pytest.raises(Exception, match="rootKeySecret is needed"):
        rendered({"database": {"url": "postgresql+psycopg://kmipd@db/kmipd"}})


def test_the_chart_has_nothing_to_be_linted() -> None:
    helm = pytest.importorskip("helm_python", reason="helm-python-sdk is not here; .ci/run installs it")

    assert "ERROR" not in str(helm.lint(str(CHART)))


# Dashboard and alert rules


def metric_names() -> set[str]:
    """Return the names under which the families' samples are asked for."""
    ends = ("", "_total", "_info", "_bucket", "_sum", "_count")
    return {name + end for name in FAMILIES for end in ends}


def test_dashboard_and_alerts_ask_for_metrics_that_exist() -> None:
    dashboard = json.loads((PACKAGING / "grafana" / "dashboard.json").read_text())
    expressions = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    alerts = (PACKAGING / "grafana" / "alerts.yaml").read_text()
    asked = {name for text in [*expressions, alerts] for name in re.findall(r"kmipd_[a-z_]+", text)}

    assert asked
    assert asked <= metric_names()
    assert all(panel["targets"] for panel in dashboard["panels"])


def test_alert_rules_are_whole() -> None:
    yaml = pytest.importorskip("yaml")
    (group,) = yaml.safe_load((PACKAGING / "grafana" / "alerts.yaml").read_text())["groups"]

    assert all({"alert", "expr", "labels", "annotations"} <= rule.keys() for rule in group["rules"])
    assert {rule["labels"]["severity"] for rule in group["rules"]} <= {"critical", "warning"}


def test_the_unit_reloads_by_the_signal_that_reloads() -> None:
    text = UNIT.read_text()

    assert shlex.split(re.findall(r"ExecReload=(.*)", text)[0])[1] == "-HUP"
    assert "Type=notify" in text
