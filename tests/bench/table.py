"""table.py RESULTS [--json FILE] [--plots DIR]: prints a table of the figures of scripts/bench.

RESULTS has lines of round, name and number. The ratio of two figures is the median of the ratios of the rounds.
"""

import argparse
import collections
import json
import os
import statistics

PYMPIPOOL_US = 1100.0  # the figure of its authors; it is not in Debian
PUBLISHED_TASKS_PER_S = {0: 2030.0, 20: 32.0}  # of another farm; key: arguments of 2**key bytes

ARGUMENTS = [0, 10, 14, 16, 17, 18, 20, 22, 23]  # powers of 2

# Each row: description, figure, figure of the peer, name of the peer, kind of ratio ("of": farm / peer, "faster": peer / farm),
# and the goal for the ratio, or for the figure if it has no peer.
ROWS = [
    ("8 groups of 2: start to first results, ms", "startup_first_ms", "peer_spawn_first_ms", "bare MPI_Comm_spawn", "of", "<= 1.3"),
    ("8 groups of 2: start to exit, ms", "startup_end_ms", "peer_spawn_end_ms", "bare MPI_Comm_spawn", "of", ""),
    ("task of 2 ranks, 20,000 queued, us", "pair_queued_us", PYMPIPOOL_US, "pympipool (quoted)", "faster", ">= 110"),
    ("", "pair_queued_us", "collectives_us", "Bcast + Gather", "of", ""),
    ("task of 2 ranks, one after the other, us", "pair_alternating_us", "collectives_us", "Bcast + Gather", "of", ""),
    ("task of 1 rank, 2 workers, submitted singly, us", "single_queued_us", "mpi4py_queued_us", "mpi4py.futures", "faster", ">= 100"),
    ("the same, chunks of 100, us", "single_chunked_us", "mpi4py_chunked_us", "mpi4py.futures", "faster", ">= 10"),
    ("the same, one after the other, us", "single_alternating_us", "mpi4py_alternating_us", "mpi4py.futures", "faster", ">= 15"),
    ("", "single_alternating_us", "socket_polling_us", "Unix socket, polling", "of", "<= 2.5"),
    ("", "single_alternating_us", "socket_sleeping_us", "Unix socket, sleeping", "of", ""),
    ("task of 1 rank, 2 static ranks, submitted singly, us", "static_single_queued_us", "static_mpi4py_queued_us", "mpi4py.futures", "faster", ">= 100"),
    ("the same, chunks of 100, us", "static_single_chunked_us", "static_mpi4py_chunked_us", "mpi4py.futures", "faster", ">= 10"),
    ("the same, one after the other, us", "static_single_alternating_us", "static_mpi4py_alternating_us", "mpi4py.futures", "faster", ">= 15"),
    ("master's cpu, task of 1 rank, queued, us", "single_queued_cpu_us", None, "", "", "<= 2"),
    ("master's cpu, the same, chunks of 100, us", "single_chunked_cpu_us", None, "", "", ""),
    ("master's cpu, the same, one after the other, us", "single_alternating_cpu_us", None, "", "", ""),
    ("master's cpu, task of 2 ranks, queued, us", "pair_queued_cpu_us", None, "", "", ""),
    ("2 idle ranks, % of a core", "idle_ranks_percent", None, "", "", "<= 0.06"),
    ("16 idle ranks, guards, master, mpiexec, % of a core", "idle_16_percent", None, "", "", "<= 0.5"),
    ("computing on 2 cores, ms", "compute_alone_ms", "compute_beside_idle_ms", "beside 14 idle groups", "of", ">= 0.97"),
    ("tasks of 10 ms, 2 workers, % busy", "busy_percent", None, "", "", ">= 99"),
    ("task of 1 rank, 1,000,000 queued, us", "queue_of_1m_us", "queue_of_10k_us", "10,000 queued", "of", "<= 1.1"),
    ("instructions of a task, submission to result, one thread", "path_instructions", None, "", "", ""),
    ("memory of a queued task, bytes", "queued_resident_bytes", None, "", "", "<= 200"),
    ("death to next task, group of 1, ms", "recovery_1_ms", "fresh_group_1_ms", "a first group", "of", ""),
    ("the same, 95 % of deaths, ms", "recovery_1_p95_ms", "fresh_group_1_p95_ms", "a first group", "of", ""),
    ("death to next task, group of 2, ms", "recovery_2_ms", "fresh_group_2_ms", "a first group", "of", ""),
    ("the same, 95 % of deaths, ms", "recovery_2_p95_ms", "fresh_group_2_p95_ms", "a first group", "of", ""),
    ("a task on a fresh group of 1, ms", "one_task_per_group_1_ms", "fresh_group_1_ms", "a first group", "of", ""),
    ("a task on a fresh group of 2, ms", "one_task_per_group_2_ms", "fresh_group_2_ms", "a first group", "of", ""),
    ("programs of 1 process per s, 2 groups", "programs_per_s", "xargs_per_s", "xargs -P 2", "of", ">= 0.7"),
    ("the same", "programs_per_s", "parallel_per_s", "GNU parallel", "of", ">= 10"),
    ("MPI program on 2 ranks, one after the other, ms", "program_of_2_ms", "mpiexec_of_2_ms", "mpiexec -n 2", "of", "<= 1.1"),
    ("tasks of 10 ms per s, 4 ranks, one killed every 2 s", "naps_under_kills_per_s", "naps_undisturbed_per_s", "undisturbed", "of", ""),
]

