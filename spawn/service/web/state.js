// What the page knows of the server: the server's state is the source, events keep it up to date.
import {get, now, Refused} from './api.js';

const pageOfJobs = 500;
/** At the start, so many jobs are asked for, the newest; older ones when the user wants them. */
const firstJobs = 1000;

export class State extends EventTarget {
  constructor() {
    super();
    this.server = {};
    this.jobs = new Map(); // by number, in the order of numbers
    this.groups = new Map();
    this.oldestJob = 1; // older ones have not been asked for
    this.connected = false;
    this.asOf = 0; // when the last news came
    this.refusal = ''; // why the server does not speak to this page
    this.waiting = null; // events that came while the state was asked for
  }

  /** Begins. Never ends by itself: reconnects. */
  start() {
    this.source = new EventSource('api/v1/events');
    this.source.onopen = () => this.load();
    this.source.onerror = () => this.lost();
    for (const kind of ['job', 'tasks', 'groups', 'server']) {
      this.source.addEventListener(kind, event => this.take(kind, JSON.parse(event.data)));
    }
    this.source.addEventListener('reset', () => this.load());
  }

  lost() {
    if (this.connected) {
      this.connected = false;
      this.tell('link');
    }
    if (this.source.readyState !== EventSource.CLOSED) return; // it tries again by itself
    setTimeout(() => this.start(), 2000);
    get('server').catch(error => {
      this.refusal = error instanceof Refused ? error.message : '';
      this.tell('link');
    });
  }

  /** Asks for everything. What comes meanwhile is taken afterwards: it may be newer or older, and newer comes again. */
  async load() {
    const mine = this.waiting = [];
    try {
      const server = await get('server');
      const groups = await get('groups');
      const jobs = await this.loadJobs(server);
      if (this.waiting !== mine) return; // asked again meanwhile
      this.server = server;
      this.jobs = jobs;
      this.groups = new Map(groups.groups.map(group => [group.group, group]));
    } catch (error) {
      if (this.waiting !== mine) return;
      this.refusal = error instanceof Refused ? error.message : '';
      this.tell('link');
      setTimeout(() => this.waiting === mine && this.load(), 2000);
      return;
    }
    this.waiting = null;
    this.refusal = '';
    this.connected = true;
    this.asOf = now();
    for (const kind of ['link', 'server', 'groups', 'jobs', 'all']) this.tell(kind, kind === 'groups' ? [...this.groups.values()] : null);
    for (const [kind, data] of mine) this.take(kind, data);
  }

  async loadJobs(server) {
    const from = Math.max(1, (server.jobs ?? 0) - firstJobs + 1);
    this.oldestJob = from;
    return this.jobsFrom(from, Infinity);
  }

  async jobsFrom(from, end) {
    const jobs = new Map();
    for (let next = from; next !== null && next !== undefined && next < end;) {
      const answer = await get(`jobs?from=${next}&limit=${pageOfJobs}`);
      for (const job of answer.jobs) if (job.job < end) jobs.set(job.job, job);
      next = answer.next;
    }
    return jobs;
  }

  /** Asks for jobs older than those that are known. */
  async loadOlder() {
    const end = this.oldestJob;
    const from = Math.max(1, end - pageOfJobs);
    const older = await this.jobsFrom(from, end);
    this.oldestJob = from;
    this.jobs = new Map([...older, ...this.jobs]);
    this.tell('jobs');
  }

  take(kind, data) {
    if (this.waiting) {
      this.waiting.push([kind, data]);
      return;
    }
    this.asOf = now();
    if (!this.connected) {
      this.connected = true;
      this.tell('link');
    }
    if (kind === 'job') this.takeJob(data);
    else if (kind === 'groups') data.groups = this.takeGroups(data);
    else if (kind === 'server') Object.assign(this.server, data);
    this.tell(kind, kind === 'groups' ? data.groups : data);
  }

  takeJob(job) {
    if (job.state === 'forgotten') this.jobs.delete(job.job);
    else this.jobs.set(job.job, job);
  }

  /** Takes groups that have changed. Returns them, with those that are there no more. */
  takeGroups(data) {
    const left = (data.gone ?? []).map(number => ({...this.groups.get(number), group: number, state: 'gone', since: null}));
    const groups = [...(data.groups ?? []), ...left];
    for (const group of groups) {
      if (isGone(group)) this.groups.delete(group.group);
      else this.groups.set(group.group, group);
    }
    return groups;
  }

  tell(kind, data) {
    this.dispatchEvent(new CustomEvent(kind, {detail: data}));
  }
}

/** A group that is there has one of these states; whatever else it is called, it is there no more. */
export const isGone = group => !['starting', 'idle', 'running', 'leaving'].includes(group.state);

/** Returns how many ranks there are, and how many of them run a task. */
export function rankCounts(groups) {
  let all = 0;
  let busy = 0;
  for (const group of groups.values()) {
    const ranks = group.ranks ?? 1;
    all += ranks;
    if (group.state === 'running') busy += ranks;
  }
  return {all, busy};
}

/** Returns the counts of a job's tasks in the order in which the page shows them, without zeros. */
export const shownStates = ['finished', 'failed', 'cancelled', 'running', 'waiting', 'held', 'blocked'];

export const hasEnded = state => ['finished', 'failed', 'cancelled'].includes(state);

export const endedTasks = job => ['finished', 'failed', 'cancelled'].reduce((sum, state) => sum + (job.counts?.[state] ?? 0), 0);
