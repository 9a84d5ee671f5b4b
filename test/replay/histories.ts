import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { gunzipSync, gzipSync } from 'node:zlib';
import { historyFromJSON, historyToJSON } from '@temporalio/common/lib/proto-utils.js';

/** The folder with the recorded histories, one file for each path. */
export const HISTORIES = fileURLToPath(new URL('histories', import.meta.url));

/** The history of a workflow as the SDK has it. */
export type History = ReturnType<typeof historyFromJSON>;

/** Reads the recorded history of a path. @throws Error when there is none */
export function readHistory(path: string): History {
  return historyFromJSON(JSON.parse(gunzipSync(readFileSync(fileOf(path))).toString('utf8')));
}

/** Keeps the history of a path, without what only says on which machine it was recorded. */
export function keepHistory(path: string, history: History): void {
  const text = JSON.stringify(JSON.parse(historyToJSON(history)), (key, value: unknown) => {
    if (key === 'identity') return 'worker';
    return key === 'stackTrace' ? undefined : value;
  });
  writeFileSync(fileOf(path), gzipSync(text, { level: 9 }));
}

function fileOf(path: string): string {
  return `${HISTORIES}/${path}.json.gz`;
}
