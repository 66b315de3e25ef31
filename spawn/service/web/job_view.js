// One job: how it stands, what the user may do with it, and its tasks, a page at a time.
import {get} from './api.js';
import {cancelButton, holdButton, releaseButton, retryButton} from './actions.js';
import {Bar, progressWords, timeWords} from './jobs_view.js';
import {place} from './failures.js';
import {hasEnded, shownStates} from './state.js';
import {count, counted, duration, el, hosts, jobName, jobWork, plain, setText, stateChip, taskTime, timeElement, valueText} from './text.js';

const page = 25;

/** A list of facts. Only facts that are there have a row. */
export class Facts {
  constructor() {
    this.node = el('dl', {class: 'facts'});
    this.rows = new Map();
  }

  /** `content`: text, a node, or null. */
  set(name, content) {
    let row = this.rows.get(name);
    if (!row) {
      row = {title: el('dt', {text: name}), value: el('dd')};
      this.rows.set(name, row);
      this.node.append(row.title, row.value);
    }
    const isThere = content !== null && content !== undefined && content !== '';
    row.title.hidden = row.value.hidden = !isThere;
    if (!isThere) return;
    if (content instanceof Node) {
      if (row.value.textContent !== content.textContent) row.value.replaceChildren(content);
    } else {
      setText(row.value, content);
    }
  }
}

/** Shows those of some buttons that make sense now, without moving the focus. */
export class Buttons {
  constructor(nodes) {
    this.nodes = nodes;
    this.node = el('div', {class: 'buttons'}, ...Object.values(nodes));
  }

  show(name, isShown) {
    this.nodes[name].hidden = !isShown;
  }
}

export class JobView {
  constructor(state, number) {
    this.state = state;
    this.number = number;
    this.filter = '';
    this.starts = [0]; // of the pages up to the one that is shown
    this.next = null;
    this.askedAt = 0;
    this.chip = stateChip('waiting');
    this.heading = el('h2', {id: 'panel-title', tabindex: '-1', text: `Job ${number}`});
    this.buttons = new Buttons({
      retry: retryButton(number, 'Retry failed'),
      hold: holdButton(number),
      release: releaseButton(number),
      cancel: cancelButton(number, () => this.describe()),
    });
    this.bar = new Bar();
    this.words = el('p', {class: 'line small'});
    this.why = el('p', {class: 'why', hidden: true});
    this.error = el('a', {class: 'failure', hidden: true});
    this.facts = new Facts();
    this.body = el('div', {class: 'scroll'}, this.buttons.node, this.bar.node, this.words, this.why, this.error, this.facts.node, this.makeTasks());
    this.node = el('div', {class: 'view'}, el('div', {class: 'head'}, this.heading, this.chip), this.body);
    this.update();
    this.ask();
  }

  get title() {
    return `job ${this.number}`;
  }

  makeTasks() {
    this.filters = el('div', {class: 'choices', role: 'group', 'aria-label': 'Tasks shown'});
    this.filterButtons = new Map();
    for (const name of ['', ...shownStates]) {
      const node = el('button', {type: 'button', on: {click: () => this.choose(name)}});
      this.filterButtons.set(name, node);
      this.filters.append(node);
    }
    this.rows = el('tbody');
    const heads = ['Task', 'State', 'Time', 'Attempts', 'Where', 'Input', 'Result or error'];
    this.table = el('table', {class: 'tasks'}, el('caption', {class: 'unseen', text: `Tasks of job ${this.number}`}),
                    el('thead', {}, el('tr', {}, ...heads.map(text => el('th', {scope: 'col', text})))), this.rows);
    this.empty = el('p', {class: 'empty', hidden: true, text: 'There is none.'});
    this.back = el('button', {type: 'button', text: 'Previous', on: {click: () => this.turn(-1)}});
    this.forth = el('button', {type: 'button', text: 'Next', on: {click: () => this.turn(1)}});
    this.wanted = el('input', {type: 'number', min: '0', step: '1', inputmode: 'numeric', id: 'task-number'});
    const go = el('form', {class: 'go', on: {submit: event => this.go(event)}}, el('label', {for: 'task-number', text: 'Task number'}), this.wanted, el('button', {text: 'Go'}));
    return el('section', {class: 'tasks-part', 'aria-labelledby': 'tasks-title'}, el('h3', {id: 'tasks-title', text: 'Tasks'}), this.filters,
              el('div', {class: 'table', tabindex: '0', role: 'group', 'aria-labelledby': 'tasks-title'}, this.table), this.empty, el('div', {class: 'pages'}, this.back, this.forth, go));
  }

