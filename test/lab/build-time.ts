/** The server programs that a lab is made of. */
export type ProgramName =
  'etcd' | 'kube-apiserver' | 'kube-controller-manager' | 'kruise' | 'kruise-game' | 'kwok' | 'kubelet';

/** How long each program takes to build on two cores, in this order and with an empty cache of Go, in seconds. */
const usualSeconds: Readonly<Record<ProgramName, number>> = {
  etcd: 32,
  'kube-apiserver': 128,
  'kube-controller-manager': 43,
  kruise: 30,
  'kruise-game': 22,
  kwok: 19,
  kubelet: 100,
};

const usual = (names: readonly ProgramName[]): number => names.reduce((sum, name) => sum + usualSeconds[name], 0);

/**
 * How long a build still takes, in words. The programs that are built tell how fast this machine is.
 * @param done the programs that are built
 * @param rest those that are not; the first one is being built
 * @param doneSeconds how long the first took
 * @param seconds how long the program that is being built has taken so far
 */
export function timeLeft(
  done: readonly ProgramName[],
  rest: readonly ProgramName[],
  doneSeconds: number,
  seconds = 0,
): string {
  const pace = done.length === 0 ? 1 : doneSeconds / usual(done);
  const left = pace * usual(rest) - Math.min(seconds, pace * usual(rest.slice(0, 1)));
  const minutes = Math.round(left / 60);
  if (left < 60) return 'less than a minute';
  return `about ${minutes} ${minutes === 1 ? 'minute' : 'minutes'}`;
}
