/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A report made ready for questions: functions (frames that differ only in their place in a
 * function are one), processes, threads, and how much of each lies in a stretch of time.
 */

/* Times since the epoch do not fit a double; differences of two do. */
function nsBetween(start, end) {
	return Number(BigInt(end || 0) - BigInt(start || 0));
}

const SLOT_NS = 10e6;

class Profile {
	constructor(report) {
		this.report = report;
		this.strings = report.strings;
		this.samples = report.samples;
		this.stacks = report.stacks;
		this.threads = report.threads;
		this.cpus = report.host.cpus || 0;
		this.durationNs = this.findDuration();
		this.functions = { n: 0, name: [], module: [], kind: [], file: [], first: [], last: [], short: [] };
		this.isMark = []; /* no code: these go to the right of their siblings */
		this.frameFunction = this.findFunctions();
		this.indexTimeline();
		this.findProcesses();
		this.onCpuNs = this.threads.on_cpu_ns.reduce((a, b) => a + b, 0);
		this.isClient = this.threads.client || new Uint32Array(this.threads.n); /* 1 for the client's threads */
		this.hasClient = this.isClient.some(v => v);
	}

	text(ref) {
		return this.strings[ref] || '';
	}

	findDuration() {
		const { window, samples, timeline } = this.report;
		const said = nsBetween(window.start_ns, window.end_ns);

		if (said > 0)
			return said;
		const last = samples.n ? samples.t_ns[samples.n - 1] + 1 : 0;
		const slot = timeline.n ? timeline.slot[timeline.n - 1] + 1 : 0;
		return Math.max(last, slot * SLOT_NS, 1);
	}

	/* Functions that are no code, such as a process in the tree, are added by the tree. */
	addFunction(name, module, kind, file, line) {
		const f = this.functions;

		f.name.push(name);
		f.short.push(null);
		f.module.push(module);
		f.kind.push(kind);
		f.file.push(file);
		f.first.push(line);
		f.last.push(line);
		this.isMark.push(['idle', 'lost', 'wait'].includes(kind) ? 1 : 0);
		return f.n++;
	}

	shortName(fn) {
		const f = this.functions;

		if (f.short[fn] === null)
			f.short[fn] = f.kind[fn] === 'process' || f.kind[fn] === 'thread' ?
				f.name[fn] : shortName(f.name[fn]);
		return f.short[fn];
	}

	findFunctions() {
		const { frames, modules } = this.report, f = this.functions;
		const byKey = new Map(), out = new Uint32Array(frames.n);

		for (let i = 0; i < frames.n; i++) {
			const key = frames.name[i] + ' ' + frames.module[i] + ' ' + frames.kind[i];
			const line = frames.line[i];
			let fn = byKey.get(key);

			if (fn === undefined) {
				const module = frames.module[i];

				fn = this.addFunction(this.text(frames.name[i]) || '?',
					module >= 0 ? this.text(modules.path[module]) : '',
					this.text(frames.kind[i]) || 'native', this.text(frames.file[i]), line);
				byKey.set(key, fn);
			} else if (line) {
				f.first[fn] = f.first[fn] ? Math.min(f.first[fn], line) : line;
				f.last[fn] = Math.max(f.last[fn], line);
				f.file[fn] = f.file[fn] || this.text(frames.file[i]);
			}
			out[i] = fn;
		}
		return out;
	}

	/* `file:line` where one is known; a function with several lines says from where to where. */
	place(fn) {
		const { file, first, last } = this.functions;

		if (!file[fn])
			return '';
		if (!first[fn])
			return file[fn];
		return file[fn] + ':' + first[fn] + (last[fn] > first[fn] ? '\u2013' + last[fn] : '');
	}

	/* Rows of the time line grouped by thread: thread t has rows slots[first[t]] … */
	indexTimeline() {
		const { timeline, threads } = this.report;
		const first = new Uint32Array(threads.n + 1), rows = new Uint32Array(timeline.n);

		for (let i = 0; i < timeline.n; i++)
			first[timeline.thread[i] + 1]++;
		for (let t = 0; t < threads.n; t++)
			first[t + 1] += first[t];
		const next = first.slice();
		for (let i = 0; i < timeline.n; i++)
			rows[next[timeline.thread[i]]++] = i;
		this.slotFirst = first;
		this.slotRow = rows;
	}

	/* Processes of one name are one entry, as they are in folded text. */
	findProcesses() {
		const { threads } = this.report, byName = new Map();

		this.threadProcess = new Uint32Array(threads.n);
		this.processes = [];
		for (let t = 0; t < threads.n; t++) {
			const name = this.text(threads.process[t]) || '?';

			if (!byName.has(name)) {
				byName.set(name, this.processes.length);
				this.processes.push({ name, threads: [], pids: new Set(), ns: 0 });
			}
			const index = byName.get(name), process = this.processes[index];

			this.threadProcess[t] = index;
			process.threads.push(t);
			process.pids.add(threads.pid[t]);
			process.ns += threads.on_cpu_ns[t];
		}
	}

	/* What is ticked when only the client of the report is shown; null: there are no others. */
	clientThreads() {
		return this.isClient.every(v => v) ? null : Uint8Array.from(this.isClient);
	}

	threadName(t) {
		return this.text(this.threads.name[t]) || '?';
	}

	/*
	 * Exact CPU time of thread `t` in [from, to) ns, or, with `wait`, time in which it waited for
	 * a CPU; slots at the edges count by their part. The same steps as view.c takes, so that the
	 * numbers are those of `export --from --to`.
	 */
	spanNs(t, from, to, wait) {
		const { timeline } = this.report, us = wait ? timeline.wait_us : timeline.on_cpu_us;

		if (from <= 0 && to >= this.durationNs)
			return wait ? this.threads.wait_ns[t] : this.threads.on_cpu_ns[t];
		const end = to >= this.durationNs ? Infinity : to;
		let sum = 0;
		for (let i = this.slotFirst[t]; i < this.slotFirst[t + 1]; i++) {
			const row = this.slotRow[i], start = timeline.slot[row] * SLOT_NS;
			const part = Math.min(end, start + SLOT_NS) - Math.max(from, start);

			if (part > 0)
				sum += Math.floor(us[row] * 1000 * Math.floor(part / 1000) / (SLOT_NS / 1000));
		}
		return sum;
	}

	/* Indexes of the samples with from <= t_ns < to; the end of the window is not left out. */
	sampleRange(from, to) {
		const t = this.samples.t_ns;

		return [lowerBound(t, from), to >= this.durationNs ? t.length : lowerBound(t, to)];
	}
}
