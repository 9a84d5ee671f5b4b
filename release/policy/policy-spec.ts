import { z } from 'zod';
import { personKey } from '../decisions/person.ts';
import { freezeWindowSchema } from '../spec/freeze-spec.ts';
import { ofType } from '../spec/issue-sentences.ts';
import { dnsLabel } from '../spec/names.ts';
import { plainLine } from '../spec/text.ts';
import { VERBS } from '../progress/state.ts';
import { sinkSchema } from './sink-spec.ts';
import { isPublicKey } from './ssh-signature.ts';

/** The acts that somebody may be allowed: what a release can be told, to start one, and to end the monitor behind one. */
export const POWERS = ['start', ...VERBS, 'unguard'] as const;
/** The acts that somebody may be allowed. */
export type Power = (typeof POWERS)[number];

const MOST_PEOPLE = 2_000;
const MOST_RULES = 200;

const A_PUBLIC_KEY = 'expected a public SSH key as in ~/.ssh/id_ed25519.pub: ssh-ed25519 or ecdsa-sha2-nistp256';

const publicKey = z.string().max(2_000).refine(isPublicKey, A_PUBLIC_KEY);

/** Keys come and go: one that has ended verifies only what was signed before. */
const keySchema = z.strictObject({
  key: publicKey,
  from: z.iso.datetime({ offset: true }).optional(),
  until: z.iso.datetime({ offset: true }).optional(),
});

const personSchema = z.strictObject({
  identities: z
    .array(plainLine(200))
    .max(50)
    .prefault([])
    .meta({ description: 'The names that this person decides under, such as slack:T1/U2 or github:ann' }),
  keys: z.array(keySchema).max(20).prefault([]).meta({ description: 'The keys that this person signs with' }),
});

const channelSchema = z.strictObject({
  keys: z
    .array(keySchema)
    .min(1)
    .max(20)
    .meta({ description: 'The keys of the gateway that says who has decided there' }),
});

const mandatoryGateSchema = z.strictObject({
  before: z.int().min(1).max(1_000),
  approvals: z.int().min(1).max(20).prefault(1),
  groups: z.record(dnsLabel, z.int().min(1).max(20)).optional(),
  notRequester: z.boolean().prefault(true),
});

const ruleSchema = z.strictObject({
  namespaces: z.array(z.string().regex(/^[a-z0-9-]*\*?$/, 'expected a namespace, or its beginning and *')).min(1),
  may: z.partialRecord(z.enum(POWERS), z.array(plainLine(200)).min(1).max(100)).prefault({}),
  vouched: z.union([z.boolean(), z.array(z.enum(POWERS))]).prefault(false),
  channels: z.array(plainLine(60)).max(50).optional(),
  gates: z.array(mandatoryGateSchema).max(50).prefault([]),
});

const policyFieldsSchema = z.strictObject({
  freeze: z.array(freezeWindowSchema).max(200).prefault([]),
  people: z
    .record(plainLine(80), personSchema)
    .refine((people) => Object.keys(people).length <= MOST_PEOPLE, `expected at most ${MOST_PEOPLE} people`)
    .prefault({}),
  groups: z
    .record(dnsLabel, z.array(plainLine(80)).min(1).max(500), {
      error: ofType('expected groups of people such as { ops: [ann, bob] }'),
    })
    .prefault({}),
  channels: z.record(plainLine(60), channelSchema).prefault({}),
  rules: z.array(ruleSchema).max(MOST_RULES).prefault([]),
  sinks: z.array(sinkSchema).max(20).prefault([]),
});

/**
 * Fields that are right alone and wrong together: names that nobody has, groups that are too small, one key of two
 * owners.
 */
function togetherProblems(
  policy: z.output<typeof policyFieldsSchema>,
): { path: (string | number)[]; message: string }[] {
  return [...unknownPeople(policy), ...ruleProblems(policy), ...doubles(policy), ...doubleSinks(policy)];
}

type Fields = z.output<typeof policyFieldsSchema>;

function unknownPeople({ groups, people }: Fields): { path: (string | number)[]; message: string }[] {
  return Object.entries(groups).flatMap(([group, members]) =>
    members.flatMap((member, index) =>
      Object.hasOwn(people, member)
        ? []
        : [{ path: ['groups', group, index], message: `people has no ${member}: expected one of the names there` }],
    ),
  );
}

function ruleProblems({ rules, groups, people }: Fields): { path: (string | number)[]; message: string }[] {
  return rules.flatMap(({ may, gates }, index) => [
    ...Object.entries(may).flatMap(([power, names]) =>
      names.flatMap((name, at) =>
        Object.hasOwn(groups, name) || Object.hasOwn(people, name)
          ? []
          : [{ path: ['rules', index, 'may', power, at], message: `there is no group and no person ${name}` }],
      ),
    ),
    ...gates.flatMap(({ groups: wanted = {} }, at) =>
      Object.entries(wanted).flatMap(([group, count]) => {
        const path = ['rules', index, 'gates', at, 'groups', group];
        const size = Object.hasOwn(groups, group) ? (groups[group]?.length ?? 0) : undefined;
        if (size === undefined) return [{ path, message: `there is no group ${group}` }];
        return size < count ? [{ path, message: `the group ${group} has only ${size} people` }] : [];
      }),
    ),
  ]);
}

/** One identity or key that two people have would make one of them the other. */
function doubles({ people }: Fields): { path: (string | number)[]; message: string }[] {
  const owners = new Map<string, string>();
  const claim = (
    value: string,
    owner: string,
    path: (string | number)[],
  ): { path: (string | number)[]; message: string }[] => {
    const before = owners.get(value);
    owners.set(value, before ?? owner);
    return before === undefined || before === owner
      ? []
      : [{ path, message: `${before} has it as well: expected one owner` }];
  };
  return Object.entries(people).flatMap(([name, { identities, keys }]) => [
    ...claim(`name ${personKey(name)}`, name, ['people', name]),
    ...identities.flatMap((identity, index) =>
      claim(`name ${personKey(identity)}`, name, ['people', name, 'identities', index]),
    ),
    ...keys.flatMap(({ key }, index) => claim(`key ${key.split(' ')[1] ?? ''}`, name, ['people', name, 'keys', index])),
  ]);
}

/** A sink is known by its name: of two with one name the second would be told nothing. */
function doubleSinks({ sinks }: Fields): { path: (string | number)[]; message: string }[] {
  return sinks.flatMap(({ name }, index) => {
    const first = sinks.findIndex((other) => other.name === name);
    return first === index
      ? []
      : [
          {
            path: ['sinks', index, 'name'],
            message: `sinks[${first}] has the name ${name} as well: expected another one`,
          },
        ];
  });
}

/** Schema of the policy of a cluster: who may decide, what vouches for them and which gates there must be. */
export const policyFileSchema = policyFieldsSchema.superRefine((policy, context) => {
  for (const { path, message } of togetherProblems(policy)) context.addIssue({ code: 'custom', path, message });
});

/** The policy of a cluster, as it is written down. */
export type Policy = z.output<typeof policyFileSchema>;
