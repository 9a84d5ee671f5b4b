import type { FakeKubelet } from './fake-kubelet.ts';
import type { FakeServer } from './fake-server.ts';
import type {
  ExecOutcome,
  ExecRequest,
  HttpOutcome,
  HttpSendRequest,
  LogOutcome,
  LogRequest,
} from '../../activities/ports/probes.ts';

type Exited = Extract<ExecOutcome, { kind: 'exited' }>;

const exited = (code: number, stdout: string, stderr = ''): Exited => ({ kind: 'exited', code, stdout, stderr });

function reload(server: FakeServer, kubelet: FakeKubelet): Exited {
  const { files } = server.engine;
  const failure = failureOf(server, kubelet);
  if (failure === 'reloadfails') return exited(1, '', `cannot load ${files}\n`);
  if (failure !== 'stale') kubelet.reload(server);
  return exited(0, `reloaded ${files}\n`);
}

/** The part of an output that the adapter keeps. */
function firstBytes(output: string, mostBytes = 64 * 1024): Exited {
  if (output.length <= mostBytes) return exited(0, output);
  return { ...exited(0, output.slice(0, mostBytes)), truncated: true };
}

function failureOf(server: FakeServer, kubelet: FakeKubelet): ReturnType<FakeKubelet['failureOf']> {
  return server.containers
    .map(({ image }) => kubelet.failureOf(server, image))
    .find((candidate) => candidate !== undefined);
}

/**
 * The effect of a command in a simulated container: `cat PATH` prints the version of the files, `head -c N` N zeros, a
 * command with the word `reload` loads them, one with `files` or `version` prints what is there or loaded, `true` and
 * `false` end with 0 and 1; nothing else is in the image.
 */
export function runInContainer(server: FakeServer, kubelet: FakeKubelet, request: ExecRequest): ExecOutcome {
  const container = server.container(request.container);
  if (!container)
    return { kind: 'failed', message: `container ${request.container} is not valid for pod ${server.name}` };
  if (container.status.state !== 'running') return { kind: 'failed', message: 'container not found' };
  const [program = '', ...rest] = request.command;
  if (program === 'head') return firstBytes('\0'.repeat(Number(rest[1])), request.mostBytes);
  if (program === 'cat') return exited(0, `${server.engine.files}\n`);
  if (program === 'true' || program === 'false') return exited(program === 'true' ? 0 : 1, '');
  if (rest.includes('reload')) return reload(server, kubelet);
  if (rest.includes('files')) return exited(0, `${server.engine.files}\n`);
  if (rest.includes('version')) return exited(0, `${server.engine.loaded}\n`);
  return { kind: 'failed', message: `exec: "${program}": executable file not found in $PATH` };
}

/** The answer of a simulated engine to a request that changes something: only POST /reload does. */
export function sendToEngine(server: FakeServer, kubelet: FakeKubelet, request: HttpSendRequest): HttpOutcome {
  if (request.path !== '/reload') return askEngine(server, request.path);
  if (request.method !== 'POST') return { kind: 'answered', status: 405, body: 'POST only' };
  const outcome = reload(server, kubelet);
  return { kind: 'answered', status: outcome.code === 0 ? 200 : 500, body: outcome.stdout + outcome.stderr };
}

/** Looks through what a container has logged, as the kubelet does: whole seconds, its present run only. */
export function findInFakeLog(server: FakeServer, request: LogRequest): LogOutcome {
  if (!server.container(request.container))
    return { kind: 'failed', message: `container ${request.container} is not valid for pod ${server.name}` };
  if (!server.isStarted) {
    const message = `container "${request.container}" in pod "${server.name}" is waiting to start: ContainerCreating`;
    return { kind: 'failed', message };
  }
  const { container, since = 0, text } = request;
  const lines = server.log.filter((entry) => entry.container === container && entry.at >= since);
  const found = lines.find(({ line }) => line.includes(text));
  if (found) return { kind: 'found', line: found.line };
  return { kind: 'absent', bytes: lines.reduce((sum, { line }) => sum + line.length + 1, 0), truncated: false };
}

/** Whether this is a command that makes an engine reload, which may take its time. */
export function asksToReload(request: ExecRequest | HttpSendRequest): boolean {
  return 'command' in request ? request.command.slice(1).includes('reload') : request.path === '/reload';
}

/** The answers of a simulated engine: `/version` (loaded), `/files` (there), `/healthz`. */
export function askEngine(server: FakeServer, path: string): HttpOutcome {
  const { files, loaded } = server.engine;
  switch (path) {
    case '/version':
      return { kind: 'answered', status: 200, body: loaded };
    case '/files':
      return { kind: 'answered', status: 200, body: files };
    case '/healthz':
      return loaded.includes('unhealthy')
        ? { kind: 'answered', status: 503, body: 'unhealthy' }
        : { kind: 'answered', status: 200, body: 'ok' };
    default:
      return { kind: 'answered', status: 404, body: `no ${path}` };
  }
}
