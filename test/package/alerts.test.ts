import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { execa } from 'execa';
import { beforeAll, expect, test } from 'vitest';
import { parse, stringify } from 'yaml';
import { provideDebianPackages } from '../lab/debian-packages.ts';

// The rules that people load into their Prometheus, by Prometheus' own checker.

const RULES = resolve('deploy/alerts.yaml');
let promtool: string;

beforeAll(async () => {
  const log = (line: string): void => void process.stderr.write(`alerts: ${line}\n`);
  promtool = join(await provideDebianPackages(log, ['prometheus']), 'usr/bin/promtool');
});

interface Rule {
  readonly alert: string;
  readonly annotations: { readonly runbook: string };
}

async function rules(): Promise<readonly Rule[]> {
  const { groups } = parse(await readFile(RULES, 'utf8')) as { groups: { rules: Rule[] }[] };
  return groups.flatMap((group) => group.rules);
}

/** A quiet cluster: what a worker tells when nothing is wrong, for an hour. `timestamp` follows the clock. */
const QUIET: Readonly<Record<string, string>> = {
  hotwave_releases_look_timestamp_seconds: '0+60x120',
  hotwave_releases_silent: '0x120',
  hotwave_incomplete_rollbacks: '0x120',
  hotwave_oldest_pause_seconds: '0x120',
  'hotwave_servers{state="failed"}': '0x120',
  'hotwave_servers{state="proved"}': '7x120',
  hotwave_oldest_gate_seconds: '0x120',
  hotwave_unreadable_messages: '0x120',
  'hotwave_oldest_undelivered_notice_seconds{sink="chat"}': '0x120',
  'hotwave_oldest_undelivered_notice_seconds{sink="unknown"}': '0x120',
  'hotwave_lost_notices{sink="chat"}': '0x120',
  hotwave_couriers_silent: '0x120',
  hotwave_monitors_silent: '0x120',
  hotwave_mismatching_servers: '0x120',
  hotwave_policy_readable: '1x120',
};

/** For each alert what makes it fire, and the minute before which it must not have. */
const FIRES: Readonly<Record<string, { readonly series: Readonly<Record<string, string>>; readonly from: number }>> = {
  HotwaveNoWorker: { series: { hotwave_releases_look_timestamp_seconds: '0+60x5 _x115' }, from: 16 },
  HotwaveReleasesNotSeen: { series: { hotwave_releases_look_timestamp_seconds: '0x120' }, from: 6 },
  HotwaveReleaseSilent: { series: { hotwave_releases_silent: '0x9 1x110' }, from: 15 },
  HotwaveRollbackIncomplete: { series: { hotwave_incomplete_rollbacks: '0x9 1x110' }, from: 11 },
  HotwaveReleasePaused: { series: { hotwave_oldest_pause_seconds: '0+60x120' }, from: 16 },
  HotwaveServersFail: { series: { 'hotwave_servers{state="failed"}': '0x9 2x110' }, from: 11 },
  HotwaveGateWaits: { series: { hotwave_oldest_gate_seconds: '0+60x120' }, from: 61 },
  HotwaveUnreadableMessages: { series: { hotwave_unreadable_messages: '0x9 3x110' }, from: 10 },
  HotwaveNoticesUndelivered: {
    series: { 'hotwave_oldest_undelivered_notice_seconds{sink="chat"}': '0+60x120' },
    from: 11,
  },
  HotwaveNoticesLost: { series: { 'hotwave_lost_notices{sink="chat"}': '0x9 2x110' }, from: 10 },
  HotwaveBesideSilent: { series: { hotwave_couriers_silent: '0x9 1x110' }, from: 15 },
  HotwaveMismatch: { series: { hotwave_mismatching_servers: '0x9 2x110' }, from: 11 },
  HotwavePolicyBroken: { series: { hotwave_policy_readable: '1x9 0x110' }, from: 11 },
};

/** Whether an alert fires at a minute, by `promtool test rules`: it says what it found when it expected nothing. */
async function firesAt(alert: string, series: Readonly<Record<string, string>>, minute: number): Promise<boolean> {
  const folder = await mkdtemp(join(tmpdir(), 'hotwave-alerts-'));
  const inputs = Object.entries({ ...QUIET, ...series }).map(([name, values]) => ({ series: name, values }));
  const expected = { eval_time: `${minute}m`, alertname: alert, exp_alerts: [] };
  const file = join(folder, 'test.yaml');
  await writeFile(
    file,
    stringify({
      rule_files: [RULES],
      evaluation_interval: '1m',
      tests: [{ interval: '1m', input_series: inputs, alert_rule_test: [expected] }],
    }),
  );
  const { exitCode, all } = await execa(promtool, ['test', 'rules', file], { all: true, reject: false });
  if (exitCode === 0) return false;
  expect(all).toContain(`alertname: ${alert}`);
  return true;
}

test('promtool takes the rules', async () => {
  const { stdout } = await execa(promtool, ['check', 'rules', RULES]);
  expect(stdout).toContain(`${Object.keys(FIRES).length} rules found`);
});

test('every rule has a test, and a section in docs/metrics.md that says what to do', async () => {
  const docs = await readFile('docs/metrics.md', 'utf8');
  const found = await rules();
  expect(found.map(({ alert }) => alert).sort()).toEqual(Object.keys(FIRES).sort());
  for (const { alert, annotations } of found) {
    expect(annotations.runbook).toBe(`docs/metrics.md#${alert.toLowerCase()}`);
    expect(docs).toContain(`\n## ${alert}\n`);
  }
});

test.each(Object.entries(FIRES))(
  '%s fires when it should, not before, and not in a quiet hour',
  async (alert, { series, from }) => {
    expect(await firesAt(alert, series, from - 1)).toBe(false);
    expect(await firesAt(alert, series, from)).toBe(true);
    expect(await firesAt(alert, {}, 60)).toBe(false);
  },
);
