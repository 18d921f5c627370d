"""Compiles and runs every code block of the guide, README.md and the headers, and compares outputs.

`examples.py <build folder> [part of a name ...]`: called by the check "docs-examples". C is compiled
by gcc and clang, C++ by g++ and clang++, with every warning an error; what gcc has built is run.
Python runs as it is; a block that begins with `# Python 3.14` only where the interpreter is as new,
else it is parsed. What is wrong is printed with its place.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor

import blocks
import header
import stage
import stage_cpp

GUIDE = os.path.join(header.ROOT, "docs", "guide")
STRICT = ["-Wall", "-Wextra", "-pedantic", "-Werror"]
LANGUAGES = {
    "c": {"suffix": ".c", "flags": ["-std=c99"], "builder": "gcc", "reader": "clang"},
    "cpp": {"suffix": ".cpp", "flags": ["-std=c++17"], "builder": "g++", "reader": "clang++"},
    "coroutines": {
        "suffix": ".cpp",
        "flags": ["-std=c++20"],
        "builder": "g++",
        "reader": "clang++",
    },
}
INCLUDE = ["-I", "include", "-I", "docs/guide", "-I", "tests"]
SECONDS = 300  # for one compiler or program; on a quiet machine each takes some seconds at most
NEEDS = re.compile(r"# Python 3\.(\d+)\n")


class Wrong(Exception):
    """A block that does not do what it should; the text says where and why."""


def said(command, place, **options):
    """What a command prints; it must succeed."""
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            stdin=subprocess.DEVNULL,
            **options,
        )
    except subprocess.TimeoutExpired:
        raise Wrong(f"{place}: did not end within {SECONDS} s") from None
    if done.returncode != 0:
        output = (done.stdout + done.stderr).strip()
        raise Wrong(
            f"{place}: {os.path.basename(command[0])} ended with {done.returncode}\n{output}"
        )
    return done.stdout


class Shop:
    """Where programs are made: a folder, and the library that they are linked with."""

    def __init__(self, folder, build):
        self.folder, self.build = folder, os.path.abspath(build)
        self.sources = []
        self.more = {"g++": [], "clang++": []}
        self.stage = self.compiled(
            "tests/header/stage.c", "stage.o", "tests/header/stage.c", ["-c"]
        )

    def compiled(self, source, name, place, more, language="c"):
        kind, target = LANGUAGES[language], os.path.join(self.folder, name)
        said(
            [*self.compiler(kind["builder"], kind), source, "-o", target, *more],
            place,
            cwd=header.ROOT,
        )
        if language == "c":
            self.sources.append(source)
        else:
            self.read_again(language, [source], place)
        return target

    def compiler(self, name, kind):
        """A compiler with what all blocks of a language are compiled with."""
        more = self.more[name] if kind is LANGUAGES["cpp"] else []
        return [name, *more, *kind["flags"], *STRICT, *INCLUDE]

    def prepare(self, compiler):
        """Reads cfutures.hpp once for all blocks in C++, which takes most of their time."""
        folder = os.path.join(self.folder, compiler)
        os.mkdir(folder)
        made = os.path.join(folder, "cfutures.hpp.gch")
        command = [*self.compiler(compiler, LANGUAGES["cpp"]), "-x", "c++-header"]
        said(
            [*command, "include/cfutures.hpp", "-o", made], "include/cfutures.hpp", cwd=header.ROOT
        )
        self.more[compiler] = ["-I", folder] if compiler == "g++" else ["-include-pch", made]

    def read_again(self, language, sources, place):
        """Has the other compiler look, too. For C once for all sources, as that is far quicker."""
        kind = LANGUAGES[language]
        if sources and shutil.which(kind["reader"]):
            command = [*self.compiler(kind["reader"], kind), "-fsyntax-only", *sources]
            said(command, place, cwd=header.ROOT)

    def program(self, code, name, place, language, *objects):
        """Builds a program and returns its path."""
        if language == "cpp" and re.search(r"\bco_(await|return)\b", code):
            language = "coroutines"
        path = os.path.join(self.folder, name + LANGUAGES[language]["suffix"])
        with open(path, "w", encoding="utf-8") as file:
            file.write(code)
        library = [f"-L{self.build}", f"-Wl,-rpath,{self.build}", "-lcfutures", "-pthread"]
        return self.compiled(path, name, place, [*objects, *library], language)

    def print_of(self, block, name):
        """What a block of the guide prints; None where it cannot run."""
        if block.language != "python":
            return said([self.program(block.code, name, block.place, block.language)], block.place)
        path = os.path.join(self.folder, name + ".py")
        with open(path, "w", encoding="utf-8") as file:
            file.write(block.code)
        compile(block.code, block.place, "exec")
        needed = NEEDS.match(block.code)
        if needed and sys.version_info < (3, int(needed.group(1))):
            return None
        return said([sys.executable, path], block.place)

    def check_block(self, block, name):
        if block.language == "sh":
            said(["bash", "-n", "-c", block.code], block.place)
        elif block.language in blocks.PROGRAMS:
            output = self.print_of(block, name)
            if output is not None and block.output not in (output, blocks.ANY):
                raise Wrong(f"{block.place} prints\n{output}and should print\n{block.output}")

    def check_example(self, example, name):
        function, code, staged, modes = example
        place = f"include/cfutures.h, example of {function}"
        path = self.program(code, name, place, "c", *([self.stage] if staged else []))
        for mode in modes:
            said([path, mode] if staged else [path], f"{place} ({mode})")


def pages():
    """The files that have blocks."""
    yield os.path.join(header.ROOT, "README.md")
    yield from sorted(
        os.path.join(GUIDE, name) for name in os.listdir(GUIDE) if name.endswith(".md")
    )


def jobs(shop):
    """(what checks it, what is checked, a name for its files). What takes longest comes first."""
    for number, (name, code) in reversed(list(enumerate(stage_cpp.programs()))):
        yield shop.check_block, blocks.Block(name, "cpp", code, blocks.ANY), f"headers_cpp_{number}"
    shared = header.read(os.path.join(GUIDE, "guide.h"))
    for path in pages():
        name = os.path.relpath(path, header.ROOT)
        for block in blocks.programs(header.read(path), name, shared):
            yield shop.check_block, block, re.sub(r"\W", "_", block.place)
    for number, example in enumerate(stage.examples()):
        yield shop.check_example, example, f"header_{number:03}_{example[0]}"


def attempt(job):
    check, *what = job
    try:
        check(*what)
    except (Wrong, SyntaxError) as wrong:
        return str(wrong)
    return None


def chosen(job, parts):
    return not parts or any(part in job[2] for part in parts)


def wrong_ones(shop, work):
    """What is wrong with the blocks."""
    found = []
    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        if any(getattr(what, "language", "") == "cpp" for _, what, _ in work):
            compilers = filter(shutil.which, shop.more)
            found += pool.map(attempt, [(shop.prepare, compiler) for compiler in compilers])
        found += pool.map(attempt, work)
    found.append(attempt((shop.read_again, "c", shop.sources, "all blocks in C")))
    return list(filter(None, found))


def main():
    with tempfile.TemporaryDirectory() as folder:
        try:
            shop = Shop(folder, sys.argv[1])
            work = [job for job in jobs(shop) if chosen(job, sys.argv[2:])]
        except (Wrong, blocks.Unclear) as wrong:
            print(wrong)
            return 1
        found = wrong_ones(shop, work)
    print(*found, sep="\n\n", end="\n" if found else "")
    print(f"{len(work)} blocks, {len(found)} of them wrong")
    return 1 if found or not work else 0


if __name__ == "__main__":
    sys.exit(main())
