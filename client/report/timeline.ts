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
const TICKS = 6;
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

function axis(span: number, height: number): string {
  return Array.from({ length: TICKS + 1 }, (_, index) => {
    const x = (NAMES + ((WIDTH - NAMES) * index) / TICKS).toFixed(1);
    const anchor = index === TICKS ? 'end' : index === 0 ? 'start' : 'middle';
    const label = index === 0 ? '0s' : formatDuration(Math.round((span * index) / TICKS));
    return `<line class="tick" x1="${x}" x2="${x}" y1="16" y2="${height}"/><text class="axis" x="${x}" y="11" text-anchor="${anchor}">${escaped(label)}</text>`;
  }).join('');
}

function rowOf({ kind, name, segments, marks, hasFailed }: Row, y: number, place: (at: number) => number): string {
  const label = name.length > LONGEST_NAME ? `${name.slice(0, LONGEST_NAME - 1)}…` : name;
  const inset = kind === 'set' || kind === 'wave' ? 3 : 5;
  const bars = segments.map(({ stage, from, to, failure }) => {
    const x = place(from);
    const width = Math.max(1.5, place(to) - x);
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