  describe() {
    const counts = this.state.jobs.get(this.number)?.counts ?? {};
    const others = (counts.waiting ?? 0) + (counts.blocked ?? 0) + (counts.held ?? 0);
    return {name: jobName(this.job ?? {}), running: counts.running ?? 0, others};
  }

  choose(filter) {
    this.filter = filter;
    this.starts = [0];
    this.ask();
    this.update();
  }

  turn(by) {
    if (by < 0) this.starts.pop();
    else if (this.next !== null) this.starts.push(this.next);
    if (this.starts.length === 0) this.starts = [0];
    this.ask();
  }

  go(event) {
    event.preventDefault();
    const task = Number(this.wanted.value);
    if (this.wanted.value === '' || !(task >= 0 && task < (this.job?.tasks ?? 0))) return;
    location.hash = `#task/${this.number}.${task}`;
  }

  /** Asks for the tasks that are shown, and for the job if it is not among those that are known. */
  async ask() {
    const asked = (this.asking = {});
    this.askedAt = performance.now();
    try {
      if (!this.spec) {
        const job = await get(`jobs/${this.number}`);
        this.spec = job.spec ?? {};
        if (!this.state.jobs.has(this.number)) this.state.jobs.set(this.number, job);
      }
      const from = this.starts[this.starts.length - 1];
      const answer = await get(`jobs/${this.number}/tasks?${this.filter ? `state=${this.filter}&` : ''}from=${from}&limit=${page}`);
      if (asked !== this.asking) return;
      this.next = answer.next ?? null;
      this.showTasks(answer.tasks);
      this.problem = '';
    } catch (error) {
      if (asked !== this.asking) return;
      this.problem = error.message;
    }
    this.asking = null;
    this.changed = false;
    this.update();
  }

  showTasks(tasks) {
    const rows = [...this.rows.children];
    tasks.forEach((task, index) => {
      const row = rows[index] ?? this.rows.appendChild(el('tr', {}, el('th', {scope: 'row'}, el('a')), ...Array.from({length: 6}, () => el('td'))));
      const [name, state, took, attempts, where, input, result] = row.children;
      name.firstChild.setAttribute('href', `#task/${this.number}.${task.task}`);
      setText(name.firstChild, task.name ? `${task.task} ${plain(task.name)}` : String(task.task));
      if (state.textContent !== task.state) state.replaceChildren(stateChip(task.state));
      setText(took, taskTime(task));
      setText(attempts, task.attempts ? String(task.attempts) : '');
      setText(where, task.group ? `group ${task.group}, ${hosts(task.hosts)}` : '');
      setText(input, task.input === undefined || task.input === null ? '' : valueText(task.input, 100));
      setText(result, task.error ? valueText(task.error.text, 160) : task.state === 'finished' ? valueText(task.result, 160) : task.progress ? `${Math.round(100 * task.progress)} %` : '');
      result.className = task.error ? 'error' : '';
    });
    rows.slice(tasks.length).forEach(row => row.remove());
    this.empty.hidden = tasks.length > 0;
    this.table.hidden = tasks.length === 0;
  }

  /** Some tasks of the job have ended, or the job has changed. */
  touch() {
    this.changed = true;
  }

