import { describe, expect, test } from 'vitest';
import { formatDiagnostic, readReleaseFile } from '../../release/spec/diagnose.ts';
import { describeProbe } from '../../release/checks/probe.ts';
import type { ReleaseSpec } from '../../release/spec/spec.ts';

const lines = {
  reload: 'reload: { exec: { container: app, command: [reload] } }',
  proof: 'proof: { http: { port: 80, path: /version } }',
};

/** A valid release file with one of its lines replaced or added. */
function file(change: Partial<typeof lines> & { readonly more?: string }): string {
  const { reload, proof, more = '' } = { ...lines, ...change };
  const head =
    'apiVersion: hotwave.dev/v1\nkind: Release\nmetadata: { name: r }\nspec:\n  target: { gameServerSet: s }';
  return `${head}\n  images: { sidecar: "registry.test/scripts:v2" }\n  ${reload}\n  ${proof}\n  ${more}\n`;
}

function complaint(text: string): string {
  const reading = readReleaseFile(text);
  return 'diagnostics' in reading ? formatDiagnostic('r.yaml', reading.diagnostics[0]!) : 'nothing wrong';
}

/** Expects the first complaint to be about the place that the text marks with `@@`, and to begin like this. */
function expectComplaint(marked: string, beginning: string): void {
  const before = marked.slice(0, marked.indexOf('@@')).split('\n');
  const place = `r.yaml:${before.length}:${before.at(-1)!.length + 1}`;
  const expected = `${place}: ${beginning}`;
  expect(complaint(marked.replace('@@', '')).slice(0, expected.length)).toBe(expected);
}

function specOf(text: string): ReleaseSpec {
  const reading = readReleaseFile(text);
  if ('release' in reading) return reading.release.spec;
  throw new Error(complaint(text));
}

const http = (fields: string): string => file({ reload: `reload: { http: { port: 80, path: /r, ${fields} } }` });
const content = (fields: string): string => file({ more: `content: { checksums: { ${fields} } }` });
const log = (fields: string): string => file({ proof: `proof: { log: { ${fields} } }` });
const health = (kind: string): string => file({ more: `health: [ { ${kind} } ]` });
const metric = (fields: string): string => health(`prometheus: { ${fields} }`);

describe('every kind has its defaults', () => {
  test.each<[string, string, (spec: ReleaseSpec) => unknown, unknown]>([
    [
      'reload http',
      file({ reload: 'reload: { http: { port: 80, path: /r } }' }),
      (spec) => spec.reload.http,
      { port: 80, path: '/r', method: 'POST', timeout: 30_000 },
    ],
    ['reload self', file({ reload: 'reload: { self: {} }' }), (spec) => spec.reload, { self: {} }],
    [
      'content checksums',
      content('container: app, manifest: /x/SUMS'),
      (spec) => spec.content,
      { checksums: { container: 'app', manifest: '/x/SUMS', timeout: 20_000, within: 30_000 } },
    ],
    [
      'proof log',
      log('container: app, line: "loaded {{version}}"'),
      (spec) => spec.proof,
      { log: { container: 'app', line: 'loaded {{version}}', timeout: 10_000, within: 30_000 } },
    ],
    [
      'proof file',
      file({ proof: 'proof: { file: { container: app, path: /run/loaded, expect: "v{{version}}" } }' }),
      (spec) => spec.proof.file,
      { container: 'app', path: '/run/loaded', expect: 'v{{version}}', timeout: 20_000, within: 30_000 },
    ],
    [
      'proof service quality',
      file({ proof: 'proof: { serviceQuality: { name: loaded } }' }),
      (spec) => spec.proof,
      { serviceQuality: { name: 'loaded', within: 30_000 } },
    ],
    [
      'health conditions and tcp',
      file({ more: 'health: [ { conditions: [Ready, game.kruise.io/healthy] }, { tcp: { port: 25565 } } ]' }),
      (spec) => spec.health,
      [{ conditions: ['Ready', 'game.kruise.io/healthy'] }, { tcp: { port: 25_565, timeout: 5_000, within: 30_000 } }],
    ],
    [
      'health prometheus, only observed',
      health('prometheus: { query: up, max: 1 }, mode: observe'),
      (spec) => spec.health,
      [{ prometheus: { query: 'up', max: 1, timeout: 10_000, within: 30_000 }, mode: 'observe' }],
    ],
  ])('%s', (_kind, text, pick, expected) => {
    expect(pick(specOf(text))).toEqual(expected);
  });
});

