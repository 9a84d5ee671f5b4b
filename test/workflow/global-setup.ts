import type { TestProject } from 'vitest/node';
import { workflowBundlePath } from '../../worker/bundle.ts';
import { startTemporalLab } from '../lab/temporal-lab.ts';

declare module 'vitest' {
  /** The parts that the files of the workflow layer share. */
  interface ProvidedContext {
    /** host:port of the one Temporal server. */
    temporalAddress: string;
    /** Its web UI. */
    temporalUi: string;
    /** The one bundle of the workflow code. */
    bundlePath: string;
  }
}

/** One Temporal server and one bundle for all files of the layer. Returns what ends them. */
export default async function setUp(project: TestProject): Promise<() => Promise<void>> {
  const log = (line: string): void => void process.stderr.write(`lab: ${line}\n`);
  const [temporal, bundlePath] = await Promise.all([startTemporalLab(log), workflowBundlePath()]);
  project.provide('temporalAddress', temporal.address);
  project.provide('temporalUi', temporal.uiUrl);
  project.provide('bundlePath', bundlePath);
  return () => temporal.stop();
}
