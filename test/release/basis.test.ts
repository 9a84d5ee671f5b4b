import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { basisOf, hasBasis, packBases, unpackBases } from '../../release/fleet/basis.ts';
import type { ServerView } from '../../release/fleet/fleet.ts';
import { containerOf } from '../../release/fleet/fleet.ts';
import { plannedServer } from '../../release/plan/plan.ts';
import { MAIN, NEW_IMAGE, SIDECAR, aServer, servers, uidOf } from '../support/builders.ts';

const TEMPLATE = [MAIN, SIDECAR];
const before = aServer({ ordinal: 3 });
const basis = basisNow(before);

function imageOf(server: ServerView): string {
  return containerOf(server.containers, SIDECAR)?.image ?? '';
}

function basisNow(server: ServerView): string {
  return basisOf(plannedServer(server, TEMPLATE), imageOf(server));
}

function isStill(server: ServerView, expected: string): boolean {
  return hasBasis(plannedServer(server, TEMPLATE), imageOf(server), expected);
}

/** The same server with other fields of one of its containers. */
function withContainer(
  server: ServerView,
  name: string,
  change: Partial<ServerView['containers'][number]>,
): ServerView {
  return {
    ...server,
    containers: server.containers.map((entry) => (entry.name === name ? { ...entry, ...change } : entry)),
  };
}

const notStarted = (name: string): ServerView => {
  const { image } = before.containers.find((entry) => entry.name === name)!;
  return { ...before, containers: before.containers.map((entry) => (entry.name === name ? { name, image } : entry)) };
};

test('a basis has six characters, and a server that stays as it is keeps it', () => {
  expect(basis).toMatch(/^[\w-]{6}$/);
  expect(basisNow(aServer({ ordinal: 3 }))).toBe(basis);
});

describe('a server is on another basis', () => {
  test.each<[string, ServerView]>([
    ['when its pod is another one', aServer({ ordinal: 3, uid: uidOf('another pod') })],
    [
      'as soon as another image is written into its spec, before it runs',
      withContainer(before, SIDECAR, { image: NEW_IMAGE }),
    ],
    ['when its main container has restarted', aServer({ ordinal: 3, mainStatus: { restartCount: 1 } })],
    ['when its sidecar has restarted', aServer({ ordinal: 3, sidecarStatus: { restartCount: 1 } })],
    [
      'when a container was made anew without counting as restarted',
      aServer({ ordinal: 3, mainStatus: { containerId: 'containerd://another0' } }),
    ],
  ])('%s', (_, now) => {
    expect(basisNow(now)).not.toBe(basis);
    expect(isStill(now, basis)).toBe(false);
  });
});

describe('a server is on the same basis', () => {
  const proxy = {
    name: 'istio-proxy',
    image: 'proxy:1',
    status: { ...before.containers[0]!.status!, restartCount: 4 },
  };

  test.each<[string, ServerView]>([
    [
      'when something else of it has changed',
      aServer({ ordinal: 3, node: 'other', labels: { zone: 'b' }, ready: false }),
    ],
    ['when an injected container came or restarted', { ...before, containers: [...before.containers, proxy] }],
    [
      'when only the image of its main container differs in the spec',
      withContainer(before, MAIN, { image: 'engine:9' }),
    ],
  ])('%s', (_, now) => {
    expect(isStill(now, basis)).toBe(true);
  });

  test.each([[[MAIN]], [[SIDECAR]], [[MAIN, SIDECAR]]])(
    'when %j had not begun and now run for the first time',
    (late) => {
      const starting = late.reduce<ServerView>((server, name) => {
        const bare = notStarted(name).containers.find((entry) => entry.name === name)!;
        return { ...server, containers: server.containers.map((entry) => (entry.name === name ? bare : entry)) };
      }, before);
      expect(isStill(before, basisNow(starting))).toBe(true);
    },
  );

  test('but not when what had not begun has restarted since', () => {
    const restarted = aServer({ ordinal: 3, mainStatus: { restartCount: 1 } });
    expect(isStill(restarted, basisNow(notStarted(MAIN)))).toBe(false);
  });
});

test('ten thousand servers have ten thousand bases', () => {
  const all = servers(10_000).map((server) => basisNow(server));
  expect(new Set(all).size).toBe(all.length);
});

test('bases that are packed and unpacked are the same', () => {
  const entry = fc.record({ ordinal: fc.nat({ max: 20_000 }), basis: fc.stringMatching(/^[\w-]{6}$/) });
  fc.assert(
    fc.property(fc.uniqueArray(entry, { selector: ({ ordinal }) => ordinal, maxLength: 80 }), (list) => {
      const expected = new Map(list.map((each) => [each.ordinal, each.basis]));
      expect(unpackBases(packBases(list))).toEqual(expected);
    }),
  );
});

test('the bases of 10,000 servers take less than 70 KB', () => {
  const all = servers(10_000).map((server) => ({ ordinal: server.ordinal, basis: basisNow(server) }));
  expect(packBases(all).length).toBeLessThan(70_000);
});

test.each(['', 'x', '0|AAAAA', '0-1|AAAAAA', '|AAAAAA', '0|AAAAAA|'])('the text %j holds no bases', (text) => {
  expect(() => unpackBases(text)).toThrow(/these are no (bases|ordinals)/);
});

test('a server that is to be shown whatever it is like matches nothing', () => {
  const [nothing] = unpackBases(packBases([{ ordinal: 0, basis: '' }])).values();
  expect(isStill(before, nothing!)).toBe(false);
});

test('a basis of another length is not packed', () => {
  expect(() => packBases([{ ordinal: 0, basis: 'short' }])).toThrow(/these are no bases/);
});