# Once started, groups of all sources are the same.
SOURCE_ROWS = [
    ("8 launched groups of 2: start to first results, ms", "startup_launched_first_ms", "startup_first_ms", "spawned", "of", ""),
    ("8 launched groups of 2: start to exit, ms", "startup_launched_end_ms", "startup_end_ms", "spawned", "of", ""),
] + [
    (f"{what}, {source} ranks, us", f"{source}_{figure}", figure, "spawned", "of", "")
    for source in ["launched", "static"]
    for what, figure in [
        ("task of 2 ranks, 20,000 queued", "pair_queued_us"),
        ("task of 1 rank, submitted singly", "single_queued_us"),
        ("the same, one after the other", "single_alternating_us"),
    ]
]

SPAWNING = ["MPISpawnPool", "MPIPoolExecutor", "PoolExecutor", "Executor", "Pool"]
TOGETHER = ["MPICommExecutor", "MPIExecutor", "MPIPool"]


def scheduler_rows():
    for kind, time in [("short", "1 us"), ("long", "1 ms")]:
        few = f"scheduler_{kind}_100_ns"
        yield (f"scheduler alone, tasks of {time}, 100 groups, ns", few, None, "", "", "<= 1000")
        for groups in [1_000, 10_000, 100_000]:
            yield (f"scheduler alone, tasks of {time}, {groups:,} groups, ns", f"scheduler_{kind}_{groups}_ns", few, "100 groups", "of", "")


def array_rows():
    for mib in [1, 16, 64, 256, 1024]:
        goal = ">= 5" if mib >= 64 else ""
        peer = f"mpi4py_array_{mib}_mib_per_s"
        yield (f"array of {mib} MiB there and back, mapped, MiB/s", f"array_{mib}_mapped_mib_per_s", peer, "mpi4py, NumPy", "of", goal)
        yield (f"array of {mib} MiB there and back, in a vector, MiB/s", f"array_{mib}_mib_per_s", peer, "mpi4py, NumPy", "of", "")
        yield (f"array of {mib} MiB handed on: master's memory, MiB", f"array_{mib}_master_mib", None, "", "", "")
        yield (f"array of {mib} MiB handed on: rank's beside its slabs", f"array_{mib}_rank_mib", None, "", "", "")
    for power in ARGUMENTS:
        for what, hows in ("argument", ["inline", "staged", "each"]), ("result", ["inline", "staged"]):
            for how in hows:
                published = PUBLISHED_TASKS_PER_S.get(power) if (what, how) == ("argument", "inline") else None
                peer_is, kind, goal = ("published", "of", ">= 1") if published else ("", "", "")
                yield (f"tasks per s, {what} of {2**power} bytes, {how}", f"{what}_{2**power}_{how}_per_s", published, peer_is, kind, goal)


def staging_rows():
    for where in ("shm", "disk"):
        for size in ("1MiB", "16MiB", "256MiB", "1024MiB"):
            for what, figure, peer, peer_is, goal in [
                ("written, new file", "stage_write", "raw_write", "pwrite, new file", "<= 1.11"),
                ("written, spare file", "stage_rewrite", "raw_rewrite", "pwrite, same file", "<= 1.11"),
                ("the same without checksums", "stage_rewrite_unchecked", "raw_rewrite", "pwrite, same file", ""),
                ("read", "stage_read", "raw_read", "pread", "<= 1.11"),
                ("mapped and summed", "stage_mapped", "raw_read_and_sum", "pread, summed", "<= 0.67"),
                ("mapped and summed again", "stage_mapped_again", "raw_read_and_sum", "pread, summed", "<= 0.67"),
                ("mapped and summed again", "stage_mapped_again", "raw_mapped", "mmap, summed", ""),
            ]:
                goal = goal if size != "1MiB" else ""
                yield (f"array of {size}, {where}, {what}, ms", f"{figure}_{where}_{size}_ms", f"{peer}_{where}_{size}_ms", peer_is, "of", goal)


