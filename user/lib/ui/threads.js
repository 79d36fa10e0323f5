/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The list of processes and their threads with their exact CPU time: tick boxes, a filter, "only".
 * The grey end of a bar is time that no sample hit.
 */

class ThreadList {
	/* owner: {state, profile, tree(), strip, onThreads()} */
	constructor(owner) {
		this.owner = owner;
		/* One is open at first, the client's or that which used most, unless its threads are many processes of a name. */
		const { processes, hasClient, isClient } = owner.profile;
		const rank = p => hasClient && !p.threads.some(t => isClient[t]) ? -1 : p.ns;
		const most = Math.max(...processes.map(rank));
		this.open = new Set([...processes.keys()].filter(i => rank(processes[i]) === most && processes[i].pids.size === 1));
		this.filterText = '';
		this.filter = el('input', { type: 'search', placeholder: 'Filter', spellcheck: 'false',
			'aria-label': 'Filter the list of threads', oninput: () => this.setFilter(this.filter.value) });
		this.list = new VirtualList({ rowHeight: 30, class: 'threads', label: 'Threads', role: 'group',
			make: () => this.makeRow(), update: (row, item) => this.updateRow(row, item) });
		this.count = el('span', { class: 'muted' });
		this.element = el('section', { class: 'panel side', 'aria-label': 'Threads' },
			el('div', { class: 'panel-head' }, el('h2', {}, 'Threads'), this.count),
			el('div', { class: 'panel-tools' }, this.filter,
				owner.profile.hasClient ? el('button', { class: 'small', title: 'Tick the threads of ' + headTitle(owner.profile) +
					' alone', onclick: () => this.tickClient() }, 'Client') : null,
				el('button', { class: 'small', title: 'Tick every thread in the list',
					onclick: () => this.tickAll(1) }, 'All'),
				el('button', { class: 'small', title: 'Untick every thread in the list',
					onclick: () => this.tickAll(0) }, 'None')), this.list.element);
	}

	setFilter(text) {
		this.filterText = text.toLowerCase();
		this.rebuild();
	}

	passes(t) {
		const { profile } = this.owner;
		const text = profile.processes[profile.threadProcess[t]].name + ' ' + profile.threadName(t) + ' ' +
			profile.threads.pid[t] + ' ' + profile.threads.tid[t];

		return !this.filterText || text.toLowerCase().includes(this.filterText);
	}

	/*
	 * Rows: {process, threads} and {thread}; a process with one thread is one row. The report's
	 * client comes first, all else stands by what is shown now; a tick only updates them, so that no row moves from below the pointer.
	 */
	rebuild() {
		const { profile } = this.owner, items = [], sum = profile.processes.map(p => this.value(p));
		const its = profile.processes.map(p => p.threads.some(t => profile.isClient[t]));
		const order = [...sum.keys()].sort((a, b) => its[b] - its[a] || sum[b] - sum[a] || a - b);

		this.shown = [];
		for (const index of order) {
			const threads = profile.processes[index].threads.filter(t => this.passes(t))
				.sort((a, b) => this.value({ threads: [b] }) - this.value({ threads: [a] }) || a - b);

			if (!threads.length)
				continue;
			this.shown.push(...threads);
			items.push({ process: index, threads });
			if (threads.length > 1 && (this.open.has(index) || this.filterText))
				items.push(...threads.map(t => ({ thread: t, threads: [t] })));
		}
		this.items = items;
		this.update();
	}

	update() {
		const { state } = this.owner, on = state.threadsOn ? state.threadsOn.reduce((a, b) => a + b, 0) : 0;
		const n = this.owner.profile.threads.n;

		this.most = 0;
		for (const item of this.items)
			this.most = Math.max(this.most, this.value(item));
		this.count.textContent = state.threadsOn ? formatCount(on) + ' of ' + formatCount(n) : formatCount(n);
		this.list.set(this.items);
	}

	value(item) {
		const tree = this.owner.tree(), values = this.owner.state.by === 'samples' ? tree.threadCount : tree.threadNs;

		return item.threads.reduce((sum, t) => sum + values[t], 0);
	}

	isOn(t) {
		const { threadsOn } = this.owner.state;

		return !threadsOn || threadsOn[t] === 1;
	}

