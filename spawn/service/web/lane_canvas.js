// Draws the lanes that are in view, and lets mouse and keyboard pick them. Nothing here asks the server.
import {laneHeight, strips} from './lanes.js';
import {counted, duration, hosts, plain} from './text.js';
import {isGone} from './state.js';

const axis = 22;
const gap = 4;
const hint = 'Point at a lane, or choose one with the arrow keys, to see what runs there.';

export class LaneCanvas {
  /** `open` is called with (job, task or null) when the user chooses a span. */
  constructor(lanes, open) {
    this.lanes = lanes;
    this.open = open;
    this.box = document.getElementById('lanes');
    this.space = document.getElementById('lanes-space');
    this.canvas = document.getElementById('lanes-canvas');
    this.text = document.getElementById('lane-text');
    this.context = this.canvas.getContext('2d');
    this.seconds = 60;
    this.selected = null; // a number of a group
    this.pointed = null; // {lane, span, x}
    this.names = job => `job ${job}`;
    this.tops = [];
    this.shownList = null;
    this.dirty = true;
    this.drawn = 0; // how often: tests and measurements read it
    this.still = matchMedia('(prefers-reduced-motion: reduce)');
    new ResizeObserver(() => this.resize()).observe(this.box);
    this.box.addEventListener('scroll', () => (this.dirty = true), {passive: true});
    for (const query of ['(prefers-color-scheme: dark)', '(forced-colors: active)']) {
      matchMedia(query).addEventListener('change', () => this.readColours());
    }
    this.box.addEventListener('pointermove', event => this.point(event));
    this.box.addEventListener('pointerleave', () => this.point(null));
    this.box.addEventListener('click', () => this.choose(this.pointed?.span));
    this.box.addEventListener('keydown', event => this.key(event));
    this.box.addEventListener('focus', () => this.select(this.selected ?? this.lanes.list()[0]?.group ?? null));
    this.box.addEventListener('blur', () => this.text.removeAttribute('aria-live'));
    this.text.textContent = hint;
    this.readColours();
    this.resize();
  }

  readColours() {
    const style = getComputedStyle(document.documentElement);
    const colour = name => style.getPropertyValue(name).trim();
    this.colours = {text: colour('--text'), muted: colour('--muted'), line: colour('--line'), panel: colour('--panel'),
                    track: colour('--track'), failed: colour('--failed'), accent: colour('--accent'), onJob: colour('--on-job'),
                    jobs: [1, 2, 3, 4, 5, 6, 7, 8].map(index => colour(`--job-${index}`))};
    this.font = `12px ${getComputedStyle(document.body).fontFamily}`;
    this.dirty = true;
  }

  resize() {
    this.ratio = devicePixelRatio || 1;
    this.width = Math.max(1, this.box.clientWidth);
    this.height = Math.max(1, this.box.clientHeight);
    this.canvas.width = Math.round(this.width * this.ratio);
    this.canvas.height = Math.round(this.height * this.ratio);
    this.canvas.style.width = `${this.width}px`;
    this.canvas.style.height = `${this.height}px`;
    this.label = this.width < 480 ? 76 : 148;
    this.dirty = true;
  }

  /** Lays the lanes out again if there are others than before. */
  layout() {
    const list = this.lanes.list();
    let bottom = axis;
    this.tops.length = list.length;
    list.forEach((lane, index) => {
      this.tops[index] = bottom;
      bottom += laneHeight(lane.ranks) + gap;
    });
    if (this.bottom !== bottom) {
      this.bottom = bottom;
      this.space.style.height = `${bottom}px`;
    }
    return list;
  }

  /** Draws if there is anything new to see at `time`, in the server's seconds. Returns whether it has. */
  draw(time) {
    const ahead = (time - this.time) * ((this.width - this.label) / this.seconds) * this.ratio;
    const due = this.still.matches ? time - this.time >= 1 : ahead >= 1 || ahead < 0;
    if (!this.dirty && !due) return false;
    this.time = time;
    this.dirty = false;
    ++this.drawn;
    const list = this.layout();
    const c = this.context;
    const top = this.box.scrollTop;
    c.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
    c.clearRect(0, 0, this.width, this.height);
    c.font = this.font;
    c.textBaseline = 'middle';
    c.save();
    c.beginPath();
    c.rect(0, axis, this.width, this.height - axis);
    c.clip();
    for (let index = this.at(top + axis); index < list.length && this.tops[index] - top < this.height; ++index) {
      this.drawLane(list[index], this.tops[index] - top);
    }
    c.restore();
    this.drawAxis();
    if (this.pointed || this.selected !== null) this.describe();
    return true;
  }

  /** Returns the index of the lane at a height. */
  at(y) {
    let low = 0;
    let high = this.tops.length;
    while (low + 1 < high) {
      const middle = (low + high) >> 1;
      if (this.tops[middle] <= y) low = middle;
      else high = middle;
    }
    return low;
  }

