/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The page: one state, and what follows from each change of it. Parts read the state and the tree
 * through the page and tell it what the user did; they do not know of each other.
 */

const GROUPS = ['thread', 'process', 'all'];
/* Alarms that are about what the others do to the client. */
const OTHERS_MATTER = ['starvation', 'throttled', 'pressure'];

class Page {
	constructor(root, report, options) {
		this.profile = new Profile(report);
		this.diff = options && options.diff ? new Diff(this.profile, options.diff) : null;
		this.state = { orientation: 'flame', reverse: false, group: 'thread', by: 'cpu', colorBy: 'kind',
			theme: window.matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light',
			brush: null, mark: null, threadsOn: null, matched: null, search: '', focusFn: -1 };
		if (this.diff)
			this.state.colorBy = 'change';
		this.state.group = this.firstGroup();
		this.trees = new Map();
		this.palettes = {};
		this.applyOptions(options || {});
		this.build(root, options || {});
		this.refill();
		this.threads.rebuild();
		this.flame.reset();
		this.flame.scrollToRoot();
		this.announce('Flame graph of ' + formatCount(this.profile.samples.n) + ' samples');
	}

	/* A pool of threads that all do the same hides what they do, so a large one begins merged. */
	firstGroup() {
		const { processes, threads, onCpuNs } = this.profile;
		const crowded = processes.some(p => p.threads.filter(t => threads.on_cpu_ns[t] > 0.02 * onCpuNs).length > 4);

		return crowded ? 'process' : 'thread';
	}

	/* What the command line asked for is what is seen first. */
	applyOptions(o) {
		const { profile, state } = this;
		let pattern = null;

		state.by = ['samples', 'wait'].includes(o.by) ? o.by : 'cpu';
		state.reverse = Boolean(o.reverse);
		if (o.from_s || o.to_s)
			state.brush = [(o.from_s || 0) * 1e9, o.to_s ? o.to_s * 1e9 : profile.durationNs]
				.map(v => clamp(v, 0, profile.durationNs));
		try {
			pattern = o.thread ? new RegExp(o.thread) : null;
		} catch (error) {
			/* PCRE2 knows more than this browser; then all threads are shown */
		}
		if (o.pid || pattern) {
			const { threads } = profile;

			state.threadsOn = Uint8Array.from({ length: threads.n }, (_, t) =>
				(!o.pid || threads.pid[t] === o.pid) && (!pattern || pattern.test(profile.threadName(t))) ? 1 : 0);
		} else if (profile.hasClient && (o.client || !OTHERS_MATTER.includes(profile.report.trigger.kind))) {
			state.threadsOn = profile.clientThreads();
		}
	}

	build(root, options) {
		this.strip = new TimeStrip(this);
		this.flame = new FlameGraph(this);
		this.threads = new ThreadList(this);
		this.table = new FunctionTable(this);
		this.logs = new LogPanel(this);
		this.crash = new CrashPanel(this, options.crash);
		this.seconds = new SecondsPanel(this);
		this.controls = new Controls(this);
		this.search = this.controls.search;
		this.tooltip = el('div', { class: 'tooltip', hidden: true, role: 'tooltip' });
		this.detail = el('div', { class: 'detail-text' });
		this.live = el('div', { class: 'hidden-text', 'aria-live': 'polite' });
		this.help = buildHelp(this);
		this.themeButton = el('button', { onclick: () => this.toggle('theme'), title: 'Light or dark (t)' }, 'Dark');
		const splitter = el('div', { class: 'splitter', role: 'separator', 'aria-orientation': 'horizontal',
			'aria-label': 'Height of the tables: arrows change it', tabindex: '0' });
		this.lower = el('div', { class: 'lower' }, this.table.element, this.table.detail);
		const head = buttons => this.diff ? this.diff.head(buttons) : buildHead(this.profile, buttons);
		this.root = el('div', { class: this.diff ? 'page diff' : 'page' },
			head([el('button', { onclick: () => this.downloadFolded(),
				title: 'Download the folded stacks of what is shown' }, 'Folded text'), this.themeButton, el('button', { onclick: () => this.showHelp(), title: 'Keys (?)' }, 'Keys')]),
			el('section', { class: 'time', 'aria-label': 'Time' },
				el('div', { class: 'time-head' }, el('h2', {}, 'CPUs in use'), el('span', { class: 'grow' }),
					this.strip.caption, this.strip.clear), this.strip.element),
			this.crash.element, this.seconds.element, this.logs.element,
			this.controls.element,
			el('div', { class: 'body' }, this.threads.element,
				el('div', { class: 'center' }, this.flame.element,
					el('div', { class: 'detail' }, this.detail, this.controls.legend), splitter, this.lower)),
			this.tooltip, this.live, this.help);
		root.replaceChildren(this.root);
		this.listenSplitter(splitter);
		listenKeys(this, document);
		this.applyTheme();
	}

