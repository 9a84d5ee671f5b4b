import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { renderMonitor } from '../../client/render/monitor.ts';
import { renderHalt, renderHalts } from '../../client/render/halt.ts';
import { renderStatus } from '../../client/render/status.ts';
import { renderFrame } from '../../client/render/watch.ts';
import { plainView } from '../../client/render/view.ts';
import { plainDeep } from '../../client/terminal/untrusted.ts';
import type { HaltState } from '../../release/decisions/halt.ts';
import type { MonitorState } from '../../release/monitor/monitor.ts';
import { newMonitor } from '../../release/monitor/monitor.ts';
import { haltMarkdown } from '../../release/narrate/narrate-halt.ts';
import { monitorMarkdown } from '../../release/narrate/narrate-monitor.ts';
import { detailsMarkdown, nextCommands, why } from '../../release/narrate/narrate.ts';
import { commandLine, shellWord } from '../../release/narrate/shell.ts';
import type { ReleaseState } from '../../release/progress/state.ts';
import { initialState } from '../../release/progress/state.ts';
import { OPEN_PHASES } from '../../release/decisions/verbs.ts';
import type { OpenPhase } from '../../release/decisions/verbs.ts';
import { FAILED_VERSIONS_ANNOTATION, failedBefore, readFailedVersions } from '../../release/record/failed-versions.ts';
import { LAST_RELEASE_ANNOTATION, RELEASE_ANNOTATION, readRecords } from '../../release/record/record.ts';
import { isPlain } from '../../release/spec/plain-text.ts';
import { hostileText, hostileValue, mutationsOf, textsOf } from '../support/hostile.ts';

const NOW = Date.UTC(2026, 10, 27);

const anyNumber = fc.oneof(fc.double(), fc.integer(), fc.constantFrom(0, 1, 2, NaN, Infinity, 1e300, 8.64e15 + 1));
const text = hostileText();
const set = fc.record({ namespace: text, name: text });
const maybe = <Value>(value: fc.Arbitrary<Value>): fc.Arbitrary<Value | undefined> =>
  fc.option(value, { nil: undefined });

/** A release whose every text and number is hostile; only its shape is right. */
const aState: fc.Arbitrary<ReleaseState> = fc
  .record({
    release: text,
    cluster: text,
    set,
    requester: text,
    image: text,
    version: text,
    previousVersion: text,
    phase: fc.constantFrom(...(Object.keys(OPEN_PHASES) as OpenPhase[]), 'done', 'failed', 'cancelled', 'refused'),
    step: text,
    reason: text,
    wave: anyNumber,
    waves: fc.array(
      fc.record({
        number: anyNumber,
        name: text,
        size: anyNumber,
        status: fc.constant('running'),
        ready: anyNumber,
        proven: anyNumber,
        failed: anyNumber,
        startedAt: anyNumber,
      }),
      { maxLength: 15 },
    ),
    wait: maybe(fc.record({ for: text, owner: text, since: anyNumber, until: anyNumber })),
    pausedBecause: maybe(text),
    halt: maybe(fc.record({ namespace: maybe(text), actor: text, reason: text, since: anyNumber, until: anyNumber })),
    foreignEdit: maybe(fc.record({ what: text, seenAt: anyNumber })),
    skipped: fc.array(fc.record({ server: text, actor: text, reason: text }), { maxLength: 8 }),
    keptForDebugging: fc.array(text, { maxLength: 3 }),
    deferred: maybe(fc.record({ count: anyNumber, servers: fc.array(text, { maxLength: 8 }) })),
    mixedUntil: maybe(anyNumber),
    failures: fc.array(fc.record({ server: text, class: fc.constant('reload'), reason: text }), { maxLength: 8 }),
    warnings: fc.array(text, { maxLength: 3 }),
    decisions: fc.array(
      fc.record({
        verb: fc.constant('pause'),
        actor: text,
        channel: text,
        accepted: fc.boolean(),
        answer: text,
        at: anyNumber,
        reason: maybe(text),
      }),
      { maxLength: 8 },
    ),
  })
  .map((wild) => ({ ...initialState({ ...wild, strategy: 'rolling' }, NOW), ...wild }) as unknown as ReleaseState);

const aHalt: fc.Arbitrary<HaltState> = fc
  .record({
    cluster: text,
    namespace: maybe(text),
    actor: text,
    reason: text,
    since: anyNumber,
    until: anyNumber,
    phase: fc.constantFrom('halted', 'ending', 'ended'),
    releases: maybe(
      fc.array(fc.record({ workflowId: text, release: text, phase: fc.constantFrom('halted', 'updating') }), {
        maxLength: 25,
      }),
    ),
    trouble: maybe(text),
    unreadable: maybe(anyNumber),
    endedBy: maybe(fc.record({ actor: text, reason: text, at: anyNumber })),
  })
  .map((wild) => ({ v: 1, ...wild }) as unknown as HaltState);

const aMonitor: fc.Arbitrary<MonitorState> = fc
  .record({
    identity: fc.record({
      release: text,
      cluster: text,
      set,
      image: text,
      version: text,
      requester: text,
      until: anyNumber,
      interval: anyNumber,
    }),
    reason: text,
    phase: fc.constantFrom('guarding', 'ended'),
    problems: fc.array(
      fc.record({
        server: text,
        since: anyNumber,
        cause: text,
        foreignEdit: text,
        reason: text,
        looks: anyNumber,
        reloads: anyNumber,
        nextAt: anyNumber,
      }),
      { maxLength: 10 },
    ),
    events: fc.array(fc.record({ at: anyNumber, server: maybe(text), kind: text, text }), { maxLength: 10 }),
    unreadable: maybe(anyNumber),
  })
  .map(({ identity, ...wild }) => ({ ...newMonitor(identity, NOW), ...wild }) as unknown as MonitorState);

