"""Futures, jobs and submissions against a server that loses what a test wants it to lose."""

import asyncio
import concurrent.futures
import gc
import logging
import math
import os
import pathlib
import tempfile
import threading
import time
import unittest

import farm_client
from scripted_server import ScriptedServer

PROBLEM = {"type": "std::runtime_error", "text": "no convergence", "rank": 1, "host": "a"}


def until(condition, seconds=20):
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError("it has not come to this")
        time.sleep(0.005)


class WithServer(unittest.TestCase):
    def setUp(self):
        logging.getLogger("farm_client").setLevel(logging.CRITICAL)
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.server = ScriptedServer(scratch.name).start()
        self.addCleanup(self.server.stop)
        self.client = farm_client.Client(scratch.name, timeout=10)
        self.addCleanup(self.client.close)

    def follow(self):
        """Waits until the client listens."""
        until(lambda: self.client._listener._is_connected)


class Futures(WithServer):
    def test_a_result_arrives(self):
        future = self.client.submit("f", [1]).futures[0]
        self.assertFalse(future.done())
        with self.assertRaises(concurrent.futures.TimeoutError):
            future.result(0.01)
        self.server.end(1, 0, result="nan")
        self.assertTrue(math.isnan(future.result(20)))
        self.assertTrue(future.done())
        self.assertIsNone(future.exception())
        self.assertEqual(repr(future), "<Future of task 1.0: finished>")

    def test_an_error_is_an_exception(self):
        job = self.client.submit("f", [1, 2])
        failing, cancelled = job.futures
        self.server.end(1, 0, "failed", error=PROBLEM)
        self.server.end(1, 1, "cancelled", error={"type": "", "text": "max_fails"})
        with self.assertRaises(farm_client.TaskFailed) as caught:
            failing.result(20)
        self.assertEqual(str(caught.exception), "task 1.0, rank 1 on a: std::runtime_error: no convergence")
        self.assertIs(failing.exception(), caught.exception)
        with self.assertRaises(farm_client.TaskCancelled):
            cancelled.result(20)
        with self.assertRaises(concurrent.futures.CancelledError):
            cancelled.exception()
        self.assertTrue(cancelled.cancelled())
        self.assertFalse(failing.cancelled())

    def test_what_has_ended_before_is_known(self):
        job = self.server.add_job(range(3))
        self.server.end(job, 1, result=7, tell=False)
        futures = self.client.job(job).futures
        self.assertTrue(futures[1].done())
        self.assertFalse(futures[2].done())
        self.assertEqual(futures[1].result(), 7)
        self.server.end(job, 2, result=8)
        self.assertEqual(futures[2].result(20), 8)

    def test_callbacks_run_although_nobody_holds_the_future(self):
        results = []
        job = self.client.submit("f", range(3))
        for task in range(3):
            job.futures[task].add_done_callback(lambda future: results.append(future.result()))
        del job
        gc.collect()
        self.server.end_all(1, {task: ("finished", task * 1.5, None) for task in range(3)})
        until(lambda: sorted(results) == [0, 1.5, 3])
        self.assertEqual(self.client._listener.pinned, set())
        self.client.job(1).futures[0].add_done_callback(lambda future: results.append("at once"))
        self.assertEqual(results[-1], "at once")

    def test_concurrent_futures_takes_them(self):
        futures = list(self.client.submit("f", range(4)).futures)
        threading.Timer(0.05, self.server.end_all, [1, {i: ("finished", float(i), None) for i in (2, 0)}]).start()
        done, others = concurrent.futures.wait(futures, 20, concurrent.futures.FIRST_COMPLETED)
        self.assertTrue(done <= {futures[0], futures[2]} and done)
        self.server.end_all(1, {1: ("failed", None, PROBLEM), 3: ("finished", 3.0, None)})
        results = [future.exception() or future.result() for future in concurrent.futures.as_completed(futures, 20)]
        self.assertEqual(len(results), 4)
        done, others = farm_client.wait(futures, 20)
        self.assertEqual((len(done), len(others)), (4, 0))

    def test_asyncio_takes_them(self):
        future = self.client.submit("f", [1]).futures[0]

        async def get():
            threading.Timer(0.05, self.server.end, [1, 0, "finished", 4.5]).start()
            return await asyncio.wait_for(asyncio.wrap_future(future), 20)

        self.assertEqual(asyncio.run(get()), 4.5)

    def test_cancel_is_true_if_the_server_cancels(self):
        waiting, ended = self.client.submit("f", [1, 2]).futures
        self.assertTrue(waiting.cancel())
        self.assertTrue(waiting.done() and waiting.cancelled())
        self.server.end(1, 1, result=1)
        until(ended.done)
        self.assertFalse(ended.cancel())

    def test_a_retried_task_has_a_new_future(self):
        job = self.client.submit("f", [1, 2])
        first = job.futures[0]
        self.server.end(1, 0, "failed", error=PROBLEM)
        self.assertIsNotNone(first.exception(20))
        self.assertEqual(job.retry(), 1)
        second = job.futures[0]
        self.assertIsNot(first, second)
        self.assertFalse(second.done())
        self.server.end(1, 0, result=5)
        self.assertEqual(second.result(20), 5)
        self.assertIsNotNone(first.exception())

    def test_a_task_that_somebody_else_retried_is_waited_for(self):
        job = self.client.submit("f", [1])
        future = job.futures[0]
        self.server.end(1, 0, "failed", error=PROBLEM)
        until(future.done)
        with self.server.lock:
            self.server.jobs[1]["tasks"][0].update(state="waiting", error=None)
        threading.Timer(0.05, self.server.end, [1, 0, "finished", 9]).start()
        self.assertEqual(future.result(20), 9)

    def test_a_closed_client_ends_all_waiting(self):
        future = self.client.submit("f", [1]).futures[0]
        threading.Timer(0.05, self.client.close).start()
        with self.assertRaisesRegex(farm_client.FarmError, "the client was closed"):
            future.result(20)

    def test_threads_end_with_their_clients(self):
        before = threading.active_count()
        for _ in range(5):
            with farm_client.Client(self.server.directory) as client:
                client.submit("f", [1]).futures[0].done()
        client = farm_client.Client(self.server.directory)
        client.submit("f", [1]).futures[0].done()
        del client
        gc.collect()
        until(lambda: sum(thread.name == "farm_client" for thread in threading.enumerate()) == 0)
        self.assertGreaterEqual(before, 1)


