// The list of jobs: those that have not ended first, the newest first.
import {endedTasks, hasEnded, shownStates} from './state.js';
import {count, counted, duration, el, jobName, jobWork, rate, setText, stateChip} from './text.js';
import {say} from './actions.js';

const page = 50;
const filters = {all: () => true, active: job => !hasEnded(job.state), failed: job => (job.counts?.failed ?? 0) > 0, ended: job => hasEnded(job.state)};

/** A bar whose parts are the shares of the states of a job's tasks. */
export class Bar {
  constructor() {
    this.parts = Object.fromEntries(shownStates.slice(0, 4).map(state => [state, el('span', {class: state})]));
    this.node = el('div', {class: 'bar', role: 'img'}, ...Object.values(this.parts));
  }

  set(job) {
    const words = [];
    for (const [state, node] of Object.entries(this.parts)) {
      const tasks = job.counts?.[state] ?? 0;
      node.style.width = `${(100 * tasks) / (job.tasks || 1)}%`;
      node.hidden = tasks === 0;
      if (tasks) words.push(`${count(tasks)} ${state}`);
    }
    const label = `${words.join(', ') || 'none has started'}, of ${counted(job.tasks, 'task')}`;
    if (this.label !== label) this.node.setAttribute('aria-label', (this.label = label));
  }
}

/** Returns how a job stands, in words: "412 of 500, 3 failed, 12 per second". */
export function progressWords(job) {
  const words = [`${count(endedTasks(job))} of ${count(job.tasks)}`];
  for (const state of ['failed', 'cancelled', 'held', 'blocked']) if (job.counts?.[state]) words.push(`${count(job.counts[state])} ${state}`);
  if (job.counts?.running) words.push(`${count(job.counts.running)} running`);
  if (!hasEnded(job.state) && job.rate > 0) words.push(`${rate(job.rate)}/s`);
  return words.join(' · ');
}

export function timeWords(job) {
  if (hasEnded(job.state)) return job.started && job.ended ? `took ${duration(job.ended - job.started)}` : '';
  return job.seconds_left !== null && job.seconds_left !== undefined ? `${duration(Math.max(1, Math.round(job.seconds_left)))} left` : '';
}

class Row {
  constructor(job) {
    this.link = el('a', {href: `#job/${job.job}`});
    this.chip = stateChip(job.state);
    this.left = el('span', {class: 'left'});
    this.bar = new Bar();
    this.words = el('span', {class: 'words'});
    this.work = el('span', {class: 'work'});
    this.why = el('p', {class: 'why', hidden: true});
    this.node = el('li', {class: 'job', 'data-job': job.job},
                   el('div', {class: 'line'}, el('span', {class: 'number', text: String(job.job)}), this.link, this.chip, this.left), this.bar.node,
                   el('div', {class: 'line small'}, this.words, this.work), this.why);
    this.set(job);
  }

  set(job) {
    if (this.job === job) return;
    this.job = job;
    setText(this.link, jobName(job));
    setText(this.chip, job.state);
    this.chip.className = `state ${job.state}`;
    setText(this.left, timeWords(job));
    this.bar.set(job);
    setText(this.words, progressWords(job));
    setText(this.work, `${job.name ? `${jobWork(job)} · ` : ''}${counted(job.ranks ?? 1, 'rank')}`);
    setText(this.why, job.why ?? '');
    this.why.hidden = !job.why;
  }
}

export class JobsView {
  constructor(state, chosen) {
    this.state = state;
    this.rows = new Map();
    this.filter = chosen.filter ?? 'all';
    this.limit = page;
    this.list = el('ol', {class: 'jobs', id: 'jobs'});
    this.empty = el('p', {class: 'empty'});
    this.more = el('button', {type: 'button', class: 'more-button', on: {click: () => this.showMore()}});
    this.filters = el('div', {class: 'choices', role: 'group', 'aria-label': 'Jobs shown'});
    this.filterButtons = new Map();
    for (const name of Object.keys(filters)) {
      const node = el('button', {type: 'button', on: {click: () => this.choose(name, chosen)}});
      this.filterButtons.set(name, node);
      this.filters.append(node);
    }
    this.node = el('div', {class: 'view'}, el('div', {class: 'head'}, el('h2', {id: 'panel-title', tabindex: '-1', text: 'Jobs'}), this.filters),
                   el('div', {class: 'scroll'}, this.list, this.empty, this.more));
    this.update();
  }

  get title() {
    return '';
  }

  choose(name, chosen) {
    chosen.filter = this.filter = name;
    this.limit = page;
    this.update();
  }

  async showMore() {
    this.limit += page;
    if (this.limit > this.matching && this.state.oldestJob > 1) {
      try {
        await this.state.loadOlder();
      } catch (error) {
        say(`Not done: ${error.message}`, true);
      }
    }
    this.update();
  }

  update() {
    const all = [...this.state.jobs.values()].sort((a, b) => hasEnded(a.state) - hasEnded(b.state) || b.job - a.job);
    for (const [name, node] of this.filterButtons) {
      setText(node, `${name[0].toUpperCase()}${name.slice(1)} ${count(all.filter(filters[name]).length)}`);
      node.setAttribute('aria-pressed', String(name === this.filter));
    }
    const matching = all.filter(filters[this.filter]);
    this.matching = matching.length;
    const shown = matching.slice(0, this.limit);
    const wanted = new Set(shown.map(job => job.job));
    for (const [number, row] of this.rows) {
      if (wanted.has(number)) continue;
      row.node.remove();
      this.rows.delete(number);
    }
    let before = null;
    for (const job of shown) {
      let row = this.rows.get(job.job);
      if (row) row.set(job);
      else this.rows.set(job.job, (row = new Row(job)));
      const place = before ? before.nextSibling : this.list.firstChild;
      if (place !== row.node) this.list.insertBefore(row.node, place);
      before = row.node;
    }
    this.updateEnd(all.length, matching.length);
  }

  updateEnd(all, matching) {
    this.empty.hidden = matching > 0;
    if (all === 0) setText(this.empty, this.state.connected ? 'There is no job yet. Submit one: farm submit calc 1 2 3 4' : 'Asking the server …');
    else setText(this.empty, this.filter === 'failed' ? 'No task has failed.' : 'There is none.');
    const hidden = matching - this.limit;
    this.more.hidden = hidden <= 0 && this.state.oldestJob <= 1;
    setText(this.more, hidden > 0 ? `Show ${count(Math.min(page, hidden))} more` : 'Show older jobs');
  }
}

