import type { ServerFailure } from '../../release/checks/server.ts';
import type { DecisionLine, Report, WaveLine } from './report.ts';
import { STAGES, moment } from './report.ts';
import { escaped, stageClass, timeline } from './timeline.ts';

const STYLE = `
:root { color-scheme: light dark; --ink: #1b1f24; --soft: #57606a; --paper: #fff; --line: #d0d7de; --bad: #b42318;
  --write: #6e7781; --ready: #0969da; --reload: #8250df; --proof: #1a7f37; --bake: #9a6700; --look: #4d6a8f; --rollback: #bc4c00 }
@media (prefers-color-scheme: dark) { :root { --ink: #e6edf3; --soft: #9198a1; --paper: #0d1117; --line: #30363d; --bad: #ff7b72;
  --write: #8b949e; --ready: #4493f8; --reload: #ab7df8; --proof: #3fb950; --bake: #d29922; --look: #7da0cc; --rollback: #f0883e } }
@media print { :root { color-scheme: light; --ink: #000; --soft: #444; --paper: #fff; --line: #bbb }
  main { max-width: none; padding: 0 } section, tr { break-inside: avoid } }
body { margin: 0; background: var(--paper); color: var(--ink); font: 15px/1.5 system-ui, "Noto Sans CJK SC", "DejaVu Sans", sans-serif }
main { max-width: 60rem; margin: 0 auto; padding: 1.5rem 1rem 3rem }
h1 { font-size: 1.4rem; margin: 0 0 .25rem; overflow-wrap: anywhere } h2 { font-size: 1.05rem; margin: 1.75rem 0 .5rem }
.why { font-size: 1.05rem; margin: 0 0 1rem; overflow-wrap: anywhere }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .1rem 1rem; margin: 0 } dt { color: var(--soft) } dd { margin: 0; overflow-wrap: anywhere }
.wide { overflow-x: auto } table { border-collapse: collapse; width: 100% }
th, td { text-align: left; vertical-align: top; padding: .25rem .75rem .25rem 0; border-bottom: 1px solid var(--line) }
th { color: var(--soft); font-weight: 600 } td.n, th.n { text-align: right; font-variant-numeric: tabular-nums } td { overflow-wrap: anywhere } .short { white-space: nowrap }
svg { width: 100%; min-width: 40rem; height: auto; display: block; font: 11px system-ui, "DejaVu Sans", sans-serif }
.tick { stroke: var(--line); stroke-width: .7 } .axis { fill: var(--soft); font-size: 10px } .name { fill: var(--ink) }
.set .name, .wave .name, .rollback .name, .name.bad { font-weight: 600 } .name.bad { fill: var(--bad) } .mark { fill: var(--ink); stroke: var(--paper) } .failed { stroke: var(--bad); stroke-width: 1.5 }
.s-write { fill: var(--write); background: var(--write) } .s-ready { fill: var(--ready); background: var(--ready) }
.s-reload { fill: var(--reload); background: var(--reload) } .s-proof-and-health { fill: var(--proof); background: var(--proof) }
.s-bake { fill: var(--bake); background: var(--bake) } .s-look { fill: var(--look); background: var(--look) }
.s-rollback { fill: var(--rollback); background: var(--rollback) } .s-wait { fill: var(--line); background: var(--line) }
.legend { display: flex; flex-wrap: wrap; gap: .25rem 1rem; color: var(--soft); font-size: .85rem; margin: .5rem 0 0; padding: 0; list-style: none }
.legend i { display: inline-block; width: .8rem; height: .8rem; border-radius: 2px; margin-right: .35rem; vertical-align: -1px; print-color-adjust: exact }
.bad { color: var(--bad) } footer { color: var(--soft); margin-top: 2rem; font-size: .85rem }`;

