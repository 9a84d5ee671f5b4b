import { DefaultLogger } from '@temporalio/worker';
import { expect, test } from 'vitest';
import { connectToTemporal, reasonOf } from '../../worker/connect.ts';

test('a Temporal that cannot be reached is named with the reason of the system, not with the names of libraries', async () => {
  const address = '127.0.0.1:9';
  const target = { address, namespace: 'default', connection: { address } };
  const patience = { patienceMs: 0, logger: new DefaultLogger('ERROR'), signal: new AbortController().signal };
  await expect(connectToTemporal(target, patience)).rejects.toThrow(
    'Temporal at 127.0.0.1:9 does not answer (Connection refused); tried for 0 s',
  );
});

test('an answer of Temporal is said in its own words', () => {
  const status = 'Status { code: NotFound, message: "Namespace nope is not found.", details: b"\\x08", source: None }';
  expect(reasonOf(new Error(`Namespace nope could not be described: ${status}`))).toBe('Namespace nope is not found.');
});
