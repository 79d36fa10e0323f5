/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The call tree. Its shape comes from all samples of the report, once for each way to look at it;
 * what a filter changes is only the values, which is what makes the brush smooth. A node's number
 * is above its parent's, so sums run backwards over the arrays without recursion.
 */

/* As deep as view.c goes: what is below is one node. */
const DEEPEST = 4096;

class GrowingInts {
	constructor(n) {
		this.a = new Int32Array(n);
	}

	set(i, v) {
		if (i >= this.a.length) {
			const bigger = new Int32Array(2 * this.a.length);

			bigger.set(this.a);
			this.a = bigger;
		}
		this.a[i] = v;
	}
}

/* Nodes with a hash of (parent, function) for as long as the tree grows. */
class TreeBuilder {
	constructor() {
		this.parent = new GrowingInts(1 << 14);
		this.fn = new GrowingInts(1 << 14);
		this.depth = new GrowingInts(1 << 14);
		this.buckets = new Int32Array(1 << 15).fill(-1);
		this.n = 0;
	}

	add(parent, fn) {
		this.parent.set(this.n, parent);
		this.depth.set(this.n, parent < 0 ? 0 : this.depth.a[parent] + 1);
		this.fn.set(this.n, fn);
		return this.n++;
	}

	slot(parent, fn) {
		const mask = this.buckets.length - 1, parents = this.parent.a, fns = this.fn.a;
		let hash = Math.imul(parent + 1, 0x9e3779b1) ^ Math.imul(fn + 1, 0x85ebca6b);

		hash ^= hash >>> 15;
		for (let i = hash & mask; ; i = (i + 1) & mask) {
			const node = this.buckets[i];

			if (node < 0 || (parents[node] === parent && fns[node] === fn))
				return i;
		}
	}

	child(parent, fn) {
		let slot = this.slot(parent, fn);

		if (this.buckets[slot] >= 0)
			return this.buckets[slot];
		if (2 * this.n >= this.buckets.length) {
			const old = this.buckets;

			this.buckets = new Int32Array(2 * old.length).fill(-1);
			for (const node of old)
				if (node >= 0)
					this.buckets[this.slot(this.parent.a[node], this.fn.a[node])] = node;
			slot = this.slot(parent, fn);
		}
		return this.buckets[slot] = this.add(parent, fn);
	}

	/* As child(), for frames. */
	step(parent, fn, deeper) {
		const depth = this.depth.a[parent];

		if (depth >= DEEPEST - 1)
			return depth >= DEEPEST ? parent : this.child(parent, deeper);
		return this.child(parent, fn);
	}
}

class Tree {
	/* group: 'thread' (process > thread > frames), 'process', or 'all' (frames only) */
	constructor(profile, group, reverse) {
		this.profile = profile;
		this.group = group;
		this.reverse = reverse;
		const builder = new TreeBuilder();

		builder.add(-1, Tree.special(profile, 'all', 'root'));
		this.deeper = Tree.special(profile, '[deeper]', 'lost');
		this.addBases(builder);
		this.addSamples(builder);
		this.n = builder.n;
		this.parent = builder.parent.a.subarray(0, this.n);
		this.fn = builder.fn.a.subarray(0, this.n);
		this.selfNs = new Float64Array(this.n);
		this.totalNs = new Float64Array(this.n);
		this.selfCount = new Float64Array(this.n);
		this.totalCount = new Float64Array(this.n);
		this.start = new Float64Array(this.n);
		this.depth = builder.depth.a.subarray(0, this.n);
		this.fill(null, 0, Infinity);
		this.orderChildren();
		this.findOutermost();
	}

	/* A name in the tree that is no function; one object of each kind and name. */
	static special(profile, name, kind) {
		profile.specials = profile.specials || new Map();
		const key = kind + ' ' + name;

		if (!profile.specials.has(key))
			profile.specials.set(key, profile.addFunction(name, '', kind, '', 0));
		return profile.specials.get(key);
	}

	/* Where the stacks of each thread begin. */
	addBases(builder) {
		const { profile } = this, n = profile.threads.n;

		this.base = new Int32Array(n);
		this.idle = new Int32Array(n);
		this.waiting = new Int32Array(n);
		const idle = Tree.special(profile, '[not sampled]', 'idle');
		const waiting = Tree.special(profile, '[waiting for a CPU]', 'wait');
		for (let t = 0; t < n; t++) {
			if (this.group === 'all')
				continue;
			const process = profile.processes[profile.threadProcess[t]];
			let node = builder.child(0, Tree.special(profile, process.name, 'process'));

			if (this.group === 'thread')
				node = builder.child(node, Tree.special(profile, profile.threadName(t), 'thread'));
			this.base[t] = node;
		}
		for (let t = 0; t < n; t++) {
			this.idle[t] = builder.child(this.base[t], idle);
			this.waiting[t] = builder.child(this.base[t], waiting);
		}
	}

