import { expect, test } from 'vitest';
import type { GameServerSetView } from '../../release/fleet/fleet.ts';
import type { Plan } from '../../release/plan/plan.ts';
import { isPlan } from '../../release/plan/plan.ts';
import { planRelease } from '../../release/plan/plan-release.ts';
import { trafficNote } from '../../release/plan/traffic.ts';
import { SIDECAR, aGameServer, aSet, servers } from '../support/builders.ts';
import { aRelease } from '../support/a-release.ts';

function planned(count: number): Plan {
  const plan = planRelease(aRelease({ maxUnavailable: 2 }).spec, {
    set: aSet({ replicas: count }),
    servers: servers(count),
    gameServers: servers(count).map(({ ordinal }) => aGameServer({ ordinal })),
  });
  if (!isPlan(plan)) throw new Error(plan.refusals.join());
  return plan;
}

const noteFor = (network: GameServerSetView['network'], plan = planned(10)): string => {
  const { isWarning, text } = trafficNote(network ? { network } : {}, plan);
  return `${isWarning ? 'warning' : 'ok'}: ${text}`;
};
const TEN = '10 servers are not Ready for some seconds, at most 2 at once';

test.each<[string, GameServerSetView['network'], string]>([
  [
    'without a network',
    undefined,
    `ok: ${TEN}: a Service leaves them out meanwhile unless it has publishNotReadyAddresses`,
  ],
  [
    'with host ports',
    { type: 'Kubernetes-HostPort', allowNotReady: [] },
    'ok: Kubernetes-HostPort does not ask for readiness',
  ],
  [
    'behind a load balancer',
    { type: 'AlibabaCloud-SLB', allowNotReady: ['other'] },
    `warning: ${TEN}: AlibabaCloud-SLB takes their players' traffic away meanwhile; networkConf AllowNotReadyContainers: ${SIDECAR} keeps it, where the plugin knows that`,
  ],
  [
    'behind a load balancer that leaves the sidecar out',
    { type: 'AlibabaCloud-NLB', allowNotReady: ['other', SIDECAR] },
    `ok: AlibabaCloud-NLB does not ask for the readiness of ${SIDECAR}`,
  ],
])('the plan says what an update in place does to traffic %s', (_how, network, expected) => {
  expect(noteFor(network)).toBe(expected);
});

test('nothing is said of traffic where nobody moves', () => {
  expect(noteFor({ type: 'AlibabaCloud-SLB', allowNotReady: [] }, { ...planned(3), waves: [] })).toBe(
    'ok: no server is to be updated',
  );
});
