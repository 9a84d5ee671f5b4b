import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, inject } from 'vitest';
import { releaseFileSchema } from '../../release/spec/spec.ts';
import { releaseText } from '../support/a-release.ts';
import { emptyStage, test } from '../support/stage.ts';
import type { Stage } from '../support/stage.ts';
import type { StartedRelease } from '../support/hotwave.ts';
import { ordinalOf } from '../../release/fleet/identity.ts';
import { Terminals } from './pane.ts';
import type { Pane, Picture, Size } from './pane.ts';

// node scripts/run.mjs test/terminal/main.ts: what people see of releases of 3, 200 and 10,000 servers on terminals of three
// sizes, from the real CLI, real workflows and a cluster in memory. Writes docs/terminal/*.txt and docs/terminal.md.

const SIZES: readonly Size[] = [
  { columns: 80, rows: 24 },
  { columns: 200, rows: 50 },
  { columns: 40, rows: 20 },
];
const FLEETS = [
  { name: 'duel', servers: 3, waves: [1, 'rest'] as readonly (number | string)[] },
  { name: 'raid', servers: 200, waves: [1, '10%', '25%', 'rest'] },
  { name: 'world', servers: 10_000, waves: [1, '1%', '5%', '25%', '50%', 'rest'] },
].filter(({ servers }) => servers <= Number(process.env['HOTWAVE_SERVERS'] ?? Infinity));

const folder = 'docs/terminal';
const nameOf = ({ columns, rows }: Size): string => `${columns}x${rows}`;

test('the views as people see them', async ({ connections }) => {
  const isStale = (server: string, image: string): boolean => image.endsWith(':3.0') && ordinalOf(server) % 3 === 0;
  const stage = emptyStage(
    connections,
    {
      sets: FLEETS.map(({ name, servers: replicas }) => ({
        ref: { namespace: 'arena', name },
        replicas,
        engine: { loadMs: (server) => 500 + (ordinalOf(server) % 7) * 600 },
      })),
      timings: { swapMs: (server) => 500 + (ordinalOf(server) % 5) * 800 },
      failures: (server, image) => (isStale(server, image) ? 'stale' : undefined),
    },
    undefined,
    undefined,
    'default',
  );
  const worker = await stage.startWorker();
  await stage.workerIsKnown();
  const terminals = new Terminals({
    TEMPORAL_ADDRESS: inject('temporalAddress'),
    TEMPORAL_CONFIG_FILE: '/dev/null',
    USER: 'ann',
    HOME: tmpdir(),
  });
  const files = await mkdtemp(join(tmpdir(), 'hotwave-terminal-'));
  try {
    await rm(folder, { recursive: true, force: true });
    await mkdir(folder, { recursive: true });
    for (const fleet of FLEETS) await new Recording({ stage, terminals, files, fleet }).play();
    await writeFile(`${folder}.md`, page());
  } finally {
    await terminals.close();
    await worker.shutDown();
    await rm(files, { recursive: true });
  }
});

interface Scene {
  readonly stage: Stage;
  readonly terminals: Terminals;
  readonly files: string;
  readonly fleet: (typeof FLEETS)[number];
}

const VIEWS = [
  ['plan', 'before anything is changed'],
  ['watch-moving', 'a wave moves'],
  ['watch-gate', 'at a gate'],
  ['status', 'at a gate'],
  ['explain', 'at a gate'],
  ['versions', 'at a gate: the waves to come are no trouble'],
  ['versions-wide', 'at a gate, a row for each server'],
  ['list', 'with a release at its gate'],
  ['watch-failing', 'a proof fails'],
  ['watch-paused', 'the failed proof has paused it; the last frame stays'],
  ['history', 'of two releases'],
] as const;
type View = (typeof VIEWS)[number][0];

/** One fleet, from the plan of a good release to the pause of a bad one. */
class Recording {
  readonly #scene: Scene;

  constructor(scene: Scene) {
    this.#scene = scene;
  }

