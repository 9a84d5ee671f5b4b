import { agreed, counted } from '../../release/spec/counted.ts';
import { formatDuration } from '../../release/spec/quantity.ts';
import { approvalsNeeded, groupsOf } from '../../release/decisions/gate-votes.ts';
import type { Plan, Wave } from '../../release/plan/plan.ts';
import type { GateSpec, ReleaseFile } from '../../release/spec/spec.ts';
import type { PlanResult } from '../../workflows/messages.ts';
import { compactRanges } from '../../release/fleet/ranges.ts';
import { rollbackSentence } from '../../release/plan/rollback-target.ts';
import type { Estimate } from '../../release/plan/estimate.ts';
import { checkSummary } from './checks.ts';
import { warningLines } from './release.ts';
import type { Column } from './table.ts';
import { renderTable } from './table.ts';
import { fitted, textWidth, wrapped } from './text-width.ts';
import type { View } from './view.ts';

/** A worker's answer with the plan written out. */
export interface PlanReport extends Omit<PlanResult, 'plan'> {
  readonly plan?: Plan;
  /** By earlier releases of the set; absent when there are none, or nobody has asked. */
  readonly estimate?: Estimate | undefined;
}

/** True when there is something to change; a release without it ends before it writes anything. */
export function hasChanges({ strategy, waves, adopted, unproved }: Plan): boolean {
  return strategy === 'newServersOnly' || waves.length + adopted.length + unproved.length > 0;
}

/** The plan as a reviewer wants to read it; then the findings of the checks, and whether it may start. */
export function renderPlan(file: ReleaseFile, result: PlanReport, view: View): string {
  const { target } = file.spec;
  const title = `release ${view.colours.bold(file.metadata.name)} on ${target.namespace}/${target.gameServerSet}`;
  const gates = result.policy?.gates ?? file.spec.gates;
  const plan = result.plan
    ? planLines({ file, gates, estimate: result.estimate }, withoutSaid(result.plan, result.lines), view)
    : wrapped('no plan: what is refused below comes first', view.columns);
  return [
    ...wrapped(title, view.columns),
    ...plan,
    '',
    ...checkSummary(result.lines, view),
    ...refusalLines(result.lines, view),
  ].join('\n');
}

/** Last, where people read last: a plan that is there is not yet one that may start. */
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
  readonly estimate?: Estimate | undefined;
}

/** The plan without the warnings that the checks have said already. */
function withoutSaid(plan: Plan, lines: PlanReport['lines']): Plan {
  return {
    ...plan,
    warnings: plan.warnings.filter((warning) => !lines.some(({ detail }) => detail.includes(warning))),
  };
}

function planLines({ file, gates, estimate }: Planned, plan: Plan, view: View): string[] {
  const { baseline } = plan;
  const summary = hasChanges(plan)
    ? summaryOf(file, plan)
    : `nothing to do: ${plan.alreadyUpdated.length} of ${baseline.replicas} servers run ${plan.version} already`;
  const sentences = [
    `${baseline.container}: ${baseline.oldImage} → ${baseline.newImage}`,
    summary,
    ...notes(plan),
    ...(plan.waves.length > 0 ? [durationSentence(estimate)] : []),
  ];
  return [
    ...sentences.flatMap((sentence) => wrapped(sentence, view.columns)),
    ...warningLines(plan, view),
    ...planTable(plan.waves, view),
    ...gateLines(plan, gates, view),
    view.colours.dim(`plan hash ${plan.hash}`),
  ];
}

/** How long it will take, as far as earlier releases of the set tell. */
function durationSentence(estimate: Estimate | undefined): string {
  if (!estimate) return 'no earlier release of this set to tell how long it takes';
  const { releases, perWave, seconds } = estimate;
  const [least, most, all] = [perWave.least, perWave.most, seconds].map((value) =>
    formatDuration(rounded(value) * 1_000),
  );
  const range = least === most ? least : `${least} to ${most}`;
  const who = releases === 1 ? 'the earlier release of this set' : `the last ${releases} releases of this set`;
  return `takes about ${all}: ${who} took ${range} a wave, waits at gates included`;
}

