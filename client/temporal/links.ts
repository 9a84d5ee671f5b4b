import type { Io } from '../terminal/io.ts';

/** Flags of the verbs that show a link. */
export interface LinkFlags {
  readonly uiUrl?: string | undefined;
}

/** The page of a workflow run in the Temporal UI; undefined when nobody has said where the UI is. */
export function temporalUiLink(
  io: Pick<Io, 'env'>,
  flags: LinkFlags,
  run: { readonly namespace: string; readonly workflowId: string; readonly runId: string },
): string | undefined {
  const base = flags.uiUrl ?? io.env['TEMPORAL_UI_URL'];
  if (base === undefined || base === '') return undefined;
  const path = ['namespaces', run.namespace, 'workflows', run.workflowId, run.runId].map(encodeURIComponent);
  return `${base.replace(/\/+$/, '')}/${path.join('/')}/history`;
}
