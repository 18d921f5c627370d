"""Hosts in another language, with habits that a library has to bear, over pools of threads or processes.

    hosts.py <libcfutures.so> <library of tasks> threads|fork|spawn

Run by CMakeLists.txt beside this file. Each host is a Python process of its own, which calls the library through ctypes and
has its tasks from a shared library (harness/module.c). It ends as it should, and so do all processes that come from it:
they have its mark in their environment. Ends with a status other than 0 if anything differs.
"""

import ctypes
import os
import pathlib
import signal
import subprocess
import sys
import threading
import time

FOREVER = 2**63 - 1  # CF_FOREVER
METHODS = {"fork": 1, "spawn": 2}  # CF_START_FORK, CF_START_SPAWN
MARK = "CF_TEST_PYTHON_HOST"
TASKS = 40
PATIENCE = 60  # seconds, for what takes a moment

library = ctypes.CDLL(sys.argv[1])
tasks = ctypes.CDLL(sys.argv[2])
kind = sys.argv[3]
pointer = ctypes.c_void_p
library.cf_status_name.restype = ctypes.c_char_p
library.cf_executor_submit.argtypes = [pointer, pointer, pointer, ctypes.c_size_t, pointer]
library.cf_future_result_into.argtypes = [pointer, ctypes.c_int64, pointer, ctypes.c_size_t]
for name in ("cf_executor_free", "cf_future_release", "cf_options_free"):
    getattr(library, name).argtypes, getattr(library, name).restype = [pointer], None


def expect(expected, got):
    if expected != got:
        raise AssertionError(f"expected {expected!r}, got {got!r}")


def show_stacks(pid):
    """Of a process that hangs, and of the zygotes and workers of its pools."""
    script = pathlib.Path(__file__).parent.parent / "harness" / "stacks.sh"
    subprocess.run(["sh", script, str(pid)], stdout=sys.stderr, check=False)


def said(status):
    return library.cf_status_name(status).decode()


def new_pool():
    options, pool = pointer(), pointer()
    expect("CF_OK", said(library.cf_options_new(ctypes.byref(options))))
    library.cf_options_set_max_workers(options, ctypes.c_size_t(2))
    make = library.cf_thread_pool_new_with
    if kind != "threads":
        make = library.cf_process_pool_new_with
        expect("CF_OK", said(library.cf_options_set_start_method(options, METHODS[kind])))
    expect("CF_OK", said(make(options, ctypes.byref(pool), None)))
    library.cf_options_free(options)
    return pool


def submit(pool, value):
    future, arg = pointer(), ctypes.c_int32(value)
    function = ctypes.cast(tasks.module_double, pointer)
    status = library.cf_executor_submit(pool, function, ctypes.byref(arg), ctypes.sizeof(arg), ctypes.byref(future))
    return said(status), future


def end_of(future):
    result = ctypes.c_int32()
    status = library.cf_future_result_into(future, FOREVER, ctypes.byref(result), ctypes.sizeof(result))
    return said(status), result.value


def work(pool):
    submitted = [submit(pool, i) for i in range(TASKS)]
    for i, (status, future) in enumerate(submitted):
        expect("CF_OK", status)
        expect(("CF_OK", 2 * i), end_of(future))
        library.cf_future_release(future)


# ------------------------------------------------------------ hosts


def ignores_sigchld():
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    pool = new_pool()
    work(pool)
    subprocess.run(["true"], check=False)
    work(pool)
    library.cf_executor_free(pool)


def waits_for_any_child():
    own, reaped, over = [], [], threading.Event()

    def reap():
        while not over.is_set() or set(own) - {pid for pid, _ in reaped}:
            try:
                reaped.append(os.waitpid(-1, 0))
            except ChildProcessError:
                time.sleep(0.001)

    thread = threading.Thread(target=reap)
    pool = new_pool()
    thread.start()
    for _ in range(5):
        own.append(os.posix_spawnp("true", ["true"], os.environ))
        work(pool)
    library.cf_executor_free(pool)
    over.set()
    thread.join()
    expect([(pid, 0) for pid in sorted(own)], sorted(reaped))


def handles_sigchld():
    calls = []
    signal.signal(signal.SIGCHLD, lambda number, frame: calls.append(number))
    pool = new_pool()
    work(pool)
    library.cf_executor_free(pool)
    expect([], calls)