class Many(WithServer):
    def test_as_completed_yields_each_once_as_it_ends(self):
        job = self.client.submit("f", range(200))
        self.server.end_all(1, {i: ("finished", float(i), None) for i in range(0, 100, 2)})
        futures = farm_client.as_completed(job, 20)
        seen = [next(futures).task for _ in range(50)]
        self.assertEqual(sorted(seen), list(range(0, 100, 2)))
        self.server.end_all(1, {i: ("finished", float(i), None) for i in range(199, 99, -1)})
        self.server.end_all(1, {i: ("failed", None, PROBLEM) for i in range(1, 100, 2)})
        rest = [(future.task, future.exception()) for future in futures]
        self.assertEqual(sorted(seen + [task for task, _ in rest]), list(range(200)))
        self.assertEqual(sum(error is not None for _, error in rest), 50)

    def test_as_completed_has_a_time_limit(self):
        with self.assertRaisesRegex(concurrent.futures.TimeoutError, "1 tasks of job 1 have not ended"):
            list(farm_client.as_completed(self.client.submit("f", [1]), 0.05))

    def test_wait_tells_who_is_done(self):
        futures = self.client.submit("f", range(5)).futures
        self.server.end_all(1, {3: ("failed", None, PROBLEM)})
        done, others = farm_client.wait(futures, 20, farm_client.FIRST_EXCEPTION)
        self.assertEqual([future.task for future in done], [3])
        self.assertEqual([future.task for future in others], [0, 1, 2, 4])
        done, others = farm_client.wait(futures[:3], 0.05)
        self.assertEqual((len(done), len(others)), (0, 3))

    def test_a_part_of_the_futures_is_a_list(self):
        futures = self.client.submit("f", range(10)).futures
        part = futures[2:8:2]
        self.assertEqual([future.task for future in part], [2, 4, 6])
        self.assertIs(futures[-1], futures[9])
        self.assertIn(futures[4], part)
        self.assertNotIn(futures[5], part)
        self.server.end_all(1, {i: ("finished", float(i), None) for i in (4, 5, 2)})
        found = farm_client.as_completed(part, 20)
        self.assertEqual({next(found).task, next(found).task}, {2, 4})

    def test_results_are_fetched_many_at_once(self):
        job = self.client.submit("f", range(3000))
        self.server.end_all(1, {i: ("finished", float(i), None) for i in range(3000)})
        self.assertEqual([future.result(20) for future in job.futures], [float(i) for i in range(3000)])
        self.assertLess(self.server.count("/tasks?from="), 20)

    def test_what_is_too_much_for_one_answer_is_asked_for_in_parts(self):
        job = self.client.submit("f", range(300))
        self.server.largest_page = 3
        self.server.end_all(1, {i: ("finished", float(i), None) for i in range(300)})
        self.assertEqual([future.result(20) for future in job.futures], [float(i) for i in range(300)])
        self.assertEqual([record.result for record in job.results()], [float(i) for i in range(300)])
        self.server.largest_page = 0
        with self.assertRaisesRegex(farm_client.BadRequest, "too much for one answer"):
            list(job.results())

    def test_map_is_in_order_and_cancels_what_is_not_wanted(self):
        results = self.client.map("f", range(4))
        self.server.end_all(1, {i: ("finished", float(i), None) for i in (3, 0)})
        self.assertEqual(next(results), 0)
        self.server.end(1, 1, "failed", error=PROBLEM)
        with self.assertRaises(farm_client.TaskFailed):
            next(results)
        self.assertEqual(self.server.jobs[1]["tasks"][2]["state"], "cancelled")
        with self.assertRaises(concurrent.futures.TimeoutError):
            next(self.client.map("f", [1], wait=0.01))


