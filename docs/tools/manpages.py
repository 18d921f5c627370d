"""Writes docs/man: a manual page for each function, out of the header's comments, and cfutures(7).

Called by `./run docs` to write them, and with --check by the check "docs", which fails when a page
is stale, one too many, or missing for a function of abi/cfutures.symbols, or when the guide's tables
of names and of errors lack one.
"""

import os
import re
import sys

import header
import mdoc
import overview

MAN = os.path.join(header.ROOT, "docs", "man")
SYMBOLS = os.path.join(header.ROOT, "abi", "cfutures.symbols")
NAMES_PAGE = os.path.join(header.ROOT, "docs", "guide", "names.md")
ERRORS_PAGE = os.path.join(header.ROOT, "docs", "guide", "errors.md")
CHANGELOG = os.path.join(header.ROOT, "CHANGELOG.md")

# The date of pages whose version CHANGELOG.md has without one.
UNRELEASED = "2026-11-22"

NAMES = r"(?:CF_[A-Z_]+(?:, CF_[A-Z_]+)*|true|false|0)"
HEAD = re.compile(rf"^({NAMES})(?:[:;] (.*)|(\. .*)|\.?)$", re.S)


def version():
    """The version of the header, and when it was released, as CHANGELOG.md says."""
    number = re.search(r'CF_VERSION_STRING "(.*)"', header.read()).group(1)
    dated = re.search(rf"## \[{re.escape(number)}\] - (\S+)", header.read(CHANGELOG))
    return number, dated.group(1) if dated else UNRELEASED


def shown_types(function, types):
    """The functions, structures and enumerations that a program must know to call this one."""
    known, todo = {}, [function.text]
    while todo:
        for name in re.findall(r"\b(cf_\w+)\b", todo.pop()):
            declared = types.get(name)
            opaque = declared is None or re.match(r"typedef struct \w+ \w+;", declared.text)
            if name in known or opaque or name == "cf_status":
                continue
            known[name] = declared
            todo.append(declared.text)
    return [declared for name, declared in types.items() if name in known]


def without_comments(code):
    lines = re.sub(r" *//.*| */\*\*.*?\*/", "", code, flags=re.S).split("\n")
    return "\n".join(line for line in lines if line.strip())


def synopsis(function, types):
    result, parameters = header.prototype(function)
    lines = [".Sh SYNOPSIS", ".In cfutures.h"]
    shown = shown_types(function, types)
    if shown:
        body = "\n\n".join(without_comments(declared.text) for declared in shown)
        lines += [".Bd -literal", *body.split("\n"), ".Ed", ".Pp"]
    lines += [f'.Ft "{result}"', f".Fo {function.name}"]
    lines += [f'.Fa "{kind}{name}"' for kind, name in parameters] or [".Fa void"]
    return lines + [".Fc"]


def parameters(comment):
    if not comment.parameters:
        return []
    lines = [".Ss Parameters", ".Bl -tag -width Ds"]
    for name, what in comment.parameters:
        lines += [f".It Fa {name}", *mdoc.text(what)]
    return lines + [".El"]


def outcomes(returns):
    """What a function returns, as (head, text): the values that the text is about, or ""."""
    parts = re.split(r";\n\s*|; (?=CF_|false:|0:)", returns.strip())
    found = []
    for part in parts:
        match = HEAD.match(header.flow(part))
        if not match:
            found.append(("", part))
            continue
        found.append((match.group(1), match.group(2) or ""))
        if match.group(3):
            found.append(("", match.group(3)[2:]))
    # What stands behind the last value's sentence is about all of them.
    value, said = found.pop()
    first, *about_all = re.split(r"(?<=\.) (?=[A-Z])", header.flow(said), maxsplit=1)
    return found + [(value, first), *(("", text) for text in about_all)]


def return_values(comment, statuses):
    """Values with what they mean; where the comment says nothing, what they mean everywhere."""
    if not comment.returns:
        return []
    lines, in_list = [".Sh RETURN VALUES"], False
    for head, what in outcomes(comment.returns):
        if head and not in_list:
            lines.append(".Bl -tag -width Ds")
        elif in_list and not head:
            lines += [".El", ".Pp"]
        in_list = bool(head)
        if what:
            names = [name for name, _ in comment.parameters]
            said = header.sentence(finished(re.sub("^or ", "", what)), names)
            lines += ([f".It {term(head)}"] if head else []) + mdoc.text(said)
            continue
        for name in head.split(", "):
            lines += [f".It Dv {name}", *mdoc.text(statuses[name])]
    return lines + ([".El"] if in_list else [])


def term(head):
    """The head of an item: values in a row."""
    return " , ".join(f"Dv {name}" for name in head.split(", "))


def finished(what):
    """A sentence: what the header parts by semicolons stands alone here."""
    what = header.flow(what)
    return what if what.endswith((".", ":")) else what + "."


