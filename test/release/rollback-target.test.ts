import { describe, expect, test } from 'vitest';
import { applyDecision } from '../../release/decisions/decision.ts';
import type { FleetSnapshot, Plan } from '../../release/plan/plan.ts';
import { isPlan } from '../../release/plan/plan.ts';
import { planRelease } from '../../release/plan/plan-release.ts';
import { rollbackSentence } from '../../release/plan/rollback-target.ts';
import { initialState, withPlan } from '../../release/progress/state.ts';
import { endOfRelease, recordOfPlan } from '../../release/record/plan-record.ts';
import type { LastRelease } from '../../release/record/record.ts';
import { LAST_RELEASE_ANNOTATION, RELEASE_ANNOTATION, recordText } from '../../release/record/record.ts';
import { STABLE_ANNOTATION, readStable, stableText } from '../../release/record/stable.ts';
import type { StableVersion } from '../../release/record/stable.ts';
import { MAIN, MAIN_IMAGE, SIDECAR, aServer, aSet } from '../support/builders.ts';
import { releaseFrom } from '../support/release-file.ts';

const image = (version: string): string => `registry.test/scripts:${version}`;

function specOf(version: string, more = ''): ReturnType<typeof releaseFrom> {
  return releaseFrom(`
apiVersion: hotwave.dev/v1
kind: Release
metadata: { name: scripts-${version.replaceAll('.', '-')} }
spec:
  target: { namespace: arena, gameServerSet: duel }
  images: { ${SIDECAR}: '${image(version)}' }
  reload: { exec: { container: ${MAIN}, command: [reload] } }
  proof: { http: { port: 80, path: /version } }
${more}`);
}

interface Live {
  /** The version that each server runs, from ordinal 0. */
  readonly run: readonly string[];
  readonly template: string;
  readonly annotations?: Readonly<Record<string, string>>;
}

const times = (count: number, version: string): string[] => Array<string>(count).fill(version);

function fleet({ run, template, annotations }: Live): FleetSnapshot {
  const set = aSet({
    replicas: run.length,
    containers: [
      { name: MAIN, image: MAIN_IMAGE },
      { name: SIDECAR, image: image(template) },
    ],
    ...(annotations ? { annotations } : {}),
  });
  const servers = run.map((version, ordinal) => aServer({ ordinal, sidecarImage: image(version) }));
  return { set, servers, gameServers: [] };
}

function planOf(version: string, live: Live, more?: string): Plan {
  const result = planRelease(specOf(version, more).spec, fleet(live));
  if (!isPlan(result)) throw new Error(result.refusals.join('; '));
  return result;
}

const stable = (version: string, more: Partial<StableVersion> = {}): Record<string, string> => ({
  [STABLE_ANNOTATION]: stableText({
    v: 1,
    container: SIDECAR,
    image: image(version),
    version,
    release: 'r',
    at: 1,
    ...more,
  }),
});

/** The record of a release of a version that was cancelled and left the servers where they are. */
function halfWay(version: string, live: Live): Record<string, string> {
  const plan = planOf(version, live);
  const record = recordOfPlan(plan, specOf(version).spec, { release: `scripts-${version}`, startedAt: 1 });
  return { [RELEASE_ANNOTATION]: recordText({ ...record, leftAt: 2 }) };
}

function ended(version: string, live: Live, outcome: LastRelease['outcome'] = 'done'): Record<string, string> {
  const record = recordOfPlan(planOf(version, live), specOf(version).spec, { release: 'before', startedAt: 1 });
  return { [LAST_RELEASE_ANNOTATION]: recordText(endOfRelease(record, outcome, { finishedAt: 2 })) };
}

const A7 = { run: [...times(13, '9.0'), '10.0'], template: '10.0' } as const;