class Losses(WithServer):
    def test_a_stream_that_breaks_loses_no_end(self):
        futures = list(self.client.submit("f", range(100)).futures)
        self.follow()
        for begin in range(0, 100, 10):
            self.server.cut_streams()
            self.server.end_all(1, {i: ("finished", float(i), None) for i in range(begin, begin + 10)})
        self.assertEqual([future.result(20) for future in futures], list(range(100)))

    def test_a_restart_loses_no_end(self):
        job = self.client.submit("f", range(400))
        some, all_of_them = [job.futures[3], job.futures[7]], []
        thread = threading.Thread(target=lambda: all_of_them.extend(f.task for f in farm_client.as_completed(job, 30)))
        thread.start()
        self.follow()
        self.server.end_all(1, {i: ("finished", float(i), None) for i in range(5)})
        for begin in (5, 205):
            self.server.stop()
            self.server.end_all(1, {i: ("finished", float(i), None) for i in range(begin, begin + 100)}, tell=False)
            self.server.end_all(1, {begin + 100: ("failed", None, PROBLEM)}, tell=False)
            self.server.start()
            self.server.end_all(1, {i: ("finished", float(i), None) for i in range(begin + 101, min(begin + 200, 400))})
        thread.join(30)
        self.assertEqual(sorted(all_of_them), list(range(400)))
        self.assertEqual([future.result(20) for future in some], [3, 7])

    def test_few_futures_of_a_large_job_are_looked_up_one_by_one(self):
        job = self.client.submit("f", range(2000))
        future = job.futures[1500]
        self.follow()
        self.server.stop()
        self.server.end_all(1, {i: ("finished", float(i), None) for i in range(1999)}, tell=False)
        self.server.start()
        self.assertEqual(future.result(20), 1500)
        self.assertEqual(self.server.count("tasks?state="), 0)

    def test_results_wait_for_a_server_that_is_away(self):
        job = self.client.submit("f", [1])
        future = job.futures[0]
        self.server.end(1, 0, result=3)
        until(future.done)
        self.server.stop()
        threading.Timer(0.3, self.server.start).start()
        self.assertEqual(future.result(20), 3)
        self.server.stop()
        with self.assertRaises(farm_client.NoServer):
            self.client.server()
        threading.Timer(0.3, self.server.start).start()
        self.assertEqual(job.wait(20), "finished")

    def test_a_long_absence_is_told(self):
        self.client.submit("f", [1]).futures[0].done()
        self.follow()
        with self.assertLogs("farm_client", "WARNING") as log:
            self.server.stop()
            until(lambda: any("does not answer" in line for line in log.output))
            self.server.start()
            until(lambda: any("answers again" in line for line in log.output))

    def test_a_submission_without_an_answer_is_repeated_and_there_once(self):
        self.server.lose_answers = 3
        job = self.client.submit("f", [1, 2])
        self.assertEqual((job.number, len(job), len(self.server.jobs)), (1, 2, 1))
        self.server.stop()
        threading.Timer(0.3, self.server.start).start()
        self.assertEqual(self.client.submit("f", [1]).number, 2)

    def test_a_forgotten_job_ends_the_waiting(self):
        future = self.client.submit("f", [1]).futures[0]
        self.follow()
        self.server.stop()
        del self.server.jobs[1]
        self.server.start()
        with self.assertRaisesRegex(farm_client.FarmError, "there is no job 1"):
            future.result(20)

    def test_another_job_of_the_same_number_is_not_taken_for_it(self):
        future = self.client.submit("f", [1]).futures[0]
        self.follow()
        future.info()
        until(lambda: self.server.count("GET /api/v1/jobs/1") > 1)
        self.server.stop()
        self.server.jobs[1]["submitted"] = 99
        self.server.start()
        with self.assertRaisesRegex(farm_client.FarmError, "another one now"):
            future.result(20)