	makeRow() {
		const parts = {
			toggle: el('button', { class: 'fold', onclick: e => this.fold(e) }),
			box: el('input', { type: 'checkbox', onchange: e => this.tick(e) }),
			dot: el('i', { class: 'dot' }), name: el('span', { class: 'name' }), id: el('span', { class: 'muted id' }),
			value: el('span', { class: 'num' }), busy: el('i', { class: 'bar' }), idle: el('i', { class: 'bar idle' }),
		};
		const row = el('div', { class: 'thread-row' }, parts.toggle,
			el('label', {}, parts.box, parts.dot, parts.name, parts.id), parts.value,
			el('button', { class: 'only small', onclick: e => this.only(e), title: 'Show only this' }, 'only'),
			el('span', { class: 'bars', 'aria-hidden': 'true' }, parts.busy, parts.idle));

		row.parts = parts;
		return row;
	}

	updateRow(row, item) {
		const { profile, state, strip } = this.owner, p = row.parts, tree = this.owner.tree();
		const isProcess = item.thread === undefined, first = item.threads[0], several = item.threads.length > 1;
		const on = item.threads.filter(t => this.isOn(t)).length, value = this.value(item);

		row.classList.toggle('is-thread', !isProcess);
		row.classList.toggle('off', on === 0);
		p.toggle.hidden = !(isProcess && several);
		p.toggle.textContent = this.open.has(item.process) || this.filterText ? '\u25be' : '\u25b8';
		p.toggle.setAttribute('aria-expanded', String(this.open.has(item.process)));
		p.toggle.setAttribute('aria-label', 'Threads of this process');
		p.box.checked = on > 0;
		p.box.indeterminate = on > 0 && on < item.threads.length;
		p.name.textContent = isProcess ? profile.processes[item.process].name : profile.threadName(item.thread);
		p.id.textContent = this.idText(item, isProcess, several);
		p.dot.style.background = isProcess && several && strip.byThread ? 'transparent' : strip.seriesColor(first);
		p.dot.hidden = !isProcess && !strip.byThread;
		p.value.textContent = state.by === 'samples' ? formatCount(value) : formatNs(value);
		const idle = state.by === 'samples' ? 0 : item.threads.reduce((sum, t) => sum + tree.threadIdleNs[t], 0);
		p.busy.style.width = this.most ? 100 * (value - idle) / this.most + '%' : '0';
		p.idle.style.width = this.most ? 100 * idle / this.most + '%' : '0';
		row.title = this.rowTitle(item, isProcess, value, idle);
	}

	idText(item, isProcess, several) {
		const { threads, processes } = this.owner.profile, first = item.threads[0];

		if (!isProcess)
			return String(threads.tid[first]);
		const pids = processes[item.process].pids.size;
		if (pids > 1)
			return '\u00d7' + formatCount(pids);
		return several ? formatCount(item.threads.length) + ' threads' : String(threads.tid[first]);
	}

	rowTitle(item, isProcess, value, idle) {
		const { threads, processes } = this.owner.profile;
		const sum = column => item.threads.reduce((s, t) => s + column[t], 0);
		const lines = [formatValue(value, this.owner.state.by) + ' in the part that is shown',
			formatNs(sum(threads.on_cpu_ns)) + ' on a CPU, exact, in the whole window',
			formatNs(sum(threads.wait_ns)) + ' runnable, waiting for a CPU',
			formatCount(sum(threads.switches_voluntary)) + ' voluntary and ' +
				formatCount(sum(threads.switches_involuntary)) + ' involuntary context switches'];

		if (idle > 0)
			lines.push(formatNs(idle) + ' of it without a sample (grey)');
		if (isProcess && processes[item.process].pids.size === 1)
			lines.unshift(processes[item.process].name + ', process ' + threads.pid[item.threads[0]]);
		if (!isProcess)
			lines.unshift('process ' + threads.pid[item.thread] + ', thread ' + threads.tid[item.thread]);
		return lines.join('\n');
	}

	itemOf(event) {
		return this.items[this.list.indexOf(event)];
	}

	fold(event) {
		const { process } = this.itemOf(event);

		if (!this.open.delete(process))
			this.open.add(process);
		this.rebuild();
	}

	setOn(threads, value) {
		const { state, profile } = this.owner;
		const on = state.threadsOn || new Uint8Array(profile.threads.n).fill(1);

		for (const t of threads)
			on[t] = value;
		state.threadsOn = on.every(v => v) ? null : on;
		this.owner.onThreads();
	}

	tick(event) {
		this.setOn(this.itemOf(event).threads, event.target.checked ? 1 : 0);
	}

	tickAll(value) {
		this.setOn(this.shown, value);
	}

	tickClient() {
		this.owner.state.threadsOn = this.owner.profile.clientThreads();
		this.owner.onThreads();
	}

	only(event) {
		const { threads } = this.itemOf(event);

		this.owner.state.threadsOn = new Uint8Array(this.owner.profile.threads.n);
		this.setOn(threads, 1);
	}
}
