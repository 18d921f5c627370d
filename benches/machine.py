"""The machine under a benchmark: what it is, and how much of it other processes take.

Used by run.py. Linux only: it reads /proc.
"""

import ctypes
import os
import platform
import resource
import signal
import subprocess
import time

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
CPUS = os.cpu_count() or 1


def describe():
    """The facts that a table needs to be understood later."""
    model = platform.machine()
    with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as cpuinfo:
        for line in cpuinfo:
            if line.startswith("model name"):
                model = line.split(":", 1)[1].strip()
                break
    return {
        "cpu": model,
        "cpus": CPUS,
        "usable_cpus": len(os.sched_getaffinity(0)),
        "kernel": platform.release(),
        "date": time.strftime("%Y-%m-%d %H:%M:%S %z"),
        "commit": commit(),
    }


def commit():
    """The commit that the sources are at, with a word when they are not what was committed. What
    was published before does not count."""

    def git(*arguments):
        here = os.path.dirname(os.path.abspath(__file__))
        return subprocess.run(
            ["git", "-C", here, *arguments], capture_output=True, text=True, check=True
        ).stdout.strip()

    sources = ["--", ":/", ":(top,exclude)docs/bench"]
    try:
        changed = " with changes" if git("status", "--porcelain", *sources) else ""
        return git("rev-parse", "--short=12", "HEAD") + changed
    except (OSError, subprocess.SubprocessError):
        return "unknown"


def busy_seconds():
    """CPU time that anybody has used since boot, the time stolen by the host included."""
    with open("/proc/stat", encoding="ascii") as stat:
        user, nice, system, _idle, _iowait, irq, softirq, steal = map(
            int, stat.readline().split()[1:9]
        )
    return (user + nice + system + irq + softirq + steal) / TICKS_PER_SECOND


def adopt_orphans():
    """Makes this process the parent of all whose parent ends before them.

    The workers of a process pool are often no children of the program that uses it. The CPU time
    they took is the program's all the same, and a process is told only that of its own children.
    """
    PR_SET_CHILD_SUBREAPER = 36
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def reap_orphans(limit=2):
    """Waits a while for what a program has left behind, then ends it: it would disturb the next."""
    end = time.monotonic() + limit
    while True:
        try:
            if os.waitpid(-1, os.WNOHANG)[0] != 0:
                continue
        except ChildProcessError:
            return
        if time.monotonic() > end:
            kill_children()
        time.sleep(0.005)


def kill_children():
    with open(f"/proc/self/task/{os.getpid()}/children", encoding="ascii") as children:
        for pid in children.read().split():
            os.kill(int(pid), signal.SIGKILL)


def children_seconds():
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


class Calm:
    """Waits for a calm moment before a run, as long as its budget of seconds lasts."""

    WINDOW = 0.2
    BUSY_SHARE = 0.05

    def __init__(self, budget):
        self.left = budget

    def wait(self):
        while self.left > 0:
            before = busy_seconds()
            time.sleep(self.WINDOW)
            # One tick of slack: the counters are no finer than that.
            limit = self.BUSY_SHARE * CPUS * self.WINDOW + 1 / TICKS_PER_SECOND
            if busy_seconds() - before <= limit:
                return
            self.left -= self.WINDOW


def run_measured(command, limit):
    """Runs command. Returns (exit code, standard output, standard error, foreign share).

    The foreign share is the part of the machine's CPU time that processes other than the command
    took while it ran. An exit code of None means that it was ended after limit seconds.
    """
    busy, own, start = busy_seconds(), children_seconds(), time.monotonic()
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            stdin=subprocess.DEVNULL,
            timeout=limit,
            check=False,
        )
        code, out, err = done.returncode, done.stdout, done.stderr
    except subprocess.TimeoutExpired as expired:
        code, out, err = None, expired.stdout or b"", expired.stderr or b""
    reap_orphans()
    wall = time.monotonic() - start
    foreign = (busy_seconds() - busy) - (children_seconds() - own)
    # The small constant keeps the coarse ticks from making a very short run look disturbed.
    share = max(0.0, foreign) / (wall * CPUS + 0.05)
    return code, out.decode(errors="replace"), err.decode(errors="replace"), share
