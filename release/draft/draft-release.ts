import { imageTag } from '../spec/image-reference.ts';
import { plainText } from '../spec/plain-text.ts';
import { API_VERSION, KIND } from '../spec/spec.ts';
import { askFields, healthFields } from './ask-fields.ts';
import type { DraftChoices } from './choose.ts';
import { flow } from './field.ts';
import type { Field } from './field.ts';
import { failureFields, imageFields, strategyFields, targetField, waveFields } from './plan-fields.ts';
import type { SetDescription } from './set-description.ts';

/** A release file, and the fields in it that somebody has to fill in before `plan` takes it. */
export interface Draft {
  readonly text: string;
  /** Such as `spec.reload`. */
  readonly open: readonly string[];
}

/** The text of a release file for a set, a comment for each choice in it. */
export function draftRelease(seen: SetDescription, choices: DraftChoices): Draft {
  const fields = [
    targetField(seen),
    ...strategyFields(seen),
    ...imageFields(seen, choices),
    ...waveFields(seen),
    {
      said: ['How long a server may take to be Ready on the new image; then it has failed.'],
      name: 'ready',
      value: { timeout: '5m' },
    },
    ...askFields(seen, choices),
    ...healthFields(seen, choices),
    ...failureFields(seen),
  ];
  const open = fields.flatMap(({ name, choices: wanted }) => (name !== undefined && wanted ? [`spec.${name}`] : []));
  const head = [
    `# hotwave init wrote this release of ${seen.set.namespace}/${seen.set.name} from what runs there:`,
    `# ${plainText(seenText(seen))}.`,
    ...(open.length === 0 ? [] : [`# Fill in ${open.join(' and ')}: until then plan refuses the file.`]),
    '# hotwave explain spec.FIELD says what a field means; docs/release-file.md has them all.',
    `apiVersion: ${API_VERSION}`,
    `kind: ${KIND}`,
    '# Another name for each release: history and notices have it.',
    `metadata: { name: ${flow(nameOf(seen, choices))} }`,
    'spec:',
  ];
  return { text: `${[...head, ...fields.flatMap(linesOf)].join('\n')}\n`, open };
}

function linesOf({ said, name, value, choices = [], isAside }: Field): string[] {
  const mark = choices.length > 0 ? ' # FILL IN' : '';
  const line = name === undefined ? [] : [`  ${isAside ? '# ' : ''}${name}: ${flow(value)}${mark}`];
  return [
    ...said.map((sentence) => `  # ${plainText(sentence)}`),
    ...choices.map((choice) => `  #   ${choice}`),
    ...line,
  ];
}

function seenText({ serving, servers, replicas, containers }: SetDescription): string {
  const ready = serving === servers ? '' : `, ${serving} of them Ready`;
  const pods = servers === replicas ? String(servers) : `${servers} of ${replicas}`;
  const noun = replicas === 1 ? 'server' : 'servers';
  const names = containers.map(({ name }) => name);
  return `${pods} ${noun}${ready}, ${names.length === 1 ? 'container' : 'containers'} ${names.join(', ')}`;
}

/** `gss-2048-v2-0`: the set and the tag, as a name of Kubernetes. */
function nameOf({ set }: SetDescription, choices: DraftChoices): string {
  const name = `${set.name}-${imageTag(choices.image ?? '')}`.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-');
  return name.slice(0, 63).replaceAll(/^-+|-+$/g, '');
}
