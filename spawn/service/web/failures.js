// Failures: for each job that has any, the first one with its text and place, and those after it on demand.
import {get} from './api.js';
import {retryButton, say} from './actions.js';
import {count, counted, el, jobName, plain, setText} from './text.js';

const mostJobs = 30;
const page = 20;

/** Returns "std::runtime_error on rank 1, node03". */
export function place(error) {
  const where = [];
  if (error.rank !== null && error.rank !== undefined && error.rank >= 0) where.push(`rank ${error.rank}`);
  if (error.host) where.push(plain(error.host));
  return `${plain(error.type ?? '')}${where.length ? ` on ${where.join(', ')}` : ''}`;
}

function failure(job, task, error) {
  return el('a', {class: 'failure', href: `#task/${job}.${task}`}, el('span', {class: 'name', text: `${job}.${task}`}), el('span', {class: 'text', text: plain(error.text)}),
            el('span', {class: 'place', text: place(error)}));
}

class JobFailures {
  constructor(job) {
    this.number = job.job;
    this.title = el('h3');
    this.first = el('div');
    this.others = el('div', {class: 'others'});
    this.more = el('button', {type: 'button', class: 'plain', on: {click: () => this.showMore()}});
    this.retry = retryButton(job.job);
    this.node = el('article', {class: 'failed-job'}, el('div', {class: 'line'}, this.title, this.more, this.retry), this.first, this.others);
    this.next = 0;
    this.listed = 0;
    this.set(job);
  }

  set(job) {
    if (this.job === job) return;
    const tasks = job.counts?.failed ?? 0;
    const before = this.job;
    this.job = job;
    setText(this.title, `Job ${job.job}, ${jobName(job)}: ${count(tasks)} failed`);
    this.retry.setAttribute('aria-label', `Retry the ${counted(tasks, 'failed task')} of job ${job.job}`);
    const first = job.first_error;
    if (first && JSON.stringify(first) !== JSON.stringify(before?.first_error)) this.first.replaceChildren(failure(job.job, first.task, first));
    if (before && tasks < (before.counts?.failed ?? 0)) this.clear(); // retried
    this.updateMore(tasks);
  }

  clear() {
    this.others.replaceChildren();
    this.next = 0;
    this.listed = 0;
  }

  updateMore(tasks) {
    const left = tasks - Math.max(1, this.listed);
    this.more.hidden = left <= 0;
    setText(this.more, this.listed ? `Show ${count(left)} more` : `Show all ${count(tasks)}`);
  }

  async showMore() {
    this.more.disabled = true;
    try {
      const answer = await get(`jobs/${this.number}/tasks?state=failed&from=${this.next}&limit=${page}`);
      const first = this.job.first_error?.task;
      for (const task of answer.tasks) {
        ++this.listed;
        if (task.task !== first && task.error) this.others.append(failure(this.number, task.task, task.error));
      }
      this.next = answer.next ?? (answer.tasks.length ? answer.tasks[answer.tasks.length - 1].task + 1 : this.next);
      this.updateMore(this.job.counts?.failed ?? 0);
      if (answer.tasks.length === 0) this.more.hidden = true;
    } catch (error) {
      say(`Not done: ${error.message}`, true);
    }
    this.more.disabled = false;
  }
}

export class Failures {
  constructor(state) {
    this.state = state;
    this.list = document.getElementById('failures-list');
    this.countNode = document.getElementById('failures-count');
    this.empty = el('p', {class: 'empty', text: 'No task has failed.'});
    this.list.append(this.empty);
    this.jobs = new Map();
  }

  update() {
    const failed = [...this.state.jobs.values()].filter(job => (job.counts?.failed ?? 0) > 0).sort((a, b) => b.job - a.job);
    const shown = failed.slice(0, mostJobs);
    const wanted = new Set(shown.map(job => job.job));
    for (const [number, entry] of this.jobs) {
      if (wanted.has(number)) continue;
      entry.node.remove();
      this.jobs.delete(number);
    }
    let before = this.empty;
    for (const job of shown) {
      let entry = this.jobs.get(job.job);
      if (entry) entry.set(job);
      else this.jobs.set(job.job, (entry = new JobFailures(job)));
      if (before.nextSibling !== entry.node) this.list.insertBefore(entry.node, before.nextSibling);
      before = entry.node;
    }
    this.empty.hidden = failed.length > 0;
    const tasks = failed.reduce((sum, job) => sum + job.counts.failed, 0);
    setText(this.countNode, failed.length ? `${counted(tasks, 'task')} of ${counted(failed.length, 'job')}${failed.length > mostJobs ? `; the last ${mostJobs} jobs are listed` : ''}` : '');
  }
}
