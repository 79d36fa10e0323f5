/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A list of stacks: rows are frames, threads, and groups of threads that open to both. Only rows
 * in sight exist, so thousands of threads and the deepest recursion scroll alike.
 */

const STACK_ROW = 20, STACK_CHAIN = 3;

class StackList {
	/* owner: {dump, page: {profile, palette(), …}, inGraph(fn), onFrame(fn), fit()}; fault: the row of frames that the
	 * crash is told of, or -1 */
	constructor(owner, label, fault) {
		this.owner = owner;
		this.fault = fault;
		this.id = 'stack-' + ++StackList.made;
		this.groups = [];
		this.items = [];
		this.at = -1;
		this.list = new VirtualList({ rowHeight: STACK_ROW, class: 'stack-list', role: 'tree', tabindex: '0', label,
			make: () => this.makeRow(), update: (row, item, i) => this.updateRow(row, item, i) });
		this.element = this.list.element;
		this.element.addEventListener('click', e => this.click(e));
		this.element.addEventListener('keydown', e => this.key(e));
	}

	/* --- items */
	frameItems(stack, level) {
		let fault = this.fault;

		return this.owner.dump.frames(stack).map((frame, nth) => {
			const here = frame === fault;

			/* of a recursion only the last call */
			if (here)
				fault = -1;
			return { frame, nth, level, here };
		});
	}

	setStack(stack) {
		this.items = this.frameItems(stack, 1);
		this.list.set(this.items);
	}

	setGroups(groups) {
		this.groups = groups;
		this.rebuild();
	}

	rebuild() {
		this.items = this.groups.flatMap(group => group.open ? [{ group, level: 1 }, ...this.frameItems(group.stack, 2),
			...group.threads.map(thread => ({ thread, level: 2 }))] : [{ group, level: 1 }]);
		this.list.set(this.items);
	}

	/* --- rows */
	makeRow() {
		const row = el('div', { class: 'stack-row', role: 'treeitem' });

		row.parts = { lead: el('span', { class: 'num muted' }), dot: el('i', {}), name: el('span', { class: 'fname' }),
			note: el('span', { class: 'stack-note' }), place: el('span', { class: 'stack-place muted' }) };
		row.append(...Object.values(row.parts));
		return row;
	}

	updateRow(row, item, i) {
		const { lead, dot, name, note, place } = row.parts, { group } = item;
		const words = group ? this.groupWords(group) : item.thread === undefined ? this.frameWords(item) : this.threadWords(item);

		row.id = this.id + '-' + i;
		row.className = 'stack-row ' + words.class;
		row.setAttribute('aria-level', item.level);
		row.setAttribute('aria-selected', String(i === this.at));
		if (group)
			row.setAttribute('aria-expanded', String(group.open));
		else
			row.removeAttribute('aria-expanded');
		lead.textContent = words.lead;
		dot.className = 'dot square' + (words.hatched ? ' hatched' : '');
		dot.hidden = !words.color;
		dot.style.backgroundColor = words.color || '';
		name.textContent = words.name;
		note.textContent = words.note;
		place.textContent = words.place;
		row.title = words.title;
	}

	groupWords(group) {
		const { dump, page } = this.owner, { functions, frameFunction } = page.profile;
		const chain = dump.frames(group.stack).slice(0, STACK_CHAIN).map(frame => shortName(functions.name[frameFunction[frame]]));

		return { class: 'stack-group', lead: (group.open ? '\u25be ' : '\u25b8 ') + formatCount(group.threads.length) + '\u00d7',
			name: chain.length ? chain.join(' \u2190 ') : 'no stack', note: dump.stateText(group), place: dump.nameText(group),
			title: dump.nameText(group) + ': ' + dump.stateText(group) };
	}

	threadWords({ thread }) {
		const { dump } = this.owner, after = dump.threads.after_ns[thread];

		return { class: 'stack-thread', lead: '', name: dump.name(thread), note: dump.state(thread) || 'state unknown',
			place: after > 0 ? 'stack taken ' + formatNs(after) + ' after the first' : '', title: '' };
	}

	frameWords({ frame, nth, here }) {
		const { profile } = this.owner.page, { frames, modules } = profile.report, fn = profile.frameFunction[frame];
		const kind = kindOf(profile.functions.kind[fn]), name = profile.functions.name[fn], cut = kind === 'cut';
		const file = profile.text(frames.file[frame]), line = frames.line[frame] ? ':' + frames.line[frame] : '';
		const module = frames.module[frame] >= 0 ? profile.text(modules.path[frames.module[frame]]) : '';
		const there = this.owner.inGraph(fn);

		return { class: 'stack-frame' + (cut ? ' cut' : '') + (here ? ' fault' : '') + (there ? ' there' : ''),
			lead: cut ? '' : '#' + nth, color: this.owner.page.palette().color(fn, 'kind'), hatched: cut, name,
			note: [here ? 'died here' : '', cut ? this.cutText(name) : kind === 'native' ? '' : KINDS[kind].label].filter(t => t).join(', '),
			place: [file && basename(file) + line, module && basename(module)].filter(t => t).join(' \u00b7 '),
			title: [name, file && file + line, module, there ? 'Click: in the flame graph' : 'Not in the flame graph']
				.filter(t => t).join('\n') };
	}

	cutText(name) {
		return name.startsWith('[unwind: ') ? 'the stack is cut here: its callers are not known' : 'stack cut';
	}

	render() {
		this.list.render();
	}

	/* --- what the user does */
	choose(i) {
		const item = this.items[i];

		if (!item)
			return;
		this.at = i;
		if (item.group)
			this.fold(item.group, !item.group.open);
		else if (item.frame !== undefined)
			this.owner.onFrame(this.owner.page.profile.frameFunction[item.frame]);
		this.moveTo(i);
	}

	fold(group, open) {
		group.open = open;
		this.rebuild();
		this.owner.fit();
	}

	moveTo(i) {
		this.at = i;
		this.list.show(i);
		this.element.setAttribute('aria-activedescendant', this.id + '-' + i);
	}

	click(event) {
		this.choose(this.list.indexOf(event));
	}

	key(event) {
		const last = this.items.length - 1, item = this.items[this.at];
		const step = { ArrowDown: 1, ArrowUp: -1, PageDown: 10, PageUp: -10, Home: -Infinity, End: Infinity }[event.key];

		if (last < 0)
			return;
		if (step)
			this.moveTo(this.at < 0 && Math.abs(step) === 1 ? 0 : clamp(Math.max(this.at, 0) + step, 0, last));
		else if (event.key === 'Enter' || event.key === ' ')
			this.choose(this.at);
		else if (event.key === 'ArrowRight' && item && item.group)
			this.fold(item.group, true);
		else if (event.key === 'ArrowLeft' && item && this.groups.length)
			this.foldAround();
		else
			return;
		event.preventDefault();
		event.stopPropagation();
	}

	/* Closes the group that the row is in, and stands on it. */
	foldAround() {
		let i = this.at;

		while (!this.items[i].group)
			i--;
		this.fold(this.items[i].group, false);
		this.moveTo(i);
	}
}

StackList.made = 0;
