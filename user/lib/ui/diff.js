/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A page that compares: its report is two that were put together, so that each sample is the value
 * of one stack of one thread of one side (diff.h). A is process 1, B is process 2. What changed by
 * more than chance is told here as diff_noise.c does it, for whatever tree is shown.
 */

const DIFF_STEPS = [0.10, 0.25, 0.50, 0.75];

class Diff {
	/* facts: {by, sigmas, scale, sides: [{name, total, samples, seconds, start_ns}], counts, squares} */
	constructor(profile, facts) {
		this.profile = profile;
		this.facts = facts;
		this.side = Uint8Array.from(profile.threads.pid, pid => pid === 2 ? 1 : 0);
		this.whole = facts.sides[0].total * 1000;
		this.idle = Uint8Array.from(profile.functions.kind, kind => kind === 'idle' ? 1 : 0);
		this.strata = this.findStrata();
		this.trees = new WeakMap();
	}

	leaf(i) {
		return this.profile.frameFunction[this.profile.stacks.frame[this.profile.samples.stack[i]]];
	}

	/* Samples by thread name, of both sides; together where the threads are chance too. */
	findStrata() {
		const { samples, threads } = this.profile, byKey = new Map();

		for (let i = 0; i < samples.n; i++) {
			const t = samples.thread[i];
			const key = this.facts.by === 'cpu' ? threads.process[t] + ' ' + threads.name[t] : '';

			if (!byKey.has(key))
				byKey.set(key, { samples: [], value: [0, 0], squares: [0, 0], counts: [0, 0] });
			const stratum = byKey.get(key), side = this.side[t];
			stratum.samples.push(i);
			if (!this.idle[this.leaf(i)])
				stratum.value[side] += samples.weight_ns[i];
			stratum.squares[side] += this.facts.squares[i] * 1e6;
			stratum.counts[side] += this.facts.counts[i];
		}
		return [...byKey.values()];
	}

	/*
	 * Sums over samples by key: {value: [A, B], noise}, arrays of n. keys(i, into) writes the keys of
	 * sample i, each once, and returns how many they are.
	 */
	accumulate(n, keys) {
		const sums = { value: [new Float64Array(n), new Float64Array(n)], noise: new Float64Array(n) };
		const value = [new Float64Array(n), new Float64Array(n)], squares = [new Float64Array(n), new Float64Array(n)];
		const mean = [new Float64Array(n), new Float64Array(n)], into = new Int32Array(DEEPEST + 8), seen = new Uint8Array(n);

		for (const stratum of this.strata) {
			const touched = [];

			for (const i of stratum.samples) {
				const side = this.side[this.profile.samples.thread[i]], count = keys(i, into);

				for (let k = 0; k < count; k++) {
					const key = into[k];

					if (!seen[key]) {
						seen[key] = 1;
						touched.push(key);
					}
					value[side][key] += this.profile.samples.weight_ns[i];
					squares[side][key] += this.facts.squares[i] * 1e6;
				}
			}
			for (const key of touched) {
				seen[key] = 0;
				for (let side = 0; side < 2; side++) {
					sums.noise[key] += this.variance(stratum, side, value[side][key], squares[side][key]);
					sums.value[side][key] += value[side][key];
					mean[side][key] = Math.max(mean[side][key],
						stratum.counts[side] ? stratum.squares[side] / stratum.counts[side] : 0);
					value[side][key] = squares[side][key] = 0;
				}
			}
		}
		for (let key = 0; key < n; key++)
			sums.noise[key] = Math.sqrt(sums.noise[key] + mean[0][key] + mean[1][key]);
		return sums;
	}

	variance(stratum, side, value, squares) {
		const part = stratum.value[side] > 0 ? Math.min(1, value / stratum.value[side]) : 0;

		return squares * (1 - part) * (1 - part) + Math.max(0, stratum.squares[side] - squares) * part * part;
	}

	/* Of a tree: {value, noise} by node, as total; made once, for nothing on this page changes it. */
	ofTree(tree) {
		if (this.trees.has(tree))
			return this.trees.get(tree);
		const sums = this.accumulate(tree.n, (i, into) => {
			let n = 0;

			for (let node = tree.sampleNode[i]; node >= 0; node = tree.parent[node])
				into[n++] = node;
			return n;
		});
		const exact = { cpu: ['root', 'process', 'thread'], samples: ['root'] }[this.facts.by];
		for (let node = 0; node < tree.n; node++)
			if (!exact || exact.includes(tree.kind(node)))
				sums.noise[node] = 0;
		this.trees.set(tree, sums);
		return sums;
	}

