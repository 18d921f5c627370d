"""Makes the reference and the guide as web pages, build/docs/html, with Doxygen.

Called by `./run docs` and by the check "docs". Every warning of Doxygen's is an error, and so is a
function of abi/cfutures.symbols of which it has found no text, or not the parameters of the
prototype.
"""

import glob
import os
import subprocess
import sys
import xml.etree.ElementTree as ElementTree

import header

XML = os.path.join(header.ROOT, "build", "docs", "xml")


def run_doxygen():
    """What it complains about."""
    version = next(d for d in header.declarations(header.read()) if d.name == "CF_VERSION_STRING")
    os.makedirs(os.path.dirname(XML), exist_ok=True)
    for stale in glob.glob(os.path.join(XML, "*.xml")):
        os.remove(stale)
    done = subprocess.run(
        ["doxygen", "docs/Doxyfile"],
        cwd=header.ROOT,
        env={**os.environ, "CFUTURES_VERSION": version.text.split('"')[1]},
        capture_output=True,
        text=True,
    )
    return (done.stdout + done.stderr).strip() or ("" if done.returncode == 0 else "doxygen failed")


def documented():
    """{function: names of the parameters that it says something about}, as Doxygen has it."""
    found = {}
    for path in glob.glob(os.path.join(XML, "group__*.xml")):
        for member in ElementTree.parse(path).iter("memberdef"):
            if (
                member.get("kind") == "function"
                and "".join(member.find("briefdescription").itertext()).strip()
            ):
                items = member.iterfind(".//parameterlist[@kind='param']//parametername")
                found[member.findtext("name")] = [item.text for item in items]
    return found


def main():
    complaints = run_doxygen()
    if complaints:
        print(complaints)
        return 1
    found, wrong = documented(), 0
    functions = {d.name: d for d in header.declarations(header.read()) if d.kind == "function"}
    for line in header.read(os.path.join(header.ROOT, "abi", "cfutures.symbols")).splitlines():
        symbol = line.split("@")[0]
        if symbol not in found or symbol not in functions:
            print(f"{symbol} is public and has no text in the reference")
        elif found[symbol] != [name for _, name in header.prototype(functions[symbol])[1]]:
            print(f"{symbol}: the reference has the parameters {found[symbol]}")
        else:
            continue
        wrong += 1
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
