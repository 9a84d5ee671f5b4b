import { expect, test } from 'vitest';
import type { GitOpsManager } from '../../release/plan/git-ops.ts';
import { gitOpsKind, gitOpsManagers, gitOpsNote, stopText } from '../../release/plan/git-ops.ts';
import { SIDECAR, aSet } from '../support/builders.ts';

type Marks = Parameters<typeof gitOpsManagers>[0];

const TRACKED = { 'argocd.argoproj.io/tracking-id': 'arena:game.kruise.io/GameServerSet:arena/duel' };
const OF_KUSTOMIZATION = {
  'kustomize.toolkit.fluxcd.io/name': 'arena',
  'kustomize.toolkit.fluxcd.io/namespace': 'flux-system',
};
const OF_HELM = { 'helm.toolkit.fluxcd.io/name': 'duel', 'helm.toolkit.fluxcd.io/namespace': 'arena' };

test.each<[string, Marks, readonly GitOpsManager[]]>([
  ['by nobody but hotwave and the controllers', { managers: ['hotwave', 'kruise-game-manager', 'kubectl-edit'] }, []],
  ['that a Helm chart has labelled', { labels: { 'app.kubernetes.io/instance': 'duel' }, managers: ['helm'] }, []],
  [
    'by Argo CD, which applies on the server',
    { managers: ['argocd-controller'] },
    [{ kind: 'Argo CD', by: 'argocd-controller' }],
  ],
  [
    'by an older Argo CD, which tracks by the label that charts have, too',
    { managers: ['argocd-application-controller'], labels: { 'app.kubernetes.io/instance': 'arena' } },
    [{ kind: 'Argo CD', by: 'argocd-application-controller', owner: 'arena' }],
  ],
  [
    'that only its tracking id says to be of Argo CD',
    { annotations: TRACKED },
    [{ kind: 'Argo CD', by: 'argocd.argoproj.io/tracking-id', owner: 'arena' }],
  ],
  [
    'of an Application in a namespace of its own',
    { annotations: { 'argocd.argoproj.io/tracking-id': 'team-a_arena:game.kruise.io/GameServerSet:arena/duel' } },
    [{ kind: 'Argo CD', by: 'argocd.argoproj.io/tracking-id', owner: 'team-a/arena' }],
  ],
  [
    'with the label that Argo CD was told to track by',
    { labels: { 'argocd.argoproj.io/instance': 'arena' } },
    [{ kind: 'Argo CD', by: 'argocd.argoproj.io/instance', owner: 'arena' }],
  ],
  [
    'of a Flux Kustomization',
    { managers: ['hotwave', 'kustomize-controller'], labels: OF_KUSTOMIZATION },
    [{ kind: 'Flux Kustomization', by: 'kustomize-controller', owner: 'flux-system/arena' }],
  ],
  [
    'that only the labels say to be of a Kustomization',
    { labels: OF_KUSTOMIZATION },
    [{ kind: 'Flux Kustomization', by: 'kustomize.toolkit.fluxcd.io/name', owner: 'flux-system/arena' }],
  ],
  ['of a field manager named flux', { managers: ['flux'] }, [{ kind: 'Flux Kustomization', by: 'flux' }]],
  [
    'of a Kustomization that is told to leave it alone',
    {
      managers: ['kustomize-controller'],
      annotations: { 'kustomize.toolkit.fluxcd.io/reconcile': 'Disabled' },
    },
    [
      {
        kind: 'Flux Kustomization',
        by: 'kustomize-controller',
        leavesAlone: 'kustomize.toolkit.fluxcd.io/reconcile: disabled',
      },
    ],
  ],
  [
    'of a Flux HelmRelease',
    { managers: ['helm-controller'], labels: OF_HELM },
    [{ kind: 'Flux HelmRelease', by: 'helm-controller', owner: 'arena/duel' }],
  ],
  [
    'of two that fight already',
    { managers: ['argocd-controller'], annotations: TRACKED, labels: OF_KUSTOMIZATION },
    [
      { kind: 'Argo CD', by: 'argocd-controller', owner: 'arena' },
      { kind: 'Flux Kustomization', by: 'kustomize.toolkit.fluxcd.io/name', owner: 'flux-system/arena' },
    ],
  ],
])('a set %s has these GitOps managers', (_whose, marks, managers) => {
  expect(gitOpsManagers(marks)).toEqual(managers);
});

