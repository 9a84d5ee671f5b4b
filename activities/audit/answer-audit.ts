import type { AuditRow } from '../../release/audit/audit.ts';
import type { AuditAnswer } from '../../release/audit/audit-verdict.ts';
import { auditOf } from '../../release/audit/audit-verdict.ts';
import { auditRounds } from '../../release/audit/pages.ts';
import { answered } from '../answered.ts';
import type { Cluster } from '../ports/cluster.ts';
import type { AuditHeadInput } from './read-audit.ts';
import { readAuditHead, readAuditPage } from './read-audit.ts';

/** Asks every server of a set what it runs at this moment, in one activity. Nothing is remembered, so nothing can be stale. */
export function answerAudit(cluster: Cluster): (input: AuditHeadInput) => Promise<AuditAnswer> {
  const readHead = readAuditHead(cluster);
  const readPage = readAuditPage(cluster);
  return ({ set, file, version }) =>
    answered(async (): Promise<AuditAnswer> => {
      const head = await readHead({ set, file, version });
      if (head.kind === 'refused') return head;
      const rows: AuditRow[] = [];
      for (const pages of auditRounds(head)) rows.push(...(await Promise.all(pages.map(readPage))).flat());
      return { kind: 'audit', audit: auditOf(head.frame, rows) };
    });
}
