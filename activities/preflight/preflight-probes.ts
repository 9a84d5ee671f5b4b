import type { GameServerSetView, SetRef } from '../../release/fleet/fleet.ts';
import { isPerGroup, judgeMetric } from '../../release/checks/metric.ts';
import { shorten } from '../../release/checks/probe.ts';
import type { Plan } from '../../release/plan/plan.ts';
import type { PrometheusProbe } from '../../release/spec/probe-spec.ts';
import type { Probe, ReleaseFile, ReleaseSpec } from '../../release/spec/spec.ts';
import { updatedContainer } from '../../release/spec/spec.ts';
import type { Finding } from './preflight-check.ts';
import { ok, refused, warning } from './preflight-check.ts';
import { cancellation } from '../runtime.ts';
import { sampleGroup } from '../probes/sample-metrics.ts';
import type { Metrics } from '../ports/metrics.ts';

/** Where in the release file something is asked of a server, and how. */
interface Placed {
  readonly path: string;
  readonly probe: Probe;
}

function probesOf({ content, proof, health }: ReleaseSpec): Placed[] {
  return [
    ...(content ? [{ path: 'spec.content', probe: content }] : []),
    { path: 'spec.proof', probe: proof },
    ...health.map((probe, index) => ({ path: `spec.health[${index}]`, probe })),
  ];
}

/** True when a probe reads the log of a container, which needs a permission of its own. */
export function readsLogs(spec: ReleaseSpec): boolean {
  return probesOf(spec).some(({ probe }) => probe.log !== undefined);
}

/** True when something is run in a container, which needs a permission of its own: files and checksums are read so, too. */
export function runsCommands(spec: ReleaseSpec): boolean {
  const asked = probesOf(spec).some(
    ({ probe: { exec, file, checksums } }) => (exec ?? file ?? checksums) !== undefined,
  );
  return asked || spec.reload.exec !== undefined;
}

/** Every container that a release file names, and where. */
export function containersNamed(spec: ReleaseSpec): { readonly path: string; readonly container: string }[] {
  const ofProbes = probesOf(spec).flatMap(({ path, probe: { exec, file, log, checksums } }) => {
    const named = [
      exec?.container,
      file?.container,
      log?.container,
      checksums?.container,
      checksums?.manifestContainer,
    ];
    return named.filter((container) => container !== undefined).map((container) => ({ path, container }));
  });
  const { exec } = spec.reload;
  const reload = exec ? [{ path: 'spec.reload.exec', container: exec.container }] : [];
  return [{ path: 'spec.images', container: updatedContainer(spec).container }, ...reload, ...ofProbes];
}

/**
 * A service quality that the set does not have would be waited for in vain. Of one whose script tells by what it prints (OKG's
 * manual: it ends with 0 either way), yes and no say nothing.
 */
export function checkServiceQualities(set: GameServerSetView | undefined, spec: ReleaseSpec): Promise<Finding> {
  const wanted = probesOf(spec).flatMap(({ path, probe: { serviceQuality } }) =>
    serviceQuality ? [{ path, ...serviceQuality }] : [],
  );
  const names = set?.serviceQualities ?? [];
  const missing = wanted.find(({ name }) => !names.includes(name));
  if (missing) {
    const has = names.length === 0 ? 'none' : names.join(', ');
    return Promise.resolve(
      refused(
        `${missing.path} names service quality ${missing.name}, which ${set?.ref.name ?? ''} does not have: it has ${has}`,
      ),
    );
  }
  const vague = wanted.find(({ name, expect }) => expect === undefined && set?.qualityResults?.[name] !== undefined);
  if (vague) {
    const results = (set?.qualityResults?.[vague.name] ?? []).slice(0, 5).map((text) => shorten(text));
    return Promise.resolve(
      refused(
        `${vague.path} asks service quality ${vague.name}, which says by its result how the server is: give expect, which is one of ${results.join(', ')}`,
      ),
    );
  }
  return Promise.resolve(ok(wanted.length === 0 ? 'none is asked for' : wanted.map(({ name }) => name).join(', ')));
}

/** A scrape is seconds old, and a rate is made of minutes. */
const NO_BAKE = 'spec.bake is 0s: right after a reload, a value is still about the time before it';

/** The input of a look at the metrics. */
export interface MetricsPreflight {
  readonly metrics: Metrics | undefined;
  readonly file: ReleaseFile;
  readonly ref: SetRef;
  readonly plan?: Plan;
}

/**
 * Asks every query about the servers of the first wave. A Prometheus that does not answer is a refusal; no data, or a
 * value that is out of its bound before anything has changed, is a warning: it may be what the release is to mend.
 */
export async function checkMetrics(preflight: MetricsPreflight): Promise<Finding> {
  const { spec } = preflight.file;
  const wanted = spec.health.flatMap(({ prometheus }) => (prometheus ? [prometheus] : []));
  if (wanted.length === 0) return ok('none is asked for');
  const findings: Finding[] = [];
  for (const probe of wanted) {
    const finding = await checkMetric(preflight, probe);
    if (finding?.status === 'refused') return finding;
    if (finding) findings.push(finding);
  }
  if (spec.bake === 0) findings.push(warning(NO_BAKE));
  return findings[0] ?? ok(`${wanted.length} within bounds before the release`);
}

async function checkMetric(
  { metrics, ref, plan }: MetricsPreflight,
  probe: PrometheusProbe,
): Promise<Finding | undefined> {
  const servers = plan?.waves[0]?.servers.map(({ name }) => name) ?? [];
  if (!plan || servers.length === 0) return undefined;
  const question = { metrics, set: ref, version: plan.previousVersion, signal: cancellation() };
  const sample = await sampleGroup(question, probe, servers);
  const group = servers.length === 1 ? 'the server of wave 1' : `the ${servers.length} servers of wave 1`;
  const objection = judgeMetric(probe, { group, sample, servers: isPerGroup(probe) ? servers : [] }, undefined);
  if (!objection) return undefined;
  if (sample.kind === 'failed') return refused(objection.reason);
  return warning(`already before the release, ${objection.reason}`);
}
