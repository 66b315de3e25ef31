"""The peer of executors.cpp: mpi4py.futures with 2 spawned workers, or with 2 static ones if started with three ranks.

peer_mpi4py_executors.py spawned|static|together. Microseconds per task.
"""

import statistics
import sys
import time

from mpi4py.futures import MPICommExecutor, MPIPoolExecutor


def noop(i):
    return i


def measure(name, executor):
    def run(tasks, chunksize):
        if sum(executor.map(noop, [1] * tasks, chunksize=chunksize)) != tasks:
            raise RuntimeError("wrong results")

    for kind, tasks, chunksize in [("single", 3_000, 1), ("chunked", 50_000, 100)]:
        run(tasks // 10, chunksize)
        times = []
        for _ in range(3):
            start = time.perf_counter()
            run(tasks, chunksize)
            times.append((time.perf_counter() - start) * 1e6 / tasks)
        print(f"{name}_{kind}_us {statistics.median(times):.3f}")


def main():
    source = sys.argv[1]
    if source == "together":
        with MPICommExecutor() as executor:
            if executor is not None:
                measure("static_mpi4py_MPICommExecutor", executor)
    else:
        with MPIPoolExecutor(max_workers=2) as executor:
            measure(f"{source}_mpi4py_MPIPoolExecutor", executor)


if __name__ == "__main__":
    main()
