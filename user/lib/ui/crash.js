/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How the process died: the sentence, the stack of the thread that died first, and where the others
 * were. Open by itself where it is what the report is about; filled when it is first open.
 */

const CRASH_ROWS_LEAST = 4, CRASH_ROWS_MOST = 11;

class CrashPanel {
	/* page: {profile, palette(), forward(), showFunction(fn), …}; told: {words, frame} of the one who wrote the
	 * page, which knows how a C library comes to its signal; or undefined */
	constructor(page, told) {
		const { trigger, command } = page.profile.report, dump = new Dump(page.profile), { first } = dump;

		/* A page that compares is about something else. */
		const present = dump.present && !page.diff;

		this.page = page;
		this.dump = dump;
		this.fault = told ? told.frame : -1;
		this.lists = [];
		this.body = el('div', { class: 'crash-body' });
		this.element = el('details', { class: 'time crash', hidden: !present },
			el('summary', {}, el('h2', {}, dump.lives ? 'Threads' : 'Crash'),
				el('span', { class: 'crash-words' }, dump.sentence(told && told.words)),
				first < 0 ? null : el('span', { class: 'muted crash-thread' }, 'thread ' + dump.name(first))),
			el('ul', { class: 'crash-notes' }, ...dump.notes().map(text => el('li', {}, text))), this.body);
		this.element.open = present && (['crash', 'oom'].includes(trigger.kind) || Boolean(command.name) || dump.lives);
		this.element.addEventListener('toggle', () => this.element.open && this.fill());
		if (this.element.open)
			this.fill();
	}

	fill() {
		if (this.lists.length)
			return;
		const { dump } = this, { first } = dump, groups = dump.groups();

		if (first >= 0) {
			const stack = new StackList(this, 'Stack of the thread that died first: arrows move, Enter shows a frame in the flame graph', this.fault);

			stack.setStack(dump.threads.stack[first]);
			this.add(stack, 'crash-first', dump.name(first) + ' died first', dump.state(first) +
				(stack.items.length ? '' : ', no stack'), this.registers());
		}
		if (groups.length) {
			const others = new StackList(this, 'Threads by stack: arrows move, Enter opens', -1);
			const n = dump.threads.n - (first + 1);

			others.setGroups(groups);
			this.add(others, 'crash-others', formatCount(n) + (first < 0 ? '' : ' other') + (n === 1 ? ' thread' : ' threads'),
				'in ' + formatCount(groups.length) + (groups.length === 1 ? ' place' : ' places'), null);
		}
		this.fit();
	}

	/* As high as what is to be seen, within limits: the graph is below. */
	fit() {
		const rows = Math.max(0, ...this.lists.map(list => list.items.length));

		for (const { element } of this.lists)
			element.style.height = clamp(rows, CRASH_ROWS_LEAST, CRASH_ROWS_MOST) * STACK_ROW + 'px';
	}

	add(list, name, title, more, below) {
		this.lists.push(list);
		this.body.append(el('section', { class: name, 'aria-label': title },
			el('h3', {}, title, el('span', { class: 'crash-more' }, more)), list.element, below));
	}

	registers() {
		const all = this.dump.registers();

		return all.length ? el('details', { class: 'crash-registers' }, el('summary', {}, 'Registers'),
			el('p', {}, all.map(([name, value]) => name + ' ' + value).join('   '))) : null;
	}

	/* Shapes of trees come from all samples, so this holds for every part that is shown. */
	inGraph(fn) {
		if (!this.sampled)
			this.sampled = new Set(this.page.forward().fn);
		return this.sampled.has(fn);
	}

	onFrame(fn) {
		this.page.showFunction(fn);
	}

	/* The colours are new. */
	render() {
		for (const list of this.lists)
			list.render();
	}
}
