import { makeTelemetryFilterString, Runtime } from '@temporalio/worker';
import { workerLogger } from '../support/worker-log.ts';

// Before any connection: a runtime that exists cannot be replaced. Tests make trouble, of which the core tells at WARN.
Runtime.install({
  logger: workerLogger(),
  telemetryOptions: { logging: { filter: makeTelemetryFilterString({ core: 'ERROR', other: 'ERROR' }) } },
});
