/* SPDX-License-Identifier: BSD-2-Clause */
/* Keys of the whole page, and the overlay that lists them: one table serves both. */

function keyTable(page) {
	const { flame } = page, up = () => page.state.orientation === 'flame';

	return [
		{ keys: ['ArrowUp'], graph: true, label: '\u2191 \u2193', text: 'caller and largest callee, as they lie',
			run: () => flame.move(up() ? 'in' : 'out') },
		{ keys: ['ArrowDown'], graph: true, run: () => flame.move(up() ? 'out' : 'in') },
		{ keys: ['ArrowLeft'], graph: true, label: '\u2190 \u2192', text: 'frames beside', run: () => flame.move('left') },
		{ keys: ['ArrowRight'], graph: true, run: () => flame.move('right') },
		{ keys: ['Enter', ' '], graph: true, label: 'Enter', text: 'zoom to the selected frame', run: () => flame.zoom(flame.selected) },
		{ keys: ['Backspace'], label: 'Backspace', text: 'back to the zoom before', run: () => flame.zoomBack() },
		{ keys: ['Escape'], label: 'Esc', text: 'clear the search, then the selection, then zoom out', run: () => page.escape() },
		{ keys: ['/'], label: '/ or Ctrl-F', text: 'search by regular expression', run: () => page.focusSearch() },
		{ keys: ['n'], label: 'n N', text: 'next and previous match', run: () => page.nextMatch(1) },
		{ keys: ['N'], run: () => page.nextMatch(-1) },
		{ keys: ['i'], label: 'i', text: 'icicle or flame', run: () => page.toggle('orientation') },
		{ keys: ['r'], label: 'r', text: 'callers from the leaf (reverse)', run: () => page.toggle('reverse') },
		{ keys: ['g'], label: 'g', text: 'threads apart, merged into processes, all in one', run: () => page.toggle('group') },
		{ keys: ['m'], label: 'm', text: page.diff ? 'colours by change, kind or module' : 'colours by kind or by module', run: () => page.toggle('colorBy') },
		{ keys: ['v'], label: 'v', text: 'CPU time, samples, or waiting for a CPU', hidden: page.diff, run: () => page.toggle('by') },
		{ keys: ['c'], label: 'c', text: 'copy the name of the selected function', run: () => page.copySelected() },
		{ keys: ['t'], label: 't', text: 'light or dark', run: () => page.toggle('theme') },
		{ keys: ['?'], label: '?', text: 'this list', run: () => page.showHelp() },
	];
}

const POINTER_HELP = [
	['click', 'zoom to a frame; click its root to zoom out'],
	['Ctrl + wheel', 'zoom at the pointer; drag moves sideways'],
	['drag on the time', 'restrict everything to a part; double click shows all'],
];

function listenKeys(page, target) {
	const table = keyTable(page);

	target.addEventListener('keydown', event => {
		const typing = /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName) && event.target.type !== 'checkbox';

		if ((event.ctrlKey || event.metaKey) && event.key === 'f' && event.target !== page.search) {
			event.preventDefault();
			page.focusSearch();
			return;
		}
		if (typing || event.ctrlKey || event.metaKey || event.altKey || page.help.open)
			return;
		const onButton = event.target.closest('button, input, summary') && (event.key === 'Enter' || event.key === ' ');
		const entry = table.find(e => e.keys.includes(event.key));
		if (!entry || onButton || (entry.graph && event.target.closest('.list, .strip')))
			return;
		event.preventDefault();
		entry.run();
	});
}

function buildHelp(page) {
	const rows = keyTable(page).filter(e => e.label && !e.hidden).map(e => [e.label, e.text]).concat(POINTER_HELP);
	const dialog = el('dialog', { class: 'help', 'aria-label': 'Keys' },
		el('div', { class: 'panel-head' }, el('h2', {}, 'Keys'), el('span', { class: 'grow' }),
			el('button', { class: 'small', onclick: () => dialog.close() }, 'Close')),
		el('dl', {}, ...rows.flatMap(([key, text]) => [el('dt', {}, el('kbd', {}, key)), el('dd', {}, text)])));

	dialog.addEventListener('click', e => e.target === dialog && dialog.close());
	return dialog;
}