describe('a rollback goes back to', () => {
  test('what servers ran, whatever a cancelled release has left in the template', () => {
    const plan = planOf('11.0', { run: times(14, '9.0'), template: '10.0' });
    expect(plan).toMatchObject({
      previousVersion: '9.0',
      baseline: { oldImage: image('9.0'), templateImage: image('10.0') },
      rollbackTo: { why: 'what servers run', servers: 14, of: 14, template: '10.0' },
    });
    expect(rollbackSentence(plan.rollbackTo!)).toBe(
      'a rollback goes back to 9.0 (what all 14 servers run; the template says 10.0)',
    );
  });

  test.each([
    ['the stable version is on the set', stable('9.0'), 'stable version'],
    [
      'only the release that was left half-way is',
      halfWay('10.0', { run: times(14, '9.0'), template: '9.0' }),
      'what servers ran before',
    ],
    ['nothing is', undefined, 'what most servers run'],
  ])('9.0 after 10.0 moved 1 of 14 and was cancelled, when %s', (_what, annotations, why) => {
    const plan = planOf('11.0', { ...A7, ...(annotations ? { annotations } : {}) });
    expect(plan.rollbackTo).toMatchObject({ image: image('9.0'), version: '9.0', why, servers: 13, of: 14 });
    expect(plan.mixed).toEqual(['duel-13']);
    expect(plan.warnings.join()).toContain(`(duel-13): a rollback brings them to ${image('9.0')}`);
    expect(plan.warnings.some((text) => text.includes('no stable version'))).toBe(why === 'what most servers run');
  });

  test('the stable version although most servers run one that was given up half-way', () => {
    const run = [...times(9, '10.0'), ...times(5, '9.0')];
    const left = halfWay('10.0', { run: times(14, '9.0'), template: '9.0' });
    const plan = planOf('11.0', { run, template: '10.0', annotations: { ...left, ...stable('9.0') } });
    expect(plan.rollbackTo).toMatchObject({ version: '9.0', why: 'stable version', servers: 5 });
    expect(planOf('11.0', { run, template: '10.0', annotations: left }).rollbackTo).toMatchObject({ version: '9.0' });
  });

  test('what the last release left, although one server was excluded from it and the stable version is older', () => {
    const last = ended('9.0', { run: times(14, '8.0'), template: '8.0' });
    const run = [...times(13, '9.0'), '8.0'];
    const plan = planOf('10.0', { run, template: '9.0', annotations: { ...last, ...stable('8.0') } });
    expect(plan.rollbackTo).toMatchObject({ version: '9.0', why: 'what the last release left', servers: 13 });
  });

  test('what most servers run, and in a tie to what the template says', () => {
    const versions = (run: string[], template: string): unknown =>
      planOf('11.0', { run, template }).rollbackTo?.version;
    expect(versions(['9.0', '9.0', '8.0'], '8.0')).toBe('9.0');
    expect(versions(['9.0', '8.0'], '9.0')).toBe('9.0');
    expect(versions(['9.0', '8.0'], '7.0')).toBe('8.0');
  });

  test('never the version that is being released: it is the stable one when a release goes back to it', () => {
    const plan = planOf('9.0', { run: [...times(3, '10.0'), '8.0'], template: '10.0', annotations: stable('9.0') });
    expect(plan.rollbackTo).toMatchObject({ version: '10.0', why: 'what most servers run' });
  });

  test('no stable version of another container, and none that cannot be read', () => {
    const why = (annotations: Record<string, string>): unknown =>
      planOf('11.0', { ...A7, annotations }).rollbackTo?.why;
    expect(why(stable('9.0', { container: 'assets' }))).toBe('what most servers run');
    expect(why({ [STABLE_ANNOTATION]: '{"v":2}' })).toBe('what most servers run');
  });

  test('a version also where the template has the new image already', () => {
    const plan = planOf('11.0', { run: ['11.0', '9.0', '9.0', '10.0'], template: '11.0' });
    expect(plan.rollbackTo).toMatchObject({ version: '9.0', servers: 2, of: 3 });
    expect(plan.rollbackTo).not.toHaveProperty('template');
  });

  test('the version by the name that the records have for its image', () => {
    const annotations = stable('9.0', { version: 'nine' });
    expect(planOf('11.0', { run: ['9.0'], template: '9.0', annotations }).previousVersion).toBe('nine');
    const said = planOf('11.0', { run: ['9.0'], template: '9.0', annotations }, "  previousVersion: 'neuf'");
    expect(said).toMatchObject({ previousVersion: 'neuf', rollbackTo: { version: 'neuf' } });
  });
});

