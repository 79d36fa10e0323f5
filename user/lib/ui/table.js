/* SPDX-License-Identifier: BSD-2-Clause */
/* The table of functions by self and total, and who calls and is called by the one selected. */

class FunctionTable {
	/* owner: {state, profile, forward(), palette(), onFunction(fn)} */
	constructor(owner) {
		this.owner = owner;
		this.sort = { by: 'self', down: true };
		this.rows = [];
		this.list = new VirtualList({ rowHeight: 24, class: 'functions', role: 'listbox', tabindex: '0',
			label: 'Functions: arrows select', make: () => this.makeRow(), update: (row, fn) => this.updateRow(row, fn) });
		this.list.element.addEventListener('click', e => this.click(e));
		this.list.element.addEventListener('keydown', e => this.key(e));
		this.heads = {};
		for (const [by, label] of [['self', owner.diff ? 'Self, points' : 'Self'], ['total', owner.diff ? 'Total, points' : 'Total'],
			['name', 'Function'], ['module', 'Module']])
			this.heads[by] = el('button', { class: 'head ' + by, onclick: () => this.sortBy(by) }, label);
		this.count = el('span', { class: 'muted' });
		this.detail = el('section', { class: 'panel neighbours', 'aria-label': 'Callers and callees' });
		this.element = el('section', { class: 'panel functions-panel', 'aria-label': 'Functions' },
			el('div', { class: 'panel-head' }, el('h2', {}, 'Functions'), this.count),
			el('div', { class: 'function-row heads' }, ...Object.values(this.heads)), this.list.element);
	}

	sortBy(by) {
		const text = by === 'name' || by === 'module';

		this.sort = { by, down: this.sort.by === by ? !this.sort.down : !text };
		this.order();
	}

	/* The values are new. */
	update() {
		this.sums = functionSums(this.owner.forward());
		this.all = functionRows(this.owner.forward(), this.sums);
		this.order();
		this.updateNeighbours();
	}

	order() {
		const { by, down } = this.sort, { matched } = this.owner.state, f = this.owner.profile.functions;
		const sign = down ? -1 : 1, sums = this.sums, keys = this.sortKeys();
		const compare = keys[by] ? (a, b) => sign * (keys[by](a) - keys[by](b)) || sums.total[b] - sums.total[a] || a - b :
			(a, b) => sign * (f[by][a] < f[by][b] ? -1 : f[by][a] > f[by][b] ? 1 : 0) || a - b;

		this.rows = (matched ? this.all.filter(fn => matched[fn]) : this.all.slice()).sort(compare);
		for (const [name, head] of Object.entries(this.heads)) {
			head.classList.toggle('sorted', name === by);
			head.dataset.arrow = name === by ? (down ? '\u25be' : '\u25b4') : '';
			head.setAttribute('aria-label', head.textContent + (name === by ?
				', sorted ' + (down ? 'down' : 'up') : ', sort by this'));
		}
		this.count.textContent = formatCount(this.rows.length) + (matched ? ' of ' + formatCount(this.all.length) : '');
		this.list.set(this.rows);
	}

	/* Of a comparison the largest changes, and what may be chance behind all of them. */
	sortKeys() {
		const { diff } = this.owner, sums = this.sums;
		const size = of => fn => Math.abs(diff.change(of, fn)) + (diff.changed(of, fn, fn) ? 4 * diff.whole : 0);

		if (!diff)
			return { self: fn => sums.self[fn], total: fn => sums.total[fn] };
		const { self, total } = diff.ofFunctions();
		return { self: size(self), total: size(total) };
	}

	makeRow() {
		const p = { self: el('span', { class: 'num self' }), selfShare: el('span', { class: 'num share' }),
			total: el('span', { class: 'num total' }), totalShare: el('span', { class: 'num share' }),
			dot: el('i', { class: 'dot square' }), name: el('span', { class: 'fname' }), module: el('span', { class: 'module muted' }) };
		const row = el('div', { class: 'function-row', role: 'option' }, p.self, p.selfShare, p.total, p.totalShare,
			el('span', { class: 'name' }, p.dot, p.name), p.module);

		row.parts = p;
		return row;
	}

	short(value) {
		return this.owner.state.by === 'samples' ? formatCount(value) : formatNs(value);
	}

	updateRow(row, fn) {
		const { profile, state } = this.owner, f = profile.functions, p = row.parts;
		const whole = this.owner.forward().total[0];

		if (this.owner.diff) {
			this.updateChange(row, fn);
		} else {
			p.self.textContent = this.short(this.sums.self[fn]);
			p.selfShare.textContent = formatShare(this.sums.self[fn], whole);
			p.total.textContent = this.short(this.sums.total[fn]);
			p.totalShare.textContent = formatShare(this.sums.total[fn], whole);
		}
		p.name.textContent = f.name[fn];
		p.module.textContent = basename(f.module[fn]);
		p.dot.style.background = this.owner.functionColor(fn);
		row.title = [f.name[fn], f.module[fn], profile.place(fn)].filter(s => s).join('\n');
		row.setAttribute('aria-selected', String(fn === state.focusFn));
	}

