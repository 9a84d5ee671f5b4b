import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, test, vi } from 'vitest';
import { main } from '../../client/main.ts';
import { recordedIo } from './support.ts';
import type { RecordedIo } from './support.ts';

async function run(
  argv: readonly string[],
  io: RecordedIo = recordedIo(),
): Promise<{ code: number; out: string; err: string }> {
  const code = await main(argv, io, { runWorker: () => Promise.resolve(0) });
  await new Promise(setImmediate);
  return { code, ...io.written };
}

// The first test that runs a verb loads it and its libraries, which takes seconds on a busy machine.
vi.setConfig({ testTimeout: 30_000 });

/** Nothing listens there: whoever asks it ends with exit code 7. */
const NO_TEMPORAL = '127.0.0.1:1';

const VERBS = [
  ...['plan', 'start', 'schema', 'status', 'watch', 'list', 'versions', 'verify', 'guard'],
  ...['approve', 'reject', 'pause', 'resume', 'rollback', 'cancel', 'doctor', 'setup', 'worker'],
];

describe('help', () => {
  test('lists every verb and every exit code', async () => {
    const { code, out } = await run(['--help']);
    expect(code).toBe(0);
    for (const verb of VERBS) expect(out).toMatch(new RegExp(`^  ${verb}[ |]`, 'm'));
    expect(out).toMatch(/^ +64 {2}wrong usage/m);
  });

  test('is also what hotwave help prints', async () => {
    expect((await run(['help'])).out).toBe((await run(['--help'])).out);
    expect((await run(['help', 'plan'])).out).toBe((await run(['plan', '--help'])).out);
  });

  test.each(VERBS)('of %s ends with examples and exit codes, in 80 columns', async (verb) => {
    const { code, out } = await run([verb, '--help']);
    expect(code).toBe(0);
    expect(out).toMatch(new RegExp(`Examples:\n  hotwave ${verb}[^]*Exit codes:\n +\\d+  `));
    for (const line of out.split('\n')) expect(line.length).toBeLessThanOrEqual(80);
  });

  test('is shown, as an error, when no verb is given', async () => {
    const { code, out, err } = await run([]);
    expect(code).toBe(64);
    expect(out).toBe('');
    expect(err).toContain('Usage: hotwave <verb>');
  });
});

describe('wrong usage is one sentence and exit code 64', () => {
  test.each([
    [['stauts', 'x'], "hotwave: unknown command 'stauts' (Did you mean status?)"],
    [['status', 'x', '--clutser', 'y'], "hotwave: unknown option '--clutser' (Did you mean --cluster?)"],
    [['status'], "hotwave: missing required argument 'set'"],
    [['watch', 'x', '--until', 'noon'], 'hotwave: --until "noon": expected gate or done'],
    [['status', 'x', '-o', 'html'], 'hotwave: --output "html": expected text, wide, json, jsonl, yaml or name'],
    [['help', 'stauts'], "hotwave: unknown command 'stauts' (Did you mean status?)"],
    [['help', 'foo'], "hotwave: unknown command 'foo'"],
    [['watch', 'x', '--timeout', 'soon'], /--timeout "soon": expected a duration such as 90s/],
    [['cancel', 'x'], /say what becomes of the servers: cancel --then hold, or cancel --then rollback/],
    [['approve', 'x'], /say which wave: approve --wave N/],
    [['approve', 'x', '--wave', 'two'], /--wave "two": expected the number of a wave/],
    [['reject', 'x', '--wave', '2'], 'hotwave: say why: reject --reason "..."'],
    [['override-freeze', 'x'], 'hotwave: say why: override-freeze --reason "..."'],
    [['skip', 'x', '--server', 'x-1'], 'hotwave: say why: skip --reason "..."'],
    [['skip', 'x', '--reason', 'y'], 'hotwave: say what: skip --server NAME, or skip --wave N'],
    [['skip', 'x', '--reason', 'y', '--server', 'x-1', '--wave', '2'], 'hotwave: say what: skip --server NAME, or'],
    [['resume', 'x', '--wins', 'both'], '--wins "both": expected release or edit'],
    [['rollback', 'x', '--scope', 'some'], '--scope "some": expected release, wave or failed'],
    [['rollback', 'x', '--order', 'sideways'], '--order "sideways": expected all or reverse'],
    [['unhalt', '--only', 'a/b', '--only', 'a/c'], 'hotwave: --only is given twice'],
    [['rollback', 'x', '--to', ' '], '--to "": expected a version or an image'],
    [['pause', 'x', '--actor', ''], '--actor: expected some text'],
    [['pause', 'x', '--reason', 'y'.repeat(1_001)], '--reason: expected at most 1000 characters'],
    [['skip', 'x', '--reason', 'y', '--server', 'X_1'], /--server: /],
    [['rollback', 'x', '--id', ''], '--id: expected some text'],
    [['halt', '--reason', 'x', '--for', '30d'], '--for "30d": expected a time such as 12h, at most 7d'],
    [['start', 'x.yaml', '--supersede-timeout', 'never'], /--supersede-timeout/],
    [['start', 'x.yaml', '--takeover', ' '], 'say why you know that the other release is dead: --takeover "..."'],
    [['status', 'A B'], /"A B" names no GameServerSet/],
    [['versions', 'a/b/c'], /"a\/b\/c" names no GameServerSet/],
    [['versions', 'duel', '-f', 'missing.yaml'], /missing\.yaml: there is no such file/],
    [['verify', 'duel', '--version', 'a b'], /--version "a b": expected letters, digits/],
    [['list', '--limit', '0'], /--limit "0": expected a whole number/],
    [['plan', 'missing.yaml'], /missing\.yaml: there is no such file/],
    [['list', '--address', 'temporal'], '--address "temporal": expected HOST:PORT such as 127.0.0.1:7233'],
    [['start', 'x.yaml', '--timeout', '5m'], '--until and --timeout say how long to wait: give --wait with them'],
    [['start', 'x.yaml', '--during-freeze', ' '], '--during-freeze: expected a reason of at most 1000 characters'],
    [['start', 'x.yaml', '--until', 'gate'], '--until and --timeout say how long to wait: give --wait with them'],
  ])('%j', async (argv, sentence) => {
    const { code, out, err } = await run(argv);
    expect(code).toBe(64);
    expect(out).toBe('');
    expect(err.split('\n')[0]).toMatch(sentence);
    expect(err).not.toMatch(/^\s+at /m);
  });
});

