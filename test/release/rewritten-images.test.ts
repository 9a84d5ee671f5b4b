import { describe, expect, test } from 'vitest';
import { rewritingOf, settledName } from '../../release/fleet/rewriting.ts';
import { rewrittenImage } from '../../release/plan/rewritten-images.ts';
import type { FleetSnapshot } from '../../release/plan/plan.ts';
import { OLD_IMAGE, OLD_REVISION, SIDECAR, aGameServer, aSet, aWorkload, servers } from '../support/builders.ts';

const [ONE, TWO] = ['1', '2'].map((digit) => `sha256:${digit.repeat(64)}`) as [string, string];
const PINNED = `${OLD_IMAGE}@${ONE}`;

describe('one image becomes another one by admission', () => {
  test.each<[string, string, ReturnType<typeof rewritingOf>]>([
    ['r.test/a:v1', `r.test/a:v1@${ONE}`, 'pinned'],
    ['r.test/a:v1', `r.test/a@${ONE}`, 'pinned'],
    ['a', `a@${ONE}`, 'pinned'],
    ['studio/a:v1', 'mirror.test/studio/a:v1', { from: '', to: 'mirror.test/' }],
    ['r.test/a:v1', `mirror.test:5000/x/a:v1@${ONE}`, { from: 'r.test/', to: 'mirror.test:5000/x/' }],
    [`r.test/a@${ONE}`, `mirror.test/a@${ONE}`, { from: 'r.test/', to: 'mirror.test/' }],
    [`r.test/a:v1@${ONE}`, `mirror.test/a@${ONE}`, { from: 'r.test/', to: 'mirror.test/' }],
  ])('%s, %s', (asked, found, rewriting) => {
    expect(rewritingOf(asked, found)).toEqual(rewriting);
  });

  test.each([
    ['the same', 'r.test/a:v1', 'r.test/a:v1'],
    ['another tag', 'r.test/a:v1', 'r.test/a:v2'],
    ['another tag in another registry', 'r.test/a:v1', 'mirror.test/a:v2'],
    ['another repository', 'r.test/a:v1', 'r.test/b:v1'],
    ['another digest', `r.test/a:v1@${ONE}`, `r.test/a:v1@${TWO}`],
    ['no image', 'r.test/a:v1', ''],
  ])('but not %s', (_what, asked, found) => {
    expect(rewritingOf(asked, found)).toBeUndefined();
  });
});

describe('what admission has made of the images of a set', () => {
  const workload = aWorkload({ updateRevision: OLD_REVISION });
  const snapshot = (
    image: string,
    wishes: { readonly revision?: string; readonly own?: string } = {},
  ): FleetSnapshot => ({
    set: aSet(),
    servers: servers(3, () => ({ sidecarImage: image, revision: wishes.revision ?? OLD_REVISION })),
    gameServers: [0, 1, 2].map((ordinal) =>
      aGameServer({ ordinal, ...(wishes.own === undefined ? {} : { imageOverrides: { [SIDECAR]: wishes.own } }) }),
    ),
  });

  test('shows in servers at the revision of the template', () => {
    expect(rewrittenImage(snapshot(PINNED), SIDECAR, workload)).toEqual({
      asked: OLD_IMAGE,
      found: PINNED,
      servers: ['duel-0', 'duel-1', 'duel-2'],
    });
  });

  test.each<[string, FleetSnapshot, ReturnType<typeof aWorkload> | undefined]>([
    ['they ask for what the template says', snapshot(OLD_IMAGE), workload],
    ['they are of another revision', snapshot(PINNED, { revision: 'duel-older' }), workload],
    ['a GameServer gives them an image of its own', snapshot(PINNED, { own: PINNED }), workload],
    ['they kept the image of an override that was cleared', snapshot('registry.test/scripts:0.9'), workload],
    ['the controllers have not taken the template over', snapshot(PINNED), undefined],
  ])('and does not when %s', (_when, of, made) => {
    expect(rewrittenImage(of, SIDECAR, made)).toBeUndefined();
  });
});

describe('the name that a webhook leaves as it is', () => {
  const mirrored = { asked: 'r.test/a:v1', found: 'mirror.test/r/a:v1', servers: [] };
  const pinned = { asked: 'r.test/a:v1', found: `r.test/a:v1@${ONE}`, servers: [] };
  const both = { asked: 'r.test/a:v1', found: `mirror.test/a:v1@${ONE}`, servers: [] };

  test.each([
    ['r.test/a:v2', mirrored, 'mirror.test/r/a:v2'],
    ['mirror.test/r/a:v2', mirrored, undefined],
    ['other.test/a:v2', mirrored, undefined],
    [`r.test/a@${TWO}`, mirrored, `mirror.test/r/a@${TWO}`],
    ['r.test/a:v2', pinned, 'r.test/a:v2@sha256:...'],
    [`r.test/a:v2@${TWO}`, pinned, undefined],
    [`r.test/a@${TWO}`, pinned, undefined],
    ['r.test/a:v2', both, 'mirror.test/a:v2@sha256:...'],
    ['mirror.test/a:v2', both, 'mirror.test/a:v2@sha256:...'],
    [`mirror.test/a:v2@${TWO}`, both, undefined],
    ['a:v2', { asked: 'a:v1', found: 'mirror.test/a:v1', servers: [] }, 'mirror.test/a:v2'],
    ['mirror.test/a:v2', { asked: 'a:v1', found: 'mirror.test/a:v1', servers: [] }, undefined],
    ['ghcr.test/x/y:2', { asked: 'a:v1', found: 'mirror.test/a:v1', servers: [] }, undefined],
    ['r.test/a:v2', { asked: 'r.test/a:v1', found: 'ecr.test/r.test/a:v1', servers: [] }, 'ecr.test/r.test/a:v2'],
    ['ecr.test/r.test/a:v2', { asked: 'r.test/a:v1', found: 'ecr.test/r.test/a:v1', servers: [] }, undefined],
    ['studio/y:2', { asked: 'r.test/a:v1', found: 'ecr.test/r.test/a:v1', servers: [] }, undefined],
    ['localhost/y:2', { asked: 'a:v1', found: 'mirror.test/a:v1', servers: [] }, undefined],
    ['studio/y:2', { asked: 'a:v1', found: 'mirror.test/a:v1', servers: [] }, 'mirror.test/studio/y:2'],
  ])('%s', (image, rewritten, name) => {
    expect(settledName(image, rewritten)).toBe(name);
  });
});
