import { expect, test } from 'vitest';
import { readReleaseFile } from '../../release/spec/diagnose.ts';

/** The problems of a release file that has these lines more in its spec. */
function complaint(more: string): string {
  const reading = readReleaseFile(`apiVersion: hotwave.dev/v1
kind: Release
metadata: { name: r }
spec:
  images: { sidecar: "registry.test/scripts:v2" }
  proof: { http: { port: 80, path: /version } }
${/^ {2}reload:/m.test(more) ? '' : '  reload: { exec: { container: app, command: [reload] } }\n'}${/^ {2}target:/m.test(more) ? '' : '  target: { gameServerSet: s }\n'}${more}`);
  const [first] = 'diagnostics' in reading ? reading.diagnostics : [];
  return first ? `${first.path}: ${first.message}` : '';
}

const BUSY = 'busy: { opsState: [Allocated] }';
const NEW_ONLY = '  strategy: newServersOnly\n';

test.each([
  ['  onFailure: { perWave: -1 }', /^spec\.onFailure\.perWave: expected a whole number of servers, 0 or more/],
  ['  onFailure: { perWave: 120% }', /^spec\.onFailure\.perWave: a share is at most 100%$/],
  [`${NEW_ONLY}  onFailure: { perWave: 1 }`, /^spec\.onFailure\.perWave: new servers are in no wave$/],
  ['  onFailure: { classes: { reload: pause } }', /^spec\.onFailure\.classes\.reload: /],
  ['  onFailure: { classes: { reload: { then: again } } }', /^spec\.onFailure\.classes\.reload\.then: /],
  ['  onFailure: { classes: { recreated: { then: pause } } }', /^spec\.onFailure\.classes.*recreated/],
  ['  onFailure: { classes: { reload: { then: retry, retries: 0 } } }', /^spec\.onFailure\.classes\.reload\.retries: /],
  [
    '  onFailure: { classes: { reload: { then: retry, backoff: 5 } } }',
    /^spec\.onFailure\.classes\.reload\.backoff: expected a duration/,
  ],
  [
    `${NEW_ONLY}  onFailure: { classes: { version: { then: retry } } }`,
    /^spec\.onFailure\.classes\.version: new servers are followed/,
  ],
  ['  onFailure: { keepSpecimens: 50 }', /^spec\.onFailure\.keepSpecimens: /],
  [
    '  onFailure: { keepSpecimens: 1 }',
    /^spec\.onFailure\.keepSpecimens: only strategy targeted can keep failed servers/,
  ],
  ['  allowFailedVersion: ""', /^spec\.allowFailedVersion: /],
  ['  allowFailedVersion: true', /^spec\.allowFailedVersion: /],
  ['  admission: {}', /^spec\.admission\.busy: /],
  ['  admission: { busy: {} }', /^spec\.admission\.busy: expected opsState or annotation$/],
  [`  admission: { ${BUSY}, wait: 5 }`, /^spec\.admission\.wait: expected a duration/],
  [`  admission: { ${BUSY}, then: kick }`, /^spec\.admission\.then: /],
  [`  admission: { ${BUSY} }\n  reload: { self: {} }`, /^spec\.admission: an engine that reloads by itself/],
  [`${NEW_ONLY}  admission: { ${BUSY} }`, /^spec\.admission: new servers have no players yet$/],
])('%s is wrong, and the file says where and why', (more, expected) => {
  expect(complaint(more)).toMatch(expected);
});

test.each([
  `  admission: { ${BUSY}, wait: 0s, lastWait: 2h, then: leave }`,
  '  onFailure: { tolerate: 5, perWave: 20%, classes: { reload: { then: retry }, health: { then: pause } } }',
  '  strategy: targeted\n  target: { gameServerSet: s, servers: { servers: [1] } }\n  onFailure: { keepSpecimens: 2 }',
])('%s is right', (more) => {
  expect(complaint(more)).toBe('');
});
