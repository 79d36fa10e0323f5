/* SPDX-License-Identifier: BSD-2-Clause */
/* The bar of controls and the legend: real buttons that say what they are pressed to. */

/* state field -> [value, label, explanation] of each choice */
const CHOICES = {
	orientation: [['flame', 'Flame', 'Root at the bottom'], ['icicle', 'Icicle', 'Root at the top']],
	reverse: [[false, 'Callees', 'From the root to the leaf'], [true, 'Callers', 'Reversed: from the leaf to its callers']],
	group: [['thread', 'Threads', 'Process, thread, frames'], ['process', 'Processes', 'Threads of a process merged'],
		['all', 'Merged', 'Frames only, everything merged']],
	colorBy: [['kind', 'Kind', 'Colours say what code is: user, inlined, JIT, kernel'], ['module', 'Module', 'A colour a module']],
	by: [['cpu', 'CPU time', 'Exact CPU time'], ['samples', 'Samples', 'How many samples'],
		['wait', 'Waiting', 'Exact time in which threads could run and had no CPU']],
};
const CHANGE_CHOICE = ['change', 'Change', 'Red is hotter in B, blue colder, grey within chance'];
const CHANGE_LEGEND = [['gone, or much colder', -5], ['colder', -2], ['no change, or by chance', 0], ['hotter', 2], ['new, or much hotter', 5]];
const CHOICE_NAMES = { orientation: 'Shape', reverse: 'Direction', group: 'Rows', colorBy: 'Colours', by: 'Values' };

class Controls {
	/* page: {state, set(field, value), setSearch(text), …} */
	constructor(page) {
		this.page = page;
		this.buttons = [];
		this.search = el('input', { type: 'search', class: 'search', placeholder: 'Search: regular expression  ( / )',
			spellcheck: 'false', autocomplete: 'off', 'aria-label': 'Search functions by regular expression',
			oninput: () => page.setSearch(this.search.value), onkeydown: e => this.searchKey(e) });
		this.match = el('span', { class: 'match', role: 'status' });
		this.zoomOut = el('button', { disabled: true, onclick: () => page.flame.zoom(0), title: 'Zoom out (Esc)' }, 'Reset zoom');
		this.legend = el('ul', { class: 'legend', 'aria-label': 'Colours' });
		this.element = el('div', { class: 'controls' },
			el('div', { class: 'search-box' }, this.search, this.match), this.zoomOut,
			...Object.keys(CHOICES).filter(field => !page.diff || field !== 'by').map(field => this.group(field)));
	}

	group(field) {
		const choices = field === 'colorBy' && this.page.diff ? [CHANGE_CHOICE, ...CHOICES[field]] : CHOICES[field];
		const buttons = choices.map(([value, label, title]) => {
			const button = el('button', { title, onclick: () => this.page.set(field, value) }, label);

			this.buttons.push({ button, field, value });
			return button;
		});
		return el('div', { class: 'choice', role: 'group', 'aria-label': CHOICE_NAMES[field] }, ...buttons);
	}

	searchKey(event) {
		if (event.key === 'Enter') {
			this.page.nextMatch(event.shiftKey ? -1 : 1);
			event.preventDefault();
		} else if (event.key === 'Escape') {
			this.search.value = '';
			this.page.setSearch('');
			this.page.flame.element.focus();
			event.preventDefault();
			event.stopPropagation();
		}
	}

	update() {
		const { state } = this.page;

		for (const { button, field, value } of this.buttons)
			button.setAttribute('aria-pressed', String(state[field] === value));
		this.updateZoom();
	}

	updateZoom() {
		const { flame } = this.page;

		this.zoomOut.disabled = flame.zoomNode === 0 && flame.view[0] === 0 && flame.view[1] === 1;
	}

	/* error: what is wrong with the expression, or null */
	showMatch(text, error) {
		this.match.textContent = error || text;
		this.match.classList.toggle('error', Boolean(error));
		this.search.setAttribute('aria-invalid', String(Boolean(error)));
	}

	updateLegend(palette) {
		const entries = { module: () => this.moduleEntries(palette), kind: () => this.kindEntries(palette),
			change: () => CHANGE_LEGEND.map(([label, step]) => [label, palette.changeColor(step), 'change']) }[this.page.state.colorBy]();

		this.legend.replaceChildren(...entries.map(([label, color, kind]) => {
			const dot = el('i', { class: 'dot square' + (kind === 'cut' ? ' hatched' : '') });

			dot.style.backgroundColor = color;
			return el('li', { title: label }, dot, el('span', {}, basename(label)));
		}));
	}

	/* Only what is in this report. */
	kindEntries(palette) {
		const { kind } = this.page.profile.functions, present = new Set();

		this.page.table.sums.total.forEach((value, fn) => value > 0 && present.add(kindOf(kind[fn])));
		return ['native', 'inlined', 'jit', 'kernel', 'other', 'cut', 'idle', 'lost', 'wait'].filter(k => present.has(k))
			.map(k => [KINDS[k].label, palette.kindColor(k), k]);
	}

	moduleEntries(palette) {
		const { functions } = this.page.profile, sums = functionSums(this.page.forward()), byModule = new Map();

		for (let fn = 0; fn < functions.n; fn++)
			if (functions.module[fn])
				byModule.set(functions.module[fn], (byModule.get(functions.module[fn]) || 0) + (sums.self[fn] || 0));
		return [...byModule].sort((a, b) => b[1] - a[1]).slice(0, 8)
			.map(([module]) => [module, palette.moduleColor(module), 'module']);
	}
}
