"""From the figures of many runs to one table per workload, as text and as Markdown.

Used by run.py, publish.py and plot.py. A row is what a program calls itself in its result lines; a
program may have several rows. Rows whose name begins with "cfutures" are the library's, those that
begin with "limit" say what the machine itself needs, all others are peers.
"""

import statistics

DISTURBED = 0.06  # share of the machine that others took

PHASES = ["submit_ns", "worker_ns", "result_ns"]
# Per workload: what it is, and its metrics. The first metric is the one that rows are compared by.
WORKLOADS = {
    "T1": ("1 million no-op tasks: submit all, take all results", ["Mtask/s", "cpu_us/task"]),
    "T2": ("round trip of one task, pool awake", ["p50_us", "p99_us", "cores"]),
    "T2i": ("round trip of one task after a pause of 300 us", ["p50_us", "p99_us", "cores"]),
    "T3": ("1 million no-op tasks from four threads", ["Mtask/s", "cpu_us/task"]),
    "T4a": ("loop over 10 million items of 1 ns", ["ms", "speed-up"]),
    "T4b": ("loop over 100,000 items of 1 us", ["ms", "speed-up"]),
    "T5": ("Fibonacci, a task per call, tasks wait for tasks", ["ns/call", "cpu_ns/call"]),
    "T6": ("memory per future that is submitted and not started", ["B/pending"]),
    "T7": ("100,000 tasks, results in completion order", ["Mtask/s", "cpu_us/task"]),
    "T8": ("submitting and taking alone, nobody is woken", ["cpu_ns/task", "submit_ns", "take_ns"]),
    "P1": ("processes: round trip of one task, pool awake", ["p50_us", "p99_us"]),
    "P1i": ("processes: round trip of one task after a pause of 500 us", ["p50_us", "p99_us"]),
    "P2": ("processes: no-op tasks, submit all, take all results", ["ktask/s"]),
    "P2a": ("processes: map of a no-op over 100,000 items", ["ktask/s"]),
    "P2b": ("processes: map of a no-op over 1,000,000 items", ["ktask/s"]),
    "P2c": ("processes: map over 100,000 items, each a chunk of its own", ["ktask/s"]),
    "P3": ("processes: 64 MiB into a task and 64 MiB out", ["ms"]),
    "P3s": ("processes: a task copies 64 MiB within shared memory", ["ms"]),
    "P4": ("processes: a new pool and its first result", ["ms"]),
    "P4g": ("processes: the same out of a big process", ["ms", "GiB"]),
    "P4k": ("processes: from kill -9 of a worker to its future being done", ["p50_us", "p99_us"]),
    "P4r": ("processes: from kill -9 of the only worker to the next task's result", ["p50_us", "p99_us"]),
    "P4h": ("processes: from kill -9 of the host to the end of its last process", ["p50_us", "p99_us"]),
    "S1": ("n tasks pending, 1 worker", ["ns/task", "relative", *PHASES]),
    "S2": ("more and more workers", ["ns/task", "relative", "cpu_ns", "us/10us-task"]),
    "S3": ("cf_wait for all of n futures", ["ns/future", "relative", "wait_ns", "done_ns"]),
    "S4": ("cf_wait for the first of n futures", ["ns/future", "relative", "first_ns", "again_ns"]),
    "S5": ("cf_as_completed over n futures", ["ns/future", "relative", "new_ns", "next_ns"]),
    "S6": ("processes: as S1", ["ns/task", "relative", *PHASES]),
    "S7": ("processes: as S2", ["ns/task", "relative", "cpu_ns", "us/10us-task"]),
}
IN_ORDER = {"S1", "S2", "S3", "S4", "S5", "S6", "S7"}  # rows as they come, not best first
MORE_IS_BETTER = {"Mtask/s", "ktask/s", "speed-up"}


class Figures:
    """All values of all runs: workload, row, metric, then one (values, share) per process."""

    def __init__(self):
        self.runs = {}

    def add_output(self, output, share):
        """Takes the result lines of one process. Returns how many there were."""
        values = {}
        for line in output.splitlines():
            fields = line.split("\t")
            if len(fields) == 5 and fields[0] == "R":
                values.setdefault(tuple(fields[1:4]), []).append(float(fields[4]))
        for (workload, row, metric), found in values.items():
            rows = self.runs.setdefault(workload, {})
            rows.setdefault(row, {}).setdefault(metric, []).append((found, share))
        return len(values)

    def summary(self):
        """{workload: {row: {metric: cell}}}, with the ratios to the best peer."""
        result = {}
        for workload in self.runs:
            rows = {
                row: {metric: cell(runs) for metric, runs in metrics.items()}
                for row, metrics in self.runs[workload].items()
            }
            add_ratios(workload, rows)
            result[workload] = rows
        return result


def cell(runs):
    """One metric of one row. Disturbed processes count only where there is no other."""
    calm = [values for values, share in runs if share <= DISTURBED]
    used = calm or [values for values, _share in runs]
    every = [value for values in used for value in values]
    return {
        "median": statistics.median(statistics.median(values) for values in used),
        "min": min(every),
        "max": max(every),
        "processes": len(runs),
        "calm": len(calm),
        "values": [values for values, _share in runs],
    }


def is_library(row):
    return row.startswith("cfutures")


