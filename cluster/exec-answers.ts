import { oneLine } from './errors.ts';

/**
 * How to read the words about a command that did not exit by itself. `again`: it certainly never started, and may when it is
 * sent again. `never`: it cannot start as it is. `unknown`: it may have run, and nobody knows how it ended.
 */
export type ExecReading = 'again' | 'never' | 'unknown';

interface Row {
  readonly reading: ExecReading;
  readonly words: RegExp;
}

/**
 * One table of what API server, proxies, kubelet and runtimes say; the first row that fits counts, and whatever fits none is
 * unknown.
 *
 * | who says it | words | source |
 * |---|---|---|
 * | API server, konnectivity, k0s, k3s, kubelet | error dialing backend, proxy error ... while dialing, No agent available | apiserver-network-proxy#152, k0s#6444 |
 * | runc, crun, containerd, CRI-O | executable file not found, permission denied, not a directory | runc `init_linux.go`, crun `exec.c` |
 * | containerd, CRI-O, runc | container not running, paused, task not found; no process could be started | containerd `cri/server/container_exec.go`, CRI-O `oci/runtime_oci.go` |
 * | kubelet | Forbidden, Unauthorized: the API server may not ask it | kubelet `server.go`, `InstallAuthFilter` |
 * | kubelet | container not found, pod does not exist, does not have a host assigned | kubelet `server.go`, `GetExec` |
 * | anybody, while it ran | EOF, reset, time-out, cancelled, closed | kubernetes `remotecommand`, CRI `DeadlineExceeded` |
 */
const TABLE: readonly Row[] = [
  {
    // Why a way is closed may be the same words as why a program cannot start: no such file, permission denied.
    reading: 'again',
    words: /error dialing backend|while dialing|no agent available|failed to dial|error adding pid \d+ to cgroups/i,
  },
  {
    reading: 'never',
    words:
      /unable to upgrade connection: (?:forbidden|unauthorized)|executable file not found|no such file or directory|permission denied|is a directory|not a directory|exec format error|is not valid for pod|unable to find user|forbidden by policy/i,
  },
  {
    reading: 'again',
    words:
      /container not found|pod does not exist|try to find container|does not have a host assigned|container (?:is )?not (?:created or )?running|is not running|cannot exec (?:in )?a (?:(?:stopped|paused|deleted) (?:state|container)|container that has stopped)|task \S+ not found|no running task|process_linux\.go|unable to start container process|resource temporarily unavailable|too many open files/i,
  },
  {
    reading: 'again',
    words: /connect: connection refused|no route to host|no such host/i,
  },
];

/** The meaning of the words of the command. */
export function readExecWords(message: string): ExecReading {
  return TABLE.find(({ words }) => words.test(message))?.reading ?? 'unknown';
}

/** The end of the runtime's sentence, which names the program; layers of "Internal error occurred" come before it. */
export function neverStartedBecause(message: string): string {
  return oneLine(/exec: "[^"]*": .*$/s.exec(message)?.[0].replace(/: unknown$/, '') ?? message);
}
