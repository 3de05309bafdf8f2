"""`kmipd conformance`: cases of a folder against servers of this program and others, and the reports of a run."""

import socket
from collections.abc import Callable
from pathlib import Path
from xml.etree.ElementTree import fromstring

import pytest

from kmip_app.configuration.settings import SETTINGS as OF_THE_SERVER
from kmip_app.conformance.cases import Case, find_cases
from kmip_app.conformance.own_servers import OwnServers, settings_from
from kmip_app.conformance.report import Outcome, as_html, as_json, as_junit
from kmip_app.conformance.settings import SETTINGS
from kmip_app.testing import KmipTestServer
from tests.unit.kmip_app.cli.conftest import Shell, home, kmipd, server, shell, started

__all__ = ["home", "kmipd", "server", "shell", "started"]  # fixtures

CASE = """<KMIP>
  <RequestMessage>
    <RequestHeader>
      <ProtocolVersion>
        <ProtocolVersionMajor type="Integer" value="1"/><ProtocolVersionMinor type="Integer" value="4"/>
      </ProtocolVersion>
      <BatchCount type="Integer" value="1"/>
    </RequestHeader>
    <BatchItem>
      <Operation type="Enumeration" value="DiscoverVersions"/>
      <RequestPayload>
        <ProtocolVersion>
          <ProtocolVersionMajor type="Integer" value="1"/><ProtocolVersionMinor type="Integer" value="4"/>
        </ProtocolVersion>
      </RequestPayload>
    </BatchItem>
  </RequestMessage>
  <ResponseMessage>
    <ResponseHeader>
      <ProtocolVersion>
        <ProtocolVersionMajor type="Integer" value="1"/><ProtocolVersionMinor type="Integer" value="4"/>
      </ProtocolVersion>
      <TimeStamp type="DateTime" value="$NOW"/>
      <BatchCount type="Integer" value="1"/>
    </ResponseHeader>
    <BatchItem>
      <Operation type="Enumeration" value="DiscoverVersions"/>
      <ResultStatus type="Enumeration" value="Success"/>
      <ResponsePayload>
        <ProtocolVersion>
          <ProtocolVersionMajor type="Integer" value="1"/><ProtocolVersionMinor type="Integer" value="{minor}"/>
        </ProtocolVersion>
      </ResponsePayload>
    </BatchItem>
  </ResponseMessage>
</KMIP>
"""


@pytest.fixture
def cases(tmp_path: Path) -> Path:
    """One case that passes, one that cannot, in folders of folders."""
    folder = tmp_path / "cases" / "mandatory"
    folder.mkdir(parents=True)
    (folder / "TC-GOOD-1-14.xml").write_text(CASE.format(minor=4))
    (folder / "XYZ-M-1-14.xml").write_text(CASE.format(minor=3))
    (folder / "notes.xml").write_text("<notes/>")
    return folder.parent


def test_cases_are_found_by_their_names(cases: Path) -> None:
    assert [(case.id, case.family) for case in find_cases(cases)] == [
        ("1.4/TC-GOOD-1-14", "TC"),
        ("1.4/XYZ-M-1-14", "XYZ"),
    ]


@pytest.mark.parametrize("is_own", [True, False], ids=["own servers", "another server"])
def test_a_run_reports_what_differs_first(kmipd: Shell, shell: Callable[..., Shell], cases: Path, is_own: bool) -> None:
    code, out, _ = (shell() if is_own else kmipd).code("conformance", "--cases", cases)
    lines = out.splitlines()

    assert code == 1
    assert lines[:2] == ["1.4\tTC\t1\t1\t0", "1.4\tXYZ\t1\t0\t1"]
    assert lines[2].startswith("1.4/XYZ-M-1-14: ")
    assert "expected 3, got 4" in lines[2]
    assert lines[3].endswith("1 of 2 cases pass")