const noteOn = (marks: Marks, strategy: 'rolling' | 'targeted' | 'newServersOnly' = 'rolling'): unknown => {
  const note = gitOpsNote(aSet(marks), { strategy }, SIDECAR);
  return note && `${note.isWarning ? 'warning' : 'ok'}: ${note.text}`;
};
const FIELDS = '/spec/updateStrategy and /spec/gameServerTemplate/spec/containers/1/image';
const RULE =
  '[{ paths: ["/spec/updateStrategy", "/spec/gameServerTemplate/spec/containers/1/image"], target: { group: game.kruise.io, kind: GameServerSet, name: duel } }]';
const WRITES_BACK = `and may write back what this release changes, ${FIELDS}: the release pauses when that happens. Before the start set`;
const AFTERWARDS = 'when the release is done put the new image into Git, then take that away again (docs/git-ops.md)';

test('the plan says nothing of GitOps where there is none', () => {
  expect(noteOn({})).toBeUndefined();
});

test.each<[string, Marks, string]>([
  [
    'an Application',
    { annotations: TRACKED, managers: ['argocd-controller'] },
    `warning: Argo CD, Application arena applies duel (argocd-controller) ${WRITES_BACK} in Application arena spec.ignoreDifferences: [{ group: game.kruise.io, kind: GameServerSet, name: duel, managedFieldsManagers: [hotwave] }] and RespectIgnoreDifferences=true in spec.syncPolicy.syncOptions; ${AFTERWARDS}`,
  ],
  [
    'a Kustomization',
    { labels: OF_KUSTOMIZATION, managers: ['kustomize-controller'] },
    `warning: Flux, Kustomization flux-system/arena applies duel (kustomize-controller) ${WRITES_BACK} in Kustomization flux-system/arena spec.ignore: ${RULE} (kustomize-controller 1.9 and later), or annotate the GameServerSet in the cluster with kustomize.toolkit.fluxcd.io/reconcile: disabled; ${AFTERWARDS}`,
  ],
  [
    'a HelmRelease that the set does not name',
    { managers: ['helm-controller'] },
    `warning: Flux HelmRelease applies duel (helm-controller) ${WRITES_BACK} in its HelmRelease spec.driftDetection.ignore: ${RULE}, and leave the HelmRelease as it is until the end: an upgrade writes the set, too; ${AFTERWARDS}`,
  ],
  [
    'a Kustomization that leaves the set alone',
    { labels: OF_KUSTOMIZATION, annotations: { 'kustomize.toolkit.fluxcd.io/ssa': 'IfNotPresent' } },
    'ok: Flux, Kustomization flux-system/arena applies duel (kustomize.toolkit.fluxcd.io/name), and leaves it alone (kustomize.toolkit.fluxcd.io/ssa: IfNotPresent)',
  ],
  [
    'a HelmRelease without drift detection, which writes with each upgrade',
    { managers: ['helm-controller'], annotations: { 'helm.toolkit.fluxcd.io/driftDetection': 'disabled' } },
    'ok: Flux HelmRelease applies duel (helm-controller), and leaves it alone but for upgrades: upgrade nothing until the end (helm.toolkit.fluxcd.io/driftDetection: disabled)',
  ],
])('the plan names %s, what it may write back and the settings that make peace', (_who, marks, expected) => {
  expect(noteOn(marks)).toBe(expected);
});

