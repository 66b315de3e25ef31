"""The peer of noop.cpp for tasks of one rank: mpi4py.futures with 2 spawned or static workers. Microseconds per task.

peer_mpi4py.py [static]
"""

import statistics
import sys
import time

from mpi4py.futures import MPIPoolExecutor


def noop(i):
    return i


def median_of(repetitions, tasks, run):
    times = []
    for _ in range(repetitions):
        start = time.perf_counter()
        run(tasks)
        times.append((time.perf_counter() - start) * 1e6 / tasks)
    return statistics.median(times)


def main():
    prefix = "static_" if sys.argv[1:] == ["static"] else ""
    with MPIPoolExecutor(max_workers=2) as pool:

        def queued(tasks):
            for future in [pool.submit(noop, i) for i in range(tasks)]:
                future.result()

        def chunked(tasks):
            for _ in pool.map(noop, range(tasks), chunksize=100):
                pass

        def alternating(_):
            pool.submit(noop, 0).result()

        queued(500)  # warm-up
        print(f"{prefix}mpi4py_queued_us {median_of(3, 3_000, queued):.3f}")
        print(f"{prefix}mpi4py_chunked_us {median_of(3, 100_000, chunked):.3f}")
        print(f"{prefix}mpi4py_alternating_us {median_of(2_000, 1, alternating):.3f}")


if __name__ == "__main__":
    main()
