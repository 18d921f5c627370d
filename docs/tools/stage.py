"""Programs out of the examples in the comments of include/cfutures.h.

Called by examples.py. An example is a whole program; or definitions, if one of its lines begins
with `static`, of which the last one is called; or statements, which stand in a function. The latter
two may use what tests/header/prelude.h declares and tests/header/stage.c makes: `executor`,
`future`, `task` and so on.
"""

import re

import header

PRELUDE = '#include "header/prelude.h"\n'
DEFINITION = re.compile(r"^static (.*?)(\w+)\((.*)\) \{.*$", re.M)

# How a function is called whose parameters have these types.
CALLS = {
    "void": "",
    "cf_executor *": "executor",
    "cf_task *, void *, size_t": "task, arg, arg_size",
    "cf_executor *, double *, size_t": "executor, values, 8",
    "cf_future **, size_t": "futures, count",
    "int, char **": "1, arguments",
}

# What stage.c does before an example that needs it.
MODES = {
    "processes": ("Process pools", "Killing", "Shared memory"),  # the executor is one of processes
    "by-hand": ("Futures by hand",),  # the future is nobody's yet
}


def types_of(parameters):
    parts = (re.sub(r"\w+$", "", part.strip()).strip() for part in parameters.split(","))
    return "void" if parameters == "void" else ", ".join(parts)


def program(example):
    """The text of a C file around an example, and whether stage.c belongs to it."""
    if "int main(" in example:
        return example, False
    defined = DEFINITION.findall(example)
    if not defined:
        lines = "".join(f"  {line}\n" for line in example.splitlines())
        return f"{PRELUDE}\nint32_t example(void) {{\n{lines}  return 0;\n}}\n", True
    result, name, parameters = defined[-1]
    call = f"{name}({CALLS[types_of(parameters)]})"
    call = f"{call};" if result.strip() == "void" else f"(void){call};"
    return f"{PRELUDE}\n{example}\nint32_t example(void) {{\n  {call}\n  return 0;\n}}\n", True


def modes(declaration, example):
    """The ways in which stage.c sets up an example: each is one run."""
    mode = [name for name, sections in MODES.items() if declaration.section in sections]
    if "cf_completion_queue_next(queue" in example:
        return ["closed"]
    return mode or ["threads"]


def examples():
    """(name, text, needs stage.c, modes) of each example."""
    text = header.read()
    manual = header.parse(header.manual(text)).examples
    found = [("manual", example, False, ["-"]) for example in manual]
    for declaration in header.declarations(text):
        for example in declaration.comment.examples:
            code, staged = program(example)
            found.append((declaration.name, code, staged, modes(declaration, example)))
    if len(found) != text.count("@code{.c}"):
        raise ValueError("an example of include/cfutures.h was not found")
    return found
