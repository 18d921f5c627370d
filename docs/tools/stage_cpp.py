"""Programs out of the examples in the comments of the C++ headers.

Called by examples.py. An example that is a whole program stays one; one that ends as a definition
does stands outside of functions, and CALLS says how it is run; all others are statements, which run
in a stage of cpp-tests/header/stage.hpp.
"""

import os
import re

import header

FOLDER = os.path.join(header.ROOT, "include")
# The first line is what examples.py has read beforehand.
START = '#include <cfutures.hpp>\n#include "../cpp-tests/header/stage.hpp"\n'
CALLS = {
    "codec<picture>": "cf::process_pool pool(1);"
    "pool.submit([](picture p) { return p; }, picture{ 640, {} }).get();",
    "total(": 'cf::thread_pool pool(2); total(pool, "a", "b").get();',
    "sum(": "double one[] = { 1 }; sum({ one, 1 });",
}


def files():
    yield "cfutures.hpp"
    names = sorted(os.listdir(os.path.join(FOLDER, "cfutures")))
    yield from (os.path.join("cfutures", name) for name in names if name.endswith(".hpp"))


def found():
    """(file, text) of every example."""
    for name in files():
        text = header.read(os.path.join(FOLDER, name))
        comments = re.findall(r"/\*\*.*?\*/", text, re.S)
        examples = [e for comment in comments for e in header.parse(header.plain(comment)).examples]
        if len(examples) != text.count("@code{.cpp}"):
            raise ValueError(f"an example of include/{name} was not found")
        yield from ((name, example) for example in examples)


def is_definition(example):
    first, last = example.split("\n")[0], example.rstrip("\n").split("\n")[-1]
    return last in ("}", "};") and re.match(r"(template|struct|class|double|cf::future<)", first)


def stage_for(name, example):
    if "future<page>" in example:
        return "stage_of_pages"
    return "stage_of_processes" if "process_pool" in name else "stage"


def together(examples):
    """The program that runs examples one after the other."""
    definitions, stages, runs = "", "", ""
    for number, name, example in examples:
        if is_definition(example):
            definitions += example
            runs += "".join(f"  {{ {call} }}\n" for part, call in CALLS.items() if part in example)
        else:
            body = "".join(f"    {line}\n" for line in example.splitlines())
            waits = "co_await" in example
            kind = "cf::future<int>" if waits else "void"
            body += "    co_return 0;\n" if waits else ""
            stages += f"struct of_{number} : {stage_for(name, example)} {{\n"
            stages += f"  {kind} run() {{\n{body}  }}\n}};\n"
            runs += f'  std::puts("{name}, example {number}");\n'
            runs += f"  of_{number} o_{number};\n  o_{number}.run(){'.get()' if waits else ''};\n"
    main = f"int main() {{\n  cf::worker_main();\n{runs}}}\n"
    return f"{START}\n{definitions}\n{stages}\n{main}"


def programs():
    """(name, text) of each program: those that are whole, and two with all other examples."""
    parts, coroutines = [], []
    for number, (name, example) in enumerate(found()):
        if "int main(" in example:
            yield f"{name}, example {number}", START + example
        else:
            (coroutines if "co_await" in example else parts).append((number, name, example))
    yield "the examples of the C++ headers with coroutines", together(coroutines)
    yield "the examples of the C++ headers", together(parts)
