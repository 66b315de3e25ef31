"""farm_client against a real server, whose functions are those of tests/program/named_tasks.cpp."""

import concurrent.futures
import math
import os
import subprocess
import sys
import threading
import time
import tracemalloc
import unittest

import farm_client
from real_server import PROGRAM, RealServer, until

try:
    import h5py
    import numpy
except ImportError:
    h5py = numpy = None


@unittest.skipUnless(PROGRAM, "skipped: the real server: FARM_PROGRAM names no program")
class WithServer(unittest.TestCase):
    """One server for all tests of a class."""

    options = ("--listen", "127.0.0.1:0")

    @classmethod
    def setUpClass(cls):
        cls.server = RealServer(options=cls.options).start()
        cls.addClassCleanup(cls.server.stop)

    def setUp(self):
        self.client = self.server.client()
        self.addCleanup(self.client.close)

    def result(self, function, argument, **options):
        return self.client.submit(function, [argument], **options).futures[0].result(60)


class Tasks(WithServer):
    def test_results_come_in_the_types_of_the_function(self):
        self.assertTrue(math.isnan(self.result("same", math.nan)))
        self.assertEqual(self.result("same", -math.inf), -math.inf)
        self.assertEqual(self.result("limits", (-(2**63), 2**64 - 1)), (-(2**63), 2**64 - 1))
        self.assertEqual(self.result("complexes", [1 + 2j, complex(math.inf, 0)]), [1 + 2j, complex(math.inf, 0)])
        self.assertEqual(self.result("echo", 'a "text"\n,[{\u00e9\U0001f600'), 'a "text"\n,[{\u00e9\U0001f600')
        self.assertEqual(self.result("echo", b"\xff\xfe"), b"\xff\xfe")
        self.assertEqual(self.result("bytes", 1), "a\0b")
        self.assertEqual(self.result("keys", {"a": 1, "nan": 2}), {"a": 1, "nan": 2})
        self.assertEqual(self.result("refit", ({"slope": 0.5, "points": [4]}, 3)), {"slope": 1.5, "points": [4, 1]})
        self.assertIsNone(self.result("nothing", 3))

    def test_as_completed_and_map_have_all_results(self):
        job = self.client.submit("same", [float(i) for i in range(500)])
        found = {future.task: future.result() for future in farm_client.as_completed(job, 60)}
        self.assertEqual(found, {i: float(i) for i in range(500)})
        self.assertEqual(list(self.client.map("same", found.values())), list(found.values()))
        records = list(job.results())
        self.assertEqual([(each.task, each.input, each.result) for each in records], [(i, i, i) for i in range(500)])
        self.assertEqual((job.wait(60), str(job.progress())), ("finished", "500 of 500 done"))

    def test_what_a_task_throws_is_raised(self):
        job = self.client.submit("not_two", [1, 2, 3])
        with self.assertRaises(farm_client.TaskFailed) as caught:
            job.futures[1].result(60)
        error = caught.exception
        self.assertEqual((error.type, error.text), ("std::invalid_argument", "two\nlines"))
        self.assertEqual((error.rank, error.task), (0, f"{job.number}.1"))
        self.assertTrue(error.host)
        self.assertEqual([job.futures[i].result(60) for i in (0, 2)], [1, 3])
        self.assertEqual(job.wait(60), "failed")
        self.assertEqual(
            [each.error and each.error.type for each in job.results()], [None, "std::invalid_argument", None]
        )
        with self.assertRaises(farm_client.TaskFailed):
            list(self.client.map("not_two", [1, 2]))

    def test_a_death_is_an_error_that_names_the_signal(self):
        with self.assertRaisesRegex(farm_client.TaskFailed, "SIGKILL|Killed|signal 9"):
            self.result("killed_by_two", 2, max_losses=1)

    def test_what_cannot_be_meant_is_refused_with_the_nearest_word(self):
        with self.assertRaises(farm_client.BadRequest) as caught:
            self.client.submit("gret", ["x"])
        self.assertEqual(caught.exception.nearest, "greet")
        with self.assertRaisesRegex(farm_client.BadRequest, "expected"):
            self.client.submit("same", ["no number"])
        with self.assertRaises(farm_client.BadRequest) as caught:
            self.client.job(10**9)
        self.assertEqual(caught.exception.status, 404)

    def test_programs_run_with_their_columns(self):
        job = self.client.program(
            ["/bin/sh", "-c", "echo $0 $1; exit $1", "{word}", "{n}"], [{"word": "a b", "n": 0}, ("c", 3)]
        )
        self.assertEqual(job.futures[0].result(60)["status"], 0)
        with self.assertRaisesRegex(farm_client.TaskFailed, "status 3"):
            job.futures[1].result(60)
        self.assertEqual(job.log(0), "a b 0\n")
        self.assertEqual("".join(job.follow()), "a b 0\nc 3\n")
        self.assertEqual(
            self.client.program(["pwd"], directory="/usr", ranks_per_task=2, mpi=False).wait(60), "finished"
        )

    def test_tasks_are_cancelled_while_they_run(self):
        running, waiting = self.client.submit("nap", [600, 600], ranks_per_task=4).futures
        until(running.running)
        self.assertTrue(waiting.cancel())
        self.assertTrue(running.cancel())
        with self.assertRaises(farm_client.TaskCancelled):
            running.result(60)
        self.assertTrue(waiting.cancelled())

    def test_the_progress_of_a_task_is_told(self):
        path = self.server.directory / "go on"
        future = self.client.submit("at_40_percent", [str(path)]).futures[0]
        until(lambda: abs((future.progress() or 0) - 0.4) < 1e-6)
        path.touch()
        self.assertEqual(future.result(60), 40)
        self.assertEqual(future.progress(), 1)

    def test_a_job_is_held_waits_for_others_and_is_retried(self):
        path = self.server.directory / "count"
        first = self.client.submit("fails_until", [(str(path), 2)], hold=True)
        second = self.client.submit("same", [1.0], after=first)
        self.assertEqual((first.state, second.state), ("held", "blocked"))
        self.assertIn("job", second.futures[0].explain())
        self.assertEqual(first.release(), 1)
        self.assertEqual(first.wait(60), "failed")
        failed = first.futures[0]
        self.assertIn("not yet", str(failed.exception(60)))
        self.assertEqual(first.retry(), 1)
        self.assertEqual(first.futures[0].result(60), 2)
        self.assertEqual(first.futures[0].info()["attempts"], 2)

    def test_everything_is_told(self):
        job = self.client.submit("greet", ["you"], name="a name")
        self.assertEqual(job.futures[0].result(60), "hello you")
        self.assertEqual(
            (job.name, job.state, self.client.job(job.number).info()["function"]), ("a name", "finished", "greet")
        )
        self.assertIn(job.number, [each.number for each in self.client.jobs("finished")])
        self.assertIn("greet", [each["name"] for each in self.client.functions()])
        self.assertTrue(self.client.groups())
        events = self.client.events(job)
        job.forget()
        with self.assertRaisesRegex(farm_client.BadRequest, "no job"):
            job.info()
        other = self.client.submit("nap", [0])
        for event in self.client.events(other):
            if event.name == "tasks":
                self.assertEqual(event.data, {"job": other.number, "ended": [[0, "finished"]]})
                break
            self.assertIn(event.name, ("job", "groups", "server"))
            if event.name == "job" and event.data["state"] == "finished":
                break
        events.close()

    def test_a_port_wants_the_token(self):
        address = self.client.server()["listen"][0]
        with farm_client.Client(self.server.directory, server=address) as client:
            self.assertEqual(client.submit("same", [2.5]).futures[0].result(60), 2.5)
        with self.assertRaises(farm_client.BadRequest) as caught:
            farm_client.Client(server=address, token="wrong")
        self.assertEqual(caught.exception.status, 401)


