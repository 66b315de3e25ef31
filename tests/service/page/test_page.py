#!/usr/bin/python3
"""test_page.py PROGRAM: tests the web page of `PROGRAM serve --web` in a real browser, as a user works with it."""

import importlib.util
import json
import os
import shutil
import sys
import tempfile
import unittest

for what, missing in (("chromium", not shutil.which("chromium")), ("python3-websocket", not importlib.util.find_spec("websocket"))):
    if missing:
        print(f"skipped: the page in a browser: {what} is not installed; scripts/setup --browser installs it")
        sys.exit(77)

sys.dont_write_bytecode = True
sys.path[:0] = [os.path.dirname(os.path.abspath(__file__)), os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")]
from browser import Browser, until  # noqa: E402
from farm_server import FarmServer  # noqa: E402

PROGRAM = sys.argv.pop(1)
FAILURE = "#failures .failure"


class PageTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.mkdtemp()
        cls.flag = os.path.join(cls.directory, "flag")
        cls.server = FarmServer(PROGRAM, ["--web"], ranks=4, directory=os.path.join(cls.directory, "state"))
        cls.browser = Browser()
        # It fails until there is a file, and prints what would be markup.
        cls.failing = cls.server.submit_script(
            f"echo '<b id=injected>loud</b> {{n}}'; test -e {cls.flag} || {{ echo no such luck >&2; exit 3; }}", 3, name="<i>luck</i>")
        until(lambda: cls.server.job(cls.failing)["state"] == "failed", "the job has failed")
        cls.steady = cls.server.submit_script("echo task {n}; sleep 0.3", 100_000, name="steady")
        cls.held = cls.server.submit_script("true", 60_000, name="many", hold=True)

    @classmethod
    def tearDownClass(cls):
        cls.browser.close()
        cls.server.stop()
        shutil.rmtree(cls.directory, ignore_errors=True)

    def setUp(self):
        self.browser.complaints.clear()
        self.browser.dark(False)
        self.browser.resize(1280)
        self.browser.open(self.server.page)
        self.browser.wait("document.getElementById('link').textContent === 'live'")

    def tearDown(self):
        self.assertEqual(self.browser.complaints, [])

    def see_failed_task(self):
        self.browser.wait("document.querySelector('#view .error-text')?.innerText.includes('3')")
        self.browser.wait("document.querySelector('#log')?.innerText.includes('no such luck')")

    def test_a_failed_task_is_one_click_away_on_a_wide_screen(self):
        self.browser.click(FAILURE)
        self.see_failed_task()

    def test_a_failed_task_is_two_clicks_away_on_a_narrow_screen(self):
        self.browser.resize(320, 640)
        self.browser.click("#tile-failed")
        self.browser.wait("document.activeElement.id === 'failures-title'")
        self.browser.click(FAILURE)
        self.see_failed_task()
        self.browser.wait("(() => { const box = document.getElementById('panel-title').getBoundingClientRect(); return box.top >= 0 && box.top < innerHeight; })()")

    def test_text_of_tasks_never_becomes_markup(self):
        self.browser.click(FAILURE)
        self.browser.wait("document.querySelector('#log')?.textContent.includes('<b id=injected>loud</b>')")
        self.assertFalse(self.browser.evaluate("Boolean(document.querySelector('#injected, #failures i, #view i'))"))
        self.assertIn("<i>luck</i>", self.browser.text("#failures"))
        refused = self.browser.evaluate(
            "(() => { try { document.body.insertAdjacentHTML('beforeend', '<p>x</p>'); return false; } catch { return true; } })()")
        self.assertTrue(refused, "the page's headers must forbid markup from text")
        self.browser.complaints.clear()

    def test_lanes_move(self):
        self.browser.wait("farmPage.lanes.list().some(lane => lane.spans.some(span => span.job === %d))" % self.steady)
        box = self.browser.evaluate("(() => { const b = document.getElementById('lanes').getBoundingClientRect(); return [b.x, b.y, b.width, b.height]; })()")
        before = self.browser.screenshot(box)
        until(lambda: self.browser.screenshot(box) != before, "the lanes look otherwise", 10)
        spans = "farmPage.lanes.list().reduce((sum, lane) => sum + lane.spans.reduce((tasks, span) => tasks + span.tasks, 0), 0)"
        first = self.browser.evaluate(spans)
        until(lambda: self.browser.evaluate(spans) > first + 3, "further tasks are in the lanes")

    def test_pointing_at_a_lane_tells_what_runs_there(self):
        self.browser.wait("farmPage.lanes.list().some(lane => lane.spans.some(span => span.task !== null && span.job === %d))" % self.steady)
        box = self.browser.evaluate("(() => { const b = document.getElementById('lanes').getBoundingClientRect(); return [b.x, b.y, b.width, b.height]; })()")
        self.browser.point(box[0] + 20, box[1] + 40)
        self.browser.wait("document.getElementById('lane-text').textContent.startsWith('Group ')")

    def test_a_reload_in_the_middle_loses_nothing(self):
        self.browser.evaluate(f"location.hash = '#job/{self.steady}'")
        self.browser.wait("document.querySelector('#panel-title').textContent.includes('steady')")
        self.browser.wait("document.querySelectorAll('.tasks tbody tr').length === 25")
        self.browser.wait(f"(farmPage.state.jobs.get({self.steady})?.counts.finished ?? 0) > 3")
        before = self.browser.evaluate(f"farmPage.state.jobs.get({self.steady}).counts.finished")
        self.browser.command("Page.reload")
        self.browser.wait(f"(farmPage.state.jobs.get({self.steady})?.counts.finished ?? 0) >= {before}")
        self.assertIn("steady", self.browser.text("#panel-title"))
        self.assertNotIn("key=", self.browser.evaluate("location.href"))
        known = {each["job"] for each in self.server.get("/api/v1/jobs")["jobs"]}
        self.assertEqual(set(self.browser.evaluate("[...farmPage.state.jobs.keys()]")), known)
        self.browser.wait("farmPage.lanes.list().length > 0")

    def test_retry_runs_failed_tasks_again(self):
        job = self.server.submit_script(f"test -e {self.flag}2 || exit 5", 2, name="second chance")
        self.browser.wait(f"document.querySelector('[href=\"#task/{job}.0\"].failure, [href=\"#task/{job}.1\"].failure')")
        open(self.flag + "2", "w", encoding="ascii").close()
        self.browser.evaluate(
            f"[...document.querySelectorAll('.failed-job')].find(each => each.innerText.includes('Job {job},')).querySelector('button:not(.plain)').id = 'retry-it'")
        self.browser.click("#retry-it")
        until(lambda: self.server.job(job)["state"] == "finished", "the job has finished")
        self.browser.wait(f"![...document.querySelectorAll('.failed-job')].some(each => each.innerText.includes('Job {job},'))")

    def test_cancel_asks_first(self):
        job = self.server.submit_script("sleep 600", 2, name="endless", priority=5)
        self.browser.evaluate(f"location.hash = '#job/{job}'")
        self.browser.wait("document.querySelector('#view .buttons button.danger:not([hidden])')")
        self.browser.click("#view .buttons button.danger")
        self.browser.wait("document.getElementById('question').open")
        self.assertIn("endless", self.browser.text("#question-title"))
        self.browser.press("Escape")
        self.browser.wait("!document.getElementById('question').open")
        self.assertNotEqual(self.server.job(job)["state"], "cancelled")
        self.browser.click("#view .buttons button.danger")
        self.browser.click("#question-yes")
        until(lambda: self.server.job(job)["state"] == "cancelled", "the job is cancelled")
        self.browser.wait("document.querySelector('#view .head .state').textContent === 'cancelled'")

    def test_hold_and_release(self):
        job = self.server.submit_script("sleep 0.1", 500, name="pausing")
        self.browser.evaluate(f"location.hash = '#job/{job}'")
        button = "[...document.querySelectorAll('#view .buttons button:not([hidden])')].find(each => each.textContent === '%s')"
        for word, state in (("Hold", "held"), ("Release", "waiting")):
            self.browser.wait(button % word)
            self.browser.evaluate(f"{button % word}.click()")
            until(lambda s=state: self.server.job(job)["counts"][s] > 0, f"tasks are {state}")
        self.server.post(f"/api/v1/jobs/{job}/cancel")

    def test_a_large_job_is_shown_page_by_page(self):
        self.browser.evaluate(f"location.hash = '#job/{self.held}'")
        first = "document.querySelector('.tasks tbody th')?.innerText"
        self.browser.wait(f"{first} === '0'")
        self.assertEqual(self.browser.evaluate("document.querySelectorAll('.tasks tbody tr').length"), 25)
        self.browser.click(".pages button:nth-child(2)")
        self.browser.wait(f"{first} === '25'")
        self.browser.click(".pages button:nth-child(1)")
        self.browser.wait(f"{first} === '0'")
        self.browser.evaluate("document.getElementById('task-number').focus()")
        self.browser.command("Input.insertText", text="59999")
        self.browser.press("Enter")
        self.browser.wait(f"document.getElementById('panel-title').textContent === 'Task {self.held}.59999'")
        self.browser.wait("document.querySelector('#view .why')?.innerText.length > 0")

    def test_the_keyboard_suffices(self):
        for _ in range(60):
            self.browser.press("Tab")
            if self.browser.evaluate("document.activeElement.id") == "lanes":
                break
        self.browser.wait("document.getElementById('lane-text').textContent.startsWith('Group ')")
        first = self.browser.text("#lane-text").split(",")[0]
        self.browser.wait("farmPage.lanes.list().length > 1")
        self.browser.press("ArrowDown")
        self.browser.wait(f"document.getElementById('lane-text').textContent.split(',')[0] !== {json.dumps(first)}")
        for _ in range(60):
            self.browser.press("Tab")
            if self.browser.evaluate("document.activeElement.classList.contains('failure')"):
                break
        self.browser.press("Enter")
        self.see_failed_task()
        self.assertEqual(self.browser.evaluate("document.activeElement.id"), "panel-title")
        self.browser.press("Tab")
        self.assertTrue(self.browser.evaluate("document.activeElement.textContent.startsWith('Retry')"))
        self.browser.press("Escape")
        self.browser.wait(f"location.hash === '#job/{self.failing}'")
        self.browser.press("Escape")
        self.browser.wait("location.hash === ''")

    def test_everything_fits_from_320_to_1600_pixels(self):
        task = self.browser.wait(f"document.querySelector('{FAILURE}')?.getAttribute('href')")
        for width in (320, 375, 480, 640, 800, 999, 1000, 1280, 1600):
            self.browser.resize(width)
            for place in ("#", f"#job/{self.steady}", task):
                self.browser.evaluate(f"location.hash = '{place}'")
                self.browser.wait("document.querySelector('#view .view')")
                with self.subTest(width=width, place=place):
                    self.assertLessEqual(self.browser.evaluate("document.documentElement.scrollWidth"), width)
                    outside = self.browser.evaluate(
                        "[...document.querySelectorAll('button, input, h1, h2, .tile')].filter(node => { const box = node.getBoundingClientRect();"
                        "return box.width > 0 && !node.closest('.table') && (box.left < -1 || box.right > innerWidth + 1); }).map(node => node.outerHTML)")
                    self.assertEqual(outside, [])

    def test_nothing_is_asked_of_others(self):
        self.browser.click(FAILURE)
        self.see_failed_task()
        origin = f"http://{self.server.address}/"
        self.assertTrue(self.browser.requests)
        self.assertEqual([url for _, url in self.browser.requests if not url.startswith((origin, "data:"))], [])

    def test_without_the_key_there_is_no_page(self):
        self.browser.command("Network.clearBrowserCookies")
        self.browser.open(f"http://{self.server.address}/")
        self.assertFalse(self.browser.evaluate("Boolean(document.getElementById('lanes'))"))
        self.browser.complaints.clear()  # the 401

    def test_zz_a_server_that_dies_is_told_and_its_next_one_is_found(self):
        self.server.kill()
        self.browser.wait("!document.getElementById('gone').hidden && document.getElementById('gone').innerText.includes('does not answer')")
        self.assertEqual(self.browser.text("#link"), "not connected")
        cls = type(self)
        cls.server = FarmServer(PROGRAM, ["--web", "--listen", self.server.address], directory=self.server.directory)
        self.browser.wait("document.getElementById('gone').hidden && document.getElementById('link').textContent === 'live'", 60)
        self.assertIn(self.steady, self.browser.evaluate("[...farmPage.state.jobs.keys()]"))
        self.browser.complaints.clear()  # connections that were refused


if __name__ == "__main__":
    unittest.main(verbosity=2)
