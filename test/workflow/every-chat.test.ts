import { describe, expect, inject } from 'vitest';
import type { ReleaseState } from '../../release/progress/state.ts';
import { until } from '../lab/until.ts';
import { aPolicy, fakePolicy } from '../support/a-policy.ts';
import { CHATS } from '../support/chat-clicks.ts';
import type { ChatClick } from '../support/chat-clicks.ts';
import { startGatewayProcess } from '../support/gateway-process.ts';
import { personalKey } from '../support/ssh-key.ts';
import { aRelease, test } from '../support/stage.ts';
import { tcpDoor } from '../support/tcp-door.ts';

// Every chat, through the vendor's own client or by its own rules, to a gateway in a process of its own, to a real Temporal:
// one table of what may happen to a click. Rows that cannot happen over a connection without signatures is said in the table.

const KEY = personalKey();
const MINUTES = 60_000;

/** Sentences by the rows of the table; the number of votes that count after each row. */
interface Row {
  readonly row: string;
  readonly reads: string | RegExp | undefined;
  readonly votes: number;
}

const NOBODY = /is in no group that decides about wave 1: ask somebody of ops$/;
const DOWN = /^Temporal at \S+ does not answer; nothing was decided: click again$/;

/** The sentence that a person reads, and how many votes there are then. `refused` is how the way refuses a signature, a time, a replay. */
function tableOf(refused: {
  readonly signature: string;
  readonly time: string | undefined;
  readonly replay: string;
}): Row[] {
  return [
    { row: 'bad signature', reads: refused.signature, votes: 0 },
    { row: 'old', reads: refused.time, votes: 0 },
    { row: 'from the future', reads: refused.time, votes: 0 },
    { row: 'unknown person', reads: NOBODY, votes: 0 },
    { row: 'person of another group', reads: NOBODY, votes: 0 },
    { row: 'Temporal slow', reads: DOWN, votes: 0 },
    { row: 'Temporal down', reads: DOWN, votes: 0 },
    { row: 'good', reads: 'approved: wave 1 starts', votes: 1 },
    { row: 'replayed', reads: refused.replay, votes: 1 },
    { row: 'after the decision', reads: 'approved: wave 1 starts', votes: 1 },
    { row: 'double', reads: 'approved: wave 2 starts | approved: wave 2 starts', votes: 2 },
    { row: 'gateway killed before its answer', reads: 'approved: wave 3 starts', votes: 3 },
  ];
}

const HTTP = { signature: 'HTTP 401', time: 'HTTP 401', replay: 'HTTP 409' };
const NO_SIGNATURE = 'no signature on a connection that the app has opened';
const NO_TIME = 'no time in what comes over it';
const EXPIRED = 'this click is too old: click again';

const EXPECTED: Record<keyof typeof CHATS, readonly Row[]> = {
  'slack http': tableOf(HTTP),
  'feishu callbacks': tableOf(HTTP),
  'standard webhooks': tableOf(HTTP),
  'slack socket': tableOf({ signature: NO_SIGNATURE, time: NO_TIME, replay: 'nothing a second time' }),
  'feishu long connection': tableOf({ signature: NO_SIGNATURE, time: EXPIRED, replay: 'approved: wave 1 starts' }),
  'dingtalk stream': tableOf({ signature: NO_SIGNATURE, time: EXPIRED, replay: 'approved: wave 1 starts' }),
};

const atGate =
  (wave: number) =>
  ({ phase, gate }: ReleaseState): boolean =>
    phase === 'waiting-approval' && gate?.wave === wave;

