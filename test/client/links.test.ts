import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, test } from 'vitest';
import { temporalUiLink } from '../../client/temporal/links.ts';

/** Serves an answer on a port of this machine; the address is where a Temporal would be whose UI that is. */
async function withUi(answer: string, use: (address: string, base: string) => Promise<void>): Promise<void> {
  const server = createServer((_, response) => response.end(answer));
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const { port } = server.address() as AddressInfo;
  try {
    await use(`127.0.0.1:${port - 1_000}`, `http://127.0.0.1:${port}`);
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

describe('a link to the Temporal UI', () => {
  const path = 'namespaces/games/workflows/hotwave%2Fdefault%2Farena%2Fduel/r-1/user-metadata';
  const run = {
    address: 'temporal.test:7233',
    namespace: 'games',
    workflowId: 'hotwave/default/arena/duel',
    runId: 'r-1',
  };

  test.each(['temporal.test', 'javascript:alert(1)', 'http://t.test/?x=1', 'http:// '])(
    'is not made of %s',
    async (uiUrl) => {
      await expect(temporalUiLink({ env: {} }, { uiUrl }, run)).rejects.toThrow(
        /^--ui-url ".+": expected the base of the Temporal UI/,
      );
      await expect(temporalUiLink({ env: { TEMPORAL_UI_URL: uiUrl } }, {}, run)).rejects.toThrow(
        /^TEMPORAL_UI_URL ".+": expected/,
      );
    },
  );

  test('opens the tab with the story when somebody said where the UI is', async () => {
    expect(await temporalUiLink({ env: { TEMPORAL_UI_URL: 'https://ui.test/' } }, {}, run)).toBe(
      `https://ui.test/${path}`,
    );
  });

  test('is not guessed for a Temporal elsewhere', async () => {
    expect(await temporalUiLink({ env: {} }, {}, run)).toBeUndefined();
  });

  test('is found where the UI of a development server answers', async () => {
    await withUi('{"DefaultNamespace":"default"}', async (address, base) => {
      expect(await temporalUiLink({ env: {} }, {}, { ...run, address })).toBe(`${base}/${path}`);
    });
  });

  test.each(['<html>somebody else</html>', '[]', 'null'])('is not made where %s answers', async (answer) => {
    await withUi(answer, async (address) => {
      expect(await temporalUiLink({ env: {} }, {}, { ...run, address })).toBeUndefined();
    });
  });

  test('is not made where nothing answers', async () => {
    expect(await temporalUiLink({ env: {} }, {}, { ...run, address: '127.0.0.1:1' })).toBeUndefined();
    expect(await temporalUiLink({ env: {} }, {}, { ...run, address: '127.0.0.1:65000' })).toBeUndefined();
  });
});
