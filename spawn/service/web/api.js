// Speaks to the server. All addresses are relative to the page, so that it works behind a proxy's prefix too.

/** What the server has refused, in one line for people. */
export class Refused extends Error {
  constructor(status, text) {
    super(text);
    this.status = status;
  }
}

let clockOffset = 0;

/** The server's time in seconds since 1970, as far as this browser knows it. */
export const now = () => Date.now() / 1000 + clockOffset;

/** The server's clock may differ from the browser's; its Date header tells whole seconds. */
function compareClocks(response) {
  const date = Date.parse(response.headers.get('date') ?? '');
  if (isNaN(date)) return;
  const offset = date / 1000 + 0.5 - Date.now() / 1000;
  clockOffset = Math.abs(offset) > 2 ? offset : 0;
}

async function answer(response) {
  compareClocks(response);
  if (response.ok) return response;
  let text = '';
  try {
    text = (await response.json()).error ?? '';
  } catch {
    text = '';
  }
  if (response.status === 401 || response.status === 403) {
    text = 'the server does not know this page any more: open the address again that `farm serve --web` has printed';
  }
  throw new Refused(response.status, text || `the server answers ${response.status}`);
}

export async function get(path) {
  return (await answer(await fetch(`api/v1/${path}`, {cache: 'no-store'}))).json();
}

/** Returns text and the offset to go on from. */
export async function getLog(path) {
  const response = await answer(await fetch(`api/v1/${path}`, {cache: 'no-store'}));
  return {text: await response.text(), next: Number(response.headers.get('x-next') ?? 0)};
}

export async function post(path, body) {
  const headers = {'Content-Type': 'application/json'};
  return (await answer(await fetch(`api/v1/${path}`, {method: 'POST', headers, body: JSON.stringify(body ?? {})}))).json();
}
