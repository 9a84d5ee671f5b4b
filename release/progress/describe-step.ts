import { agreed, counted } from '../spec/counted.ts';
import { acceptancePatience } from '../checks/acceptance.ts';
import { patienceOf } from '../checks/probe.ts';
import { describeProof, reloadPatienceOf } from '../checks/reload.ts';
import { approvalsMissing, approvalsNeeded } from '../decisions/gate-votes.ts';
import type { Probe } from '../spec/spec.ts';
import { formatDuration } from '../spec/quantity.ts';
import { namesOf } from './groups.ts';
import { adding, stoppedBy } from './sentences.ts';
import type { Task, Waiting } from './steps.ts';
import type { Release } from './table.ts';
import type { OpenGate, Phase } from './state.ts';

/** The work of a release, whose turn it is, and until when at the latest; nothing is waited for without all of it. */
export interface Doing {
  readonly phase: Phase;
  readonly step: string;
  /** The purpose of the wait, when it is more than the step. */
  readonly for?: string;
  readonly owner: string;
  /** Milliseconds since the epoch. */
  readonly since?: number;
  readonly until: number;
}

const KRUISE = 'Kruise and the kubelets';
const CONTROLLERS = 'kruise-game-manager and Kruise';
const API_SERVER = 'the API server';
/** How long a short call may take in all, in milliseconds, trouble of the API server included. */
const QUICK_MS = 15 * 60_000;
/** How long priorities and overrides may take to arrive at the pods: the controller is slow, and slower the more there are. */
const SETTLE_MS = 60_000;
const SETTLE_MS_PER_SERVER = 200;
/** Most servers that one activity works on; it bounds inputs, results and what a retry repeats. */
export const BATCH_SIZE = 250;

/** How long the controller may take to show that it knows of a write of so many GameServers, in milliseconds. */
export function settlePatience(servers: number): number {
  return SETTLE_MS + SETTLE_MS_PER_SERVER * servers;
}

/** How many servers in a row one place of the concurrency has to serve, at worst all on one node. */
function rounds(servers: number, { spec }: Pick<Release, 'spec'>): number {
  const { total, perNode } = spec.concurrency;
  return Math.max(1, Math.ceil(servers / Math.min(total, perNode)));
}

/** The longest that probes may take over a batch, in milliseconds. */
export function probePatience(release: Pick<Release, 'spec'>, probes: readonly Probe[], servers: number): number {
  return probes.reduce((sum, probe) => sum + patienceOf(probe), 0) * rounds(Math.min(servers, BATCH_SIZE), release);
}

/** The longest that the reloads of a batch may take, in milliseconds. */
export function reloadPatience(release: Pick<Release, 'spec'>, servers: number): number {
  const { reload, proof } = release.spec;
  return rounds(Math.min(servers, BATCH_SIZE), release) * (reloadPatienceOf(reload, proof) + patienceOf(proof));
}

/** How long servers may take to run an image when so many of them move at once, in milliseconds. */
export function movePatience({ plan, spec }: Release, step: Extract<Task, { kind: 'move' }>): number {
  if (step.means !== 'override') return spec.ready.timeout;
  const atOnce = step.toward === 'old' ? Math.max(1, step.servers.length) : plan.maxUnavailable;
  return spec.ready.timeout * Math.max(1, Math.ceil(step.servers.length / atOnce));
}

/** A step as people see it. */
export function describeStep(release: Release, step: Task, now: number): Doing {
  const describe = DESCRIBERS[step.kind] as (release: Release, step: Task, now: number) => Doing;
  return describe(release, step, now);
}

type Describers = {
  readonly [Kind in Task['kind']]: (release: Release, step: Extract<Task, { kind: Kind }>, now: number) => Doing;
};

