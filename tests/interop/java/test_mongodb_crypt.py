"""MongoDB's Java binding of libmongocrypt drives kmipd over JSSE, in both flows, with TLS 1.2 and 1.3."""

import re
import shutil
from pathlib import Path
from typing import Final

import pytest

from kmip_app.testing import KmipTestServer
from tests.interop import building

pytestmark = pytest.mark.builds
SOURCES: Final = Path(__file__).with_name("mongodb-crypt")
GOALS: Final = ("compile", "dependency:build-classpath", "-Dmdep.outputFile=classpath")


def test_data_keys_are_made_and_opened_over_jsse(tmp_path: Path) -> None:
    building.need("mvn", "java", "keytool", "openssl", "bash")
    folder = building.sources(SOURCES, "mongodb-crypt")
    building.build("mvn", "-q", "-B", *GOALS, folder=folder)
    classes = f"target/classes:{(folder / 'classpath').read_text().strip()}"
    with KmipTestServer() as server:
        for name, path in (("client.crt", server.cert), ("client.key", server.key), ("ca.crt", server.ca)):
            shutil.copy(path, tmp_path / name)
        building.run("bash", "-e", SOURCES / "stores.sh", folder=tmp_path)
        options = (SOURCES / "jvm.options").read_text()
        assert "/etc/kmip/" in options
        (tmp_path / "jvm.options").write_text(options.replace("/etc/kmip/", f"{tmp_path}/"))
        place = f"localhost:{server.port}"

        words = ("java", f"@{tmp_path / 'jvm.options'}", "-cp", classes, "Client", place, "TLSv1.2", "TLSv1.3")
        printed = building.run(*words, folder=folder)

    said = re.findall(r"^(\S+) (\S+): a secret value, (\d+) \+ 1 messages$", printed, re.M)
    assert {(tls, flow) for tls, flow, _ in said} == {
        (tls, flow) for tls in ("TLSv1.2", "TLSv1.3") for flow in ("client-side", "delegated")
    }, printed
