import { formatDiagnostic, readReleaseFile } from '../../release/diagnose.ts';
import type { ReleaseFile } from '../../release/spec.ts';

/** A release file from YAML, as a person would write it. */
export function releaseFrom(yaml: string): ReleaseFile {
  const reading = readReleaseFile(yaml);
  if ('release' in reading) return reading.release;
  throw new Error(reading.diagnostics.map((diagnostic) => formatDiagnostic('release.yaml', diagnostic)).join('\n'));
}
