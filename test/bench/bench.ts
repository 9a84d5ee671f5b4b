import { fleetImage, createSet, podsOf, sidecarContainer } from '../lab/game-server-sets.ts';
import { containerStatus, hasCondition } from '../lab/kubernetes-objects.ts';
import { startLab } from '../lab/lab.ts';
import type { Cores } from '../lab/cores.ts';
import type { Lab } from '../lab/lab.ts';
import type { EngineStats } from '../lab/fleet-engine.ts';
import { apiServerRequests } from './api-server-requests.ts';
import type { Mode, ModeRun, OpenMode, RequestCounts, Stage } from './mode.ts';
import { Observer } from './observer.ts';
import { ownTime, waveTimes } from './own-time.ts';
import type { OwnTime } from './own-time.ts';
import { processorTime, processorTimeBetween } from './processor-time.ts';
import type { ProcessorTime } from './processor-time.ts';
import { requestsBetween } from './worker-process.ts';

const SET = 'bench';
/** Creating a server of a large set takes about 70 ms on two cores. */
const CREATE_MS_PER_SERVER = 1_000;

/** The quantity that is measured. */
export interface BenchOptions {
  readonly servers: number;
  readonly waves: number;
  readonly rounds: number;
  readonly modes: readonly Mode[];
  /** Where the lab's programs run; undefined where nothing is pinned. */
  readonly cores: Cores | undefined;
  /** Takes one line of progress for a person. */
  readonly log: (line: string) => void;
}

/** One update of the whole set. */
export interface Measurement extends ModeRun {
  readonly mode: string;
  /** From 1. */
  readonly round: number;
  /** From the call to the answer. */
  readonly seconds: number;
  /** Undefined where no wave was opened. */
  readonly ownTime: OwnTime;
  /** Of the programs of the lab and of the worker. */
  readonly processorTime: ProcessorTime;
  /** The answer of the API server meanwhile, to everybody. */
  readonly apiServerRequests: RequestCounts;
  /** From the start to the first write, in milliseconds. */
  readonly firstWrite: number | undefined;
}

/**
 * Moves one set from version to version on one lab, every mode once per round, each round in the reverse order of the
 * one before: a lab that has held many servers is slower, and nobody is to profit from that. Modes that write
 * GameServers get a lab of their own after that.
 * @throws Error when a mode leaves a server on the old version
 */
export async function bench(options: BenchOptions): Promise<Measurement[]> {
  const measured: Measurement[] = [];
  for (const kind of ['set', 'game-servers'] as const) {
    const modes = options.modes.filter(({ writes }) => writes === kind);
    if (modes.length > 0) measured.push(...(await onLab({ ...options, modes })));
  }
  return measured;
}

async function onLab(options: BenchOptions): Promise<Measurement[]> {
  const { servers, cores, log } = options;
  const lab = await startLab({ kind: 'fleet', log, ...(cores && { cores }) });
  try {
    log(`creating ${servers} servers`);
    const set = { name: SET, replicas: servers, nodeName: lab.nodeName };
    await createSet(lab.api, set, 60_000 + servers * CREATE_MS_PER_SERVER);
    return await onStage({ lab, set: SET, waves: wavesOf(options) }, options);
  } finally {
    await lab.stop();
  }
}

/** Kruise moves the highest ordinal first when no priorities are set. */
function wavesOf({ servers, waves }: BenchOptions): string[][] {
  const names = Array.from({ length: servers }, (_, index) => `${SET}-${servers - 1 - index}`);
  const bounds = Array.from({ length: waves + 1 }, (_, index) => Math.round((index * servers) / waves));
  return bounds.slice(1).map((end, index) => names.slice(bounds[index], end));
}

async function onStage(stage: Stage, { modes, rounds, log }: BenchOptions): Promise<Measurement[]> {
  const observer = Observer.start(stage.lab, stage.set);
  const open = new Map<Mode, OpenMode>();
  const measured: Measurement[] = [];
  try {
    for (const mode of modes) open.set(mode, await mode.open(stage));
    for (let round = 1; round <= rounds; round += 1) {
      const order = round % 2 === 1 ? modes : modes.toReversed();
      for (const mode of order) {
        const trial = { mode, open: open.get(mode)!, tag: `v${measured.length + 2}.0` };
        const run = await measure(stage, observer, trial);
        measured.push({ mode: mode.name, round, ...run });
        log(`round ${round}: ${mode.name} took ${run.seconds.toFixed(1)} s`);
      }
    }
    return measured;
  } finally {
    for (const mode of open.values()) await mode.close();
    await observer.stop();
  }
}

/** Makes every engine load what its sidecar brought: a way that does not reload leaves them as they were. */
async function loadEverywhere({ lab, waves }: Stage): Promise<void> {
  for (const name of waves.flat()) {
    const url = `http://127.0.0.1:${lab.enginePort ?? 0}/servers/default/${name}/reload`;
    const answer = await fetch(url, { method: 'POST' });
    if (!answer.ok) throw new Error(`the engine of ${name} does not reload: ${await answer.text()}`);
  }
}

interface Trial {
  readonly mode: Mode;
  readonly open: OpenMode;
  readonly tag: string;
}

async function measure(
  stage: Stage,
  observer: Observer,
  { mode, open, tag }: Trial,
): Promise<Omit<Measurement, 'mode' | 'round'>> {
  const used = (): ProcessorTime => processorTime(stage.lab.directory, open.processes);
  await observer.quiet();
  await loadEverywhere(stage);
  const answeredBefore = await apiServerRequests(stage.lab.api);
  observer.record(tag);
  const usedBefore = used();
  const started = performance.now();
  const run = await open.run(tag);
  const seconds = (performance.now() - started) / 1_000;
  const usedAfter = used();
  const answeredAfter = await apiServerRequests(stage.lab.api);
  await demandAllOn(stage.lab, stage, tag);
  if (mode.reloads) await demandAllLoaded(stage, tag);
  const seen = await observer.observed();
  const [firstOpening] = seen.openings;
  return {
    ...run,
    seconds,
    processorTime: processorTimeBetween(usedBefore, usedAfter),
    apiServerRequests: requestsBetween(answeredBefore, answeredAfter),
    ownTime: ownTime(waveTimes(seen, stage.waves)),
    firstWrite: firstOpening && firstOpening.at - seen.startedAt,
  };
}

async function demandAllOn({ api }: Lab, { set, waves }: Stage, tag: string): Promise<void> {
  const image = fleetImage(tag);
  const pods = await podsOf(api, set);
  const done = pods.filter(
    (pod) => containerStatus(pod, sidecarContainer)?.image === image && hasCondition(pod, 'Ready'),
  );
  const wanted = waves.flat().length;
  if (done.length !== wanted) throw new Error(`only ${done.length} of ${wanted} servers are Ready on ${image}`);
}

async function demandAllLoaded({ lab, waves }: Stage, tag: string): Promise<void> {
  const answer = await fetch(`http://127.0.0.1:${lab.enginePort ?? 0}/stats`);
  const stats = (await answer.json()) as Record<string, EngineStats>;
  const others = waves.flat().filter((name) => stats[`default/${name}`]?.loaded !== tag);
  if (others.length > 0) throw new Error(`${others.length} servers have not loaded ${tag}, ${others[0]} among them`);
}
