/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A list of rows of one height of which only those in sight exist as elements: 100,000 functions
 * scroll like ten. The owner says how a row looks: make() gives an element, update(element, item,
 * index) fills it, and elements are used again.
 */

class VirtualList {
	constructor(options) {
		this.rowHeight = options.rowHeight;
		this.make = options.make;
		this.update = options.update;
		this.items = [];
		this.rows = [];
		this.spacer = el('div', { class: 'list-spacer' });
		this.element = el('div', { class: 'list ' + (options.class || ''), role: options.role,
			'aria-label': options.label, tabindex: options.tabindex }, this.spacer);
		this.element.addEventListener('scroll', () => this.render(), { passive: true });
		new ResizeObserver(() => this.render()).observe(this.element);
	}

	set(items) {
		this.items = items;
		this.spacer.style.height = items.length * this.rowHeight + 'px';
		this.render();
	}

	render() {
		const top = this.element.scrollTop, height = this.element.clientHeight;
		const first = Math.max(0, Math.floor(top / this.rowHeight) - 2);
		const n = clamp(Math.ceil(height / this.rowHeight) + 4, 0, this.items.length - first);

		while (this.rows.length < n) {
			const row = this.make();

			row.style.height = this.rowHeight + 'px';
			this.rows.push(row);
			this.spacer.append(row);
		}
		for (let i = 0; i < this.rows.length; i++) {
			const row = this.rows[i];

			row.hidden = i >= n;
			if (i >= n)
				continue;
			row.style.transform = 'translateY(' + (first + i) * this.rowHeight + 'px)';
			row.dataset.index = first + i;
			this.update(row, this.items[first + i], first + i);
		}
	}

	/* Index of the row that an event happened in, or -1. */
	indexOf(event) {
		const row = event.target.closest('[data-index]');

		return row && this.element.contains(row) ? Number(row.dataset.index) : -1;
	}

	show(index) {
		const top = index * this.rowHeight, { scrollTop, clientHeight } = this.element;

		if (top < scrollTop)
			this.element.scrollTop = top;
		else if (top + this.rowHeight > scrollTop + clientHeight)
			this.element.scrollTop = top + this.rowHeight - clientHeight;
		this.render();
	}
}
