import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, test } from 'vitest';
import { TRIED_VERSIONS } from '../../release/plan/tried-versions.ts';
import { describeVersions, environmentVersions, parseVersions, writeVersions } from '../lab/versions.ts';

const NEWEST = { kubernetes: '1.37.2', kruise: '1.8.3', 'kruise-game': '1.1.0' };
const USUAL = { kubernetes: '1.30.14', kruise: '1.8.0', 'kruise-game': '1.0.0' };

describe('versions of a lab', () => {
  test.each([
    ['newest', NEWEST],
    ['kubernetes=1.37.2,kruise=1.8.3,kruise-game=1.1.0', NEWEST],
    ['kubernetes=1.37.2', { ...USUAL, kubernetes: '1.37.2' }],
    [' kruise-game=1.1.0 , kruise=1.8.3', { ...NEWEST, kubernetes: '1.30.14' }],
    ['kubernetes = 1.30.14', USUAL],
  ])('%j names one of each product, and what is not named is the usual one', (text, versions) => {
    expect(parseVersions(text)).toEqual(versions);
    expect(parseVersions(writeVersions(parseVersions(text)))).toEqual(versions);
  });

  const syntax = 'newest, or some of kubernetes=VERSION,kruise=VERSION,kruise-game=VERSION';
  test.each([
    ['oldest', `versions are ${syntax}, not "oldest"`],
    ['', `versions are ${syntax}, not ""`],
    ['newest,kruise=1.8.0', `versions are ${syntax}, not "newest,kruise=1.8.0"`],
    ['kubernetes=1.37.2=1.30.14', `versions are ${syntax}, not "kubernetes=1.37.2=1.30.14"`],
    ['kubernetes=1.31.0', 'there is no Kubernetes "1.31.0" for the lab; there are 1.30.14 and 1.37.2'],
    ['kruise=v1.8.3', 'there is no OpenKruise "v1.8.3" for the lab; there are 1.8.0 and 1.8.3'],
    ['kruise-game', 'there is no OpenKruiseGame "" for the lab; there are 1.0.0 and 1.1.0'],
    ['kruise=1.8.0,kruise=1.8.3', 'kruise has two versions in "kruise=1.8.0,kruise=1.8.3"'],
    ['toString=1', `versions are ${syntax}, not "toString=1"`],
  ])('%j is refused in one sentence', (text, sentence) => {
    expect(() => parseVersions(text)).toThrow(new Error(sentence));
  });

  test('are described in the words of people', () => {
    expect(describeVersions(parseVersions('newest'))).toBe('Kubernetes 1.37.2, OpenKruise 1.8.3, OpenKruiseGame 1.1.0');
  });
});

describe('HOTWAVE_LAB_VERSIONS', () => {
  const before = process.env['HOTWAVE_LAB_VERSIONS'];
  afterEach(() => {
    if (before === undefined) delete process.env['HOTWAVE_LAB_VERSIONS'];
    else process.env['HOTWAVE_LAB_VERSIONS'] = before;
  });

  test.each([
    ['newest', NEWEST],
    ['', USUAL],
    [' ', USUAL],
  ])('%j is what a lab runs for which nobody chose', (text, versions) => {
    process.env['HOTWAVE_LAB_VERSIONS'] = text;
    expect(environmentVersions()).toEqual(versions);
  });

  test('that names no version is refused by its name', () => {
    process.env['HOTWAVE_LAB_VERSIONS'] = 'kruise=9';
    expect(environmentVersions).toThrow(
      new Error('HOTWAVE_LAB_VERSIONS: there is no OpenKruise "9" for the lab; there are 1.8.0 and 1.8.3'),
    );
  });

  test('without it a lab runs the usual versions', () => {
    delete process.env['HOTWAVE_LAB_VERSIONS'];
    expect(environmentVersions()).toEqual(USUAL);
  });
});

/** The go.mod that a version is built from. */
function goModule(product: string, version: string, isUsual: boolean): string {
  const folder = isUsual ? '' : `${product}-${version}/`;
  return fileURLToPath(new URL(`../lab/programs/${folder}go.mod`, import.meta.url));
}

test.each(
  Object.entries({
    kubernetes: 'k8s.io/kubernetes',
    kruise: 'github.com/openkruise/kruise',
    'kruise-game': 'github.com/openkruise/kruise-game',
  } satisfies Record<keyof typeof TRIED_VERSIONS, string>),
)('every tried version of %s has a pinned module that builds it', (product, path) => {
  for (const [index, version] of TRIED_VERSIONS[product as keyof typeof TRIED_VERSIONS].entries()) {
    const file = goModule(product, version, index === 0);
    expect(existsSync(file.replace(/mod$/, 'sum')), file).toBe(true);
    expect(readFileSync(file, 'utf8')).toContain(`\t${path} v${version} //`);
  }
});
