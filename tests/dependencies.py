"""Looks over what the library and its tests are compiled from, by what `cargo metadata` says.

Run by the check "dependencies" (cmake/checks.sh) in the root of the project, with the name of cargo. Prints what is
wrong and ends with 1 then. Each package comes from the registry or from this tree, in the version of the lock file, and
has a licence of the short list below; what is compiled into the library has one of its own two, and is there once.
"""

import json
import pathlib
import re
import subprocess
import sys

OF_THE_LIBRARY = {"MIT", "Apache-2.0"}
OF_TESTS = OF_THE_LIBRARY | {
    "Apache-2.0 WITH LLVM-exception", "BSD-2-Clause", "BSD-3-Clause", "ISC", "MPL-2.0", "Unicode-3.0", "Unlicense",
    "Zlib",
}
MANIFESTS = ["Cargo.toml", "tests/random/Cargo.toml", "tests/schedules/Cargo.toml"]
problems = []
sources = set()


def fits(expression, allowed):
    """May it be used under licences of these alone? An SPDX expression, or the older form with a slash for OR."""
    tokens = re.findall(r"[()]|[^\s()]+", expression.replace("/", " OR "))

    def one():
        if not tokens:
            return False
        token = tokens.pop(0)
        if token == "(":
            inner = either()
            return bool(tokens) and tokens.pop(0) == ")" and inner
        if tokens[:1] == ["WITH"]:
            token = f"{token} WITH {' '.join(tokens[1:2])}"
            del tokens[:2]
        return token in allowed

    def chain(word, part, join):
        values = [part()]
        while tokens[:1] == [word]:
            tokens.pop(0)
            values.append(part())
        return join(values)

    def both():
        return chain("AND", one, all)

    def either():
        return chain("OR", both, any)

    return either() and not tokens


def check_rule():
    """The rule itself, on expressions whose answer is known."""
    assert fits("MIT OR GPL-3.0-only", {"MIT"}) and fits("Unlicense/MIT", {"MIT"})
    assert fits("(MIT OR X) AND Apache-2.0 WITH E", {"MIT", "Apache-2.0 WITH E"})
    for wrong in ("", "GPL-3.0-only", "MIT AND X", "(MIT", "MIT X", "MIT WITH E", "MIT OR X)"):
        assert not fits(wrong, {"MIT"}), wrong


def metadata(cargo, manifest):
    version = subprocess.run([cargo, "-vV"], capture_output=True, text=True, check=True).stdout
    host = re.search(r"^host: (\S+)$", version, re.M).group(1)
    run = subprocess.run(
        [cargo, "metadata", "--quiet", "--locked", "--format-version", "1", "--filter-platform", host,
         "--manifest-path", manifest], capture_output=True, text=True, check=False)
    if run.returncode != 0:
        sys.exit(run.stderr)
    return json.loads(run.stdout)


def within(data, root):
    """What is compiled into the package `root`: it, and its normal dependencies, theirs, and so on."""
    nodes = {node["id"]: node for node in data["resolve"]["nodes"]}
    found, left = set(), [root]
    while left:
        node = left.pop()
        if node in found:
            continue
        found.add(node)
        for dep in nodes[node]["deps"]:
            if any(kind["kind"] is None for kind in dep["dep_kinds"]):
                left.append(dep["pkg"])
    return found


def check_package(package, allowed):
    name = f"{package['name']} {package['version']}"
    source, path = package["source"], pathlib.Path(package["manifest_path"])
    if source is None and pathlib.Path.cwd() not in path.parents:
        problems.append(f"{name} comes from {path}")
    if source is not None:
        sources.add(source)
        if not source.startswith(("registry+", "sparse+")):
            problems.append(f"{name} comes from {source}")
    if source is not None and not fits(package["license"] or "", allowed):
        problems.append(f"{name} has the licence {package['license']}")


def check_manifest(cargo, manifest):
    data = metadata(cargo, manifest)
    ours = within(data, data["resolve"]["root"]) if manifest == "Cargo.toml" else set()
    names = [p["name"] for p in data["packages"] if p["id"] in ours]
    problems.extend(f"{name} is in the library twice" for name in sorted(names) if names.count(name) > 1)
    used = {node["id"] for node in data["resolve"]["nodes"]}
    for package in data["packages"]:
        if package["id"] in used:
            check_package(package, OF_THE_LIBRARY if package["id"] in ours else OF_TESTS)
    return {package["name"] for package in data["packages"] if package["id"] in used}


def main():
    check_rule()
    packages = set().union(*(check_manifest(sys.argv[1], manifest) for manifest in MANIFESTS))
    if len(sources) != 1:
        problems.append(f"not all come from one registry: {sorted(sources)}")
    print("\n".join(sorted(set(problems))) or f"{len(packages)} packages, all from the registry and of known licences.")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
