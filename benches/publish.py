"""What `./run bench --publish` writes: all figures, the tables as Markdown, two charts, and the short
table of README.md.

Called by run.py. Everything but the figures themselves is drawn from them, so that `--from` can do
it again without measuring.
"""

import json
import os

import plot
import report

CHARTS = {
    "threads.svg": ("cfutures and other pools of threads", "T"),
    "processes.svg": ("cfutures and other pools of processes", "P"),
}


# The short table: its workloads, and how their figures are written there. Rows that the library loses
# are as much a part of it as the others.
SHORT = {
    "T1": ("a million tasks, submitted and collected", "million/s"),
    "T2": ("round trip of one task", "µs"),
    "T3": ("a million tasks from four threads", "million/s"),
    "T4a": ("loop over 10 million items of 1 ns", "ms"),
    "T4b": ("loop over 100,000 items of 1 µs", "ms"),
    "T5": ("tasks that wait for tasks, each call", "ns"),
    "T6": ("memory for a pending task", "bytes"),
    "T7": ("results in the order in which they are ready", "million/s"),
    "P1": ("processes: round trip of one task", "µs"),
    "P2": ("processes: tasks, submitted and collected", "thousand/s"),
    "P2b": ("processes: map over a million items", "thousand/s"),
    "P3": ("processes: 64 MiB in and 64 MiB out", "ms"),
    "P4": ("processes: a new pool and its first result", "ms"),
    "P4k": ("processes: from a worker's death to the future's end", "µs"),
}
BEGIN, END = "<!-- bench: written by `./run bench --publish` -->", "<!-- /bench -->"


def document(args, facts, programs, left_out, session):
    """All that is known about one run, as it stands in figures.json. It shares the session's lists,
    which grow while it runs."""
    return {
        "machine": facts,
        "options": {key: getattr(args, key) for key in ("rounds", "workers", "fib", "only")},
        "programs": {p.name: p.version for p in programs},
        "left_out": left_out,
        "workloads": {},
        "seconds": session.seconds,
        "processes": session.log,
        "failures": session.failures,
    }


def load(path):
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def save(path, content):
    with open(path, "w", encoding="utf-8") as file:
        file.write(content)


def save_json(path, figures):
    save(path, json.dumps(figures, indent=1) + "\n")


def head(figures):
    """What a table needs to be understood later."""
    machine, options = figures["machine"], figures["options"]
    processes = "process" if options["rounds"] == 1 else "processes"
    named = (f"{name} {version}".strip() for name, version in figures["programs"].items())
    return [
        f"{machine['cpu']}, {machine['usable_cpus']} of {machine['cpus']} CPUs usable, "
        f"Linux {machine['kernel']}, {machine['date']}, commit {machine['commit']}",
        ", ".join(named),
        f"{options['workers']} workers, {options['rounds']} {processes} per figure, round-robin; "
        f"fib({options['fib']}) in T5",
        *(f"left out: {program}" for program in figures["left_out"]),
    ]


def tail(figures):
    """How long it took, and what went wrong."""
    seconds = figures["seconds"]
    parts = []
    for name, kind in (("threads", "T"), ("processes", "P"), ("scale", "S")):
        mine = {w: taken for w, taken in seconds.items() if w.startswith(kind)}
        if mine:
            each = ", ".join(f"{workload} {taken:.0f}" for workload, taken in mine.items())
            parts.append(f"{name} {sum(mine.values()):.0f} s ({each})")
    runs = figures["processes"]
    disturbed = sum(1 for run in runs if run["foreign_share"] > report.DISTURBED)
    lines = [
        f"{sum(seconds.values()):.0f} s: {', '.join(parts)}",
        f"processes: {len(runs)}; disturbed, as others took more than {report.DISTURBED:.0%} "
        f"of the machine: {disturbed} (~: a figure of disturbed ones only)",
    ]
    return lines + [f"FAILED: {failure}" for failure in figures["failures"]]


def tables(figures, draw):
    """The lines of all tables, each drawn by report.table or report.markdown."""
    lines = []
    for workload in report.WORKLOADS:
        rows = figures["workloads"].get(workload)
        if rows and report.measured(workload, rows):
            lines += ["", *draw(workload, rows)]
    return lines


def page(figures):
    """docs/bench/table.md"""
    lines = ["<!-- Written by `./run bench --publish` from figures.json. -->", "# Figures", ""]
    lines += [f"- {line}" for line in head(figures)]
    lines += ["", "How to read the tables, and what each row is: benches/README.md."]
    lines += tables(figures, report.markdown)
    lines += ["", "## The run", "", *(f"- {line}" for line in tail(figures))]
    return "\n".join(lines) + "\n"


def short_row(workload, rows):
    """The best of the C interface beside the best peer; None where one of them is missing."""
    what, unit = SHORT[workload]
    metric, peer = report.WORKLOADS[workload][1][0], report.best_peer(workload, rows)
    own = report.best(workload, filter(report.is_c_interface, report.measured(workload, rows)), rows)
    if own is None or peer is None:
        return None

    def value(row):
        cell = rows[row][metric]
        return f"{'' if cell['calm'] else '~'}{report.number(cell['median'])} {unit}"

    ratio = report.ratio_text(rows[own][metric]["ratio"])
    return f"| {what} | {value(own)} | {value(peer)}, {peer} | {ratio} |"


def short_table(figures):
    """The table of README.md, with its markers."""
    found = figures["workloads"]
    rows = (short_row(workload, found[workload]) for workload in SHORT if workload in found)
    rows = [row for row in rows if row]
    machine, workers = figures["machine"], figures["options"]["workers"]
    disturbed = ""
    if any("~" in row for row in rows):
        disturbed = " Figures with a ~ were measured while others used the machine."
    lines = [
        BEGIN,
        "| | cfutures | the best of the others | ratio |",
        "| --- | ---: | --- | ---: |",
        *rows,
        "",
        f"{machine['cpu']}, {machine['usable_cpus']} processors, {workers} workers. A ratio above 1 "
        f"is better.{disturbed}",
        END,
    ]
    return "\n".join(lines)


def with_short_table(text, figures):
    """README.md with the table in place of the one before."""
    before, rest = text.split(BEGIN, 1)
    return before + short_table(figures) + rest.split(END, 1)[1]


def publish_readme(path, figures):
    with open(path, encoding="utf-8") as file:
        text = file.read()
    save(path, with_short_table(text, figures))


def publish(folder, figures):
    """Writes everything into a folder. Returns the names of the files."""
    os.makedirs(folder, exist_ok=True)
    save_json(os.path.join(folder, "figures.json"), figures)
    save(os.path.join(folder, "table.md"), page(figures))
    written = ["figures.json", "table.md"]
    for name, (title, kind) in CHARTS.items():
        drawing = plot.chart(title, figures, kind)
        if drawing:
            save(os.path.join(folder, name), drawing)
            written.append(name)
    return written
