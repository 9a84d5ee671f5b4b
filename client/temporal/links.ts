import { SettingTrouble } from '../../release/settings/environment.ts';
import { plainText } from '../../release/spec/plain-text.ts';
import type { Io } from '../terminal/io.ts';

/** Flags of the verbs that show a link. */
export interface LinkFlags {
  readonly uiUrl?: string | undefined;
}

/**
 * The page of a workflow run in the Temporal UI; undefined when nobody has said where the UI is.
 * @throws SettingTrouble when that is no web address
 */
export function temporalUiLink(
  io: Pick<Io, 'env'>,
  flags: LinkFlags,
  run: { readonly namespace: string; readonly workflowId: string; readonly runId: string },
): string | undefined {
  const base = flags.uiUrl ?? io.env['TEMPORAL_UI_URL'];
  if (base === undefined) return undefined;
  if (!/^https?:\/\/[^\s/?#]+[^\s?#]*$/.test(base)) {
    const origin = flags.uiUrl === undefined ? 'TEMPORAL_UI_URL' : '--ui-url';
    const expected = 'expected the base of the Temporal UI such as http://127.0.0.1:8233';
    throw new SettingTrouble(`${origin} ${JSON.stringify(plainText(base, 200))}: ${expected}`);
  }
  const path = ['namespaces', run.namespace, 'workflows', run.workflowId, run.runId].map(encodeURIComponent);
  return `${base.replace(/\/+$/, '')}/${path.join('/')}/history`;
}
