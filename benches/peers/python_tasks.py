"""The tasks of python_processes.py, in a module of their own: workers import them by name.

In the main program's file loky would send their code along with every task.
"""

import os
import time
from multiprocessing.shared_memory import SharedMemory

BLOCK = 64 << 20
ATTACHED = {}


def noop(x):
    return x + 1


def echo(block):
    return block


def copy_half(name):
    memory = attached(name)
    memory.buf[BLOCK:] = memory.buf[:BLOCK]


def attached(name):
    """Maps the shared memory once in each worker, where the library's is mapped from the start."""
    if name not in ATTACHED:
        ATTACHED[name] = SharedMemory(name=name)
    return ATTACHED[name]


def wait_for_death(path):
    with open(path, "w", encoding="ascii") as file:
        file.write(f"{os.getpid()}\n")
    time.sleep(60)
