import type { ReleaseSpec } from '../../release/spec/spec.ts';
import type { Access } from '../ports/access.ts';
import { readsLogs, runsCommands } from './preflight-probes.ts';

/** The permissions that a release needs in a namespace; with its spec, also those that only some releases need. */
export function neededAccess(namespace: string, spec?: ReleaseSpec): readonly Access[] {
  const access = (group: string, resource: string, verbs: readonly string[], subresource?: string): Access[] =>
    verbs.map((verb) => ({ verb, group, resource, namespace, ...(subresource === undefined ? {} : { subresource }) }));
  return [
    ...access('game.kruise.io', 'gameserversets', ['get', 'list', 'watch', 'patch']),
    ...access('game.kruise.io', 'gameservers', ['get', 'list', 'patch']),
    ...(spec?.strategy === 'targeted' ? access('game.kruise.io', 'gameservers', ['watch']) : []),
    ...access('apps.kruise.io', 'statefulsets', ['get']),
    ...access('', 'pods', ['list', 'watch']),
    ...(spec === undefined || runsCommands(spec) ? access('', 'pods', ['get', 'create'], 'exec') : []),
    ...(spec && readsLogs(spec) ? access('', 'pods', ['get'], 'log') : []),
  ];
}

/** Which permissions the worker lacks in a namespace, and what helps. */
export function missingAccessSentence(missing: readonly Access[], namespace: string): string {
  const names = missing.map(describeAccess).join(', ');
  return `the worker may not ${names} in namespace ${namespace}: apply deploy/rbac.yaml, and bind its roles in that namespace as its head says`;
}

/** `patch gameservers.game.kruise.io`: a permission as people grant it. */
function describeAccess({ verb, group, resource, subresource }: Access): string {
  const name = subresource === undefined ? resource : `${resource}/${subresource}`;
  return `${verb} ${name}${group === '' ? '' : `.${group}`}`;
}
