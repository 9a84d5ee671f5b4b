import { describe, expect, test } from 'vitest';
import { endingOf, ExecTranscript, MOST_OUTPUT_BYTES } from '../../cluster/exec-frames.ts';

const frame = (channel: number, text: string): Buffer => Buffer.concat([Buffer.from([channel]), Buffer.from(text)]);
const internalError = (message: string): string =>
  JSON.stringify({ metadata: {}, status: 'Failure', message, reason: 'InternalError', code: 500 });

describe('the status frame of an exec', () => {
  // Recorded from a kubelet 1.30 with containerd, and from KWOK 0.6.
  test.each([
    ['{"metadata":{},"status":"Success"}', { kind: 'exited', code: 0 }],
    [
      '{"metadata":{},"status":"Failure","message":"command terminated with non-zero exit code: exit code 7","reason":"NonZeroExitCode","details":{"causes":[{"reason":"ExitCode","message":"7"}]}}',
      { kind: 'exited', code: 7 },
    ],
    [internalError('error executing command in container: exit status 3'), { kind: 'exited', code: 3 }],
    [
      internalError('Internal error occurred: error executing command in container: cmd wait: false : exit status 1'),
      { kind: 'exited', code: 1 },
    ],
  ])('%s is an exit code', (text, ending) => {
    expect(endingOf(text)).toEqual(ending);
  });

  const runtime =
    'Internal error occurred: error executing command in container: failed to exec in container: failed to start exec "70e6": OCI runtime exec failed: exec failed: unable to start container process: ';
  const notFound = 'exec: "nginx": executable file not found in $PATH';
  // The words of runtimes and tunnels, as public reports quote it.
  test.each([
    [`${runtime}${notFound}: unknown`, notFound],
    [`${runtime}exec: "/reload": permission denied: unknown`, 'exec: "/reload": permission denied'],
    [
      'rpc error: code = Unknown desc = exec: "sh": stat sh: no such file or directory',
      'exec: "sh": stat sh: no such file or directory',
    ],
    [
      'unable to upgrade connection: Forbidden (user=kube-apiserver-kubelet-client, verb=create, resource=nodes, subresource=proxy)',
      'unable to upgrade connection: Forbidden (user=kube-apiserver-kubelet-client, verb=create, resource=nodes, subresource=proxy)',
    ],
    ['unable to upgrade connection: Unauthorized', 'unable to upgrade connection: Unauthorized'],
  ])('a command that cannot start as it is has failed: %s', (message, words) => {
    expect(endingOf(internalError(message))).toEqual({ kind: 'failed', message: words });
  });

  test.each([
    'container not found ("engine")',
    'error dialing backend: dial tcp 10.0.0.9:10250: connect: connection refused',
    'error dialing backend: EOF',
    'error dialing backend: No agent available',
    'error dialing backend: dial unix /run/konnectivity-server/konnectivity-server.socket: connect: no such file or directory',
    'error dialing backend: dial unix /run/konnectivity-server/konnectivity-server.socket: connect: permission denied',
    'proxy error from 127.0.0.1:6443 while dialing 10.0.0.2:10250, code 502: 502 Bad Gateway',
    'rpc error: code = Unavailable desc = connection error: desc = "transport: Error while dialing: dial unix /run/containerd/containerd.sock: connect: no such file or directory"',
    'unable to upgrade connection: pod does not exist',
    'rpc error: code = NotFound desc = an error occurred when try to find container "9f3": not found',
    'OCI runtime exec failed: exec failed: cannot exec a container that has stopped: unknown',
    `${runtime}error adding pid 1 to cgroups: failed to write 1: open /sys/fs/cgroup/x/cgroup.procs: no such file or directory: unknown`,
    'failed to exec in container: failed to load task: no running task found: task 9f3 not found: not found',
    'container is not created or running',
    'cannot exec in a stopped state: unknown',
    `${runtime}read init-p: connection reset by peer: unknown`,
    `${runtime}error writing config: resource temporarily unavailable: unknown`,
    `OCI runtime exec failed: exec failed: unable to start container process: error executing setns process: exit status 1`,
  ])('a command that never started, and may when it is sent again, has not run: %s', (message) => {
    expect(endingOf(internalError(message))).toMatchObject({ kind: 'failed', again: true });
  });

  test.each([
    'error reading from error stream: next reader: websocket: close 1006 (abnormal closure): unexpected EOF',
    'read tcp 10.0.0.1:1->10.0.0.2:10250: read: connection reset by peer',
    'context canceled',
    'rpc error: code = DeadlineExceeded desc = failed to exec in container: timeout 10s exceeded: context deadline exceeded',
    'command timed out',
    'error stream protocol error: unknown error',
    'something that nobody has heard before',
  ])('a connection that broke on the way leaves it unknown: %s', (message) => {
    expect(endingOf(internalError(message)).kind).toBe('unknown');
  });

  test.each(['', 'not json', '[]', '{"status":"Failure","reason":"NonZeroExitCode","details":null}'])(
    'an unreadable frame is never a success: %j',
    (text) => {
      expect(endingOf(text).kind).not.toBe('exited');
    },
  );
});

describe('a transcript', () => {
  test('keeps stdout and stderr apart, whatever the order of frames', () => {
    const transcript = new ExecTranscript();
    for (const part of [frame(1, 'one '), frame(2, 'warning'), frame(1, 'two')]) {
      expect(transcript.take(part)).toBeUndefined();
    }
    expect(transcript.take(frame(3, '{"status":"Success"}'))).toEqual({
      kind: 'exited',
      code: 0,
      stdout: 'one two',
      stderr: 'warning',
    });
  });

  test('ignores empty frames and channels that it does not know', () => {
    const transcript = new ExecTranscript();
    for (const part of [Buffer.alloc(0), frame(3, ''), frame(4, '{}'), frame(255, '\u0001')]) {
      expect(transcript.take(part)).toBeUndefined();
    }
  });

  test('keeps 64 KiB of a command that never stops talking', () => {
    const transcript = new ExecTranscript();
    for (let part = 0; part < 100; part += 1) transcript.take(frame(1, 'x'.repeat(4_000)));
    const outcome = transcript.take(frame(3, '{"status":"Success"}'));
    expect(outcome).toHaveProperty('stdout.length', MOST_OUTPUT_BYTES);
    expect(outcome).toMatchObject({ truncated: true });
  });

  test('keeps as much as the caller wants, and says nothing of a cut where there was none', () => {
    const transcript = new ExecTranscript(100_000);
    for (let part = 0; part < 25; part += 1) transcript.take(frame(1, 'x'.repeat(4_000)));
    const outcome = transcript.take(frame(3, '{"status":"Success"}'));
    expect(outcome).toHaveProperty('stdout.length', 100_000);
    expect(outcome).not.toHaveProperty('truncated');
  });
});
