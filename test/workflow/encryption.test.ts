import type { WorkflowHandle } from '@temporalio/client';
import { temporal } from '@temporalio/proto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { describe, expect, inject } from 'vitest';
import { ClusterFailure } from '../../activities/ports/failure.ts';
import { runCodec } from '../../client/commands/codec.ts';
import { MESSAGES } from '../../workflows/messages.ts';
import { recordedIo } from '../client/support.ts';
import { temporalProgram } from '../lab/temporal-program.ts';
import { until } from '../lab/until.ts';
import { keyRing, keysOfTest } from '../support/keys.ts';
import { stageCommand } from '../support/stage-command.ts';
import { aRelease, test } from '../support/stage.ts';

/** Everything that Temporal keeps of a release, as text; payloads as the bytes that they are. */
async function historyOf(handle: WorkflowHandle): Promise<string> {
  const history = await handle.fetchHistory();
  return Buffer.from(temporal.api.history.v1.History.encode(history).finish()).toString('latin1');
}

/** Things that only the release knows: its servers, its images, what went wrong, the words of people. Its name is searched for. */
const SECRETS = /.{0,40}(?:duel-\d|scripts:|does not answer|for the champions).{0,40}/;

const trouble = new ClusterFailure('other', 'the API server of duel-3 does not answer (500)', { retryable: true });

describe('a worker with keys', () => {
  test('leaves nothing in the history that can be read without them, and people read all of it', async ({ stage }) => {
    const folder = await mkdtemp(join(tmpdir(), 'hotwave-keys-'));
    const file = join(folder, 'keys.yaml');
    await writeFile(file, keyRing('old', 'old'));
    const withKeys = { HOTWAVE_ENCRYPTION_KEYS_FILE: file };
    const it = await stage({}, undefined, { keys: keysOfTest('old') });
    it.calls.fail({ activity: 'openWave' }, { failure: trouble, times: 2 });
    const release = await it.start(aRelease({ gates: [{ before: 2 }] }));
    await release.until('the gate', ({ phase }) => phase === 'waiting-approval');
    expect((await stageCommand(it, ['status', 'arena/duel'], {}, withKeys)).out).toMatch(/approval.* before wave 2/);
    const blind = await stageCommand(it, ['status', 'arena/duel']);
    expect(blind).toMatchObject({ code: 7, out: '' });
    expect(blind.err).toMatch(/encrypted with the key old: set HOTWAVE_ENCRYPTION_KEYS_FILE/);
    const approved = await stageCommand(
      it,
      ['approve', 'arena/duel', '--wave', '2', '--reason', 'for the champions'],
      {},
      withKeys,
    );
    expect(approved).toMatchObject({ code: 0 });
    expect(await release.result()).toMatchObject({ outcome: 'done' });
    expect((await historyOf(release.handle)).match(SECRETS)).toBeNull();
    const ended = await stageCommand(it, ['status', 'arena/duel', '-o', 'json'], {}, withKeys);
    expect(ended.out).toContain('for the champions');
    await rm(folder, { recursive: true });
  });

  test('is read by the temporal command through the codec server, and not without', async ({ stage }) => {
    const folder = await mkdtemp(join(tmpdir(), 'hotwave-keys-'));
    const file = join(folder, 'keys.yaml');
    await writeFile(file, keyRing('old', 'old'));
    const it = await stage({}, undefined, { keys: keysOfTest('old') });
    const release = await it.start(aRelease({ gates: [{ before: 2 }] }));
    await release.until('the gate', ({ phase }) => phase === 'waiting-approval');
    const io = recordedIo({ env: { HOTWAVE_ENCRYPTION_KEYS_FILE: file } });
    let interrupt = (): void => undefined;
    const ended = runCodec(
      { ...io, onInterrupt: (listener) => ((interrupt = listener), () => undefined) },
      { http: '127.0.0.1:0' },
    );
    await until({ what: 'the codec server to listen', deadlineMs: 10_000, everyMs: 10 }, () => io.written.err !== '');
    const [endpoint = ''] = /http:\S+(?=;)/.exec(io.written.err) ?? [];
    const program = await temporalProgram(() => undefined);
    const query = ['workflow', 'query', '--type', MESSAGES.state, '--workflow-id', release.handle.workflowId];
    const around = ['--address', inject('temporalAddress'), '--env-file', join(folder, 'none')];
    const read = await execa(program, [...query, ...around, '--codec-endpoint', endpoint]);
    expect(read.stdout).toContain('scripts:2.0');
    const blind = await execa(program, [...query, ...around], { reject: false });
    expect(`${blind.stdout}${blind.stderr}`).not.toContain('scripts:2.0');
    interrupt();
    expect(await ended).toBe(0);
    await release.decide({ verb: 'approve', wave: 2 });
    await release.result();
    await rm(folder, { recursive: true });
  });

  test('goes on with a release that was begun before the key was rotated', async ({ stage }) => {
    let keys = keysOfTest('old');
    const it = await stage({}, undefined, { keys: { ring: () => keys.ring(), key: (name) => keys.key(name) } });
    const release = await it.start(aRelease({ gates: [{ before: 2 }] }));
    await release.until('the gate', ({ phase }) => phase === 'waiting-approval');
    keys = keysOfTest('new', 'old');
    await release.decide({ verb: 'approve', wave: 2 });
    expect(await release.result()).toMatchObject({ outcome: 'done' });
    const history = await historyOf(release.handle);
    expect(history).toMatch(/encryption-key-id\W+old/);
    expect(history).toMatch(/encryption-key-id\W+new/);
  });
});