	/* Points and factor; grey where it may be chance. */
	updateChange(row, fn) {
		const { diff } = this.owner, sums = diff.ofFunctions(), p = row.parts;

		for (const [of, points, factor] of [['self', p.self, p.selfShare], ['total', p.total, p.totalShare]]) {
			const [a, b] = sums[of].value.map(values => values[fn]);

			points.textContent = a === b ? '' : diff.points(b - a);
			factor.textContent = a === b ? '' : diff.factor(a, b);
			points.classList.toggle('muted', !diff.changed(sums[of], fn, fn));
		}
	}

	click(event) {
		const fn = this.rows[this.list.indexOf(event)];

		if (fn !== undefined)
			this.owner.onFunction(fn === this.owner.state.focusFn ? -1 : fn);
	}

	key(event) {
		const step = { ArrowDown: 1, ArrowUp: -1, PageDown: 10, PageUp: -10, Home: -Infinity, End: Infinity }[event.key];

		if (!step || !this.rows.length)
			return;
		event.preventDefault();
		event.stopPropagation();
		const at = this.rows.indexOf(this.owner.state.focusFn);
		const next = clamp(at < 0 ? 0 : at + step, 0, this.rows.length - 1);
		this.owner.onFunction(this.rows[next]);
		this.list.show(next);
	}

	/* Another function is selected. */
	select() {
		const at = this.rows.indexOf(this.owner.state.focusFn);

		if (at >= 0)
			this.list.show(at);
		else
			this.list.render();
		this.updateNeighbours();
	}

	updateNeighbours() {
		const { state, profile } = this.owner, fn = state.focusFn;

		if (fn < 0) {
			this.neighbours = null;
			this.detail.replaceChildren(el('div', { class: 'panel-head' }, el('h2', {}, 'Callers and callees')),
				el('p', { class: 'hint' }, 'Select a function in the table or a frame in the graph.'));
			return;
		}
		this.neighbours = functionNeighbours(this.owner.forward(), fn);
		const f = profile.functions, name = el('div', { class: 'focus-name', title: f.name[fn] }, f.name[fn]);
		this.detail.replaceChildren(
			el('div', { class: 'panel-head' }, el('h2', {}, 'Callers and callees'), el('span', { class: 'grow' }),
				el('button', { class: 'small', onclick: () => this.owner.copy(f.name[fn]) }, 'Copy name'),
				el('button', { class: 'small', onclick: () => this.owner.onFunction(-1), 'aria-label': 'Select no function' }, '\u2715')),
			name, el('div', { class: 'focus-place muted' }, [...this.focusValues(fn),
				f.module[fn], profile.place(fn)].filter(s => s).join(' \u00b7 ')),
			el('div', { class: 'neighbour-lists' }, this.neighbourList('Callers', this.neighbours.callers, fn),
				this.neighbourList('Callees', this.neighbours.callees, fn)));
	}

	focusValues(fn) {
		const { diff } = this.owner;

		if (!diff)
			return ['self ' + this.short(this.sums.self[fn] || 0), 'total ' + this.short(this.sums.total[fn] || 0) + ' (' +
				formatShare(this.sums.total[fn] || 0, this.owner.forward().total[0]) + ')'];
		return ['self', 'total'].map(of => of + ' A ' + diff.ofFunctions()[of].value
			.map(values => formatShare(values[fn], diff.whole)).join(' \u2192 B '));
	}

	neighbourList(title, list, fn) {
		const { profile } = this.owner, { name, kind } = profile.functions, whole = this.sums.total[fn] || 1;
		const rows = list.slice(0, 100).map(({ fn: other, value }) => {
			const bar = el('i', { class: 'bar' }), text = kind[other] === 'root' ? '(root)' : name[other];

			bar.style.width = 100 * value / whole + '%';
			return el('li', {}, el('button', { class: 'neighbour', disabled: NO_CODE.has(kind[other]),
				onclick: () => this.owner.onFunction(other), title: text }, bar, el('span', { class: 'num' }, formatShare(value, whole)),
			el('span', { class: 'name' }, text)));
		});

		if (title === 'Callees' && this.sums.self[fn] > 0) {
			const bar = el('i', { class: 'bar self' });

			bar.style.width = 100 * this.sums.self[fn] / whole + '%';
			rows.unshift(el('li', {}, el('button', { class: 'neighbour', disabled: true }, bar,
				el('span', { class: 'num' }, formatShare(this.sums.self[fn], whole)), el('span', { class: 'name' }, '(self)'))));
		}
		return el('div', { class: 'neighbour-list' }, el('h3', {}, title), rows.length ? el('ul', {}, ...rows) :
			el('p', { class: 'hint' }, 'none'));
	}
}
