import { formatDuration } from '../../release/spec/quantity.ts';
import type { Report, Row, StageName } from './report.ts';

/** Text that is safe inside HTML and SVG, attributes included. */
export function escaped(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

/** The class of a stage in the style sheet. */
export function stageClass(stage: StageName): string {
  return `s-${stage.replaceAll(' ', '-').toLowerCase()}`;
}

const NAMES = 190;
const WIDTH = 960;
const ROW = 18;
const TOP = 26;
/** The width of work that took no time. */
const LEAST = 1.5;
/** Most ticks of the axis. */
const TICKS = 8;
/** Names longer than this do not fit beside the picture; the whole name is the title of the row. */
const LONGEST_NAME = 28;

/** The waves and servers over time, as SVG without a script. */
export function timeline({ rows, from, to }: Pick<Report, 'rows' | 'from' | 'to'>): string {
  const span = Math.max(1, to - from);
  const place = (at: number): number => NAMES + ((WIDTH - NAMES) * Math.min(span, Math.max(0, at - from))) / span;
  const height = TOP + rows.length * ROW + 6;
  const parts = rows.map((row, index) => rowOf(row, TOP + index * ROW, place));
  return `<svg viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="waves and servers over time">${axis(span, height)}${parts.join('')}</svg>`;
}

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
/** Distances between ticks that people count in. */
const STEPS = [
  ...[0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30].map((seconds) => seconds * SECOND),
  ...[1, 2, 5, 10, 15, 30].map((minutes) => minutes * MINUTE),
  ...[1, 2, 4, 8, 12, 24, 48, 96, 168].map((hours) => hours * HOUR),
];

function axis(span: number, height: number): string {
  const step = STEPS.find((one) => span / one <= TICKS) ?? Math.ceil(span / TICKS);
  return Array.from({ length: Math.floor(span / step) + 1 }, (_, index) => {
    const x = NAMES + ((WIDTH - NAMES) * index * step) / span;
    const anchor = x > WIDTH - 20 ? 'end' : index === 0 ? 'start' : 'middle';
    const label = index === 0 ? '0' : formatDuration(index * step);
    const place = x.toFixed(1);
    return `<line class="tick" x1="${place}" x2="${place}" y1="16" y2="${height}"/><text class="axis" x="${place}" y="11" text-anchor="${anchor}">${escaped(label)}</text>`;
  }).join('');
}

function rowOf({ kind, name, segments, marks, hasFailed }: Row, y: number, place: (at: number) => number): string {
  const label = name.length > LONGEST_NAME ? `${name.slice(0, LONGEST_NAME - 1)}…` : name;
  const inset = kind === 'server' || kind === 'folded' ? 5 : 3;
  const bars = segments.map(({ stage, from, to, failure }) => {
    const x = Math.min(place(from), WIDTH - LEAST);
    const width = Math.max(LEAST, place(to) - x);
    const title = `${name}: ${stage}, ${formatDuration(to - from)}${failure === undefined ? '' : `: ${failure}`}`;
    const failed = failure === undefined ? '' : ' failed';
    return `<rect class="${stageClass(stage)}${failed}" x="${x.toFixed(1)}" y="${y + inset}" width="${width.toFixed(1)}" height="${ROW - 2 * inset}" rx="1.5"><title>${escaped(title)}</title></rect>`;
  });
  const points = marks.map(({ at, text }) => {
    const x = place(at).toFixed(1);
    return `<path class="mark" d="M${x} ${y + 1}l5 8l-5 8l-5 -8z"><title>${escaped(text)}</title></path>`;
  });
  return `<g class="${kind}"><text class="name${hasFailed === true ? ' bad' : ''}" x="0" y="${y + 13}">${escaped(label)}<title>${escaped(name)}</title></text>${bars.join('')}${points.join('')}</g>`;
}
