import { describe, expect, test } from 'vitest';
import { main } from '../../client/main.ts';
import { print } from '../../client/terminal/print.ts';
import { recordedIo } from './support.ts';

describe('-o name', () => {
  async function named(value: unknown, env: Record<string, string> = {}): Promise<string> {
    const io = recordedIo({ env });
    await print(io, 'name', value, () => 'the table');
    await new Promise(setImmediate);
    return io.written.out;
  }

  const releases = [
    { cluster: 'default', set: 'arena/duel' },
    { cluster: 'eu', set: 'arena/duel' },
    { cluster: 'default', set: 'arena/duel' },
    { cluster: 'default', set: 'lobby/one\u001b[31m' },
  ];

  test('prints what other verbs take for SET, each once, with the cluster of those that a command would not find', async () => {
    expect(await named(releases)).toBe('arena/duel\nhotwave/eu/arena/duel\nlobby/one\n');
    expect(await named(releases.slice(0, 2), { HOTWAVE_CLUSTER: 'eu' })).toBe(
      'hotwave/default/arena/duel\narena/duel\n',
    );
    expect(await named({ cluster: 'default', set: { namespace: 'arena', name: 'duel' } })).toBe('arena/duel\n');
    expect(await named([])).toBe('');
  });

  test.each([
    [['doctor', '-o', 'name'], '--output "name": expected text, wide, json, jsonl or yaml'],
    [['start', 'x.yaml', '--wait', '-o', 'name'], '-o name prints the set and nothing else'],
  ])('is refused where there is no name alone: %j', async (argv, sentence) => {
    const io = recordedIo();
    expect(await main(argv, io)).toBe(64);
    await new Promise(setImmediate);
    expect(io.written.err).toContain(sentence);
  });
});
