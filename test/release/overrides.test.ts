import { describe, expect, test } from 'vitest';
import type { Override } from '../../release/fleet/fleet.ts';
import { overridePatch, withOverride } from '../../release/patches/overrides.ts';
import { aGameServer } from '../support/builders.ts';

const main: Override = { name: 'engine', image: 'e:1' };
const sized: Override = { name: 'scripts', image: 's:1', resources: { limits: { cpu: '1' } } };

describe('the list of overrides', () => {
  test.each<[string, readonly Override[], string | undefined, readonly Override[]]>([
    ['an image is added after what is there', [main], 's:2', [main, { name: 'scripts', image: 's:2' }]],
    ['another image keeps what else the entry says', [sized], 's:2', [{ ...sized, image: 's:2' }]],
    ['without an image the entry goes', [main, { name: 'scripts', image: 's:1' }], undefined, [main]],
    [
      'without an image an entry that says more stays',
      [sized],
      undefined,
      [{ name: 'scripts', resources: sized['resources'] }],
    ],
    ['empty resources, as OpenKruiseGame writes them, are nothing', [{ ...sized, resources: {} }], undefined, []],
    ['without an image nothing is added', [main], undefined, [main]],
  ])('%s', (_rule, before, image, after) => {
    expect(withOverride(before, 'scripts', image)).toEqual(after);
  });
});

describe('the patch of an override', () => {
  const wanted = { container: 'scripts', image: 's:2' };

  test('is refused when the list is not what was read, because the whole list is replaced', () => {
    const { preconditions } = overridePatch(aGameServer({ overrides: [main] }), wanted, 't');
    expect(preconditions).toContainEqual({ path: '/spec/containers', value: [main] });
  });

  test('takes the list away with its last entry, and leaves a missing list missing', () => {
    const clear = { container: 'scripts', image: undefined };
    const last = overridePatch(aGameServer({ overrides: [{ name: 'scripts', image: 's:1' }] }), clear, 't');
    expect(last.changes.at(-1)).toEqual({ op: 'remove', path: '/spec/containers' });
    expect(overridePatch(aGameServer(), clear, 't').changes).toHaveLength(1);
  });
});
