"""What Doxygen reads in place of a file: `filter.py <file>`, called by it (docs/Doxyfile).

In cfutures.h the chapters become groups, the notes of a comment ("Threads: ...") paragraphs with a
head, and the values of @return a list. In the guide, links to files that are no pages of Doxygen's
lose their target. Everything else stays as it is.
"""

import os
import re
import sys

import header

# Members that the standard library has made known: they have no comments in the headers.
STANDARD = (
    (r"  using value_type =", "What it gives."),
    (r"  class iterator;", "Input iterator."),
    (r"  .*\bbegin\(\)", "The first one."),
    (r"  .*\bend\(\)", "Behind the last one."),
    (r"  .*\bdata\(\)", "Their address."),
    (r"  .*\bsize\(\)", "How many there are."),
    (r"  .*\boperator(\[\]|\*|->)\(", "One of them; of a result, its value, unchecked."),
    (r"  explicit mapped\(", "@private"),
    (r"  (\w+)\((const )?\1 &&?\w+\)", "A copy, or what it was."),
    (r"  (\w+) &operator=\(", "Takes the place of another."),
)


def identifier(section):
    return re.sub(r"\W+", "_", section.lower()).strip("_")


def notes(paragraph):
    """ "Threads: a. Ownership: b. Python: c." as @par of each."""
    found = header.split_notes(paragraph)
    return (
        "\n".join(f"@par {name}\n{header.sentence(what)}\n" for name, what in found.items())
        or paragraph
    )


def returns(text):
    """The values after @return, one to a line of a list."""
    parts = re.split(r";\n\s*|; (?=CF_|false:)", text)
    if len(parts) == 1:
        return f"@return {text}"
    return "@return\n" + "\n".join(f"  - {header.flow(part)}" for part in parts)


def rewritten(text):
    """The text of a comment for Doxygen."""
    blocks = re.split(r"(@code.*?@endcode)", text, flags=re.S)
    for i in range(0, len(blocks), 2):
        block = re.sub(r'"(<\w+>)([^"]*)"', r'"`\1\2`"', blocks[i])
        block = re.sub(
            r"^@return (.*?)(?=\n\n|\n@|\Z)",
            lambda m: returns(m.group(1)),
            block,
            flags=re.M | re.S,
        )
        parts = re.split(r"(\n\s*\n)", block)
        blocks[i] = "".join(notes(part) for part in parts)
    return "".join(blocks)


def comment(found):
    lines = rewritten(header.plain(found.group(0))).split("\n")
    return "/**\n" + "\n".join(f" * {line}".rstrip() for line in lines) + "\n */"


def groups(text):
    """Headings of the header as groups of Doxygen's."""
    out, is_open = [], False
    for line in text.split("\n"):
        rule = header.RULE.match(line)
        if rule:
            out += ["/** @} */"] if is_open else []
            out.append(f"/** @defgroup {identifier(rule.group(1))} {rule.group(1)}\n * @{{ */")
            is_open = True
            continue
        if is_open and line == "#ifdef __cplusplus":
            out.append("/** @} */")
            is_open = False
        out.append(line)
    return "\n".join(out)


def c_header(text):
    text = re.sub(r"^ *//[^\n]*$", "", text, flags=re.M)
    return groups(re.sub(r"^/\*\*.*?\*/", comment, text, flags=re.M | re.S))


def cpp_header(text):
    """Without what only the headers themselves use, and with words for what the standard names."""
    text = text.replace("\nprotected:\n", "\nprivate:\n")
    text = re.sub(r"^  /\* (.*?) \*/$", r"  /** @private \1 */", text, flags=re.M)
    text = re.sub(r"^  class iterator \{.*?^  \};$", "  class iterator;", text, flags=re.M | re.S)
    text = re.sub(
        r"^(/\*\* .* \*/\n)?template <.*> struct std::.*?^\};$", "", text, flags=re.M | re.S
    )
    lines = text.split("\n")
    for number, line in enumerate(lines):
        words = next((words for pattern, words in STANDARD if re.match(pattern, line)), None)
        if words and not lines[number - 1].rstrip().endswith("*/"):
            lines[number] = f"  /** {words} */\n{line}"
    return "\n".join(lines)


def page(text, folder):
    """Without links to files of which Doxygen makes no page: their text stays."""
    pages = os.path.join(header.ROOT, "docs")

    def link(found):
        target = os.path.normpath(os.path.join(folder, found.group(2)))
        is_page = target.startswith(pages) and target.endswith(".md")
        return found.group(0) if is_page else found.group(1)

    return re.sub(r"\[([^][]+)\]\((?!\w+:)([^)#]+)\)", link, text)


def main():
    path = sys.argv[1]
    text = header.read(path)
    name = os.path.basename(path)
    if name == "cfutures.h":
        text = c_header(text)
    elif name.endswith(".hpp"):
        text = cpp_header(text)
    elif name.endswith(".md"):
        text = page(text, os.path.dirname(os.path.abspath(path)))
    print(text, end="")


if __name__ == "__main__":
    main()
