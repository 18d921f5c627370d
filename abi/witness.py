#!/usr/bin/env python3
"""witness.py <header>: writes a C file that defines every function of the header, and does nothing.

abi.sh compiles it, and so has the interface as C sees it in a form that abidw can read: signatures, layouts,
constants. The library itself will not do, as its debug information tells of Rust's private types.
"""

import re
import sys


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        header = file.read()
    text = re.sub(r"/\*.*?\*/|//[^\n]*", "", header, flags=re.DOTALL)
    text = re.sub(r"^\s*#(\\\n|[^\n])*", "", text, flags=re.MULTILINE)
    print("#include <cfutures.h>")
    for statement in re.split(r"[;{}]", text):
        statement = " ".join(statement.split())
        if re.match(r"(?!typedef )[\w ]+[ *]cf_\w+\(.*\)$", statement):
            print(statement, "{ __builtin_trap(); }")


if __name__ == "__main__":
    main()
