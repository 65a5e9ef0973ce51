"""`tuidock --help`: the verbs, group by group, made from their table."""

from __future__ import annotations

from tuidock.cli.verbs import VERBS


def overview() -> str:
    """The page that `tuidock --help` prints."""
    lines = [
        "usage: tuidock [--root DIR] [--runroot DIR] [--config FILE] [--log-level L] [--read-only]",
        "               [VERB ...]",
        "",
        "Without a verb: the full-screen interface. With --read-only nothing is changed.",
    ]
    for group in dict.fromkeys(verb.group for verb in VERBS.values()):
        lines += ["", f"{group}:"]
        lines += [f"  {name:18}{verb.help}" for name, verb in VERBS.items() if verb.group == group]
    return "\n".join([*lines, "", "`tuidock VERB --help` shows the flags of a verb."])
