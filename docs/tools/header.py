"""Reads include/cfutures.h: what it declares, with the parts of each comment.

Called by manpages.py (a page for each function), filter.py (what Doxygen is given) and examples.py.
The header is generated and its comments have one form (tests/header_comments.rs), so this is no
parser of C: it knows where a declaration begins and ends in this file.
"""

import os
import re
from dataclasses import dataclass, field

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PATH = os.path.join(ROOT, "include", "cfutures.h")

NOTES = ("Threads", "Ownership", "Python")
RULE = re.compile(r"^/\* -+ (.+) \*/$")


@dataclass
class Comment:
    """A comment in its parts; all text is without stars, lines as they are."""

    brief: str = ""
    details: list = field(default_factory=list)  # paragraphs
    parameters: list = field(default_factory=list)  # (name, text)
    returns: str = ""
    notes: dict = field(default_factory=dict)  # of NOTES
    examples: list = field(default_factory=list)
    since: str = ""


@dataclass
class Declaration:
    """Something that the header declares: its name, its text in C and its comment."""

    kind: str  # "function", "typedef" or "macro"
    name: str
    text: str
    comment: Comment
    section: str = ""


def read(path=PATH):
    with open(path, encoding="utf-8") as file:
        return file.read()


def plain(comment):
    """The text of a comment without its stars."""
    inner = comment.strip()[3:-2]
    lines = (re.sub(r"^\s*\* ?", "", line) for line in inner.split("\n"))
    return "\n".join(lines).strip("\n").strip(" ")


def paragraphs(text):
    return [part.strip("\n") for part in re.split(r"\n\s*\n", text) if part.strip()]


def flow(text):
    """Lines as one line."""
    return " ".join(text.split())


def split_notes(paragraph):
    """`Threads: a. Ownership: b. Python: c.` as {"Threads": "a.", ...}; {} for other paragraphs."""
    text = flow(paragraph)
    if not text.startswith(tuple(f"{note}: " for note in NOTES)):
        return {}
    parts = re.split(rf"(?:^|(?<=[.;`]) )({'|'.join(NOTES)}): ", text)
    return dict(zip(parts[1::2], parts[2::2]))


def sentence(text, names=()):
    """With a capital letter, unless it begins with what is a name in C."""
    first = re.match(r"\*?\w*", text).group()
    as_it_is = first in names or first.startswith(("*", "cf_", "major")) or text.startswith("`")
    return text if as_it_is else text[0].upper() + text[1:]


def parse(text):
    """The parts of a comment that plain() gave."""
    comment = Comment()
    comment.examples = re.findall(r"@code\{\.c(?:pp)?\}\n(.*?)@endcode", text, re.S)
    text = re.sub(r"@code.*?@endcode", "", text, flags=re.S)
    found = re.search(r"^@since (.*)$", text, re.M)
    if found:
        comment.since = found.group(1)
        text = text.replace(found.group(0), "")
    for paragraph in paragraphs(text):
        add_paragraph(comment, paragraph)
    return comment


def add_paragraph(comment, paragraph):
    notes = split_notes(paragraph)
    if notes:
        comment.notes.update(notes)
    elif paragraph.startswith(("@param", "@return")):
        for tag in re.split(r"\n(?=@)", paragraph):
            if tag.startswith("@return"):
                comment.returns = tag[len("@return ") :]
            else:
                _, name, what = tag.split(None, 2)
                comment.parameters.append((name, flow(what)))
    elif not comment.brief:
        comment.brief = flow(paragraph)
    else:
        comment.details.append(paragraph)


def declarations(text):
    """All that the header declares, in its order, and whatever else it holds as (None, text)."""
    section = ""
    pattern = re.compile(
        r"(?P<rule>^/\* -+ [^\n]+ \*/$)"
        r"|(?P<comment>^/\*\*(?:(?!\*/).)*\*/)\n"
        r"(?P<code>CF_API .*?;$|typedef enum.*?^\} \w+;$|typedef struct[^;]*?\{.*?^\} \w+;$"
        r"|typedef .*?;$|#(?:define|ifndef) [^\n]*$)",
        re.M | re.S,
    )
    for found in pattern.finditer(text):
        if found["rule"]:
            section = RULE.match(found["rule"]).group(1)
            continue
        code = found["code"]
        kind = {"C": "function", "t": "typedef", "#": "macro"}[code[0]]
        yield Declaration(kind, name_of(code), code, parse(plain(found["comment"])), section)


def name_of(code):
    if code.startswith("#"):
        return code.split()[1]
    if code.startswith("CF_API"):
        return re.search(r"\b(cf_\w+)\(", code).group(1)
    pointer = re.search(r"\(\*(\w+)\)\(", code)
    return pointer.group(1) if pointer else re.search(r"(\w+);$", code).group(1)


def manual(text):
    """The comment at the head of the header, without stars."""
    return plain(text[: text.index("*/") + 2])


def prototype(function):
    """(result, [(type, name), ...]) of a function."""
    code = re.sub(r"\b(CF_API|CF_NODISCARD)\b", "", flow(function.text))
    head, inside = code.rstrip(";").split("(", 1)
    result = head[: -len(function.name)].strip()
    inside = inside.rsplit(")", 1)[0]
    if inside == "void":
        return result, []
    parts = (part.strip() for part in inside.split(","))
    return result, [re.match(r"(.*?)(\w+)$", part).groups() for part in parts]
