import { execFileSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { checkLines } from '../../client/render/checks.ts';
import { commandRows } from '../../client/render/command-lines.ts';
import { renderMonitor } from '../../client/render/monitor.ts';
import { renderList } from '../../client/render/list.ts';
import { hasChanges, renderPlan } from '../../client/render/plan.ts';
import { progressLine } from '../../client/render/progress-line.ts';
import { renderStatus } from '../../client/render/status.ts';
import { renderFrame } from '../../client/render/watch.ts';
import type { SeenRelease } from '../../client/temporal/retries.ts';
import { saidLines } from '../../client/render/said-lines.ts';
import { renderVersions } from '../../client/render/versions.ts';
import { textWidth } from '../../client/render/text-width.ts';
import { plainView, viewOf } from '../../client/render/view.ts';
import { newMonitor, withChanges, withFindings } from '../../release/monitor/monitor.ts';
import type { AuditRow } from '../../release/audit/audit.ts';
import { auditOf } from '../../release/audit/audit-verdict.ts';
import type { Audit } from '../../release/audit/audit-verdict.ts';
import { why } from '../../release/narrate/narrate.ts';
import { planRelease } from '../../release/plan/plan-release.ts';
import type { Plan } from '../../release/plan/plan.ts';
import { readReleaseFile } from '../../release/spec/diagnose.ts';
import type { ReleaseFile } from '../../release/spec/spec.ts';
import { aGameServer, aSet, MAIN, NEW_IMAGE, servers, SIDECAR } from '../support/builders.ts';
import { aReleaseState, NOW, PHASES, recordedIo, waves } from './support.ts';

const TROUBLED = aReleaseState({
  waves: waves(40),
  wave: 17,
  pausedBecause: `somebody changed ${'/spec/gameServerTemplate/spec'.repeat(4)} by hand`,
  failures: Array.from({ length: 12 }, (_, index) => ({
    server: `duel-${index}`,
    class: 'imagePull' as const,
    reason: `image ${'registry.test/scripts:2.0'.repeat(5)} cannot be pulled`,
  })),
  decisions: Array.from({ length: 9 }, (_, index) => ({
    id: String(index),
    verb: 'approve' as const,
    release: 'scripts-2-0',
    wave: 2,
    actor: 'bob',
    channel: 'cli',
    reason: '看起来不错'.repeat(20),
    at: NOW,
    accepted: index > 4,
    answer: 'approved wave 2; 1 more needed within 59m',
  })),
  warnings: ['2 of 200 servers are not Ready before the release: duel-3, duel-4'],
});

const FAILING: SeenRelease = {
  ...aReleaseState({ waves: waves(100), wave: 60 }),
  underWay: {
    v: 1,
    of: 50,
    right: 34,
    count: 16,
    notYet: Array.from({ length: 16 }, (_, index) => ({ server: `duel-${index + 7}`, reason: 'it answers "1.0"' })),
  },
};

test('status says for how long servers may still be of two versions, or since when they may not', () => {
  const status = (mixedUntil: number | undefined): string =>
    renderStatus(aReleaseState({ mixedUntil }), NOW, plainView());
  expect(status(NOW + 7_200_000)).toContain('\nservers may be of two versions for another 2h\n');
  expect(status(NOW - 60_000)).toContain('\nservers are of two versions for 60s longer than they may\n');
  expect(status(undefined)).not.toContain('two versions');
});

describe('the live frame', () => {
  const SIZES = [
    [80, 24],
    [200, 50],
    [40, 20],
    [80, 5],
    [40, 10],
  ] as const;

  test.each(PHASES)('fits in the rows and columns of the terminal while %s', (phase) => {
    for (const [columns, rows] of SIZES) {
      for (const state of [TROUBLED, aReleaseState(), FAILING]) {
        const frame = renderFrame({ ...state, phase }, NOW, { ...plainView(columns), rows, silentFor: 12_000 });
        expect(frame.split('\n').length).toBeLessThan(rows);
        for (const line of frame.split('\n')) expect(textWidth(line)).toBeLessThanOrEqual(columns);
      }
    }
  });

  const frameOf = (state: SeenRelease, columns = 80, rows = 24): string =>
    renderFrame(state, NOW, { ...plainView(columns), rows });

  test('says first why the release is where it is, with the words that everybody uses', () => {
    const state = aReleaseState();
    expect(frameOf(state, 200).split('\n')[0]).toBe(why(state, NOW));
  });

  test('has a bar for each wave: proved, Ready, still to come', () => {
    const [done, running, pending] = waves(3);
    const all = [done!, { ...running!, ready: 30 }, { ...pending!, name: '3%', ready: 0, proven: 0 }];
    const frame = frameOf(aReleaseState({ waves: all }));
    expect(frame).toMatch(/^ +1 +1% +█{20} +50\/50 +done +10s$/m);
    expect(frame).toMatch(/^ +2 +2% +█{4}▒{8}░{8} +10\/50 +running +60s$/m);
    expect(frame).toMatch(/^ +3 +3% +░{20} +0\/50 +pending$/m);
  });

  test('shows the wave at work when not all fit', () => {
    const frame = frameOf(TROUBLED);
    expect(frame).toMatch(/^ *17 /m);
    expect(frame).toMatch(/… \d+ before, \d+ after/);
  });

  test('says how long it will take by the pace so far, and nothing where there is none yet', () => {
    expect(frameOf(aReleaseState())).toContain('about 20s of work left, by the pace of 1 wave\n');
    const none = waves(4).map((wave) => ({ ...wave, status: 'pending' as const }));
    expect(frameOf(aReleaseState({ waves: none }))).not.toContain('of work left');
    expect(frameOf(aReleaseState({ phase: 'rolling-back' }))).not.toContain('of work left');
    expect(frameOf(aReleaseState({ phase: 'done', wait: undefined }))).not.toContain('of work left');
  });

  test('counts each wait down, and says what comes then', () => {
    expect(frameOf(aReleaseState(), 200)).toContain(
      '░░░░░░░░░░ 4m48s, then servers that are not as they must be have failed\n',
    );
    const wait = { for: 'bakes', owner: 'a timer', since: NOW - 30_000, until: NOW + 30_000 };
    expect(frameOf(aReleaseState({ phase: 'baking', wait }))).toContain('█████░░░░░ 30s, then the wave is done');
  });

  test('names servers that are not right yet, with what they answer, while they are still asked', () => {
    expect(frameOf(FAILING)).toMatch(/^duel-7 +not yet +it answers "1\.0"$/m);
    expect(frameOf(FAILING)).toMatch(/^and 13 more$/m);
  });

  test('has the likeliest command first, each on lines that can be pasted', () => {
    const gate = { wave: 2, spec: aFile().spec.gates[0]!, openedAt: NOW, approvedBy: [] };
    const lines = frameOf(aReleaseState({ phase: 'waiting-approval', gate }), 40, 20).split('\n');
    const first = lines.findIndex((line) => line.includes('hotwave '));
    expect(lines.slice(first, first + 3)).toEqual([
      '  hotwave approve arena/duel --wave 2',
      '  hotwave reject arena/duel --wave 2 \\',
      '    --reason "..."',
    ]);
    expect(lines.at(-1)).toMatch(/^ {2}and \d more commands: hotwave explain$/);
  });

  test('says since when nobody answers', () => {
    expect(renderFrame(aReleaseState(), NOW, { ...plainView(80), rows: 24, silentFor: 12_000 })).toMatch(
      /^no answer for 12s/,
    );
  });
});

test('what is said beside the data is broken at spaces, a command so that it can be pasted, a link not at all', () => {
  const link = 'http://temporal.example.com/namespaces/default/workflows/hotwave%2Fdefault%2Farena%2Fduel';
  expect(saidLines('hotwave: unknown option', 40)).toEqual(['hotwave: unknown option']);
  expect(saidLines('hotwave: there is no release on arena/duel in cluster eu', 30)).toEqual([
    'hotwave: there is no release',
    'on arena/duel in cluster eu',
  ]);
  expect(saidLines('  hotwave cancel arena/duel --then rollback', 30)).toEqual([
    '  hotwave cancel arena/duel \\',
    '    --then rollback',
  ]);
  expect(saidLines(link, 40)).toEqual([link]);
});

describe('a command to type', () => {
  test('is the same command on however many lines it stands', () => {
    const command = `hotwave rollback games-of-the-eastern-region/duel-of-the-evening --reason "it's bad" --cluster eu`;
    for (const columns of [20, 30, 40, 80, Infinity]) {
      const rows = commandRows(command, columns);
      for (const row of rows) expect(textWidth(row)).toBeLessThanOrEqual(columns);
      const joined = rows.join('\n').replaceAll('\\\n', '').replaceAll(/ +/g, ' ').trim();
      expect(joined).toBe(command);
    }
  });
});

describe('status', () => {
  test('starts with why and ends with what can be typed', () => {
    const state = aReleaseState();
    const lines = renderStatus(state, NOW, plainView()).split('\n');
    expect(lines[0]).toBe(why(state, NOW));
    expect(lines.slice(-4, -2)).toEqual(['  hotwave pause arena/duel', '  hotwave rollback arena/duel']);
  });

  test('says second what is tried again', () => {
    const retry = { activity: 'verifyFleet', attempt: 7, reason: 'the API server does not answer' };
    const lines = renderStatus({ ...aReleaseState(), retrying: [retry] }, NOW, plainView()).split('\n');
    expect(lines[1]).toBe('attempt 7 of verifyFleet; the one before failed: the API server does not answer');
  });

  test('says what a release has excluded that was cancelled half-way, and how to see it', () => {
    const cancelled = { phase: 'cancelled', reason: 'by ann: late', wait: undefined, cluster: 'eu' } as const;
    const lines = renderStatus(aReleaseState(cancelled), NOW, plainView()).split('\n');
    expect(lines.slice(-3)).toEqual([
      'every server stays on the version it has, until another release or a rollback on the set',
      '  hotwave versions arena/duel --cluster eu',
      '  hotwave rollback arena/duel --cluster eu',
    ]);
    const untouched = waves(4).map((wave) => ({ ...wave, status: 'pending' as const }));
    const early = renderStatus(aReleaseState({ ...cancelled, waves: untouched }), NOW, plainView());
    expect(early).not.toContain('versions');
  });

  test('stops the clock of every wave when the release has ended', () => {
    const state = aReleaseState({ phase: 'rolled-back', endedAt: NOW - 30_000, wait: undefined });
    expect(renderStatus(state, NOW, plainView())).toMatch(/running +12 +10 +0 +30s/);
  });

  test('does not tell how long a release runs that has just begun', () => {
    const begun = (ago: number): string => renderStatus(aReleaseState({ startedAt: NOW - ago }), NOW, plainView());
    expect(begun(999)).toMatch(/started by ann$/m);
    expect(begun(1_000)).toMatch(/started by ann, for 1s$/m);
  });

  test('says of a wave that was never begun that it is not started, once the release has ended', () => {
    const paused = renderStatus(aReleaseState({ phase: 'paused' }), NOW, plainView());
    expect([...paused.matchAll(/pending|not started/g)].map(([found]) => found)).toEqual(['pending', 'pending']);
    const ended = aReleaseState({ phase: 'rolled-back', endedAt: NOW, wait: undefined });
    const shown = renderStatus(ended, NOW, plainView());
    expect([...shown.matchAll(/pending|not started/g)].map(([found]) => found)).toEqual(['not started', 'not started']);
  });

  test('leaves nothing out when no terminal limits it', () => {
    expect(renderStatus(TROUBLED, NOW, plainView())).not.toContain('…');
  });
});

describe('a progress line', () => {
  test('does not change because time passes', () => {
    const state = aReleaseState();
    const later = { ...state, wait: { ...state.wait!, since: NOW, until: NOW + 1_000 } };
    expect(progressLine(later)).toBe(progressLine(state));
  });

  test('tells phase, wave, progress and what it waits for', () => {
    expect(progressLine(aReleaseState())).toBe(
      'updating · wave 2 of 4 · 12/50 ready, 10 proven · waits for 50 servers to be Ready (Kruise)',
    );
  });

  test('names a wave that a person has named', () => {
    const named = waves(4).map((wave) => ({ ...wave, name: 'low' }));
    expect(progressLine(aReleaseState({ waves: named }))).toContain(' · low: 12/50 ready');
  });

  test('says what is tried again, but not how often, which would be a line each time', () => {
    const retry = { activity: 'verifyFleet', attempt: 7, reason: 'the API server does not answer' };
    expect(progressLine({ ...aReleaseState(), retrying: [retry] })).toMatch(
      / · the last attempt failed: the API server does not answer$/,
    );
  });

  test('of an ended release is its outcome', () => {
    expect(progressLine(aReleaseState({ phase: 'done', reason: 'every server proves 2.0', wait: undefined }))).toBe(
      'done: every server proves 2.0',
    );
  });
});

function aFile(): ReleaseFile {
  const reading = readReleaseFile(`
apiVersion: hotwave.dev/v1
kind: Release
metadata: { name: scripts-2-0 }
spec:
  target: { namespace: arena, gameServerSet: duel }
  images: { ${SIDECAR}: '${NEW_IMAGE}' }
  waves: [1, 3, rest]
  gates: [{ before: 2, approvals: 2, notRequester: true, timeout: 4h }]
  reload: { exec: { container: ${MAIN}, command: [reload] } }
  proof: { http: { port: 80, path: /version } }
`);
  if ('release' in reading) return reading.release;
  throw new Error(JSON.stringify(reading.diagnostics));
}

function aPlan(file: ReleaseFile, count: number): Plan {
  const gameServers = Array.from({ length: count }, (_, ordinal) => aGameServer({ ordinal }));
  const plan = planRelease(file.spec, { set: aSet({ replicas: count }), servers: servers(count), gameServers });
  if ('refusals' in plan) throw new Error(plan.refusals.join());
  return plan;
}

describe('a plan', () => {
  const file = aFile();
  const plan = aPlan(file, 10);
  const lines = [{ title: 'set', status: 'ok' as const, detail: 'arena/duel, 10 replicas' }];

  test('shows the waves as ranges of ordinals, with their gates', () => {
    const text = renderPlan(file, { lines, plan }, plainView());
    expect(text).toMatch(/^ +1 +1 +1 +9$/m);
    expect(text).toMatch(/^ +2 +3 +3 +6-8$/m);
    expect(text).toMatch(/^gate before wave 2: 2 approvals, not by the requester, within 4h, else pause$/m);
    expect(text).toMatch(/^ +3 +rest +6 +0-5$/m);
    expect(text).toContain(`plan hash ${plan.hash}`);
  });

  test('shows whose approval a gate wants, and when it opens by itself', () => {
    const gate = { ...file.spec.gates[0]!, groups: { ops: 2, leads: 1 }, notRequester: false, promoteAfter: 1_800_000 };
    const text = renderPlan({ ...file, spec: { ...file.spec, gates: [gate] } }, { lines, plan }, plainView());
    expect(text).toContain('3 approvals (2 of ops, 1 of leads), or healthy for 30m, within 4h, else pause');
  });

  test('says what would change and the waves before what the checks found', () => {
    const text = renderPlan(file, { lines, plan }, plainView());
    const places = [
      'release scripts-2-0',
      '→',
      'in 3 waves',
      'a rollback goes back to 1.0',
      'WAVE',
      'gate before',
      'ok (',
    ];
    expect(places.map((part) => text.indexOf(part))).toEqual(
      places.map((part) => text.indexOf(part)).sort((left, right) => left - right),
    );
    expect(text).not.toContain('-1');
  });

  test.each([
    [3, 40],
    [3, 80],
    [200, 40],
    [200, 80],
    [10_000, 40],
    [10_000, 80],
  ])('of %i servers fits in %i columns, its many waves folded', (count, columns) => {
    const many = { ...file, spec: { ...file.spec, waves: [...Array.from({ length: 99 }, () => '1%'), 'rest'] } };
    const wordy = [
      ...lines,
      { title: 'proof before the release', status: 'refused' as const, detail: 'duel-0 does not prove it. '.repeat(9) },
      {
        title: 'overrides',
        status: 'refused' as const,
        detail: 'GameServer duel-1 overrides the image',
        commands: ['kubectl patch gameserver duel-1 -n arena --type merge -p \'{ "spec": { "containers": null } }\''],
      },
    ];
    for (const spec of [file.spec, many.spec] as ReleaseFile['spec'][]) {
      const text = renderPlan(
        { ...file, spec },
        { lines: wordy, plan: aPlan({ ...file, spec }, count) },
        plainView(columns),
      );
      for (const line of text.split('\n')) expect(textWidth(line)).toBeLessThanOrEqual(columns);
      expect(text.split('\n').length).toBeLessThan(columns === 40 ? 62 : 42);
    }
  });

  test('folds many waves to the first and the last ones, and shows all when wide', () => {
    const spec = {
      ...file.spec,
      waves: [...Array.from({ length: 40 }, () => 5), 'rest'],
      gates: [],
    } as ReleaseFile['spec'];
    const planned = aPlan({ ...file, spec }, 250);
    const text = renderPlan({ ...file, spec }, { lines, plan: planned }, plainView(80));
    expect(text).toMatch(/^ +6 +5 +5 +220-224\n +… 32 more waves of 5 servers \(-o wide lists them\)\n +39 /m);
    expect(text).toMatch(/^ +41 +rest +50 +0-49$/m);
    expect(renderPlan({ ...file, spec }, { lines, plan: planned }, plainView(Infinity, true))).toMatch(/^ +20 +5 +5 /m);
  });

  test('says gates that are alike once, and none of a wave that there is not', () => {
    const [gate] = file.spec.gates;
    const gates = [2, 3, 9].map((before) => ({ ...gate!, before }));
    const text = renderPlan({ ...file, spec: { ...file.spec, gates } }, { lines, plan }, plainView());
    expect(text).toMatch(/^gate before waves 2-3: 2 approvals/m);
    expect(text.match(/^gate/gm)).toHaveLength(1);
  });

  test('says how long it takes by what earlier releases took, and where there is none says so', () => {
    const estimate = { releases: 3, perWave: { least: 61.4, middle: 95, most: 7_300 }, seconds: 285 };
    const text = renderPlan(file, { lines, plan, estimate }, plainView());
    expect(text).toContain(
      'takes about 5m: the last 3 releases of this set took 61s to 2h a wave, waits at gates included',
    );
    expect(renderPlan(file, { lines, plan }, plainView())).toContain('no earlier release of this set');
    const nothing = { ...plan, waves: [] };
    expect(renderPlan(file, { lines, plan: nothing }, plainView())).not.toContain('earlier release');
  });

  test('says in one line how many checks are ok, and lists them when wide', () => {
    const more = [...lines, { title: 'halt', status: 'ok' as const, detail: 'no halt holds it' }];
    const text = renderPlan(file, { lines: more, plan }, plainView());
    expect(text.split('\n').at(-1)).toBe('2 checks are ok (-o wide lists them)');
    expect(text).not.toContain('halt');
    expect(renderPlan(file, { lines: more, plan }, plainView(Infinity, true))).toMatch(/^ok +halt +no halt holds it$/m);
  });

  test('without a plan shows the checks that refused it', () => {
    const refused = [...lines, { title: 'dry run', status: 'refused' as const, detail: 'the webhook says no' }];
    expect(renderPlan(file, { lines: refused }, plainView())).toMatch(/^FAIL +dry run +the webhook says no$/m);
  });

  test('with a plan shows its waves, then the checks that refused it, and says last that it cannot start', () => {
    const refused = [...lines, { title: 'dry run', status: 'refused' as const, detail: 'the webhook says no' }];
    const text = renderPlan(file, { lines: refused, plan }, plainView());
    expect(text).toMatch(/^ +3 +rest +6 +0-5$/m);
    expect(text.split('\n').at(-1)).toBe('it cannot start: see FAIL above (dry run)');
    expect(renderPlan(file, { lines, plan }, plainView())).not.toContain('cannot start');
  });

  test('has changes when a server is in a wave', () => {
    expect(hasChanges(plan)).toBe(true);
    expect(hasChanges({ ...plan, waves: [] })).toBe(false);
  });
});

describe('checks', () => {
  test('put long findings below, within the width', () => {
    const detail = 'the worker may not patch gameserversets.game.kruise.io in namespace arena: apply deploy/rbac.yaml';
    const lines = checkLines([{ title: 'permissions', status: 'refused', detail }], plainView(60));
    expect(lines[0]).toBe('FAIL  permissions');
    for (const line of lines) expect(textWidth(line)).toBeLessThanOrEqual(60);
  });

  const COMMAND = `kubectl patch gameserver duel-1 duel-2 -n arena --type json -p '[ { "op": "remove", "path": "/spec/containers/0/image" } ]'`;

  test('have below them the command that mends them, which can be pasted as it is shown', () => {
    const check = { title: 'overrides', status: 'refused' as const, detail: 'duel-1 has one', commands: [COMMAND] };
    expect(checkLines([check], plainView())).toEqual(['FAIL  overrides  duel-1 has one', `      ${COMMAND}`]);
    const typed = [40, 60, 80].map((columns) => commandRows(COMMAND, columns).join('\n'));
    for (const text of typed) {
      const ran = execFileSync('bash', ['-c', `kubectl() { printf '%s\\n' "$#" "\${@: -1}"; }; ${text}`], {
        encoding: 'utf8',
      });
      const [count, ...patch] = ran.split('\n');
      expect(count).toBe('10');
      expect(JSON.parse(patch.join(' '))).toEqual([{ op: 'remove', path: '/spec/containers/0/image' }]);
    }
    expect(typed[0]).toContain('\\\n');
  });
});

describe('a list', () => {
  const release = {
    set: 'arena/duel',
    release: 'scripts-2-0',
    cluster: 'default',
    version: '2.0',
    phase: 'done',
    wave: 3,
    requester: 'ann',
    status: 'completed',
    startedAt: NOW - 90_000,
    endedAt: NOW - 30_000,
    workflowId: 'hotwave/default/arena/duel',
    runId: 'run-1',
  };

  test('has a row for each release', () => {
    expect(renderList([release], NOW, plainView())).toMatch(/arena\/duel +scripts-2-0 +done +3 +ann +90s ago$/);
  });

  test('shows the workflow when wide', () => {
    expect(renderList([release], NOW, plainView(Infinity, true))).toMatch(
      /60s +default +hotwave\/default\/arena\/duel +run-1$/,
    );
  });

  test('cuts the longest texts first when the terminal is narrow', () => {
    const long = { ...release, phase: 'waiting-approval', release: 'scripts-2-0-for-the-autumn-tournament' };
    const [head, row] = renderList([long], NOW, plainView(80)).split('\n');
    expect(head).toMatch(/^SET +RELEASE +PHASE +WAVE +REQUESTER +STARTED$/);
    expect(row).toMatch(/^arena\/duel +scripts-2-0-for-[a-z-]*… +waiting-approval +3 +ann +90s ago$/);
  });

  test('gives each set a line of its own on a narrow terminal: names that are cut look alike', () => {
    const sets = ['default/arena-of-the-east', 'default/arena-of-the-west'];
    const lines = renderList(
      sets.map((set) => ({ ...release, set, phase: 'waiting-approval' })),
      NOW,
      plainView(40),
    ).split('\n');
    expect(lines.slice(0, 4)).toEqual([
      'default/arena-of-the-east',
      '  scripts-2-0 · waiting-approval, wave 3',
      '  · 90s ago',
      'default/arena-of-the-west',
    ]);
    for (const line of lines) expect(textWidth(line)).toBeLessThanOrEqual(40);
  });

  test('says so when it is empty', () => {
    expect(renderList([], NOW, plainView())).toBe('no releases');
  });
});

describe('a view', () => {
  test('has colours only on a terminal and without NO_COLOR', () => {
    const terminal = recordedIo({ tty: true }).stdout;
    expect(viewOf(terminal, {}, 'text').colours.isColorSupported).toBe(true);
    expect(viewOf(terminal, { NO_COLOR: '1' }, 'text').colours.isColorSupported).toBe(false);
    expect(viewOf(recordedIo().stdout, {}, 'text').colours.isColorSupported).toBe(false);
  });
});

describe('the versions of a set', () => {
  const aRow = (change: Partial<AuditRow> = {}): AuditRow => ({
    server: 'duel-0',
    wanted: '2.0',
    loaded: '2.0',
    files: '2.0',
    proves: true,
    mismatch: '',
    reason: '',
    image: NEW_IMAGE,
    runningImage: NEW_IMAGE,
    imageId: 'sha256:abc',
    override: '',
    uid: 'uid-0',
    createdAt: NOW - 7_200_000,
    restarts: 1,
    mainRestarts: 0,
    ...change,
  });
  const behind = aRow({
    server: 'duel-1',
    loaded: '1.0',
    files: '1.0',
    proves: false,
    mismatch: 'behind',
    reason: '1.0',
  });
  const silent = aRow({
    server: 'duel-2',
    loaded: '',
    files: '',
    proves: false,
    mismatch: 'unknown',
    reason: `http :80/version: ${'no answer '.repeat(20)}`,
  });

  function anAudit(rows: readonly AuditRow[]): Audit {
    const expectedVersion = {
      source: 'last release',
      release: 'scripts-2-0',
      strategy: 'rolling',
      outcome: 'done',
      container: SIDECAR,
      image: NEW_IMAGE,
      version: '2.0',
      previousImage: '',
      previousVersion: '1.0',
      startedAt: NOW - 90_000,
      finishedAt: NOW - 60_000,
    } as const;
    return auditOf(
      {
        set: { namespace: 'arena', name: 'duel' },
        replicas: 3,
        templateImage: NEW_IMAGE,
        expectedVersion,
        how: { noAsk: '' },
        notes: ['release scripts-3-0 is under way, or was left half-way'],
      },
      rows,
    );
  }

  test('start with the sentence that says who is behind, then by what it is measured, then the servers by version', () => {
    const [first, second, note, gap, head, ...rows] = renderVersions(
      anAudit([aRow(), behind, silent]),
      NOW,
      plainView(),
    ).split('\n');
    expect(first).toMatch(/^1 of 3 servers on 2\.0; 2 not: duel-1 \(1\.0\), duel-2 \(unknown: http/);
    expect(second).toBe(
      `measured by the last release scripts-2-0, done 60s ago: 2.0; the template asks for ${NEW_IMAGE}`,
    );
    expect(note).toBe('note: release scripts-3-0 is under way, or was left half-way');
    expect(gap).toBe('');
    expect(head).toMatch(/^COUNT +LOADED +FILES +IMAGE +STATE +SERVERS$/);
    expect(rows[0]).toMatch(/^ +1 +2\.0 +2\.0 +2\.0 +proves it +0$/);
    expect(rows[1]).toMatch(/^ +1 +1\.0 +1\.0 +2\.0 +behind +1$/);
    expect(rows[2]).toMatch(/^ +1 +\? +\? +2\.0 +unknown +2$/);
    expect(rows.slice(4).join('\n')).toMatch(
      /^SERVER +RESTARTS +WRONG\nduel-1 +1 +behind: 1\.0\nduel-2 +1 +unknown: http/,
    );
  });

  test('say of servers whose wave is still to come that it is, and do not call them wrong', () => {
    const rows = Array.from({ length: 10 }, (_, index) =>
      aRow(index < 3 ? { server: `duel-${index}` } : { ...behind, server: `duel-${index}` }),
    );
    const toCome = [
      { wave: 2, servers: '4-6' },
      { wave: 3, servers: '7-9' },
    ];
    const text = renderVersions({ ...anAudit(rows), toCome }, NOW, plainView());
    expect(text).toMatch(/^ +3 .*proves it +0-2$/m);
    expect(text).toMatch(/^ +1 .*behind +3$/m);
    expect(text).toMatch(/^ +3 .*wave 2 is to come +4-6$/m);
    expect(text).toMatch(/^ +3 .*wave 3 is to come +7-9$/m);
    expect(text.split('WRONG')[1]?.trim()).toMatch(/^duel-3 +1 +behind: 1\.0$/);
  });

  test('of 10,000 servers are a few lines, though the answer cannot hold a row for each', () => {
    const rows = Array.from({ length: 10_000 }, (_, index) =>
      aRow(index % 5_000 < 4_000 ? { server: `duel-${index}` } : { ...behind, server: `duel-${index}` }),
    );
    const audit = anAudit(rows);
    expect(audit.omitted).toBeGreaterThan(0);
    const lines = renderVersions(audit, NOW, plainView(80)).split('\n');
    expect(lines.length).toBeLessThan(35);
    expect(lines.some((line) => /^ +8000 .*proves it +0-3999,5000-8999$/.test(line))).toBe(true);
    expect(lines.some((line) => /^ +2000 .*behind +4000-4999,9000-9999$/.test(line))).toBe(true);
    expect(lines.at(-1)).toBe('and 1980 more: -o wide shows them');
  });

  test('fit in 200 columns when wide', () => {
    for (const line of renderVersions(anAudit([aRow(), behind, silent]), NOW, { ...plainView(200), wide: true }).split(
      '\n',
    ))
      expect(textWidth(line)).toBeLessThanOrEqual(200);
  });

  test('fit in 80 columns', () => {
    const text = renderVersions(anAudit([aRow(), behind, silent]), NOW, plainView(80));
    for (const line of text.split('\n')) expect(textWidth(line)).toBeLessThanOrEqual(80);
  });

  test('show images, ids and pods when wide', () => {
    expect(renderVersions(anAudit([aRow()]), NOW, plainView(Infinity, true))).toMatch(
      new RegExp(`${NEW_IMAGE} +${NEW_IMAGE} +sha256:abc +uid-0$`, 'm'),
    );
  });
});

describe('a monitor', () => {
  const identity = { release: 'scripts-2-0', cluster: 'default', set: { namespace: 'arena', name: 'duel' } };
  const fresh = newMonitor(
    { ...identity, image: NEW_IMAGE, version: '2.0', requester: 'ann', until: NOW + 3_600_000, interval: 10_000 },
    NOW - 60_000,
  );
  const crash = {
    kind: 'crashed',
    server: 'duel-3',
    text: 'container scripts was started again (restart count 2)',
  } as const;
  const seen = withChanges(fresh, { changes: [crash], servers: 12 }, NOW - 30_000);
  const finding = { server: 'duel-3', proves: false, mismatch: 'not loaded', reason: 'runs 1.0, files 2.0' } as const;
  const found = withFindings(seen, [{ ...finding, wanted: '2.0', loaded: '1.0', reloaded: true }], NOW - 20_000);

  test('says first what it does and whether anything is wrong, then who, then what happened', () => {
    const lines = renderMonitor(found, NOW, plainView()).split('\n');
    expect(lines[0]).toBe('watches 2.0 on 12 servers for another 60m; 1 server is not proved');
    expect(lines[2]).toBe('crashes of the sidecar: 1 · reloads: 1');
    expect(lines[5]).toMatch(/^duel-3 +not loaded +30s +1 +runs 1\.0, files 2\.0 +container scripts was started again/);
    expect(lines.at(-1)).toBe('  hotwave guard arena/duel --stop');
  });

  test('fits in 80 columns', () => {
    for (const line of renderMonitor(found, NOW, plainView(80)).split('\n'))
      expect(textWidth(line)).toBeLessThanOrEqual(80);
  });
});

test('status says once for each class of failure which command explains it', () => {
  const lines = renderStatus(TROUBLED, NOW, plainView(80)).split('\n');
  expect(lines.filter((line) => line.startsWith('to do: '))).toEqual(['to do: hotwave explain imagePull']);
});
