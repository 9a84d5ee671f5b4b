import { formatDiagnostic, readReleaseFile } from '../../release/spec/diagnose.ts';
import type { ReleaseFile } from '../../release/spec/spec.ts';

/** A release file from YAML, as a person would write it. */
export function releaseFrom(yaml: string): ReleaseFile {
  const reading = readReleaseFile(yaml);
  if ('release' in reading) return reading.release;
  throw new Error(reading.diagnostics.map((diagnostic) => formatDiagnostic('release.yaml', diagnostic)).join('\n'));
}

/** How long servers may take to be Ready: long enough for a busy machine, and not too long for images that never are. */
export function readyTimeoutOf(tag: string): string {
  return /neverready|badpull/.test(tag) ? '12s' : '30s';
}
