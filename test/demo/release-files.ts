import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Stage } from './stage.ts';

/** The difference between the release files of the demo. */
export interface ReleaseChoice {
  readonly name: string;
  readonly version: string;
  /** The lines of `spec` about waves, gates and failures. */
  readonly steering: string;
}

/** Writes a release file where the commands find it; returns its name and its text. */
export function writeReleaseFile(
  { game, folder }: Stage,
  { name, version, steering }: ReleaseChoice,
): { readonly file: string; readonly text: string } {
  const text = `apiVersion: hotwave.dev/v1
kind: Release
metadata: { name: ${name} }
spec:
  target: { gameServerSet: gss-2048 }
  images: { sidecar: '${game.image(version)}' }
${steering}
  maxUnavailable: 50%
  ready: { timeout: 90s }
${game.runbook}
`;
  const file = `${name}.yaml`;
  writeFileSync(join(folder, file), text);
  return { file, text };
}
