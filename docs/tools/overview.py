"""Fills in docs/man/cfutures.7.in: the text of cfutures(7), whose chapters, functions and statuses
are those of the header.

Called by manpages.py.
"""

import os
import re

import header
import mdoc

TEMPLATE = os.path.join(header.ROOT, "docs", "man", "cfutures.7.in")
NOTE = (
    '.\\" Written by docs/tools/manpages.py from docs/man/cfutures.7.in and include/cfutures.h.\n'
)


def chapters(manual):
    """{heading: paragraphs} of the text at the head of the header."""
    parts = re.split(r"^# (.+)$", manual, flags=re.M)
    return dict(zip(parts[1::2], map(header.paragraphs, parts[2::2])))


def prose(manual):
    """All chapters but the list of contents, in which FUNCTIONS takes the place."""
    lines = []
    for heading, body in chapters(manual).items():
        if heading == "Contents":
            continue
        lines.append(f".Ss {heading}")
        for number, paragraph in enumerate(body):
            lines += ([""] if number else []) + mdoc.paragraph(paragraph)
    return lines


def functions(declared):
    """Every function with what it does, chapter by chapter."""
    lines, section = [], None
    for function in declared:
        if function.section != section:
            lines += [".El"] if section else []
            section = function.section
            lines += [f".Ss {section}", ".Bl -tag -width Ds"]
        lines += [f".It Xr {function.name} 3", *mdoc.text(function.comment.brief)]
    return lines + [".El"]


def statuses(meanings):
    lines = [".Bl -tag -width Ds"]
    for name, what in meanings.items():
        lines += [f".It Dv {name}", *mdoc.text(what)]
    return lines + [".El"]


def page(declared, meanings, version, date):
    text = header.read()
    manual = header.manual(text)
    introduction = header.paragraphs(manual)[1]
    program = header.parse(manual).examples[0]
    filled = {
        "date": [date],
        "version": [version],
        "introduction": mdoc.text(introduction),
        "program": mdoc.code(program)[1:-1],
        "chapters": prose(manual),
        "functions": functions(declared),
        "statuses": statuses(meanings),
    }
    template = NOTE + header.read(TEMPLATE)
    for name, lines in filled.items():
        template = template.replace(f"@{name}@", "\n".join(lines))
    return "\n".join(mdoc.laid_out(template.rstrip("\n").split("\n"))) + "\n"
