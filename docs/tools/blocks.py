"""The code blocks of the guide and the README, and what each has to print.

Called by examples.py. A block of ```text behind programs is what they print: all since the block of
text or the heading before it, so that a program in Python and its twin in C have one output, or
each its own. Blocks of C are whole programs, or parts of guide.h that are shown.
"""

import re
from dataclasses import dataclass

PROGRAMS = ("c", "cpp", "python")
OTHERS = ("text", "sh", "cmake")
ANY = object()  # the output of what is run and may print anything
FENCE = re.compile(r"^```(.*)$")
INDENTED = re.compile(r"^[\s>]+```|^\s*~~~")


@dataclass
class Block:
    place: str  # file:line
    language: str
    code: str
    output: object = None  # None: nothing is said about it, which is wrong for a program


class Unclear(Exception):
    """A file that breaks the rules above."""


def fenced(text, name):
    """All blocks of a file, and headings as blocks of the language "#"."""
    language, start, lines = None, 0, []
    for number, line in enumerate(text.split("\n"), 1):
        fence = FENCE.match(line)
        if fence and language is None:
            language, start, lines = fence.group(1), number, []
        elif fence:
            yield Block(f"{name}:{start}", language, "\n".join(lines) + "\n")
            language = None
        elif language is not None:
            lines.append(line)
        elif INDENTED.match(line):
            raise Unclear(f"{name}:{number}: a block that is indented would not be seen")
        elif line.startswith("#"):
            yield Block(f"{name}:{number}", "#", line)
    if language is not None:
        raise Unclear(f"{name}:{start}: a block without an end")


def is_shown(block, shared):
    """A part of guide.h, which is no program."""
    return block.language == "c" and "int main(" not in block.code and block.code in shared


def programs(text, name, shared=""):
    """The programs of a file with their outputs, and the commands, which have none."""
    found, waiting = [], []
    for block in fenced(text, name):
        if block.language in ("#", "text"):
            for program in waiting:
                if block.language == "#":
                    raise Unclear(
                        f"{program.place}: what does it print? A block of text is missing"
                    )
                program.output = block.code
            waiting = []
        elif block.language in PROGRAMS:
            if not is_shown(block, shared):
                found.append(block)
                waiting.append(block)
        elif block.language in OTHERS:
            found.append(block)
        else:
            raise Unclear(f"{block.place}: unknown language {block.language!r}")
    if waiting:
        raise Unclear(f"{waiting[0].place}: what does it print? A block of text is missing")
    return found