describe('settings', () => {
  test('with line breaks at their ends work, in variables as in flags', async () => {
    const io = recordedIo({ env: { TEMPORAL_ADDRESS: `${NO_TEMPORAL}\n`, TEMPORAL_NAMESPACE: '' } });
    expect(await run(['list', '--profile', ' '], io)).toMatchObject({ code: 7, out: '' });
    expect(io.written.err).toMatch(/^hotwave: Temporal at 127\.0\.0\.1:1 does not answer/);
  });

  test.each([
    [{ HOTWAVE_CALENDER: 'x' }, 'hotwave: HOTWAVE_CALENDER is no setting of hotwave (did you mean HOTWAVE_CALENDAR?)'],
    [{ TEMPORAL_API_KEY: "'hunter2'" }, 'hotwave: TEMPORAL_API_KEY is in quotes: leave them out'],
    [{ TEMPORAL_ADDRESS: 'temporal' }, 'hotwave: TEMPORAL_ADDRESS "temporal": expected HOST:PORT such as'],
    [{ HOTWAVE_CLUSTER: 'Eu' }, 'hotwave: HOTWAVE_CLUSTER "Eu": expected lower-case letters, digits'],
  ])('that cannot work are one sentence and exit code 64, and help goes on: %j', async (env, sentence) => {
    const { code, out, err } = await run(['status', 'arena/duel'], recordedIo({ env }));
    expect({ code, out, lines: err.trim().split('\n').length }).toEqual({ code: 64, out: '', lines: 1 });
    expect(err).toContain(sentence);
    expect(err).not.toContain('hunter2');
    expect((await run(['--help'], recordedIo({ env }))).code).toBe(0);
  });
});

