/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Colours, all of them from OKLCH (Björn Ottosson, "A perceptual color space for image processing",
 * 2020), so that frames of one rank are equally bright. User code is warm and kernel code blue:
 * the pair that every kind of colour blindness tells apart; brightness tells inlined from native.
 */

function oklch(l, c, h) {
	const a = c * Math.cos(h * Math.PI / 180), b = c * Math.sin(h * Math.PI / 180);
	const [x, y, z] = [l + 0.3963377774 * a + 0.2158037573 * b, l - 0.1055613458 * a - 0.0638541728 * b,
		l - 0.0894841775 * a - 1.2914855480 * b].map(v => v * v * v);
	const rgb = [4.0767416621 * x - 3.3077115913 * y + 0.2309699292 * z,
		-1.2684380046 * x + 2.6097574011 * y - 0.3413193965 * z,
		-0.0041960863 * x - 0.7034186147 * y + 1.7076147010 * z];

	return 'rgb(' + rgb.map(v => {
		v = clamp(v, 0, 1);
		return Math.round(255 * (v <= 0.0031308 ? 12.92 * v : 1.055 * Math.pow(v, 1 / 2.4) - 0.055));
	}).join(',') + ')';
}

/* [lightness, chroma, hue] in light and dark. */
const KINDS = {
	kernel: { label: 'kernel', light: [0.80, 0.085, 250], dark: [0.56, 0.095, 252] },
	native: { label: 'user', light: [0.82, 0.118, 66], dark: [0.62, 0.115, 58] },
	inlined: { label: 'inlined', light: [0.91, 0.088, 88], dark: [0.74, 0.100, 82] },
	jit: { label: 'JIT', light: [0.80, 0.095, 168], dark: [0.60, 0.090, 172] },
	cut: { label: 'stack cut', light: [0.82, 0.075, 12], dark: [0.54, 0.090, 12] },
	idle: { label: 'not sampled', light: [0.90, 0.006, 260], dark: [0.37, 0.010, 260] },
	lost: { label: 'stack lost', light: [0.84, 0.006, 260], dark: [0.44, 0.010, 260] },
	wait: { label: 'waiting for a CPU', light: [0.84, 0.06, 310], dark: [0.52, 0.07, 310] },
	process: { label: 'process', light: [0.885, 0.014, 260], dark: [0.345, 0.018, 262] },
	thread: { label: 'thread', light: [0.925, 0.011, 260], dark: [0.305, 0.016, 262] },
	root: { label: 'all', light: [0.955, 0.008, 260], dark: [0.265, 0.014, 262] },
	other: { label: 'other', light: [0.83, 0.090, 310], dark: [0.60, 0.090, 310] },
};
const CODE_KINDS = ['native', 'inlined', 'jit', 'kernel', 'other'];

/* FNV-1a: the same text has the same colour in every report. */
function hashText(text) {
	let hash = 0x811c9dc5;

	for (let i = 0; i < text.length; i++)
		hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
	hash ^= hash >>> 15;
	hash = Math.imul(hash, 0x2c1b3c6d);
	return (hash ^ hash >>> 12) >>> 0;
}

function kindOf(kind) {
	return KINDS[kind] ? kind : 'other';
}

function isCode(kind) {
	return kind !== 'cut' && (!KINDS[kind] || CODE_KINDS.includes(kind));
}

class Palette {
	constructor(profile, dark) {
		this.profile = profile;
		this.dark = dark;
		this.cache = { kind: [], module: [] };
		this.chrome = dark ? {
			background: oklch(0.205, 0.012, 262), text: oklch(0.96, 0.004, 260), faded: 0.42,
			gap: oklch(0.205, 0.012, 262), match: oklch(0.66, 0.20, 350), hover: '#ffffff',
			select: '#ffffff', axis: oklch(0.68, 0.01, 260), grid: 'rgba(255,255,255,0.10)',
			small: oklch(0.40, 0.012, 262), hatch: 'rgba(0,0,0,0.38)', veil: 'rgba(24,26,32,0.62)',
			onFrame: oklch(0.99, 0.002, 260),
		} : {
			background: '#ffffff', text: oklch(0.24, 0.02, 262), faded: 0.42,
			gap: '#ffffff', match: oklch(0.72, 0.19, 350), hover: oklch(0.24, 0.02, 262),
			select: oklch(0.24, 0.02, 262), axis: oklch(0.50, 0.015, 260), grid: 'rgba(20,30,50,0.09)',
			small: oklch(0.87, 0.010, 260), hatch: 'rgba(120,20,50,0.30)', veil: 'rgba(248,249,251,0.72)',
			onFrame: oklch(0.24, 0.02, 262),
		};
	}

	kindColor(kind, shade) {
		const [l, c, h] = KINDS[kindOf(kind)][this.dark ? 'dark' : 'light'];

		return oklch(l + (shade || 0) * 0.035, c, h + (shade || 0) * 5);
	}

	moduleColor(module, shade) {
		/* 20 hues, none of them near the kernel's blue */
		const hash = hashText(basename(module)), hue = 280 + (hash % 20) * 15;
		const l = (this.dark ? 0.58 : 0.82) + ((hash >>> 8) % 3 - 1) * 0.025;

		if (module === '[kernel]' || module === '')
			return this.kindColor(module ? 'kernel' : 'lost', shade);
		return oklch(l + (shade || 0) * 0.025, this.dark ? 0.095 : 0.092, hue);
	}

	/* A process or thread in the strip of time. */
	seriesColor(rank) {
		const hues = [48, 250, 165, 320, 95, 210, 20, 280];

		if (rank >= hues.length)
			return this.dark ? oklch(0.50, 0.012, 260) : oklch(0.78, 0.012, 260);
		return oklch(this.dark ? 0.66 : 0.72, 0.125, hues[rank]);
	}

	/* -5 (colder) to 5 (hotter), 0 is noise: red and blue, which no kind of colour blindness mixes up. */
	changeColor(step) {
		const size = Math.abs(step), hue = step > 0 ? 30 : 248;

		if (!step)
			return this.kindColor('idle');
		return this.dark ? oklch(0.40 + 0.045 * size, 0.05 + 0.024 * size, hue) :
			oklch(0.95 - 0.062 * size, 0.02 + 0.026 * size, hue);
	}

	/* Colour of a function; neighbours differ a little, so that edges are seen. */
	color(fn, by) {
		const cache = this.cache[by];

		if (cache[fn])
			return cache[fn];
		const { kind, module, name } = this.profile.functions;
		const code = isCode(kind[fn]);
		const shade = code ? (hashText(name[fn]) % 5 - 2) / 2 : 0;

		return cache[fn] = by === 'module' && code ? this.moduleColor(module[fn], shade) :
			this.kindColor(kind[fn], shade);
	}
}
