#!/usr/bin/env python3
"""Peer: Python's ThreadPoolExecutor, the model of the library.

The same workloads and output lines as the C programs, with fewer tasks where Python would need too
long; the figures are rates, times per task and bytes per future, so they compare all the same.
Arguments: WORKLOAD [REPS [WORKERS [FIB_N]]], or --list. FIB_N is accepted and not used.
"""

import platform
import resource
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor, as_completed

NAME = "Python ThreadPoolExecutor"


def emit(workload, metric, value):
    print(f"R\t{workload}\t{NAME}\t{metric}\t{value:.6g}", flush=True)


def noop(x):
    return x + 1


def check_sum(workload, total, count):
    expected = count * (count - 1) // 2 + count
    if total != expected:
        sys.exit(f"{workload}: the results add up to {total}, not to {expected}")


def cpu_seconds():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def resident_bytes():
    with open("/proc/self/statm", encoding="ascii") as statm:
        return int(statm.read().split()[1]) * resource.getpagesize()


def rate(workload, tasks, reps, body):
    """Runs body (which returns the sum of its results) once to warm up, then reps times."""
    for rep in range(reps + 1):
        cpu, start = cpu_seconds(), time.perf_counter()
        total = body()
        seconds, cpu = time.perf_counter() - start, cpu_seconds() - cpu
        check_sum(workload, total, tasks)
        if rep > 0:
            emit(workload, "Mtask/s", tasks / seconds / 1e6)
            emit(workload, "cpu_us/task", cpu * 1e6 / tasks)


def throughput(pool, workload, reps):
    tasks = 50_000

    def body():
        futures = [pool.submit(noop, i) for i in range(tasks)]
        return sum(f.result() for f in futures)

    rate(workload, tasks, reps, body)


def submitters(pool, workload, reps):
    tasks, threads = 50_000, 4
    totals = [0] * threads

    def share(k):
        futures = [pool.submit(noop, i) for i in range(k, tasks, threads)]
        totals[k] = sum(f.result() for f in futures)

    def body():
        running = [threading.Thread(target=share, args=(k,)) for k in range(threads)]
        for thread in running:
            thread.start()
        for thread in running:
            thread.join()
        return sum(totals)

    rate(workload, tasks, reps, body)


def completions(pool, workload, reps):
    tasks = 100_000

    def body():
        futures = [pool.submit(noop, i) for i in range(tasks)]
        return sum(f.result() for f in as_completed(futures))

    rate(workload, tasks, reps, body)


def round_trips(pool, workload, reps, trips, pause):
    for rep in range(reps + 1):
        taken, total = [], 0
        cpu, start = cpu_seconds(), time.perf_counter()
        for i in range(trips):
            if pause:
                time.sleep(pause)
            before = time.perf_counter()
            total += pool.submit(noop, i).result()
            taken.append(time.perf_counter() - before)
        cores = (cpu_seconds() - cpu) / (time.perf_counter() - start)
        check_sum(workload, total, trips)
        taken.sort()
        if rep > 0:
            emit(workload, "p50_us", taken[trips // 2] * 1e6)
            emit(workload, "p99_us", taken[trips // 100 * 99] * 1e6)
            emit(workload, "cores", cores)


def memory(pool, workload, workers):
    pending = 200_000
    gate, inside = threading.Event(), threading.Semaphore(0)

    def wait_at_gate():
        inside.release()
        gate.wait()

    gates = [pool.submit(wait_at_gate) for _ in range(workers)]
    for _ in range(workers):
        inside.acquire()
    futures = [None] * pending
    before = resident_bytes()
    for i in range(pending):
        futures[i] = pool.submit(noop, i)
    emit(workload, "B/pending", (resident_bytes() - before) / pending)
    gate.set()
    check_sum(workload, sum(f.result() for f in futures), pending)
    for future in gates:
        future.result()


WORKLOADS = {
    "T1": lambda pool, reps, workers: throughput(pool, "T1", reps),
    "T2": lambda pool, reps, workers: round_trips(pool, "T2", reps, 10_000, 0),
    "T2i": lambda pool, reps, workers: round_trips(pool, "T2i", reps, 2_000, 300e-6),
    "T3": lambda pool, reps, workers: submitters(pool, "T3", reps),
    "T6": lambda pool, reps, workers: memory(pool, "T6", workers),
    "T7": lambda pool, reps, workers: completions(pool, "T7", reps),
}


def main(args):
    if args == ["--list"]:
        print(f"{NAME}\t{platform.python_version()}")
        print(" ".join(WORKLOADS))
        return
    if not args or args[0] not in WORKLOADS:
        sys.exit(f"usage: python_pool.py {'|'.join(WORKLOADS)} [REPS [WORKERS [FIB_N]]] | --list")
    reps = int(args[1]) if len(args) > 1 else 3
    workers = int(args[2]) if len(args) > 2 else 2
    with ThreadPoolExecutor(workers) as pool:
        WORKLOADS[args[0]](pool, reps, workers)


if __name__ == "__main__":
    main(sys.argv[1:])
