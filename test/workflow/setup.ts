import { DefaultLogger, Runtime } from '@temporalio/worker';

// Before any connection: a runtime that exists cannot be replaced. Workers that come and go say so at level INFO.
Runtime.install({ logger: new DefaultLogger('ERROR') });
