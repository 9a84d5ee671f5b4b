import type { Topic } from '../../release/narrate/advice.ts';
import type { ExplanationPart } from '../../release/narrate/explain.ts';
import type { FieldExplanation } from '../../release/spec/explain-field.ts';
import { commandRows } from './command-lines.ts';
import { renderTable } from './table.ts';
import { textWidth, wrapped } from './text-width.ts';
import type { View } from './view.ts';

/** Cells between a title and its text. */
const GAP = 2;

/** Questions on the left, answers on the right; on a narrow terminal below each other. */
export function renderExplanation(parts: readonly ExplanationPart[], view: View): string {
  const width = Math.max(...parts.map(({ title }) => textWidth(title))) + GAP;
  const indent = view.columns < MIN_COLUMNS ? GAP : width;
  return parts.flatMap((part) => partLines(part, indent, view)).join('\n');
}

/** Below this many columns the answers get a line of their own. */
const MIN_COLUMNS = 60;

function partLines({ title, lines }: ExplanationPart, indent: number, { columns, colours }: View): string[] {
  const answers = lines
    .flatMap((line) => answerLines(line, columns - indent))
    .map((line) => `${' '.repeat(indent)}${line}`);
  const [first = '', ...others] = answers;
  if (textWidth(title) + GAP > indent) return [colours.bold(title), ...answers];
  return [`${colours.bold(title)}${first.slice(textWidth(title))}`, ...others];
}

/** A command is never cut: a cut command is a wrong command. */
function answerLines(line: string, columns: number): string[] {
  if (line.startsWith('hotwave ')) return commandRows(line, columns).map((row) => row.slice(2));
  const [indent = ''] = /^ */.exec(line) ?? [];
  return wrapped(line.trimStart(), columns - indent.length).map((piece) => `${indent}${piece}`);
}

/** A field of the release file: what it is, and the fields inside it. */
export function renderField(field: FieldExplanation, view: View): string {
  const { path, type, description, isRequired, values, fields } = field;
  const facts = [
    type,
    isRequired ? 'must be given' : 'may be left out',
    ...(field.default === undefined ? [] : [`default ${field.default}`]),
    ...(values.length === 0 ? [] : [`one of ${values.join(', ')}`]),
  ];
  const rows = fields.map(({ name, type: of, description: what = '' }) => [name, of, what]);
  const table = renderTable([{ title: 'FIELD' }, { title: 'IS' }, { title: 'MEANS', flexible: true }], rows, view);
  return [
    view.colours.bold(path),
    ...wrapped(facts.join(' · '), view.columns),
    ...(description === undefined ? [] : wrapped(description, view.columns)),
    ...(fields.length === 0 ? [] : ['', ...table]),
  ].join('\n');
}

/** A class of failure or a line of `plan`: the finding, the advice, and the page that says the same. */
export function renderTopic({ topic, seen, todo, page }: Topic, view: View): string {
  const paragraphs = [seen, `To do: ${todo}`, `The same in ${page}`];
  return [view.colours.bold(topic), ...paragraphs.flatMap((text) => ['', ...wrapped(text, view.columns)])].join('\n');
}
