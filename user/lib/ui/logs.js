/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The last lines of the client's log, each with its time in the window; a click on one marks that
 * moment in the strip. Files that could not be read stand before the lines, with the reason.
 */

const LOG_ROW = 19;

class LogPanel {
	/* owner: {profile, onMark(ns or null)} */
	constructor(owner) {
		const { report } = owner.profile, none = { n: 0 };

		this.owner = owner;
		this.logs = report.logs || none;
		this.sources = report.log_sources || none;
		this.selected = -1;
		this.list = new VirtualList({ rowHeight: LOG_ROW, class: 'log-lines', role: 'listbox', tabindex: '0',
			label: 'Log: arrows mark the moment of a line in the time strip', make: () => this.makeRow(),
			update: (row, i) => this.updateRow(row, i) });
		this.element = el('details', { class: 'time logs', hidden: !this.sources.n && !this.logs.n },
			el('summary', {}, el('h2', {}, 'Log'), el('span', { class: 'muted' }, this.caption())),
			el('ul', { class: 'log-notes' }, ...this.notes().map(text => el('li', {}, text))), this.list.element);
		/* What a program wrote before it died is what is asked for first. */
		this.element.open = ['crash', 'oom'].includes(report.trigger.kind) && this.logs.n > 0;
		this.list.element.addEventListener('click', e => this.select(this.list.indexOf(e)));
		this.list.element.addEventListener('keydown', e => this.key(e));
		this.list.set(Array.from({ length: this.logs.n }, (_, i) => i));
		this.element.addEventListener('toggle', () => this.list.show(this.logs.n - 1));
	}

	text(column, i) {
		return this.owner.profile.text(column[i]);
	}

	caption() {
		const { n } = this.logs, { lines } = this.sources;
		let files = 0;

		for (let i = 0; i < this.sources.n; i++)
			files += lines[i] > 0;
		return formatCount(n) + (n === 1 ? ' line of ' : ' lines of ') + formatCount(files) + (files === 1 ? ' file' : ' files');
	}

	/* A line for each source that was not simply read. */
	notes() {
		const s = this.sources, notes = [];

		for (let i = 0; i < s.n; i++) {
			const state = this.text(s.state, i), note = this.text(s.note, i);
			const counts = [[s.lines_left_out[i], 'lines left out'], [s.lines_cut[i], 'lines cut'],
				[s.bytes_left_out[i], 'bytes left out'], [s.bytes_replaced[i], 'bytes that are no text']]
				.filter(([n]) => n).map(([n, what]) => formatCount(n) + ' ' + what);

			if (state !== 'read' || note || counts.length)
				notes.push(this.text(s.path, i) + ': ' + [state, note, ...counts].filter(t => t).join(', '));
		}
		return notes;
	}

	/* ns from the window's start; null where the line has no time. */
	nsOf(i) {
		const t = this.logs.t_ns[i];

		return t ? Number(BigInt(t) - BigInt(this.owner.profile.report.window.start_ns || 0)) : null;
	}

	makeRow() {
		return el('div', { class: 'log-row', role: 'option' }, el('span', { class: 'num muted' }),
			el('span', { class: 'log-source muted' }), el('span', { class: 'log-text' }));
	}

	updateRow(row, i) {
		const [time, source, text] = row.children, ns = this.nsOf(i), path = this.text(this.logs.source, i);

		time.textContent = ns === null ? '' : (ns / 1e9).toFixed(3);
		source.textContent = this.sources.n > 1 ? basename(path) : '';
		text.textContent = text.title = this.text(this.logs.text, i);
		source.title = path;
		row.setAttribute('aria-selected', i === this.selected);
	}

	select(i) {
		if (i < 0 || i >= this.logs.n)
			return;
		this.selected = i;
		this.list.show(i);
		this.owner.onMark(this.nsOf(i), this.text(this.logs.text, i));
	}

	key(event) {
		const by = { ArrowUp: -1, ArrowDown: 1 }[event.key];

		if (by)
			this.select(clamp(this.selected + by, 0, this.logs.n - 1));
		else if (event.key === 'Escape')
			this.clear();
		else
			return;
		event.preventDefault();
		event.stopPropagation();
	}

	clear() {
		this.selected = -1;
		this.list.render();
		this.owner.onMark(null, '');
	}
}
