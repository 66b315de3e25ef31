// Begins the page: one state, its views, and one loop that draws what has changed.
import {get, now} from './api.js';
import {Failures} from './failures.js';
import {JobView} from './job_view.js';
import {JobsView} from './jobs_view.js';
import {LaneCanvas} from './lane_canvas.js';
import {Lanes} from './lanes.js';
import {Numbers} from './numbers.js';
import {State, rankCounts} from './state.js';
import {TaskView} from './task_view.js';
import {count, counted, el, jobName, plain, setText, time} from './text.js';

/** The page is brought up to date so often, in milliseconds; lanes move in between. */
const pace = 250;
/** Tasks that ended before the page was opened are asked for if their jobs have no more. */
const mostEarlier = 1000;

const byId = id => document.getElementById(id);
const state = new State();
const lanes = new Lanes();
const canvas = new LaneCanvas(lanes, (job, task) => (location.hash = task === null ? `#job/${job}` : `#task/${job}.${task}`));
const numbers = new Numbers(state);
const failures = new Failures(state);
const chosen = {}; // what the user has chosen in the list of jobs
let view = null;

canvas.names = job => (state.jobs.has(job) ? jobName(state.jobs.get(job)) : `job ${job}`);

function makeSpans() {
  for (const [seconds, text] of [[60, '1 min'], [600, '10 min'], [3600, '1 h']]) {
    const node = el('button', {type: 'button', text, 'aria-pressed': String(seconds === canvas.seconds)});
    node.addEventListener('click', () => {
      canvas.seconds = seconds;
      canvas.dirty = true;
      for (const other of byId('spans').children) other.setAttribute('aria-pressed', String(other === node));
    });
    byId('spans').append(node);
  }
}

