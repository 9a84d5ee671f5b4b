import { hashOf } from '../fleet/hash.ts';
import type { GameServerSetView } from '../fleet/fleet.ts';
import type { GuardedPatch } from './guarded-patch.ts';
import { asGoWrites } from './go-object.ts';

/** The JSON pointer of the template of a set. */
export const TEMPLATE = '/spec/gameServerTemplate';

/**
 * The parts of a template beside the release container's image, by JSON pointer below {@link TEMPLATE}: images as they
 * are, everything else as a digest. Absent fields are left out.
 */
export type TemplateFields = Readonly<Record<string, string>>;

/** A field of the template that somebody else has changed. */
export interface TemplateEdit {
  /** JSON pointer from the root of the set. */
  readonly field: string;
  readonly from: string;
  readonly to: string;
}

/** The parts that a plan has read of a template. */
interface PlannedTemplate {
  readonly container: string;
  readonly template: TemplateFields;
}

type Json = Readonly<Record<string, unknown>>;

/** The fields of a template that a release of `container` has no part in. */
export function templateFields(template: unknown, container: string): TemplateFields {
  const { spec, ...others } = asObject(asGoWrites(template));
  const { containers, initContainers, ...rest } = asObject(spec);
  return {
    ...containerFields('/spec/containers', containers, container),
    ...containerFields('/spec/initContainers', initContainers, undefined),
    ...digests('/spec', rest),
    ...digests('', others),
  };
}

function containerFields(pointer: string, list: unknown, released: string | undefined): TemplateFields {
  if (!Array.isArray(list)) return {};
  const entries = list
    .map(asObject)
    .flatMap(({ image, ...others }, index): (readonly [string, string])[] => [
      ...(others['name'] === released ? [] : [[`${pointer}/${index}/image`, textOf(image)] as const]),
      [`${pointer}/${index}`, hashOf(others)],
    ]);
  return Object.fromEntries(entries);
}

function digests(pointer: string, fields: Json): TemplateFields {
  return Object.fromEntries(Object.entries(fields).map(([key, value]) => [`${pointer}/${key}`, hashOf(value)]));
}

function asObject(value: unknown): Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : {};
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

/** The fields of a live template that are not as the plan found them; an empty text stands for a field that is gone. */
export function changedTemplateFields(baseline: PlannedTemplate, { template }: GameServerSetView): TemplateFields {
  const now = templateFields(template, baseline.container);
  const pointers = Object.keys({ ...baseline.template, ...now });
  const changed = pointers.filter((pointer) => baseline.template[pointer] !== now[pointer]);
  return Object.fromEntries(changed.map((pointer) => [pointer, now[pointer] ?? '']));
}

/** The same as edits, images first: they are what people know. */
export function templateEdits({ template: before }: PlannedTemplate, changed: TemplateFields): readonly TemplateEdit[] {
  const edits = Object.entries(changed).map(([pointer, to]) => ({
    field: `${TEMPLATE}${pointer}`,
    from: before[pointer] ?? '',
    to,
  }));
  return [...edits.filter(isImage), ...edits.filter((edit) => !isImage(edit))];
}

function isImage({ field }: TemplateEdit): boolean {
  return field.endsWith('/image');
}

/** The sentence about an edit; digests say nothing to them. */
export function templateEditText(edit: TemplateEdit, name: string, by = 'somebody'): string {
  const { field, from, to } = edit;
  if (!isImage(edit)) return `${by} changed ${field} of ${name}`;
  return `${by} changed ${field} of ${name} from ${from || 'nothing'} to ${to || 'nothing'}`;
}

/**
 * The same write, refused unless the whole template is as it was read, so that no edit slips in between: whoever moves
 * gets everything that is in it.
 */
export function demandingTemplate(patch: GuardedPatch, { template }: GameServerSetView): GuardedPatch {
  return { ...patch, preconditions: [...patch.preconditions, { path: TEMPLATE, value: template }] };
}
