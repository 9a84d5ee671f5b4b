import { ActivityFailure } from '@temporalio/workflow';
import type { AuditRow } from '../release/audit/audit.ts';
import { auditOf } from '../release/audit/audit-verdict.ts';
import { asked } from './calls.ts';
import { checkedInput, auditInputSchema } from './input-schemas.ts';
import type { AuditInput, AuditResult } from './messages.ts';
import { describeFailure, isForbidden } from './call-failures.ts';
import type { AuditHead } from '../activities/audit/read-audit.ts';

/** Servers of one page: it bounds what one activity asks, returns and repeats. */
const PAGE_SIZE = 250;
/** Pages that are read at once: an audit must not press the servers harder than a release does. */
const PAGES_AT_ONCE = 4;
const HEAD_MS = 30_000;
/** Long enough for a page of servers that are all silent. */
const PAGE_MS = 5 * 60_000;

/**
 * The workflow behind `hotwave versions` and `hotwave verify`: asks every server of a set what it runs at this moment.
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
  const { frame, names, overrides } = head;
  const rows: AuditRow[] = [];
  const perRound = PAGE_SIZE * PAGES_AT_ONCE;
  for (let start = 0; start < names.length; start += perRound) {
    const pages = pagesOf(names.slice(start, start + perRound)).map((page) =>
      asked(`ask ${page.length} servers`, PAGE_MS).readAuditPage({
        frame,
        names: page,
        overrides: Object.fromEntries(Object.entries(overrides).filter(([name]) => page.includes(name))),
      }),
    );
    rows.push(...(await Promise.all(pages)).flat());
  }
  return rows;
}

function pagesOf(names: readonly string[]): (readonly string[])[] {
  const pages: (readonly string[])[] = [];
  for (let start = 0; start < names.length; start += PAGE_SIZE) pages.push(names.slice(start, start + PAGE_SIZE));
  return pages;
}
