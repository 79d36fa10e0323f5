/* SPDX-License-Identifier: BSD-2-Clause */
/* The head line: what this is, and in words what a reader must know before believing the picture. */

const CUT_WARNING = 0.02, LOST_WARNING = 0.02;

function countsTitle(counts) {
	return (counts || []).slice().sort((a, b) => b[1] - a[1]).slice(0, 12)
		.map(([name, n]) => name + ': ' + formatCount(n)).join('\n');
}

/* [text, title, warning] for each fact that the report has. */
function headFacts(profile) {
	const { report } = profile, { window, machine, unwind, loss } = report, facts = [];
	const seconds = profile.durationNs / 1e9, capacity = machine.capacity_ns || profile.cpus * profile.durationNs;
	const used = machine.threads_ns || profile.onCpuNs;

	if (capacity)
		facts.push([formatDigits(used / profile.durationNs) + ' of ' + profile.cpus +
			(profile.cpus === 1 ? ' CPU' : ' CPUs') + ' used (' + formatShare(used, capacity) + ')',
		'Exact CPU time of all threads, ' + formatNs(used) + ', of the ' + formatNs(capacity) + ' that there were']);
	else
		facts.push([formatNs(used) + ' of CPU time', 'Exact CPU time of all threads']);
	if (profile.onCpuNs < 0.98 * used)
		facts.push([formatShare(profile.onCpuNs, used) + ' of it in this picture', 'The rest is of programs not asked for']);
	facts.push([formatDigits(seconds) + '\u202fs' + (window.rate_hz ? ' at ' + window.rate_hz + '\u202fHz' : ''),
		(window.event ? 'Samples by ' + window.event : '')]);
	facts.push([formatCount(profile.samples.n) + ' samples', formatCount(profile.threads.n) + ' threads, ' +
		formatCount(profile.stacks.n) + ' nodes of stacks']);
	const idle = profile.threads.not_sampled_ns.reduce((a, b) => a + b, 0);
	if (idle > 0.005 * profile.onCpuNs)
		facts.push([formatShare(idle, profile.onCpuNs) + ' of the CPU time not sampled',
			'Threads ran so shortly that no sample hit them; their time is exact all the same', idle > 0.1 * profile.onCpuNs]);
	if (unwind.user_samples) {
		const cut = unwind.user_samples - unwind.complete;

		facts.push([cut ? formatShare(cut, unwind.user_samples) + ' of user stacks cut' : 'all user stacks whole',
			countsTitle(unwind.reasons), cut > CUT_WARNING * unwind.user_samples]);
	}
	/* Where the CPU was idle there was nothing to lose. */
	const lost = loss.lost - (loss.idle_lost || 0);
	if (loss.fired)
		facts.push([lost ? formatShare(lost, loss.fired) + ' of samples lost' : 'no samples lost',
			countsTitle(loss.reasons), lost > LOST_WARNING * loss.fired]);
	if (report.incomplete)
		facts.push(['incomplete', 'The recording was cut short', true]);
	return facts;
}

const METRIC_UNITS = { cores: [1, ' cores'], share: [100, '\u202f%'], threads: [1, ' threads'] };

/* A number as its metric is read best; bytes in what `most` is read best in. */
function formatMetric(value, unit, most, plain) {
	let [scale, name] = METRIC_UNITS[unit] || [1, ' ' + unit];

	if (unit === 'bytes') {
		const i = clamp(Math.floor(Math.log2(Math.max(most, 1) * 1024 / 999.5) / 10), 1, 4);

		[scale, name] = [1 / 1024 ** i, '\u202f' + ['KB', 'MB', 'GB', 'TB'][i - 1]];
	}
	value *= scale;
	return String(Number(value >= 100 ? value.toFixed(0) : value.toPrecision(3))) + (plain ? '' : name);
}

/* [text, title, unusual] for each metric of which is known what is normal for it at this hour. */
function headNormals(report) {
	const { normals: n, strings, baseline } = report, rows = [];

	for (let i = 0; i < (n ? n.n : 0); i++) {
		const unit = strings[n.unit[i]], value = n.value[i], low = n.low[i], high = n.high[i];

		if (high <= 0 && value <= 0)
			continue;
		const most = Math.max(value, high);
		rows.push([strings[n.metric[i]] + (value < 0 ? '' : ' ' + formatMetric(value, unit, value)) + ', normally ' +
			formatMetric(low, unit, high, true) + ' to ' + formatMetric(high, unit, high),
		'In the second before the trigger, and what is normal' + (baseline.hour ? ' at ' + baseline.hour : '') +
			': 5 to 95 % of the values; the middle one is ' + formatMetric(n.median[i], unit, most),
		value > high || (value >= 0 && value < low)]);
	}
	return rows;
}

function headTitle(profile) {
	const { client, host, command } = profile.report;
	const what = client.name || command.name || 'Machine';

	return what + (client.version ? ' ' + client.version : '') + (host.label ? ' on ' + host.label : '');
}

function headWhen(report) {
	if (!report.window.start_ns)
		return '';
	const date = new Date(Number(BigInt(report.window.start_ns) / 1000000n));
	return date.toISOString().replace('T', ' ').slice(0, 19) + ' UTC';
}

function buildHead(profile, buttons) {
	const { report } = profile, { host, trigger } = report;
	const machine = [host.cpu_model, host.os, host.kernel, host.virtualisation].filter(s => s && s !== 'none').join(' \u00b7 ');

	return el('header', { class: 'masthead' },
		el('div', { class: 'head-top' }, el('span', { class: 'brand' }, 'Backdraft'),
			el('h1', {}, headTitle(profile)), el('span', { class: 'muted when', title: machine }, headWhen(report)),
			el('span', { class: 'grow' }), ...buttons),
		trigger.explanation && trigger.kind !== 'capture' ? el('p', { class: 'why' },
			el('b', {}, trigger.kind || 'trigger'), ' ' + trigger.explanation) : null,
		headList('facts', headFacts(profile)), headList('normals', headNormals(report)));
}

/* Nothing where there are no rows. */
function headList(name, rows) {
	return rows.length ? el('ul', { class: name }, ...rows.map(([text, title, warning]) =>
		el('li', { class: warning ? 'warning' : '', title }, text))) : null;
}
