// What groups have run, as far as this page has seen it: for each group a lane of spans of time.
import {isGone} from './state.js';

/** A lane keeps no more spans, and none that ended before so many seconds. */
const mostSpans = 600;
const longest = 3700;
const mostGone = 50;

/** One group. A span: {from, to (null: still), job, task (null: several), attempt, tasks, end: '', 'failed', 'lost', ...}. */
class Lane {
  constructor(group) {
    this.group = group.group;
    this.spans = [];
    this.gone = null;
    this.tasks = group.tasks ?? 0;
  }

  get open() {
    const last = this.spans[this.spans.length - 1];
    return last && last.to === null ? last : null;
  }

  close(at, end = '') {
    const open = this.open;
    if (!open) return null;
    open.to = Math.max(open.from, at);
    open.end = end || open.end;
    return open;
  }

  /** Makes one span of two neighbours of the same job if their tasks are brief: they could not be told apart anyway. */
  merge() {
    const spans = this.spans;
    if (spans.length >= 2) {
      const [before, last] = spans.slice(-2);
      const brief = span => span.to - span.from < 0.25 * span.tasks;
      const near = last.to - before.from < 6 && last.from - before.to < 0.1;
      if (near && brief(before) && brief(last) && before.job === last.job && before.job !== null && !before.end && !last.end) {
        before.to = last.to;
        before.tasks += last.tasks;
        before.task = null;
        spans.pop();
      }
    }
    if (spans.length > mostSpans) spans.splice(0, spans.length - mostSpans);
  }

  /** Takes what the server tells of the group. Returns the span that it runs now, if it is a new one. */
  take(group, time) {
    this.ranks = group.ranks ?? 1;
    this.hosts = group.hosts;
    this.state = group.state;
    this.takenOver = group.taken_over;
    this.progress = group.progress;
    const since = Math.min(group.since ?? time, time);
    const more = Math.max(0, (group.tasks ?? 0) - this.tasks);
    this.tasks = group.tasks ?? this.tasks;
    if (isGone(group)) {
      this.close(since, group.state);
      this.gone ??= time;
      return null;
    }
    const open = this.open;
    if (group.state === 'running') {
      if (open && open.job === group.job && open.task === group.task && open.attempt === group.attempt) return null;
      this.close(since);
      this.addBetween(since, more, group.job);
      this.merge();
      return this.begin({from: since, job: group.job, task: group.task, attempt: group.attempt});
    }
    if (group.state === 'starting') return open ? null : this.begin({from: since, job: null, task: null, state: 'starting'});
    this.close(since);
    this.merge();
    return null;
  }

  /** Tasks that came and went between two news. */
  addBetween(since, more, job) {
    const last = this.spans[this.spans.length - 1];
    if (more < 2 || !last || last.job !== job || since - last.to > 5) return;
    last.to = since;
    last.tasks += more - 1;
    last.task = null;
  }

  begin(span) {
    const whole = {to: null, attempt: 1, tasks: 1, end: '', ...span};
    this.spans.push(whole);
    return whole;
  }
}

export class Lanes {
  constructor() {
    this.lanes = new Map(); // by group
    this.order = []; // lanes, by number of group
    this.byTask = new Map(); // job -> task -> span: those that run, or have just ended
    this.ordered = true;
  }

  /** Takes groups. `all`: there are no others. */
  take(groups, time, all = false) {
    if (all) {
      const there = new Set(groups.map(group => group.group));
      for (const lane of this.lanes.values()) {
        if (there.has(lane.group) || lane.gone) continue;
        lane.close(time);
        lane.gone = time;
        lane.state = 'gone';
      }
    }
    for (const group of groups) {
      let lane = this.lanes.get(group.group);
      if (!lane) {
        if (isGone(group)) continue;
        lane = new Lane(group);
        this.lanes.set(group.group, lane);
        this.ordered = false;
      }
      const span = lane.take(group, time);
      if (span && span.task !== null) this.remember(span);
    }
  }

  remember(span) {
    if (!this.byTask.has(span.job)) this.byTask.set(span.job, new Map());
    this.byTask.get(span.job).set(span.task, span);
  }

  /** Takes how tasks have ended. */
  end(job, ended) {
    const spans = this.byTask.get(job);
    if (!spans) return;
    for (const [task, state] of ended) {
      const span = spans.get(task);
      if (!span) continue;
      if (state !== 'finished') span.end = state;
      spans.delete(task);
    }
  }

  /** Adds a task that ended before the page was opened. */
  addEarlier(task, time) {
    const lane = this.lanes.get(task.group);
    if (!lane || !task.started || !task.ended || task.ended < time - longest) return;
    const span = {from: task.started, to: task.ended, job: task.job, task: task.task, attempt: task.attempts, tasks: 1,
                  end: task.state === 'finished' ? '' : task.state};
    const at = lane.spans.findIndex(other => other.from >= span.from);
    const next = at < 0 ? null : lane.spans[at];
    if (next && next.from < span.to - 0.01) return; // known already
    if (at < 0 && lane.open) return;
    if (lane.spans.length < mostSpans) lane.spans.splice(at < 0 ? lane.spans.length : at, 0, span);
  }

  /** Forgets what is too old to be shown. Call it now and then. */
  tidy(time, shown) {
    for (const lane of this.lanes.values()) {
      let old = 0;
      while (old < lane.spans.length && lane.spans[old].to !== null && lane.spans[old].to < time - longest) ++old;
      if (old) lane.spans.splice(0, old);
    }
    const gone = [...this.lanes.values()].filter(lane => lane.gone).sort((a, b) => a.gone - b.gone);
    gone.forEach((lane, index) => {
      if (lane.gone > time - shown && index >= gone.length - mostGone) return;
      this.lanes.delete(lane.group);
      this.ordered = false;
    });
    for (const [job, spans] of this.byTask) {
      for (const [task, span] of spans) if (span.to !== null && span.to < time - 10) spans.delete(task);
      if (spans.size === 0) this.byTask.delete(job);
    }
  }

  list() {
    if (!this.ordered) {
      this.order = [...this.lanes.values()].sort((a, b) => a.group - b.group);
      this.ordered = true;
    }
    return this.order;
  }
}

/** How high a lane is, in pixels: a strip for each rank, as long as there is room for them. */
export function laneHeight(ranks) {
  return Math.max(22, Math.min(96, 6 + ranks * 6));
}

/** How many strips a lane of so many ranks is drawn with. */
export const strips = ranks => (ranks <= 30 ? ranks : 1);