describe('flags that contradict each other are refused before Temporal is asked', () => {
  const [ON_THE_SET, TOLD] = ['is for a rollback while no release runs', 'for one that a running release is told'];
  const mixed = (first: string, second: string): string =>
    `hotwave: ${first} ${ON_THE_SET}, ${second} ${TOLD}: leave one of them out`;

  test.each([
    [['rollback', 'x', '--to', 'stable', '--image', 'r/s:1.0'], '--to stable says by itself which image it is'],
    [['rollback', 'x', '--to', '1.0', '--scope', 'wave'], mixed('--to', '--scope')],
    [['rollback', 'x', '--image', 'r/s:1.0', '--order', 'all'], mixed('--image', '--order')],
    [['rollback', 'x', '--to', '1.0', '--signal'], mixed('--to', '--signal')],
    [['rollback', 'x', '--to', '1.0', '--id', 'job-7'], mixed('--to', '--id')],
    [['rollback', 'x', '-f', 'r.yaml', '--scope', 'failed'], mixed('--file', '--scope')],
    [['rollback', 'x', '--from-cluster', '--reason', 'y', '--scope', 'wave'], mixed('--from-cluster', '--scope')],
    [['rollback', 'x', '--from-cluster', '--reason', 'y', '--signal'], mixed('--from-cluster', '--signal')],
    [
      ['rollback', 'x', '--scope', 'wave', '--order', 'reverse'],
      '--order reverse is for a whole release, --scope wave for a part of one: leave one of them out',
    ],
    [
      ['rollback', 'hotwave/eu/arena/duel', '--cluster', 'us'],
      '"hotwave/eu/arena/duel" is in cluster eu, --cluster says us',
    ],
    [
      ['status', 'hotwave/eu/arena/duel', '--cluster', 'us'],
      '"hotwave/eu/arena/duel" is in cluster eu, --cluster says us',
    ],
    [
      ['unhalt', '--only', 'arena/duel', '-n', 'lobby'],
      '--only arena/duel is in namespace arena, --namespace says lobby',
    ],
    [
      ['guard', 'x', '--reason', 'y'],
      '--reason, --actor and --sign are about ending the monitor: give --stop with them',
    ],
    [
      ['guard', 'x', '--actor', 'ann'],
      '--reason, --actor and --sign are about ending the monitor: give --stop with them',
    ],
    [['guard', 'x', '--sign'], '--reason, --actor and --sign are about ending the monitor: give --stop with them'],
  ])('%j', async (argv, sentence) => {
    const { code, out, err } = await run([...argv, '--address', NO_TEMPORAL]);
    expect({ code, out }).toEqual({ code: 64, out: '' });
    expect(err.split('\n')[0]).toContain(sentence);
  });

  test('and no others are', async () => {
    const consistent = [
      ['rollback', 'x', '--to', '1.0', '--image', 'r/s:1.0'],
      ['rollback', 'x', '--scope', 'wave', '--order', 'all'],
      ['rollback', 'x', '--scope', 'release', '--order', 'reverse'],
      ['status', 'hotwave/eu/arena/duel', '--cluster', 'eu'],
      ['unhalt', '--only', 'arena/duel', '-n', 'arena'],
      ['guard', 'x', '--stop', '--reason', 'y'],
    ];
    const codes = consistent.map(async (argv) => (await run([...argv, '--address', NO_TEMPORAL])).code);
    expect(await Promise.all(codes)).toEqual(consistent.map(() => 7));
  });
});

describe('a release file with mistakes', () => {
  const text = 'apiVersion: hotwave.dev/v1\nkind: Release\nmetadata: { name: X }\nspec:\n  imagez: {}\n';

  test.each(['plan', 'start'])('%s names each with its place, before Temporal is asked', async (verb) => {
    const { code, out, err } = await run([verb, 'r.yaml'], recordedIo({ files: { 'r.yaml': text } }));
    expect(code).toBe(64);
    expect(out).toBe('');
    expect(err).toMatch(/^r\.yaml:3:19: metadata\.name: /m);
    expect(err).toMatch(/^r\.yaml:5:3: spec\.imagez: unknown key \(did you mean images\?\)$/m);
    expect(err).toMatch(/^hotwave: r\.yaml is no valid release file: \d+ mistakes$/m);
  });

  test('with more than ten shows ten, and says how many there are', async () => {
    const many = Array.from({ length: 12 }, (_, index) => `  k${index}: 1`).join('\n');
    const { err } = await run(['plan', 'r.yaml'], recordedIo({ files: { 'r.yaml': `${text}${many}\n` } }));
    const said = err.split('\n');
    const count = Number(/: (\d+) mistakes$/m.exec(err)?.[1]);
    expect(said.filter((line) => line.startsWith('r.yaml:'))).toHaveLength(10);
    expect(said[10]).toBe(`and ${count - 10} more`);
    expect(count).toBeGreaterThan(12);
  });

  test('from the standard input is called stdin', async () => {
    const { err } = await run(['plan', '-'], recordedIo({ files: { '-': 'x' } }));
    expect(err).toMatch(/^stdin:1:1: /);
  });
});

