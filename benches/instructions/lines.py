"""Where in the sources the instructions of an operation are, from callgrind's files.

Called by: instructions.py --lines. callgrind counts each instruction by its address; addr2line says
which line that comes from, and through which calls that the compiler has put in line; objdump says
whether it is atomic. So what is in line counts for the line of the library that wants it, wherever
it ended up; and what a feature costs an operation that does not use it is what lies inside of the
feature's functions (FEATURES).
"""

import functools
import os
import subprocess

ROUND = 2  # as in counting.h: each file is a round of all operations

# Lines that make up less of the whole are only in their file's sum.
SHOWN = 0.005

# What a plain submit and its result do not need, and where it is asked whether somebody wants it:
# parts of the names of functions, and ("in quotes") of lines, where the question has no function of
# its own.
FEATURES = {
    "a handle that a fork has copied is refused": ["fork::epoch", "::foreign", "slab::epoch_of"],
    "futures from malloc, for memory checkers": ["plain::on"],
    "limits of workers, starting them, spares": [
        "Crew::", "Pool>::can_grow", "Pool>::is_surplus", "needs_thread", "count_in_first",
        "Option<cfutures::threads::starting::First>", "Pool::has_thread",
    ],
    "a pool that is broken, shut down or has an initializer": [
        "Pool>::broken", "Pool>::admit", "has_initializer",
    ],
    "tasks inside of tasks, waits judged for cycles": [
        '"runner.depth', "deadlock::", "graph::", "waiter_in_task",
    ],
    "whoever is told at the end: sleepers, callbacks, iterators": [
        "after_publish", "cf_future>::tell", "cf_future>::wake",
    ],
    "free functions, objects, user data, errors": [
        "owns_argument", "has_hooks", "drop_result", "drop_argument", "store_error",
        "take_large",
    ],
    "futures of processes": ["look_far", "is_far", '"w & FAR'],
    "names": ["seat_name", "name_thread"],
}  # fmt: skip


class Place:
    """An instruction: what it belongs to, and how often it ran per operation."""

    def __init__(self, file, line, functions, count, is_atomic):
        self.file, self.line, self.functions, self.count = file, line, functions, count
        self.is_atomic = is_atomic


def counts_of(paths):
    """{(object, address): (file, line, count)} of callgrind's files, which are not compressed."""
    counts = {}
    for path in paths:
        with open(path, encoding="utf-8") as lines:
            add_counts(lines, counts)
    return counts


def add_counts(lines, counts):
    obj, file, is_call = "?", "?", False
    for line in lines:
        if line.startswith("ob="):
            obj = line[3:].strip()
        elif line.startswith(("fl=", "fi=", "fe=")):
            file = line[3:].strip()
        elif line.startswith("calls="):
            is_call = True  # the next line is the cost of what was called, which has its own lines
        elif line.startswith("0x"):
            address, number, count = line.split()
            if not is_call:
                before = counts.get((obj, address), (file, number, 0))[2]
                counts[obj, address] = (file, int(number), before + int(count))
            is_call = False


def chains(obj, addresses):
    """{address: [(function, file, line), ...]}, innermost first, as far as is known."""
    found, asked = {}, "\n".join(addresses)
    command = ["addr2line", "-a", "-f", "-i", "-C", "-e", obj]
    done = subprocess.run(command, input=asked, capture_output=True, text=True, check=False)
    chain, function = None, None
    for line in done.stdout.splitlines():
        if line.startswith("0x"):
            chain = found.setdefault(hex(int(line, 16)), [])
            function = None
        elif function is None:
            function = line
        else:
            file, _, number = line.partition(" ")[0].rpartition(":")
            chain.append((function, file, int(number) if number.isdigit() else 0))
            function = None
    return found


@functools.cache
def atomics(obj):
    """The addresses of all instructions that read, modify and write memory in one step."""
    command = ["objdump", "-d", "--no-show-raw-insn", obj]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    found, is_locked = set(), False
    for line in done.stdout.splitlines():
        at, _, instruction = line.partition(":\t")
        if not instruction:
            continue
        words = instruction.split()
        is_atomic = words[0] == "lock" or words[0] == "xchg" and "(" in instruction
        if is_atomic or is_locked:
            found.add(int(at, 16))
        is_locked = words == ["lock"]  # alone on its line: the next one is what it locks
    return found


