/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The flame graph on a canvas. The canvas is as large as what is in sight; the box around it
 * scrolls over the full depth. What is drawn is remembered for hit tests, so a frame that can be
 * pointed at is one that can be seen.
 */

const ROW = 19;
const FLAME_FONT = '12px system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif';
const ZOOM_MS = 220;

class FlameGraph {
	/* owner: {state, tree(), palette(), onSelect(node), onZoom(node),
	 * onHover(node, event), onView()} */
	constructor(owner) {
		this.owner = owner;
		this.canvas = el('canvas', { class: 'flame-canvas', 'aria-hidden': 'true' });
		this.spacer = el('div', { class: 'flame-spacer' });
		this.element = el('div', { class: 'flame', tabindex: '0', role: 'group',
			'aria-label': 'Flame graph: arrows move, Enter zooms, Escape zooms out, ? lists all keys' },
		this.canvas, this.spacer);
		this.context = this.canvas.getContext('2d');
		this.measure = new TextMeasure(this.context, FLAME_FONT);
		this.zoomNode = 0;
		this.selected = 0;
		this.hovered = -1;
		this.view = [0, 1];
		this.history = [];
		this.drawn = { n: 0, node: new Int32Array(1024), x: new Float64Array(1024), w: new Float64Array(1024),
			row: new Int32Array(1024) };
		this.drawMs = 0;
		this.listen();
	}

	listen() {
		const { element } = this;

		element.addEventListener('scroll', () => this.schedule(), { passive: true });
		element.addEventListener('pointermove', e => this.pointerMove(e));
		element.addEventListener('pointerleave', () => this.hover(-1));
		element.addEventListener('pointerdown', e => this.pointerDown(e));
		element.addEventListener('click', e => this.click(e));
		element.addEventListener('wheel', e => this.wheel(e), { passive: false });
		new ResizeObserver(() => this.resize()).observe(element);
	}

	/* The shape or the values are new. */
	reset(keepZoom) {
		if (!keepZoom) {
			this.zoomNode = this.selected = 0;
			this.history = [];
			this.hovered = -1;
		}
		this.stopAnimation();
		this.view = this.rangeOf(this.zoomNode);
		this.resize();
	}

	/* [start, end) of a node as parts of the whole; the whole where a filter has emptied it. */
	rangeOf(node) {
		const tree = this.owner.tree(), whole = tree.total[0];

		if (!whole || !tree.total[node])
			return [0, 1];
		return [tree.start[node] / whole, (tree.start[node] + tree.total[node]) / whole];
	}

	resize() {
		const width = this.element.clientWidth, height = this.element.clientHeight;
		const rows = this.owner.tree().maxDepth + 1;
		const wasAtEnd = this.atRoot(), content = Math.max(height, rows * ROW + 8);

		this.width = width;
		this.height = height;
		this.spacer.style.height = content - height + 'px';
		fitCanvas(this.canvas, width, height);
		this.canvas.style.width = width + 'px';
		this.canvas.style.height = height + 'px';
		this.contentHeight = content;
		if (wasAtEnd)
			this.scrollToRoot();
		this.paint();
	}

	/* The end of the scroll range where the root is. */
	atRoot() {
		const { scrollTop } = this.element;

		if (this.contentHeight === undefined)
			return true;
		return this.flameUp() ? scrollTop + this.height >= this.contentHeight - ROW : scrollTop < ROW;
	}

	flameUp() {
		return this.owner.state.orientation === 'flame';
	}

	scrollToRoot() {
		this.element.scrollTop = this.flameUp() ? this.contentHeight : 0;
	}

	rowTop(depth) {
		const scroll = this.element.scrollTop;

		return this.flameUp() ? this.contentHeight - (depth + 1) * ROW - 2 - scroll : depth * ROW + 2 - scroll;
	}

	/* --- drawing */
	schedule() {
		if (!this.frame)
			this.frame = requestAnimationFrame(now => {
				this.frame = 0;
				this.step(now);
			});
	}