const DESCRIBERS: Describers = {
  calendar: (release, _step, now) => quickly(release, now, 'looks for freeze windows'),
  priorities: prioritiesDoing,
  stage: stageDoing,
  open: openDoing,
  checkTemplate: (release, _step, now) => quickly(release, now, 'looks whether the template is unchanged'),
  move: moveDoing,
  files: engineDoing,
  reload: engineDoing,
  prove: engineDoing,
  health: engineDoing,
  admit: admitDoing,
  bake: (_release, { until }) => ({ phase: 'baking', step: 'bakes and samples health', owner: 'a timer', until }),
  look: (release, _step, now) => quickly(release, now, 'looks at the whole fleet: was any other server changed?'),
  whereabouts: (release, { names }, now) => ({
    phase: wayOf(release),
    step: `looks what became of ${counted(names.length, 'server')} that ${agreed(names.length, 'is', 'are')} not there`,
    owner: 'Kruise',
    until: now + release.spec.ready.timeout,
  }),
  newcomers: (release, _step, now) => ({
    phase: wayOf(release),
    step: 'looks for servers that came meanwhile',
    owner: KRUISE,
    until: now + release.spec.ready.timeout,
  }),
  follow: followDoing,
  snapshot: snapshotDoing,
  takeBack: backDoing,
  overrides: overridesDoing,
  putBack: (release, _step, now) => quickly(release, now, 'puts updateStrategy back'),
  recordEnd: (release, _step, now) => quickly(release, now, 'records on the set what came of it'),
  controls: controlsDoing,
  recordLeft: (release, _step, now) => quickly(release, now, 'ends, and leaves every server where it is'),
  reassert: (release, _step, now) => quickly(release, now, 'writes the values of the release over the edit'),
  noteStuck: (release, _step, now) => quickly(release, now, 'records on the set what could not be brought back'),
  monitor: (release, _step, now) => quickly(release, now, 'lets the servers be watched'),
  wait: (release, step, now) => WAITS[step.for](release, step.until, now),
  end: (release, _step, now) => quickly(release, now, release.state.step),
};

function wayOf({ progress }: Release): Phase {
  return progress.back ? 'rolling-back' : 'updating';
}

function quickly(release: Release, now: number, step: string): Doing {
  return { phase: wayOf(release), step, owner: API_SERVER, until: now + QUICK_MS };
}

function backDoing({ plan, spec }: Release, _step: unknown, now: number): Doing {
  const step = `brings ${plan.previousVersion} back`;
  return { phase: 'rolling-back', step, owner: KRUISE, until: now + spec.ready.timeout };
}

function snapshotDoing(release: Release, { isSweep }: Extract<Task, { kind: 'snapshot' }>, now: number): Doing {
  const doing = backDoing(release, undefined, now);
  return isSweep === true
    ? { ...doing, step: 'looks at all other servers; those that are new have to serve first' }
    : doing;
}

function prioritiesDoing(
  release: Release,
  { direction, changes }: Extract<Task, { kind: 'priorities' }>,
  now: number,
): Doing {
  const step =
    direction === 'assign'
      ? `gives ${counted(changes.length, 'server')} ${agreed(changes.length, 'its', 'their')} priority`
      : `puts the ${agreed(changes.length, 'priority', 'priorities')} of ${counted(changes.length, 'server')} back`;
  return { phase: wayOf(release), step, owner: 'kruise-game-manager', until: now + settlePatience(changes.length) };
}

function stageDoing({ plan }: Release, _step: unknown, now: number): Doing {
  const { baseline, strategy, bystanders } = plan;
  const [how, servers] =
    strategy === 'rolling'
      ? (['into the set; no server may move yet', baseline.replicas] as const)
      : (['for new servers only', bystanders.length] as const);
  if (strategy === 'targeted')
    return { phase: 'updating', step: 'records the release on the set', owner: API_SERVER, until: now + QUICK_MS };
  const until = now + acceptancePatience('observed', servers);
  return { phase: 'updating', step: `writes ${baseline.newImage} ${how}`, owner: CONTROLLERS, until };
}

function openDoing({ plan }: Release, step: Extract<Task, { kind: 'open' }>, now: number): Doing {
  const until = now + acceptancePatience('written', plan.baseline.replicas);
  const doing =
    step.for === 'adopted'
      ? `takes ${counted(plan.adopted.length, 'server')} into the template that ${agreed(plan.adopted.length, 'runs', 'run')} ${plan.baseline.newImage} already`
      : `lets ${counted(step.servers.length, 'server')} move`;
  return { phase: 'updating', step: doing, owner: 'kruise-game-manager', until };
}

