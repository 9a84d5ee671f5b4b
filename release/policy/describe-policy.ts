import { eitherOf } from '../spec/either-of.ts';
import type { Policy, Power } from './policy-spec.ts';
import { POWERS } from './policy-spec.ts';
import { mustBeVouched, rulesFor } from './weigh.ts';

/** The policy's demands on people who decide in a namespace, a sentence for each: `approve: only ops`. */
export function describeRules(policy: Policy, namespace: string): readonly string[] {
  const rules = rulesFor(policy, namespace);
  const may = POWERS.flatMap((power) => {
    const lists = rules.flatMap((rule) => rule.may[power] ?? []);
    return lists.length === 0 ? [] : [`${power}: only ${eitherOf([...new Set(lists)])}`];
  });
  const vouched = POWERS.filter((power) => rules.some((rule) => mustBeVouched(rule, power)));
  const channels = rules.flatMap((rule) => (rule.channels ? [`only over ${eitherOf(rule.channels)}`] : []));
  return [...may, ...(vouched.length === 0 ? [] : [`vouched for: ${powersText(vouched)}`]), ...channels];
}

function powersText(powers: readonly Power[]): string {
  return powers.length === POWERS.length ? 'everything' : powers.join(', ');
}

/** The differences between two policies, for a log: names, and never what they stand for. */
export function changesOf(before: Policy, after: Policy): readonly string[] {
  return [
    ...namedChanges('people', before.people, after.people),
    ...namedChanges('groups', before.groups, after.groups),
    ...namedChanges('channels', before.channels, after.channels),
    ...namedChanges('sinks', byName(before.sinks), byName(after.sinks)),
    ...(isEqual(before.rules, after.rules) ? [] : [`rules (${before.rules.length}, now ${after.rules.length})`]),
    ...(isEqual(before.freeze, after.freeze)
      ? []
      : [`freeze windows (${before.freeze.length}, now ${after.freeze.length})`]),
  ];
}

function byName<Entry extends { readonly name: string }>(list: readonly Entry[]): Record<string, Entry> {
  return Object.fromEntries(list.map((entry) => [entry.name, entry]));
}

function namedChanges(
  what: string,
  before: Readonly<Record<string, unknown>>,
  after: Readonly<Record<string, unknown>>,
): string[] {
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])].filter(
    (name) => !isEqual(before[name], after[name]),
  );
  if (names.length === 0) return [];
  const marked = names.slice(0, 10).map((name) => `${sign(name in before, name in after)}${name}`);
  return [
    `${what} ${marked.join(', ')}${names.length > marked.length ? ` and ${names.length - marked.length} more` : ''}`,
  ];
}

function sign(was: boolean, is: boolean): string {
  if (was && is) return '';
  return is ? '+' : '-';
}

function isEqual(one: unknown, other: unknown): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}
