/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The dump of a report: the thread that died first, the others together where their stacks read
 * alike, and what is missing, in words. Nothing here knows of a page.
 */

const DUMP_NAMES = 4; /* of the threads in a group */

class Dump {
	constructor(profile) {
		const { dump, death } = profile.report;

		this.profile = profile;
		this.dump = dump || {};
		this.death = death || {};
		this.threads = this.dump.threads || { n: 0 };
		this.present = this.threads.n > 0 || Boolean(this.dump.signal || this.dump.signature);
		this.lives = !this.dump.tid && ['none', '', undefined].includes(this.death.kind);
		this.first = this.lives || !this.threads.n ? -1 : 0;
		this.rowPlaces = new Map();
		this.places = new Map();
	}

	name(thread) {
		return (this.profile.text(this.threads.name[thread]) || '?') + ' (' + this.threads.tid[thread] + ')';
	}

	state(thread) {
		return this.profile.text(this.threads.state[thread]);
	}

	/* Rows of frames, leaf first. */
	frames(stack) {
		const { parent, frame } = this.profile.stacks, frames = [];

		for (let row = stack; row >= 0; row = parent[row])
			frames.push(frame[row]);
		return frames;
	}

	/*
	 * Stacks that read alike from the root on, by function, file and line, are one place: threads
	 * that spin in one loop are hardly ever at the same address. -1 is no stack.
	 */
	placeOf(stack) {
		const { stacks, frameFunction, report } = this.profile, { file, line } = report.frames, path = [];
		let row = stack;

		for (; row >= 0 && !this.rowPlaces.has(row); row = stacks.parent[row])
			path.push(row);
		let place = row < 0 ? -1 : this.rowPlaces.get(row);
		while (path.length) {
			row = path.pop();
			const frame = stacks.frame[row];
			const key = [place, frameFunction[frame], file[frame], line[frame]].join(' ');

			if (!this.places.has(key))
				this.places.set(key, this.places.size);
			place = this.places.get(key);
			this.rowPlaces.set(row, place);
		}
		return place;
	}

	/* All threads but the one that died first: [{stack, threads, states}], the largest first. */
	groups() {
		const byPlace = new Map();

		for (let i = this.first + 1; i < this.threads.n; i++) {
			const stack = this.threads.stack[i], place = this.placeOf(stack), state = this.state(i);

			if (!byPlace.has(place))
				byPlace.set(place, { stack, threads: [], states: new Map(), open: false });
			const group = byPlace.get(place);
			group.threads.push(i);
			group.states.set(state, (group.states.get(state) || 0) + 1);
		}
		return [...byPlace.values()].sort((a, b) => b.threads.length - a.threads.length || a.threads[0] - b.threads[0]);
	}

	/* --- words */
	stateText(group) {
		const states = [...group.states].sort((a, b) => b[1] - a[1]);

		return states.map(([state, n]) => (states.length > 1 ? formatCount(n) + ' ' : '') + (state || 'state unknown')).join(', ');
	}

	nameText(group) {
		const { threads } = group, left = threads.length - DUMP_NAMES;

		return threads.slice(0, DUMP_NAMES).map(t => this.name(t)).join(', ') + (left > 0 ? ' and ' + formatCount(left) + ' more' : '');
	}

	/*
	 * told goes by the names that the report has now, as the frame that is marked does; what the trigger said
	 * when it was written may be of names that came later.
	 */
	sentence(told) {
		const { trigger } = this.profile.report, { dump, death } = this;

		if (this.lives)
			return 'all stacks of ' + (death.process || 'the process') + (death.pid ? ' (' + death.pid + ')' : '') + ', which lives on; ' +
				formatCount(dump.threads_total || this.threads.n) + ' threads';
		if (told)
			return told;
		if (['crash', 'oom'].includes(trigger.kind) && trigger.explanation)
			return trigger.explanation;
		return 'died' + (dump.signal_name ? ' of ' + dump.signal_name : '');
	}

	/* What is not here, and what was here before. */
	notes() {
		const { left_out: left = [], counted = [] } = this.dump;
		const many = (n, one, more) => formatCount(n) + (Number(n) === 1 ? one : more);

		return left.map(([why, n]) => many(n, ' thread', ' threads') + ' without a stack: ' + why)
			.concat(counted.map(([what, n]) => many(n, ' crash', ' crashes') + ' before, only counted: ' + what));
	}

	/* [name, hex] of the thread that died first. */
	registers() {
		return (this.dump.registers || []).map(([name, value]) => [name, '0x' + BigInt(value).toString(16)]);
	}
}