def test_filters_choose_cases(kmipd: Shell, cases: Path) -> None:
    for arguments in (["--family", "TC"], ["--case", "TC-*"], ["--version", "1.4", "--case", "1.4/TC-GOOD-1-14"]):
        report = kmipd.json("conformance", "--cases", cases, *arguments)
        assert [result["case"] for result in report["results"]] == ["1.4/TC-GOOD-1-14"]
        assert (report["cases"], report["passed"], report["failed"]) == (1, 1, 0)


@pytest.mark.parametrize("arguments", [["--version", "2.0"], ["--family", "none"]], ids=" ".join)
def test_nothing_to_play_is_a_mistake(kmipd: Shell, cases: Path, arguments: list[str]) -> None:
    code, _, err = kmipd.code("conformance", "--cases", cases, *arguments)

    assert code == 2
    assert "families are TC, XYZ" in err


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--family", "TC", "--family", "XZY"], "--family: no test case is of XZY; families are TC, XYZ"),
        (["--case", "TC-*", "--case", "XZY-*"], "--case: no test case has the name XZY-*; one is 1.4/TC-GOOD-1-14"),
    ],
    ids=["family", "case"],
)
def test_one_of_several_filters_that_is_misspelt_is_a_mistake(
    kmipd: Shell, cases: Path, arguments: list[str], expected: str
) -> None:
    """Else a run would pass without the cases that it was started for."""
    assert kmipd.code("conformance", "--cases", cases, *arguments) == (2, "", f"kmipd: {expected}\n")


def test_a_folder_without_cases_is_a_mistake(kmipd: Shell, tmp_path: Path) -> None:
    code, _, err = kmipd.code("conformance", "--cases", tmp_path)

    assert code == 2
    assert "no test cases" in err


def test_reports_are_written(kmipd: Shell, cases: Path, tmp_path: Path) -> None:
    junit, html = tmp_path / "junit.xml", tmp_path / "report.html"
    code, _, _ = kmipd.code("conformance", "--cases", cases, "--junit", junit, "--html", html)
    suites = fromstring(junit.read_bytes())

    assert code == 1
    assert [(s.get("name"), s.get("tests"), s.get("failures")) for s in suites] == [("KMIP 1.4", "2", "1")]
    assert [case.get("name") for case in suites.iter("testcase")] == ["TC-GOOD-1-14", "XYZ-M-1-14"]
    (failure,) = suites.iter("failure")
    assert "expected 3, got 4" in (failure.get("message") or "")
    assert "expected 3, got 4" in html.read_text()


def test_a_server_that_is_down_is_no_failed_case(kmipd: Shell, cases: Path, server: KmipTestServer) -> None:
    server.stop()
    try:
        code, _, err = kmipd.code("conformance", "--cases", cases)
    finally:
        server.start()

    assert code == 3
    assert "kmipd doctor" in err


def test_the_text_of_a_server_is_escaped_in_every_report(cases: Path) -> None:
    case = find_cases(cases)[0]
    failure = f"{case.id}: the response differs\n  <script>\x00\x1b]</script>: expected &, got \ud800"
    outcomes = [Outcome(case=case, failure=failure, seconds=0.5)]

    assert "<script>" not in as_html(outcomes, "<b>server</b>")
    assert "<b>server" not in as_html(outcomes, "<b>server</b>")
    assert fromstring(as_junit(outcomes, "server")).find(".//failure") is not None
    assert as_json(outcomes, "server")["results"][0]["difference"].startswith("<script>")


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.cases)
def test_options_of_cases_are_settings(setting: object) -> None:
    assert settings_from(getattr(setting, "options", ())).keys() <= OF_THE_SERVER.keys()


