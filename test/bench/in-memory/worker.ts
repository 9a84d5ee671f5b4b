import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { ClusterHost } from './cluster-host.ts';
import type { ClusterCall, WorkerStart } from './messages.ts';

/** A worker in a process of its own whose cluster is in this one. */
export interface InMemoryWorker {
  readonly pid: number;
  /** Rejects when the process ends by itself. */
  readonly ended: Promise<never>;
  stop(): Promise<void>;
}

/** As the README advises: V8 takes the memory that it may have before it looks for what is free. */
const MEMORY = ['--max-old-space-size=1024', '--max-semi-space-size=4'];

/** Starts it, and resolves when it polls. */
export async function startInMemoryWorker(cluster: object, start: Omit<WorkerStart, 'kind'>): Promise<InMemoryWorker> {
  const program = fileURLToPath(new URL('worker-main.ts', import.meta.url));
  const child = fork(program, {
    // Undefined fields and numbers stay what they are.
    serialization: 'advanced',
    execArgv: ['--disable-warning=ExperimentalWarning', ...MEMORY],
    // Standard output is for the result alone.
    stdio: ['ignore', 2, 2, 'ipc'],
  });
  const host = new ClusterHost(cluster, (answer) => {
    if (child.connected) child.send(answer);
  });
  const ready = Promise.withResolvers<undefined>();
  const ended = once(child, 'exit').then(([code, signal]) => {
    throw new Error(`the worker ended: ${String(code ?? signal)}`);
  });
  ended.catch(() => undefined);
  child.on('message', (message: ClusterCall | { readonly kind: 'ready' }) => {
    if (message.kind === 'ready') ready.resolve(undefined);
    else host.take(message);
  });
  child.send({ kind: 'start', ...start } satisfies WorkerStart);
  await Promise.race([ready.promise, ended]);
  return {
    pid: child.pid!,
    ended,
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const gone = once(child, 'exit');
      child.kill('SIGTERM');
      await gone;
    },
  };
}
