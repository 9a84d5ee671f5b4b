export { rollBackFromCluster } from './from-cluster.ts';
export { courier } from './courier.ts';
export { guard } from './monitor.ts';
export { halt } from './halt.ts';
export { hotUpdate } from './hot-update.ts';
export { describeSet } from './describe-set.ts';
export { inspectCluster, planOnly } from './plan-only.ts';
export { readAudit } from './read-audit.ts';