@pytest.mark.parametrize("name", ["MSGENC-JSON-M-1-14", "MSGENC-HTTPS-M-1-14"])
def test_cases_of_https_travel_so(shell: Callable[..., Shell], kmipd: Shell, tmp_path: Path, name: str) -> None:
    folder = tmp_path / "https"
    folder.mkdir()
    (folder / f"{name}.xml").write_text(CASE.format(minor=4))
    assert shell()("conformance", "--cases", folder).endswith("1 of 1 cases pass")
    code, out, _ = kmipd.code("conformance", "--cases", folder)
    assert (code, "over HTTPS" in out) == (1, True)
    with KmipTestServer(https_port=0) as server:
        where = ["--host", server.host, "--port", str(server.port), "--https-port", str(server.https_port)]
        files = ["--cert", server.cert, "--key", server.key, "--ca", server.ca]
        assert shell(*where, *files)("conformance", "--cases", folder).endswith("1 of 1 cases pass")


def attribute(name: str, kind: str, value: str) -> str:
    return (
        f'<Attribute><AttributeName type="TextString" value="{name}"/>'
        f'<AttributeValue type="{kind}" value="{value}"/></Attribute>'
    )


def messages(operation: str, request: str, response: str) -> str:
    """Return a request and its response; the answer to what a server sends has no fields."""
    head = CASE[CASE.index("<ProtocolVersion>") : CASE.index("<BatchCount")]
    return f"""
      <RequestMessage><RequestHeader>{head}<BatchCount type="Integer" value="1"/></RequestHeader>
        <BatchItem><Operation type="Enumeration" value="{operation}"/>
          <RequestPayload>{request}</RequestPayload></BatchItem></RequestMessage>
      <ResponseMessage><ResponseHeader>{head}<TimeStamp type="DateTime" value="$NOW"/>
          <BatchCount type="Integer" value="1"/></ResponseHeader>
        <BatchItem><Operation type="Enumeration" value="{operation}"/><ResultStatus type="Enumeration" value="Success"/>
          <ResponsePayload>{response}</ResponsePayload></BatchItem></ResponseMessage>"""


IDENTIFIER = '<UniqueIdentifier type="TextString" value="$UNIQUE_IDENTIFIER_0"/>'
OPAQUE = (
    '<OpaqueObject><OpaqueDataType type="Enumeration" value="0x80000001"/>'
    '<OpaqueDataValue type="ByteString" value="00ff"/></OpaqueObject>'
)
DIALOGUE = (
    messages(
        "Register",
        f'<ObjectType type="Enumeration" value="OpaqueObject"/>'
        f"<TemplateAttribute>{attribute('x-ID', 'TextString', 'a')}</TemplateAttribute>{OPAQUE}",
        IDENTIFIER,
    )
    + messages("Put", f'{IDENTIFIER}<PutFunction type="Enumeration" value="New"/>{OPAQUE}', "")
    + messages("Destroy", IDENTIFIER, IDENTIFIER)
    + messages(
        "Notify",
        IDENTIFIER + attribute("Last Change Date", "DateTime", "$NOW") + attribute("State", "Enumeration", "{state}"),
        "",
    )
)


def a_dialogue(folder: Path, state: str = "Destroyed") -> Path:
    folder.mkdir()
    (folder / "TC-CALLS-1-14.xml").write_text(f"<KMIP>{DIALOGUE}</KMIP>".replace("{state}", state))
    return folder


def test_a_client_of_our_own_servers_is_called(shell: Callable[..., Shell], tmp_path: Path) -> None:
    assert shell()("conformance", "--cases", a_dialogue(tmp_path / "cases")).endswith("1 of 1 cases pass")


def test_requests_that_a_server_sends_are_compared(shell: Callable[..., Shell], tmp_path: Path) -> None:
    code, out, _ = shell().code("conformance", "--cases", a_dialogue(tmp_path / "cases", state="Active"))

    assert code == 1
    assert "Notify / Request Payload / Attribute 'State' / Attribute Value: expected 0x00000002, got 0x00000005" in out


