import { PassThrough } from 'node:stream';
import type { Asker } from '../../client/terminal/asker.ts';
import type { Io } from '../../client/terminal/io.ts';
import { initialState } from '../../release/progress/state.ts';
import type { Phase, ReleaseState, WaveProgress } from '../../release/progress/state.ts';

/** An Io that remembers what was written to it. */
export interface RecordedIo extends Io {
  readonly written: { readonly out: string; readonly err: string };
}

/** A terminal or a pipe in memory, with files that exist only by name. */
export function recordedIo(
  wishes: { tty?: boolean; env?: Io['env']; files?: Record<string, string>; asker?: Asker } = {},
): RecordedIo {
  const written = { out: '', err: '' };
  const stream = (name: keyof typeof written): Io['stdout'] => {
    const through = new PassThrough();
    through.on('data', (chunk: Buffer) => (written[name] += chunk.toString()));
    return Object.assign(through, { isTTY: wishes.tty ?? false, columns: 80, rows: 24 });
  };
  return {
    written,
    stdout: stream('out'),
    stderr: stream('err'),
    env: wishes.env ?? {},
    user: 'ann',
    now: () => NOW,
    readText: (path) => {
      const text = wishes.files?.[path];
      return text === undefined
        ? Promise.reject(Object.assign(new Error('no such file'), { code: 'ENOENT' }))
        : Promise.resolve(text);
    },
    writeText: (path, text, { overwrite }) => {
      const files = (wishes.files ??= {});
      if (files[path] !== undefined && !overwrite)
        return Promise.reject(Object.assign(new Error('file exists'), { code: 'EEXIST' }));
      files[path] = text;
      return Promise.resolve();
    },
    ...(wishes.asker ? { asker: wishes.asker } : {}),
    onInterrupt: () => () => undefined,
  };
}

/** The time in every test. */
export const NOW = Date.UTC(2026, 0, 2, 12, 0, 0);

/** Every phase, for tests that must hold in all of them. */
export const PHASES: readonly Phase[] = [
  'planning',
  'updating',
  'baking',
  'waiting-approval',
  'paused',
  'rolling-back',
  'done',
  'rolled-back',
  'failed',
  'cancelled',
  'refused',
];

/** A release at work on wave 2 of 4 that has seen some trouble; `change` says what a test is about. */
export function aReleaseState(change: Partial<ReleaseState> = {}): ReleaseState {
  const started = NOW - 600_000;
  const base = initialState(
    {
      release: 'scripts-2-0',
      cluster: 'default',
      set: { namespace: 'arena', name: 'duel' },
      strategy: 'rolling',
      requester: 'ann',
      image: 'registry.test/scripts:2.0',
      version: '2.0',
    },
    started,
  );
  return {
    ...base,
    previousVersion: '1.0',
    phase: 'updating',
    step: 'updates wave 2',
    wave: 2,
    waves: waves(4),
    wait: { for: 'waits for 50 servers to be Ready', owner: 'Kruise', since: NOW - 12_000, until: NOW + 288_000 },
    ...change,
  };
}

/** `count` waves of which the first is done and the second runs. */
export function waves(count: number): WaveProgress[] {
  return Array.from({ length: count }, (_, index) => ({
    number: index + 1,
    name: index === count - 1 ? 'rest' : `${index + 1}%`,
    size: 50,
    status: index === 0 ? ('done' as const) : index === 1 ? ('running' as const) : ('pending' as const),
    ready: index === 0 ? 50 : 12,
    proven: index === 0 ? 50 : 10,
    failed: 0,
    ...(index < 2 ? { startedAt: NOW - 60_000 } : {}),
    ...(index === 0 ? { endedAt: NOW - 50_000 } : {}),
  }));
}
