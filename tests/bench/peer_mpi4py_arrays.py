"""The peer of arrays.cpp: NumPy arrays, pickled, there and back through one worker of mpi4py.futures. MiB per second."""

import sys
import time

import numpy
from mpi4py.futures import MPIPoolExecutor


def twice(values):
    return 2 * values


def main():
    with MPIPoolExecutor(max_workers=1) as executor:
        executor.bootup()
        executor.submit(twice, numpy.ones(10)).result()
        for mib in map(int, sys.argv[1:]):
            values = numpy.full(mib * 2**20 // 8, 1.5)
            best = 1e9
            for _ in range(4):
                start = time.perf_counter()
                back = executor.submit(twice, values).result()
                best = min(best, time.perf_counter() - start)
                if back[0] != 3 or back[-1] != 3:
                    raise RuntimeError("wrong result")
            print(f"mpi4py_array_{mib}_mib_per_s {mib / best:.1f}")


if __name__ == "__main__":
    main()
