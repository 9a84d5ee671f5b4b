import { describe, expect, test } from 'vitest';
import { imageTag, readImageReference } from '../../release/spec/image-reference.ts';
import { releaseFileSchema } from '../../release/spec/spec.ts';
import { releaseText } from '../support/a-release.ts';

const SHA256 = `sha256:${'0123456789abcdef'.repeat(4)}`;

describe('an image is read by the grammar of registries', () => {
  test.for([
    ['nginx', { name: 'nginx' }],
    ['nginx:1.27', { name: 'nginx', tag: '1.27' }],
    ['localhost/scripts:v2', { name: 'localhost/scripts', tag: 'v2' }],
    ['registry:5000/a/b:v2.0', { name: 'registry:5000/a/b', tag: 'v2.0' }],
    ['[::1]:5000/scripts:v2', { name: '[::1]:5000/scripts', tag: 'v2' }],
    ['r.test/a:v1@sha256', undefined],
    [`r.test/a:v1@${SHA256}`, { name: 'r.test/a', tag: 'v1', digest: SHA256 }],
    [`r.test/a@${SHA256}`, { name: 'r.test/a', digest: SHA256 }],
    [`r.test/a@${SHA256.toUpperCase().replace('SHA256', 'sha256')}`, undefined],
    [`r.test/a@${SHA256.slice(0, -1)}`, undefined],
    [`r.test/a@${SHA256}:v1`, undefined],
    [`r.test/a@sha512:${'0f'.repeat(64)}`, { name: 'r.test/a', digest: `sha512:${'0f'.repeat(64)}` }],
    [`r.test/a@md5:${'0f'.repeat(16)}`, undefined],
    ['r.test/my__game/hot--files:_1', { name: 'r.test/my__game/hot--files', tag: '_1' }],
    ['r.test/a___b:v1', undefined],
    ['r.test/a..b:v1', undefined],
    ['r.test/A:v1', undefined],
    ['a:b:c', undefined],
    ['r.test:port/a:v1', undefined],
    ['r.test/a:', undefined],
    ['r.test//a:v1', undefined],
    ['/a:v1', undefined],
    ['https://r.test/a:v1', undefined],
    ['r.test/a:v1 ', undefined],
    ['r.test/a:v1\n', undefined],
    [`r.test/a:${'t'.repeat(128)}`, { name: 'r.test/a', tag: 't'.repeat(128) }],
    [`r.test/a:${'t'.repeat(129)}`, undefined],
    [`r.test/${'a'.repeat(250)}:v1`, undefined],
  ] as const)('%s', ([text, expected]) => {
    const found = readImageReference(text);
    expect(found && JSON.parse(JSON.stringify(found))).toEqual(expected);
  });

  test('also when it is made to take long', () => {
    for (const part of ['a', 'a-', 'a.', 'a/', 'a:', '-', '__'])
      expect(readImageReference(`r.test/${part.repeat(512)}!`)).toBeUndefined();
  });
});

test('the tag is what stands between the name and the digest', () => {
  const images = [
    'registry:5000/a/b:v2.0',
    'registry:5000/a/b',
    `r.test/a:v1@${SHA256}`,
    `r.test/a@${SHA256}`,
    'a:b:c',
  ];
  expect(images.map(imageTag)).toEqual(['v2.0', '', 'v1', '', '']);
});

describe('a release file', () => {
  const problems = (image: string, version?: string): string[] => {
    const read = releaseFileSchema.safeParse(JSON.parse(releaseText({ image, version })));
    return read.success ? [] : read.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
  };

  test('takes a tag, a tag with a digest, and a digest whose version is named', () => {
    expect([problems('r.test/a:v2'), problems(`r.test/a:v2@${SHA256}`), problems(`r.test/a@${SHA256}`, 'v2')]).toEqual([
      [],
      [],
      [],
    ]);
  });

  test('asks for the version of an image that has only a digest', () => {
    expect(problems(`r.test/a@${SHA256}`)).toEqual([
      'spec.version: an image by its digest alone has no tag to prove: say what content check and proof must echo',
    ]);
  });

  test.for(['a:b:c', 'r.test/A:v1', 'https://r.test/a:v1', ' r.test/a:v1'])('refuses %s', (image) => {
    expect(problems(image)).toEqual([
      'spec.images.scripts: expected an image such as registry.example/2048-sidecar:v2.0',
    ]);
  });

  test('refuses an image that is another one tomorrow', () => {
    expect(problems('r.test/a')).toEqual([
      'spec.images.scripts: expected an image with a tag or a digest: without, it is another image tomorrow',
    ]);
  });
});
