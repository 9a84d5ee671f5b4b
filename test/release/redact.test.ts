import { describe, expect, test } from 'vitest';
import { plainText } from '../../release/spec/plain-text.ts';
import { looksSecret, redacted, secretIn } from '../../release/spec/redact.ts';
import { releaseFileSchema } from '../../release/spec/spec.ts';
import { releaseText } from '../support/a-release.ts';

describe('foreign text', () => {
  test.each([
    ['GET http://ops:hunter2@game/healthz failed', 'GET http://ops:[redacted]@game/healthz failed'],
    ['Authorization: Bearer abc.def-123', 'Authorization: [redacted]'],
    ['Authorization: token ghp_16C7e42F292c6912E7', 'Authorization: [redacted]'],
    ['got {"Authorization":["Bearer abcdefghijk"]}', 'got {"Authorization":["[redacted]"]}'],
    ['authorization: AWS4-HMAC-SHA256 Credential=x, Signature=y', 'authorization: [redacted]'],
    ['bearer abcdefghijklmnopqrstuv is spent', 'bearer [redacted] is spent'],
    ['https://ghp_16C7e42F292c6912E7@github.com', 'https://[redacted token]@github.com'],
    ['redis://:hunter2@cache', 'redis://:[redacted]@cache'],
    ['password: "hunter2 with space" of ops', 'password: "[redacted]" of ops'],
    ['aws_secret_access_key=wJalrXUtn accessToken: s3cret', 'aws_secret_access_key=[redacted] accessToken: [redacted]'],
    ['mysql --password hunter2 -e x', 'mysql --password [redacted] -e x'],
    ['curl /reload?token=s3cret&x=1', 'curl /reload?token=[redacted]&x=1'],
    ['{"password":"hunter2","user":"ops"}', '{"password":"[redacted]","user":"ops"}'],
    ['db_password: hunter2', 'db_password: [redacted]'],
    ['jwt eyJhbGciOiJ9.eyJzdWIiOiIxMjM0.sig', 'jwt [redacted token]'],
    ['argv ["rcon","--password","hunter2"]', 'argv ["rcon","--password","[redacted]"]'],
    ['RCON_PASS=hunter2 rcon', 'RCON_PASS=[redacted] rcon'],
    ['the passphrase: hunter2', 'the passphrase: [redacted]'],
    ['Set-Cookie: session=abcdef0123; Path=/', 'Set-Cookie: [redacted]'],
    ['https://x.test/a?sv=1&sig=abcDEF%3D&b=2', 'https://x.test/a?sv=1&sig=[redacted]&b=2'],
    ['GET /a?X-Amz-Signature=fe5f80aa failed', 'GET /a?X-Amz-Signature=[redacted] failed'],
    ['https://ops:p@ss@game/healthz', 'https://ops:[redacted]@game/healthz'],
    ['ASIAIOSFODNN7EXAMPLE', '[redacted token]'],
    ['AIzaSyD-9tSrke72PouQMnMX-a7eZSW0jkFMBWY is spent', '[redacted token] is spent'],
    ['hvs.CAESIJ1234567890abcdef', '[redacted token]'],
    ['sk_live_51H8abcdefghijkl', '[redacted token]'],
    ['npm_abcdefghijklmnopqrstuvwxyz0123456789', '[redacted token]'],
    ['curl -u ops:hunter2 localhost failed', 'curl -u ops:[redacted] localhost failed'],
    ['curl -uops:hunter2 localhost', 'curl -uops:[redacted] localhost'],
    ['curl --user ops:hunter2 x', 'curl --user ops:[redacted] x'],
    ['curl --proxy-user=ops:hunter2 x', 'curl --proxy-user=ops:[redacted] x'],
    ['argv ["curl","-u","ops:hunter2"]', 'argv ["curl","-u","ops:[redacted]"]'],
    ['mysql -u root -phunter2 -e x', 'mysql -u root -p[redacted] -e x'],
    ['sshpass -p hunter2 ssh game', 'sshpass -p [redacted] ssh game'],
    ['rcon-cli -p hunter2 reload', 'rcon-cli -p [redacted] reload'],
    ['redis-cli -h a -a hunter2 ping', 'redis-cli -h a -a [redacted] ping'],
    ['ldapsearch -x -w hunter2 x', 'ldapsearch -x -w [redacted] x'],
    ['GET /a?key=s3cret&x=1', 'GET /a?key=[redacted]&x=1'],
    ['GET /a?x=1&api_key=s3cret', 'GET /a?x=1&api_key=[redacted]'],
    ['GET /a?access_token=s3cret', 'GET /a?access_token=[redacted]'],
    ['GET /a?x=1&auth=s3cret99 failed', 'GET /a?x=1&auth=[redacted] failed'],
    ['REDISCLI_AUTH=hunter2 redis-cli ping', 'REDISCLI_AUTH=[redacted] redis-cli ping'],
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
    'mode basic maps-v2 loaded 2.0',
    'auth_invalid_token == 0',
    'tests pass: 12 of 14',
    'bypass=true compass: north',
    'first-pass: completed, second-pass: 2.0.1 loaded, smoke_pass=false',
    'asked https://game.test:443?q=a@b and https://game.test:8080/a@b',
    'the cookie: it is too old',
    'mkdir -p /data/maps && tar -p -x',
    'curl -u "$USER:$PASS" localhost',
    'docker run -u 1000:1000 -p 8080:80 game',
    'ssh -p 2222 game and nc -p 5000',
    'mysql -p -u root, mysql --port=3306 -P 3306',
    'grep -a pattern maps.log',
    'GET /maps?keyword=forest&monkey=1&key=',
    'redis-cli -p 6379 ping',
    'design=flat&sigma=3',
    'cannot read token: /var/run/secrets/token: no such file',
  ])('keeps what is none: %s', (text) => {
    expect(redacted(text)).toBe(text);
    expect(looksSecret(text)).toBe(false);
  });
});