	listenSplitter(splitter) {
		const resize = height => {
			const room = this.lower.parentElement.clientHeight;

			this.lower.style.flexBasis = clamp(height, 60, Math.max(60, room - 140)) + 'px';
		};
		splitter.addEventListener('pointerdown', e => splitter.setPointerCapture(e.pointerId));
		splitter.addEventListener('pointermove', e => {
			if (splitter.hasPointerCapture(e.pointerId))
				resize(this.lower.getBoundingClientRect().bottom - e.clientY);
		});
		splitter.addEventListener('keydown', e => {
			const by = { ArrowUp: 24, ArrowDown: -24 }[e.key];

			if (!by)
				return;
			resize(this.lower.clientHeight + by);
			e.preventDefault();
			e.stopPropagation();
		});
	}

	/* --- what the parts read */
	treeOf(group, reverse) {
		const key = group + reverse;

		if (!this.trees.has(key)) {
			const tree = new Tree(this.profile, group, reverse);

			this.trees.set(key, tree);
			this.fillTree(tree);
		}
		return this.trees.get(key);
	}

	tree() {
		return this.treeOf(this.state.group, this.state.reverse);
	}

	forward() {
		return this.treeOf(this.state.group, false);
	}

	palette() {
		const { theme } = this.state;

		if (!this.palettes[theme])
			this.palettes[theme] = new Palette(this.profile, theme === 'dark');
		return this.palettes[theme];
	}

	frameColor(node) {
		const { colorBy } = this.state, tree = this.tree();

		return colorBy === 'change' && node ? this.palette().changeColor(this.diff.nodeStep(tree, node)) :
			this.palette().color(tree.fn[node], colorBy === 'change' ? 'kind' : colorBy);
	}

	functionColor(fn) {
		const { colorBy } = this.state;

		return colorBy === 'change' ? this.palette().changeColor(this.diff.step(this.diff.ofFunctions().self, fn, fn)) :
			this.palette().color(fn, colorBy);
	}

	rootLabel() {
		if (this.diff)
			return 'all \u00b7 ' + this.diff.value(this.diff.facts.sides[0].total);
		return 'all \u00b7 ' + formatValue(this.tree().total[0], this.state.by);
	}

	/* --- what follows from a change */
	fillTree(tree) {
		const { brush, threadsOn, by } = this.state;

		tree.fill(threadsOn, brush ? brush[0] : 0, brush ? brush[1] : Infinity, by);
		tree.filled = this.filling;
	}

	/* Values: the brush, the ticks, the unit. Trees that are not shown now are left for later. */
	refill() {
		this.filling = (this.filling || 0) + 1;
		for (const tree of new Set([this.tree(), this.forward()]))
			this.fillTree(tree);
		this.flame.reset(true);
		this.table.update();
		this.threads.items && this.threads.update();
		this.strip.update();
		this.controls.update();
		this.controls.updateLegend(this.palette());
		this.updateMatch();
		this.showDetail(this.flame.selected);
	}

	/* While the brush is dragged there is at most one update a frame. */
	refillSoon() {
		if (!this.refilling)
			this.refilling = requestAnimationFrame(() => {
				this.refilling = 0;
				this.refill();
			});
	}

	/* Another tree is shown. */
	reshape() {
		if (this.tree().filled !== this.filling)
			this.fillTree(this.tree());
		if (this.forward().filled !== this.filling)
			this.fillTree(this.forward());
		this.flame.reset();
		this.flame.scrollToRoot();
		this.refill();
	}

	set(field, value) {
		/* Two sides have one unit, which the command line chose. */
		if (this.state[field] === value || (this.diff && field === 'by'))
			return;
		this.state[field] = value;
		if (field === 'theme') {
			this.applyTheme();
		} else if (field === 'reverse' || field === 'group') {
			this.reshape();
		} else if (field === 'by') {
			this.refill();
			this.threads.rebuild();
		} else {
			this.flame.resize();
			if (field === 'orientation')
				this.flame.scrollToRoot();
			this.table.list.render();
			this.flame.paint();
			this.controls.update();
			this.controls.updateLegend(this.palette());
		}
		this.announceChoice(field);
	}

