import { stringify } from 'yaml';
import type { LabGame } from '../demo/game.ts';
import { gameServerSet } from '../lab/game-server-sets.ts';

/** The set of every playground. */
export const playgroundSet = 'duel';

const servers = 6;

const header = (lab: string, what: string): string =>
  `# ${what}\n# npm run lab -- up wrote this file, and down deletes it: copy it before you change it.${lab}\n`;

/** The GameServerSet: what `kubectl get` would show of it, without a node. */
export function setFile(game: LabGame): string {
  const { nodeName: _, ...set } = game.set;
  const manifest = gameServerSet({ ...set, name: playgroundSet, replicas: servers });
  return header('', `The six game servers of this lab, on v1.0: ${game.askedBy}`) + stringify(manifest);
}

/** A release that succeeds, with a gate before its second wave. */
export function goodFile(game: LabGame): string {
  return (
    header('', 'A good version, in three waves. Somebody has to approve the second one.') +
    releaseFile(game, 'scripts-2-0', 'v2.0', '  waves: [1, 2, rest]\n  gates: [{ before: 2 }]')
  );
}

/** A release that is caught in its first wave and rolls itself back. */
export function badFile(game: LabGame): string {
  return (
    header(
      '\n# npm run lab -- --help lists other versions that fail.',
      `A bad version: it ${game.badBecause}. Wave 1 catches it, and the release rolls back.`,
    ) + releaseFile(game, 'scripts-2-1', game.badVersion, '  waves: [1, 2, rest]')
  );
}

function releaseFile(game: LabGame, name: string, version: string, steering: string): string {
  return `apiVersion: hotwave.dev/v1
kind: Release
metadata: { name: ${name} }
spec:
  target: { namespace: default, gameServerSet: ${playgroundSet} }
  images: { sidecar: '${game.image(version)}' }
${steering}
  ready: { timeout: 90s }
${game.runbook}
  onFailure: { then: rollback }
`;
}

/** The settings of a shell on a lab. */
export interface LabEnvironment {
  /** Of the folder with the command. */
  readonly bin: string;
  readonly kubeconfig: string;
  readonly temporal: { readonly address: string; readonly uiUrl: string };
}

/** A file for `source`, in any POSIX shell. Settings for another Temporal or hotwave would lead elsewhere: they go. */
export function environmentFile({ bin, kubeconfig, temporal }: LabEnvironment): string {
  const settings = {
    KUBECONFIG: kubeconfig,
    TEMPORAL_ADDRESS: temporal.address,
    TEMPORAL_UI_URL: temporal.uiUrl,
    TEMPORAL_CONFIG_FILE: '/dev/null',
  };
  return `# Puts a shell on this lab: source this file.
for setting in $(env | sed -n 's/^\\(TEMPORAL_[A-Z0-9_]*\\)=.*/\\1/p;s/^\\(HOTWAVE_[A-Z0-9_]*\\)=.*/\\1/p'); do
  case "$setting" in HOTWAVE_CACHE | HOTWAVE_LAB_VERSIONS | TEMPORAL_CLI) ;; *) unset "$setting" ;; esac
done
unset setting
export PATH=${quoted(bin)}:"$PATH"
${Object.entries(settings)
  .map(([name, value]) => `export ${name}=${quoted(value)}\n`)
  .join('')}`;
}

/** The command \`hotwave\` of a checkout, for a folder on the PATH. */
export function commandFile(node: string, program: readonly string[]): string {
  return `#!/bin/sh\nexec ${[node, ...program].map(quoted).join(' ')} "$@"\n`;
}

/** A word as a POSIX shell reads it, whatever is in it; plain words stay as they are. */
export function quoted(word: string): string {
  return /^[\w./:=@%+-]+$/.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`;
}
