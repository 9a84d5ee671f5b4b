import type { GameServerSetView } from '../fleet/fleet.ts';
import type { Plan } from './plan.ts';

/** The lines of the plan about players' traffic. */
export interface TrafficNote {
  readonly isWarning: boolean;
  readonly text: string;
}

/** Network types of OpenKruiseGame that hand traffic to pods which are Ready, and to no others. */
const BY_READINESS = /(?:SLB|NLB|CLB|ELB|ALB|Ingress|NodePort)/i;

/**
 * A pod is not Ready while its sidecar is replaced, for seconds: whoever hands out traffic by readiness takes its players'
 * traffic away for that time, although the engine runs on (kruise-game#223, kruise#1808).
 */
export function trafficNote(
  { network }: Pick<GameServerSetView, 'network'>,
  { waves, baseline: { container }, maxUnavailable }: Pick<Plan, 'waves' | 'baseline' | 'maxUnavailable'>,
): TrafficNote {
  const moving = waves.reduce((sum, { servers }) => sum + servers.length, 0);
  if (moving === 0) return { isWarning: false, text: 'no server is to be updated' };
  const atOnce = Math.min(maxUnavailable, moving);
  const count = `${moving} ${moving === 1 ? 'server is' : 'servers are'} not Ready for some seconds, at most ${atOnce} at once`;
  if (!network)
    return {
      isWarning: false,
      text: `${count}: a Service leaves them out meanwhile unless it has publishNotReadyAddresses`,
    };
  if (!BY_READINESS.test(network.type)) return { isWarning: false, text: `${network.type} does not ask for readiness` };
  if (network.allowNotReady.includes(container))
    return { isWarning: false, text: `${network.type} does not ask for the readiness of ${container}` };
  return {
    isWarning: true,
    text: `${count}: ${network.type} takes their players' traffic away meanwhile; networkConf AllowNotReadyContainers: ${container} keeps it, where the plugin knows that`,
  };
}
