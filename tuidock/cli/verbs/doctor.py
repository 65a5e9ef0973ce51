"""`tuidock doctor`: exit code 1 when something that containers need is missing."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace

    from tuidock.cli.parser import Parser
    from tuidock.engine.core import Core

_SIGNS = {"ok": "ok     ", "warning": "warning", "missing": "MISSING"}


def arguments(parser: Parser) -> None:
    """`doctor` has no flags."""


def main(core: Core, options: Namespace) -> int:
    findings = core.doctor()
    for finding in findings:
        print(f"{_SIGNS[finding.state]}  {finding.name}: {finding.detail}")
        if finding.remedy and finding.state != "ok":
            print(f"         -> {finding.remedy}")
    return int(any(finding.state == "missing" for finding in findings))