describe('a release file without mistakes, and nobody who takes it', () => {
  const right = [
    'apiVersion: hotwave.dev/v1',
    'kind: Release',
    'metadata: { name: scripts-2-0 }',
    'spec:',
    '  target: { gameServerSet: duel }',
    '  images: { scripts: "registry.test/scripts:2.0" }',
    '  reload: { self: {} }',
    '  proof: { http: { port: 80, path: /version } }',
  ].join('\n');

  test.each(['plan', 'start'])('%s says so after the error', async (verb) => {
    const io = recordedIo({ files: { 'r.yaml': right } });
    const { code, out, err } = await run([verb, 'r.yaml', '--address', NO_TEMPORAL], io);
    expect({ code, out }).toEqual({ code: 7, out: '' });
    expect(err).toMatch(
      /^hotwave: Temporal at 127\.0\.0\.1:1 does not answer[^]*\n {2}r\.yaml itself has no mistakes\n$/,
    );
  });
});

describe('help marks what must be given', () => {
  test.each([
    ['approve', ['--wave'], ['--reason']],
    ['reject', ['--wave', '--reason'], []],
    ['skip', ['--server', '--wave', '--reason'], []],
    ['override-freeze', ['--reason'], ['--actor']],
    ['cancel', ['--then'], ['--reason']],
    ['halt', ['--reason'], ['--for']],
  ])('of %s', async (verb, demanded, others) => {
    const { out } = await run([verb, '--help']);
    const about = (flag: string): string =>
      new RegExp(`^ +${flag} [^]*?(?=^ +-|^$)`, 'm').exec(out)?.[0].replaceAll(/\s+/g, ' ') ?? '';
    for (const flag of demanded) expect(about(flag)).toMatch(/must be given/);
    for (const flag of others) expect(about(flag)).toMatch(new RegExp(`${flag} (?!.*must be given)`));
  });
});

test.each([
  ['ENOENT', 'there is no such file'],
  ['EISDIR', 'it is a folder, not a file'],
  ['EACCES', 'you may not read it'],
  ['EIO', 'it cannot be read (EIO)'],
])('a file that cannot be read because of %s is said in plain words', async (code, sentence) => {
  const readText = (): Promise<string> => Promise.reject(Object.assign(new Error(code), { code }));
  const { code: exit, err } = await run(['plan', 'r.yaml'], { ...recordedIo(), readText });
  expect({ exit, err }).toEqual({ exit: 64, err: `hotwave: r.yaml: ${sentence}\n` });
});

test("after a verb --version is the verb's: verify never prints hotwave's own version and exits 0", async () => {
  expect(await run(['--version'])).toMatchObject({ code: 0, out: expect.stringMatching(/^\d+\.\d+/) as string });
  const { code, out } = await run(['verify', 'duel', '--version', 'v2.0', '--address', '127.0.0.1:1']);
  expect({ code, out }).toEqual({ code: 7, out: '' });
});

test('schema prints a JSON Schema', async () => {
  const { code, out } = await run(['schema']);
  expect(code).toBe(0);
  expect(JSON.parse(out)).toMatchObject({ title: 'hotwave release', type: 'object' });
});

test('worker gets its flags as they were typed and decides about the exit code', async () => {
  const io = recordedIo();
  let given: object = {};
  const runWorker = (flags: object): Promise<number> => {
    given = flags;
    return Promise.resolve(7);
  };
  expect(await main(['worker', '--cluster', 'eu', '--http', 'off'], io, { runWorker })).toBe(7);
  expect(given).toEqual({ cluster: 'eu', http: 'off' });
});

test('help loads neither Temporal nor Kubernetes, because it must be instant', async () => {
  const hook = `import { registerHooks } from 'node:module';
    registerHooks({ resolve(name, context, next) { process.stderr.write(name + '\\n'); return next(name, context); } });`;
  const { stderr } = await promisify(execFile)(process.execPath, [
    '--disable-warning=ExperimentalWarning',
    `--import=data:text/javascript,${encodeURIComponent(hook)}`,
    fileURLToPath(new URL('../../bin/hotwave.ts', import.meta.url)),
    '--help',
  ]);
  expect(stderr).toContain('program.ts');
  expect(stderr).not.toMatch(/@temporalio|@kubernetes|zod/);
});

test('a full disk behind standard output is one sentence', async () => {
  const bin = fileURLToPath(new URL('../../bin/hotwave.ts', import.meta.url));
  const command = '"$0" --disable-warning=ExperimentalWarning "$1" --help > /dev/full';
  const run = promisify(execFile)('sh', ['-c', command, process.execPath, bin]);
  await expect(run).rejects.toMatchObject({
    code: 1,
    stderr:
      'hotwave: standard output cannot be written: ENOSPC: no space left on device, write; what was asked for may be done\n',
  });
});