describe('what is wrong with a reload is said with file, line and column', () => {
  const reload = (kinds: string): string => file({ reload: `reload: ${kinds}` });
  test.each([
    ['none', reload('@@{}'), 'spec.reload: expected exactly one of: exec, http, self'],
    [
      'two',
      reload('@@{ self: {}, http: { port: 80, path: /r } }'),
      'spec.reload: expected exactly one of: exec, http, self',
    ],
    ['an unknown kind', reload('{ @@grpc: { port: 80 } }'), 'spec.reload.grpc: unknown key'],
    ['self with something in it', reload('{ self: { @@within: 5s } }'), 'spec.reload.self.within: unknown key'],
    ['self without braces', reload('{ self: @@yes }'), 'spec.reload.self: expected {}: the engine watches'],
    [
      'a port that is none',
      reload('{ http: { port: @@0, path: /r } }'),
      'spec.reload.http.port: expected a port from 1 to 65535, or the name of a port of the pod such as http',
    ],
    ['a port in quotes', reload('{ http: { port: @@"80", path: /r } }'), 'spec.reload.http.port: expected a port'],
    ['no path', reload('{ @@http: { port: 80 } }'), 'spec.reload.http.path: is missing'],
    [
      'a path that is none',
      reload('{ http: { port: 80, path: @@r } }'),
      'spec.reload.http.path: expected an absolute path',
    ],
    [
      'an unknown method',
      http('method: @@post'),
      'spec.reload.http.method: expected one of POST, PUT, PATCH, DELETE, GET',
    ],
    ['a GET with a body', http('method: GET, body: @@x'), 'spec.reload.http.body: a GET request has no body'],
    ['a body that is no text', http('body: @@{ a: 1 }'), 'spec.reload.http.body: expected text'],
    [
      'a status that is none',
      http('expectStatus: @@99'),
      'spec.reload.http.expectStatus: expected an HTTP status from 200 to 599',
    ],
    ['an expected body that is no text', http('expect: @@1'), 'spec.reload.http.expect: expected text'],
    ['a timeout of nothing', http('timeout: @@0s'), 'spec.reload.http.timeout: expected a time longer than 0s'],
    [
      'a secret in a header',
      http('headers: { Authorization: @@Bearer }'),
      'spec.reload.http.headers.Authorization: Authorization may hold a secret',
    ],
    [
      "a secret in a header of one's own",
      http('headers: { X-Game-Token: @@t }'),
      'spec.reload.http.headers.X-Game-Token: X-Game-Token may hold a secret',
    ],
    [
      'a header of the connection',
      http('headers: { Host: @@h }'),
      'spec.reload.http.headers.Host: Host belongs to the connection',
    ],
    [
      'a header name that is none',
      http('headers: { "a b": @@c }'),
      'spec.reload.http.headers.a b: expected the name of an HTTP header',
    ],
    [
      'a header with a line end',
      http('headers: { a: @@"b\\r\\nc: d" }'),
      'spec.reload.http.headers.a: expected printable ASCII',
    ],
    [
      'a number for a header',
      http('headers: { a: @@1 }'),
      'spec.reload.http.headers.a: expected text; put numbers in quotes',
    ],
    ['headers as a list', http('headers: @@[a]'), 'spec.reload.http.headers: expected names and values'],
    ['an unknown key', http('@@retries: 3'), 'spec.reload.http.retries: unknown key'],
  ])('%s', (_what, marked, beginning) => expectComplaint(marked, beginning));
});

