/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The strip of time: CPUs in use over the window, stacked by process (by thread where there is one
 * process), and a brush over it. The brush is in ns from the start of the window; null is all.
 */

const STRIP_SERIES = 8;
const BRUSH_LEAST_PX = 4;

class TimeStrip {
	/* owner: {state, profile, palette(), onBrush(from, to, done)} */
	constructor(owner) {
		this.owner = owner;
		this.canvas = el('canvas', { class: 'strip-canvas', 'aria-hidden': 'true' });
		this.caption = el('span', { class: 'strip-caption' });
		this.clear = el('button', { class: 'small', onclick: () => this.set(null), hidden: true,
			title: 'Show the whole window again (double click on the strip)' }, 'Show all');
		this.element = el('div', { class: 'strip', tabindex: '0', role: 'slider',
			'aria-label': 'Part of the time: Shift and arrows change it, arrows move it, Delete clears it',
			'aria-valuemin': '0', 'aria-valuemax': (owner.profile.durationNs / 1e9).toFixed(2),
			'aria-valuenow': '0' }, this.canvas);
		this.context = this.canvas.getContext('2d');
		this.rankSeries();
		this.element.addEventListener('pointerdown', e => this.pointerDown(e));
		this.element.addEventListener('pointermove', e => this.pointerMove(e));
		this.element.addEventListener('pointerup', e => this.pointerUp(e));
		this.element.addEventListener('dblclick', () => this.set(null));
		this.element.addEventListener('keydown', e => this.key(e));
		new ResizeObserver(() => this.paint()).observe(this.element);
	}

	/* series[t]: the rank of the thread's colour; what comes after the first ones is one rest. */
	rankSeries() {
		const { profile } = this.owner, one = profile.processes.length === 1;
		const ns = one ? Array.from(profile.threads.on_cpu_ns) : profile.processes.map(p => p.ns);
		const order = ns.map((v, i) => i).sort((a, b) => ns[b] - ns[a]), rank = new Uint8Array(ns.length);

		order.forEach((index, i) => rank[index] = Math.min(i, STRIP_SERIES));
		this.byThread = one;
		this.rank = rank;
		this.series = Array.from({ length: profile.threads.n },
			(_, t) => rank[one ? t : profile.threadProcess[t]]);
	}

	seriesColor(thread) {
		return this.owner.palette().seriesColor(this.series[thread]);
	}

	/*
	 * CPUs by series in each column of the picture: from the time line, and where there is none yet, as
	 * before a trigger, from the samples, each spread over the time that it stands for.
	 */
	columns(n) {
		const { profile, state } = this.owner, { timeline, samples } = profile.report;
		const perColumn = profile.durationNs / n, sums = new Float64Array(n * (STRIP_SERIES + 1));
		const add = (t, ns, column) => {
			if (!state.threadsOn || state.threadsOn[t])
				sums[clamp(column, 0, n - 1) * (STRIP_SERIES + 1) + this.series[t]] += ns;
		};
		const spread = (t, ns, begin, end) => {
			const first = Math.floor(begin / perColumn), last = Math.ceil(end / perColumn);

			for (let c = first; c < last; c++) {
				const part = Math.min(end, (c + 1) * perColumn) - Math.max(begin, c * perColumn);

				add(t, ns * part / Math.max(end - begin, 1), c);
			}
		};
		let from = Infinity;

		for (let i = 0; i < timeline.n; i++) {
			const begin = timeline.slot[i] * SLOT_NS, end = Math.min(begin + SLOT_NS, profile.durationNs);

			spread(timeline.thread[i], timeline.on_cpu_us[i] * 1000, begin, end);
			from = Math.min(from, begin);
		}
		for (let i = 0; i < samples.n; i++) {
			const ns = samples.weight_ns[i], t = samples.t_ns[i];

			if (t < from)
				spread(samples.thread[i], ns, Math.max(0, t - ns), t + 1);
		}
		return sums.map(v => v / perColumn);
	}

	paint() {
		const width = this.element.clientWidth, height = this.element.clientHeight;
		const c = this.context, palette = this.owner.palette(), { chrome } = palette;

		if (!width)
			return;
		fitCanvas(this.canvas, width, height);
		const ratio = this.canvas.width / width;
		this.plot = { left: 34, right: width - 8, top: 13, bottom: height - 17 };
		c.setTransform(ratio, 0, 0, ratio, 0, 0);
		c.clearRect(0, 0, width, height);
		this.paintSeries(palette);
		this.paintAxes(chrome);
		this.paintTrigger(chrome);
		this.paintMark(chrome);
		this.paintBrush(chrome);
	}

