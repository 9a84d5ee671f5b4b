import type { LabKind } from '../lab/lab.ts';
import { MissingPrerequisite } from '../lab/prerequisites.ts';

/** A kind of lab, and the sentence that tells a person why this one. */
export interface LabChoice {
  readonly kind: LabKind;
  readonly reason: string;
}

const descriptions: Readonly<Record<LabKind, string>> = {
  truth: 'the truth lab: a real kubelet and real containers',
  fleet: 'the fleet lab: simulated nodes, no containers',
};

/**
 * The lab that the demo runs on: the one that was asked for, else the most real one that can run.
 * @param obstacle why the truth lab cannot run on this machine; undefined when it can
 * @throws MissingPrerequisite when the truth lab was asked for and cannot run
 */
export function chooseLab(asked: LabKind | undefined, obstacle: string | undefined): LabChoice {
  if (asked === 'truth' && obstacle !== undefined) {
    throw new MissingPrerequisite(`the truth lab cannot run here: ${obstacle}`);
  }
  if (asked !== undefined) return { kind: asked, reason: `This is ${descriptions[asked]}. You asked for it.` };
  if (obstacle === undefined) return { kind: 'truth', reason: `This is ${descriptions.truth}.` };
  return { kind: 'fleet', reason: `This is ${descriptions.fleet}. The truth lab cannot run here: ${obstacle}.` };
}
