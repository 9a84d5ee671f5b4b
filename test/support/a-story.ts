import type { Work } from '../../client/report/story.ts';
import { initialState } from '../../release/progress/state.ts';
import type { ReleaseState, WaveProgress } from '../../release/progress/state.ts';
import { compactRanges } from '../../release/fleet/ranges.ts';
import { NEW_IMAGE, OLD_IMAGE, SET } from './builders.ts';

const BEGAN = Date.UTC(2026, 10, 28, 22, 4, 10);
const SECOND = 1_000;

const nameOf = (ordinal: number): string => `${SET.name}-${ordinal}`;
const range = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, index) => from + index);

/** A made-up release of three waves: the first is good, the second fails in its proof, and all goes back. */
export function aStory(servers: number): {
  readonly state: ReleaseState;
  readonly works: readonly Work[];
  readonly now: number;
} {
  const first = Math.max(1, Math.floor(servers / 6));
  const second = Math.max(2, Math.floor(servers / 2));
  const members = [range(servers - first, servers), range(second - first, servers - first), range(0, second - first)];
  const failing = nameOf(members[1]?.at(-1) ?? 0);
  const works: Work[] = [];
  const work = (activity: string, from: number, to: number, more: Partial<Work> = {}): void =>
    void works.push({ activity, from: BEGAN + from * SECOND, to: BEGAN + to * SECOND, ...more });
  const wave = (number: number, at: number): void => {
    for (const [batch, ordinals] of batches(members[number - 1] ?? []).entries()) {
      const names = ordinals.map(nameOf);
      const begin = at + 1 + batch * 0.1;
      work('awaitReady', begin, begin + 8 + batch * 0.1, { servers: names });
      work('reloadServers', begin + 8 + batch * 0.1, begin + 9 + batch * 0.1, { servers: names });
      work('checkServers', begin + 9 + batch * 0.1, begin + 12 + batch * 0.1, { servers: names });
    }
    work('openWave', at, at + 1);
  };
  work('stageTemplate', 2, 3);
  wave(1, 4);
  work('bakeWave', 16, 46);
  work('lookAtFleet', 46, 48);
  wave(2, 180);
  work('rollBackSet', 197, 198);
  for (const ordinals of batches([...(members[0] ?? []), ...(members[1] ?? [])])) {
    const names = ordinals.map(nameOf);
    const back = { servers: names, isBack: true };
    work('awaitReady', 198, 206, back);
    work('reloadServers', 206, 207, back);
    work('checkServers', 207, 210, back);
  }
  work('restoreSet', 211, 212);
  const line = (number: number, times: Pick<WaveProgress, 'startedAt' | 'endedAt'>, proven: number): WaveProgress => {
    const ordinals = members[number - 1] ?? [];
    const isBegun = times.startedAt !== undefined;
    return {
      number,
      name: ['first', 'half', 'rest'][number - 1] ?? '',
      size: ordinals.length,
      servers: compactRanges(ordinals),
      status: isBegun ? 'rolled-back' : 'pending',
      ready: isBegun ? ordinals.length : 0,
      proven,
      failed: number === 2 ? 1 : 0,
      ...times,
    };
  };
  const at = (second: number): number => BEGAN + second * SECOND;
  const failure = { server: failing, class: 'version' as const, reason: `${failing} answers "1.0" and not "2.0"` };
  const state: ReleaseState = {
    ...initialState(
      {
        release: 'scripts-2-0',
        cluster: 'eu',
        set: SET,
        strategy: 'rolling',
        requester: 'ann',
        image: NEW_IMAGE,
        version: '2.0',
      },
      BEGAN,
    ),
    previousVersion: '1.0',
    planHash: '9f3a51c09e1d2b47',
    rollbackTo: { image: OLD_IMAGE, version: '1.0', servers, of: servers, why: 'what servers run' },
    phase: 'rolled-back',
    waves: [
      line(1, { startedAt: at(3), endedAt: at(48) }, first),
      line(2, { startedAt: at(179), endedAt: at(212) }, (members[1]?.length ?? 1) - 1),
      line(3, {}, 0),
    ],
    failedBefore: [failure],
    decisions: [
      decision({ id: 'a', wave: 2, actor: 'bob', channel: 'slack', vouchedBy: 'the key of slack', at: at(178) }),
    ],
    reason: `${failure.server}: ${failure.reason}; every server proves 1.0`,
    endedAt: at(213),
  };
  return { state, works, now: at(3_600) };
}

function decision(
  more: Pick<ReleaseState['decisions'][number], 'id' | 'wave' | 'actor' | 'channel' | 'vouchedBy' | 'at'>,
): ReleaseState['decisions'][number] {
  return { verb: 'approve', release: 'scripts-2-0', accepted: true, answer: 'approved: wave 2 starts', ...more };
}

/** As a release asks its servers: 250 at a time. */
function batches(ordinals: readonly number[]): number[][] {
  return range(0, Math.ceil(ordinals.length / 250)).map((index) => ordinals.slice(index * 250, (index + 1) * 250));
}