// Work that takes time in proportion to the square of a length does not end before the deadline of a test.
test.each([
  '-a',
  '-eyJ',
  'token ',
  '//a:',
  '--secret-',
  'basic a',
  'cookie: ',
  '?sig=',
  '"--token",',
  ' -u a:',
  'mysql -p',
  'redis-cli ',
  '&key=',
])('a megabyte of %j is searched', (piece) => {
  expect(redacted(piece.repeat(1_048_576 / piece.length))).not.toBe('');
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
    [exec('curl', '-u', 'ops:hunter2', 'localhost'), 'spec.reload.exec.command.2'],
    [exec('curl', '--user', 'ops:hunter2', 'localhost'), 'spec.reload.exec.command.2'],
    [exec('mysql', '-phunter2', '-e', 'x'), 'spec.reload.exec.command.1'],
    [exec('rcon-cli', '-p', 'hunter2', 'reload'), 'spec.reload.exec.command.2'],
    [exec('redis-cli', '-a', 'hunter2', 'ping'), 'spec.reload.exec.command.2'],
    [exec('curl', 'localhost/reload?key=s3cret'), 'spec.reload.exec.command.1'],
    [exec('curl', '-H', 'X-Api-Key: abc123', 'localhost'), 'spec.reload.exec.command.2'],
    [{ http: { port: 80, path: '/reload?token=abc123' } }, 'spec.reload.http.path'],
    [{ http: { port: 80, path: '/r', body: '{"secret":"abc"}' } }, 'spec.reload.http.body'],
    [exec('rcon', '--token', '{{version}}', '--password', 'hunter2'), 'spec.reload.exec.command.4'],
    [exec('sh', '-c', 'mysql --password hunter2'), 'spec.reload.exec.command.2'],
    [exec('rcon', '--rcon-pass', 'hunter2'), 'spec.reload.exec.command.2'],
    [exec('env', 'RCON_PASS=hunter2', 'rcon'), 'spec.reload.exec.command.1'],
    [exec('curl', '-H', 'Cookie: sid=0123456789', 'localhost'), 'spec.reload.exec.command.2'],
    [{ http: { port: 80, path: '/reload?sig=abcdef0123456789' } }, 'spec.reload.http.path'],
    [exec('env', 'AWS_SECRET_ACCESS_KEY=wJalr', 'reload'), 'spec.reload.exec.command.1'],
    [{ http: { port: 80, path: '/r', body: '{"adminPassword":"hunter2"}' } }, 'spec.reload.http.body'],
  ])('with what looks like a credential is refused with its place: %j', (reload, path) => {
    expect(problems(reload)).toEqual([expect.stringMatching(new RegExp(`^${path}: this looks like a credential`))]);
  });

  test.each([
    [exec('rcon', '--token', '{{version}}')],
    [exec('rcon', 'reload', 'password-less')],
    [exec('sh', '-c', 'curl -H "Authorization: Bearer $(cat /run/secrets/token)" localhost/reload')],
    [exec('sh', '-c', 'RCON_PASSWORD=$(cat /run/rcon) rcon reload')],
    [exec('rcon', '--token=$(TOKEN)', '--secret', '@/run/secret')],
    [exec('reload', '--no-password', '--all')],
    [{ http: { port: 80, path: '/r?reset_token=1' } }],
    [{ http: { port: 80, path: '/reload?token={{server}}' } }],
  ])('without one is not: %j', (reload) => {
    expect(problems(reload)).toEqual([]);
  });

  test('is searched however deep', () => {
    const deep = Array.from({ length: 50 }).reduce<unknown>((inner) => [inner], 'password=hunter2');
    expect(secretIn({ a: deep })).toHaveLength(51);
  });
});
