"""Text of the header's comments as mdoc(7), the language of manual pages.

Called by manpages.py and overview.py. What stands in backquotes becomes a literal, what stands in
two stars strong, cf_name() a reference to its page, CF_NAME a constant; all else is text in which
nothing is taken for a macro.
"""

import re
import textwrap

from header import flow

LITERAL = re.compile(r"`([^`]+)`|\*\*([^*]+)\*\*")
FUNCTION = re.compile(r"^(\(?)(cf_\w+)\(\)([.,;:)]*)$")
OTHER = re.compile(r"^()([a-z]\w+)\(\)([.,;:)]*)$")
CONSTANT = re.compile(r"^()(CF_[A-Z_]+)([.,;:)]*)$")
CHAPTER = re.compile(r'(see (?:the chapter )?"[A-Z][^"]*")', re.I)
HOLE = re.compile(r"^(\(?)\x00(\d+)\x00([.,;:)]*)$")


def escape(text):
    """Text that stands in no macro's arguments."""
    text = text.replace("\\", "\\e")
    return "\\&" + text if text.startswith((".", "'")) else text


def quoted(text):
    """One argument of a macro: in quotes, its words are no macros."""
    text = text.replace("\\", "\\e").replace('"', '""')
    return f'"{text}\\&"' if text.endswith((":", ".", ")")) else f'"{text}"'


def macro(name, argument, after, before=""):
    """A line with one macro and the punctuation around its argument."""
    parts = [f".{name}"] + ([before] if before else []) + [argument] + list(after)
    return " ".join(parts)


def words(source):
    """Text without marks, where macros are not read: in the index of manual pages."""
    return escape(re.sub(r"(cf_\w+)\(\)", r"\1", source.replace("`", "")))


def text(source):
    """A paragraph's text as lines of mdoc."""
    source = CHAPTER.sub(r"\1 in cfutures(7)", source)
    literals = []

    def keep(found):
        literals.append(("Ql", found.group(1)) if found.group(1) else ("Sy", found.group(2)))
        return f"\x00{len(literals) - 1}\x00"

    lines, words = [], []
    for word in flow(LITERAL.sub(keep, source)).split(" "):
        line = special(word, literals)
        if line is None:
            words.append(escape(restored(word, literals)) if not words else inner(word, literals))
            if word.endswith((".", "!", "?", ".)", ':"')) and not word.endswith("..."):
                lines, words = lines + [" ".join(words)], []
        else:
            lines, words = lines + ([" ".join(words)] if words else []) + [line], []
    return lines + ([" ".join(words)] if words else [])


def special(word, literals):
    """The macro line that a word becomes; None for plain words."""
    for pattern, name, page in ((FUNCTION, "Xr", " 3"), (OTHER, "Fn", ""), (CONSTANT, "Dv", "")):
        found = pattern.match(word)
        if found:
            return macro(name, found.group(2) + page, found.group(3), found.group(1))
    found = HOLE.match(word)
    if found:
        name, argument = literals[int(found.group(2))]
        return macro(name, quoted(argument), found.group(3), found.group(1))
    return None


def inner(word, literals):
    return restored(word, literals).replace("\\", "\\e")


def restored(word, literals):
    """A word with its literals put back, for those that no macro fits."""
    return re.sub(r"\x00(\d+)\x00", lambda found: literals[int(found.group(1))][1], word)


def paragraph(source):
    """A paragraph, list or table of a comment."""
    lines = source.split("\n")
    if lines[0].startswith("|"):
        return table(lines)
    if lines[0].startswith("- "):
        items = re.split(r"\n(?=- )", source)
        body = [line for item in items for line in (".It", *text(item[2:]))]
        return [".Bl -dash", *body, ".El"]
    return text(source)


def table(lines):
    """Rows of two cells as a list of terms; the first two lines are its head."""
    body = []
    for line in lines[2:]:
        term, what = (cell.strip() for cell in line.strip("|").split("|"))
        body += [f".It Dv {term}", *text(what)]
    return [".Bl -tag -width Ds", *body, ".El"]


def code(source):
    """Lines of a program."""
    lines = (line.replace("\\", "\\e") for line in source.rstrip("\n").split("\n"))
    lines = (f"\\&{line}" if line.startswith((".", "'")) else line for line in lines)
    return [".Bd -literal -offset indent", *lines, ".Ed"]


def laid_out(lines):
    """Lines of at most 80 characters, and empty ones as .Pp, except in literal displays."""
    literal = False
    for line, following in zip(lines, [*lines[1:], ""]):
        literal = (literal or line.startswith(".Bd")) and line != ".Ed"
        if literal or line.startswith("."):
            yield line
        elif line:
            yield from textwrap.wrap(line, 80, break_long_words=False, break_on_hyphens=False)
        elif not following.startswith(".Bl"):
            yield ".Pp"
