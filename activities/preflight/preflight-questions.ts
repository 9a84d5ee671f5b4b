import type { ServerView } from '../../release/fleet/fleet.ts';
import { containerOf } from '../../release/fleet/fleet.ts';
import type { Plan } from '../../release/plan/plan.ts';
import { recordedVersion } from '../../release/plan/rollback-target.ts';
import type { Records } from '../../release/record/record.ts';
import { readRecords } from '../../release/record/record.ts';
import { imageTag } from '../../release/spec/image-reference.ts';
import type { Port } from '../../release/spec/probe-spec.ts';
import { sharedAddress } from '../../release/fleet/ports.ts';
import type { Probe, ReleaseSpec } from '../../release/spec/spec.ts';
import { hearServer } from '../probes/ask-server.ts';
import type { Question } from '../probes/question.ts';
import { cancellation } from '../runtime.ts';
import type { Finding, Preflight } from './preflight-check.ts';
import { ok, refused, warning } from './preflight-check.ts';

// The questions to the first server that a release would move is asked before anything is written, as it will be asked
// in its wave.

/** A question to that server about the version that it runs; undefined when no server is to be moved. */
function firstQuestion({
  cluster,
  set,
  snapshot,
  plan,
}: Preflight): (Question & { readonly name: string }) | undefined {
  const first = plan?.waves[0]?.servers[0] ?? plan?.bystanders[0];
  const server = snapshot?.servers.find(({ name }) => name === first?.name);
  if (!plan || !server) return undefined;
  const version = versionBefore(plan, server, readRecords(set?.annotations));
  return { cluster, namespace: plan.set.namespace, server, version, signal: cancellation(), name: server.name };
}

/** A set that has had releases of new servers only runs several versions at once. */
function versionBefore({ baseline, previousVersion }: Plan, server: ServerView, records: Records): string {
  const image = containerOf(server.containers, baseline.container)?.image ?? '';
  if (image === baseline.oldImage) return previousVersion;
  return recordedVersion(records, baseline.container, image) ?? imageTag(image);
}

/** The proof is asked before anything is written: one that cannot answer now would fail the release after it has begun. */
export async function checkProof(preflight: Preflight): Promise<Finding> {
  const { set, file } = preflight;
  const question = firstQuestion(preflight);
  if (!question) return ok('no server is to be updated');
  const { name, version } = question;
  const shared = sharedAddress(preflight.snapshot?.servers ?? [], portsAsked(file.spec));
  if (shared !== undefined)
    return refused(`${shared}: give each server a port of its own, by a name, an annotation or the network status`);
  const { objection } = await hearServer(question, file.spec.proof, '{{version}}');
  if (objection === undefined) return ok(`${name} proves ${version}`);
  const { reason } = objection;
  const halfWay = halfWayIn(set?.annotations);
  if (halfWay !== undefined) return warning(`${reason}. ${halfWay}`);
  // A log is a record of changes: what was loaded long ago may have been rotated away, or never have been said.
  if (file.spec.proof.log) return warning(`${reason}. A rollback proves only what is logged after it`);
  return refused(
    `${name} does not prove the version it is said to run: ${reason}. Correct spec.proof, or give spec.previousVersion when it is not the tag of the old image`,
  );
}

/** The ports of the servers' own addresses that are asked or told something. */
function portsAsked({ proof, health, reload }: ReleaseSpec): Port[] {
  const asked = [reload.http, ...[proof, ...health].map(({ http, tcp }) => http ?? tcp)];
  return asked.flatMap((one) => (one ? [one.port] : []));
}

function halfWayIn(annotations: Readonly<Record<string, string>> | undefined): string | undefined {
  const { running } = readRecords(annotations);
  return running && `${running.release} has ended half-way; this release goes on from there`;
}

/**
 * Files and health are asked once as well. A question that gets no answer (no such program in the image, nobody listens) would
 * get none in the first wave either; a wrong answer may be what the release is to mend.
 */
export async function checkFilesAndHealth(preflight: Preflight): Promise<Finding> {
  const { content, health } = preflight.file.spec;
  const question = firstQuestion(preflight);
  if (!question) return ok('no server is to be updated');
  const halfWay = halfWayIn(preflight.set?.annotations);
  const wanted: readonly Asked[] = [
    ...(content ? [{ path: 'spec.content', probe: content, fallback: '{{version}}' }] : []),
    ...health.map((probe, index) => ({ path: `spec.health[${index}]`, probe, fallback: undefined })),
  ].filter(({ probe }) => probe.prometheus === undefined);
  const findings: Finding[] = [];
  for (const asked of wanted) {
    const finding = await ask(question, asked);
    if (finding?.status === 'refused' && halfWay === undefined) return finding;
    if (finding) findings.push(halfWay === undefined ? finding : warning(`${finding.detail}. ${halfWay}`));
  }
  return (
    findings[0] ?? ok(wanted.length === 0 ? 'neither is asked for' : `${question.name} answers as it will be asked`)
  );
}

interface Asked {
  readonly path: string;
  readonly probe: Probe;
  readonly fallback: string | undefined;
}

async function ask(
  question: Question & { readonly name: string },
  { path, probe, fallback }: Asked,
): Promise<Finding | undefined> {
  const { answer, objection } = await hearServer(question, probe, fallback);
  if (objection === undefined) return undefined;
  const { reason } = objection;
  if (answer.kind === 'silent' && probe.mode !== 'observe')
    return refused(`${question.name} gives no answer to ${path}: ${reason}. Correct it, or mend the server`);
  return fallback === undefined
    ? warning(`already before the release, ${question.name}: ${reason}`)
    : warning(`${question.name}: ${reason}. After a rollback ${path} could not prove the old files`);
}
