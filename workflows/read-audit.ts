import { counted } from '../release/spec/counted.ts';
import { ActivityFailure } from '@temporalio/workflow';
import type { AuditRow } from '../release/audit/audit.ts';
import { auditOf } from '../release/audit/audit-verdict.ts';
import { auditRounds } from '../release/audit/pages.ts';
import { asked } from './calls.ts';
import { checkedInput, auditInputSchema } from './input-schemas.ts';
import type { AuditInput, AuditResult } from './messages.ts';
import { describeFailure, isForbidden } from './call-failures.ts';
import type { AuditHead } from '../activities/audit/read-audit.ts';

const HEAD_MS = 30_000;
/** Long enough for a page of servers that are all silent. */
const PAGE_MS = 5 * 60_000;

/**
 * The workflow behind `hotwave versions` and `hotwave verify` where Temporal has no standalone activities: it asks every
 * server of a set what it runs at this moment.
 * Nothing is remembered, so nothing can be stale.
 */
export async function readAudit(input: AuditInput): Promise<AuditResult> {
  const { set, file, version } = checkedInput(auditInputSchema, input);
  try {
    const head = await asked('read the set', HEAD_MS).readAuditHead({ set, file, version });
    if (head.kind === 'refused') return head;
    return { kind: 'audit', audit: auditOf(head.frame, await readRows(head)) };
  } catch (error) {
    if (!(error instanceof ActivityFailure)) throw error;
    return { kind: isForbidden(error) ? 'refused' : 'unreachable', reason: describeFailure(error) };
  }
}

async function readRows(head: Extract<AuditHead, { kind: 'found' }>): Promise<readonly AuditRow[]> {
  const rows: AuditRow[] = [];
  for (const pages of auditRounds(head)) {
    const read = pages.map((page) => asked(`ask ${counted(page.names.length, 'server')}`, PAGE_MS).readAuditPage(page));
    rows.push(...(await Promise.all(read)).flat());
  }
  return rows;
}
