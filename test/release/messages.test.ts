import { ApplicationFailure } from '@temporalio/common';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { applyDecision } from '../../release/decisions/decision.ts';
import { LONGEST_HALT } from '../../release/decisions/halt.ts';
import { DECISION_FIELDS, decisionSchema, readDecision, readFarewell } from '../../release/decisions/message.ts';
import { VERBS, initialState } from '../../release/progress/state.ts';
import type { Verb } from '../../release/progress/state.ts';
import { OPEN_PHASES } from '../../release/decisions/verbs.ts';
import type { OpenPhase } from '../../release/decisions/verbs.ts';
import { isPlain } from '../../release/spec/plain-text.ts';
import {
  checkedInput,
  fromClusterInputSchema,
  monitorInputSchema,
  haltInputSchema,
  inspectInputSchema,
  auditInputSchema,
  planInputSchema,
  releaseInputSchema,
} from '../../workflows/input-schemas.ts';
import { releaseFrom } from '../support/release-file.ts';
import { hostileText, hostileValue, mutationsOf, textsOf } from '../support/hostile.ts';

const NOW = Date.UTC(2026, 10, 27);

const COMMON = { id: 'd1', release: 'r1', plan: '0123abcd', actor: 'bob', channel: 'cli', reason: 'because' };
const FIELDS = {
  wave: 2,
  then: 'hold',
  server: 'duel-1',
  scope: 'wave',
  order: 'all',
  wins: 'edit',
  by: 'r2',
  until: NOW + 1_000,
  namespace: 'arena',
};

/** A decision with everything that its verb may be told. */
function decisionWith(verb: Verb): Record<string, unknown> {
  const known = DECISION_FIELDS[verb].map((field) => [field, FIELDS[field as keyof typeof FIELDS]] as const);
  return { ...COMMON, verb, ...Object.fromEntries(known) };
}

const aDecision = decisionWith('approve');

const state = initialState(
  {
    release: 'r1',
    cluster: 'eu',
    set: { namespace: 'arena', name: 'duel' },
    strategy: 'rolling',
    requester: 'ann',
    image: 'i:2',
    version: '2',
  },
  NOW,
);

