import type { ExecRequest } from '../../activities/ports/probes.ts';
import type { GuardedPatch, PatchTarget } from '../../release/patches/patches.ts';
import type { WhichCalls } from './cluster-calls.ts';
import { NEW_IMAGE } from './builders.ts';

// Calls named by what they do to the cluster, whichever part of hotwave makes them.

type Write = readonly [PatchTarget, GuardedPatch, { readonly dryRun?: boolean } | undefined];

function isWrite(parameters: readonly unknown[], kind: PatchTarget['kind'], path: RegExp): boolean {
  const [target, patch, options] = parameters as Write;
  return options?.dryRun !== true && target.kind === kind && patch.changes.some((change) => path.test(change.path));
}

/** Gives a GameServer its image, or takes it away. */
export const AN_OVERRIDE: WhichCalls = {
  operation: 'patch',
  about: (parameters) => isWrite(parameters, 'GameServer', /^\/spec\/containers/),
};

/** Gives a GameServer the new image. */
export const A_NEW_OVERRIDE: WhichCalls = {
  operation: 'patch',
  about: (parameters) => {
    const [, patch] = parameters as Write;
    return (
      isWrite(parameters, 'GameServer', /^\/spec\/containers/) && JSON.stringify(patch.changes).includes(NEW_IMAGE)
    );
  },
};

/** Gives a GameServer a priority. */
export const A_PRIORITY: WhichCalls = {
  operation: 'patch',
  about: (parameters) => isWrite(parameters, 'GameServer', /^\/spec\/updatePriority/),
};

/** Any write of the set, its annotations included. */
export const A_SET_WRITE: WhichCalls = {
  operation: 'patch',
  about: (parameters) => isWrite(parameters, 'GameServerSet', /./),
};

/** Changes how the set lets servers move. */
export const A_STRATEGY_WRITE: WhichCalls = {
  operation: 'patch',
  about: (parameters) => isWrite(parameters, 'GameServerSet', /^\/spec\/updateStrategy/),
};

/** Tells an engine to reload. */
export const A_RELOAD: WhichCalls = {
  operation: 'exec',
  about: ([request]) => (request as ExecRequest).command.includes('reload'),
};
