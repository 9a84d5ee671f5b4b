import { describe, expect } from 'vitest';
import { main } from '../../client/main.ts';
import { recordedIo } from '../client/support.ts';
import { until } from '../lab/until.ts';
import { aRelease } from '../support/a-release.ts';
import { test } from '../support/stage.ts';
import type { Connections, Stage } from '../support/stage.ts';

/** The offers for the last word, with where this Temporal is on the line as people type it. */
async function offered({ address }: Connections, { clusterName }: Stage, ...typed: string[]): Promise<string[]> {
  const [verb = '', ...rest] = typed;
  const io = { ...recordedIo(), now: () => Date.now() };
  await main(['__complete', '--', verb, '--address', address, '--cluster', clusterName, ...rest], io);
  await new Promise(setImmediate);
  return io.written.out.trimEnd().split('\n');
}

describe('a shell that completes a line', () => {
  test('is offered the sets and releases of the cluster on the line, and the waves of the release', async ({
    connections,
    stage,
  }) => {
    const it = await stage();
    const release = await it.start(aRelease({ gates: [{ before: 2 }] }));
    await release.until('the gate', ({ phase }) => phase === 'waiting-approval');
    await until({ what: 'the list to show the gate', deadlineMs: 60_000, everyMs: 100 }, async () => {
      const words = await offered(connections, it, 'status', '');
      return (
        words.join('\n') === 'arena/duel\tscripts-2-0: waiting-approval\nscripts-2-0\tarena/duel: waiting-approval\n:4'
      );
    });
    expect(await offered(connections, it, 'status', '-n', 'arena', 'du')).toEqual([
      'duel\tscripts-2-0: waiting-approval',
      ':4',
    ]);
    expect(await offered(connections, it, 'status', '-n', 'a')).toEqual(['arena', ':4']);
    expect(await offered(connections, it, 'approve', 'arena/duel', '--wave', '')).toEqual([
      '1\tdone',
      '2\tpending',
      '3\tpending',
      ':4',
    ]);
    await release.decide({ verb: 'cancel', then: 'hold' });
    await release.result();
  });
});
