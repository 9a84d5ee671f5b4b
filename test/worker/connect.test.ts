import { DefaultLogger } from '@temporalio/worker';
import { expect, test } from 'vitest';
import { connectToTemporal } from '../../worker/connect.ts';

test('a Temporal that cannot be reached is named with the reason of the system, not with the names of libraries', async () => {
  const address = '127.0.0.1:9';
  const target = { address, namespace: 'default', connection: { address } };
  const patience = { patienceMs: 0, logger: new DefaultLogger('ERROR'), signal: new AbortController().signal };
  await expect(connectToTemporal(target, patience)).rejects.toThrow(
    'Temporal at 127.0.0.1:9 does not answer (Connection refused); tried for 0 s',
  );
});
