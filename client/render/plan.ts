import { formatDuration } from '../../release/spec/quantity.ts';
import { approvalsNeeded, groupsOf } from '../../release/decisions/gate-votes.ts';
import type { Plan, Wave } from '../../release/plan/plan.ts';
import type { GateSpec, ReleaseFile } from '../../release/spec/spec.ts';
import type { PlanResult } from '../../workflows/messages.ts';
import { compactRanges } from '../../release/fleet/ranges.ts';
import { rollbackSentence } from '../../release/plan/rollback-target.ts';
import { checkLines } from './checks.ts';
import { warningLines } from './release.ts';
import type { Column } from './table.ts';
import { renderTable } from './table.ts';
import { fitted, wrapped } from './text-width.ts';
import type { View } from './view.ts';

/** A worker's answer with the plan written out. */
export interface PlanReport extends Omit<PlanResult, 'plan'> {
  readonly plan?: Plan;
}

/** True when there is something to change; a release without it ends before it writes anything. */
export function hasChanges({ strategy, waves, adopted, unproved }: Plan): boolean {
  return strategy === 'newServersOnly' || waves.length + adopted.length + unproved.length > 0;
}

/** The checks and what would be done, as a reviewer wants to read it. */
export function renderPlan(file: ReleaseFile, result: PlanReport, view: View): string {
  const { target } = file.spec;
  const title = `release ${view.colours.bold(file.metadata.name)} on ${target.namespace}/${target.gameServerSet}`;
  const checks = checkLines(result.lines, view);
  const gates = result.policy?.gates ?? file.spec.gates;
  const plan = result.plan ? ['', ...planLines({ file, gates }, withoutSaid(result.plan, result.lines), view)] : [];
  return [
    fitted(title, view.columns),
    ...checks,
    ...plan,
    ...(result.plan ? refusalLines(result.lines, view) : []),
  ].join('\n');
}

/** Below the waves, where people read last: a plan that is there is not yet one that may start. */
function refusalLines(lines: PlanReport['lines'], view: View): string[] {
  const titles = lines.flatMap(({ title, status }) => (status === 'refused' ? [title] : []));
  if (titles.length === 0) return [];
  const sentence = `it cannot start: see FAIL above (${titles.join(', ')})`;
  return wrapped(sentence, view.columns).map((line) => view.colours.red(line));
}

/** The plan, with the gates of the file and of the policy of the cluster. */
interface Planned {
  readonly file: ReleaseFile;
  readonly gates: readonly GateSpec[];
}

/** The plan without the warnings that the checks have said already. */
function withoutSaid(plan: Plan, lines: PlanReport['lines']): Plan {
  return {
    ...plan,
    warnings: plan.warnings.filter((warning) => !lines.some(({ detail }) => detail.includes(warning))),
  };
}

function planLines({ file, gates }: Planned, plan: Plan, view: View): string[] {
  const { baseline } = plan;
  const summary = hasChanges(plan)
    ? summaryOf(file, plan)
    : `nothing to do: ${plan.alreadyUpdated.length} of ${baseline.replicas} servers run ${plan.version} already`;
  return [
    ...wrapped(`${baseline.container}: ${baseline.oldImage} → ${baseline.newImage}`, view.columns),
    ...wrapped(summary, view.columns),
    ...notes(plan).flatMap((note) => wrapped(note, view.columns)),
    ...warningLines(plan, view),
    ...planTable(plan.waves, gates, view),
    `plan hash ${plan.hash}`,
  ];
}

function summaryOf({ spec }: ReleaseFile, plan: Plan): string {
  const versions = `${plan.previousVersion} → ${plan.version}`;
  if (plan.strategy === 'newServersOnly') {
    const { watch, count } = spec.newServers;
    const until = count === undefined ? '' : ` or until ${count} are proved`;
    return `${versions} for servers that are created from now on; the ${plan.bystanders.length} that exist stay; new ones are followed for ${formatDuration(watch)}${until}`;
  }
  const servers = plan.waves.reduce((sum, wave) => sum + wave.servers.length, 0);
  const how = plan.strategy === 'targeted' ? ', through their GameServers' : '';
  return `${servers} of ${plan.baseline.replicas} servers in ${plan.waves.length} waves${how}, ${versions}, at most ${plan.maxUnavailable} without their sidecar at once`;
}

function notes(plan: Plan): string[] {
  const { alreadyUpdated, unproved, adopted, priorities, rollbackTo } = plan;
  return [
    ...(rollbackTo && hasChanges(plan) ? [rollbackSentence(rollbackTo)] : []),
    ...(adopted.length > 0
      ? [`${adopted.length} servers run it by an override and are taken into the template last, without a restart`]
      : []),
    ...(unproved.length > 0
      ? [
          `${unproved.length} of them have not loaded it yet: ${unproved.slice(0, 5).join(', ')}; they reload after the waves`,
        ]
      : []),
    ...(alreadyUpdated.length > 0 && hasChanges(plan)
      ? [`${alreadyUpdated.length} servers run the new image already and are in no wave`]
      : []),
    ...(priorities.length > 0
      ? [
          `gives ${priorities.length} servers another updatePriority for the time of the release and restores it afterwards`,
        ]
      : []),
  ];
}

const COLUMNS: readonly Column[] = [
  { title: 'WAVE', align: 'right' },
  { title: 'NAME', flexible: true },
  { title: 'COUNT', align: 'right' },
  { title: 'SERVERS', flexible: true },
  { title: 'GATE BEFORE IT', flexible: true },
];

function planTable(waves: readonly Wave[], gates: readonly GateSpec[], view: View): string[] {
  if (waves.length === 0) return [];
  const rows = waves.map(({ number, name, servers }) => [
    String(number),
    name,
    String(servers.length),
    compactRanges(servers.map(({ ordinal }) => ordinal)),
    gates
      .filter(({ before }) => before === number)
      .map(gateText)
      .join('; '),
  ]);
  return ['', ...renderTable(COLUMNS, rows, view), ''];
}

function gateText(gate: GateSpec): string {
  const { notRequester, timeout, onTimeout, groups = {}, promoteAfter } = gate;
  const needed = approvalsNeeded({ spec: gate, groups: groupsOf(gate.groups, {}) });
  const people = needed === 1 ? '1 approval' : `${needed} approvals`;
  const whose = Object.entries(groups).map(([name, count]) => `${count} of ${name}`);
  const from = whose.length === 0 ? '' : ` (${whose.join(', ')})`;
  const others = notRequester ? ', not by the requester' : '';
  const itself = promoteAfter === undefined ? '' : `, or healthy for ${formatDuration(promoteAfter)}`;
  return `${people}${from}${others}${itself}, within ${formatDuration(timeout)}, else ${onTimeout}`;
}