	paintSeries(palette) {
		const c = this.context, { left, right, top, bottom } = this.plot, step = 2;
		const n = Math.max(1, Math.min(Math.floor((right - left) / step), 1200));
		const sums = this.columns(n), each = (right - left) / n, k = STRIP_SERIES + 1;
		let most = 0;

		for (let i = 0; i < n; i++) {
			let sum = 0;

			for (let s = 0; s < k; s++)
				sum += sums[i * k + s];
			most = Math.max(most, sum);
		}
		this.top = this.owner.profile.cpus || Math.ceil(most) || 1;
		const scale = (bottom - top) / this.top, base = new Float64Array(n);
		for (let s = 0; s < k; s++) {
			c.fillStyle = palette.seriesColor(s);
			for (let i = 0; i < n; i++) {
				const v = Math.min(sums[i * k + s], this.top - base[i]);

				if (v <= 0)
					continue;
				c.fillRect(left + i * each, bottom - (base[i] + v) * scale, each + 0.3, v * scale + 0.3);
				base[i] += v;
			}
		}
	}

	paintAxes(chrome) {
		const c = this.context, { left, right, top, bottom } = this.plot;
		const seconds = this.owner.profile.durationNs / 1e9;

		c.font = '11px system-ui, sans-serif';
		c.fillStyle = chrome.axis;
		c.strokeStyle = chrome.grid;
		c.lineWidth = 1;
		c.textBaseline = 'alphabetic';
		c.textAlign = 'right';
		for (const cpus of [0, this.top]) {
			const y = Math.round(bottom - cpus / this.top * (bottom - top)) + 0.5;

			c.beginPath();
			c.moveTo(left, y);
			c.lineTo(right, y);
			c.stroke();
			c.fillText(cpus ? formatDigits(cpus).replace(/\.0+$/, '') : '0', left - 5, cpus ? y + 8 : y);
		}
		c.textAlign = 'center';
		const step = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600]
			.find(s => seconds / s <= Math.max(2, (right - left) / 80)) || 7200;
		for (let s = 0; s <= seconds + 1e-9; s += step) {
			const x = left + s / seconds * (right - left);

			c.fillRect(x, bottom, 1, 3);
			if (x < right - 22 || s === 0)
				c.fillText(s === 0 ? '0 s' : String(Math.round(s * 1000) / 1000), x, bottom + 14);
		}
	}

	/* The moment of the trigger, where the report has one that is not its beginning. */
	paintTrigger(chrome) {
		const { profile } = this.owner, { window } = profile.report, c = this.context;
		const at = nsBetween(window.start_ns, window.trigger_ns);

		if (at <= 0 || at >= profile.durationNs)
			return;
		const x = Math.round(this.xOf(at)) + 0.5;
		c.strokeStyle = c.fillStyle = chrome.match;
		c.lineWidth = 1.5;
		c.beginPath();
		c.moveTo(x, 2);
		c.lineTo(x, this.plot.bottom);
		c.stroke();
		c.textAlign = x > this.plot.right - 60 ? 'right' : 'left';
		c.fillText('trigger', x + (c.textAlign === 'right' ? -4 : 4), this.plot.top - 3);
	}

	paintMark(chrome) {
		const { profile, state } = this.owner, c = this.context;

		if (state.mark === null || state.mark < 0 || state.mark > profile.durationNs)
			return;
		const x = Math.round(this.xOf(state.mark)) + 0.5;
		c.strokeStyle = chrome.select;
		c.lineWidth = 1.5;
		c.setLineDash([4, 3]);
		c.beginPath();
		c.moveTo(x, this.plot.top - 4);
		c.lineTo(x, this.plot.bottom);
		c.stroke();
		c.setLineDash([]);
	}

	paintBrush(chrome) {
		const { brush } = this.owner.state, c = this.context, { left, right, top, bottom } = this.plot;

		if (!brush)
			return;
		const x0 = this.xOf(brush[0]), x1 = this.xOf(brush[1]);
		c.fillStyle = chrome.veil;
		c.fillRect(left, top - 4, x0 - left, bottom - top + 4);
		c.fillRect(x1, top - 4, right - x1, bottom - top + 4);
		c.strokeStyle = chrome.select;
		c.lineWidth = 1;
		c.strokeRect(x0 + 0.5, top - 3.5, Math.max(x1 - x0 - 1, 1), bottom - top + 3);
		c.fillStyle = chrome.select;
		for (const x of [x0, x1]) {
			c.fillRect(x - 3, (top + bottom) / 2 - 8, 6, 16);
			c.fillRect(x - 2, (top + bottom) / 2 - 9, 4, 18);
		}
	}

	xOf(ns) {
		return this.plot.left + ns / this.owner.profile.durationNs * (this.plot.right - this.plot.left);
	}

	nsOf(x) {
		const part = (x - this.plot.left) / (this.plot.right - this.plot.left);

		return clamp(part, 0, 1) * this.owner.profile.durationNs;
	}

	/* brush: [from, to] ns or null */
	set(brush, dragging) {
		const { durationNs } = this.owner.profile;

		if (brush) {
			brush = [clamp(Math.min(...brush), 0, durationNs), clamp(Math.max(...brush), 0, durationNs)];
			if (brush[0] <= 0 && brush[1] >= durationNs)
				brush = null;
		}
		this.owner.onBrush(brush, dragging);
	}

	/* Called by the page when the brush has changed. */
	update() {
		const { brush } = this.owner.state;

		this.clear.hidden = !brush;
		this.caption.textContent = brush ? formatSpan(brush) : '';
		this.element.setAttribute('aria-valuenow', brush ? (brush[0] / 1e9).toFixed(2) : '0');
		this.element.setAttribute('aria-valuetext', brush ? formatSpan(brush) : 'the whole window');
		this.paint();
	}

	/* What is under the pointer: a handle, the part between them, or nothing. */
	part(x) {
		const { brush } = this.owner.state;

		if (!brush)
			return 'new';
		const x0 = this.xOf(brush[0]), x1 = this.xOf(brush[1]);
		if (Math.abs(x - x0) < 7)
			return 'from';
		if (Math.abs(x - x1) < 7)
			return 'to';
		return x > x0 && x < x1 ? 'move' : 'new';
	}

	pointerDown(event) {
		if (event.button !== 0)
			return;
		const x = event.clientX - this.element.getBoundingClientRect().left;

		this.drag = { part: this.part(x), x, brush: this.owner.state.brush, moved: false };
		try {
			this.element.setPointerCapture(event.pointerId);
		} catch (error) {
			/* the pointer has gone already */
		}
	}

	pointerMove(event) {
		const x = event.clientX - this.element.getBoundingClientRect().left, d = this.drag;

		if (!d) {
			const part = this.plot ? this.part(x) : 'new';

			this.element.style.cursor = part === 'new' ? 'crosshair' : part === 'move' ? 'grab' : 'ew-resize';
			this.element.title = this.plot ? secondText(this.owner.profile.report, this.nsOf(x)) : '';
			return;
		}
		if (!d.moved && Math.abs(x - d.x) < BRUSH_LEAST_PX)
			return;
		d.moved = true;
		const ns = this.nsOf(x);
		if (d.part === 'new')
			this.set([this.nsOf(d.x), ns], true);
		else if (d.part === 'move')
			this.shift(d.brush, (x - d.x) / (this.plot.right - this.plot.left) * this.owner.profile.durationNs, true);
		else
			this.set(d.part === 'from' ? [ns, d.brush[1]] : [d.brush[0], ns], true);
	}

	pointerUp() {
		const d = this.drag;

		this.drag = null;
		if (d && d.moved)
			this.set(this.owner.state.brush, false);
	}

	shift(brush, by, dragging) {
		const { durationNs } = this.owner.profile, size = brush[1] - brush[0];
		const from = clamp(brush[0] + by, 0, durationNs - size);

		this.set([from, from + size], dragging);
	}

	key(event) {
		const { durationNs } = this.owner.profile, { brush } = this.owner.state;
		const by = { ArrowLeft: -durationNs / 50, ArrowRight: durationNs / 50 }[event.key];

		if (event.key === 'Delete' || event.key === 'Backspace' || event.key === 'Escape')
			this.set(null);
		else if (by && event.shiftKey)
			this.set(brush ? [brush[0], Math.max(brush[1] + by, brush[0] + durationNs / 100)] :
				[0, durationNs * 0.9]);
		else if (by && brush)
			this.shift(brush, by);
		else
			return;
		event.preventDefault();
		event.stopPropagation();
	}
}