	paint() {
		const begin = performance.now(), tree = this.owner.tree(), whole = tree.total[0];
		const c = this.context, ratio = this.canvas.width / Math.max(1, this.width);
		const palette = this.owner.palette();

		c.setTransform(ratio, 0, 0, ratio, 0, 0);
		c.clearRect(0, 0, this.width, this.height);
		this.drawn.n = 0;
		if (whole > 0 && this.width > 0)
			this.walk(tree, whole);
		else
			this.sayNothing(palette);
		this.drawFrames(palette);
		this.drawOutlines(palette);
		this.drawMs = performance.now() - begin;
	}

	sayNothing(palette) {
		const c = this.context;

		c.font = FLAME_FONT;
		c.fillStyle = palette.chrome.axis;
		c.textBaseline = 'middle';
		c.textAlign = 'center';
		c.fillText('Nothing ran in what is shown: tick threads, or show all of the time', this.width / 2, this.height / 2);
		c.textAlign = 'left';
	}

	/* Collects the frames in sight. Runs of siblings below a pixel become one box (node -1). */
	walk(tree, whole) {
		const scale = this.width / ((this.view[1] - this.view[0]) * whole), left = this.view[0] * whole;
		const { start, total, children, childFirst, depth } = tree, todo = [0];

		while (todo.length) {
			const node = todo.pop(), row = depth[node], top = this.rowTop(row);

			if (top < this.height && top + ROW > 0)
				this.remember(node, (start[node] - left) * scale, total[node] * scale, row);
			if (this.flameUp() ? top < -ROW : top > this.height)
				continue;
			let runFrom = 0, runTo = -1;
			for (let i = childFirst[node]; i < childFirst[node + 1]; i++) {
				const child = children[i], w = total[child] * scale, x = (start[child] - left) * scale;

				if (w <= 0 || x + w < 0 || x > this.width)
					continue;
				if (w >= 0.7) {
					todo.push(child);
				} else if (x - runTo < 0.5 && runTo >= 0) {
					runTo = x + w;
				} else {
					this.rememberRun(runFrom, runTo, row + 1);
					runFrom = x;
					runTo = x + w;
				}
			}
			this.rememberRun(runFrom, runTo, row + 1);
		}
	}

	rememberRun(from, to, row) {
		if (to - from >= 0.3)
			this.remember(-1, from, to - from, row);
	}

	remember(node, x, w, row) {
		const d = this.drawn;

		if (d.n === d.node.length)
			for (const name of ['node', 'x', 'w', 'row']) {
				const bigger = new d[name].constructor(2 * d.n);

				bigger.set(d[name]);
				d[name] = bigger;
			}
		const left = Math.max(x, 0), right = Math.min(x + w, this.width);
		d.node[d.n] = node;
		d.x[d.n] = left;
		d.w[d.n] = right - left;
		d.row[d.n++] = row;
	}

	drawFrames(palette) {
		const c = this.context, tree = this.owner.tree(), d = this.drawn, { state } = this.owner;
		const { chrome } = palette, { matched, focusFn } = state;
		const zoomDepth = tree.depth[this.zoomNode];

		c.font = FLAME_FONT;
		c.textBaseline = 'middle';
		for (let i = 0; i < d.n; i++) {
			const node = d.node[i], x = d.x[i], y = this.rowTop(d.row[i]);
			const w = Math.max(d.w[i] - (d.w[i] > 3 ? 1 : 0), 0.6), h = ROW - 1;

			if (node < 0) {
				c.fillStyle = chrome.small;
				c.fillRect(x, y, w, h);
				continue;
			}
			const fn = tree.fn[node], hit = matched ? matched[fn] : fn === focusFn;
			const dim = (matched ? !hit : focusFn >= 0 && !hit && !matched) && node !== 0;

			c.fillStyle = hit && matched ? chrome.match : this.owner.frameColor(node);
			if (matched && dim)
				c.globalAlpha = chrome.faded;
			if (this.zoomNode && d.row[i] < zoomDepth)
				c.globalAlpha = Math.min(c.globalAlpha, 0.62);
			c.fillRect(x, y, w, h);
			if (tree.kind(node) === 'cut')
				this.hatch(palette, x, y, w, h);
			c.globalAlpha = matched && dim ? 0.75 : 1;
			if (w > 26)
				this.label(tree, node, x, y, w, hit && matched ? '#ffffff' : chrome.onFrame);
			c.globalAlpha = 1;
			if (hit && !matched)
				this.outline(x, y, w, chrome.match, 2);
		}
	}

