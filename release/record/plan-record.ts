import type { Plan } from '../plan/plan.ts';
import { compactRanges } from '../fleet/ranges.ts';
import type { LastRelease, ReleaseRecord } from './record.ts';
import type { ReleaseSpec } from '../spec/spec.ts';

/** What a release leaves on the set with its first write. The same plan gives the same record, so that it can be repeated. */
export function recordOfPlan(
  plan: Plan,
  spec: ReleaseSpec,
  { release, startedAt }: { readonly release: string; readonly startedAt: number },
): ReleaseRecord {
  const { baseline, version, previousVersion } = plan;
  const { content, reload, proof, concurrency } = spec;
  return {
    v: 1,
    release,
    strategy: spec.strategy,
    container: baseline.container,
    oldImage: baseline.oldImage,
    newImage: baseline.newImage,
    oldVersion: previousVersion,
    newVersion: version,
    updateStrategy: baseline.updateStrategy,
    startedAt,
    ...chosenOf(plan),
    ...prioritiesOf(plan),
    ...(plan.earlier ? { earlier: plan.earlier } : {}),
    how: { ask: { content, reload, proof, concurrency } },
  };
}

const MOST_CHOSEN = 4_096;

/** A template does not say which servers a targeted release was about. */
function chosenOf({ strategy, waves, alreadyUpdated }: Plan): Pick<ReleaseRecord, 'chosen'> {
  if (strategy !== 'targeted') return {};
  const servers = [...waves.flatMap((wave) => wave.servers), ...alreadyUpdated];
  const chosen = compactRanges(servers.map(({ ordinal }) => ordinal));
  return chosen.length <= MOST_CHOSEN ? { chosen } : {};
}

/** Which servers had which priority; left out when it would be too long, as when everybody has another. */
function prioritiesOf({ priorities, waves, adopted, alreadyUpdated }: Plan): Pick<ReleaseRecord, 'priorities'> {
  if (priorities.length === 0) return {};
  const ordinals = new Map(
    [...waves.flatMap(({ servers }) => servers), ...adopted, ...alreadyUpdated].map(({ name, ordinal }) => [
      name,
      ordinal,
    ]),
  );
  const groups = new Map<string, number[]>();
  for (const { name, from } of priorities) {
    const ordinal = ordinals.get(name);
    if (ordinal === undefined) continue;
    groups.set(String(from), [...(groups.get(String(from)) ?? []), ordinal]);
  }
  const ranges = Object.fromEntries([...groups].map(([from, some]) => [from, compactRanges(some)]));
  return JSON.stringify(ranges).length <= MOST_CHOSEN ? { priorities: ranges } : {};
}

/** What a release leaves on the set with its last write. */
export function endOfRelease(record: ReleaseRecord, outcome: LastRelease['outcome'], finishedAt: number): LastRelease {
  const { v, release, strategy, container, chosen, startedAt, how } = record;
  const { oldImage, newImage, oldVersion, newVersion, earlier } = record;
  const common = { v, release, strategy, container, startedAt, how, ...(chosen === undefined ? {} : { chosen }) };
  const [now, other] = [
    { image: newImage, version: newVersion },
    { image: oldImage, version: oldVersion },
  ];
  const [runs, before] = outcome === 'done' ? [now, other] : [other, now];
  // A template that has moved everybody leaves nobody on anything else.
  const kept = earlier === undefined || (record.strategy === 'rolling' && outcome === 'done') ? {} : { earlier };
  const previous = { previousImage: before.image, previousVersion: before.version };
  return { ...common, ...kept, outcome, ...runs, ...previous, finishedAt };
}