def end_of_child(pid):
    """Its wait status. From outside, as a handler in Python waits for calls of the library."""
    for _ in range(100 * PATIENCE):
        child, status = os.waitpid(pid, os.WNOHANG)
        if child == pid:
            return status
        time.sleep(0.01)
    show_stacks(pid)
    os.kill(pid, signal.SIGKILL)
    return os.waitpid(pid, 0)[1]


def in_the_child(pool, future):
    expect("CF_FORKED", submit(pool, 1)[0])
    expect("CF_FORKED", end_of(future)[0])
    library.cf_future_release(future)
    library.cf_executor_free(pool)
    own = new_pool()
    work(own)
    library.cf_executor_free(own)


def forks():
    """Children that end at once, and by Python's way out."""
    pool = new_pool()
    work(pool)
    for by_exit in (False, True):
        status, future = submit(pool, 21)
        expect("CF_OK", status)
        child = os.fork()
        if child == 0:
            in_the_child(pool, future)
            if by_exit:
                sys.exit(0)
            os._exit(0)
        expect(0, end_of_child(child))
        expect(("CF_OK", 42), end_of(future))
        library.cf_future_release(future)
        work(pool)
    library.cf_executor_free(pool)


def exits():
    pool = new_pool()
    work(pool)
    for i in range(TASKS):
        submit(pool, i)


def exits_at_once():
    exits()
    os._exit(0)


def is_killed():
    exits()
    os.kill(os.getpid(), signal.SIGKILL)


def closes_descriptors():
    """Whatever has the numbers afterwards is left alone."""
    pool = new_pool()
    work(pool)
    futures = [submit(pool, i)[1] for i in range(TASKS)]
    numbers = [int(name) for name in os.listdir("/proc/self/fd") if int(name) > 2]
    os.closerange(3, max(numbers) + 1)
    begin, end = os.pipe()
    full, filling = os.pipe()
    # The very numbers that the library had: what is written to one, and what is read from the next, would be noticed.
    mine = [number for number in numbers if number > filling]
    written, read = mine[::2], mine[1::2]
    for number in mine:
        os.dup2(end if number in written else full, number)
    os.write(filling, b"3" * (len(read) + 1))
    expect(True, kind == "threads" or len(mine) > 3)
    for i, future in enumerate(futures):
        status, value = end_of(future) if future else ("CF_BROKEN_POOL", 0)
        if status == "CF_OK":
            expect(2 * i, value)
        elif kind == "threads" or status not in ("CF_WORKER_DIED", "CF_BROKEN_POOL"):
            raise AssertionError(status)
        library.cf_future_release(future)
    library.cf_executor_free(pool)
    for number in written:
        os.write(number, b"1")
    os.write(end, b"2")
    expect(b"1" * len(written) + b"2", os.read(begin, 4096))
    for number in read:
        expect(b"3", os.read(number, 1))
    expect(b"3", os.read(full, 4096))


HOSTS = [ignores_sigchld, waits_for_any_child, handles_sigchld, forks, exits, exits_at_once, is_killed,
         closes_descriptors]

# ------------------------------------------------------------ who looks on


def is_marked(path, mark):
    try:
        return mark in (path / "environ").read_bytes().split(b"\0")
    except OSError:
        return False


def left_of(mark):
    """The processes that come from a host; a dead one shows no environment."""
    return [path.name for path in pathlib.Path("/proc").iterdir() if path.name.isdigit() and is_marked(path, mark)]


def main():
    for number, host in enumerate(HOSTS):
        mark = f"{os.getpid()}.{number}"
        run = subprocess.Popen([sys.executable, "-B", *sys.argv, host.__name__], env={**os.environ, MARK: mark})
        try:
            run.wait(timeout=2 * PATIENCE)
        except subprocess.TimeoutExpired:
            show_stacks(run.pid)
            run.kill()
            raise
        expect((host.__name__, -signal.SIGKILL if host is is_killed else 0), (host.__name__, run.returncode))
        full = f"{MARK}={mark}".encode()
        looks = 0
        while left := left_of(full):
            looks += 1
            if looks == 400:
                raise AssertionError(f"{host.__name__} left the processes {left}")
            time.sleep(0.01)
        print(f"ok      {host.__name__}")


if __name__ == "__main__":
    if len(sys.argv) == 5:
        globals()[sys.argv[4]]()
    else:
        main()
