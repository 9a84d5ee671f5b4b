import { loadavg } from 'node:os';
import { describe, expect, inject } from 'vitest';
import type { ReleaseState } from '../../release/progress/state.ts';
import { percentile } from '../bench/statistics.ts';
import { until } from '../lab/until.ts';
import { aPolicy, fakePolicy } from '../support/a-policy.ts';
import { secretFiles, startGatewayProcess } from '../support/gateway-process.ts';
import type { GatewayProcess } from '../support/gateway-process.ts';
import { SECRET, signedWebhook } from '../support/gateway.ts';
import type { StartedRelease } from '../support/hotwave.ts';
import { personalKey } from '../support/ssh-key.ts';
import { aRelease, test } from '../support/stage.ts';

const KEY = personalKey();
const PEOPLE = Array.from({ length: 200 }, (_, index) => `p${index + 1}`);
const POLICY = aPolicy({
  people: Object.fromEntries(PEOPLE.map((name) => [name, { identities: [`webhook:bot/${name}`] }])),
  groups: { ops: PEOPLE },
  channels: { webhook: { keys: [{ key: KEY.public }] } },
  rules: [{ namespaces: ['*'], vouched: ['approve'], gates: [{ before: 1, groups: { ops: 20 } }] }],
});
const isOpen = ({ phase }: ReleaseState): boolean => phase === 'waiting-approval';

interface Answered {
  readonly milliseconds: number;
  readonly message: string;
}

/** The answer to a person's click, and when. */
async function click(gateway: GatewayProcess, vote: object, id: string): Promise<Answered> {
  const { body, headers } = signedWebhook(id, JSON.stringify(vote), Date.now());
  const started = performance.now();
  const answer = await fetch(`${gateway.url}/decisions`, { method: 'POST', body, headers });
  const { message } = (await answer.json()) as { message: string };
  return { milliseconds: performance.now() - started, message };
}

async function voteOn(release: StartedRelease): Promise<object> {
  const { release: name, planHash: plan } = await release.state();
  const { runId: run, workflowId } = await release.handle.describe();
  return { workflowId, run, release: name, plan, verb: 'approve', wave: 1 };
}

describe('200 clicks in flight on one release', { concurrent: false }, () => {
  test.for([1, 3])(
    'are all answered with what happened, and each person counts once, by %i replicas',
    async (replicas, { stage }) => {
      const settings = {
        TEMPORAL_ADDRESS: inject('temporalAddress'),
        HOTWAVE_SIGN_KEY: KEY.path,
        ...secretFiles({ HOTWAVE_WEBHOOK_KEYS_FILE: `bot ${SECRET}` }),
      };
      const gateways = await Promise.all(Array.from({ length: replicas }, () => startGatewayProcess(settings)));
      for (const { url } of gateways)
        await until({ what: 'a gateway', deadlineMs: 20_000 }, async () => (await fetch(`${url}/readyz`)).ok);
      const hotwave = await stage({}, undefined, { policy: fakePolicy(POLICY) });
      const release = await hotwave.start(aRelease({}), 'github:ann');
      await release.idle('the gate', isOpen);
      const vote = await voteOn(release);
      const answers = await Promise.all(
        PEOPLE.map((actor, index) => click(gateways[index % replicas]!, { ...vote, actor }, `m-${actor}`)),
      );
      const times = answers.map(({ milliseconds }) => milliseconds);
      const kinds = new Map<string, number>();
      for (const { message } of answers) {
        const kind = message.replaceAll(/\d+/g, 'N').slice(0, 60);
        kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
      }
      const [middle, p95] = [percentile(times, 0.5) ?? 0, percentile(times, 0.95) ?? 0];
      // A figure for people, which no test judges: it depends on what else the machine does.
      process.stderr.write(
        `clicks: ${replicas} replicas: median ${middle.toFixed(0)} ms, p95 ${p95.toFixed(0)} ms, ` +
          `most ${Math.max(...times).toFixed(0)} ms, load ${loadavg()[0]?.toFixed(1) ?? ''}; ${JSON.stringify([...kinds])}\n`,
      );
      expect(await release.result()).toMatchObject({ outcome: 'done' });
      const { decisions } = await release.state();
      const approved = decisions.filter(({ accepted }) => accepted).map(({ actor }) => actor);
      expect(approved).toHaveLength(20);
      expect(new Set(approved).size).toBe(20);
      expect(answers.filter(({ message }) => message === '')).toEqual([]);
      await Promise.all(gateways.map((gateway) => gateway.stop()));
    },
  );
});
