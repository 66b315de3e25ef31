// The row of numbers: what the farm does at this moment, with the last minutes as lines.
import {rankCounts} from './state.js';
import {bytes, count, el, rate, setText} from './text.js';

const points = 120; // one each second

class Tile {
  constructor(name, title, {line = false, href = null} = {}) {
    this.value = el('span', {class: 'value', text: '–'});
    this.more = el('span', {class: 'more'});
    const label = el('span', {class: 'label', text: title});
    this.node = el(href ? 'a' : 'div', {class: 'tile', id: `tile-${name}`, href}, label, this.value, this.more);
    if (!line) return;
    this.values = [];
    this.line = document.createElementNS('http://www.w3.org/2000/svg', 'polyline');
    const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
    for (const [key, value] of [['viewBox', `0 0 ${points - 1} 24`], ['preserveAspectRatio', 'none'], ['aria-hidden', 'true']]) svg.setAttribute(key, value);
    svg.append(this.line);
    this.node.append(svg);
  }

  set(text, more = '') {
    setText(this.value, text);
    setText(this.more, more);
  }

  add(value, top = 0) {
    this.values.push(value);
    if (this.values.length > points) this.values.shift();
    const highest = Math.max(top, ...this.values) || 1;
    const first = points - this.values.length;
    this.line.setAttribute('points', this.values.map((each, index) => `${first + index},${(23 - (22 * each) / highest).toFixed(1)}`).join(' '));
  }
}

export class Numbers {
  constructor(state) {
    this.state = state;
    this.tiles = {
      running: new Tile('running', 'Running'),
      waiting: new Tile('waiting', 'Waiting'),
      failed: new Tile('failed', 'Failed', {href: '#failures'}),
      rate: new Tile('rate', 'Tasks per second', {line: true}),
      busy: new Tile('busy', 'Busy ranks', {line: true}),
      ranks: new Tile('ranks', 'Ranks'),
      memory: new Tile('memory', 'Memory'),
      arrays: new Tile('arrays', 'Arrays written', {line: true}),
    };
    this.tiles.memory.node.hidden = this.tiles.arrays.node.hidden = true;
    document.getElementById('numbers').append(...Object.values(this.tiles).map(tile => tile.node));
    this.busy = {sum: 0, count: 0};
    this.arrays = null;
  }

  /** Looks at the groups: the busy share is the mean of what was seen in a second. */
  sample() {
    const {all, busy} = rankCounts(this.state.groups);
    this.busy.sum += all ? busy / all : 0;
    ++this.busy.count;
    this.ranks = all;
  }

  /** Call it once a second. */
  tick(time) {
    const {server, connected} = this.state;
    if (!connected) return;
    this.sample();
    const share = this.busy.sum / this.busy.count;
    this.busy = {sum: 0, count: 0};
    this.tiles.busy.set(this.ranks ? `${Math.round(100 * share)} %` : '–');
    this.tiles.busy.add(share, 1);
    this.tiles.rate.set(rate(server.rate));
    this.tiles.rate.add(server.rate ?? 0);
    this.addArrays(server.arrays, time);
  }

  /** `arrays` is how many bytes tasks have written to arrays, if the server tells it. */
  addArrays(total, time) {
    const tile = this.tiles.arrays;
    tile.node.hidden = typeof total !== 'number';
    if (tile.node.hidden) return;
    if (this.arrays && time > this.arrays.time) {
      const speed = Math.max(0, (total - this.arrays.total) / (time - this.arrays.time));
      tile.set(`${bytes(speed)}/s`);
      tile.add(speed);
    }
    this.arrays = {total, time};
  }

  update() {
    const {server, groups} = this.state;
    const counts = server.counts ?? {};
    this.tiles.running.set(count(counts.running), 'tasks');
    const more = [];
    if (counts.held) more.push(`${count(counts.held)} held`);
    if (counts.blocked) more.push(`${count(counts.blocked)} blocked`);
    this.tiles.waiting.set(count(counts.waiting), more.join(', ') || 'tasks');
    this.tiles.failed.set(count(counts.failed), counts.cancelled ? `${count(counts.cancelled)} cancelled` : 'tasks');
    this.tiles.failed.node.classList.toggle('bad', counts.failed > 0);
    const {all} = rankCounts(groups);
    const most = server.max_ranks > 0 ? ` of ${count(server.max_ranks)}` : '';
    this.tiles.ranks.set(`${count(all)}${most}`, `in ${count(groups.size)} ${groups.size === 1 ? 'group' : 'groups'}`);
    this.tiles.memory.node.hidden = typeof server.memory !== 'number';
    if (typeof server.memory === 'number') this.tiles.memory.set(bytes(server.memory), server.peak_memory ? `peak ${bytes(server.peak_memory)}` : 'of all ranks');
  }
}
