#!/usr/bin/env python3
"""Peers: Python's process pools, and loky's.

The same workloads (P1 to P4) and output lines as the C programs, with fewer tasks where Python would
need too long; the figures are rates and times per task, so they compare all the same.
Arguments: KIND WORKLOAD [REPS [WORKERS [FIB_N]]], or KIND --list. FIB_N is accepted and not used.
KIND is executor, pool or loky.
"""

import mmap
import multiprocessing
import os
import platform
import signal
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing.shared_memory import SharedMemory

from python_tasks import BLOCK, copy_half, echo, noop, wait_for_death

NAMES = {
    "executor": "Python ProcessPoolExecutor",
    "pool": "Python multiprocessing.Pool",
    "loky": "loky ProcessPoolExecutor",
}


# ---------------------------------------------------------------------- the three kinds


class Executor:
    """What concurrent.futures gives; loky's pool has the same shape."""

    def __init__(self, workers, method):
        self.name = NAMES["executor"]
        context = multiprocessing.get_context(method)
        self.executor = ProcessPoolExecutor(workers, mp_context=context)

    def submit(self, function, *args):
        return self.executor.submit(function, *args).result

    def map(self, function, items, chunk):
        return self.executor.map(function, items, chunksize=chunk)

    def close(self):
        self.executor.shutdown(wait=True)


class Loky(Executor):
    def __init__(self, workers, _method):
        from loky import ProcessPoolExecutor as LokyExecutor

        self.name = NAMES["loky"]
        self.executor = LokyExecutor(max_workers=workers)


class Pool:
    def __init__(self, workers, method):
        self.name = NAMES["pool"]
        self.pool = multiprocessing.get_context(method).Pool(workers)

    def submit(self, function, *args):
        return self.pool.apply_async(function, args).get

    def map(self, function, items, chunk):
        return self.pool.map(function, items, chunksize=chunk)

    def close(self):
        self.pool.close()
        self.pool.join()


KINDS = {"executor": Executor, "pool": Pool, "loky": Loky}