/** Seconds as people say them: nobody needs those of an hour. */
function rounded(seconds: number): number {
  const unit = seconds < 120 ? 1 : seconds < 7_200 ? 60 : 3_600;
  return Math.max(1, Math.round(seconds / unit) * unit);
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
  return `${servers} of ${counted(plan.baseline.replicas, 'server')} in ${counted(plan.waves.length, 'wave')}${how}, ${versions}, at most ${plan.maxUnavailable} without their sidecar at once`;
}

function notes(plan: Plan): string[] {
  const { alreadyUpdated, unproved, adopted, priorities, rollbackTo } = plan;
  return [
    ...(rollbackTo && hasChanges(plan) ? [rollbackSentence(rollbackTo)] : []),
    ...(adopted.length > 0
      ? [
          `${counted(adopted.length, 'server')} ${agreed(adopted.length, 'runs', 'run')} it by an override and ${agreed(adopted.length, 'is', 'are')} taken into the template last, without a restart`,
        ]
      : []),
    ...(unproved.length > 0
      ? [
          `${unproved.length} of them ${agreed(unproved.length, 'has', 'have')} not loaded it yet: ${unproved.slice(0, 5).join(', ')}; they reload after the waves`,
        ]
      : []),
    ...(alreadyUpdated.length > 0 && hasChanges(plan)
      ? [
          `${counted(alreadyUpdated.length, 'server')} ${agreed(alreadyUpdated.length, 'runs', 'run')} the new image already and ${agreed(alreadyUpdated.length, 'is', 'are')} in no wave`,
        ]
      : []),
    ...(priorities.length > 0
      ? [
          `gives ${counted(priorities.length, 'server')} another updatePriority for the time of the release and restores it afterwards`,
        ]
      : []),
  ];
}

const COLUMNS: readonly Column[] = [
  { title: 'WAVE', align: 'right' },
  { title: 'NAME', flexible: true },
  { title: 'COUNT', align: 'right' },
  { title: 'SERVERS', flexible: true },
];

/** More waves than this are folded, but for the first and the last ones. Wide, all are there. */
const MOST_WAVES = 12;
const FIRST_WAVES = 6;
const LAST_WAVES = 3;

function planTable(waves: readonly Wave[], view: View): string[] {
  if (waves.length === 0) return [];
  const isFolded = waves.length > MOST_WAVES && !view.wide;
  const folded = isFolded ? waves.slice(FIRST_WAVES, -LAST_WAVES) : [];
  const shown = waves.filter((wave) => !folded.includes(wave));
  const table = renderTable(COLUMNS, shown.map(rowOf), view);
  // The heading is a line, too.
  if (isFolded) table.splice(1 + FIRST_WAVES, 0, view.colours.dim(foldedText(folded, view.columns)));
  return ['', ...table];
}

function rowOf({ number, name, servers }: Wave): string[] {
  return [String(number), name, String(servers.length), compactRanges(servers.map(({ ordinal }) => ordinal))];
}

function foldedText(waves: readonly Wave[], columns: number): string {
  const sizes = waves.map(({ servers }) => servers.length);
  const [least, most] = [Math.min(...sizes), Math.max(...sizes)];
  const text = `   … ${waves.length} more ${agreed(waves.length, 'wave', 'waves')} of ${least === most ? least : `${least} to ${most}`} servers`;
  const full = `${text} (-o wide lists them)`;
  return textWidth(full) <= columns ? full : fitted(text, columns);
}

/** Gates that are alike are said once. */
function gateLines({ waves, strategy }: Plan, gates: readonly GateSpec[], view: View): string[] {
  const places = new Map<string, number[]>();
  for (const gate of gates) {
    if (strategy !== 'newServersOnly' && gate.before > waves.length) continue;
    const text = gateText(gate);
    places.set(text, [...(places.get(text) ?? []), gate.before]);
  }
  return [...places].flatMap(([text, before]) => {
    const where = `gate before ${before.length === 1 ? 'wave' : 'waves'} ${compactRanges(before)}`;
    return wrapped(`${where}: ${text}`, view.columns);
  });
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
