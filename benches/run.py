#!/usr/bin/env python3
"""Runs the benchmark programs side by side and prints one table per workload.

    python3 benches/run.py --programs build/bench/programs

Every workload is run round-robin (A B C A B C ...), each time in a new process, so that a change in
the state of the machine meets all programs alike. See benches/README.md for how to read the tables.
Python 3 and its standard library are all it needs.
"""

import argparse
import os
import subprocess
import sys
import time

import machine
import publish
import report

HERE = os.path.dirname(os.path.abspath(__file__))
README = os.path.join(os.path.dirname(HERE), "README.md")
PUBLISHED = os.path.join(os.path.dirname(HERE), "docs", "bench")
BENCH_BUILD = os.path.join(os.path.dirname(HERE), "build", "bench")

# (file, what to do when it is missing, arguments before the workload). A .py file stands in peers/,
# the rest in the folder of programs.
PROGRAMS = [
    ("bench-cfutures", "the library was not built"),
    ("bench-cfutures-cpp", "there is no C++ compiler"),
    ("bench-cfutures-cpp-throwing", "there is no C++ compiler"),
    ("bench-cfutures-go", "Go (Debian: golang-go) was not found, or did not build it"),
    ("bench-cfutures-zig", "`./run bench` installs Zig if it can; or it did not build it"),
    ("cfutures.rb", "Ruby with ffi (Debian: ruby-ffi) was not found"),
    ("bench-pthread", "it was not built"),
    ("bench-std", "there is no C++ compiler"),
    ("bench-tbb", "oneTBB (Debian: libtbb-dev, and g++) was not found by the build"),
    ("bench-glib", "GLib (Debian: libglib2.0-dev, and pkg-config) was not found by the build"),
    ("bench-asio", "boost::asio (Debian: libboost-dev, and g++) was not found by the build"),
    ("bench-libuv", "libuv (Debian: libuv1-dev, and pkg-config) was not found by the build"),
    ("bench-go", "Go (Debian: golang-go) was not found, or did not build it"),
    ("bench-rayon", "its crates were not fetched, or did not build"),
    ("bench-crossbeam", "its crates were not fetched, or did not build"),
    ("bench-openmp", "the compiler has no OpenMP (gcc: libgomp, clang: libomp-dev)"),
    ("bench-serial", "it was not built"),
    ("bench-thread-limits", "it was not built"),
    ("python_pool.py", "it is part of the sources"),
    ("bench-processes", "the library was not built"),
    ("bench-process-limits", "it was not built"),
    ("python_processes.py", "it is part of the sources", "executor"),
    ("python_processes.py", "it is part of the sources", "pool"),
    ("python_processes.py", "`./run bench` installs it if it can: pip install loky", "loky"),
    ("bench-scale", "the library was not built"),
]

# loky is no part of Python: `./run bench` installs it here, for the benchmarks alone.
VENV_PYTHON = os.path.join(BENCH_BUILD, "venv", "bin", "python")

# Measured repetitions within one process. T6 has none: memory grows only once.
REPS = {"T1": 2, "T2": 1, "T2i": 1, "T3": 2, "T4a": 7, "T4b": 3, "T5": 5, "T6": 1, "T7": 3, "T8": 3}
REPS |= {"P1": 1, "P1i": 1, "P2": 5, "P2a": 5, "P2b": 3, "P2c": 3, "P3": 5, "P3s": 5}
REPS |= {"S1": 1, "S2": 3, "S3": 5, "S4": 1, "S5": 1, "S6": 1, "S7": 3}
REPS |= {"P4": 1, "P4g": 1, "P4k": 1, "P4r": 1, "P4h": 1}  # each with repetitions of its own
SLOW_REPS = 1  # of a Python or Ruby program
LIMIT_S = 120  # for one process
LEAST_ROUNDS = 3  # of figures that are published: what is no median of processes is chance


class Program:
    """One benchmark program, and what it can run."""

    def __init__(self, command):
        self.command = command
        done = subprocess.run(
            [*command, "--list"], capture_output=True, text=True, timeout=LIMIT_S, check=True
        )
        first, second = done.stdout.splitlines()[:2]
        self.name, self.version = first.split("\t")
        self.workloads = second.split()

    def reps(self, workload):
        return SLOW_REPS if self.command[1:] else REPS[workload]


def find_programs(folder):
    """Returns the programs that are there, and a line for each that is not."""
    programs, left_out = [], []
    python = VENV_PYTHON if os.path.exists(VENV_PYTHON) else sys.executable
    for file, hint, *arguments in PROGRAMS:
        if file.endswith(".py"):
            path = os.path.join(HERE, "peers", file)
            command = [python, path, *arguments]
        elif file.endswith(".rb"):
            path = os.path.join(HERE, "bindings", file)
            command = ["ruby", path, os.path.join(folder, "bench-noop-task.so")]
        else:
            path = os.path.join(folder, file)
            command = [path]
        if not os.path.exists(path):
            left_out.append(f"{file}: {hint}")
            continue
        try:
            programs.append(Program(command))
        except (OSError, ValueError, subprocess.SubprocessError) as error:
            called = " ".join([file, *arguments])
            left_out.append(f"{called}: it does not start: {last_line(error)}; {hint}")
    return programs, left_out


def last_line(error):
    said = (getattr(error, "stderr", None) or "").strip() or str(error)
    return said.splitlines()[-1]