class Requests(WithServer):
    def test_a_submission_says_what_was_asked_for(self):
        before = self.client.submit("f", [0])
        kind = {"threads": 3, "gpus": 0, "resources": {"licence": 1}, "timeout": 1.5, "retries": 2, "max_losses": 4}
        kind.update(cache=True, environment={"A": "b"}, directory="/tmp")
        job = {"name": "n", "priority": -1, "hold": True, "max_fails": 5}
        self.client.submit("f", [1], ranks_per_task=2, memory="2GiB", after=before, **kind, **job)
        spec = self.server.jobs[2]["spec"]
        kinds = spec.pop("kinds")
        self.assertEqual(len(spec.pop("key")), 32)
        self.assertEqual(spec, {**job, "after": [1]})
        self.assertEqual(kinds, [{"function": "f", "ranks": 2, "memory": 2 << 30, **kind}])

    def test_a_program_has_the_columns_of_its_inputs(self):
        def kind():
            return self.server.jobs[len(self.server.jobs)]["spec"]["kinds"][0]

        self.client.program(["./solver", "--alpha", "{alpha}"], inputs=[{"alpha": 0.5, "n": 3}], ranks_per_task=4)
        self.assertEqual(
            kind(),
            {
                "command": ["./solver", "--alpha", "{alpha}"],
                "columns": ["alpha", "n"],
                "ranks": 4,
                "directory": os.getcwd(),
            },
        )
        self.client.program(["./solver", "{b}", "{task}", "{a}", "{b}"], inputs=[(1, 2)])
        self.assertEqual(kind()["columns"], ["b", "a"])
        self.client.program([pathlib.Path("/bin/true")], mpi=False, stdout_file="{task}.txt")
        self.assertEqual(
            kind(),
            {
                "command": ["/bin/true"],
                "columns": [],
                "mpi": False,
                "stdout_file": "{task}.txt",
                "directory": os.getcwd(),
            },
        )
        self.assertEqual(self.server.jobs[3]["tasks"][0]["input"], None)

    def test_refusals_are_exceptions(self):
        self.server.refuse = (400, {"error": "there is no function clac", "nearest": "calc"})
        with self.assertRaises(farm_client.BadRequest) as caught:
            self.client.submit("clac", [1])
        self.assertEqual(
            (str(caught.exception), caught.exception.nearest, caught.exception.status),
            ("there is no function clac", "calc", 400),
        )
        self.server.refuse = (507, {"error": "the disk is full", "nearest": None})
        with self.assertRaisesRegex(farm_client.ServerError, "^the disk is full$"):
            self.client.submit("f", [1])
        with self.assertRaisesRegex(farm_client.BadRequest, "there is no job 77"):
            self.client.job(77)
        with self.assertRaisesRegex(ValueError, "at least one input"):
            self.client.submit("f", [])
        with self.assertRaisesRegex(ValueError, "no size of memory"):
            self.client.submit("f", [1], memory="2 parsecs")
        with self.assertRaises(TypeError):
            self.client.submit("f", [1], rank_per_task=2)

    def test_a_job_is_found_and_told(self):
        for _ in range(5):
            self.server.add_job([1, 2])
        self.server.end(3, 0, result=1)
        self.server.end(3, 1, "failed", error=PROBLEM)
        self.assertEqual([job.number for job in self.client.jobs()], [1, 2, 3, 4, 5])
        job = self.client.job(3)
        self.assertEqual((job.state, job.wait(), len(job)), ("failed", "failed", 2))
        self.assertEqual(str(job.progress()), "2 of 2 done, 1 failed")
        first, second = job.results()
        self.assertEqual((first.task, first.input, first.result, first.error), (0, 1, 1.0, None))
        self.assertEqual(str(second.error), "task 3.1, rank 1 on a: std::runtime_error: no convergence")
        self.assertEqual(job.log(), "printed\n")
        self.assertEqual(list(job.follow()), ["printed\n"])

    def test_no_server_is_one_line_that_says_how_to_start_one(self):
        with tempfile.TemporaryDirectory() as empty:
            with self.assertRaisesRegex(
                farm_client.NoServer, f"no server runs in {empty}: start one by 'farm serve --dir {empty}'"
            ):
                farm_client.Client(empty)
        with self.assertRaisesRegex(farm_client.NoServer, "no server answers at localhost:1: "):
            farm_client.Client(server="localhost:1", token="x")
        with self.assertRaisesRegex(ValueError, "'nonsense' is not HOST:PORT"):
            farm_client.Client(server="nonsense", token="x")

    def test_the_directory_is_found_as_the_command_line_finds_it(self):
        saved = dict(os.environ)
        self.addCleanup(lambda: (os.environ.clear(), os.environ.update(saved)))
        find = farm_client.connection.state_directory
        os.environ.update(FARM_DIR="/a", XDG_STATE_HOME="/b", HOME="/c")
        self.assertEqual(str(find("/given")), "/given")
        self.assertEqual(str(find()), "/a")
        del os.environ["FARM_DIR"]
        self.assertEqual(str(find()), "/b/farm")
        del os.environ["XDG_STATE_HOME"]
        self.assertEqual(str(find()), "/c/.local/state/farm")

    def test_a_long_path_to_the_socket_does(self):
        with tempfile.TemporaryDirectory() as scratch:
            deep = pathlib.Path(scratch) / ("d" * 100) / ("e" * 100)
            deep.mkdir(parents=True)
            (deep / "server.sock").symlink_to(self.server.directory / "server.sock")
            with farm_client.Client(deep) as client:
                self.assertEqual(client.server()["version"], "test")

    def test_events_are_told_and_go_on_after_a_break(self):
        events = self.client.events()
        threading.Timer(0.1, self.server.tell, ["groups", {"groups": []}]).start()
        self.assertEqual(next(events)[1:], ("groups", {"groups": []}))
        self.server.cut_streams()
        self.server.tell("server", {"state": "ending"})
        self.assertEqual(next(events)[1:], ("server", {"state": "ending"}))
        self.server.restart()
        self.assertEqual(next(events).name, "reset")


if __name__ == "__main__":
    unittest.main()
