import type { SearchAttributePair, TypedSearchAttributes } from '@temporalio/common';
import { defineSearchAttributeKey } from '@temporalio/common';
import { imageTag } from '../../release/spec/image-reference.ts';
import { updatedContainer } from '../../release/spec/spec.ts';
import type { ReleaseInput } from '../../workflows/messages.ts';

const KEYS = {
  set: defineSearchAttributeKey('HotwaveSet', 'KEYWORD'),
  cluster: defineSearchAttributeKey('HotwaveCluster', 'KEYWORD'),
  release: defineSearchAttributeKey('HotwaveRelease', 'KEYWORD'),
  version: defineSearchAttributeKey('HotwaveVersion', 'KEYWORD'),
  phase: defineSearchAttributeKey('HotwavePhase', 'KEYWORD'),
  requester: defineSearchAttributeKey('HotwaveRequester', 'KEYWORD'),
  wave: defineSearchAttributeKey('HotwaveWave', 'INT'),
};

/** The facts in the search attributes of a release; empty and 0 where they say nothing. */
export interface ReleaseAttributes {
  readonly set: string;
  readonly cluster: string;
  readonly release: string;
  /** The version that it brings. */
  readonly version: string;
  readonly phase: string;
  readonly requester: string;
  readonly wave: number;
}

/** The search attributes that a release is started with. */
export function attributesOf({ file, cluster, requester }: ReleaseInput): SearchAttributePair[] {
  const { version, target } = file.spec;
  const { namespace, gameServerSet } = target;
  return [
    { key: KEYS.set, value: `${namespace}/${gameServerSet}` },
    { key: KEYS.cluster, value: cluster },
    { key: KEYS.release, value: file.metadata.name },
    { key: KEYS.version, value: version ?? imageTag(updatedContainer(file.spec).image) },
    { key: KEYS.phase, value: 'planning' },
    { key: KEYS.requester, value: requester },
    { key: KEYS.wave, value: 0 },
  ];
}

/** Reads them back from a described or listed workflow. Needs no worker. */
export function readAttributes({
  typedSearchAttributes: found,
}: {
  readonly typedSearchAttributes: TypedSearchAttributes;
}): ReleaseAttributes {
  return {
    set: found.get(KEYS.set) ?? '',
    cluster: found.get(KEYS.cluster) ?? '',
    release: found.get(KEYS.release) ?? '',
    version: found.get(KEYS.version) ?? '',
    phase: found.get(KEYS.phase) ?? '',
    requester: found.get(KEYS.requester) ?? '',
    wave: found.get(KEYS.wave) ?? 0,
  };
}