/** The report as one HTML file that needs nothing else: no script, no request. Foreign text is escaped. */
export function reportPage(report: Report): string {
  const { title, why, facts, waves, failures, failedBefore, decisions, warnings, writtenAt } = report;
  const sections = [
    `<section><h2>Waves and servers over time</h2><div class="wide">${timeline(report)}</div>${legend()}</section>`,
    table('Waves', WAVE_HEAD, waves.map(waveCells)),
    table('Failed servers', FAILURE_HEAD, failures.map(failureCells)),
    table('Failed before, and back since', FAILURE_HEAD, failedBefore.map(failureCells)),
    table('Decisions', DECISION_HEAD, decisions.map(decisionCells)),
    list('Warnings', warnings),
  ];
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${escaped(title)}</title><style>${STYLE}</style></head>
<body><main><h1>${escaped(title)}</h1><p class="why">${escaped(why)}</p>
<dl>${facts.map(([name, value]) => `<dt>${escaped(name)}</dt><dd>${escaped(value)}</dd>`).join('')}</dl>
${sections.join('\n')}
<footer>Written on ${moment(writtenAt)} by hotwave, from the records of Temporal.</footer></main></body></html>
`;
}

function legend(): string {
  const stages = STAGES.map((stage) => `<li><i class="${stageClass(stage)}"></i>${escaped(stage)}</li>`);
  return `<ul class="legend">${stages.join('')}<li>◆ a decision</li></ul>`;
}

interface Cell {
  readonly text: string;
  readonly kind?: 'n' | 'bad';
}
type Head = readonly { readonly title: string; readonly isNumber?: boolean }[];

const WAVE_HEAD: Head = [
  { title: 'Wave' },
  { title: 'State' },
  { title: 'Servers', isNumber: true },
  { title: 'Proved', isNumber: true },
  { title: 'Failed', isNumber: true },
  { title: 'Waited before', isNumber: true },
  { title: 'Took', isNumber: true },
  { title: 'Of that' },
  { title: 'Ordinals' },
];

function waveCells({ name, status, size, proven, failed, waited, took, stages, servers }: WaveLine): Cell[] {
  return [
    { text: name },
    { text: status },
    { text: String(size), kind: 'n' },
    { text: String(proven), kind: 'n' },
    { text: String(failed), kind: 'n' },
    { text: waited, kind: 'n' },
    { text: took, kind: 'n' },
    { text: stages.map(([stage, time]) => `${stage} ${time}`).join(', ') },
    { text: servers },
  ];
}

const FAILURE_HEAD: Head = [{ title: 'Server' }, { title: 'Class' }, { title: 'Reason' }];

function failureCells({ server, class: kind, reason }: ServerFailure): Cell[] {
  return [{ text: server }, { text: kind, kind: 'bad' }, { text: reason }];
}

const DECISION_HEAD: Head = [
  { title: 'When' },
  { title: 'Decision' },
  { title: 'By' },
  { title: 'Over' },
  { title: 'Name' },
  { title: 'Answer' },
  { title: 'Reason' },
];

function decisionCells({ at, verb, actor, channel, vouched, accepted, answer, reason }: DecisionLine): Cell[] {
  return [
    { text: moment(at) },
    { text: verb },
    { text: actor },
    { text: channel },
    { text: vouched },
    { text: answer, ...(accepted ? {} : { kind: 'bad' as const }) },
    { text: reason },
  ];
}

function table(title: string, head: Head, rows: readonly (readonly Cell[])[]): string {
  if (rows.length === 0) return '';
  const heads = head.map(({ title: name, isNumber }) => `<th${isNumber === true ? ' class="n"' : ''}>${name}</th>`);
  const body = rows.map((cells) => `<tr>${cells.map(cellOf).join('')}</tr>`);
  return `<section><h2>${title}</h2><div class="wide"><table><thead><tr>${heads.join('')}</tr></thead><tbody>${body.join('\n')}</tbody></table></div></section>`;
}

/** A cell of so many characters is not broken: a word would be before a sentence beside it is. */
const SHORT = 24;

function cellOf({ text, kind }: Cell): string {
  const classes = [...(kind === undefined ? [] : [kind]), ...(text.length <= SHORT ? ['short'] : [])];
  return `<td${classes.length === 0 ? '' : ` class="${classes.join(' ')}"`}>${escaped(text)}</td>`;
}

function list(title: string, lines: readonly string[]): string {
  if (lines.length === 0) return '';
  return `<section><h2>${title}</h2><ul>${lines.map((line) => `<li>${escaped(line)}</li>`).join('')}</ul></section>`;
}