	toggle(field) {
		const next = { orientation: { flame: 'icicle', icicle: 'flame' },
			colorBy: { change: 'kind', kind: 'module', module: this.diff ? 'change' : 'kind' },
			by: { cpu: 'samples', samples: 'wait', wait: 'cpu' }, theme: { light: 'dark', dark: 'light' } }[field];

		if (field === 'reverse')
			this.set(field, !this.state.reverse);
		else if (field === 'group')
			this.set(field, GROUPS[(GROUPS.indexOf(this.state.group) + 1) % GROUPS.length]);
		else
			this.set(field, next[this.state[field]]);
	}

	announceChoice(field) {
		const choice = (CHOICES[field] || []).find(([value]) => value === this.state[field]);

		if (choice)
			this.announce(CHOICE_NAMES[field] + ': ' + choice[1]);
	}

	applyTheme() {
		const { theme } = this.state;

		document.documentElement.dataset.theme = theme;
		this.themeButton.textContent = theme === 'dark' ? 'Light' : 'Dark';
		if (!this.table.sums)
			return;
		this.flame.paint();
		this.strip.paint();
		this.threads.update();
		this.table.list.render();
		this.crash.render();
		this.controls.updateLegend(this.palette());
	}

	/* --- what the parts tell */
	onBrush(brush, dragging) {
		this.state.brush = brush;
		if (dragging)
			this.refillSoon();
		else
			this.refill();
		if (dragging)
			return;
		this.threads.rebuild();
		this.announce(brush ? 'Showing ' + formatSpan(brush) : 'Showing the whole window');
	}

	/* A moment that something else than the picture tells of: ns from the window's start, or null. */
	onMark(ns, text) {
		this.state.mark = ns;
		this.strip.paint();
		if (text)
			this.announce((ns === null ? '' : (ns / 1e9).toFixed(3) + ' s: ') + text);
	}

	onThreads() {
		this.refill();
	}

	onView() {
		this.controls.updateZoom();
	}

	onZoom(node) {
		this.announce(node ? 'Zoomed to ' + this.describe(node) : 'Zoomed out');
	}

	onSelect(node) {
		this.showDetail(node);
		this.announce(this.describe(node));
		const fn = this.tree().fn[node];
		if (!NO_CODE.has(this.tree().kind(node)) && this.profile.functions.kind[fn] !== 'cut')
			this.onFunction(fn, true);
	}

	onFunction(fn, fromGraph) {
		this.state.focusFn = fn;
		this.table.select();
		this.flame.schedule();
		if (!fromGraph && fn >= 0)
			this.announce(this.profile.functions.name[fn] + ': callers and callees are beside the table');
	}

	/* For a part that knows no nodes: the largest of what is shown is selected. */
	showFunction(fn) {
		const tree = this.tree();
		let node = -1;

		for (let i = 1; i < tree.n; i++)
			if (tree.fn[i] === fn && tree.outermost[i] && tree.total[i] > (node < 0 ? 0 : tree.total[node]))
				node = i;
		if (node >= 0) {
			this.flame.select(node);
			this.flame.element.scrollIntoView({ block: 'nearest' });
			return;
		}
		const text = this.profile.functions.name[fn] + ' is not in the flame graph that is shown';
		this.detail.replaceChildren(el('span', { class: 'muted' }, text));
		this.announce(text);
	}

	onHover(node, event) {
		if (node < 0 || !event) {
			this.tooltip.hidden = true;
			return;
		}
		if (node !== this.tooltipNode || this.tooltip.hidden) {
			this.tooltipNode = node;
			this.tooltip.replaceChildren(...this.facts(node).map(([text, kind]) => el('div', { class: kind }, text)));
			this.tooltip.hidden = false;
		}
		const { offsetWidth: w, offsetHeight: h } = this.tooltip;
		const x = event.clientX + 14 + w > window.innerWidth ? event.clientX - w - 10 : event.clientX + 14;
		const y = event.clientY + 18 + h > window.innerHeight ? event.clientY - h - 10 : event.clientY + 18;
		this.tooltip.style.transform = 'translate(' + Math.max(4, x) + 'px,' + Math.max(4, y) + 'px)';
	}