@unittest.skipUnless(h5py, "skipped: arrays: NumPy or h5py is not installed")
class Arrays(WithServer):
    def test_arrays_come_back_as_numpy_arrays(self):
        found = self.result("ramp", (3, 100_000))
        self.assertEqual((found.shape, found.dtype), ((2, 50_000), numpy.float64))
        self.assertTrue(numpy.array_equal(found.ravel(), numpy.arange(3.0, 100_003)))
        small = self.result("ramp", (3, 4))
        self.assertTrue(numpy.array_equal(small, [[3, 4], [5, 6]]))

    def test_numpy_arrays_are_arguments(self):
        field = numpy.random.default_rng(1).random((300, 200))
        self.assertAlmostEqual(self.result("total", field), field.sum() + 2000, 6)
        self.assertEqual(self.result("total", numpy.arange(10.0)[::3]), 1018)
        before = len(list((self.server.directory / "arrays").glob("*.h5")))
        sums = self.client.submit("add", [(float(i), field) for i in range(4)], ranks_per_task=2)
        for i, future in enumerate(sums.futures):
            self.assertTrue(numpy.array_equal(future.result(60), field + i))
        self.assertEqual(len(list((self.server.directory / "arrays").glob("*.h5"))), before + 1)

    def test_a_handle_is_an_argument_of_the_next_task(self):
        handle = self.client.submit("ramp", [(0, 100_000)]).futures[0].handle(60)
        self.assertEqual((handle.shape, handle.dtype), ((2, 50_000), "float64"))
        next_handle = self.client.submit("add", [(1, handle)], ranks_per_task=2).futures[0].handle(60)
        self.assertEqual(self.result("total", next_handle), sum(range(1, 100_001)) + 2000)

    def test_the_wrong_type_of_elements_is_an_error(self):
        with self.assertRaisesRegex(farm_client.FarmError, "float64 were expected, found int64"):
            self.result("total", numpy.arange(3))

    def test_arrays_go_with_their_job(self):
        job = self.client.submit("add", [(1, numpy.arange(100_000.0))])
        file = job.futures[0].handle(60).file
        found = job.futures[0].result()
        kind = job.info()["spec"]
        given = self.server.directory / "arrays" / f"{kind['key']}.h5"
        self.assertTrue(given.exists() and os.path.exists(file))
        job.forget()
        until(lambda: not given.exists() and not os.path.exists(file))
        self.assertEqual(found[99_999], 100_000)

    def test_without_h5py_a_result_is_a_handle(self):
        code = f"""
import sys
sys.modules["h5py"] = sys.modules["numpy"] = None
import farm_client
with farm_client.Client({str(self.server.directory)!r}) as client:
    found = client.submit("ramp", [(0, 100000)]).futures[0].result(60)
    assert isinstance(found, farm_client.ArrayHandle) and found.shape == (2, 50000), found
    assert client.submit("total", [found]).futures[0].result(60) == sum(range(100000)) + 2000
"""
        subprocess.run([sys.executable, "-c", code], check=True, timeout=120)