/* What the report says of the second that `ns` from the window's start is in; '' where it has none. */
function secondText(report, ns) {
	const { series: s, window } = report, cpus = milli => (milli / 1000).toFixed(2);
	const split = (user, system) => user < 0 ? '' : ' (' + cpus(user) + ' user, ' + cpus(system) + ' kernel)';

	for (let i = 0; i < (s ? s.n : 0); i++) {
		const end = nsBetween(window.start_ns, s.t_ns[i]);

		if (ns > end || ns <= end - 1.05e9)
			continue;
		const parts = [];
		if (s.cpu_milli[i] >= 0)
			parts.push('client ' + cpus(s.cpu_milli[i]) + ' cores' + split(s.user_milli[i], s.system_milli[i]));
		if (s.wait_permille[i] > 0)
			parts.push('waiting ' + (s.wait_permille[i] / 10).toFixed(1) + '\u202f%');
		if (s.rss_kib[i] > 0)
			parts.push(formatMetric(s.rss_kib[i] * 1024, 'bytes', s.rss_kib[i] * 1024));
		if (s.machine_cpu_milli[i] >= 0)
			parts.push('machine ' + cpus(s.machine_cpu_milli[i]) + ' cores' +
				split(s.machine_user_milli[i], s.machine_system_milli[i]));
		return parts.join(' \u00b7 ');
	}
	return '';
}

function formatSpan(brush) {
	const size = brush[1] - brush[0], digits = size < 1e9 ? 3 : 2;

	return (brush[0] / 1e9).toFixed(digits) + '\u2013' + (brush[1] / 1e9).toFixed(digits) + '\u202fs (' +
		formatNs(size) + ')';
}