describe('whoever rolls back is told', () => {
  const answer = (plan: Plan): string => {
    const identity = {
      release: 'r',
      cluster: 'c',
      set: plan.set,
      strategy: 'rolling',
      requester: 'ann',
      image: '',
      version: '',
    };
    const state = { ...withPlan(initialState(identity, 0), plan), phase: 'updating' } as const;
    const decision = { id: '1', verb: 'rollback', release: 'r', actor: 'bob', channel: 'test' } as const;
    return applyDecision(state, decision, 0).answer.message;
  };

  test('why it goes there, where that is not what everybody would guess', () => {
    expect(answer(planOf('11.0', { ...A7, annotations: stable('9.0') }))).toBe(
      'rolling back to 9.0 (the stable version; 13 of 14 servers run it; the template says 10.0)',
    );
    expect(answer(planOf('11.0', { run: times(3, '9.0'), template: '9.0' }))).toBe('rolling back to 9.0');
  });

  test('by the record on the set too', () => {
    const record = recordOfPlan(planOf('11.0', A7), specOf('11.0').spec, { release: 'r', startedAt: 1 });
    expect(record.oldBecause).toBe('what 13 of 14 servers run; no stable version is recorded; the template says 10.0');
    const usual = recordOfPlan(planOf('11.0', { run: ['9.0'], template: '9.0' }), specOf('11.0').spec, {
      release: 'r',
      startedAt: 1,
    });
    expect(usual).not.toHaveProperty('oldBecause');
  });
});

describe('the stable version', () => {
  test.each(['', '{', '[]', '{"v":2}', '{"v":1,"container":"scripts"}', `{"v":1,"pad":"${'x'.repeat(9_000)}"}`])(
    'is not known where the annotation is damaged: %.40s',
    (text) => {
      const { stable: found, unreadable } = readStable({ [STABLE_ANNOTATION]: text });
      expect(found).toBeUndefined();
      expect(unreadable).toContain(STABLE_ANNOTATION);
    },
  );

  test('is what an end of a release says only when every server proved it, on one template', () => {
    const plan = planOf('11.0', { run: times(3, '9.0'), template: '9.0' });
    const record = recordOfPlan(plan, specOf('11.0').spec, { release: 'r', startedAt: 1 });
    const all = { finishedAt: 2, everyServerProved: true };
    expect(endOfRelease(record, 'done', all)).toMatchObject({ version: '11.0', everyServer: true });
    expect(endOfRelease(record, 'rolled-back', all)).toMatchObject({ version: '9.0', everyServer: true });
    expect(endOfRelease(record, 'done', { finishedAt: 2 })).not.toHaveProperty('everyServer');
    expect(endOfRelease({ ...record, strategy: 'targeted' }, 'done', all)).not.toHaveProperty('everyServer');
    const earlier = [{ image: image('8.0'), version: '8.0', servers: '1' }];
    expect(endOfRelease({ ...record, earlier }, 'rolled-back', all)).not.toHaveProperty('everyServer');
    expect(endOfRelease({ ...record, earlier }, 'done', all)).toMatchObject({ everyServer: true });
  });
});

describe('servers whose image an admission webhook has rewritten', () => {
  const digest = `sha256:${'1'.repeat(64)}`;
  const planned = (found: string): Plan => {
    const live = fleet({ run: times(3, '1.0'), template: '1.0' });
    const servers = live.servers.map(({ ordinal }) => aServer({ ordinal, sidecarImage: found }));
    const result = planRelease(specOf('2.0').spec, { ...live, servers });
    if (!isPlan(result)) throw new Error(result.refusals.join('; '));
    return result;
  };

  test.each([
    [`registry.test/scripts@${digest}`],
    [`registry.test/scripts:1.0@${digest}`],
    ['mirror.test/scripts:1.0'],
  ])('%s go back to what they ran, by the version of the template', (found) => {
    const { rollbackTo } = planned(found);
    expect(rollbackTo).toMatchObject({ image: found, version: '1.0', why: 'what servers run' });
    expect(rollbackTo).not.toHaveProperty('template');
  });
});
