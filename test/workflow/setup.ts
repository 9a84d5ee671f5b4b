import { DefaultLogger, makeTelemetryFilterString, Runtime } from '@temporalio/worker';

// Before any connection: a runtime that exists cannot be replaced. Tests make trouble, of which the core tells at WARN.
Runtime.install({
  logger: new DefaultLogger('ERROR'),
  telemetryOptions: { logging: { filter: makeTelemetryFilterString({ core: 'ERROR', other: 'ERROR' }) } },
});
