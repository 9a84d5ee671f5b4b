import { describe, expect, test } from 'vitest';
import { plainText } from '../../release/spec/plain-text.ts';
import { looksSecret, redacted, secretIn } from '../../release/spec/redact.ts';
import { releaseFileSchema } from '../../release/spec/spec.ts';
import { releaseText } from '../support/a-release.ts';

describe('foreign text', () => {
  test.each([
    ['GET http://ops:hunter2@game/healthz failed', 'GET http://ops:[redacted]@game/healthz failed'],
    ['Authorization: Bearer abc.def-123', 'Authorization: [redacted] [redacted]'],
    ['curl /reload?token=s3cret&x=1', 'curl /reload?token=[redacted]'],
    ['{"password":"hunter2","user":"ops"}', '{"password":"[redacted]","user":"ops"}'],
    ['db_password: hunter2', 'db_password: [redacted]'],
    ['jwt eyJhbGciOiJ9.eyJzdWIiOiIxMjM0.sig', 'jwt [redacted token]'],
  ])('loses what looks like a credential where it comes in: %s', (text, expected) => {
    expect(plainText(text)).toBe(expected);
  });

  test.each([
    'registry.test/game-token:v2 cannot be pulled',
    'no basic auth credentials',
    'Basic authentication required',
    'secret "game-files" not found',
    'the tokens of duel-3 are spent',
    'sha256:0123456789abcdef',
  ])('keeps what is none: %s', (text) => {
    expect(redacted(text)).toBe(text);
    expect(looksSecret(text)).toBe(false);
  });
});

describe('a release file', () => {
  const problems = (reload: object): string[] => {
    const read = releaseFileSchema.safeParse(JSON.parse(releaseText({ reload })));
    return read.success ? [] : read.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
  };
  const exec = (...command: readonly string[]): object => ({ exec: { container: 'engine', command } });

  test.each([
    [exec('rcon', '--password', 'hunter2', 'reload'), 'spec.reload.exec.command.2'],
    [exec('rcon', '--password=hunter2'), 'spec.reload.exec.command.1'],
    [exec('curl', '-H', 'X-Api-Key: abc123', 'localhost'), 'spec.reload.exec.command.2'],
    [{ http: { port: 80, path: '/reload?token=abc123' } }, 'spec.reload.http.path'],
    [{ http: { port: 80, path: '/r', body: '{"secret":"abc"}' } }, 'spec.reload.http.body'],
  ])('with what looks like a credential is refused with its place: %j', (reload, path) => {
    expect(problems(reload)).toEqual([expect.stringMatching(new RegExp(`^${path}: this looks like a credential`))]);
  });

  test.each([
    [exec('rcon', '--token', '{{version}}')],
    [exec('rcon', 'reload', 'password-less')],
    [{ http: { port: 80, path: '/reload?token={{server}}' } }],
  ])('without one is not: %j', (reload) => {
    expect(problems(reload)).toEqual([]);
  });

  test('is searched however deep', () => {
    const deep = Array.from({ length: 50 }).reduce<unknown>((inner) => [inner], 'password=hunter2');
    expect(secretIn({ a: deep })).toHaveLength(51);
  });
});