def places(counts, operations, sources):
    """Each instruction with the innermost line of the library's own sources that it comes from."""
    by_object = {}
    for obj, address in counts:
        by_object.setdefault(obj, []).append(address)
    result = []
    for obj, addresses in by_object.items():
        known = chains(obj, addresses)
        for address in addresses:
            file, line, count = counts[obj, address]
            chain = known.get(hex(int(address, 16)), [])
            own = [(f, n) for _, f, n in chain if f.startswith(sources)]
            file, line = own[0] if own else (file if "/src/" not in file else obj, line)
            functions = [name for name, _, _ in chain]
            is_atomic = int(address, 16) in atomics(obj)
            result.append(Place(file, line, functions, count / operations, is_atomic))
    return result


def show(parts, names, root):
    """Prints where these parts spend their instructions, and what the features cost."""
    unknown = [name for name in names if name not in parts]
    if unknown:
        print(f"no operation {unknown[0]}; there are: {', '.join(parts)}")
        return 1
    all_places = []
    for name in names:
        part = parts[name]
        rounds = len(part.files) if part.kind == ROUND else 1
        all_places += places(counts_of(part.files), part.operations * rounds, root + os.sep)
    whole = sum(place.count for place in all_places)
    print(f"{whole:8.1f} instructions in one {' + '.join(names)}")
    show_files(all_places, whole, root)
    show_atomics(all_places, root)
    show_features(all_places, whole)
    return 0


def show_files(all_places, whole, root):
    files = {}
    for place in all_places:
        lines = files.setdefault(place.file, {})
        lines[place.line] = lines.get(place.line, 0) + place.count
    for file, lines in sorted(files.items(), key=lambda f: -sum(f[1].values())):
        name = os.path.relpath(file, root) if file.startswith(root) else file
        print(f"\n{sum(lines.values()):8.1f} {100 * sum(lines.values()) / whole:5.1f}%  {name}")
        text = text_of(file)
        for number, count in sorted(lines.items()):
            if count >= SHOWN * whole and 0 < number <= len(text):
                source = text[number - 1].strip()
                print(f"{count:8.1f} {100 * count / whole:5.1f}%  {number:5}  {source}")


def show_atomics(all_places, root):
    at = {}
    for place in (place for place in all_places if place.is_atomic):
        at[place.file, place.line] = at.get((place.file, place.line), 0) + place.count
    print(f"\n{sum(at.values()):8.2f} atomic read-modify-writes:")
    for (file, line), count in sorted(at.items(), key=lambda a: -a[1]):
        text = text_of(file)
        source = text[line - 1].strip() if 0 < line <= len(text) else ""
        name = os.path.relpath(file, root) if file.startswith(root) else file
        if count >= 0.005:
            print(f"{count:8.2f}  {name}:{line}  {source}")


def show_features(all_places, whole):
    print("\nWhat is asked here and used only by others:")
    left, total = list(all_places), 0
    for feature, marks in FEATURES.items():
        mine = [place for place in left if has_mark(place, marks)]
        left = [p for p in left if p not in mine]
        count = sum(place.count for place in mine)
        total += count
        print(f"{count:8.1f} {100 * count / whole:5.1f}%  {feature}")
    print(f"{total:8.1f} {100 * total / whole:5.1f}%  together")


def has_mark(place, marks):
    for mark in marks:
        if mark.startswith('"'):
            text = text_of(place.file)
            if 0 < place.line <= len(text) and mark[1:] in text[place.line - 1]:
                return True
        elif any(mark in name for name in place.functions):
            return True
    return False


@functools.cache
def text_of(file):
    if not file.endswith((".rs", ".c", ".h")):
        return []
    try:
        with open(file, encoding="utf-8") as text:
            return text.read().splitlines()
    except OSError:
        return []
