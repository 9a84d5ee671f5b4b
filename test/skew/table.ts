import type { LabVersions } from '../lab/versions.ts';
import type { Outcome } from './parts.ts';

/** A cell of the matrix: what came of each part on these versions, by the part's name. */
export interface Row {
  readonly versions: LabVersions;
  readonly outcomes: ReadonlyMap<string, Outcome>;
}

/** A Markdown table of all cells, and below it what the parts say besides; it goes into docs/versions.md as it is. */
export function tableOf(rows: readonly Row[], parts: readonly { readonly name: string }[]): string {
  const titles = ['Kubernetes', 'OpenKruise', 'OpenKruiseGame', ...parts.map(({ name }) => name), 'all'];
  const lines = [titles, titles.map(() => '---'), ...rows.map((row) => cellsOf(row, parts))];
  const notes = rows.flatMap(({ versions, outcomes }) =>
    [...outcomes].flatMap(([part, { note }]) =>
      note === undefined
        ? []
        : [`- ${part}, Kubernetes ${versions.kubernetes}, OpenKruiseGame ${versions['kruise-game']}: ${note}`],
    ),
  );
  return [...lines.map((cells) => `| ${cells.join(' | ')} |`), '', ...notes, ''].join('\n');
}

function cellsOf({ versions, outcomes }: Row, parts: readonly { readonly name: string }[]): readonly string[] {
  const found = parts.map(({ name }) => outcomes.get(name));
  const all = found.reduce((total, outcome) => total + (outcome?.seconds ?? 0), 0);
  return [
    versions.kubernetes,
    versions.kruise,
    versions['kruise-game'],
    ...found.map((outcome) => (outcome === undefined ? 'not run' : verdictOf(outcome))),
    `${all.toFixed(0)} s`,
  ];
}

function verdictOf({ passed, failed, seconds }: Outcome): string {
  const counts = failed > 0 ? `${failed} of ${passed + failed} FAILED` : `${passed} passed`;
  return `${counts}, ${seconds.toFixed(0)} s`;
}
