#!/usr/bin/env python3
"""Counts the library's instructions per operation and compares them with the committed table.

    python3 benches/instructions/instructions.py --build build/release

Runs bench-instructions under callgrind, which counts and does not measure time: the figures are the
same on a busy machine. They depend on the compiler, so the table says which one it is for. The exit
code is 1 when an operation needs more than the table allows, or so much less that the table no
longer watches it. See benches/README.md.

Called by: the check "instructions" of `./run test`, and `./run bench --instructions`.
"""

import argparse
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile

import lines

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
TABLE = os.path.join(HERE, "table.txt")
LIMIT_S = 300  # for the program, some three seconds on an idle machine
ALLOWED = 2.0  # per cent, for a row that is new in the table
# Beyond this many times what a row allows, fewer instructions mean that the table is out of date.
SLACK_BELOW = 5
# Another compiler makes other code of the same source: a row may then differ by so many times more.
SLACK_OTHER_COMPILER = 5


# What a part is, as in counting.h.
WHOLE, LOOP, ROUND = range(3)


class Part:
    """What was counted of one operation: callgrind's files, and the sum of each."""

    def __init__(self, operations, kind):
        self.operations = operations
        self.kind = kind
        self.files = []
        self.counts = []

    def each(self):
        whole = statistics.median(self.counts) if self.kind == ROUND else sum(self.counts)
        return whole / self.operations


def fail(text):
    sys.exit(f"instructions: {text}")


def count(build, folder):
    """Runs the program; gives its parts by name. callgrind's files are in the folder afterwards."""
    program = os.path.join(os.path.abspath(build), "instructions", "bench-instructions")
    if not os.path.exists(program):
        fail(f"there is no {program}: it needs valgrind/callgrind.h (Debian: valgrind)")
    if not shutil.which("valgrind"):
        fail("valgrind is missing")
    command = ["valgrind", "-q", "--tool=callgrind", "--collect-atstart=no"]
    command += ["--dump-instr=yes", "--compress-strings=no", "--compress-pos=no"]  # for `lines`
    command += [f"--callgrind-out-file={folder}/out", program]
    done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_S, check=False)
    if done.returncode != 0:
        fail(f"the program ended with {done.returncode}\n{done.stderr}")
    parts = {}
    for line in done.stdout.splitlines():
        name, operations, kind = line.split()
        parts.setdefault(name, Part(int(operations), int(kind)))
    for file in sorted(os.listdir(folder)):
        add_file(os.path.join(folder, file), parts)
    if not parts or any(sum(part.counts) == 0 for part in parts.values()):
        fail("callgrind has counted nothing")
    return parts


def add_file(path, parts):
    """One of callgrind's files: the part that it names, and its sum."""
    name = total = None
    with open(path, encoding="utf-8") as file:
        for line in file:
            if line.startswith("desc: Trigger: Client Request: "):
                name = line.split()[-1]
            elif line.startswith("totals:"):
                total = int(line.split()[1])
    if name in parts:
        parts[name].counts.append(total)
        parts[name].files.append(path)


def figures(parts):
    """Instructions per operation, without the loop around them."""
    loop = parts.pop("loop").each()
    return {name: part.each() - (loop if part.kind != WHOLE else 0) for name, part in parts.items()}


def compiler():
    cargo = os.environ.get("CFUTURES_CARGO", "cargo")
    rustc = os.path.join(os.path.dirname(cargo), "rustc")
    try:
        done = subprocess.run([rustc, "--version"], capture_output=True, text=True, check=False)
    except OSError:
        return "an unknown rustc"
    return " ".join(done.stdout.split()[:2])


def read_table():
    """The rows as {name: (instructions, allowed per cent)}, and the compiler that they are for."""
    rows, made_by = {}, None
    if not os.path.exists(TABLE):
        return rows, made_by
    with open(TABLE, encoding="utf-8") as file:
        for line in file:
            if line.startswith("# compiler:"):
                made_by = line.split(":", 1)[1].strip()
            elif line.strip() and not line.startswith("#"):
                name, instructions, allowed = line.split()
                rows[name] = (float(instructions), float(allowed))
    return rows, made_by


def write_table(found, rows):
    with open(TABLE, "w", encoding="utf-8") as file:
        file.write(
            "# Instructions per operation, and by how many per cent more the check lets pass.\n"
            "# Written by `./run bench --instructions --write`; see benches/README.md.\n"
            f"# compiler: {compiler()}\n"
        )
        for name, instructions in found.items():
            allowed = rows.get(name, (0, ALLOWED))[1]
            file.write(f"{name:<20} {instructions:8.1f} {allowed:4g}\n")


def compare(found, rows, slack):
    """Prints a line for each operation; gives a line for each that is not as the table says."""
    wrong = []
    print(f"{'':<20} {'counted':>8} {'table':>8} {'more':>7}")
    for name in sorted({*found, *rows}, key=[*found, *rows].index):
        if name not in rows or name not in found:
            wrong.append(f"{name} is not in {'the table' if name in found else 'the program'}")
            continue
        (expected, allowed), is_now = rows[name], found[name]
        more = 100 * (is_now / expected - 1)
        print(f"{name:<20} {is_now:8.1f} {expected:8.1f} {more:+6.1f}%")
        if more > allowed * slack:
            wrong.append(f"{name}: {is_now:.1f} instead of {expected:.1f}: {more:+.1f}%")
        elif slack == 1 and more < -allowed * SLACK_BELOW:
            wrong.append(f"{name}: only {is_now:.1f} instead of {expected:.1f}: tighten the table")
    return wrong


def parse_args():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", default=os.path.join(ROOT, "build", "release"), metavar="DIR")
    parser.add_argument("--write", action="store_true", help="write the table anew")
    parser.add_argument(
        "--lines",
        metavar="NAME,NAME",
        help="instead: which lines of the sources these operations spend their instructions in; "
        "needs a build with debug information",
    )
    return parser.parse_args()


def main():
    args = parse_args()
    if platform.machine() != "x86_64":
        print(f"Instructions are counted on x86_64 only, this is {platform.machine()}.")
        return 0
    with tempfile.TemporaryDirectory(prefix="cfutures-callgrind-") as folder:
        parts = count(args.build, folder)
        if args.lines:
            return lines.show(parts, args.lines.split(","), ROOT)
        found = figures(parts)
    rows, made_by = read_table()
    if args.write:
        write_table(found, rows)
        rows, made_by = read_table()
    same = made_by == compiler()
    if not same:
        print(f"The table is for {made_by}, this is {compiler()}: differences mean less.")
    wrong = compare(found, rows, 1 if same else SLACK_OTHER_COMPILER)
    if wrong:
        print("", *wrong, sep="\n")
        print("If that is meant: ./run bench --instructions --write, and say why in the commit.")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