	/* Samples thread by thread, so that one array remembers where a stack ended in this thread. */
	addSamples(builder) {
		const { samples, stacks, threads } = this.profile;
		const next = new Uint32Array(threads.n + 1), order = new Uint32Array(samples.n);
		const end = new Int32Array(stacks.n), stamp = new Int32Array(stacks.n).fill(-1);
		const walk = this.reverse ? this.walkUp : this.walkDown;
		const lost = Tree.special(this.profile, '[stack lost]', 'lost');

		this.sampleNode = new Int32Array(samples.n);
		for (let i = 0; i < samples.n; i++)
			next[samples.thread[i] + 1]++;
		for (let t = 0; t < threads.n; t++)
			next[t + 1] += next[t];
		for (let i = 0; i < samples.n; i++)
			order[next[samples.thread[i]]++] = i;
		for (const i of order) {
			const base = this.base[samples.thread[i]], stack = samples.stack[i];

			this.sampleNode[i] = stack < 0 ? builder.child(base, lost) :
				walk.call(this, builder, base, stack, end, stamp);
		}
	}

	/* Root first: paths share their beginnings, so walk up to where one is known already. */
	walkDown(builder, base, stack, end, stamp) {
		const { parent, frame } = this.profile.stacks, fns = this.profile.frameFunction;
		const path = [];
		let row = stack;

		while (row >= 0 && stamp[row] !== base) {
			path.push(row);
			row = parent[row];
		}
		let node = row >= 0 ? end[row] : base;
		while (path.length) {
			row = path.pop();
			node = builder.step(node, fns[frame[row]], this.deeper);
			end[row] = node;
			stamp[row] = base;
		}
		return node;
	}

	/* Leaf first. */
	walkUp(builder, base, stack, end, stamp) {
		const { parent, frame } = this.profile.stacks, fns = this.profile.frameFunction;

		if (stamp[stack] === base)
			return end[stack];
		let node = base;
		for (let row = stack; row >= 0; row = parent[row])
			node = builder.step(node, fns[frame[row]], this.deeper);
		stamp[stack] = base;
		return end[stack] = node;
	}

	/*
	 * Values of the samples of the threads with on[t] (all without `on`) in [from, to) ns. With
	 * `by` 'samples' a sample is 1, and time that no sample hit is nothing; with 'wait' there is
	 * nothing but the time that each thread waited.
	 */
	fill(on, from, to, by) {
		from = Math.round(from);
		to = Math.round(to);
		this.selfNs.fill(0);
		this.selfCount.fill(0);
		if (by === 'wait')
			this.fillWaits(on, from, to);
		else
			this.fillSamples(on, from, to);
		this.totalNs.set(this.selfNs);
		this.totalCount.set(this.selfCount);
		for (let i = this.n - 1; i > 0; i--) {
			this.totalNs[this.parent[i]] += this.totalNs[i];
			this.totalCount[this.parent[i]] += this.totalCount[i];
		}
		this.self = by === 'samples' ? this.selfCount : this.selfNs;
		this.total = by === 'samples' ? this.totalCount : this.totalNs;
		if (this.children)
			this.place();
	}

	fillSamples(on, from, to) {
		const { profile, sampleNode } = this, { samples, threads } = profile;
		const [first, last] = profile.sampleRange(from, to);
		const weights = new Float64Array(threads.n), counts = new Uint32Array(threads.n);

		for (let i = first; i < last; i++) {
			const t = samples.thread[i];

			weights[t] += samples.weight_ns[i];
			counts[t]++;
			if (on && !on[t])
				continue;
			this.selfNs[sampleNode[i]] += samples.weight_ns[i];
			this.selfCount[sampleNode[i]]++;
		}
		this.threadIdleNs = weights.map((ns, t) => Math.max(0, profile.spanNs(t, from, to) - ns));
		for (let t = 0; t < threads.n; t++)
			if (!on || on[t])
				this.selfNs[this.idle[t]] += this.threadIdleNs[t];
		this.threadNs = weights.map((ns, t) => ns + this.threadIdleNs[t]);
		this.threadCount = counts;
	}