def is_c_interface(row):
    """The library itself, not through its headers or packages for other languages."""
    return is_library(row) and not row.startswith(("cfutures C++", "cfutures Go", "cfutures Zig", "cfutures Ruby"))


def is_limit(row):
    return row.startswith("limit")


def measured(workload, rows):
    """The rows that have the figure which the workload compares by."""
    return [row for row in rows if WORKLOADS[workload][1][0] in rows[row]]


def best(workload, candidates, rows):
    """The best of some rows, or None if there are none."""
    metric = WORKLOADS[workload][1][0]
    choose = max if metric in MORE_IS_BETTER else min
    return choose(candidates, key=lambda row: rows[row][metric]["median"], default=None)


def best_peer(workload, rows):
    peers = [r for r in measured(workload, rows) if not is_library(r) and not is_limit(r)]
    return best(workload, peers, rows)


def alike(row, candidates):
    """Those of some rows that end with the same word as a row, as `fork` and `spawn`; else all."""
    return [r for r in candidates if r.split()[-1] == row.split()[-1]] or candidates


def library_row(row, workload, rows):
    """The library's row to compare a peer or a limit with: the best of those alike."""
    own = [r for r in measured(workload, rows) if is_library(r)]
    return best(workload, alike(row, own), rows)


def limit_of(row, rows):
    """The limit of a row: the first of those alike."""
    return next(iter(alike(row, [r for r in rows if is_limit(r)])), None)


def times_as_good(metric, value, reference):
    over, under = (value, reference) if metric in MORE_IS_BETTER else (reference, value)
    return over / under if under else float("inf")


def add_ratios(workload, rows):
    """How many times as good as the best peer and as the limit: above 1 is better, always."""
    metric, peer = WORKLOADS[workload][1][0], best_peer(workload, rows)
    for row in measured(workload, rows):
        first = rows[row][metric]
        for ratio, other in (("ratio", peer), ("of_limit", limit_of(row, rows))):
            if other and metric in rows[other]:
                reference = rows[other][metric]["median"]
                first[ratio] = times_as_good(metric, first["median"], reference)


def number(value):
    if value >= 100:
        return f"{value:.0f}"
    return f"{value:.3g}"


def ratio_text(value):
    if value >= 100:
        return f"{value:.0f}x"
    return f"{value:.2f}x" if value >= 0.1 else f"{value:.4f}x"


def cells_of(row, metrics, rows):
    """One line of a table, cell by cell."""
    line = [row]
    for metric in metrics:
        c = rows[row].get(metric)
        if c is None:
            line += ["-", ""]
            continue
        mark = "" if c["calm"] else "~"
        line += [mark + number(c["median"]), f"[{number(c['min'])}..{number(c['max'])}]"]
    first = rows[row][metrics[0]]
    line.append(f"{first['calm']}/{first['processes']}")
    return line + [ratio_text(first[r]) if r in first else "-" for r in ("ratio", "of_limit")]


def order(workload, rows):
    """The library's rows first, then the peers, then the limits, each from best to worst."""
    if workload in IN_ORDER:
        return measured(workload, rows)
    metric = WORKLOADS[workload][1][0]
    sign = -1 if metric in MORE_IS_BETTER else 1
    return sorted(
        measured(workload, rows),
        key=lambda r: (not is_library(r), is_limit(r), sign * rows[r][metric]["median"]),
    )


def grid(workload, rows):
    """The cells of one table: its head, then a list for each row."""
    metrics = WORKLOADS[workload][1]
    head = ["", *(part for metric in metrics for part in (metric, "[min..max]"))]
    head += ["runs", "ratio", "of limit"]
    lines = [head, *(cells_of(row, metrics, rows) for row in order(workload, rows))]
    if not any(is_limit(row) for row in rows):
        lines = [line[:-1] for line in lines]
    return lines


def heading(workload):
    title, metrics = WORKLOADS[workload]
    better = "more" if metrics[0] in MORE_IS_BETTER else "less"
    return f"{workload}  {title} ({metrics[0]}: {better} is better)"


def footing(workload, rows):
    peer = best_peer(workload, rows)
    return f"ratio: to the best peer, {peer}; above 1 is better" if peer else None


def table(workload, rows):
    """The lines of one table."""
    cells = grid(workload, rows)
    widths = [max(len(line[i]) for line in cells) for i in range(len(cells[0]))]
    lines = [heading(workload)]
    for line in cells:
        padded = [line[0].ljust(widths[0])]
        padded += [text.rjust(width) for text, width in zip(line[1:], widths[1:])]
        lines.append("  " + "  ".join(padded).rstrip())
    foot = footing(workload, rows)
    return lines + ([f"  {foot}"] if foot else [])


def markdown(workload, rows):
    """The lines of one table in Markdown. The library's rows are bold."""
    head, *body = grid(workload, rows)
    lines = [f"## {heading(workload)}".replace("  ", " "), ""]
    lines += [f"| {' | '.join(head)} |", f"| --- |{' ---: |' * (len(head) - 1)}"]
    for line in body:
        name = f"**{line[0]}**" if is_library(line[0]) else line[0]
        lines.append(f"| {' | '.join([name, *line[1:]])} |")
    foot = footing(workload, rows)
    return lines + (["", foot[0].upper() + foot[1:] + "."] if foot else [])
