/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What each thread of the client ran, second by second, exactly: a small strip a thread, the busiest
 * first. Where nothing is known the strip says so; a second without a bar is one in which it didn't run.
 */

const SECONDS_ROWS = 12, SECONDS_DROPPED = 'thread seconds: no room for the oldest ones';

class ThreadSeconds {
	constructor(profile) {
		const { thread_seconds: table, window, series, loss } = profile.report;

		this.table = table && table.n ? table : { n: 0 };
		this.durationNs = profile.durationNs;
		this.startNs = window.start_ns;
		this.dropped = (loss.reasons || []).some(([why]) => why === SECONDS_DROPPED);
		this.byThread = new Map();
		for (let i = 0; i < this.table.n; i++) {
			const t = this.table.thread[i];

			if (!this.byThread.has(t))
				this.byThread.set(t, { thread: t, rows: [], us: 0, threads: 0 });
			const line = this.byThread.get(t);
			line.rows.push(i);
			line.us += this.table.on_cpu_us[i];
			line.threads = Math.max(line.threads, this.table.threads[i]);
		}
		this.gaps = this.table.n ? this.findGaps(series || { n: 0 }) : [];
	}

	/* [from, to] ns of the window */
	span(endNs, us) {
		const end = nsBetween(this.startNs, endNs);

		return [Math.max(0, end - us * 1000), Math.min(end, this.durationNs)];
	}

	/* Those with a name, the busiest first, and the sum of the others or undefined. */
	lines() {
		const named = [...this.byThread.values()].filter(l => l.thread >= 0).sort((a, b) => b.us - a.us || a.thread - b.thread);

		return { named, rest: this.byThread.get(-1) };
	}

	/* CPUs in each second of a line: {from, to, cpus} */
	bars(line) {
		const { t_ns, span_us, on_cpu_us } = this.table;

		return line.rows.map(i => {
			const [from, to] = this.span(t_ns[i], span_us[i]);

			return { from, to, cpus: span_us[i] ? on_cpu_us[i] / span_us[i] : 0 };
		}).filter(bar => bar.to > bar.from);
	}

	/* Stretches of the window of which nothing is known: no second of the client's series, and no row here. */
	findGaps(series) {
		const { t_ns, span_us, n } = this.table, known = [], gaps = [];
		const first = this.span(t_ns[0], span_us[0])[0];
		let at = 0;

		for (let i = 0; i < n; i++)
			known.push(this.span(t_ns[i], span_us[i]));
		for (let i = 0; i < series.n; i++) {
			const span = this.span(series.t_ns[i], 1e6);

			/* What was dropped for want of room was there once. */
			if (!this.dropped || span[0] >= first)
				known.push(span);
		}
		known.sort((a, b) => a[0] - b[0]);
		for (const [from, to] of known) {
			/* Seconds are a second and a little: what lies between two is no gap. */
			if (from - at > 0.5e9)
				gaps.push([at, from]);
			at = Math.max(at, to);
		}
		if (this.durationNs - at > 0.5e9)
			gaps.push([at, this.durationNs]);
		return gaps;
	}
}

class SecondsPanel {
	/* page: {profile, diff} */
	constructor(page) {
		const { trigger } = page.profile.report;

		this.page = page;
		this.seconds = new ThreadSeconds(page.profile);
		this.body = el('div', { class: 'seconds-body' });
		this.element = el('details', { class: 'time seconds', hidden: !this.seconds.table.n || Boolean(page.diff) },
			el('summary', {}, el('h2', {}, 'Threads by second'), el('span', { class: 'muted' }, this.caption())), this.body);
		this.element.open = ['crash', 'oom'].includes(trigger.kind) && !this.element.hidden;
		this.element.addEventListener('toggle', () => this.element.open && this.fill());
		if (this.element.open)
			this.fill();
	}

	caption() {
		const { gaps } = this.seconds, missing = gaps.reduce((sum, [from, to]) => sum + to - from, 0);

		return 'exact CPU time of the client\u2019s threads; the height of a strip is a CPU' +
			(missing ? '; of ' + formatNs(missing) + ' of the window nothing is known (grey)' : '');
	}

	fill() {
		if (this.body.firstChild)
			return;
		const { named, rest } = this.seconds.lines(), shown = named.slice(0, SECONDS_ROWS), { profile } = this.page;
		const left = named.slice(SECONDS_ROWS).reduce((sum, line) => sum + line.us, rest ? rest.us : 0);

		for (const line of shown)
			this.body.append(this.row(profile.threadName(line.thread), profile.threads.tid[line.thread], line));
		if (left)
			this.body.append(el('div', { class: 'seconds-rest muted' }, formatNs(left * 1000) + ' in other threads'));
	}

	row(name, tid, line) {
		const bars = this.seconds.bars(line);
		const most = bars.reduce((a, b) => b.cpus > a.cpus ? b : a, { cpus: 0, from: 0 });
		const words = name + ' (' + tid + '): ' + formatNs(line.us * 1000) + ' on a CPU, most in the second from ' +
			(most.from / 1e9).toFixed(1) + ' s: ' + formatShare(most.cpus, 1) + ' of a CPU';

		return el('div', { class: 'seconds-row', title: words },
			el('span', { class: 'name' }, name), el('span', { class: 'muted id' }, String(tid)),
			el('span', { class: 'num' }, formatNs(line.us * 1000)), this.strip(bars, words));
	}

	strip(bars, words) {
		const ns = 'http://www.w3.org/2000/svg', svg = document.createElementNS(ns, 'svg');
		const scale = 1000 / this.seconds.durationNs;
		const add = (name, d) => {
			const path = document.createElementNS(ns, 'path');

			path.setAttribute('class', name);
			path.setAttribute('d', d);
			svg.append(path);
		};
		const box = (from, to, part) => 'M' + (from * scale).toFixed(2) + ' 20v' + (-20 * part).toFixed(2) +
			'H' + (to * scale).toFixed(2) + 'V20z';

		svg.setAttribute('viewBox', '0 0 1000 20');
		svg.setAttribute('preserveAspectRatio', 'none');
		svg.setAttribute('role', 'img');
		svg.setAttribute('aria-label', words);
		add('seconds-gap', this.seconds.gaps.map(([from, to]) => box(from, to, 1)).join(''));
		/* What ran at all is to be seen. */
		add('seconds-bar', bars.map(b => box(b.from, b.to, clamp(b.cpus, 0.06, 1))).join(''));
		return svg;
	}
}
