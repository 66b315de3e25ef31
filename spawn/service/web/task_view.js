// One task: its error or result, its attempts, and what it has printed.
import {get, getLog} from './api.js';
import {cancelTaskButton, retryTaskButton} from './actions.js';
import {Buttons, Facts} from './job_view.js';
import {place} from './failures.js';
import {hasEnded} from './state.js';
import {bytes, duration, el, hosts, plain, setText, stateChip, taskTime, timeElement, valueText} from './text.js';

/** So much of a log is shown, its end. Characters. */
const mostLog = 400000;
/** In one go, so many pieces of a log are asked for. */
const mostPieces = 40;

export class TaskView {
  constructor(state, job, task) {
    this.state = state;
    this.job = job;
    this.number = task;
    this.offset = 0;
    this.askedAt = 0;
    this.changed = false;
    this.chip = stateChip('waiting');
    this.chip.hidden = true;
    this.heading = el('h2', {id: 'panel-title', tabindex: '-1', text: `Task ${job}.${task}`});
    this.buttons = new Buttons({retry: retryTaskButton(job, task), cancel: cancelTaskButton(job, task)});
    this.problem = el('p', {class: 'why', text: 'Asking the server …'});
    this.error = el('div', {class: 'error-text', hidden: true});
    this.meter = el('progress', {max: '1', 'aria-label': 'Progress of the task', hidden: true});
    this.facts = new Facts();
    this.attempts = el('tbody');
    const heads = ['Attempt', 'Ended', 'Group', 'Started', 'Time', 'What happened'];
    this.attemptsPart = el('section', {'aria-labelledby': 'attempts-title', hidden: true}, el('h3', {id: 'attempts-title', text: 'Attempts'}),
                           el('div', {class: 'table', tabindex: '0', role: 'group', 'aria-labelledby': 'attempts-title'},
                              el('table', {class: 'tasks'}, el('thead', {}, el('tr', {}, ...heads.map(text => el('th', {scope: 'col', text})))), this.attempts)));
    this.log = el('pre', {id: 'log', tabindex: '0', role: 'group', 'aria-labelledby': 'log-title'});
    this.logNote = el('p', {class: 'muted'});
    const logPart = el('section', {'aria-labelledby': 'log-title'}, el('h3', {id: 'log-title', text: 'Log'}), this.logNote, this.log);
    this.node = el('div', {class: 'view'}, el('div', {class: 'head'}, this.heading, this.chip),
                   el('div', {class: 'scroll'}, this.buttons.node, this.problem, this.error, this.meter, this.facts.node, this.attemptsPart, logPart));
    for (const name of ['retry', 'cancel']) this.buttons.show(name, false);
    this.ask();
  }

  get title() {
    return `task ${this.job}.${this.number}`;
  }

  async ask() {
    const path = `jobs/${this.job}/tasks/${this.number}`;
    this.asking = true;
    this.changed = false;
    this.askedAt = performance.now();
    try {
      const task = await get(path);
      const why = hasEnded(task.state) || task.started ? '' : (await get(`${path}/explain`)).why;
      this.show(task, why ?? '');
      await this.askLog();
    } catch (error) {
      setText(this.problem, error.message);
      this.problem.hidden = false;
    }
    this.asking = false;
  }

  async askLog() {
    for (let piece = 0; piece < mostPieces; ++piece) {
      const {text, next} = await getLog(`jobs/${this.job}/log?task=${this.number}&from=${this.offset}`);
      if (text === '' || !(next > this.offset)) break;
      this.offset = next;
      this.addLog(plain(text));
    }
    setText(this.logNote, this.log.textContent === '' ? 'Nothing was printed.' : this.cut ? `The beginning is left out; see it with: farm job log ${this.job} --task ${this.number}` : '');
    this.logNote.hidden = this.logNote.textContent === '';
    this.log.hidden = this.log.textContent === '';
  }

  addLog(text) {
    const atEnd = this.log.scrollHeight - this.log.scrollTop - this.log.clientHeight < 30;
    this.log.hidden = false;
    this.log.append(text);
    let length = this.log.textContent.length;
    while (length > mostLog && this.log.childNodes.length > 1) {
      length -= this.log.firstChild.length;
      this.log.firstChild.remove();
      this.cut = true;
    }
    if (atEnd) this.log.scrollTop = this.log.scrollHeight;
  }

  show(task, why) {
    this.task = task;
    setText(this.heading, `Task ${this.job}.${this.number}${task.name ? `, ${plain(task.name)}` : ''}`);
    setText(this.chip, task.state);
    this.chip.className = `state ${task.state}`;
    this.chip.hidden = false;
    this.buttons.show('retry', task.state === 'failed' || task.state === 'cancelled');
    this.buttons.show('cancel', !hasEnded(task.state));
    setText(this.problem, why ? plain(why) : '');
    this.problem.hidden = !why;
    this.error.hidden = !task.error;
    if (task.error) {
      const text = plain(task.error.text);
      const where = place(task.error);
      if (this.error.textContent !== text + where) this.error.replaceChildren(el('pre', {class: 'text', text}), el('p', {class: 'place', text: where}));
    }
    this.meter.hidden = !(task.progress > 0); // of one that tells none, it is 0
    if (!this.meter.hidden) this.meter.value = task.progress;
    this.showFacts(task);
    this.showAttempts(task.history ?? []);
  }

  showFacts(task) {
    this.facts.set('Input', task.input === undefined || task.input === null ? null : valueText(task.input, 4000));
    this.facts.set('Result', task.state === 'finished' ? valueText(task.result, 4000) : null);
    this.facts.set('Where', task.group ? `group ${task.group}${hosts(task.hosts) ? ` on ${hosts(task.hosts)}` : ''}` : null);
    this.facts.set('Started', task.started ? timeElement(task.started) : null);
    this.facts.set('Ended', task.ended && hasEnded(task.state) ? timeElement(task.ended) : null);
    this.facts.set('Time', taskTime(task) || null);
    this.facts.set('Peak memory', task.peak_memory ? bytes(task.peak_memory) : null);
    this.facts.set('Needs', task.needs?.length ? task.needs.map(each => `task ${this.job}.${each}`).join(', ') : null);
  }

  showAttempts(history) {
    this.attemptsPart.hidden = history.length === 0;
    const rows = history.map(each => {
      const ran = each.started && each.ended ? duration(each.ended - each.started) : '';
      const where = each.group ? `${each.group}${hosts(each.hosts) ? ` on ${hosts(each.hosts)}` : ''}` : '';
      return [String(each.attempt ?? ''), plain(each.state ?? ''), where, each.started ? timeElement(each.started).textContent : '', ran, plain(each.text ?? each.error?.text ?? '')];
    });
    const text = JSON.stringify(rows);
    if (this.shownAttempts === text) return;
    this.shownAttempts = text;
    this.attempts.replaceChildren(...rows.map(row => el('tr', {}, ...row.map((cell, index) => el(index ? 'td' : 'th', {scope: index ? null : 'row', class: index === 5 ? 'long' : null, text: cell})))));
  }

  touch(tasks) {
    if (!tasks || tasks.some(([task]) => task === this.number)) this.changed = true;
  }

  tick() {
    if (this.asking) return;
    const runs = this.task && !hasEnded(this.task.state);
    const wait = this.changed ? 250 : runs ? 1000 : Infinity;
    if (performance.now() - this.askedAt > wait) this.ask();
  }

  update() {}
}
