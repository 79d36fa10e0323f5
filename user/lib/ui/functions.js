/* SPDX-License-Identifier: BSD-2-Clause */
/* Sums by function over a (not reversed) tree. A stack counts once for a function or a call in it. */

const NO_CODE = new Set(['root', 'process', 'thread', 'idle', 'lost', 'wait']);

/* {self, total, selfCount, totalCount}: arrays by function. */
function functionSums(tree) {
	const n = tree.profile.functions.n;
	const sums = { self: new Float64Array(n), total: new Float64Array(n), count: new Float64Array(n) };

	for (let i = 0; i < tree.n; i++) {
		const fn = tree.fn[i];

		sums.self[fn] += tree.self[i];
		if (tree.outermost[i]) {
			sums.total[fn] += tree.total[i];
			sums.count[fn] += tree.totalCount[i];
		}
	}
	return sums;
}

/* Functions with a value, as rows for the table. Marks such as [not sampled] are not functions. */
function functionRows(tree, sums) {
	const { kind } = tree.profile.functions, rows = [];

	for (let fn = 0; fn < sums.total.length; fn++)
		if (sums.total[fn] > 0 && !NO_CODE.has(kind[fn]))
			rows.push(fn);
	return rows;
}

/* The same call further up on the path of node `i` counts already. */
function callSeenAbove(tree, i) {
	const callee = tree.fn[i], caller = tree.fn[tree.parent[i]];

	for (let p = tree.parent[i]; p > 0; p = tree.parent[p])
		if (tree.fn[p] === callee && tree.fn[tree.parent[p]] === caller)
			return true;
	return false;
}

function sortedNeighbours(values) {
	return [...values].map(([fn, value]) => ({ fn, value })).sort((a, b) => b.value - a.value);
}

/* {callers, callees}: [{fn, value}], the largest first. */
function functionNeighbours(tree, fn) {
	const callers = new Map(), callees = new Map();
	const add = (map, other, value) => map.set(other, (map.get(other) || 0) + value);

	for (let i = 1; i < tree.n; i++) {
		if (tree.total[i] <= 0)
			continue;
		const above = tree.fn[tree.parent[i]];

		if (tree.fn[i] === fn && !(tree.outermost[i] ? false : callSeenAbove(tree, i)))
			add(callers, above, tree.total[i]);
		if (above === fn && (tree.outermost[tree.parent[i]] || !callSeenAbove(tree, i)))
			add(callees, tree.fn[i], tree.total[i]);
	}
	return { callers: sortedNeighbours(callers), callees: sortedNeighbours(callees) };
}

/* matched[fn] = 1 where the expression finds something in the name of a function of the tree. */
function matchFunctions(profile, expression) {
	const { n, name, module } = profile.functions, matched = new Uint8Array(n);

	for (let fn = 0; fn < n; fn++)
		matched[fn] = expression.test(name[fn]) ? 1 : 0;
	return matched;
}

/* What stacks with a match have in all. Nodes come after their parents, so one pass is enough. */
function matchedTotal(tree, matched) {
	const inside = new Uint8Array(tree.n);
	let sum = 0;

	for (let i = 0; i < tree.n; i++) {
		if (i && inside[tree.parent[i]]) {
			inside[i] = 1;
		} else if (matched[tree.fn[i]]) {
			inside[i] = 1;
			sum += tree.total[i];
		}
	}
	return sum;
}