describe('what is wrong with a content check or a proof is said with file, line and column', () => {
  const proof = (kinds: string): string => file({ proof: `proof: { ${kinds} }` });
  const other = (kinds: string): string => file({ more: `content: { ${kinds} }` });
  test.each([
    [
      'a content check that can be no proof',
      proof('@@checksums: { container: a, manifest: /m }'),
      'spec.proof.checksums: unknown key',
    ],
    [
      'a proof that is no content check',
      other('@@log: { container: a, line: "{{version}}" }'),
      'spec.content.log: unknown key',
    ],
    [
      'a manifest that is missing',
      other('@@checksums: { container: app }'),
      'spec.content.checksums.manifest: is missing',
    ],
    [
      'a manifest without a full path',
      content('container: app, manifest: @@SUMS'),
      'spec.content.checksums.manifest: expected an absolute path',
    ],
    [
      'a directory without a full path',
      content('container: app, manifest: /S, directory: @@js'),
      'spec.content.checksums.directory: expected an absolute path',
    ],
    [
      'a container that is none',
      content('container: @@App, manifest: /S'),
      'spec.content.checksums.container: expected a Kubernetes name',
    ],
    [
      'a manifest container that is none',
      content('container: app, manifest: /S, manifestContainer: @@""'),
      'spec.content.checksums.manifestContainer: expected a Kubernetes name',
    ],
    [
      'a time that is none',
      content('container: app, manifest: /S, within: @@5'),
      'spec.content.checksums.within: expected a duration',
    ],
    [
      'a timeout of nothing',
      content('container: app, manifest: /S, timeout: @@0s'),
      'spec.content.checksums.timeout: expected a time longer than 0s',
    ],
    [
      'an expected file content that is no text',
      other('file: { container: a, path: /p, expect: @@2 }'),
      'spec.content.file.expect: expected text',
    ],
    [
      'a line without the version',
      log('container: app, line: @@loaded'),
      'spec.proof.log.line: expected {{version}} in it',
    ],
    [
      'a line with a typing error',
      log('container: app, line: @@"{{verison}} {{version}}"'),
      'spec.proof.log.line: {{verison}} is not known here: {{version}}, {{server}}',
    ],
    [
      'more than a line',
      log('container: app, line: @@"a\\n{{version}}"'),
      'spec.proof.log.line: expected a part of one line',
    ],
    ['no line', log('container: app, line: @@""'), 'spec.proof.log.line: expected some text'],
    ['a log of no container', proof('@@log: { line: "{{version}}" }'), 'spec.proof.log.container: is missing'],
    [
      'a log that is never read',
      log('container: app, line: "{{version}}", timeout: @@0s'),
      'spec.proof.log.timeout: expected a time longer than 0s',
    ],
    [
      'a log for a time that is none',
      log('container: app, line: "{{version}}", within: @@soon'),
      'spec.proof.log.within: expected a duration',
    ],
    [
      'a service quality without a name',
      proof('@@serviceQuality: { within: 5s }'),
      'spec.proof.serviceQuality.name: is missing',
    ],
    [
      'a service quality of a strange name',
      proof('serviceQuality: { name: @@a/b }'),
      'spec.proof.serviceQuality.name: expected the name of a service quality',
    ],
    [
      'an expected result that is no text',
      proof('serviceQuality: { name: a, expect: @@[v] }'),
      'spec.proof.serviceQuality.expect: expected text',
    ],
    [
      'a mode where nothing is observed',
      proof('http: { port: 80, path: /v }, @@mode: observe'),
      'spec.proof.mode: unknown key',
    ],
  ])('%s', (_what, marked, beginning) => expectComplaint(marked, beginning));
});

describe('a port that each server has for itself', () => {
  test('is said by an annotation or by the network status', () => {
    const spec = specOf(
      file({
        proof: 'proof: { http: { port: { annotation: acme.test/admin-port }, path: /version } }',
        more: 'health: [ { tcp: { port: { network: engine } } } ]',
      }),
    );
    expect(spec.proof.http?.port).toEqual({ annotation: 'acme.test/admin-port' });
    expect(spec.health[0]?.tcp?.port).toEqual({ network: 'engine' });
    expect(describeProbe(spec.proof)).toBe('http :[annotation acme.test/admin-port]/version');
    expect(describeProbe(spec.health[0]!)).toBe('tcp :[network engine]');
  });

  test.each([
    '{ annotation: "a b" }',
    '{ network: "" }',
    '{ env: PORT }',
    '{ annotation: a, network: b }',
    '[80]',
    'null',
  ])('and is complained about as %s', (port) => {
    expect(complaint(file({ proof: `proof: { http: { port: ${port}, path: / } }` }))).toMatch(
      /^r\.yaml:8:\d+: spec\.proof\.http\.port/,
    );
  });
});

describe('https', () => {
  const CA = '"-----BEGIN CERTIFICATE-----\\nQUJD\\n-----END CERTIFICATE-----\\n"';
  const asked = (fields: string): string =>
    file({ proof: `proof: { http: { port: 8443, path: /version, https: { ${fields} } } }` });

  test('is said with an authority, a name or neither, for proof, reload and health alike', () => {
    const https = `https: { ca: ${CA}, serverName: "{{server}}.duel.{{namespace}}.svc" }`;
    const spec = specOf(
      file({
        reload: `reload: { http: { port: 8443, path: /r, ${https} } }`,
        proof: `proof: { http: { port: 8443, path: /version, ${https} } }`,
        more: 'health: [ { http: { port: 8443, path: /ok, https: { verify: none } } }, { http: { port: 1, path: /, https: {} } } ]',
      }),
    );
    const given = {
      ca: '-----BEGIN CERTIFICATE-----\nQUJD\n-----END CERTIFICATE-----\n',
      serverName: '{{server}}.duel.{{namespace}}.svc',
    };
    expect([spec.reload.http?.https, spec.proof.http?.https]).toEqual([given, given]);
    expect(spec.health.map(({ http }) => http?.https)).toEqual([{ verify: 'none' }, {}]);
  });

  test.each([
    [
      'verify: @@false',
      'spec.proof.http.https.verify: expected none, or leave it out: certificates are verified by default',
    ],
    ['ca: @@/etc/ssl/ca.pem', 'spec.proof.http.https.ca: expected certificates as PEM text'],
    ['ca: @@"-----BEGIN PRIVATE KEY-----\\nQUJD\\n-----END PRIVATE KEY-----"', 'spec.proof.http.https.ca: '],
    ['serverName: @@"https://engine"', 'spec.proof.http.https.serverName: expected a host name'],
    ['serverName: @@"{{version}}.test"', 'spec.proof.http.https.serverName: expected a host name'],
    ['@@insecureSkipVerify: true', 'spec.proof.http.https.insecureSkipVerify: unknown key'],
  ])('is complained about: %s', (fields, beginning) => expectComplaint(asked(fields), beginning));

  test('is either verified or not', () => {
    expect(complaint(asked(`ca: ${CA}, verify: none`))).toContain(
      'spec.proof.http.https: expected either verify: none, or ca and serverName, which are what is verified',
    );
  });
});