test('a release of new servers only writes the same fields, and is told the same', () => {
  const marks = { managers: ['argocd-controller'] };
  expect(noteOn(marks, 'newServersOnly')).toBe(noteOn(marks));
});

test('a targeted release changes nothing that such a manager applies, unless GameServers are in Git, too', () => {
  expect(noteOn({ annotations: TRACKED }, 'targeted')).toBe(
    'ok: Argo CD, Application arena applies duel (argocd.argoproj.io/tracking-id), of which this release changes annotations only; were GameServers in Git, too, they would need in Application arena spec.ignoreDifferences: [{ group: game.kruise.io, kind: GameServer, managedFieldsManagers: [hotwave] }] and RespectIgnoreDifferences=true in spec.syncPolicy.syncOptions',
  );
});

test('marks are foreign text: what they say is one harmless line', () => {
  const owner = `arena\n\u001B[31m${'x'.repeat(200)}`;
  const [found] = gitOpsManagers({ annotations: { 'argocd.argoproj.io/tracking-id': `${owner}:rest` } });
  expect(found?.owner).toBe(`arena ${'x'.repeat(74)}`);
});

test.each<[by: string, marks: Marks, stop: string]>([
  ['argocd-controller', { annotations: TRACKED }, 'argocd app set arena --sync-policy none'],
  ['argocd-controller', {}, 'turn its automatic sync off'],
  [
    'kustomize-controller',
    { labels: OF_KUSTOMIZATION },
    'kubectl -n arena annotate gameserverset duel kustomize.toolkit.fluxcd.io/reconcile=disabled',
  ],
  [
    'helm-controller',
    { labels: OF_HELM },
    'kubectl -n arena annotate gameserverset duel helm.toolkit.fluxcd.io/driftDetection=disabled',
  ],
  ['kubectl-edit', {}, 'stop what writes as kubectl-edit'],
])('%s with %j is stopped by one command, or in words', (by, marks, stop) => {
  expect(stopText(by, { ...aSet(), ...marks })).toBe(stop);
});

test('the name of an Application is no second command', () => {
  const labels = { 'argocd.argoproj.io/instance': 'arena; rm -rf ~' };
  expect(stopText('argocd-controller', { ...aSet(), labels })).toBe(
    "argocd app set 'arena; rm -rf ~' --sync-policy none",
  );
});

test('a field manager that is called as something of every object is nobody’s', () => {
  expect(['constructor', 'toString', '__proto__'].map((manager) => gitOpsKind(manager))).toEqual(
    Array(3).fill(undefined),
  );
});

test('of a tracking id and a label that disagree the tracking id counts, and an empty one names nobody', () => {
  const labels = { 'argocd.argoproj.io/instance': 'copied' };
  expect(gitOpsManagers({ annotations: TRACKED, labels })).toMatchObject([{ owner: 'arena' }]);
  const nameless = { 'argocd.argoproj.io/tracking-id': ':game.kruise.io/GameServerSet:arena/duel' };
  expect(gitOpsManagers({ annotations: nameless })).toEqual([
    { kind: 'Argo CD', by: 'argocd.argoproj.io/tracking-id' },
  ]);
});

test('a Kustomization that is told to ignore the set leaves it alone', () => {
  const annotations = { 'kustomize.toolkit.fluxcd.io/ssa': 'Ignore' };
  expect(gitOpsManagers({ managers: ['kustomize-controller'], annotations })).toMatchObject([
    { leavesAlone: 'kustomize.toolkit.fluxcd.io/ssa: Ignore' },
  ]);
});

test('of two managers one that does not leave the set alone is enough for a warning', () => {
  const set = {
    ...aSet(),
    managers: ['kustomize-controller', 'argocd-controller'],
    annotations: { 'kustomize.toolkit.fluxcd.io/reconcile': 'disabled' },
  };
  expect(gitOpsNote(set, { strategy: 'rolling' }, SIDECAR)?.isWarning).toBe(true);
});
