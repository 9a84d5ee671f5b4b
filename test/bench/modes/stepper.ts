import pLimit from 'p-limit';
import { fetch } from 'undici';
import type { Api } from '../../lab/api.ts';
import { fleetImage, ownerLabel, setImage, setPath, sidecarContainer } from '../../lab/game-server-sets.ts';
import { containerStatus, hasCondition } from '../../lab/kubernetes-objects.ts';
import type { Pod } from '../../lab/kubernetes-objects.ts';
import { until } from '../../lab/until.ts';
import { execOnce } from '../exec.ts';
import { CONCURRENCY, engineOf, reloadCommand } from '../mode.ts';
import type { Mode, ModeRun, Stage } from '../mode.ts';

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
  writes: 'set',
  reloads: false,
  comparisons: [],
  open: (stage) =>
    Promise.resolve({
      run: (tag) => step(stage, tag, () => Promise.resolve()),
      close: () => Promise.resolve(),
    }),
};

/**
 * The least that hot updates in waves can cost: after each wave one exec and one HTTP request per server, and nothing
 * else. It ends with an error at the first surprise.
 */
export const fullStepper: Mode = {
  name: 'full-stepper',
  title: `a bare loop over the partition with one exec and one HTTP request per server, ${CONCURRENCY} at once`,
  writes: 'set',
  reloads: true,
  comparisons: [],
  open: (stage) =>
    Promise.resolve({
      async run(tag) {
        const { requests } = await step(stage, tag, (pods) => reloadAndProve(stage, tag, pods));
        return { requests: { ...requests, 'EXEC pods': stage.waves.flat().length } };
      },
      close: () => Promise.resolve(),
    }),
};

async function step(
  { lab: { api }, set, waves }: Stage,
  tag: string,
  afterWave: (pods: readonly Pod[]) => Promise<void>,
): Promise<ModeRun> {
  const image = fleetImage(tag);
  const requests = { 'GET pods': 0, 'GET gameserversets': 1, 'PATCH gameserversets': waves.length };
  let partition = waves.flat().length;
  for (const [index, wave] of waves.entries()) {
    partition -= wave.length;
    if (index === 0) await setImage(api, set, image, { partition, maxUnavailable: '100%' });
    else await api.patch(setPath(set), { spec: { updateStrategy: { rollingUpdate: { partition } } } });
    const { looks, pods } = await waveReady(api, { set, wave, image });
    requests['GET pods'] += looks;
    await afterWave(pods);
  }
  return { requests };
}

interface WaveWait {
  readonly set: string;
  readonly wave: readonly string[];
  readonly image: string;
}

/** Resolves with the wave's pods and the number of looks that it took. */
async function waveReady(
  api: Api,
  { set, wave, image }: WaveWait,
): Promise<{ readonly looks: number; readonly pods: readonly Pod[] }> {
  const selector = `${ownerLabel}=${set},statefulset.kubernetes.io/pod-name in (${wave.join(',')})`;
  // From the API server's cache, which is the cheapest: the comparison is to be with a good loop.
  const path = `/api/v1/namespaces/default/pods?resourceVersion=0&labelSelector=${encodeURIComponent(selector)}`;
  let looks = 0;
  const pods = await until(
    { what: `${wave.length} servers of ${set} to be Ready`, deadlineMs: WAVE_DEADLINE_MS, everyMs: LOOK_MS },
    async () => {
      looks += 1;
      const { items } = await api.list<Pod>(path);
      return items.filter((pod) => isReadyOn(pod, image)).length === wave.length && items;
    },
  );
  return { looks, pods };
}

function isReadyOn(pod: Pod, image: string): boolean {
  return containerStatus(pod, sidecarContainer)?.image === image && hasCondition(pod, 'Ready');
}

async function reloadAndProve({ lab }: Stage, tag: string, pods: readonly Pod[]): Promise<void> {
  await pLimit(CONCURRENCY).map(pods, async ({ metadata: { name }, status }) => {
    await execOnce(lab.api.credentials, engineOf(name), reloadCommand(name));
    const answer = await fetch(`http://${status?.podIP ?? ''}:${lab.enginePort ?? 0}/version`);
    const version = await answer.text();
    if (version !== tag) throw new Error(`${name} runs ${version} instead of ${tag}`);
  });
}
