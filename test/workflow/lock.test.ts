import { describe, expect } from 'vitest';
import { LAST_RELEASE_ANNOTATION, RELEASE_ANNOTATION } from '../../release/record/record.ts';
import { USER_STRATEGY } from '../support/builders.ts';
import { effects } from '../support/fake-log.ts';
import type { StartedRelease } from '../support/hotwave.ts';
import { stageCommand } from '../support/stage-command.ts';
import { TARGETED, aRelease, releaseText, test } from '../support/stage.ts';
import type { SpecWishes, Stage } from '../support/stage.ts';

async function atGate(it: Stage, wishes: SpecWishes = {}): Promise<StartedRelease> {
  const release = await it.start(aRelease({ ...wishes, gates: [{ before: 2 }] }));
  await release.until('the gate', ({ phase }) => phase === 'waiting-approval');
  return release;
}

interface Held {
  readonly holder: { readonly temporal: string; readonly workflowId: string; readonly runId: string };
  readonly leftAt?: number;
}

const recordOf = ({ cluster }: Stage): Held =>
  JSON.parse(cluster.set().raw.metadata.annotations![RELEASE_ANNOTATION]!) as Held;

function withRecord(it: Stage, record: object): void {
  it.cluster.edit('kubectl', ({ metadata }) => {
    metadata.annotations = { ...metadata.annotations, [RELEASE_ANNOTATION]: JSON.stringify(record) };
  });
}

function start(it: Stage, ...flags: readonly string[]): ReturnType<typeof stageCommand> {
  const files = { 'next.yaml': releaseText({ name: 'next' }) };
  return stageCommand(it, ['start', 'next.yaml', '--wait', ...flags], files);
}

describe('the lock of a set', () => {
  test('says on the set which workflow of which Temporal holds it', async ({ stage }) => {
    const it = await stage();
    const release = await atGate(it);
    const { holder } = recordOf(it);
    expect(holder).toMatchObject({
      namespace: 'default',
      workflowId: `hotwave/${it.clusterName}/arena/duel`,
      runId: (await release.handle.describe()).runId,
    });
    expect(holder.temporal).toMatch(/^[0-9a-f-]{36}$/);
    await release.decide({ verb: 'cancel', then: 'rollback' });
    await release.result();
  });

  test('holds also when workers give one cluster two names: refused with the holder and how to reach it', async ({
    stage,
  }) => {
    const [it, other] = [await stage(), await stage()];
    const elsewhere = await atGate(other);
    withRecord(it, recordOf(other));
    const before = it.cluster.log.length;
    const { code, out } = await start(it);
    expect(code).toBe(6);
    expect(out).toContain('the set says that release scripts-2-0 runs on it since');
    expect(out).toContain(`see hotwave status arena/duel --cluster ${other.clusterName}`);
    expect(await start(it, '--takeover', 'I think so')).toMatchObject({ code: 6 });
    expect(effects(it.cluster, before)).toEqual([]);
    await elsewhere.handle.terminate('gone');
    expect(await start(it)).toMatchObject({ code: 0 });
  });

  test('of another Temporal, which cannot be asked, is taken over only by somebody who says why', async ({ stage }) => {
    const [it, other] = [await stage(), await stage()];
    await atGate(other);
    const record = recordOf(other);
    withRecord(it, { ...record, holder: { ...record.holder, temporal: 'another' } });
    const refused = await start(it);
    expect(refused).toMatchObject({ code: 6 });
    expect(refused.out).toContain('by another Temporal (namespace default with id another, workflow hotwave/');
    expect(refused.out).toContain('hotwave rollback --from-cluster arena/duel --cluster');
    const { code, err, out } = await start(it, '--takeover', 'that cluster was deleted');
    expect({ code, out, err }).toMatchObject({ code: 0 });
    expect(it.cluster.set().raw.spec.updateStrategy).toEqual(USER_STRATEGY);
    expect(it.cluster.set().raw.metadata.annotations?.[LAST_RELEASE_ANNOTATION]).toContain('"release":"next"');
  });

  test('is not kept by a release whose workflow was terminated', async ({ stage }) => {
    const it = await stage();
    const release = await atGate(it);
    await release.handle.terminate('gone');
    expect(await start(it)).toMatchObject({ code: 0 });
  });

  test('of an older version, whose record names no holder, is not kept', async ({ stage }) => {
    const it = await stage();
    const release = await atGate(it);
    await release.handle.terminate('gone');
    const { holder: _holder, ...older } = recordOf(it);
    withRecord(it, older);
    expect(await start(it)).toMatchObject({ code: 0 });
  });

  test.for<SpecWishes>([{}, TARGETED])('ends with a hold, which the record says', async (wishes, { stage }) => {
    const it = await stage();
    const release = await atGate(it, wishes);
    expect(recordOf(it).leftAt).toBeUndefined();
    await release.decide({ verb: 'cancel', then: 'hold' });
    expect((await release.result()).outcome).toBe('cancelled');
    const record = recordOf(it);
    expect(record.leftAt).toBeGreaterThan(0);
    // Also where nobody can be asked.
    withRecord(it, { ...record, holder: { ...record.holder, temporal: 'another' } });
    const plan = await stageCommand(it, ['plan', 'next.yaml', '-o', 'wide'], {
      'next.yaml': releaseText({ name: 'next' }),
    });
    expect(plan).toMatchObject({ code: 0 });
    expect(plan.out).toContain('scripts-2-0 was left half-way');
  });
});