def test_a_client_of_another_server_is_called_where_it_listens(shell: Callable[..., Shell], tmp_path: Path) -> None:
    folder = a_dialogue(tmp_path / "cases")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with KmipTestServer() as server:
        mine = server.client_certificate("disks")
        server.notify(f"tls://127.0.0.1:{port}", client="disks", put=["own"], own_changes=True)
        where = ["--host", server.host, "--port", str(server.port)]
        kmipd = shell(*where, "--cert", mine.cert, "--key", mine.key, "--ca", mine.ca)

        code, out, _ = kmipd.code("conformance", "--cases", folder)
        assert (code, "the client does not listen" in out) == (1, True)
        code, out, _ = kmipd.code("conformance", "--cases", folder, "--listen", f"127.0.0.1:{port}")
        assert (code, "1 of 1 cases pass" in out) == (0, True), out
        code, _, err = kmipd.code("conformance", "--cases", folder, "--listen", "nowhere")
        assert (code, "--listen" in err) == (2, True)


AUTHENTICATION = """<Authentication><Credential>
    <CredentialType type="Enumeration" value="UsernameAndPassword"/>
    <CredentialValue>
      <Username type="TextString" value="{name}"/><Password type="TextString" value="x"/>
    </CredentialValue>
  </Credential></Authentication>"""
VERSION = """<ProtocolVersion>
    <ProtocolVersionMajor type="Integer" value="1"/><ProtocolVersionMinor type="Integer" value="2"/>
  </ProtocolVersion>"""
COUNT = '<BatchCount type="Integer" value="1"/>'


def by_client(name: str, *, has_credentials: bool, item: str, answer: str) -> str:
    who = AUTHENTICATION.format(name=name) if has_credentials else ""
    return f"""
  # TIME 0 [Client-{name}]
  <RequestMessage><RequestHeader>{VERSION}{who}{COUNT}</RequestHeader><BatchItem>{item}</BatchItem></RequestMessage>
  <ResponseMessage>
    <ResponseHeader>{VERSION}<TimeStamp type="DateTime" value="$NOW"/>{COUNT}</ResponseHeader>
    <BatchItem>{answer}</BatchItem>
  </ResponseMessage>"""


@pytest.mark.parametrize("has_credentials", [True, False], ids=["with credentials", "without"])
def test_two_clients_of_a_case_are_two_identities_where_they_say_who_they_are(
    tmp_path: Path, has_credentials: bool
) -> None:
    create, activate = (f'<Operation type="Enumeration" value="{name}"/>' for name in ("Create", "Activate"))
    success = '<ResultStatus type="Enumeration" value="Success"/>'
    refused = (
        '<ResultStatus type="Enumeration" value="OperationFailed"/>'
        '<ResultReason type="Enumeration" value="ItemNotFound"/><ResultMessage type="TextString" value="no"/>'
    )
    kind = '<ObjectType type="Enumeration" value="SymmetricKey"/>'
    described = "".join(
        f'<Attribute><AttributeName type="TextString" value="{name}"/>'
        f'<AttributeValue type="{item_type}" value="{value}"/></Attribute>'
        for name, item_type, value in (
            ("Cryptographic Algorithm", "Enumeration", "AES"),
            ("Cryptographic Length", "Integer", "128"),
            ("Cryptographic Usage Mask", "Integer", "Encrypt"),
        )
    )
    identifier = '<UniqueIdentifier type="TextString" value="$UNIQUE_IDENTIFIER_0"/>'
    made = by_client(
        "A",
        has_credentials=has_credentials,
        item=f"{create}<RequestPayload>{kind}<TemplateAttribute>{described}</TemplateAttribute></RequestPayload>",
        answer=f"{create}{success}<ResponsePayload>{kind}{identifier}</ResponsePayload>",
    )
    activated = by_client(
        "B",
        has_credentials=has_credentials,
        item=f"{activate}<RequestPayload>{identifier}</RequestPayload>",
        answer=activate + (refused if has_credentials else f"{success}<ResponsePayload>{identifier}</ResponsePayload>"),
    )
    path = tmp_path / "TC-TWO-12.xml"
    path.write_text(f"<KMIP>{made}{activated}</KMIP>")

    with OwnServers() as servers:
        servers.play(Case(path))
