import { defineConfig } from 'vitest/config';

/** The expected value and the found one, whole: in a log that is all there is. */
const WORDY = { chaiConfig: { truncateThreshold: 1_000 } };

/** One project per layer (CONTRIBUTING.md); `npm test` runs them one after the other. */
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          ...WORDY,
          name: 'unit',
          maxWorkers: 2,
          // Properties play thousands of cases; on a busy machine that takes its time.
          testTimeout: 60_000,
          include: [
            'test/{release,progress,client,cluster,worker,activities,codec,contract,bench,demo,playground,terminal}/**/*.test.ts',
          ],
        },
      },
      {
        test: {
          ...WORDY,
          name: 'workflow',
          include: ['test/{workflow,cases,replay,situations}/**/*.test.ts'],
          globalSetup: ['test/workflow/global-setup.ts'],
          setupFiles: ['test/workflow/setup.ts'],
          // Tests of one file run side by side, each with a worker, a task queue and a cluster of its own.
          sequence: { concurrent: true },
          maxConcurrency: 8,
          maxWorkers: 2,
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
      {
        test: {
          ...WORDY,
          name: 'model',
          include: ['test/model/**/*.test.ts'],
          globalSetup: ['test/workflow/global-setup.ts'],
          setupFiles: ['test/workflow/setup.ts'],
          sequence: { concurrent: true },
          maxConcurrency: 10,
          testTimeout: 180_000,
          hookTimeout: 120_000,
        },
      },
      {
        // Not a layer: `npm run record-histories`.
        test: {
          ...WORDY,
          name: 'record-histories',
          include: ['test/replay/record.ts'],
          globalSetup: ['test/workflow/global-setup.ts'],
          setupFiles: ['test/workflow/setup.ts'],
          testTimeout: 120_000,
        },
      },
      {
        // Not a layer: `npm run record-situations`.
        test: {
          ...WORDY,
          name: 'record-situations',
          include: ['test/situations/record.ts', 'test/situations/record-night.ts'],
          globalSetup: ['test/workflow/global-setup.ts'],
          setupFiles: ['test/workflow/setup.ts'],
          hookTimeout: 120_000,
        },
      },
      {
        // Not a layer: `node scripts/run.mjs test/terminal/main.ts`.
        test: {
          ...WORDY,
          name: 'record-terminal',
          include: ['test/terminal/record.ts'],
          globalSetup: ['test/workflow/global-setup.ts'],
          setupFiles: ['test/workflow/setup.ts'],
          testTimeout: 600_000,
          hookTimeout: 120_000,
        },
      },
      {
        // Not a layer: `npm run test:skew`.
        test: {
          ...WORDY,
          name: 'skew',
          include: ['test/skew/**/*.test.ts'],
        },
      },
      {
        test: {
          ...WORDY,
          name: 'package',
          include: ['test/package/**/*.test.ts'],
          testTimeout: 60_000,
          hookTimeout: 180_000,
        },
      },
      {
        test: {
          ...WORDY,
          name: 'fleet',
          include: ['test/fleet/**/*.test.ts'],
          // Each file has a lab of its own, and they mostly wait.
          maxWorkers: 2,
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
      {
        test: {
          ...WORDY,
          name: 'truth',
          include: ['test/truth/**/*.test.ts'],
          maxWorkers: 2,
          testTimeout: 120_000,
          hookTimeout: 180_000,
        },
      },
    ],
  },
});