	/* --- words */
	facts(node) {
		const tree = this.tree(), fn = tree.fn[node], { module, kind } = this.profile.functions;
		const value = formatNs(tree.totalNs[node]), place = this.profile.place(fn);
		const lines = [[node ? tree.name(node) : 'all', 'tip-name']];

		if (module[fn] || place)
			lines.push([[module[fn], place].filter(s => s).join(' \u00b7 '), 'tip-place']);
		if (this.diff)
			return lines.concat(this.diff.describe(tree, node));
		lines.push([value + ' \u00b7 ' + formatShare(tree.total[node], tree.total[0]) + ' of all' +
			(this.flame.zoomNode ? ' \u00b7 ' + formatShare(tree.total[node], tree.total[this.flame.zoomNode]) + ' of the zoom' : ''),
		'tip-value']);
		lines.push([[this.state.by === 'wait' ? '' : formatValue(tree.totalCount[node], 'samples'),
			tree.self[node] ? 'self ' + formatValue(tree.self[node], this.state.by) : '',
			isCode(kind[fn]) ? KINDS[kindOf(kind[fn])].label : ''].filter(s => s).join(' \u00b7 '), 'tip-more']);
		if (kind[fn] === 'cut')
			lines.push(['The stack could not be walked further to its root', 'tip-more']);
		if (kind[fn] === 'wait')
			lines.push(['It could run, and every CPU that it may use had something else to do', 'tip-more']);
		if (kind[fn] === 'idle')
			lines.push(['Exact CPU time in which no sample hit the thread', 'tip-more']);
		return lines;
	}

	describe(node) {
		return this.facts(node).map(([text]) => text).join(', ');
	}

	showDetail(node) {
		this.detail.replaceChildren(...this.facts(node).map(([text, kind]) => el('span', { class: kind }, text)));
	}

	announce(text) {
		this.live.textContent = text;
	}

	/* --- search */
	setSearch(text) {
		let expression = null, error = null;

		try {
			expression = text ? new RegExp(text, 'i') : null;
		} catch (problem) {
			error = problem.message.replace(/^Invalid regular expression: /, '');
		}
		this.state.search = error ? this.state.search : text;
		if (!error)
			this.state.matched = expression ? matchFunctions(this.profile, expression) : null;
		this.searchError = error;
		this.table.order();
		this.updateMatch();
		this.flame.schedule();
	}

	updateMatch() {
		const { state } = this, tree = this.tree();

		/* trees that were built since have names of their own */
		if (state.matched && state.matched.length < this.profile.functions.n)
			state.matched = matchFunctions(this.profile, new RegExp(state.search, 'i'));
		this.matchedValue = state.matched ? matchedTotal(tree, state.matched) : 0;
		this.controls.showMatch(state.matched ? formatShare(this.matchedValue, tree.total[0]) + (this.diff ? '' : ' \u00b7 ' +
			formatValue(this.matchedValue, state.by)) : '', this.searchError);
	}

	focusSearch() {
		this.search.focus();
		this.search.select();
	}

	/* Outermost frames with a match, the largest first, one after the other. */
	nextMatch(step) {
		const { matched } = this.state, tree = this.tree();

		if (!matched)
			return;
		const nodes = [];
		for (let i = 1; i < tree.n; i++)
			if (matched[tree.fn[i]] && tree.outermost[i] && tree.total[i] > 0)
				nodes.push(i);
		if (!nodes.length)
			return;
		nodes.sort((a, b) => tree.total[b] - tree.total[a] || a - b);
		const at = nodes.indexOf(this.flame.selected);
		this.flame.select(nodes[(at < 0 ? (step > 0 ? 0 : nodes.length - 1) : at + step + nodes.length) % nodes.length]);
	}

	escape() {
		if (this.state.search || this.searchError) {
			this.search.value = '';
			this.setSearch('');
		} else if (this.state.focusFn >= 0) {
			this.onFunction(-1);
		} else {
			this.flame.zoom(0);
		}
	}

	/* --- the rest */
	showHelp() {
		this.help.showModal();
	}

	copySelected() {
		this.copy(this.tree().name(this.flame.selected));
	}

	async copy(text) {
		try {
			await navigator.clipboard.writeText(text);
		} catch (error) {
			/* file:// pages may have no clipboard */
			const area = el('textarea', { class: 'hidden-text' });

			area.value = text;
			this.root.append(area);
			area.select();
			document.execCommand('copy');
			area.remove();
		}
		this.announce('Copied ' + text);
	}

	downloadFolded() {
		download('backdraft.folded', this.diff ? this.diff.folded(this.forward()) : foldedText(this.forward(), this.state.by));
	}
}