/** Shows what the address names: #job/5, #task/5.2, or the list of jobs. */
function route(isFirst) {
  const hash = location.hash;
  if (hash === '#failures') {
    byId('failures-title').scrollIntoView({block: 'nearest'});
    byId('failures-title').focus();
    history.replaceState(null, '', '#');
    return;
  }
  if (hash === '#panel-title') {
    byId('panel-title')?.focus();
    history.replaceState(null, '', '#');
    return;
  }
  const task = hash.match(/^#task\/(\d{1,15})\.(\d{1,15})$/);
  const job = hash.match(/^#job\/(\d{1,15})$/);
  if (task) view = new TaskView(state, Number(task[1]), Number(task[2]));
  else if (job) view = new JobView(state, Number(job[1]));
  else view = new JobsView(state, chosen);
  byId('view').replaceChildren(view.node);
  const trail = [];
  if (task || job) trail.push(el('a', {href: '#', text: 'Jobs'}));
  if (task) trail.push(el('a', {href: `#job/${task[1]}`, text: `Job ${task[1]}`}));
  byId('trail').replaceChildren(...trail);
  byId('trail').hidden = trail.length === 0;
  document.title = view.title ? `${view.title} · farm` : 'farm';
  if (isFirst) return;
  byId('panel-title').focus({preventScroll: true});
  if (byId('panel').getBoundingClientRect().top < 0 || byId('panel').getBoundingClientRect().top > innerHeight / 2) byId('panel').scrollIntoView();
}

function showServer() {
  const {server} = state;
  setText(byId('program'), plain(server.program || 'farm').split('/').pop());
  const words = [server.host ? `on ${plain(server.host)}` : '', plain(server.source ?? ''), server.slots ? plain(typeof server.slots === 'number' ? counted(server.slots, 'slot') : server.slots) : '', server.since ? `since ${time(server.since)}` : ''];
  setText(byId('server'), words.filter(Boolean).join(' · '));
  byId('server').title = `${plain(server.directory ?? '')}, version ${plain(server.version ?? '')}`;
  const notices = [];
  if (server.problem) notices.push(`Problem: ${plain(server.problem)}`);
  if (server.state === 'stopping') notices.push('The server is being stopped. What waits runs under the next one.');
  for (const line of Array.isArray(server.damage) ? server.damage : [server.damage]) if (line) notices.push(`Damage: ${plain(line)}`);
  const node = byId('notices');
  if (node.dataset.shown === notices.join('\n')) return;
  node.dataset.shown = notices.join('\n');
  node.replaceChildren(...notices.map(text => el('p', {text})));
}

function showLink() {
  const link = byId('link');
  setText(link, state.connected ? 'live' : 'not connected');
  link.className = state.connected ? 'on' : 'off';
  const gone = byId('gone');
  gone.hidden = state.connected;
  if (state.connected) return;
  const asOf = state.asOf ? ` What you see is of ${time(state.asOf)}.` : '';
  setText(gone, state.refusal ? `No news: ${plain(state.refusal)}.${asOf}` : `The server does not answer. This page tries again by itself.${asOf}`);
}

function showGroups() {
  const {all, busy} = rankCounts(state.groups);
  setText(byId('groups-count'), state.groups.size ? `${count(state.groups.size)}, with ${counted(all, 'rank')}, ${count(busy)} busy` : state.connected ? 'none has been started yet' : '');
}

/** Fills the lanes with what ran before the page was opened, as far as it is cheap to ask. */
async function addEarlier() {
  const since = now() - canvas.seconds;
  const recent = [...state.jobs.values()].filter(job => job.tasks <= mostEarlier && job.started && (!job.ended || job.ended > since)).slice(-5);
  for (const job of recent) {
    try {
      for (let next = 0; next !== null && next !== undefined;) {
        const answer = await get(`jobs/${job.job}/tasks?from=${next}&limit=500`);
        for (const task of answer.tasks) lanes.addEarlier(task, now());
        next = answer.next;
      }
    } catch {
      return; // the lanes begin empty
    }
  }
  canvas.dirty = true;
}

const dirty = new Set(['server', 'jobs', 'groups', 'link']);

function listen() {
  state.addEventListener('groups', event => {
    lanes.take(event.detail, now());
    numbers.sample();
    canvas.dirty = true;
    dirty.add('groups');
  });
  state.addEventListener('all', () => {
    lanes.take([...state.groups.values()], now(), true);
    view?.touch?.();
    addEarlier();
  });
  state.addEventListener('tasks', event => {
    const {job, ended} = event.detail;
    lanes.end(job, ended);
    if (view instanceof TaskView && view.job === job) view.touch(ended);
    if (view instanceof JobView && view.number === job) view.touch();
  });
  state.addEventListener('job', event => {
    dirty.add('jobs');
    if (view instanceof JobView && view.number === event.detail.job) view.touch();
    if (view instanceof TaskView && view.job === event.detail.job && view.task?.state !== 'running') view.touch();
  });
  for (const kind of ['jobs', 'server', 'link']) state.addEventListener(kind, () => dirty.add(kind));
}

let updatedAt = 0;
let tickedAt = 0;

function frame(at) {
  requestAnimationFrame(frame);
  canvas.draw(state.connected ? now() : state.asOf);
  if (at - updatedAt < pace) return;
  updatedAt = at;
  const has = kind => dirty.has(kind);
  if (has('link')) showLink();
  if (has('server')) showServer();
  if (has('server') || has('groups')) numbers.update();
  if (has('groups')) showGroups();
  if (has('jobs')) failures.update();
  if (has('jobs') || has('link')) view.update();
  dirty.clear();
  view.tick?.();
  if (at - tickedAt < 1000) return;
  tickedAt = at;
  numbers.tick(now());
  lanes.tidy(now(), Math.min(canvas.seconds, 120));
}

// The key of the address has become a cookie: it shall not stay where people see and copy it.
if (new URLSearchParams(location.search).has('key')) history.replaceState(null, '', location.pathname + location.hash);
makeSpans();
listen();
route(true);
addEventListener('hashchange', () => route(false));
addEventListener('keydown', event => {
  if (event.key === 'Escape' && location.hash.length > 1 && !byId('question').open) {
    location.hash = location.hash.startsWith('#task/') ? `#job/${view.job}` : '#';
  }
});
state.start();
requestAnimationFrame(frame);

// For tests and measurements.
window.farmPage = {state, lanes, canvas};