def executor_rows():
    for source, names, peer in [
        ("spawned", SPAWNING, "spawned_mpi4py_MPIPoolExecutor"),
        ("static", SPAWNING, "static_mpi4py_MPIPoolExecutor"),
        ("static", TOGETHER, "static_mpi4py_MPICommExecutor"),
    ]:
        for name in names:
            for kind, says in [("single", "chunksize 1"), ("chunked", "chunksize 100")]:
                if kind == "chunked" and name in ("PoolExecutor", "Executor"):
                    continue  # these two have no map
                yield (f"{name}, {source}, {says}, us", f"{source}_{name}_{kind}_us", f"{peer}_{kind}_us", peer.split("_", 1)[1].replace("_", " "), "faster", "")


def read(path):
    """{name: {round: median}}"""
    values = collections.defaultdict(lambda: collections.defaultdict(list))
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            number, name, value = line.split()
            values[name][int(number)].append(float(value))
    return {name: {number: statistics.median(each) for number, each in rounds.items()} for name, rounds in values.items()}


def compare(figures, row):
    what, name, peer_name, peer_is, kind, goal = row
    own = figures.get(name, {})
    peer = dict.fromkeys(own, peer_name) if isinstance(peer_name, float) else figures.get(peer_name, {})
    ratios = [own[i] / peer[i] if kind == "of" else peer[i] / own[i] for i in own if i in peer]
    median = lambda values: statistics.median(values) if values else None
    return {
        "what": what,
        "figure": name,
        "farm": median(list(own.values())),
        "peer_is": peer_is,
        "peer": median(list(peer.values())),
        "ratio": median(ratios),
        "ratio_is": {"of": "farm / peer", "faster": "peer / farm"}.get(kind, ""),
        "goal": goal,
    }


def plot(figures, rows, directory):
    import matplotlib

    matplotlib.use("svg")
    import matplotlib.pyplot as pyplot

    def value(name):
        rounds = figures.get(name)
        return statistics.median(rounds.values()) if rounds else None

    def save(name):
        pyplot.tight_layout()
        pyplot.savefig(os.path.join(directory, name + ".svg"))
        pyplot.close()

    def curves(name, x_is, y_is, lines):
        pyplot.figure(figsize=(7, 4))
        for label, points in lines.items():
            points = [(x, y) for x, y in points if y is not None]
            if points:
                pyplot.plot(*zip(*points), marker="o", label=label)
        pyplot.xscale("symlog")
        pyplot.ylim(bottom=0)
        pyplot.xlabel(x_is)
        pyplot.ylabel(y_is)
        if pyplot.gca().lines:
            pyplot.legend()
        save(name)

    os.makedirs(directory, exist_ok=True)
    faster = [row for row in rows if row["ratio_is"] == "peer / farm" and row["ratio"] and row["what"]]
    pyplot.figure(figsize=(9, 1 + 0.25 * len(faster)))
    pyplot.barh([f"{row['what']} ({row['peer_is']})" for row in faster], [row["ratio"] for row in faster])
    pyplot.gca().invert_yaxis()
    pyplot.xscale("log")
    pyplot.xlabel("times as fast as the peer")
    save("ratios")
    curves("scheduler", "groups", "ns of a task in the scheduler alone", {
        f"tasks of {time}": [(n, value(f"scheduler_{kind}_{n}_ns")) for n in (100, 1_000, 10_000, 100_000)]
        for kind, time in (("short", "1 us"), ("long", "1 ms"))
    })
    curves("arguments", "bytes of the argument", "tasks per s", {
        how: [(2**power, value(f"argument_{2**power}_{how}_per_s")) for power in ARGUMENTS]
        for how in ("inline", "staged", "each")
    })
    curves("arrays", "MiB of the array", "MiB per s, there and back", {
        label: [(n, value(f"{prefix}array_{n}_mib_per_s")) for n in (1, 16, 64, 256, 1024)]
        for label, prefix in (("farm", ""), ("mpi4py, NumPy", "mpi4py_"))
    })


def number(value):
    return "" if value is None else f"{value:.0f}" if value >= 1000 else f"{value:.3g}"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("results")
    parser.add_argument("--json")
    parser.add_argument("--plots")
    options = parser.parse_args()
    figures = read(options.results)
    rows = [compare(figures, row) for row in [*ROWS, *scheduler_rows(), *SOURCE_ROWS, *executor_rows(), *array_rows(), *staging_rows()]]
    line = "{:<50} {:>8}  {:<23} {:>8} {:>7}  {:<13} {}"
    print(line.format("median of the rounds", "farm", "peer", "", "ratio", "", "goal").rstrip())
    for row in rows:
        cells = [row["what"], number(row["farm"]), row["peer_is"], number(row["peer"]), number(row["ratio"])]
        print(line.format(*cells, row["ratio_is"], row["goal"]).rstrip())
    if options.json:
        machine = {"cores": os.cpu_count(), "load_at_the_end": os.getloadavg()}
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump({"machine": machine, "table": rows, "rounds": figures}, file, indent=1)
            file.write("\n")
    if options.plots:
        plot(figures, rows, options.plots)


if __name__ == "__main__":
    main()
