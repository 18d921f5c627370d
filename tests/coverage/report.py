"""Adds up what coverage.sh has counted: a table of files, totals, and a list of what is not run.

report.py <build folder>: reads exports/<program>.lcov and .json there, of the library and of the programs of
the Rust tests, and writes uncovered.txt. The lines and branches that count are those of the library: what
only tests have is left out, but a line of the library is run also if a unit test runs it. Ends with 1 below
the floor.
"""

import collections
import json
import pathlib
import sys

LINES, BRANCHES = 95.0, 85.0
ROOT = pathlib.Path(__file__).resolve().parents[2]


def own(path):
    """The file's name in the project, if it is a source of the library."""
    path = pathlib.Path(path)
    if not path.is_absolute():
        path = ROOT / path
    return str(path.relative_to(ROOT)) if path.is_relative_to(ROOT / "src") else None


def lines_of(lcov):
    """{(file, line): how often}"""
    counts, file = collections.Counter(), None
    for record in lcov.read_text().splitlines():
        kind, _, rest = record.partition(":")
        if kind == "SF":
            file = own(rest)
        elif kind == "DA" and file:
            line, count = map(int, rest.split(",")[:2])
            counts[file, line] += count
    return counts


def branches_of(export):
    """{(file, line, column, end line, end column, way): how often}, for both ways of each condition."""
    counts = collections.Counter()
    for file in json.loads(export.read_text())["data"][0]["files"]:
        name = own(file["filename"])
        for branch in file["branches"] if name else []:
            for way, count in (("true", branch[4]), ("false", branch[5])):
                counts[(name, *branch[:4], way)] += count
    return counts


def collect(build, suffix, read):
    """Counts of all programs, for what the library has."""
    total = read(build / f"exports/library{suffix}")
    if not total:
        sys.exit(f"{build}/exports/library{suffix} counts nothing of src/")
    for path in sorted((build / "exports").glob(f"*{suffix}")):
        if path.stem != "library":
            for key, count in read(path).items():
                if key in total:
                    total[key] += count
    return total


def share(counts):
    run = sum(1 for count in counts.values() if count)
    return run, len(counts), 100.0 * run / len(counts) if counts else 100.0


def of_file(counts, file):
    return {key: count for key, count in counts.items() if key[0] == file}


def show(name, lines, branches):
    run, all_lines, lines_share = share(lines)
    ways, all_ways, ways_share = share(branches)
    print(f"{name:34} {run:6} of {all_lines:6} {lines_share:6.1f} %   {ways:6} of {all_ways:6} {ways_share:6.1f} %")
    return lines_share, ways_share


def list_uncovered(path, lines, branches):
    """What is not run, each with its text."""
    missing = {key: "the line" for key, count in lines.items() if not count}
    for (file, line, *_, way), count in sorted(branches.items()):
        if not count and (file, line) not in missing:
            missing[file, line] = f"never {way}"
    with path.open("w") as out:
        texts = {}
        for (file, line), what in sorted(missing.items()):
            text = texts.setdefault(file, (ROOT / file).read_text().splitlines())
            out.write(f"{file}:{line}: {what}: {text[line - 1].strip()}\n")


def main():
    build = pathlib.Path(sys.argv[1])
    lines, branches = collect(build, ".lcov", lines_of), collect(build, ".json", branches_of)
    print(f"{'':34} {'lines':^25} {'ways of branches':^26}")
    for file in sorted({key[0] for key in lines}):
        show(file, of_file(lines, file), of_file(branches, file))
    lines_share, branches_share = show("all", lines, branches)
    list_uncovered(build / "uncovered.txt", lines, branches)
    print(f"What is not run: {build / 'uncovered.txt'}")
    if lines_share < LINES or branches_share < BRANCHES:
        print(f"Too little is run: {LINES} % of the lines and {BRANCHES} % of the branches are wanted.")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