	label(tree, node, x, y, w, color) {
		const c = this.context, room = w - 9;
		let name = node === 0 ? this.owner.rootLabel() : tree.name(node);

		if (!/^[\x20-\x7e]*$/.test(name))
			name = name.replace(/[\0-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, '\ufffd');
		let text = this.measure.fit(name, room);
		if (text !== name && node !== 0) {
			const short = tree.profile.shortName(tree.fn[node]);

			if (short !== name)
				text = this.measure.fit(short, room) || text;
		}
		if (!text)
			return;
		c.fillStyle = color;
		c.fillText(text, x + 4, y + ROW / 2);
	}

	/* Diagonal lines: what is hatched is missing, in any colour and for any eye. */
	hatch(palette, x, y, w, h) {
		const c = this.context, ratio = this.canvas.width / Math.max(1, this.width);

		if (this.hatchOf !== palette || this.hatchRatio !== ratio) {
			const size = 8 * Math.max(1, Math.round(ratio)), tile = document.createElement('canvas');
			const t = tile.getContext('2d');

			tile.width = tile.height = size;
			t.strokeStyle = palette.chrome.hatch;
			t.lineWidth = size / 5;
			t.beginPath();
			for (const at of [-size, 0, size]) {
				t.moveTo(at - 2, size + 2);
				t.lineTo(at + size + 2, -2);
			}
			t.stroke();
			this.hatchPattern = c.createPattern(tile, 'repeat');
			this.hatchPattern.setTransform(new DOMMatrix().scale(8 / size));
			this.hatchOf = palette;
			this.hatchRatio = ratio;
		}
		c.fillStyle = this.hatchPattern;
		c.fillRect(x, y, w, h);
	}

	outline(x, y, w, color, width) {
		const c = this.context;

		c.strokeStyle = color;
		c.lineWidth = width;
		c.strokeRect(x + width / 2, y + width / 2, Math.max(w - width, 1), ROW - 1 - width);
	}

	drawOutlines(palette) {
		const d = this.drawn, { chrome } = palette;

		for (let i = 0; i < d.n; i++) {
			const selected = d.node[i] === this.selected && this.selected > 0;
			const hovered = d.node[i] === this.hovered && d.node[i] >= 0;

			if (selected || hovered)
				this.outline(d.x[i], this.rowTop(d.row[i]), Math.max(d.w[i] - 1, 1),
					selected ? chrome.select : chrome.hover, selected ? 2 : 1);
		}
	}

	/* --- zoom */
	zoom(node, quiet) {
		if (node < 0)
			return;
		if (node !== this.zoomNode && !quiet)
			this.history.push(this.zoomNode);
		this.zoomNode = node;
		this.animateTo(this.rangeOf(node));
		this.owner.onZoom(node);
	}

	zoomBack() {
		if (this.history.length)
			this.zoom(this.history.pop(), true);
		else
			this.zoom(0, true);
	}

	stopAnimation() {
		this.animation = null;
	}

	animateTo(range) {
		const still = window.matchMedia('(prefers-reduced-motion: reduce)').matches;

		this.animation = { from: this.view.slice(), to: range, start: performance.now(),
			ms: still ? 0 : ZOOM_MS };
		this.schedule();
	}

	step(now) {
		const a = this.animation;

		if (a) {
			const t = a.ms ? clamp((now - a.start) / a.ms, 0, 1) : 1, ease = 1 - Math.pow(1 - t, 3);

			this.view = [0, 1].map(i => a.from[i] + (a.to[i] - a.from[i]) * ease);
			if (t >= 1)
				this.animation = null;
			else
				this.schedule();
		}
		this.paint();
		this.owner.onView();
	}

	/* --- pointer */
	nodeAt(x, y) {
		const d = this.drawn;

		for (let i = d.n - 1; i >= 0; i--) {
			const top = this.rowTop(d.row[i]);

			if (d.node[i] >= 0 && y >= top && y < top + ROW && x >= d.x[i] && x < d.x[i] + Math.max(d.w[i], 1))
				return d.node[i];
		}
		return -1;
	}

	position(event) {
		const box = this.canvas.getBoundingClientRect();

		return [event.clientX - box.left, event.clientY - box.top];
	}

	hover(node, event) {
		if (node !== this.hovered) {
			this.hovered = node;
			this.element.classList.toggle('pointing', node >= 0);
			this.schedule();
		}
		this.owner.onHover(node, event);
	}

	pointerDown(event) {
		if (event.button === 0 && event.pointerType !== 'touch')
			this.drag = { x: event.clientX, view: this.view.slice(), moved: false };
	}

	pointerMove(event) {
		const [x, y] = this.position(event), drag = this.drag;

		if (drag && event.buttons & 1) {
			const dx = event.clientX - drag.x;

			if (!drag.moved && Math.abs(dx) < 5)
				return;
			drag.moved = true;
			this.pan(drag.view, -dx / this.width * (drag.view[1] - drag.view[0]));
			return;
		}
		this.hover(this.nodeAt(x, y), event);
	}

	pan(view, by) {
		const size = view[1] - view[0], from = clamp(view[0] + by, 0, 1 - size);

		this.stopAnimation();
		this.view = [from, from + size];
		this.schedule();
	}

	click(event) {
		const moved = this.drag && this.drag.moved;

		this.drag = null;
		if (moved || event.button !== 0)
			return;
		const node = this.nodeAt(...this.position(event));
		if (node < 0)
			return;
		this.select(node);
		this.zoom(node);
	}

	/* Plain wheel scrolls; with Ctrl (and pinching, which is the same) it zooms at the pointer. */
	wheel(event) {
		if (!event.ctrlKey && !event.metaKey) {
			if (Math.abs(event.deltaX) > Math.abs(event.deltaY)) {
				event.preventDefault();
				this.pan(this.view, event.deltaX / this.width * (this.view[1] - this.view[0]));
			}
			return;
		}
		event.preventDefault();
		const size = this.view[1] - this.view[0], at = this.position(event)[0] / this.width;
		const wanted = clamp(size * Math.exp(event.deltaY * 0.003), 1e-7, 1);
		const from = clamp(this.view[0] + at * (size - wanted), 0, 1 - wanted);

		this.stopAnimation();
		this.view = [from, from + wanted];
		this.schedule();
	}

	/* --- selection by keyboard: up and down as they are on the screen */
	select(node) {
		this.selected = node;
		this.keepInSight(node);
		this.schedule();
		this.owner.onSelect(node);
	}

	keepInSight(node) {
		const top = this.rowTop(this.owner.tree().depth[node]);

		if (top < 0)
			this.element.scrollTop += top - ROW;
		else if (top + ROW > this.height)
			this.element.scrollTop += top + 2 * ROW - this.height;
		const [from, to] = this.rangeOf(node), [left, right] = this.view;
		if (to <= left || from >= right)
			this.pan(this.view, from - left - (right - left - Math.min(to - from, right - left)) / 2);
	}

	visibleChildren(node) {
		const tree = this.owner.tree(), out = [];

		for (let i = tree.childFirst[node]; i < tree.childFirst[node + 1]; i++)
			if (tree.total[tree.children[i]] > 0)
				out.push(tree.children[i]);
		return out;
	}

	/* direction: 'out' to the caller, 'in' to the largest callee, 'left', 'right' to siblings */
	move(direction) {
		const tree = this.owner.tree(), node = this.selected;

		if (direction === 'out') {
			this.select(Math.max(0, tree.parent[node]));
		} else if (direction === 'in') {
			const children = this.visibleChildren(node);

			if (children.length)
				this.select(children.reduce((a, b) => tree.total[b] > tree.total[a] ? b : a));
		} else if (node > 0) {
			const siblings = this.visibleChildren(tree.parent[node]);
			const other = siblings[siblings.indexOf(node) + (direction === 'right' ? 1 : -1)];

			if (other !== undefined)
				this.select(other);
		}
	}
}
