import { z } from 'zod';
import { momentSchema } from '../spec/quantity.ts';
import { plainLine } from '../spec/text.ts';

/** Annotation of a set: the last version that every server of the set proved at the end of a release. */
export const STABLE_ANNOTATION = 'hotwave.dev/stable';

/** Longest text that is read: what is longer was not written by hotwave. */
const READ_LIMIT = 8 * 1024;

const stableSchema = z.object({
  v: z.literal(1),
  container: plainLine(63),
  image: plainLine(1_024),
  version: plainLine(1_024),
  release: plainLine(63),
  at: momentSchema,
});

/** The last version that every server of a set proved at the end of a release. */
export interface StableVersion {
  readonly v: 1;
  /** The container whose image it is: another sidecar of the same set has no part in it. */
  readonly container: string;
  readonly image: string;
  readonly version: string;
  /** The release that ended with it. */
  readonly release: string;
  /** When that release ended, milliseconds since the epoch. */
  readonly at: number;
}

/** The value of the annotation; nothing when there is none, or the sentence when it cannot be read. */
export type StableReading = { readonly stable?: StableVersion; readonly unreadable?: string };

/** Reads the annotation. Never throws: people and tools edit annotations. */
export function readStable(annotations: Readonly<Record<string, string>> | undefined): StableReading {
  const text = annotations?.[STABLE_ANNOTATION];
  if (text === undefined) return {};
  const parsed = stableSchema.safeParse(jsonOf(text));
  if (parsed.success) return { stable: parsed.data };
  return { unreadable: `the annotation ${STABLE_ANNOTATION} cannot be read: no stable version is known` };
}

function jsonOf(text: string): unknown {
  if (text.length > READ_LIMIT) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The text of the annotation. */
export function stableText(stable: StableVersion): string {
  return JSON.stringify(stable);
}