class Run:
    def __init__(self, kind, workload, reps, workers):
        self.kind, self.workload, self.reps, self.workers = kind, workload, reps, workers

    def open(self, method="fork"):
        return KINDS[self.kind](self.workers, method)

    def emit(self, metric, value, suffix=""):
        print(f"R\t{self.workload}\t{NAMES[self.kind]}{suffix}\t{metric}\t{value:.6g}", flush=True)

    def emit_percentiles(self, seconds):
        seconds.sort()
        self.emit("p50_us", seconds[len(seconds) // 2] * 1e6)
        self.emit("p99_us", seconds[len(seconds) * 99 // 100] * 1e6)

    def check_sum(self, total, count):
        expected = count * (count - 1) // 2 + count
        if total != expected:
            sys.exit(f"{self.workload}: the results add up to {total}, not to {expected}")


# ---------------------------------------------------------------------- the workloads


def round_trips(run, trips, pause):
    pool = run.open()
    for i in range(200):
        pool.submit(noop, i)()
    for _ in range(run.reps):
        taken, total = [], 0
        for i in range(trips):
            if pause:
                time.sleep(pause)
            before = time.perf_counter()
            total += pool.submit(noop, i)()
            taken.append(time.perf_counter() - before)
        run.check_sum(total, trips)
        run.emit_percentiles(taken)
    pool.close()


def tasks(run):
    count = 20_000
    pool = run.open()
    pool.submit(noop, 0)()
    for _ in range(run.reps):
        start = time.perf_counter()
        results = [pool.submit(noop, i) for i in range(count)]
        total = sum(result() for result in results)
        run.emit("ktask/s", count / (time.perf_counter() - start) / 1e3)
        run.check_sum(total, count)
    pool.close()


def maps(run, count, chunk):
    pool = run.open()
    pool.submit(noop, 0)()
    for _ in range(run.reps):
        start = time.perf_counter()
        total = sum(pool.map(noop, range(count), chunk))
        run.emit("ktask/s", count / (time.perf_counter() - start) / 1e3, f", chunk {chunk}")
        run.check_sum(total, count)
    pool.close()


def copied(run):
    pool = run.open()
    for rep in range(run.reps + 1):
        block = bytes([rep + 1]) * BLOCK
        start = time.perf_counter()
        back = pool.submit(echo, block)()
        seconds = time.perf_counter() - start
        if back != block:
            sys.exit(f"{run.workload}: a block came back changed")
        if rep > 0:
            run.emit("ms", seconds * 1e3)
    pool.close()


def shared(run):
    memory = SharedMemory(create=True, size=2 * BLOCK)
    pool = run.open()
    try:
        for rep in range(2 * run.reps + 2):
            memory.buf[:BLOCK] = bytes([rep + 1]) * BLOCK
            start = time.perf_counter()
            pool.submit(copy_half, memory.name)()
            seconds = time.perf_counter() - start
            if memory.buf[2 * BLOCK - 1] != rep + 1:
                sys.exit(f"{run.workload}: a block came back changed")
            if rep > 1:  # by then each worker is likely to have mapped it
                run.emit("ms", seconds * 1e3, ", SharedMemory")
    finally:
        pool.close()
        memory.close()
        memory.unlink()


def starts(run, bytes_of_parent=0):
    methods = ("",) if run.kind == "loky" else ("fork", "spawn")
    ballast = touched(bytes_of_parent) if bytes_of_parent else None
    for _ in range(3 * run.reps):
        for method in methods:
            start = time.perf_counter()
            pool = run.open(method)
            pool.submit(noop, 1)()
            seconds = time.perf_counter() - start
            pool.close()
            suffix = f", {method}" if method else ", spawn"
            run.emit("ms", seconds * 1e3, suffix)
            if ballast:
                run.emit("GiB", bytes_of_parent / (1 << 30), suffix)


def touched(size):
    """Memory in pages of the usual size, as the C programs have it."""
    memory = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    memory.madvise(mmap.MADV_NOHUGEPAGE)
    page = mmap.PAGESIZE
    memory[0:size:page] = b"\1" * (size // page)
    return memory


def big_bytes():
    with open("/proc/meminfo", encoding="ascii") as meminfo:
        for line in meminfo:
            if line.startswith("MemAvailable:"):
                return (2 if int(line.split()[1]) > 6 << 20 else 1) << 30
    return 1 << 30


def deaths(run):
    """A death breaks these pools, so each needs a new one."""
    path = f"/tmp/cfutures-bench-{os.getpid()}"
    taken = []
    try:
        for _ in range(10 * run.reps):
            pool = run.open()
            pool.submit(noop, 1)()
            result = pool.submit(wait_for_death, path)
            pid = pid_in(path)
            before = time.perf_counter()
            os.kill(pid, signal.SIGKILL)
            try:
                result()
                sys.exit("a killed task has a result")
            except Exception as error:
                taken.append(time.perf_counter() - before)
                if not any("Broken" in cls.__name__ for cls in type(error).__mro__):
                    raise
            os.unlink(path)
            pool.close()
    finally:
        if os.path.exists(path):
            os.unlink(path)
    run.emit_percentiles(taken)


def pid_in(path):
    while True:
        try:
            with open(path, encoding="ascii") as file:
                text = file.read()
            if text.endswith("\n"):
                time.sleep(0.002)
                return int(text)
        except FileNotFoundError:
            pass
        time.sleep(0.001)


WORKLOADS = {
    "P1": lambda run: round_trips(run, 3_000, 0),
    "P1i": lambda run: round_trips(run, 1_000, 500e-6),
    "P2": tasks,
    "P2a": lambda run: maps(run, 100_000, 10_000),
    "P2b": lambda run: maps(run, 1_000_000, 10_000),
    "P2c": lambda run: maps(run, 20_000, 1),
    "P3": copied,
    "P3s": shared,
    "P4": starts,
    "P4g": lambda run: starts(run, big_bytes()),
    "P4k": deaths,
}


def main(args):
    if len(args) < 2 or args[0] not in KINDS:
        sys.exit("usage: python_processes.py executor|pool|loky WORKLOAD [REPS [WORKERS]] | --list")
    kind = args[0]
    able = [w for w in WORKLOADS if not (w == "P4k" and kind == "pool")]  # it waits for ever
    if args[1] == "--list":
        version = platform.python_version()
        if kind == "loky":
            import loky

            version = f"{loky.__version__}"
        print(f"{NAMES[kind]}\t{version}")
        print(" ".join(able))
        return
    if args[1] not in able:
        sys.exit(f"{NAMES[kind]} does not run a workload {args[1]}")
    reps = int(args[2]) if len(args) > 2 else 3
    workers = int(args[3]) if len(args) > 3 else 2
    WORKLOADS[args[1]](Run(kind, args[1], reps, workers))


if __name__ == "__main__":
    main(sys.argv[1:])