def choose_workloads(only):
    """T1,T4 becomes T1, T4a and T4b: an exact name, else all names that begin with it."""
    if not only:
        return list(report.WORKLOADS)
    chosen = []
    for wanted in only.split(","):
        found = [w for w in report.WORKLOADS if w == wanted]
        found = found or [w for w in report.WORKLOADS if wanted and w.startswith(wanted)]
        if not found:
            sys.exit(f"no workload {wanted!r}; there are {', '.join(report.WORKLOADS)}")
        chosen += [w for w in found if w not in chosen]
    return chosen


class Session:
    """One call of this script: its programs, its figures, its failures."""

    def __init__(self, args, programs):
        self.args = args
        self.programs = programs
        self.calm = machine.Calm(0 if args.quick else args.calm)
        self.figures = report.Figures()
        self.failures = []
        self.log = []
        self.seconds = {}

    def run_one(self, program, workload):
        args = [workload, program.reps(workload), self.args.workers, self.args.fib]
        self.calm.wait()
        code, out, err, share = machine.run_measured([*program.command, *map(str, args)], LIMIT_S)
        self.log.append(
            {"workload": workload, "program": program.name, "code": code, "foreign_share": share}
        )
        if code == 0 and self.figures.add_output(out, share):
            return
        if code is None:
            why = f"not finished after {LIMIT_S} s"
        else:
            why = "no result lines" if code == 0 else f"exit code {code}"
        said = err.strip().splitlines()[-1:]
        self.failures.append(": ".join([f"{program.name}, {workload}", why, *said]))

    def run_workload(self, workload):
        start = time.monotonic()
        able = [p for p in self.programs if workload in p.workloads]
        for round_number in range(1, self.args.rounds + 1):
            for program in able:
                progress(f"{workload} round {round_number}/{self.args.rounds}: {program.name}")
                self.run_one(program, workload)
        progress("")
        self.seconds[workload] = time.monotonic() - start


def progress(text):
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\033[K{text}")
        sys.stderr.flush()


def add_output_options(parser):
    parser.add_argument("--json", metavar="FILE", help="write all figures to FILE too")
    parser.add_argument(
        "--publish",
        nargs="?",
        const=PUBLISHED,
        metavar="DIR",
        help="write figures, tables and charts to DIR (default: the project's docs/bench, "
        "and then the short table of README.md too)",
    )
    parser.add_argument(
        "--from",
        dest="source",
        metavar="FILE",
        help="measure nothing: take the figures that --json or --publish wrote",
    )


def parse_args(argv=None):
    def positive(text):
        value = int(text)
        if value < 1:
            raise argparse.ArgumentTypeError("must be at least 1")
        return value

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--programs",
        default=os.path.join(BENCH_BUILD, "programs"),
        metavar="DIR",
        help="folder of the built programs (default: the project's build/bench/programs)",
    )
    parser.add_argument(
        "--only",
        metavar="T1,T2",
        help="these workloads only; T4 is T4a and T4b, P all of processes",
    )
    parser.add_argument(
        "--rounds",
        type=positive,
        default=3,
        help="processes per program and workload (default: %(default)s)",
    )
    parser.add_argument(
        "--quick",
        action="store_true",
        help="one round, and no waiting for a calm machine: a rough look",
    )
    parser.add_argument(
        "--workers", type=positive, default=2, help="threads or processes (default: %(default)s)"
    )
    parser.add_argument(
        "--fib",
        type=positive,
        default=22,
        metavar="N",
        help="T5 computes fib(N) (default: %(default)s)",
    )
    parser.add_argument(
        "--calm",
        type=float,
        default=60,
        metavar="SECONDS",
        help="wait so long in all for a calm machine (default: %(default)s)",
    )
    add_output_options(parser)
    args = parser.parse_args(argv)
    if args.quick:
        args.rounds = 1
    check_publish(parser, args)
    return args


def check_publish(parser, args):
    """What is published is one whole run, and looks the same each time."""
    if args.source and (args.only or args.quick):
        parser.error("--from draws what was measured: it goes with neither --only nor --quick")
    if args.publish and (args.only or args.rounds < LEAST_ROUNDS):
        parser.error(
            f"--publish takes the whole set, measured in full: no --only, no --quick, "
            f"{LEAST_ROUNDS} rounds or more"
        )


def said(lines):
    return "\n".join(f"# {line}" for line in lines)


def measure(args):
    """Runs the programs and prints a table as soon as its figures are there."""
    workloads = choose_workloads(args.only)
    programs, left_out = find_programs(args.programs)
    programs = [p for p in programs if set(p.workloads) & set(workloads)]
    machine.adopt_orphans()
    session = Session(args, programs)
    figures = publish.document(args, machine.describe(), programs, left_out, session)
    print(said(publish.head(figures)))
    for workload in workloads:
        session.run_workload(workload)
        figures["workloads"] = session.figures.summary()
        rows = figures["workloads"].get(workload)
        if rows:
            print("\n" + "\n".join(report.table(workload, rows)), flush=True)
    return figures


def main():
    args = parse_args()
    if args.source:
        figures = publish.load(args.source)
        print(said(publish.head(figures)))
        print("\n".join(publish.tables(figures, report.table)))
    else:
        figures = measure(args)
    print("\n" + said(publish.tail(figures)))
    if args.json:
        publish.save_json(args.json, figures)
    if args.publish:
        for name in publish.publish(args.publish, figures):
            print(f"# written: {os.path.join(args.publish, name)}")
        if args.publish == PUBLISHED:
            publish.publish_readme(README, figures)
            print(f"# written: {README}")
    return 1 if figures["failures"] else 0


if __name__ == "__main__":
    sys.exit(main())