function moveDoing(release: Release, step: Extract<Task, { kind: 'move' }>, now: number): Doing {
  const { plan, spec, progress } = release;
  const { servers, toward, means } = step;
  const phase: Phase = toward === 'old' || progress.back ? 'rolling-back' : 'updating';
  const image = step.image ?? (toward === 'old' ? plan.baseline.oldImage : plan.baseline.newImage);
  const until = now + movePatience(release, step);
  if (means === 'override') {
    const atOnce = toward === 'old' ? servers.length : Math.min(plan.maxUnavailable, servers.length);
    const doing = `gives ${counted(servers.length, 'server')} ${image} by an override, ${atOnce} at a time`;
    return { phase, step: doing, owner: 'kruise-game-manager and the kubelets', until };
  }
  const files = spec.content && toward === 'new' ? ' with the new files' : '';
  return {
    phase,
    step: `waits for ${counted(servers.length, 'server')} to be Ready on ${image}${files}`,
    owner: KRUISE,
    until,
  };
}

function engineDoing(
  release: Release,
  {
    kind,
    servers,
    toward = 'new',
  }: {
    readonly kind: 'files' | 'reload' | 'prove' | 'health';
    readonly servers: readonly unknown[];
    readonly toward?: 'new' | 'old';
  },
  now: number,
): Doing {
  const { spec, plan, progress } = release;
  const phase: Phase = progress.back ? 'rolling-back' : 'updating';
  const owner = 'the engines';
  const count = servers.length;
  switch (kind) {
    case 'files': {
      const step = toward === 'new' ? 'checks that the new files are there' : 'checks that the old files are there';
      return { phase, step, owner, until: now + probePatience(release, spec.content ? [spec.content] : [], count) };
    }
    case 'reload': {
      const step =
        toward === 'new'
          ? `makes ${counted(count, 'engine')} reload`
          : `makes ${counted(count, 'engine')} load ${plan.previousVersion} again`;
      return { phase, step, owner, until: now + reloadPatience(release, count) };
    }
    case 'prove':
      return {
        phase,
        step: describeProof(spec.reload),
        owner,
        until: now + probePatience(release, [spec.proof], count),
      };
    case 'health':
      return { phase, step: 'checks health', owner, until: now + probePatience(release, spec.health, count) };
  }
}

function admitDoing(_release: Release, { servers, until, of }: Extract<Task, { kind: 'admit' }>, now: number): Doing {
  if (until === 0)
    return { phase: 'updating', step: 'looks which servers have players', owner: API_SERVER, until: now + QUICK_MS };
  const names = namesOf(servers.map(({ name }) => name));
  const step = `waits for ${servers.length} of ${counted(of, 'server')} with players: ${names}`;
  return { phase: 'updating', step, owner: 'the players', until };
}

function followDoing({ spec, progress }: Release, { until }: Extract<Task, { kind: 'follow' }>): Doing {
  const { count } = spec.newServers;
  const wanted = count === undefined ? '' : ` of ${count}`;
  const step = `follows new servers; ${progress.newServers?.proved.length ?? 0}${wanted} proved so far`;
  return { phase: 'watching', step, owner: 'whoever scales the set', until };
}

function overridesDoing(
  release: Release,
  { servers, image }: Extract<Task, { kind: 'overrides' }>,
  now: number,
): Doing {
  const step =
    image === undefined
      ? `takes the ${agreed(servers.length, 'override', 'overrides')} of ${counted(servers.length, 'server')} away`
      : `leaves ${counted(servers.length, 'server')} with the override ${image}`;
  return { phase: wayOf(release), step, owner: 'kruise-game-manager', until: now + settlePatience(servers.length) };
}