@unittest.skipUnless(PROGRAM, "skipped: the real server: FARM_PROGRAM names no program")
class Restarts(unittest.TestCase):
    def check(self, is_launched):
        with RealServer(is_launched) as server, server.client() as client:
            gate = server.directory / "gate"
            job = client.submit("when_there", [(str(gate) if i >= 100 else "/", str(i)) for i in range(300)], retries=3)
            some = [job.futures[i] for i in (5, 150, 299)]
            told = []
            for future in some:
                future.add_done_callback(told.append)
            results = {}
            thread = threading.Thread(
                target=lambda: results.update((each.task, each.result()) for each in farm_client.as_completed(job, 200))
            )
            thread.start()
            until(lambda: job.progress().done >= 100)
            for _ in range(2):
                server.kill()
                with self.assertRaises(farm_client.NoServer):
                    client.server()
                if not gate.exists():
                    gate.touch()
                server.start()
                until(lambda: len(results) >= 101)
            thread.join(200)
            self.assertEqual(results, {i: str(i) for i in range(300)})
            self.assertEqual([future.result(60) for future in some], ["5", "150", "299"])
            self.assertEqual(len(told), 3)
            self.assertEqual(job.wait(60), "finished")
            self.assertTrue(all(each.result == str(each.task) for each in job.results()))

    def test_no_end_is_lost_if_launched_groups_outlive_the_server(self):
        self.check(True)

    def test_no_end_is_lost_if_mpiexec_ends_with_the_server(self):
        self.check(False)

    def test_a_submission_outlives_a_restart(self):
        with RealServer() as server, server.client(timeout=60) as client:
            server.kill()
            timer = threading.Timer(0.5, server.start)
            timer.start()
            self.addCleanup(timer.join)
            self.assertEqual(client.submit("same", [1.0, 2.0]).wait(60), "finished")


class Millions(WithServer):
    def test_the_futures_of_a_million_tasks_stay_small(self):
        count = 1_000_000
        job = self.client.submit("nothing", range(count), hold=True)
        tracemalloc.start()
        self.addCleanup(tracemalloc.stop)
        futures = job.futures
        self.assertEqual(len(futures), count)
        last = futures[-1]
        self.assertFalse(last.done())
        self.assertEqual(sum(not future.done() for future in futures[:20_000]), 20_000)
        self.assertLess(tracemalloc.get_traced_memory()[0], 4 << 20)
        tracemalloc.stop()
        self.assertEqual(job.cancel(), count)
        self.assertEqual(job.wait(60), "cancelled")
        with self.assertRaises(concurrent.futures.CancelledError):
            last.result(60)
        done, others = farm_client.wait(job, 120)
        self.assertEqual((len(done), len(others)), (count, 0))
        self.assertTrue(done[123_456].cancelled())
        job.forget()


if __name__ == "__main__":
    unittest.main()