  /** Call it now and then: asks again if anything has changed, once a second at most. */
  tick() {
    const runs = (this.job?.counts?.running ?? 0) > 0;
    if ((this.changed || runs) && !this.asking && performance.now() - this.askedAt > 1000) this.ask();
  }

  update() {
    const job = (this.job = this.state.jobs.get(this.number));
    if (!job) {
      setText(this.words, this.problem || 'Asking the server …');
      for (const name of Object.keys(this.buttons.nodes)) this.buttons.show(name, false);
      return;
    }
    const counts = job.counts ?? {};
    setText(this.heading, `Job ${job.job}, ${jobName(job)}`);
    setText(this.chip, job.state);
    this.chip.className = `state ${job.state}`;
    this.bar.set(job);
    setText(this.words, this.problem || [progressWords(job), timeWords(job)].filter(Boolean).join(' · '));
    setText(this.why, job.why ?? '');
    this.why.hidden = !job.why;
    this.updateButtons(job, counts);
    this.updateError(job.first_error);
    this.updateFacts(job);
    for (const [name, node] of this.filterButtons) {
      const tasks = name ? counts[name] ?? 0 : job.tasks;
      node.hidden = name !== '' && tasks === 0 && name !== this.filter;
      setText(node, `${name ? name[0].toUpperCase() + name.slice(1) : 'All'} ${count(tasks)}`);
      node.setAttribute('aria-pressed', String(name === this.filter));
    }
    this.back.disabled = this.starts.length < 2;
    this.forth.disabled = this.next === null;
    this.wanted.max = String(Math.max(0, job.tasks - 1));
  }

  updateButtons(job, counts) {
    const again = (counts.failed ?? 0) + (counts.cancelled ?? 0);
    this.buttons.show('retry', again > 0);
    setText(this.buttons.nodes.retry, counts.failed && counts.cancelled ? `Retry ${count(again)} failed and cancelled` : counts.cancelled ? `Retry ${count(again)} cancelled` : `Retry ${count(again)} failed`);
    this.buttons.show('hold', (counts.waiting ?? 0) > 0);
    this.buttons.show('release', (counts.held ?? 0) > 0);
    this.buttons.show('cancel', !hasEnded(job.state));
  }

  updateError(error) {
    this.error.hidden = !error;
    if (!error) return;
    this.error.setAttribute('href', `#task/${this.number}.${error.task}`);
    const text = `${this.number}.${error.task}${error.text}${place(error)}`;
    if (this.error.dataset.shown === text) return;
    this.error.dataset.shown = text;
    this.error.replaceChildren(el('span', {class: 'name', text: `${this.number}.${error.task}`}), el('span', {class: 'text', text: plain(error.text)}), el('span', {class: 'place', text: place(error)}));
  }

  updateFacts(job) {
    this.facts.set('Runs', `${jobWork(job)}, on ${counted(job.ranks ?? 1, 'rank')}`);
    this.facts.set('Submitted', timeElement(job.submitted));
    this.facts.set('Started', job.started ? timeElement(job.started) : null);
    this.facts.set('Ended', job.ended ? timeElement(job.ended) : null);
    this.facts.set('Priority', job.priority ? String(job.priority) : null);
    this.facts.set('After', job.after?.length ? job.after.map(each => `job ${each}`).join(', ') : null);
    const kind = this.spec?.kinds?.[0] ?? this.spec;
    if (!kind) return;
    this.facts.set('Needs', [kind.threads ? counted(kind.threads, 'thread') : '', kind.gpus ? counted(kind.gpus, 'GPU') : '', kind.memory ? valueText(kind.memory) + ' bytes' : ''].filter(Boolean).join(', '));
    this.facts.set('Limits', [kind.timeout ? `${duration(kind.timeout)} for each task` : '', kind.retries ? counted(kind.retries, 'retry', 'retries') : '', this.spec.max_fails ? `ends after ${counted(this.spec.max_fails, 'failure')}` : ''].filter(Boolean).join(', '));
    this.facts.set('Directory', kind.directory ? plain(kind.directory) : null);
  }
}