function controlsDoing(release: Release, { why }: Extract<Task, { kind: 'controls' }>, now: number): Doing {
  const quick = quickly(release, now, 'ends, and leaves every server where it is');
  const { state, progress } = release;
  if (why === 'hold') return quick;
  // A gate takes votes again when the servers so far have been looked at.
  const isAtGate = state.gate !== undefined && !progress.mustLook;
  if (why === 'resume') return { ...quick, phase: isAtGate ? 'waiting-approval' : quick.phase, step: 'goes on' };
  const reason = state.pausedBecause ?? (state.halt ? stoppedBy(state.halt) : '');
  const phase: Phase = state.halt && state.pausedBecause === undefined ? 'halted' : 'pausing';
  return { ...quick, phase, step: 'pauses: lets no more server move', for: reason };
}

const WAITS: Readonly<Record<Waiting, (release: Release, until: number, now: number) => Doing>> = {
  gate: gateDoing,
  person: ({ state, progress }, until, now) => ({
    phase: 'paused',
    step: 'waits for a person',
    for: state.pausedBecause ?? '',
    owner: 'a person',
    since: progress.pause?.since ?? now,
    until: progress.pause?.until ?? until,
  }),
  unhalt: haltDoing,
  window: windowDoing,
  retry: retryDoing,
  load: (release, until) => ({
    phase: wayOf(release),
    step: `waits until engines that were told to load ${release.plan.version} would have loaded it`,
    owner: 'the engines',
    until,
  }),
  settle: (release, until) => ({
    phase: wayOf(release),
    step: 'waits a few seconds: a restart would be seen by then',
    owner: 'a timer',
    until,
  }),
};

function retryDoing(release: Release, until: number, now: number): Doing {
  const { tries = 1, of = 1, servers = 0, at = until } = release.progress.groupRetry ?? {};
  const step = `retry ${tries} of ${of} of ${counted(servers, 'server')} in ${formatDuration(at - now)}`;
  return { phase: wayOf(release), step, owner: 'a timer', until };
}

function gateDoing({ state, progress }: Release, until: number): Doing {
  const { gate } = state;
  if (!gate) return { phase: 'waiting-approval', step: 'waits at a gate', owner: 'a person', until };
  const { promoteAfter, timeout } = gate.spec;
  const hope =
    promoteAfter === undefined || progress.promotion === 'over'
      ? ''
      : `, or for its servers to be healthy for ${formatDuration(promoteAfter)}`;
  return {
    phase: 'waiting-approval',
    step: describeGate(gate, hope),
    owner: 'a person',
    since: gate.openedAt,
    until: gate.openedAt + timeout,
  };
}

function describeGate(gate: OpenGate, hope: string): string {
  const missing = approvalsNeeded(gate) - gate.approvedBy.length;
  const whose = gate.groups ? `: ${approvalsMissing(gate) ?? ''}` : '';
  const { reminders = 0 } = gate;
  const reminded = reminders === 0 ? '' : `; reminded ${reminders === 1 ? 'once' : `${reminders} times`}`;
  return `waits for ${counted(missing, 'approval')} before wave ${gate.wave}${whose}${hope}${reminded}`;
}

function haltDoing({ state, progress }: Release, until: number): Doing {
  const { halt } = state;
  const { refused } = progress.set;
  return {
    phase: 'halted',
    step: 'stands still until the halt is over',
    for: halt
      ? refused === undefined
        ? stoppedBy(halt)
        : adding(stoppedBy(halt), 'the set could not be closed', refused)
      : '',
    owner: 'whoever ends it with hotwave unhalt',
    ...(halt ? { since: halt.since, until: halt.until } : { until }),
  };
}

function windowDoing({ state, progress, calendar }: Release, _until: number, now: number): Doing {
  const { freeze, requester, wait, phase } = state;
  const { ends = '' } = progress.frozen ?? {};
  const wish = calendar?.reason === undefined ? '' : `; ${requester} wants it all the same: ${calendar.reason}`;
  const since = phase === 'frozen' ? (wait?.since ?? now) : now;
  const step = `freeze window ${freeze?.window ?? ''} holds until ${ends}${wish}`;
  return { phase: 'frozen', step, owner: 'the calendar', since, until: freeze?.until ?? now };
}
