// Makes elements and words. Text of others (names, errors, output) enters the page only as text nodes.
import {now} from './api.js';

/** Returns an element. `props`: attributes; `class`, `on` (an object of listeners) and `text` as their names say. */
export function el(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === 'text') node.textContent = value;
    else if (name === 'on') for (const [event, listener] of Object.entries(value)) node.addEventListener(event, listener);
    else node.setAttribute(name, value === true ? '' : value);
  }
  node.append(...children.filter(child => child !== null && child !== undefined));
  return node;
}

/** Sets the text of a node, if it is another one: an equal text would disturb selections and screen readers. */
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

const sequences = /\u001b(?:\[[0-?]*[ -/]*[@-~]|\][^\u0007\u001b]*(?:\u0007|\u001b\\)?|[@-Z\\-_])/g;
// Control characters except tab and line feed, and those that turn the direction of what follows.
const unseen = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

/** Returns text as it may be shown: without what a terminal would act on, and without what hides or turns text. */
export function plain(text) {
  return String(text ?? '').replace(sequences, '').replace(/\r\n/g, '\n').replace(unseen, '\ufffd');
}

const integers = new Intl.NumberFormat('en', {maximumFractionDigits: 0});

export const count = value => integers.format(value ?? 0);

export const counted = (value, one, many = one + 's') => `${count(value)} ${value === 1 ? one : many}`;

/** Returns a number with three digits or more: 0.12, 3.4, 56, 1,234. */
export function rate(value) {
  if (!(value > 0)) return '0';
  if (value < 0.095) return value.toPrecision(2);
  return value < 9.95 ? value.toFixed(1) : count(Math.round(value));
}

export function duration(seconds) {
  if (seconds === null || seconds === undefined || !isFinite(seconds)) return '';
  if (seconds < 0.0995) return `${rate(Math.max(0, seconds) * 1000)} ms`;
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  if (seconds < 99.5) return `${Math.round(seconds)} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${Math.floor(seconds % 60)} s`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h ${minutes % 60} min` : `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

export function bytes(value) {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];
  let unit = 0;
  while (value >= 999.5 && unit + 1 < units.length) {
    value /= 1024;
    ++unit;
  }
  return `${unit === 0 || value >= 99.5 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}

const clock = new Intl.DateTimeFormat('en-GB', {hour: '2-digit', minute: '2-digit', second: '2-digit'});
const day = new Intl.DateTimeFormat('en-GB', {day: 'numeric', month: 'short'});

/** Returns the time of day, and the day too unless it is today. */
export function time(seconds) {
  if (!seconds) return '';
  const date = new Date(seconds * 1000);
  const today = new Date().toDateString() === date.toDateString();
  return today ? clock.format(date) : `${day.format(date)}, ${clock.format(date)}`;
}

/** Returns a time as an element whose title has it in full. */
export function timeElement(seconds) {
  return el('time', {datetime: new Date(seconds * 1000).toISOString(), title: new Date(seconds * 1000).toString(), text: time(seconds)});
}

/** Returns the hosts in one line, each once. The server sends a list, with a host for each rank, or text. */
export function hosts(value) {
  const list = [...new Set(Array.isArray(value) ? value : String(value ?? '').split(',').filter(Boolean))];
  return plain(list.length > 3 ? `${list.slice(0, 2).join(', ')} and ${list.length - 2} more` : list.join(', '));
}

/** Returns how long a task has run, or runs by now. */
export function taskTime(task) {
  if (!task.started) return '';
  return duration(task.state === 'running' ? Math.max(0, now() - task.started) : task.seconds);
}

/** Returns the name of a job: the user's, else what it runs. */
export function jobName(job) {
  if (job.name) return plain(job.name);
  return plain(job.function ?? (Array.isArray(job.command) ? job.command.join(' ') : job.command) ?? '');
}

export function jobWork(job) {
  return plain(job.function ?? (Array.isArray(job.command) ? job.command.join(' ') : job.command) ?? '');
}

/** Returns the word of a state with its mark. The words stand in the page, so colour is not all that tells. */
export function stateChip(state) {
  return el('span', {class: `state ${state}`, text: state});
}

/** Returns a value of JSON as text in one line, cut at `most` characters. */
export function valueText(value, most = 200) {
  const text = plain(typeof value === 'string' ? value : JSON.stringify(value) ?? '');
  return text.length > most ? `${text.slice(0, most)} …` : text;
}
