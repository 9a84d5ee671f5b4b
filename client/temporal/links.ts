import { SettingTrouble } from '../../release/settings/environment.ts';
import { plainText } from '../../release/spec/plain-text.ts';
import type { Io } from '../terminal/io.ts';

/** Flags of the verbs that show a link. */
export interface LinkFlags {
  readonly uiUrl?: string | undefined;
}

/** A run of a workflow, and where the Temporal that has it is. */
export interface LinkedRun {
  /** host:port of the Temporal server. */
  readonly address: string;
  readonly namespace: string;
  readonly workflowId: string;
  readonly runId: string;
}

/**
 * The page of a workflow run in the Temporal UI; undefined when nobody has said where the UI is and no UI answers where
 * the development server has its own.
 * @throws SettingTrouble when what was said is no web address
 */
export async function temporalUiLink(
  io: Pick<Io, 'env'>,
  flags: LinkFlags,
  run: LinkedRun,
): Promise<string | undefined> {
  const base = saidBase(io, flags) ?? (await developmentUi(run.address));
  return base === undefined ? undefined : pageOfRun(base, run);
}

/** The tab of a run that tells its story in words: why it stands where it stands, and what can be typed. */
export function pageOfRun(base: string, { namespace, workflowId, runId }: Omit<LinkedRun, 'address'>): string {
  const path = ['namespaces', namespace, 'workflows', workflowId, runId].map(encodeURIComponent);
  return `${base.replace(/\/+$/, '')}/${path.join('/')}/user-metadata`;
}

function saidBase(io: Pick<Io, 'env'>, flags: LinkFlags): string | undefined {
  const base = flags.uiUrl ?? io.env['TEMPORAL_UI_URL'];
  if (base === undefined || /^https?:\/\/[^\s/?#]+[^\s?#]*$/.test(base)) return base;
  const origin = flags.uiUrl === undefined ? 'TEMPORAL_UI_URL' : '--ui-url';
  const expected = 'expected the base of the Temporal UI such as http://127.0.0.1:8233';
  throw new SettingTrouble(`${origin} ${JSON.stringify(plainText(base, 200))}: ${expected}`);
}

/** `temporal server start-dev` has its UI a thousand ports above itself, on the same machine (Temporal CLI 1.9). */
const UI_PORT_OFFSET = 1_000;
const LOOPBACK = /^(127\.0\.0\.1|localhost|\[::1\]):(\d+)$/;
/** A UI on this machine answers in milliseconds; a link is not worth a wait. */
const UI_TIMEOUT = 300;

/** Undefined unless something there answers as the UI does: the port may be anybody's. */
async function developmentUi(address: string): Promise<string | undefined> {
  const [, host, port] = LOOPBACK.exec(address) ?? [];
  if (host === undefined) return undefined;
  const base = `http://${host}:${Number(port) + UI_PORT_OFFSET}`;
  try {
    const answer = await fetch(`${base}/api/v1/settings`, { signal: AbortSignal.timeout(UI_TIMEOUT) });
    const settings = (await answer.json()) as { readonly DefaultNamespace?: unknown } | null;
    return typeof settings?.DefaultNamespace === 'string' ? base : undefined;
  } catch {
    return undefined;
  }
}
