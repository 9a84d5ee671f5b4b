import { readFile, writeFile } from 'node:fs/promises';
import { format, resolveConfig } from 'prettier';
import { hotwaveProgram } from '../client/program.ts';
import { processIo } from '../client/terminal/io.ts';
import type { Advice } from '../release/narrate/advice.ts';
import { FAILURE_ADVICE, REFUSAL_ADVICE } from '../release/narrate/advice.ts';
import type { FieldExplanation } from '../release/spec/explain-field.ts';
import { explainField } from '../release/spec/explain-field.ts';

// Writes the pages of the reference: docs/reference/commands.md, docs/reference/fields.md, docs/refusals.md, and the classes in
// docs/failures.md. With --check it only says which committed page is not up to date.

const made = 'Made by `node scripts/reference.ts`';

const pages: Readonly<Record<string, string>> = {
  'docs/reference/commands.md': commandsPage(),
  'docs/reference/fields.md': fieldsPage(),
  'docs/refusals.md': refusalsPage(),
  'docs/failures.md': failuresPage(await readFile('docs/failures.md', 'utf8')),
};

for (const [path, page] of Object.entries(pages)) {
  const wanted = await format(page, { ...(await resolveConfig(path)), parser: 'markdown' });
  if (!process.argv.includes('--check')) await writeFile(path, wanted);
  else if ((await readFile(path, 'utf8').catch(() => '')) !== wanted) {
    process.stderr.write(`${path} is not what the code says: run node scripts/reference.ts and commit it\n`);
    process.exitCode = 1;
  }
}

/** Every verb with its flags, examples and exit codes: the help texts in 80 columns. */
function commandsPage(): string {
  let said = '';
  const output = Object.assign(Object.create(process.stdout) as NodeJS.WriteStream, {
    isTTY: false,
    write: (text: string) => ((said += text), true),
  });
  const program = hotwaveProgram({ io: { ...processIo(), stdout: output, env: {} }, finish: () => undefined }, () =>
    Promise.resolve(0),
  );
  const helpOf = (command: { outputHelp: () => void }): string => {
    said = '';
    command.outputHelp();
    return `\`\`\`\n${said.trimEnd()}\n\`\`\``;
  };
  const verbs = program.commands.map((command) => `## ${command.name()}\n\n${helpOf(command)}`);
  return `# Commands\n\n${made} from the program itself: \`hotwave --help\`, and \`hotwave VERB --help\` of each verb.\n\n${[helpOf(program), ...verbs].join('\n\n')}\n`;
}

/** Every field of the release file, in the order of the schema. */
function fieldsPage(): string {
  const rows = ['apiVersion', 'kind', 'metadata', 'spec'].flatMap((name) => fieldRows(name));
  const head = '| field | is | default | meaning |\n| --- | --- | --- | --- |';
  const intro = `${made} from the schema that release files are read by. \`hotwave explain FIELD\` prints the same; [release-file.md](../release-file.md) explains how fields work together, and [release.schema.json](../release.schema.json) is for editors. A field in **bold** must be given.`;
  return `# Fields of the release file\n\n${intro}\n\n${[head, ...rows].join('\n')}\n`;
}

function fieldRows(path: string): readonly string[] {
  const field = explainField(path);
  if ('problem' in field) throw new Error(field.problem);
  return [
    rowOf(field),
    ...field.fields.flatMap(({ name }) => (name.includes('<') ? [] : fieldRows(`${path}.${name}`))),
  ];
}

function rowOf({ path, type, description = '', isRequired, values, ...field }: FieldExplanation): string {
  const name = isRequired ? `**\`${path}\`**` : `\`${path}\``;
  const choice = values.length === 0 ? type : values.map((value) => `\`${value}\``).join(', ');
  const preset = field.default === undefined ? '' : `\`${field.default}\``;
  return `| ${[name, choice, preset, description].map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
}

function refusalsPage(): string {
  return `# When \`plan\` refuses

${made} from \`release/narrate/advice.ts\`; \`hotwave explain LINE\` prints each part, such as \`hotwave explain foreign-owners\`.
\`hotwave plan\` and \`hotwave start\` look at these things, each with a line of its name. A line that says \`FAIL\` refuses the
release, one that says \`WARN\` does not. Nothing is written before all of them were looked at.

${sections(REFUSAL_ADVICE)}
`;
}

/** The classes, each group at its mark; the rest of the page is written by hand. */
function failuresPage(page: string): string {
  return page.replaceAll(
    /(<!-- (?!end)([\w ]+) -->)[^]*?(<!-- end -->)/g,
    (_, begin: string, names: string, end: string) => {
      const group = Object.entries(FAILURE_ADVICE).filter(([name]) => names.split(' ').includes(name));
      return `${begin}\n\n${sections(Object.fromEntries(group))}\n\n${end}`;
    },
  );
}

function sections(advice: Readonly<Record<string, Advice>>): string {
  return Object.entries(advice)
    .map(([name, { seen, todo }]) => `### ${name}\n\n${seen}\n\n**To do:** ${todo}`)
    .join('\n\n');
}
