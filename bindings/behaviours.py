"""Compares the table of bindings/README.md with the tests of each binding: each line is a test in each of them.

Run by the test binding.behaviours in the root of the project. Prints what is missing and ends with 1 then.
"""

import pathlib
import re
import sys


def camel(name):
    return "".join(word.capitalize() for word in name.split("_"))


# What a test of that name looks like in each language.
LANGUAGES = {
    "go": ("*_test.go", lambda name: rf"^func Test{camel(name)}\(t \*testing\.T\)"),
    "zig": ("*.zig", lambda name: rf'^test "{name}" \{{'),
    "ruby": ("test_*.rb", lambda name: rf"^\s+def test_{name}$"),
}


def main():
    table = pathlib.Path("bindings/README.md").read_text()
    names = re.findall(r"^\| `([a-z_]+)` \|", table, re.M)
    if len(names) < 29 or len(set(names)) != len(names):
        sys.exit("bindings/README.md: the table of behaviours is not what it was")
    missing = []
    for language, (files, pattern) in LANGUAGES.items():
        sources = "\n".join(p.read_text() for p in sorted(pathlib.Path("bindings", language).rglob(files)))
        missing += [f"{language}: {name}" for name in names if not re.search(pattern(name), sources, re.M)]
    if missing:
        sys.exit("These behaviours of bindings/README.md have no test:\n" + "\n".join(missing))


if __name__ == "__main__":
    main()
