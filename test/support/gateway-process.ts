import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { until } from '../lab/until.ts';

const program = fileURLToPath(new URL('../../bin/hotwave.ts', import.meta.url));

/** `hotwave gateway` in a process of its own, as people run it. */
export interface GatewayProcess {
  /** `http://127.0.0.1:port` */
  readonly url: string;
  readonly pid: number;
  /** The JSON lines that it has written so far. */
  readonly log: () => string;
  /** Ends it as a deployment does. */
  stop(): Promise<{ readonly code: number | null; readonly milliseconds: number }>;
  /** Ends it as a lost machine does: nothing in it gets to run any more. */
  kill(): Promise<void>;
}

/** Secrets by the settings that name their files. */
export function secretFiles(secrets: Readonly<Record<string, string>>): Record<string, string> {
  const folder = mkdtempSync(join(tmpdir(), 'hotwave-gateway-'));
  return Object.fromEntries(
    Object.entries(secrets).map(([name, secret]) => {
      const path = join(folder, name);
      writeFileSync(path, `${secret}\n`, { mode: 0o600 });
      return [name, path];
    }),
  );
}

/**
 * Starts one, and resolves when it listens.
 * @param env its settings; without HOTWAVE_GATEWAY_HTTP it takes any port
 * @throws Error with what it wrote when it ends, or does not listen within a minute
 */
export async function startGatewayProcess(env: Readonly<Record<string, string>>): Promise<GatewayProcess> {
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', program, 'gateway'], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { PATH: process.env['PATH'], HOTWAVE_GATEWAY_HTTP: '127.0.0.1:0', ...env },
  });
  let written = '';
  child.stderr.on('data', (chunk: Buffer) => (written += chunk.toString()));
  const url = await until({ what: 'the gateway to listen', deadlineMs: 60_000, detail: () => written }, () => {
    if (child.exitCode !== null) throw new Error(`it ended with code ${child.exitCode}`);
    return /gateway at (http:[^ ,"]+)/.exec(written)?.[1];
  });
  return {
    url,
    pid: child.pid!,
    log: () => written,
    async stop() {
      const started = performance.now();
      const code = await end(child, 'SIGTERM');
      return { code, milliseconds: performance.now() - started };
    },
    async kill() {
      await end(child, 'SIGKILL');
    },
  };
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<number | null> {
  if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
  const gone = once(child, 'exit');
  child.kill(signal);
  const [code] = (await gone) as [number | null];
  return code;
}