describe('a decision', () => {
  test('may be anything at all: it is read, or there is one plain sentence that says what was expected', () => {
    const anything = fc.oneof(
      hostileValue(),
      mutationsOf({ ...COMMON, verb: 'approve', ...FIELDS }),
      mutationsOf(aDecision),
    );
    fc.assert(
      fc.property(anything, (message) => {
        const read = readDecision(message);
        if ('ok' in read) return;
        expect(read.problem).toMatch(/^not understood: .*; expected \{"id":"1","verb":"approve"/);
        expect(isPlain(read.problem)).toBe(true);
        expect(read.problem.length).toBeLessThan(500);
      }),
      { numRuns: 3_000 },
    );
  });

  test('that was read is applied in every phase without an error, and leaves only plain text', () => {
    const said = fc.record({
      verb: fc.constantFrom(...VERBS),
      phase: fc.constantFrom(...(Object.keys(OPEN_PHASES) as OpenPhase[])),
      reason: hostileText(),
    });
    fc.assert(
      fc.property(said, ({ verb, phase, reason }) => {
        const read = readDecision({ ...decisionWith(verb), reason: reason.slice(0, 1_000) });
        if (!('ok' in read)) throw new Error(read.problem);
        const { state: after, answer } = applyDecision({ ...state, phase }, read.ok, NOW);
        expect(textsOf(after).filter((text) => !isPlain(text))).toEqual([]);
        expect(isPlain(answer.message)).toBe(true);
      }),
      { numRuns: 2_000 },
    );
  });

  test.each(VERBS)('to %s with a field that only others know is not understood: it means something else', (verb) => {
    for (const [field, value] of Object.entries(FIELDS)) {
      const isKnown = (DECISION_FIELDS[verb] as readonly string[]).includes(field);
      expect('ok' in readDecision({ ...COMMON, verb, [field]: value })).toBe(isKnown);
    }
  });

  test.each([
    ['nothing', null],
    ['a number', 3],
    ['a list', []],
    ['an actor who looks like another', { ...aDecision, actor: 'bob\u202E' }],
    ['a release that is no name', { ...aDecision, release: '$(reboot)' }],
    ['a wave beyond all waves', { ...aDecision, wave: 1e9 }],
    ['an end beyond all dates', { ...aDecision, until: 8.64e15 }],
    ['a longer reason than anybody reads', { ...aDecision, reason: 'x'.repeat(1_001) }],
  ])('that is %s is not understood', (_what, message) => {
    expect(readDecision(message)).toHaveProperty('problem');
  });

  test.each([
    [{ ...aDecision, verb: 'aprove' }, 'verb: expected approve, reject, pause'],
    [{ ...aDecision, wave: 0 }, 'wave: expected a number of at least 1;'],
    [{ ...aDecision, wave: '2' }, 'wave: expected a number;'],
    [{ ...aDecision, actor: undefined }, 'actor: is missing; expected text; put numbers in quotes;'],
    [{ ...aDecision, id: 7, verb: 3 }, 'id: expected text; put numbers in quotes;'],
    [{ ...aDecision, waev: 2, reasn: 'x' }, 'waev: unknown key (did you mean wave?);'],
    [undefined, 'the message: is missing;'],
    [3, 'the message: expected an object;'],
  ])('that is not understood is answered in plain words: %o', (message, beginning) => {
    const read = readDecision(message);
    expect('problem' in read && read.problem.slice(0, beginning.length + 16)).toBe(`not understood: ${beginning}`);
  });

  test('of several lines is one line', () => {
    expect(decisionSchema.parse({ ...aDecision, reason: ' login\nis \u001b[31mdown\u0007 ' }).reason).toBe(
      'login is down',
    );
  });

  test('halts releases for a week, and not for a hundred years', () => {
    const halting = (until: number): boolean =>
      applyDecision(
        { ...state, phase: 'updating' },
        { id: 'h', verb: 'halt', release: 'r1', actor: 'ops', channel: 'halt', until },
        NOW,
      ).answer.accepted;
    expect(halting(NOW + LONGEST_HALT)).toBe(true);
    expect(halting(NOW + 100 * 365 * 86_400_000)).toBe(false);
  });
});

test('a wish to end a halt or a monitor may be anything at all', () => {
  fc.assert(
    fc.property(fc.oneof(hostileValue(), mutationsOf({ actor: 'ann', reason: 'it is up' })), (message) => {
      const read = readFarewell(message);
      expect(isPlain('ok' in read ? `${read.ok.actor}${read.ok.reason}` : read.problem)).toBe(true);
    }),
    { numRuns: 2_000 },
  );
});

const file = releaseFrom(`
apiVersion: hotwave.dev/v1
kind: Release
metadata: { name: r1 }
spec:
  target: { namespace: arena, gameServerSet: duel }
  images: { scripts: "registry.test/scripts:2.0" }
  waves: [1, { name: first, servers: [2, 3-4] }, 25%, rest]
  content: { file: { container: engine, path: /srv/VERSION } }
  reload: { exec: { container: engine, command: [engine, reload] } }
  proof: { http: { port: 80, path: /version } }
  health: [{ http: { port: 80, path: /healthz } }]
  approvers: { ops: [ann, bob] }
  gates: [{ before: 2, groups: { ops: 1 }, remindEvery: 1h }]
  onFailure: { classes: { imagePull: { then: retry } } }
  freeze: [{ name: weekend, from: Fri 18:00, to: Mon 08:00 }]
  guard: 1h`);
const set = { namespace: 'arena', name: 'duel' };
const how = {
  ask: {
    content: file.spec.content,
    reload: file.spec.reload,
    proof: file.spec.proof,
    concurrency: file.spec.concurrency,
  },
};
const last = {
  ...{ v: 1, release: 'r1', strategy: 'rolling', container: 'scripts', outcome: 'done', image: 'i:2', version: '2' },
  ...{ previousImage: 'i:1', previousVersion: '1', startedAt: NOW, finishedAt: NOW, how },
};
const INPUTS = {
  release: [
    releaseInputSchema,
    { v: 1, file, cluster: 'eu', requester: 'ann', duringFreeze: { reason: 'fire' }, monitorInterval: 500 },
  ],
  'rollback from the cluster': [
    fromClusterInputSchema,
    { v: 1, cluster: 'eu', set, requester: 'ann', reason: 'lost', file },
  ],
  plan: [planInputSchema, { v: 1, file, cluster: 'eu' }],
  audit: [auditInputSchema, { v: 1, cluster: 'eu', set, version: '2.0' }],
  inspection: [inspectInputSchema, { v: 1, namespace: 'arena' }],
  halt: [
    haltInputSchema,
    { v: 1, cluster: 'eu', namespace: 'arena', actor: 'ann', reason: 'fire', since: NOW, until: NOW + 1 },
  ],
  guard: [monitorInputSchema, { v: 1, cluster: 'eu', requester: 'ann', set, last, until: NOW, interval: 500 }],
} as const;

describe('the input of a workflow', () => {
  test.each(Object.entries(INPUTS))('of a %s is taken as it is', (_kind, [schema, input]) => {
    expect(checkedInput<unknown>(schema, input)).toEqual(input);
  });

  test.each(Object.entries(INPUTS))(
    'of a %s may be anything at all: it ends the workflow with one sentence, and no task fails',
    (_kind, [schema, input]) => {
      fc.assert(
        fc.property(fc.oneof(hostileValue(), mutationsOf(input)), (wild) => {
          try {
            checkedInput<unknown>(schema, wild);
          } catch (error) {
            if (!(error instanceof ApplicationFailure)) throw error;
            expect(error.nonRetryable).toBe(true);
            expect(error.message).toMatch(/^the input of this workflow is not understood: /);
            expect(isPlain(error.message)).toBe(true);
          }
        }),
        { numRuns: 300 },
      );
    },
  );

  test('of a release has the bounds of the release file', () => {
    const paused = { ...file, spec: { ...file.spec, paused: { timeout: 1e15 } } };
    expect(() => checkedInput(releaseInputSchema, { v: 1, file: paused, cluster: 'eu', requester: 'ann' })).toThrow(
      'the input of this workflow is not understood: file.spec.paused.timeout: expected a duration of at most 30d',
    );
  });

  test.each([
    [{ v: 1, cluster: 'eu', requester: 'ann' }, 'file: is missing'],
    [
      { v: 1, file: { ...file, spec: { ...file.spec, proof: undefined } }, cluster: 'eu', requester: 'ann' },
      'file.spec.proof: is missing',
    ],
    [{ v: 2, file, cluster: 'eu', requester: 'ann' }, 'v: expected 1'],
  ])('that is wrong is answered in plain words: %#', (input, sentence) => {
    expect(() => checkedInput(releaseInputSchema, input)).toThrow(
      new RegExp(`^the input of this workflow is not understood: ${sentence}$`),
    );
  });

  test('whose gate asks a group with the name of something built in finds no such group', () => {
    const spec = {
      ...file.spec,
      gates: [
        {
          before: 2,
          approvals: 1,
          groups: { constructor: 1 },
          notRequester: false,
          timeout: 1_000,
          onTimeout: 'pause',
        },
      ],
    };
    expect(() =>
      checkedInput(releaseInputSchema, { v: 1, file: { ...file, spec }, cluster: 'eu', requester: 'ann' }),
    ).toThrow('spec.approvers has no group constructor');
  });
});
