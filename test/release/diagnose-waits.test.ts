import { expect, test } from 'vitest';
import { formatDiagnostic, readReleaseFile } from '../../release/spec/diagnose.ts';

const HEAD = `apiVersion: hotwave.dev/v1
kind: Release
metadata: { name: scripts-2-0 }
spec:
  target: { gameServerSet: gss-2048 }
  images: { sidecar: "registry.example/2048-sidecar:v2.0" }
  reload: { self: {} }
  proof: { http: { port: 80, path: /version } }
`;
const HEALTH = '  health: [ { http: { port: 80, path: /healthz } } ]\n';

/** The problems of a release file that says this too, on line 9. */
function complaints(more: string): string[] {
  const reading = readReleaseFile(`${HEAD}  ${more}\n`);
  return 'diagnostics' in reading ? reading.diagnostics.map((found) => formatDiagnostic('r.yaml', found)) : [];
}

test.each([
  ['freeze: [{ name: w, from: Fri 18:00, to: Mon 08:00 }]'],
  ['freeze: [{ name: w, from: "2026-12-24", to: 2026-12-24 00:00:01, timeZone: Asia/Shanghai }]'],
  ['maxMixed: 4h'],
  [`gates: [{ before: 2, promoteAfter: 30m, remindEvery: 1h }]\n${HEALTH}`],
  ['approvers: { ops: [ann, bob] }\n  gates: [{ before: 1, groups: { ops: 2 } }]'],
])('is right: %s', (more) => {
  expect(complaints(more)).toEqual([]);
});

test.each([
  [
    'a time zone that there is not',
    'freeze: [{ name: w, from: Fri 18:00, to: Mon 08:00, timeZone: Europe/Berlyn }]',
    /^r\.yaml:9:65: spec\.freeze\[0\]\.timeZone: expected a time zone by its place, such as Europe\/Berlin or Asia\/Shanghai, or UTC$/,
  ],
  [
    'a window that ends before it begins',
    'freeze: [{ name: w, from: 2027-01-03, to: 2026-12-23 }]',
    /^r\.yaml:9:45: spec\.freeze\[0\]\.to: a freeze window ends after it begins/,
  ],
  [
    'a window of one day that says it twice',
    'freeze: [{ name: w, from: 2026-12-24, to: 2026-12-24 }]',
    /^r\.yaml:9:45: spec\.freeze\[0\]\.to: .*a date without a time is the start of that day$/,
  ],
  [
    'a day that there is not',
    'freeze: [{ name: w, from: 2026-02-30, to: 2026-03-02 }]',
    /^r\.yaml:9:29: spec\.freeze\[0\]\.from: expected a weekday and a time such as Fri 18:00, or a date/,
  ],
  [
    'a weekly begin and an end of once',
    'freeze: [{ name: w, from: Fri 18:00, to: 2026-12-28 }]',
    /^r\.yaml:9:44: spec\.freeze\[0\]\.to: from and to must both be weekly or both be dates$/,
  ],
  [
    'a window that is the whole week',
    'freeze: [{ name: w, from: Fri 18:00, to: Fri 18:00 }]',
    /^r\.yaml:9:44: spec\.freeze\[0\]\.to: a weekly window must not be the whole week$/,
  ],
  [
    'a weekday without a time',
    'freeze: [{ name: w, from: Friday, to: Monday }]',
    /^r\.yaml:9:29: spec\.freeze\[0\]\.from: expected a weekday and a time/,
  ],
  [
    'a window without a name',
    'freeze: [{ from: Fri 18:00, to: Mon 08:00 }]',
    /^r\.yaml:9:11: spec\.freeze\[0\]\.name: is missing/,
  ],
  [
    'a gate that opens by itself and nothing that says who is healthy',
    'gates: [{ before: 2, promoteAfter: 30m }]',
    /^r\.yaml:9:38: spec\.gates\[0\]\.promoteAfter: a gate that opens by itself needs spec\.health$/,
  ],
  [
    'a gate before the first wave that opens by itself',
    `gates: [{ before: 1, promoteAfter: 30m }]\n${HEALTH}`,
    /^r\.yaml:9:38: spec\.gates\[0\]\.promoteAfter: before wave 1 no server runs the new version/,
  ],
  [
    'a gate that opens by itself after its timeout',
    `gates: [{ before: 2, promoteAfter: 4h, timeout: 4h }]\n${HEALTH}`,
    /^r\.yaml:9:38: spec\.gates\[0\]\.promoteAfter: expected less than timeout/,
  ],
  [
    'reminders every moment',
    'gates: [{ before: 2, remindEvery: 10ms }]',
    /^r\.yaml:9:37: spec\.gates\[0\]\.remindEvery: expected a duration of at least 1s$/,
  ],
  [
    'a group that there is not',
    'gates: [{ before: 2, groups: { ops: 1 } }]',
    /^r\.yaml:9:39: spec\.gates\[0\]\.groups\.ops: spec\.approvers has no group ops$/,
  ],
  [
    'a group of too few people',
    'gates: [{ before: 2, groups: { ops: 3 } }]\n  approvers: { ops: [ann, bob] }',
    /^r\.yaml:9:39: spec\.gates\[0\]\.groups\.ops: the group ops has only 2 people$/,
  ],
  ['no time for two versions', 'maxMixed: 0s', /^r\.yaml:9:13: spec\.maxMixed: expected a duration longer than 0$/],
  [
    'a limit for two versions where two are wanted',
    'maxMixed: 4h\n  strategy: newServersOnly',
    /^r\.yaml:9:13: spec\.maxMixed: with newServersOnly, servers are of two versions for good$/,
  ],
  [
    'what becomes of two versions when nothing limits them',
    'onMaxMixed: rollback',
    /^r\.yaml:9:15: spec\.onMaxMixed: nothing is limited: say maxMixed too$/,
  ],
  [
    'new servers to follow, and no strategy that follows them',
    'newServers: { watch: 2h }',
    /^r\.yaml:9:15: spec\.newServers: only strategy newServersOnly follows new servers: the others update those that run$/,
  ],
  [
    'new servers to count, and another strategy',
    'strategy: rolling\n  newServers: { count: 2 }',
    /^r\.yaml:10:15: spec\.newServers: only strategy newServersOnly follows/,
  ],
  ['a third way out', 'onMaxMixed: proceed', /^r\.yaml:9:15: spec\.onMaxMixed: /],
])('%s is said in one sentence with file, line and column', (_what, more, expected) => {
  expect(complaints(more)[0]).toMatch(expected);
});
