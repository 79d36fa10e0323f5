/* SPDX-License-Identifier: BSD-2-Clause */
/* Small things that every module uses: elements, numbers as people read them, text that fits. */

/* el('button', {class: 'x', onclick: f}, 'text', child…): data only ever becomes text nodes. */
function el(tag, attributes, ...children) {
	const node = document.createElement(tag);

	for (const [name, value] of Object.entries(attributes || {})) {
		if (name.startsWith('on'))
			node.addEventListener(name.slice(2), value);
		else if (value === true)
			node.setAttribute(name, '');
		else if (value !== false && value !== null && value !== undefined)
			node.setAttribute(name, value);
	}
	node.append(...children.filter(c => c !== null && c !== undefined));
	return node;
}

function clamp(v, low, high) {
	return Math.min(Math.max(v, low), high);
}

const countFormat = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 });

function formatCount(n) {
	return countFormat.format(n);
}

/* Three significant digits; a thin space before the unit keeps it on the line. */
function formatDigits(v) {
	if (v >= 100 || v === 0)
		return countFormat.format(v);
	return v >= 10 ? v.toFixed(1) : v.toFixed(2);
}

function formatNs(ns) {
	if (ns >= 99.95e9)
		return formatCount(ns / 1e9) + '\u202fs';
	if (ns >= 1e9)
		return formatDigits(ns / 1e9) + '\u202fs';
	if (ns === 0)
		return '0';
	if (ns >= 1e6)
		return formatDigits(ns / 1e6) + '\u202fms';
	return formatDigits(ns / 1e3) + '\u202f\u00b5s';
}

function formatShare(part, whole) {
	const share = whole > 0 ? 100 * part / whole : 0;

	if (share === 0)
		return '0\u202f%';
	if (share < 0.01)
		return '<\u202f0.01\u202f%';
	return (share < 1 ? share.toFixed(2) : share < 99.95 ? share.toFixed(1) : '100') + '\u202f%';
}

/* A value in the unit that the page counts in. */
function formatValue(value, by) {
	if (by === 'samples')
		return formatCount(value) + (value === 1 ? ' sample' : ' samples');
	return formatNs(value);
}

function basename(path) {
	return path.slice(path.lastIndexOf('/') + 1) || path;
}

/*
 * `a::b<c>::Thing::run(int, char)` -> `Thing::run`: what is left when there is no room. Brackets
 * are skipped as a whole; a name that would be empty then stays as it is.
 */
function shortName(name) {
	let depth = 0, text = '';

	if (name[0] === '[' || !name.includes('::') || name.includes('operator'))
		return name;
	for (const c of name) {
		if (c === '<' || c === '(')
			depth++;
		else if (c === '>' || c === ')')
			depth = Math.max(0, depth - 1);
		else if (!depth)
			text += c;
	}
	return text.split(' ')[0].split('::').slice(-2).join('::') || name;
}

/* Widths of text in one font, measured once a character. */
class TextMeasure {
	constructor(context, font) {
		this.context = context;
		this.font = font;
		this.widths = new Map();
	}

	char(c) {
		let width = this.widths.get(c);

		if (width === undefined) {
			this.context.font = this.font;
			width = this.context.measureText(c).width;
			this.widths.set(c, width);
		}
		return width;
	}

	/* `text` cut to `room` pixels with an ellipsis; '' where not even three characters fit. */
	fit(text, room) {
		const dots = this.char('\u2026');
		let width = 0, fits = 0, n = 0;

		for (const c of text) {
			width += this.char(c);
			if (width + dots <= room)
				fits += c.length;
			if (width > room)
				return fits >= 3 ? text.slice(0, fits) + '\u2026' : '';
			n++;
		}
		return n ? text : '';
	}
}

/* First index of a sorted array whose value is not below `v`. */
function lowerBound(sorted, v) {
	let low = 0, high = sorted.length;

	while (low < high) {
		const mid = (low + high) >>> 1;

		if (sorted[mid] < v)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

/* Sizes a canvas to its box in device pixels. Returns true where that cleared it. */
function fitCanvas(canvas, width, height) {
	const ratio = window.devicePixelRatio || 1;
	const w = Math.max(1, Math.round(width * ratio)), h = Math.max(1, Math.round(height * ratio));

	if (canvas.width === w && canvas.height === h)
		return false;
	canvas.width = w;
	canvas.height = h;
	return true;
}

function download(name, text) {
	const url = URL.createObjectURL(new Blob([text], { type: 'text/plain' }));
	const link = el('a', { href: url, download: name });

	document.body.append(link);
	link.click();
	link.remove();
	setTimeout(() => URL.revokeObjectURL(url), 10000);
}