def see_also(function, functions):
    """Functions that the comment names, and those beside it in its chapter."""
    comment = function.comment
    words = " ".join([*comment.details, comment.returns, *comment.notes.values()])
    named = set(re.findall(r"\b(cf_\w+)\(\)", words))
    chapter = [f.name for f in functions if f.section == function.section]
    place = chapter.index(function.name)
    named |= set(chapter[max(0, place - 2) : place + 3])
    names = sorted((named & {f.name for f in functions}) - {function.name})
    return [".Sh SEE ALSO", *(f".Xr {name} 3 ," for name in names), ".Xr cfutures 7"]


def page(function, functions, types, statuses):
    number, date = version()
    comment = function.comment
    brief = comment.brief.split(". ")[0].rstrip(".")
    lines = [
        '.\\" Written by docs/tools/manpages.py from include/cfutures.h.',
        f".Dd {mdoc_date(date)}",
        f".Dt {function.name.upper()} 3",
        f".Os cfutures {number}",
        ".Sh NAME",
        f".Nm {function.name}",
        f".Nd {mdoc.words(brief[0].lower() + brief[1:])}",
        ".Sh LIBRARY",
        "Pools of threads and processes (libcfutures, \\-lcfutures)",
        *synopsis(function, types),
        ".Sh DESCRIPTION",
        *mdoc.text(comment.brief),
    ]
    for paragraph in comment.details:
        lines += ["", *mdoc.paragraph(paragraph)]
    lines += parameters(comment)
    lines += [".Ss Threads", *mdoc.text(header.sentence(comment.notes["Threads"]))]
    lines += [".Ss Ownership", *mdoc.text(header.sentence(comment.notes["Ownership"]))]
    lines += return_values(comment, statuses)
    lines += [".Sh EXAMPLES"]
    for example in comment.examples:
        lines += mdoc.code(example)
    lines += [".Sh PYTHON", *mdoc.text(header.sentence(comment.notes["Python"]))]
    lines += see_also(function, functions)
    lines += [".Sh HISTORY", f"Since cfutures {comment.since}."]
    # An empty line of the description parts paragraphs; in a program it is a line.
    return "\n".join(mdoc.laid_out(lines)) + "\n"


MONTHS = "January February March April May June July August September October November December"


def mdoc_date(date):
    """`2026-11-20` as mdoc has it."""
    year, month, day = date.split("-")
    return f"{MONTHS.split()[int(month) - 1]} {int(day)}, {year}"


def pages():
    """{path below docs/man: text} of all pages."""
    found = list(header.declarations(header.read()))
    functions = [d for d in found if d.kind == "function"]
    types = {d.name: d for d in found if d.kind == "typedef"}
    said = r"/\*\*\s*(?:\* )?([^*]*?)\s*\*/\s*(CF_\w+) ="
    meanings = {name: what for what, name in re.findall(said, types["cf_status"].text)}
    number, date = version()
    written = {"man7/cfutures.7": overview.page(functions, meanings, number, mdoc_date(date))}
    meanings["0"] = meanings["CF_OK"]
    for function in functions:
        written[f"man3/{function.name}.3"] = page(function, functions, types, meanings)
    return written


def on_disk():
    """The pages that are there."""
    for section in ("man3", "man7"):
        folder = os.path.join(MAN, section)
        if os.path.isdir(folder):
            yield from (f"{section}/{name}" for name in os.listdir(folder))


def write(wanted):
    for path in set(on_disk()) - set(wanted):
        os.remove(os.path.join(MAN, path))
    for path, text in wanted.items():
        os.makedirs(os.path.join(MAN, os.path.dirname(path)), exist_ok=True)
        with open(os.path.join(MAN, path), "w", encoding="utf-8") as file:
            file.write(text)


def raw(page):
    """Lines of a page in which the marks of the header's comments are left."""
    literal = False
    for line in page.split("\n"):
        literal = (literal or line.startswith(".Bd")) and line != ".Ed"
        if not literal and re.search(r"`|(?<![\w ])\*\*\w|^@\w|\bcf_\w+\(\)", line):
            yield line


def complaints(wanted):
    """Pages that are not what the header says, and public functions that a page or table lacks."""
    there, names = set(on_disk()), header.read(NAMES_PAGE)
    for path in sorted(there | set(wanted)):
        if path not in wanted:
            yield f"docs/man/{path} is of no function: ./run docs"
        elif path not in there or header.read(os.path.join(MAN, path)) != wanted[path]:
            yield f"docs/man/{path} is stale: ./run docs"
        yield from (f"docs/man/{path}: {line}" for line in raw(wanted.get(path, "")))
    for line in header.read(SYMBOLS).splitlines():
        symbol = line.split("@")[0]
        if f"man3/{symbol}.3" not in wanted:
            yield f"{symbol} is public and has no manual page"
        if f"`{symbol}`" not in names:
            yield f"docs/guide/names.md does not name {symbol}"
    errors = header.read(ERRORS_PAGE)
    for status in re.findall(r"(CF_\w+) = -\d+,", header.read().split("} cf_status;")[0]):
        if f"`{status}`" not in errors:
            yield f"docs/guide/errors.md does not name {status}"


def main():
    wanted = pages()
    if "--check" not in sys.argv:
        write(wanted)
        return 0
    found = list(complaints(wanted))
    print(*found, sep="\n", end="\n" if found else "")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
