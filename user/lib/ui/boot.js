/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The start of a page that carries its report. `window.backdraft` is the only global: for tests,
 * for the console, and for another page, which can load() a report of its own and open() it.
 */

/* What is seen now, in numbers; values are ns or samples. */
function pageProbe(page) {
	const tree = () => page.tree(), { flame } = page;
	const find = (name, under) => {
		for (let i = 1; i < tree().n; i++)
			if (tree().name(i) === name && (under === undefined || tree().within(i, under)) && tree().total[i] > 0)
				return i;
		return -1;
	};

	return {
		page,
		total: () => tree().total[0],
		value: node => tree().total[node],
		find,
		folded: () => foldedText(page.forward(), page.state.by),
		functions: () => page.table.rows.map(fn => ({ name: page.profile.functions.name[fn],
			self: page.table.sums.self[fn], total: page.table.sums.total[fn] })),
		neighbours: () => Object.fromEntries(Object.entries(page.table.neighbours || {}).map(([k, list]) =>
			[k, list.map(({ fn, value }) => ({ name: page.profile.functions.name[fn], value }))])),
		matched: () => page.matchedValue,
		selected: () => tree().name(flame.selected),
		zoomed: () => tree().name(flame.zoomNode),
		view: () => flame.view.slice(),
		settled: () => !flame.animation && !flame.frame && !page.refilling,
		/* Frames on the canvas: name, and where they are on the screen. */
		visible: () => {
			const box = flame.canvas.getBoundingClientRect(), d = flame.drawn, frames = [];

			for (let i = 0; i < d.n; i++)
				if (d.node[i] >= 0)
					frames.push({ name: tree().name(d.node[i]), kind: tree().kind(d.node[i]), node: d.node[i],
						x: box.left + d.x[i], y: box.top + flame.rowTop(d.row[i]), w: d.w[i], h: ROW });
			return frames;
		},
		/* Of a page that compares: by function, in ns, and whether it is more than chance. */
		differences: () => page.table.rows.map(fn => {
			const { self, total } = page.diff.ofFunctions(), { diff } = page;

			return { name: page.profile.functions.name[fn], self: self.value.map(v => v[fn]), total: total.value.map(v => v[fn]),
				changed: diff.changed(self, fn, fn), totalChanged: diff.changed(total, fn, fn) };
		}),
		differenceFolded: () => page.diff.folded(page.forward()),
		/* Milliseconds of one full redraw until its pixels are there: the median of n, since one that another
		 * program interrupts says nothing of the page. */
		redrawMs: n => {
			const times = new Float64Array(n).map(() => {
				const begin = performance.now();

				flame.paint();
				flame.context.getImageData(0, 0, 1, 1);
				return performance.now() - begin;
			});

			return times.sort()[n >> 1];
		},
	};
}

async function boot() {
	const root = document.getElementById('backdraft-page');
	const data = document.getElementById('backdraft-report');
	const options = document.getElementById('backdraft-options');

	window.backdraft = { load: reportOfBase64, open: (element, report, o) => pageProbe(new Page(element, report, o)) };
	if (!data)
		return;
	try {
		const report = await reportOfBase64(data.textContent);

		data.remove();
		Object.assign(window.backdraft, window.backdraft.open(root, report,
			options ? JSON.parse(options.textContent) : {}));
		window.backdraft.ready = true;
	} catch (error) {
		window.backdraft.error = error;
		root.replaceChildren(el('p', { class: 'loading error', role: 'alert' }, error.message));
		throw error;
	}
}

boot();
