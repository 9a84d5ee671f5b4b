import { expect, test } from 'vitest';
import { setBaseline } from '../../release/patches/patches.ts';
import { changedTemplateFields, templateEditText, templateEdits } from '../../release/patches/template.ts';
import { MAIN, MAIN_IMAGE, NEW_IMAGE, OLD_IMAGE, SIDECAR, aSet } from '../support/builders.ts';

const template = {
  metadata: { labels: { app: 'duel' } },
  reclaimPolicy: 'Delete',
  spec: {
    initContainers: [{ name: 'prepare', image: 'prepare:1' }],
    containers: [
      { name: MAIN, image: MAIN_IMAGE, env: [{ name: 'MODE', value: 'ranked' }] },
      { name: SIDECAR, image: OLD_IMAGE, volumeMounts: [{ name: 'hot', mountPath: '/hot' }] },
    ],
    volumes: [{ name: 'hot', emptyDir: {} }],
  },
};
const baseline = setBaseline(aSet({ template }), SIDECAR, NEW_IMAGE)!;

/** The sentence about a template after a change of it. */
function said(change: (copy: typeof template) => void): string[] {
  const copy = structuredClone(template);
  change(copy);
  const edits = templateEdits(baseline, changedTemplateFields(baseline, aSet({ template: copy })));
  return edits.map((edit) => templateEditText(edit, 'duel', 'argocd'));
}

test('the image that the release changes is no edit of the template', () => {
  expect(said(({ spec }) => (spec.containers[1]!.image = NEW_IMAGE))).toEqual([]);
});

test.each<[string, (copy: typeof template) => unknown, string]>([
  [
    'the image of the main container',
    ({ spec }) => (spec.containers[0]!.image = 'engine:9'),
    `/spec/gameServerTemplate/spec/containers/0/image of duel from ${MAIN_IMAGE} to engine:9`,
  ],
  [
    'the image of an init container',
    ({ spec }) => (spec.initContainers[0]!.image = 'prepare:2'),
    '/spec/gameServerTemplate/spec/initContainers/0/image of duel from prepare:1 to prepare:2',
  ],
  [
    'another field of the main container',
    ({ spec }) => (spec.containers[0]!.env = []),
    '/spec/gameServerTemplate/spec/containers/0 of duel',
  ],
  [
    'another field of the release container',
    ({ spec }) => (spec.containers[1]!.volumeMounts = []),
    '/spec/gameServerTemplate/spec/containers/1 of duel',
  ],
  ['a volume', ({ spec }) => (spec.volumes = []), '/spec/gameServerTemplate/spec/volumes of duel'],
  ['a label', (copy) => (copy.metadata.labels.app = 'x'), '/spec/gameServerTemplate/metadata of duel'],
])('an edit is named: %s', (_what, change, words) => {
  expect(said(change)).toEqual([`argocd changed ${words}`]);
});

test('a container that comes is an edit, and images are named first', () => {
  const [first] = said(({ spec }) => spec.containers.push({ name: 'proxy', image: 'proxy:1' } as never));
  expect(first).toBe('argocd changed /spec/gameServerTemplate/spec/containers/2/image of duel from nothing to proxy:1');
});

test('the order of keys is no edit, and neither is a null where there was nothing', () => {
  expect(said(({ spec }) => Object.assign(spec, { nodeSelector: null }))).toEqual([]);
  const { spec, ...others } = template;
  const turned = { spec: { volumes: spec.volumes, containers: spec.containers, initContainers: spec.initContainers } };
  expect(changedTemplateFields(baseline, aSet({ template: { ...turned, ...others } }))).toEqual({});
});

test('another spelling of the same template is no edit: what Go leaves out, adds and spells anew', () => {
  const limits = (cpu: unknown, memory: string, emptyDir: object): object => ({
    spec: {
      containers: [
        { name: MAIN, image: MAIN_IMAGE, resources: { limits: { cpu, memory } } },
        { name: SIDECAR, image: OLD_IMAGE, env: [{ name: 'FLAG', value: '' }], tty: false, stdin: null },
      ],
      volumes: [{ name: 'hot', emptyDir }],
    },
  });
  const before = setBaseline(aSet({ template: limits('0.5', '1024Mi', { sizeLimit: '1000M' }) }), SIDECAR, NEW_IMAGE)!;
  const after = limits('500m', '1Gi', { sizeLimit: '1G' }) as { spec: { containers: object[] } };
  after.spec.containers[1] = { name: SIDECAR, image: OLD_IMAGE, env: [{ name: 'FLAG' }], resources: {} };
  const now = { metadata: { creationTimestamp: null, labels: {} }, ...after };
  expect(changedTemplateFields(before, aSet({ template: now }))).toEqual({});
});

test('an empty label and another amount are edits', () => {
  expect(said(({ metadata }) => Object.assign(metadata.labels, { empty: '' }))).toHaveLength(1);
  const limited = (cpu: string): object => ({
    spec: { containers: [{ name: SIDECAR, image: OLD_IMAGE, resources: { limits: { cpu } } }] },
  });
  const before = setBaseline(aSet({ template: limited('1') }), SIDECAR, NEW_IMAGE)!;
  const edited = changedTemplateFields(before, aSet({ template: limited('1m') }));
  expect(Object.keys(edited)).toEqual(['/spec/containers/0']);
});
