import type { Plan } from '../plan/plan.ts';
import { compactRanges } from '../fleet/ranges.ts';
import type { LastRelease, ReleaseRecord } from './record.ts';
import type { ReleaseSpec } from '../spec/spec.ts';
import { becauseText, isNoteworthy } from '../plan/rollback-target.ts';

/** The record of a release with its first write. The same plan gives the same record, so that it can be repeated. */
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
    ...becauseOf(plan),
    updateStrategy: baseline.updateStrategy,
    startedAt,
    ...chosenOf(plan),
    ...prioritiesOf(plan),
    ...(plan.earlier ? { earlier: plan.earlier } : {}),
    how: { ask: { content, reload, proof, concurrency } },
  };
}

/** Where servers ran several versions, whoever goes back by the record alone has to know why it is this one. */
function becauseOf({ rollbackTo }: Plan): Pick<ReleaseRecord, 'oldBecause'> {
  return rollbackTo && isNoteworthy(rollbackTo) ? { oldBecause: becauseText(rollbackTo).slice(0, 200) } : {};
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

/**
 * The record of a release with its last write. `everyServerProved`: nobody was excluded, nobody stays on another
 * version, and everybody has proved the one that the release ends with.
 */
export function endOfRelease(
  record: ReleaseRecord,
  outcome: LastRelease['outcome'],
  { finishedAt, everyServerProved = false }: { readonly finishedAt: number; readonly everyServerProved?: boolean },
): LastRelease {
  const { v, release, strategy, container, chosen, startedAt, how } = record;
  const { oldImage, newImage, oldVersion, newVersion, earlier } = record;
  const common = { v, release, strategy, container, startedAt, how, ...(chosen === undefined ? {} : { chosen }) };
  const [now, other] = [
    { image: newImage, version: newVersion },
    { image: oldImage, version: oldVersion },
  ];
  const [runs, before] = outcome === 'done' ? [now, other] : [other, now];
  // A template that has moved everybody leaves nobody on anything else.
  const kept: Pick<LastRelease, 'earlier'> =
    earlier === undefined || (strategy === 'rolling' && outcome === 'done') ? {} : { earlier };
  const previous = { previousImage: before.image, previousVersion: before.version };
  // Only a template gives a version to every server that there is and that will come.
  const isStable = everyServerProved && strategy === 'rolling' && kept.earlier === undefined;
  return {
    ...common,
    ...kept,
    outcome,
    ...runs,
    ...previous,
    finishedAt,
    ...(isStable ? { everyServer: true as const } : {}),
  };
}