  x(time) {
    return this.label + (this.width - this.label) * (1 - (this.time - time) / this.seconds);
  }

  drawAxis() {
    const c = this.context;
    c.fillStyle = this.colours.muted;
    c.strokeStyle = this.colours.line;
    const parts = this.width - this.label < 400 ? 2 : 4;
    for (let part = 0; part <= parts; ++part) {
      const x = Math.round(this.label + ((this.width - this.label) * part) / parts) - (part === parts ? 1 : 0) + 0.5;
      c.beginPath();
      c.moveTo(x, axis - 4);
      c.lineTo(x, this.height);
      c.globalAlpha = 0.5;
      c.stroke();
      c.globalAlpha = 1;
      const ago = this.seconds * (1 - part / parts);
      c.textAlign = part === 0 ? 'left' : part === parts ? 'right' : 'center';
      c.fillText(part === parts ? 'now' : ago >= 120 ? `${ago / 60} min ago` : `${ago} s ago`, x, 9);
    }
  }

  drawLane(lane, y) {
    const c = this.context;
    const height = laneHeight(lane.ranks);
    c.globalAlpha = lane.gone ? 0.55 : 1;
    c.fillStyle = this.colours.track;
    c.fillRect(this.label, y, this.width - this.label, height);
    for (let index = lane.spans.length; index-- > 0;) {
      const span = lane.spans[index];
      if (span.to !== null && this.x(span.to) < this.label) break;
      this.drawSpan(span, y, height);
    }
    c.fillStyle = this.colours.panel;
    const count = strips(lane.ranks);
    for (let rank = 1; rank < count; ++rank) c.fillRect(this.label, y + Math.round((height * rank) / count), this.width - this.label, 1);
    for (const span of lane.spans) {
      if (span.to !== null && this.x(span.to) < this.label) continue;
      if (span.end && span.to !== null) this.drawEnd(span, y, height);
      this.drawName(span, y, height);
    }
    this.drawLabel(lane, y, height);
    c.globalAlpha = 1;
    if (lane.group === this.selected) {
      c.strokeStyle = this.colours.accent;
      c.lineWidth = 2;
      c.strokeRect(1, y - 1, this.width - 2, height + 2);
      c.lineWidth = 1;
    }
  }

  drawSpan(span, y, height) {
    const c = this.context;
    const left = Math.max(this.label, this.x(span.from));
    const right = Math.min(this.width, span.to === null ? this.width : this.x(span.to));
    if (right < this.label || left > this.width) return;
    const width = Math.max(1, right - left - (right - left > 4 ? 1 : 0));
    if (span.state === 'starting') {
      c.fillStyle = this.colours.muted;
      c.globalAlpha *= 0.35;
      c.fillRect(left, y + height / 2 - 2, width, 4);
      c.globalAlpha /= 0.35;
      return;
    }
    c.fillStyle = this.colours.jobs[span.job % 8];
    c.fillRect(left, y, width, height);
    if (this.pointed?.span === span) {
      c.fillStyle = this.colours.text;
      c.fillRect(left, y + height - 2, width, 2);
    }
  }

  /** Writes what it is into a span that has room for it. */
  drawName(span, y, height) {
    if (span.job === null) return;
    const left = Math.max(this.label, this.x(span.from));
    const right = span.to === null ? this.width : this.x(span.to);
    const text = span.task === null ? `job ${span.job}` : `${span.job}.${span.task}`;
    if (right - left < 7 * text.length + 8) return; // before the text is measured, which takes longer
    const c = this.context;
    c.textAlign = 'left';
    c.fillStyle = this.colours.onJob;
    c.fillText(text, left + 4, y + height / 2 + 0.5);
  }

  /** Marks a span that did not end well, with a shape too: colour alone does not tell. */
  drawEnd(span, y, height) {
    const x = this.x(span.to);
    if (x < this.label || span.end === 'finished') return;
    const c = this.context;
    c.fillStyle = span.end === 'cancelled' ? this.colours.muted : this.colours.failed;
    c.fillRect(x - 3, y, 3, height);
    c.beginPath();
    c.moveTo(x - 3, y);
    c.lineTo(x - 11, y);
    c.lineTo(x - 3, y + 8);
    c.fill();
  }

  drawLabel(lane, y, height) {
    const c = this.context;
    const middle = y + height / 2;
    c.textAlign = 'left';
    c.fillStyle = this.colours.text;
    const number = String(lane.group);
    c.fillText(number, 6, middle);
    c.fillStyle = this.colours.muted;
    const at = 6 + Math.max(28, c.measureText(number).width + 8);
    const rest = lane.gone ? (lane.state === 'gone' ? 'left' : plain(lane.state)) : this.label < 100 ? `×${lane.ranks}` : `×${lane.ranks} ${hosts(lane.hosts)}`;
    c.save();
    c.beginPath();
    c.rect(at, y, this.label - at - 4, height);
    c.clip();
    c.fillText(rest, at, middle);
    c.restore();
  }