// One after the other: six gateways at once make answers late.
describe('a click', { concurrent: false }, () => {
  test.for(Object.keys(CHATS) as (keyof typeof CHATS)[])(
    'by %s comes to what the table says',
    { timeout: 3 * MINUTES },
    async (name, { stage }) => {
      const { vendor, isSigned, isTimed, open } = CHATS[name];
      const [chat, door] = await Promise.all([open(), tcpDoor(inject('temporalAddress'))]);
      const env = { TEMPORAL_ADDRESS: door.address, HOTWAVE_SIGN_KEY: KEY.path, ...chat.env };
      let gateway = await startGatewayProcess(env);
      const policy = aPolicy({
        people: {
          ann: { identities: ['github:ann'] },
          bob: { identities: [chat.identityOf('bob')] },
          eve: { identities: [chat.identityOf('eve')] },
        },
        groups: { ops: ['bob'], players: ['eve'] },
        channels: { [vendor]: { keys: [{ key: KEY.public }] } },
        rules: [
          {
            namespaces: ['*'],
            vouched: ['approve', 'reject'],
            gates: [1, 2, 3, 4].map((before) => ({ before, groups: { ops: 1 } })),
          },
        ],
      });
      const it = await stage({}, undefined, { policy: fakePolicy(policy) });
      const release = await it.start(aRelease({ waves: [1, 1, 1, 'rest'] }), 'github:ann');
      const { release: releaseName, planHash } = await release.idle('the first gate', atGate(1));
      const { runId, workflowId } = await release.handle.describe();
      let clicks = 0;
      const aClick = (wave: number, change: Partial<ChatClick> = {}): ChatClick => ({
        id: `${name.replaceAll(' ', '-')}-${++clicks}`,
        person: 'bob',
        at: Date.now(),
        value: { workflowId, run: runId, release: releaseName, plan: planHash, verb: 'approve', wave },
        ...change,
      });
      const click = (one: ChatClick): Promise<string | undefined> => chat.click(gateway, one);
      const rows: Row[] = [];
      const happened = async (row: string, reads: string | undefined): Promise<void> => {
        const { decisions } = await release.state();
        rows.push({ row, reads, votes: decisions.filter(({ accepted }) => accepted).length });
      };
      const quick = async (act: Promise<string | undefined>): Promise<string | undefined> => {
        const started = performance.now();
        const sentence = await act;
        expect(performance.now() - started).toBeLessThan(3_000);
        return sentence;
      };
      const ready = (): Promise<boolean> =>
        until(
          { what: 'the gateway to be ready', deadlineMs: 30_000 },
          async () => (await fetch(`${gateway.url}/readyz`)).ok,
        );

      await ready();
      await happened('bad signature', isSigned ? await click(aClick(1, { isForged: true })) : NO_SIGNATURE);
      await happened('old', isTimed ? await click(aClick(1, { at: Date.now() - 6 * MINUTES })) : NO_TIME);
      await happened('from the future', isTimed ? await click(aClick(1, { at: Date.now() + 6 * MINUTES })) : NO_TIME);
      await happened('unknown person', await click(aClick(1, { person: 'nobody' })));
      await happened('person of another group', await click(aClick(1, { person: 'eve' })));
      for (const [row, trouble] of [
        ['Temporal slow', 'jam'],
        ['Temporal down', 'shut'],
      ] as const) {
        door[trouble]();
        const sentence = await quick(click(aClick(1)));
        door.open();
        await ready();
        await happened(row, sentence);
      }
      const good = aClick(1);
      await happened('good', await click(good));
      await happened('replayed', await chat.again(gateway, good));
      await happened('after the decision', await click(aClick(1)));
      await release.idle('the second gate', atGate(2));
      await happened('double', (await Promise.all([click(aClick(2)), click(aClick(2))])).join(' | '));
      await release.idle('the third gate', atGate(3));
      const cut = click(aClick(3)).catch(() => undefined);
      await until({ what: 'the vote to count', deadlineMs: 30_000, everyMs: 1 }, async () => {
        const { decisions } = await release.state();
        return decisions.filter(({ accepted }) => accepted).length === 3;
      });
      await gateway.kill();
      void cut;
      gateway = await startGatewayProcess({ ...env, HOTWAVE_GATEWAY_HTTP: new URL(gateway.url).host });
      await ready();
      await happened('gateway killed before its answer', await click(aClick(3)));

      expect(rows).toEqual(
        EXPECTED[name].map((row) => ({
          ...row,
          reads: row.reads instanceof RegExp ? (expect.stringMatching(row.reads) as string) : row.reads,
        })),
      );
      await release.idle('the last gate', atGate(4));
      expect(await click(aClick(4))).toBe('approved: wave 4 starts');
      expect(await release.result()).toMatchObject({ outcome: 'done' });
      // A worker that is busy does not tell in time what it has decided.
      expect(await click(aClick(4))).toMatch(/^approved: wave 4 starts$|it has ended/);
      const { decisions } = await release.state();
      expect(decisions.filter(({ accepted }) => accepted)).toMatchObject(
        [1, 2, 3, 4].map((wave) => ({
          verb: 'approve',
          wave,
          actor: 'bob',
          channel: vendor,
          vouchedBy: `the key of ${vendor}`,
        })),
      );
      await gateway.kill();
      await Promise.all([chat.close(), door.close()]);
    },
  );
});