	fillWaits(on, from, to) {
		const { n } = this.profile.threads;

		this.threadIdleNs = new Float64Array(n);
		this.threadCount = new Uint32Array(n);
		this.threadNs = Float64Array.from({ length: n }, (_, t) => this.profile.spanNs(t, from, to, true));
		for (let t = 0; t < n; t++)
			if (!on || on[t])
				this.selfNs[this.waiting[t]] += this.threadNs[t];
	}

	/*
	 * children[childFirst[i]] … are the children of i: most CPU time of the whole report first.
	 * A brush does not move them, so that the eye can stay where it is.
	 */
	orderChildren() {
		const { n, parent } = this, first = new Uint32Array(n + 2), children = new Uint32Array(n);

		for (let i = 1; i < n; i++)
			first[parent[i] + 2]++;
		for (let i = 2; i < n + 2; i++)
			first[i] += first[i - 1];
		for (let i = 1; i < n; i++)
			children[first[parent[i] + 1]++] = i;
		this.childFirst = first;
		this.children = children;
		for (let i = 0; i < n; i++)
			if (first[i + 1] - first[i] > 1)
				this.sortChildren(first[i], first[i + 1]);
		this.place();
	}

	/* Most nodes have two or three children, for which a call of sort() costs more than its work. */
	sortChildren(from, to) {
		const { children, fn, totalNs, profile } = this, isMark = profile.isMark;
		const before = (a, b) => isMark[fn[a]] - isMark[fn[b]] || totalNs[b] - totalNs[a] || a - b;

		if (to - from > 12) {
			children.subarray(from, to).sort(before);
			return;
		}
		for (let i = from + 1; i < to; i++) {
			const node = children[i];
			let k = i;

			for (; k > from && before(node, children[k - 1]) < 0; k--)
				children[k] = children[k - 1];
			children[k] = node;
		}
	}

	/* start[i]: where node i begins, in the unit of the values. */
	place() {
		const { childFirst, children, start, total } = this;

		this.maxDepth = 0;
		start[0] = 0;
		for (let i = 0; i < this.n; i++) {
			let x = start[i];

			if (total[i] > 0 && this.depth[i] > this.maxDepth)
				this.maxDepth = this.depth[i];
			for (let c = childFirst[i]; c < childFirst[i + 1]; c++) {
				start[children[c]] = x;
				x += total[children[c]];
			}
		}
	}

	/* outermost[i]: no node above i is of the same function, so sums count a stack once. */
	findOutermost() {
		const { n, fn, childFirst, children } = this, depthOf = new Int32Array(this.profile.functions.n);
		const outermost = new Uint8Array(n), todo = new Int32Array(2 * n + 1);

		/* Depth first by an explicit stack; ~i on it means: leave i. */
		for (let top = 1; top;) {
			const i = todo[--top];

			if (i < 0) {
				depthOf[fn[~i]]--;
				continue;
			}
			outermost[i] = depthOf[fn[i]]++ === 0;
			todo[top++] = ~i;
			for (let c = childFirst[i]; c < childFirst[i + 1]; c++)
				todo[top++] = children[c];
		}
		this.outermost = outermost;
	}

	kind(i) {
		return this.profile.functions.kind[this.fn[i]];
	}

	name(i) {
		return this.profile.functions.name[this.fn[i]];
	}

	/* True where `above` is on the path from `i` to the root, i itself included. */
	within(i, above) {
		while (i > above)
			i = this.parent[i];
		return i === above;
	}
}

/* The folded text of what a (not reversed) tree shows: the format of `export -f folded`. */
const FOLDED_SUFFIX = { kernel: '_[k]', inlined: '_[i]', jit: '_[j]' };

function foldedName(tree, i) {
	return tree.name(i).replace(/;/g, ':').replace(/[\0-\x1f\x7f]/g, ' ') + (FOLDED_SUFFIX[tree.kind(i)] || '');
}

function foldedText(tree, by) {
	const lines = [], names = [];
	const unit = by === 'samples' ? 1 : 1000;

	for (let i = 1; i < tree.n; i++) {
		const above = tree.parent[i] ? names[tree.parent[i]] + ';' : '';

		names[i] = above + foldedName(tree, i);
		const value = Math.round(tree.self[i] / unit);
		if (value > 0)
			lines.push(names[i] + ' ' + value);
	}
	return lines.join('\n') + '\n';
}
