"""The page of the documentation that says how fast the server is: what was measured, on what, and what limits it."""

from __future__ import annotations

import os
import platform
import ssl
import sysconfig
from collections.abc import Mapping, Sequence
from typing import Final, Protocol

from benchmarks.counts import Budget
from benchmarks.figures import Figures, medians, ratio

LIMITED_BY: Final = {
    "discover": "TLS, the event loop and the system calls of one answer; then the audit trail",
    "query": "as Discover Versions",
    "get": "as Discover Versions, where a request is repeated within a second and nothing was committed",
    "get-once": "Python: reading the request, admission, opening the content, the audit record",
    "encrypt": "as a Get that is another request, and more bytes to read and write; the cipher itself is a hundredth",
    "locate": "as Get; another name each time is looked for in the index besides",
    "connect": "the handshake's signatures and key agreement, as for the ceiling",
    "create": "Python in the loop's thread (judging, describing, sealing, index entries); then the disk's flush",
    "register": "as Create",
}
"""Case -> what is in the way of more."""


class Measured(Protocol):
    """One row of the comparison, as `compare.Row` has it."""

    @property
    def case(self) -> str: ...

    @property
    def connections(self) -> int: ...

    @property
    def rounds(self) -> Mapping[str, Sequence[Figures]]: ...


def page_of(
    rows: Sequence[Measured],
    titles: Mapping[str, str],
    versions: Mapping[str, str],
    budgets: Mapping[str, Budget],
    command: str,
) -> str:
    """Return the page in Markdown.

    titles: by case.  versions: by server.  budgets: by operation.  command: what repeats the measurement.
    """
    lines = [
        "# Performance",
        "",
        "This page is written by a measurement; nothing in it is set by hand. To repeat it:",
        "",
        "```",
        command,
        "```",
        "",
        *_machine(versions),
        "",
        "## Answers per second, and what each costs",
        "",
        "Every server of a row was measured in turn, round by round; a figure is the median of the rounds, and behind",
        "it the least and the greatest. *Ceiling* is a bare asyncio server with TLS and canned answers. Processor time",
        "is that of all processes of the server, user and system, for one answer: rates depend on what else runs on",
        "the machine, processor time much less.",
        "",
        "| Operation | Connections | Server | Answers/s | Processor time, µs | In ceilings | p99, ms |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        lines += _row(row, titles[row.case])
    lines += ["", "## What limits each row", "", "| Operation | |", "|---|---|"]
    lines += [f"| {titles[case]} | {LIMITED_BY[case]} |" for case in dict.fromkeys(row.case for row in rows)]
    lines += ["", *_budgets(budgets), ""]
    return "\n".join(lines)


def _machine(versions: Mapping[str, str]) -> list[str]:
    load = ", ".join(f"{number:.1f}" for number in os.getloadavg())
    servers = "; ".join(f"{server}: {version}" for server, version in versions.items())
    return [
        f"Machine: {os.cpu_count()} cores, {platform.platform()}, load averages at the end {load}. "
        f"Python {platform.python_version()} ({_configuration()}), {ssl.OPENSSL_VERSION}.",
        f"Servers: {servers}.",
    ]


def _configuration() -> str:
    """Return how this Python was built, as far as it tells on its speed."""
    given = str(sysconfig.get_config_var("CONFIG_ARGS"))
    found = [option for option in ("--enable-optimizations", "--with-lto", "--enable-shared") if option in given]
    return f"configured with {', '.join(found)}" if found else "configured without options of optimization"


def _row(row: Measured, title: str) -> list[str]:
    ceiling = row.rounds.get("ceiling", [])
    lines = []
    for server, rounds in row.rounds.items():
        if not rounds:
            continue
        middle = medians(rounds)
        in_ceilings = ratio(rounds, ceiling, "processor") if server != "ceiling" else None
        lines.append(
            f"| {title} | {row.connections} | {server}"
            f" | {middle.per_second:,.0f} ({_spread([r.per_second for r in rounds])})"
            f" | {middle.processor * 1e6:,.0f} ({_spread([r.processor * 1e6 for r in rounds])})"
            f" | {'' if in_ceilings is None else f'{in_ceilings:.1f}'} | {middle.p99 * 1e3:.1f} |"
        )
    return lines


def _spread(figures: Sequence[float]) -> str:
    return f"{min(figures):,.0f} - {max(figures):,.0f}"


def _budgets(budgets: Mapping[str, Budget]) -> list[str]:
    parts = list(next(iter(budgets.values())).calls)
    lines = [
        "## What one request does",
        "",
        "Calls of functions for one request in the service, without sockets, by the part of the server that makes",
        "them (`python -m benchmarks.counts --parts`): they depend on no machine. The time is the least processor time",
        "of the thread that answers. *Again*: the request is repeated within a second and nothing was committed, so",
        "its answer is given again ([ADR 0411](adr/0411-give-answers-to-plain-reads-again.md)). All others are worked",
        "out.",
        "",
        f"| Operation | Calls | {' | '.join(parts)} | µs |",
        f"|---|---|{'---|' * len(parts)}---|",
    ]
    for name, budget in budgets.items():
        calls = " | ".join(f"{budget.calls[part]:.0f}" for part in parts)
        lines.append(f"| {name} | {sum(budget.calls.values()):.0f} | {calls} | {budget.microseconds:.0f} |")
    return lines
