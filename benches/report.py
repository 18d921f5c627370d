"""From the figures of many runs to one table per workload.

Used by run.py. A row is what a program calls itself in its result lines; a program may have several
rows. Rows whose name begins with "cfutures" are the library's, all others are peers.
"""

import statistics

DISTURBED = 0.06  # share of the machine that others took

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
}
MORE_IS_BETTER = {"Mtask/s", "speed-up"}


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


def best_peer(workload, rows):
    metric = WORKLOADS[workload][1][0]
    peers = [row for row in rows if not is_library(row) and metric in rows[row]]
    choose = max if metric in MORE_IS_BETTER else min
    return choose(peers, key=lambda row: rows[row][metric]["median"]) if peers else None


def add_ratios(workload, rows):
    """How many times as good as the best peer: above 1 is better, whatever the metric."""
    metric, best = WORKLOADS[workload][1][0], best_peer(workload, rows)
    if best is None:
        return
    reference = rows[best][metric]["median"]
    for metrics in rows.values():
        if metric in metrics:
            value = metrics[metric]["median"]
            over, under = (value, reference) if metric in MORE_IS_BETTER else (reference, value)
            metrics[metric]["ratio"] = over / under if under else float("inf")


def number(value):
    if value >= 100:
        return f"{value:.0f}"
    return f"{value:.3g}"


def table(workload, rows):
    """The lines of one table."""
    title, metrics = WORKLOADS[workload]
    best = best_peer(workload, rows)
    head = ["", *(part for metric in metrics for part in (metric, "[min..max]")), "runs", "ratio"]
    body = []
    sign = -1 if metrics[0] in MORE_IS_BETTER else 1
    complete = [row for row in rows if metrics[0] in rows[row]]
    for row in sorted(
        complete, key=lambda r: (not is_library(r), sign * rows[r][metrics[0]]["median"])
    ):
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
        line.append(f"{first['ratio']:.2f}x" if "ratio" in first else "-")
        body.append(line)
    widths = [max(len(line[i]) for line in [head, *body]) for i in range(len(head))]
    better = "more" if metrics[0] in MORE_IS_BETTER else "less"
    lines = [f"{workload}  {title} ({metrics[0]}: {better} is better)"]
    for line in [head, *body]:
        cells = [line[0].ljust(widths[0])]
        cells += [text.rjust(width) for text, width in zip(line[1:], widths[1:])]
        lines.append("  " + "  ".join(cells).rstrip())
    if best:
        lines.append(f"  ratio: to the best peer, {best}; above 1 is better")
    return lines
