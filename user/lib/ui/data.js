/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Loading: the bytes that html_data.h describes become the report as an object: maps as they are,
 * tables as {n, column: typed array, …}. Nothing here knows of a page.
 */

async function inflate(bytes) {
	const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('deflate'));

	return new Uint8Array(await new Response(stream).arrayBuffer());
}

function bytesOfBase64(text) {
	if (Uint8Array.fromBase64)
		return Uint8Array.fromBase64(text);
	const binary = atob(text), bytes = new Uint8Array(binary.length);

	for (let i = 0; i < binary.length; i++)
		bytes[i] = binary.charCodeAt(i);
	return bytes;
}

/* Reads columns one after the other. Sums go over 32 bits, so no shifts above the fourth byte. */
class ColumnReader {
	constructor(bytes, at) {
		this.bytes = bytes;
		this.at = at;
	}

	varint() {
		const bytes = this.bytes;
		let at = this.at, byte = bytes[at++], v = byte & 127;

		for (let scale = 128; byte > 127; scale *= 128) {
			byte = bytes[at++];
			v += (byte & 127) * scale;
		}
		this.at = at;
		return v;
	}

	signed() {
		const v = this.varint();

		return v % 2 ? -(v + 1) / 2 : v / 2;
	}

	doubles(n) {
		const copy = this.bytes.slice(this.at, this.at + 8 * n);

		this.at += 8 * n;
		return new Float64Array(copy.buffer);
	}

	column(code, n) {
		const type = code[0], coding = code[1];

		if (coding === 'r')
			return this.doubles(n);
		const out = type === 'u' ? new Uint32Array(n) :
			type === 'i' ? new Int32Array(n) : new Float64Array(n);
		if (coding === 'd') {
			for (let i = 0, v = 0; i < n; i++)
				out[i] = v += this.signed();
		} else if (type === 'i' || type === 's') {
			for (let i = 0; i < n; i++)
				out[i] = this.signed();
		} else {
			for (let i = 0; i < n; i++)
				out[i] = this.varint();
		}
		return out;
	}
}

function readTables(map, reader) {
	for (const [name, value] of Object.entries(map)) {
		if (name === '') {
			delete map[name];
		} else if (value && typeof value === 'object' && !Array.isArray(value)) {
			if (!value.columns) {
				readTables(value, reader);
				continue;
			}
			const table = { n: value.n };

			for (const [column, code] of Object.entries(value.columns))
				if (column !== '')
					table[column] = reader.column(code, value.n);
			map[name] = table;
		}
	}
}

function reportOfBytes(bytes) {
	const end = bytes.indexOf(0);
	const report = JSON.parse(new TextDecoder().decode(bytes.subarray(0, end)));

	readTables(report, new ColumnReader(bytes, end + 1));
	return report;
}

/* A text of base64 -> a report. Throws an Error whose message is for people. */
async function reportOfBase64(text) {
	if (typeof DecompressionStream === 'undefined')
		throw new Error('This browser cannot unpack the report (it has no DecompressionStream). ' +
			'Open the file in Chrome or Edge 90, Firefox 113, Safari 16.4, or a later one.');
	try {
		return reportOfBytes(await inflate(bytesOfBase64(text.trim())));
	} catch (error) {
		throw new Error('The data in this page is damaged: ' + error.message + '. Export it again.');
	}
}