const LINES = /[\n\u2003]/g;
const page = (markdown: string): void => {
  expect(isPlain(markdown.replaceAll(LINES, ''))).toBe(true);
  expect(markdown.length).toBeLessThanOrEqual(4_000);
};
const screen = (shown: string): void => expect(isPlain(shown.replaceAll('\n', ''))).toBe(true);

describe('whatever names, reasons and numbers are', () => {
  test('the page of a release is plain and short, and each command is one line without a second command', () => {
    fc.assert(
      fc.property(aState, (state) => {
        page(detailsMarkdown(state));
        for (const command of nextCommands(state)) expect(isPlain(command)).toBe(true);
        why(state, NOW);
        why(state);
      }),
      { numRuns: 300 },
    );
  });

  test('a terminal is shown a release without anything that it carries out', () => {
    const view = { ...plainView(60), rows: 24 };
    fc.assert(
      fc.property(aState, (state) => {
        screen(renderStatus(plainDeep(state), NOW, view));
        screen(renderFrame(plainDeep(state), NOW, view));
      }),
      { numRuns: 100 },
    );
  });

  test('the page and the rendering of a halt are plain', () => {
    fc.assert(
      fc.property(aHalt, (halt) => {
        page(haltMarkdown(halt));
        screen(renderHalt(plainDeep(halt), NOW, plainView(60)));
        screen(renderHalts([plainDeep(halt)], NOW, plainView(60)));
      }),
      { numRuns: 300 },
    );
  });

  test('the page and the rendering of a monitor are plain', () => {
    fc.assert(
      fc.property(aMonitor, (monitor) => {
        page(monitorMarkdown(monitor, NOW));
        screen(renderMonitor(plainDeep(monitor), NOW, plainView(60)));
      }),
      { numRuns: 300 },
    );
  });
});

const aRecord = {
  v: 1,
  release: 'r1',
  strategy: 'rolling',
  container: 'scripts',
  oldImage: 'i:1',
  newImage: 'i:2',
  oldVersion: '1',
  newVersion: '2',
  updateStrategy: { type: 'RollingUpdate' },
  startedAt: NOW,
  holder: { temporal: '', namespace: 'default', workflowId: 'hotwave/eu/arena/duel', runId: 'r' },
  stuck: { reason: 'no', at: NOW, images: { 'i:2': '1-3' } },
};
const failed = { versions: [{ image: 'i:2', release: 'r1', at: NOW, reason: 'no' }] };

test('whatever stands in the annotations of a set is read as plain text, or is said to be unreadable', () => {
  const spelled = (_key: string, entry: unknown): unknown => (typeof entry === 'bigint' ? String(entry) : entry);
  const jsonOf = (value: unknown): string => {
    try {
      // Undefined and functions have no JSON, whatever the types say.
      const json: string | undefined = JSON.stringify(value, spelled);
      return typeof json === 'string' ? json : 'undefined';
    } catch {
      return '{';
    }
  };
  const annotation = fc.oneof(
    hostileText(),
    hostileValue().map(jsonOf),
    mutationsOf(aRecord).map(jsonOf),
    mutationsOf(failed).map(jsonOf),
  );
  fc.assert(
    fc.property(annotation, (value) => {
      const annotations = {
        [RELEASE_ANNOTATION]: value,
        [LAST_RELEASE_ANNOTATION]: value,
        [FAILED_VERSIONS_ANNOTATION]: value,
      };
      const { running, last, unreadable } = readRecords(annotations);
      const versions = readFailedVersions(annotations);
      const known = running ? [running.release, running.oldImage, running.stuck, running.holder, running.left] : [];
      const said = [...known, last?.image, unreadable, versions, failedBefore(versions, 'i:2')].flatMap(textsOf);
      expect(said.filter((line) => !isPlain(line))).toEqual([]);
    }),
    { numRuns: 3_000 },
  );
});

describe('a command to paste', () => {
  test.each([
    [['status', 'arena/duel'], 'hotwave status arena/duel'],
    [['status', 'arena/duel', '--cluster', '$(reboot)'], "hotwave status arena/duel --cluster '$(reboot)'"],
    [['skip', '--server', "it's; rm -rf ~"], String.raw`hotwave skip --server 'it'\''s; rm -rf ~'`],
    [['unhalt', '--namespace', ''], "hotwave unhalt --namespace ''"],
  ])('%j is %s', (words, command) => {
    expect(commandLine(...words)).toBe(command);
  });

  test('gives a shell each word back as it was, but for characters that no name has', () => {
    fc.assert(
      fc.property(hostileText(), (word) => {
        const quoted = shellWord(word);
        expect(isPlain(quoted)).toBe(true);
        const read = quoted.startsWith("'")
          ? quoted
              .replaceAll(String.raw`'\''`, '\u0000')
              .slice(1, -1)
              .replaceAll('\u0000', "'")
          : quoted;
        expect(read).toBe(word.replaceAll(/[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/gu, '?'));
      }),
    );
  });
});
