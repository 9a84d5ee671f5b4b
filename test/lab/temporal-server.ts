import { execa } from 'execa';
import type { Ports } from './ports.ts';
import type { Supervisor } from './process.ts';

/** How hotwave indexes its workflows (docs: worker installation); a real server needs the same. */
const searchAttributes = [
  'HotwaveSet=Keyword',
  'HotwaveCluster=Keyword',
  'HotwaveRelease=Keyword',
  'HotwaveVersion=Keyword',
  'HotwavePhase=Keyword',
  'HotwaveRequester=Keyword',
  'HotwaveWave=Int',
] as const;

/** Where a Temporal server starts, and whether it remembers. */
export interface TemporalOptions {
  readonly supervisor: Supervisor;
  readonly ports: Ports;
  /** The Temporal CLI. */
  readonly program: string;
  /** A SQLite file that outlives the server; in memory when left out. */
  readonly databaseFile?: string;
  /** Settings of the server as KEY=VALUE, such as `activity.enableStandalone=false`. Default none. */
  readonly settings?: readonly string[];
}

/** A running Temporal server. */
export interface TemporalServer {
  /** host:port of the frontend. */
  readonly address: string;
  /** The web UI. */
  readonly uiUrl: string;
  /** Resolves when the server, such as one that was started again, serves. */
  waitReady(): Promise<void>;
  stop(): Promise<void>;
}

/**
 * Starts a Temporal development server with its web UI on 127.0.0.1, in namespace `default`, with the search
 * attributes of hotwave, as program `temporal` of the supervisor.
 * @throws Error with the end of its log when it does not serve within 60 s (it takes 3 s on a quiet machine)
 */
export async function startTemporal(options: TemporalOptions): Promise<TemporalServer> {
  const { supervisor, ports, program } = options;
  const [port, httpPort, metricsPort, uiPort] = [
    await ports.take(),
    await ports.take(),
    await ports.take(),
    await ports.take(),
  ];
  const address = `127.0.0.1:${port}`;
  await supervisor.start({
    name: 'temporal',
    command: program,
    args: [
      ...['server', 'start-dev', '--ip', '127.0.0.1', '--ui-ip', '127.0.0.1', '--log-level', 'warn'],
      ...['--port', String(port), '--http-port', String(httpPort)],
      ...['--metrics-port', String(metricsPort), '--ui-port', String(uiPort)],
      ...searchAttributes.flatMap((attribute) => ['--search-attribute', attribute]),
      ...(options.settings ?? []).flatMap((setting) => ['--dynamic-config-value', setting]),
      ...(options.databaseFile === undefined ? [] : ['--db-filename', options.databaseFile]),
    ],
  });
  const waitReady = (): Promise<void> => waitServing(supervisor, program, address);
  await waitReady();
  return { address, uiUrl: `http://127.0.0.1:${uiPort}`, waitReady, stop: () => supervisor.stop('temporal') };
}

async function waitServing(supervisor: Supervisor, program: string, address: string): Promise<void> {
  const probe = ['operator', 'cluster', 'health', '--address', address, '--command-timeout', '3s'];
  await supervisor.waitFor('temporal', { what: `Temporal to serve on ${address}`, deadlineMs: 60_000 }, async () => {
    const { failed, stdout } = await execa(program, probe, { reject: false });
    return !failed && stdout.includes('SERVING');
  });
}