  async play(): Promise<void> {
    const { name } = this.#scene.fleet;
    const set = `arena/${name}`;
    const good = this.#document('2.0', { gates: [{ before: 2 }] });
    const file = join(this.#scene.files, `${name}.json`);
    await writeFile(file, good);
    await this.#printed('plan', ['plan', file]);
    const release = await this.#start(good);
    await release.until('the gate', ({ phase }) => phase === 'waiting-approval', 300_000);
    await this.#watched('watch-gate', /waits for 1 approval/);
    await this.#printed('status', ['status', set]);
    await this.#printed('explain', ['explain', set]);
    await this.#printed('versions', ['versions', set]);
    if (this.#scene.fleet.servers <= 200) await this.#printed('versions-wide', ['versions', set, '-o', 'wide']);
    await this.#printed('list', ['list']);
    await release.decide({ verb: 'approve', wave: 2, actor: 'bob' });
    await this.#watched('watch-moving', /waits for \d+ servers? to be Ready|engines? reload|so far/);
    await release.until('the end', ({ phase }) => phase === 'done', 300_000);
    await release.result();
    const bad = await this.#start(this.#document('3.0', {}));
    await this.#watched('watch-failing', /not yet/);
    await bad.until('the pause', ({ phase }) => phase === 'paused', 300_000);
    await this.#watched('watch-paused', /paused/);
    await this.#printed('history', ['history', set]);
    await bad.decide({ verb: 'cancel', then: 'hold', actor: 'ann' });
    await bad.result();
  }

  #document(tag: string, more: object): string {
    const { name, waves } = this.#scene.fleet;
    return releaseText({
      name: `scripts-${tag.replace('.', '-')}`,
      image: `registry.test/scripts:${tag}`,
      target: { namespace: 'arena', gameServerSet: name },
      waves,
      ready: { timeout: '5m' },
      proof: { http: { port: 8080, path: '/version', within: '15s' } },
      onFailure: { then: 'pause' },
      concurrency: { total: 200, perNode: 50 },
      ...more,
    });
  }

  #start(document: string): Promise<StartedRelease> {
    return this.#scene.stage.start(releaseFileSchema.parse(JSON.parse(document)), 'ann');
  }

  /** A command that ends by itself, on each size, and in a pipe, where it writes no escape code. */
  async #printed(view: View, args: readonly string[]): Promise<void> {
    for (const size of SIZES) {
      const pane = await this.#scene.terminals.run(args, size);
      await pane.ends();
      await this.#keep(view, args, size, await pane.picture());
    }
    const { out, err } = await this.#scene.terminals.piped(args);
    expect(`${out}${err}`).not.toContain('\u001b');
  }

  /** A watch on each size at the same time, until it shows something; then Ctrl-C, after which the last frame stays. */
  async #watched(view: View, shown: RegExp): Promise<void> {
    const args = ['watch', `arena/${this.#scene.fleet.name}`];
    const panes: Pane[] = [];
    for (const size of SIZES) panes.push(await this.#scene.terminals.run(args, size));
    await Promise.all(panes.map((pane) => pane.shows(shown)));
    await Promise.all(
      panes.map(async (pane) => {
        await pane.interrupt();
        await pane.ends();
      }),
    );
    for (const [index, size] of SIZES.entries()) {
      const picture = await panes[index]!.picture();
      expect(picture.lines.length).toBeLessThanOrEqual(size.rows + 3);
      await this.#keep(view, args, size, picture);
    }
  }

  async #keep(view: View, args: readonly string[], size: Size, { lines, broken }: Picture): Promise<void> {
    const { servers } = this.#scene.fleet;
    const words = args.map((word) => word.replace(this.#scene.files, '.')).join(' ');
    expect({ view, servers, size: nameOf(size), broken, lines }).toMatchObject({ broken: 0 });
    expect(lines.join('')).not.toBe('');
    await writeFile(`${folder}/${view}-${servers}-${nameOf(size)}.txt`, `$ hotwave ${words}\n${lines.join('\n')}\n`);
  }
}

function page(): string {
  const head = `| view | | servers | ${SIZES.map(nameOf).join(' | ')} |\n| --- | --- | --- | ${SIZES.map(() => '---').join(' | ')} |`;
  const rows = VIEWS.flatMap(([view, what]) =>
    FLEETS.filter(({ servers }) => view !== 'versions-wide' || servers <= 200).map(({ servers }) => {
      const links = SIZES.map((size) => `[${nameOf(size)}](terminal/${view}-${servers}-${nameOf(size)}.txt)`);
      return `| ${view} | ${what} | ${servers.toLocaleString('en')} | ${links.join(' | ')} |`;
    }),
  );
  return `# The terminal, as people see it

Made by \`node scripts/run.mjs test/terminal/main.ts\`: the real command in real terminals (tmux), real workflows, and a
cluster in memory. No line was broken by a terminal, and in a pipe no command wrote an escape code: the recording
demands both. A watch was ended by Ctrl-C, which touches no release: what is shown is the last frame, which stays.

${head}
${rows.join('\n')}
`;
}
