"""Compares docs/reliability.md with the tests that there are, and looks over the planted bugs.

Run by the check "reliability" (cmake/checks.sh) in the root of the project, with the build folder. Prints
what is wrong and ends with 1 then. The table has the faults 1 to 53 in order; each test that it names
exists, and its suite is registered with ctest. Each planted bug has a head, applies, and names a test
that exists. No deadline is on a clock that can be set.
"""

import pathlib
import re
import subprocess
import sys

FAULTS = 53
problems = []


def text_of(path):
    path = pathlib.Path(path)
    return path.read_text() if path.exists() else ""


def registered(build):
    """The names that ctest knows."""
    listing = subprocess.run(["ctest", "--test-dir", build, "-N"], capture_output=True, text=True, check=True)
    return set(re.findall(r"Test +#\d+: (\S+)", listing.stdout))


def has_suite_test(suite, test):
    return re.search(rf"^CF_TEST(_PLAIN)?\({test}\)", text_of(f"c-tests/{suite}.c"), re.M)


def rust_has(folder, function):
    return any(re.search(rf"\bfn {function}\(", p.read_text()) for p in pathlib.Path(folder).rglob("*.rs"))


def exists(kind, name, known):
    """Is there a test of that name, and is it run?"""
    if kind == "check":
        return f"check.{name}" in known
    if kind == "helper":
        return f"helper/{name}" in known
    if kind == "faults":
        return f"faults/threads-{name}" in known
    if kind == "unit":
        return rust_has("src", name)
    if kind == "zygotes":
        return re.search(rf"\bfn {name}\(\).*", text_of("tests/zygotes.rs"))
    if kind == "model":
        return pathlib.Path(f"src/models/{name}.rs").exists()
    if kind == "cpp":
        return any(f"TEST({name})" in p.read_text() for p in pathlib.Path("cpp-tests").glob("*.cpp"))
    run = any(f"{label}/{kind}" in known for label in ("threads", "fork", "spawn"))
    return run and has_suite_test(kind, name)


def check_table(known):
    rows = re.findall(r"^\| (\d+) \|(.*)\|([^|]*)\|$", text_of("docs/reliability.md"), re.M)
    numbers = [int(number) for number, _, _ in rows]
    if numbers != list(range(1, FAULTS + 1)):
        problems.append(f"docs/reliability.md: the faults are {numbers}, not 1 to {FAULTS}")
    for number, _, tests in rows:
        named = re.findall(r"`([a-z_]+): ([A-Za-z0-9_-]+)`", tests)
        if not named and tests.strip() != "none":
            problems.append(f"docs/reliability.md: fault {number} names no test")
        for kind, name in named:
            if not exists(kind, name, known):
                problems.append(f"docs/reliability.md: fault {number}: there is no test `{kind}: {name}`")


def check_planted(path):
    head = path.read_text().split("\ndiff ", 1)[0]
    caught = re.search(r"^Caught by: (\S+) (.+)$", head, re.M)
    if not re.search(r"^What: .", head, re.M) or not caught:
        problems.append(f"{path}: the head does not say what it breaks and what catches it")
        return
    kind, words = caught.group(1), caught.group(2).split()
    if kind == "suite":
        found = len(words) == 3 and has_suite_test(words[1], words[2])
    elif kind in ("random", "schedules"):
        found = words[-1].isdigit() and pathlib.Path(f"tests/{kind}/Cargo.toml").exists()
    elif kind == "loom":
        found = all(pathlib.Path(f"src/{w.replace('::', '/')}.rs").exists() for w in words)
    else:
        found = kind == "rust" and all(rust_has("src", w) for w in words)
    if not found:
        problems.append(f"{path}: there is no test {kind} {' '.join(words)}")
    applied = subprocess.run(["git", "apply", "--check", str(path)], capture_output=True, text=True, check=False)
    if applied.returncode != 0:
        problems.append(f"{path} does not apply any more: {applied.stderr.strip()}")


def check_clocks():
    for path in pathlib.Path("src").rglob("*.rs"):
        for clock in re.findall(r"CLOCK_REALTIME|SystemTime|gettimeofday", path.read_text()):
            problems.append(f"{path}: {clock} can be set, and deadlines with it")


def main():
    check_table(registered(sys.argv[1]))
    for path in sorted(pathlib.Path("tests/planted").glob("*.patch")):
        check_planted(path)
    check_clocks()
    print("\n".join(problems) or "Every fault has its tests, and every planted bug can be planted.")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
