import { haltSentence } from '../release/line.ts';
import type { Finding, Preflight } from './preflight-check.ts';
import { ok, refused } from './preflight-check.ts';

/** While the line is stopped nothing starts. A release that starts at the same moment is stopped by the halt itself. */
export async function checkLine({ releases, clusterName, ref }: Preflight): Promise<Finding> {
  if (clusterName === undefined) return ok('not asked');
  const [halt] = await releases.haltsOn({ cluster: clusterName, namespace: ref.namespace });
  return halt ? refused(haltSentence(halt)) : ok('nobody has stopped it');
}