describe('what is wrong with a health check is said with file, line and column', () => {
  const kinds = 'http, exec, tcp, conditions, serviceQuality, prometheus';
  test.each([
    ['none', file({ more: 'health: [ @@{} ]' }), `spec.health[0]: expected exactly one of: ${kinds}`],
    [
      'only a mode',
      file({ more: 'health: [ @@{ mode: judge } ]' }),
      `spec.health[0]: expected exactly one of: ${kinds}`,
    ],
    ['no list', file({ more: 'health: @@{ tcp: { port: 1 } }' }), 'spec.health: expected a list'],
    ['an unknown mode', health('tcp: { port: 1 }, mode: @@warn'), 'spec.health[0].mode: expected judge or observe'],
    ['no condition', health('conditions: @@[]'), 'spec.health[0].conditions: expected at least one pod condition'],
    [
      'one condition without a list',
      health('conditions: @@Ready'),
      'spec.health[0].conditions: expected a list of pod conditions',
    ],
    [
      'a condition that is none',
      health('conditions: [Ready, @@"a b"]'),
      'spec.health[0].conditions[1]: expected the type of a pod condition',
    ],
    [
      'a tcp port that is too large',
      health('tcp: { port: @@70000 }'),
      'spec.health[0].tcp.port: expected a port from 1 to 65535, or the name of a port of the pod such as http',
    ],
    ['a tcp path', health('tcp: { port: 1, @@path: / }'), 'spec.health[0].tcp.path: unknown key'],
    [
      'a tcp timeout of nothing',
      health('tcp: { port: 1, timeout: @@0s }'),
      'spec.health[0].tcp.timeout: expected a time longer than 0s',
    ],
    ['no bound', health('prometheus: @@{ query: up }'), 'spec.health[0].prometheus: expected max, min or both'],
    [
      'bounds that nothing meets',
      health('prometheus: @@{ query: up, max: 1, min: 2 }'),
      'spec.health[0].prometheus: expected min to be at most max',
    ],
    ['a bound that is no number', metric('query: up, max: @@1%'), 'spec.health[0].prometheus.max: expected a number'],
    ['a bound without an end', metric('query: up, min: @@.inf'), 'spec.health[0].prometheus.min: expected a number'],
    ['no query', health('@@prometheus: { max: 1 }'), 'spec.health[0].prometheus.query: is missing'],
    ['an empty query', metric('query: @@"", max: 1'), 'spec.health[0].prometheus.query: expected some text'],
    [
      'a typing error in a query',
      metric('query: @@"up{pod=~\'{{server}}\'}", max: 1'),
      'spec.health[0].prometheus.query: {{server}} is not known here: {{servers}}',
    ],
    [
      'a password in the url',
      metric('url: @@"http://u:p@prometheus", query: up, max: 1'),
      'spec.health[0].prometheus.url: no user or password may be in a release file',
    ],
    [
      'a url that is none',
      metric('url: @@prometheus, query: up, max: 1'),
      'spec.health[0].prometheus.url: expected the base address of a Prometheus API',
    ],
    [
      'a url with a query',
      metric('url: @@"http://p/?a=b", query: up, max: 1'),
      'spec.health[0].prometheus.url: expected the base address',
    ],
    [
      'a url of another kind',
      metric('url: @@"file:///etc/passwd", query: up, max: 1'),
      'spec.health[0].prometheus.url: expected the base address',
    ],
    [
      'a timeout of nothing',
      metric('query: up, max: 1, timeout: @@0s'),
      'spec.health[0].prometheus.timeout: expected a time longer than 0s',
    ],
    [
      'a time that is none',
      metric('query: up, max: 1, within: @@later'),
      'spec.health[0].prometheus.within: expected a duration',
    ],
  ])('%s', (_what, marked, beginning) => expectComplaint(marked, beginning));

  test('a password in the url is not repeated', () => {
    expect(complaint(metric('url: "http://u:hunter2@prometheus", query: up, max: 1'))).not.toContain('hunter2');
  });
});
