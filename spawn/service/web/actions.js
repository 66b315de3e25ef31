// What the user may do: each is one request, asked first where it destroys work, and its end is said.
import {post} from './api.js';
import {counted, el} from './text.js';

/** Asks a question in a dialog. Returns whether the answer is yes. */
export function ask(title, text, yes, no) {
  const dialog = document.getElementById('question');
  document.getElementById('question-title').textContent = title;
  document.getElementById('question-text').textContent = text;
  const yesButton = document.getElementById('question-yes');
  const noButton = document.getElementById('question-no');
  yesButton.textContent = yes;
  noButton.textContent = no;
  return new Promise(resolve => {
    yesButton.onclick = () => dialog.close('yes');
    noButton.onclick = () => dialog.close('no');
    dialog.onclose = () => resolve(dialog.returnValue === 'yes');
    dialog.returnValue = 'no';
    dialog.showModal();
    noButton.focus();
  });
}

let fading = 0;

/** Says something for some seconds, to the eye and to screen readers. */
export function say(text, isBad = false) {
  const node = document.getElementById('spoken');
  node.textContent = text;
  node.className = isBad ? 'bad' : '';
  clearTimeout(fading);
  fading = setTimeout(() => {
    node.className = 'unseen';
    node.textContent = '';
  }, isBad ? 12000 : 5000);
}

async function run(button, path, body, done) {
  button.disabled = true;
  try {
    const answer = await post(path, body);
    say(done(answer.tasks ?? 0));
  } catch (error) {
    say(`Not done: ${error.message}`, true);
  } finally {
    button.disabled = false;
  }
}

function button(text, action, isDanger = false) {
  const node = el('button', {type: 'button', class: isDanger ? 'danger' : '', text});
  node.addEventListener('click', () => action(node));
  return node;
}

export const retryButton = (job, text = 'Retry') =>
  button(text, node => run(node, `jobs/${job}/retry`, {}, tasks => `${counted(tasks, 'task')} of job ${job} will run again.`));

export const retryTaskButton = (job, task) =>
  button('Retry', node => run(node, `jobs/${job}/retry`, {tasks: String(task)},
                              tasks => (tasks ? `Task ${job}.${task} will run again.` : `Task ${job}.${task} does not need to run again.`)));

export const holdButton = job =>
  button('Hold', node => run(node, `jobs/${job}/hold`, {}, tasks => `${counted(tasks, 'task')} of job ${job} are held.`));

export const releaseButton = job =>
  button('Release', node => run(node, `jobs/${job}/release`, {}, tasks => `${counted(tasks, 'task')} of job ${job} were released.`));

/** `describe` returns the job as it is now. */
export const cancelButton = (job, describe) =>
  button('Cancel …', async node => {
    const {name, running, others} = describe();
    const parts = [];
    if (running) parts.push(running === 1 ? 'One task runs and is ended.' : `${counted(running, 'task')} run and are ended.`);
    if (others) parts.push(others === 1 ? 'One task does not start.' : `${counted(others, 'task')} do not start.`);
    parts.push('Results that are there stay. Cancelled tasks can be retried.');
    if (await ask(`Cancel job ${job}, ${name}?`, parts.join(' '), 'Cancel the job', 'Let it run')) {
      await run(node, `jobs/${job}/cancel`, {}, tasks => `${counted(tasks, 'task')} of job ${job} were cancelled.`);
    }
  }, true);

export const cancelTaskButton = (job, task) =>
  button('Cancel …', async node => {
    if (await ask(`Cancel task ${job}.${task}?`, 'If it runs, it is ended. It can be retried.', 'Cancel the task', 'Let it run')) {
      await run(node, `jobs/${job}/cancel`, {tasks: String(task)},
                tasks => (tasks ? `Task ${job}.${task} was cancelled.` : `Task ${job}.${task} had ended already.`));
    }
  }, true);