  /** Returns what stands at a place in the view. */
  find(x, y) {
    const list = this.lanes.list();
    if (y < axis || list.length === 0) return null;
    const top = y + this.box.scrollTop;
    const index = this.at(top);
    const lane = list[index];
    if (!lane || top > this.tops[index] + laneHeight(lane.ranks) + gap) return null;
    const time = this.time - this.seconds * (1 - (x - this.label) / (this.width - this.label));
    const reach = (3 * this.seconds) / this.width;
    const span = x < this.label ? lane.spans[lane.spans.length - 1]
                                : [...lane.spans].reverse().find(each => each.from - reach <= time && (each.to === null || each.to + reach >= time));
    return {lane, span: span ?? null};
  }

  point(event) {
    const box = this.box.getBoundingClientRect();
    this.pointed = event ? this.find(event.clientX - box.left, event.clientY - box.top) : null;
    this.box.classList.toggle('picks', Boolean(this.pointed?.span?.job));
    this.describe();
    this.dirty = true;
  }

  choose(span) {
    if (span?.job) this.open(span.job, span.task);
  }

  select(group) {
    this.selected = group;
    this.text.setAttribute('aria-live', 'polite');
    const index = this.lanes.list().findIndex(lane => lane.group === group);
    if (index >= 0) {
      this.layout();
      const height = laneHeight(this.lanes.list()[index].ranks);
      const top = this.tops[index];
      if (top - axis < this.box.scrollTop) this.box.scrollTop = top - axis;
      else if (top + height + gap > this.box.scrollTop + this.height) this.box.scrollTop = top + height + gap - this.height;
    }
    this.said = '';
    this.describe();
    this.dirty = true;
  }

  key(event) {
    const list = this.lanes.list();
    const index = list.findIndex(lane => lane.group === this.selected);
    const steps = {ArrowDown: 1, ArrowUp: -1, PageDown: 10, PageUp: -10, Home: -list.length, End: list.length};
    if (event.key in steps) {
      event.preventDefault();
      const next = Math.max(0, Math.min(list.length - 1, index + steps[event.key]));
      if (list[next]) this.select(list[next].group);
    } else if (event.key === 'Enter' || event.key === ' ') {
      event.preventDefault();
      const spans = list[index]?.spans ?? [];
      this.choose(spans[spans.length - 1]);
    }
  }

  /** Says below the lanes what is pointed at, or selected. */
  describe() {
    const picked = this.pointed ?? (this.selected === null ? null : this.selectedSpan());
    const text = picked ? this.words(picked.lane, picked.span) : hint;
    // A screen reader is told of another task, not of each second that a task has run.
    const key = picked ? `${picked.lane.group} ${picked.lane.state} ${picked.span?.job}.${picked.span?.task}` : '';
    if (key === this.said && (this.text.hasAttribute('aria-live') || Math.abs(this.time - this.saidAt) < 1)) return;
    this.said = key;
    this.saidAt = this.time;
    if (this.text.textContent !== text) this.text.textContent = text;
  }

  selectedSpan() {
    const lane = this.lanes.list().find(each => each.group === this.selected);
    return lane ? {lane, span: lane.spans[lane.spans.length - 1] ?? null} : null;
  }

  words(lane, span) {
    const where = `Group ${lane.group}, ${counted(lane.ranks, 'rank')} on ${hosts(lane.hosts) || 'an unknown host'}`;
    const taken = lane.takenOver ? ', taken over' : '';
    if (isGone(lane) && (!span || span.to < lane.gone - 1)) return `${where}: ${plain(lane.state)}`;
    if (!span) return `${where}${taken}: ${plain(lane.state)}`;
    if (span.state === 'starting') return `${where}: ${span.to === null ? 'starting' : `started in ${duration(span.to - span.from)}`}`;
    const task = span.task === null ? counted(span.tasks, 'task') : `task ${span.job}.${span.task}`;
    const attempt = span.attempt > 1 ? `, attempt ${span.attempt}` : '';
    const ran = duration((span.to ?? this.time) - span.from);
    const end = span.end ? `, ${span.end === 'gone' ? 'then its group left' : span.end}` : span.to === null && lane.progress > 0 ? `, ${Math.round(100 * lane.progress)} %` : '';
    const idle = span.to !== null && !lane.gone && lane.state !== 'running' && !this.pointed ? `; now ${lane.state}` : '';
    return `${where}${taken}: ${task} (${this.names(span.job)})${attempt}, ${span.to === null ? 'for' : 'ran'} ${ran}${end}${idle}`;
  }
}