	/* By function: {self, total}, each as accumulate() gives it. */
	ofFunctions() {
		const { profile } = this, { samples, stacks } = profile, n = profile.functions.n;
		const stamp = new Int32Array(n).fill(-1);

		if (this.functions && this.functions.n === n)
			return this.functions;
		const self = this.accumulate(n, (i, into) => {
			into[0] = this.leaf(i);
			return 1;
		});
		const total = this.accumulate(n, (i, into) => {
			let count = 0;

			for (let row = samples.stack[i]; row >= 0; row = stacks.parent[row]) {
				const fn = profile.frameFunction[stacks.frame[row]];

				if (stamp[fn] !== i)
					into[count++] = fn;
				stamp[fn] = i;
			}
			return count;
		});
		return this.functions = { n, self, total };
	}

	change(sums, key) {
		return sums.value[1][key] - sums.value[0][key];
	}

	changed(sums, key, fn) {
		return !this.idle[fn] && Math.abs(this.change(sums, key)) > Math.max(500, this.facts.sigmas * sums.noise[key]);
	}

	/* -5 (gone) to 5 (new); 0 is noise. */
	step(sums, key, fn) {
		const [a, b] = [sums.value[0][key], sums.value[1][key]], part = Math.abs(b - a) / Math.max(a, b);

		if (!this.changed(sums, key, fn))
			return 0;
		return (b > a ? 1 : -1) * (1 + DIFF_STEPS.filter(step => part > step).length);
	}

	nodeStep(tree, node) {
		return this.step(this.ofTree(tree), node, tree.fn[node]);
	}

	/* --- words */
	points(change) {
		const points = 100 * change / this.whole, digits = Math.abs(points) < 1 ? 2 : 1;

		return (change < 0 ? '\u2212' : '+') + Math.abs(points).toFixed(digits);
	}

	factor(a, b) {
		if (a > 0 && b > 0)
			return (b / a).toFixed(b / a < 99.95 ? 2 : 0) + '\u00d7';
		return a > 0 ? 'gone' : b > 0 ? 'new' : '';
	}

	value(raw) {
		return this.facts.by === 'samples' ? formatValue(raw, 'samples') : formatNs(raw * 1000);
	}

	/* Lines of a tooltip. */
	describe(tree, node) {
		const sums = this.ofTree(tree), [a, b] = [sums.value[0][node], sums.value[1][node]];

		return [['A ' + formatShare(a, this.whole) + ' \u2192 B ' + formatShare(b, this.whole), 'tip-value'],
			[a === b ? 'no change' : this.points(b - a) + ' points \u00b7 ' + this.factor(a, b) +
				(this.changed(sums, node, tree.fn[node]) ? '' : ' \u00b7 within what the samples differ by chance'), 'tip-more']];
	}

	head(buttons) {
		const { sides, scale, by } = this.facts, unit = { cpu: ' on a CPU', samples: '', wait: ' waiting for a CPU' }[by];
		const side = (name, s) => el('li', { title: s.start_ns ? headWhen({ window: s }) : '' }, el('b', {}, name), ' ' + s.name +
			': ' + this.value(s.total) + unit + ' in ' + formatDigits(s.seconds) + '\u202fs, ' + formatCount(s.samples) + ' samples');

		return el('header', { class: 'masthead' },
			el('div', { class: 'head-top' }, el('span', { class: 'brand' }, 'Backdraft'),
				el('h1', {}, 'What got hotter'), el('span', { class: 'grow' }), ...buttons),
			el('ul', { class: 'facts' }, side('A', sides[0]), side('B', sides[1]),
				el('li', { title: 'So both have the same total, and shares are of that' },
					'B \u00d7 ' + scale.toPrecision(3) + ' to have A\u2019s total'),
				el('li', {}, 'a width is the mean of both')));
	}

	folded(tree) {
		const lines = [], names = [], side = this.ofTree(tree).value;
		const own = [side[0].slice(), side[1].slice()], unit = 1000;

		for (let i = 1; i < tree.n; i++)
			for (const values of own)
				values[tree.parent[i]] -= values === own[0] ? side[0][i] : side[1][i];
		for (let i = 1; i < tree.n; i++) {
			const above = tree.parent[i] ? names[tree.parent[i]] + ';' : '';
			const [a, b] = own.map(values => Math.round(values[i] / unit));

			names[i] = above + foldedName(tree, i);
			if (a > 0 || b > 0)
				lines.push(names[i] + ' ' + a + ' ' + b);
		}
		return lines.join('\n') + '\n';
	}
}
