"""`kmipd doctor`: connect as a client would, and explain each failure."""

from typing import TYPE_CHECKING, Any, Final

import click

from kmip_app.cli.options import CONTEXT
from kmip_app.cli.output import chosen_form, output_options, print_json
from kmip_app.cli.remote import REFUSED, connection_options, remote_errors, target_of
from kmip_app.printable import printable

if TYPE_CHECKING:
    from kmip_app.client.doctor import Finding

_COLOURS: Final = {"ok": "green", "warning": "yellow", "failed": "red"}


def doctor(**values: Any) -> int:
    """Connect to a server as a client would, step by step, and say what is wrong and what to do.

    It examines the files, the name, TCP, TLS versions and suites, both certificates, the KMIP version, the clocks and
    what the server lets this client do; it changes nothing. Exit code 0 if all is well, 1 if not.
    """
    from kmip_app.client.doctor import FAILED, OK, Patient, examine

    target = target_of(values, need_files=False)
    patient = Patient(
        host=target.host,
        port=target.port,
        cert=target.cert,
        key=target.key,
        ca=target.ca,
        server_name=target.server_name,
        version=target.version,
        timeout=target.timeout,
    )
    form = chosen_form(values)
    findings = []
    with remote_errors():
        for finding in examine(patient):
            findings.append(finding)
            _print(finding, form)
    is_well = all(finding.result != FAILED for finding in findings)
    if form == "json":
        checks = [
            {"check": f.check, "result": f.result, "text": f.text, **({"remedy": f.remedy} if f.remedy else {})}
            for f in findings
        ]
        print_json({"server": f"{patient.host}:{patient.port}", "ok": is_well, "checks": checks})
    elif form == "table":
        bad = sum(finding.result != OK for finding in findings)
        verdict = "all is well" if not bad else f"{bad} of {len(findings)} checks need attention"
        click.echo(f"\n{patient.host}:{patient.port}: {verdict}")
    return 0 if is_well else REFUSED


def _print(finding: "Finding", form: str) -> None:
    """Print a finding when it is made: a step may take as long as a timeout."""
    if form == "table":
        mark = click.style(f"{finding.result:<8}", fg=_COLOURS[finding.result])
        click.echo(f"{mark}{finding.check}: {printable(finding.text)}")
        if finding.remedy:
            click.echo(f"{'':8}-> {printable(finding.remedy)}")
    elif form == "plain":
        parts = (finding.result, finding.check, finding.text, finding.remedy)
        click.echo("\t".join(map(printable, parts)))


command = click.Command(
    "doctor",
    callback=doctor,
    params=[*output_options(), *connection_options()],
    help=doctor.__doc__,
    context_settings=CONTEXT,
)
