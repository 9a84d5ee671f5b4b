import type { Api } from '../../lab/api.ts';
import { fleetImage, ownerLabel, setImage, setPath, sidecarContainer } from '../../lab/game-server-sets.ts';
import { containerStatus, hasCondition } from '../../lab/kubernetes-objects.ts';
import type { Pod } from '../../lab/kubernetes-objects.ts';
import { until } from '../../lab/until.ts';
import type { Mode, Stage } from '../mode.ts';

const WAVE_DEADLINE_MS = 10 * 60_000;
/** As often as a loop in a script would look without being a burden. */
const LOOK_MS = 200;

/**
 * The least that waves can cost: a loop that opens the partition, looks at the wave's pods until they are Ready on the
 * new image, and opens the next. It reloads nothing, proves nothing and notices no failure.
 */
export const stepper: Mode = {
  name: 'stepper',
  title: 'a bare loop over the partition, no checks',
  budgets: [],
  open: (stage) =>
    Promise.resolve({
      run: (tag) => step(stage, fleetImage(tag)),
      close: () => Promise.resolve(),
    }),
};

async function step({ lab: { api }, set, waves }: Stage, image: string): ReturnType<OpenRun> {
  const requests = { 'GET pods': 0, 'GET gameserversets': 1, 'PATCH gameserversets': waves.length };
  let partition = waves.flat().length;
  for (const [index, wave] of waves.entries()) {
    partition -= wave.length;
    if (index === 0) await setImage(api, set, image, { partition, maxUnavailable: '100%' });
    else await api.patch(setPath(set), { spec: { updateStrategy: { rollingUpdate: { partition } } } });
    requests['GET pods'] += await waveReady(api, { set, wave, image });
  }
  return { requests };
}

type OpenRun = Awaited<ReturnType<Mode['open']>>['run'];

interface WaveWait {
  readonly set: string;
  readonly wave: readonly string[];
  readonly image: string;
}

/** Resolves with the number of looks that it took. */
async function waveReady(api: Api, { set, wave, image }: WaveWait): Promise<number> {
  const selector = `${ownerLabel}=${set},statefulset.kubernetes.io/pod-name in (${wave.join(',')})`;
  // From the API server's cache, which is the cheapest: the comparison is to be with a good loop.
  const path = `/api/v1/namespaces/default/pods?resourceVersion=0&labelSelector=${encodeURIComponent(selector)}`;
  let looks = 0;
  await until(
    { what: `${wave.length} servers of ${set} to be Ready`, deadlineMs: WAVE_DEADLINE_MS, everyMs: LOOK_MS },
    async () => {
      looks += 1;
      const { items } = await api.list<Pod>(path);
      return items.filter((pod) => isReadyOn(pod, image)).length === wave.length;
    },
  );
  return looks;
}

function isReadyOn(pod: Pod, image: string): boolean {
  return containerStatus(pod, sidecarContainer)?.image === image && hasCondition(pod, 'Ready');
}
