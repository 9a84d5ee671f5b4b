import { z } from 'zod';
import { healthCheck } from '../spec/probe-spec.ts';
import { secretIn } from '../spec/redact.ts';
import { askSchema } from '../spec/spec.ts';
import { sharedFolder } from './choose.ts';
import type { DraftChoices } from './choose.ts';
import { flow } from './field.ts';
import type { Field } from './field.ts';
import type { Written } from './how.ts';
import type { ContainerDescription, ReadinessProbe } from './read-template.ts';
import type { SetDescription } from './set-description.ts';

/** Content check, reload and proof: as they were said, or as the last release did it, or open. */
export function askFields(seen: SetDescription, choices: DraftChoices): Field[] {
  const { earlier, main } = seen;
  const ask =
    choices.container === earlier?.container && earlier.ask ? (z.encode(askSchema, earlier.ask) as Written) : {};
  const from = earlier ? [`As release ${earlier.release} did it.`] : [];
  const content = contentField(seen, choices, ask['content'], from);
  return [...content, reloadField(main, choices, ask['reload'], from), proofField(seen, choices, ask['proof'], from)];
}

function contentField(
  seen: SetDescription,
  { container }: DraftChoices,
  recorded: unknown,
  from: readonly string[],
): Field[] {
  const said = 'Checked before the reload: are the new files there?';
  if (recorded !== undefined) return [{ said: [said, ...from], name: 'content', value: recorded }];
  const engine = seen.containers.find(({ name }) => name === seen.main);
  const sidecar = seen.containers.find(({ name }) => name === container);
  const folder = engine && sidecar && engine !== sidecar ? sharedFolder(engine, sidecar) : undefined;
  if (folder === undefined) return [];
  const path = `${folder.replace(/\/$/, '')}/VERSION`;
  return [
    {
      said: [
        said,
        `${seen.main} shares ${folder} with ${container}. When a file there says the version, use this line:`,
      ],
      name: 'content',
      value: { file: { container: seen.main, path } },
      isAside: true,
    },
  ];
}

function reloadField(
  main: string,
  { container, reload }: DraftChoices,
  recorded: unknown,
  from: readonly string[],
): Field {
  const said = 'Makes the engine load the new files.';
  if (reload) return { said: [said], name: 'reload', value: reload };
  if (recorded !== undefined) return { said: [said, ...from], name: 'reload', value: recorded };
  if (container === main)
    return {
      said: [said, `${main} starts with its new image, so nothing is sent to it.`],
      name: 'reload',
      value: { self: {} },
    };
  return {
    said: [`${said} This cannot be seen: write one of`],
    name: 'reload',
    value: {},
    choices: [
      `reload: ${flow({ exec: { container: main, command: ['/usr/sbin/nginx', '-s', 'reload'] } })}`,
      'reload: { http: { port: 80, path: /reload } }',
      'reload: { self: {} }, when the engine watches its files itself',
    ],
  };
}

function proofField(seen: SetDescription, { proof }: DraftChoices, recorded: unknown, from: readonly string[]): Field {
  const said = 'The engine itself must say which version it has loaded.';
  if (proof) return { said: [said], name: 'proof', value: proof };
  if (recorded !== undefined) return { said: [said, ...from], name: 'proof', value: recorded };
  const { main, serviceQualities } = seen;
  const [port = { port: 80 }] = seen.containers.find(({ name }) => name === main)?.ports ?? [];
  const [quality] = serviceQualities;
  return {
    said: [`${said} This cannot be seen: write one of`],
    name: 'proof',
    value: {},
    choices: [
      `proof: ${flow({ http: { port: port.port, path: '/version' } })}`,
      `proof: ${flow({ exec: { container: main, command: ['game', '--version'] } })}`,
      `proof: ${flow({ file: { container: main, path: '/run/game/version' } })}`,
      `proof: ${flow({ log: { container: main, line: 'loaded {{version}}' } })}`,
      ...(quality ? [`proof: ${flow({ serviceQuality: { name: quality.name, expect: '{{version}}' } })}`] : []),
    ],
  };
}

/** As many as a release file may have. */
const MOST_CHECKS = 10;

/** The questions of the kubelet to the other containers; the set's service qualities are named beside them. */
export function healthFields(seen: SetDescription, { container }: DraftChoices): Field[] {
  const { containers, main, serviceQualities } = seen;
  const asked = containers.filter(({ name }) => name !== container || name === main);
  const found = asked.map((one) => healthOf(one));
  const checks = found.flatMap((one) => ('check' in one ? [one.check] : [])).slice(0, MOST_CHECKS);
  const unused = found.flatMap((one) => ('unused' in one ? [one.unused] : []));
  const qualities = serviceQualities.map(({ name, results }) =>
    results.length === 0 ? name : `${name} (says ${results.join(', ')}: give expect)`,
  );
  const said =
    checks.length === 0
      ? 'Checked after the proof and while a wave bakes. There is no readiness probe to ask as well: Ready counts.'
      : 'Checked after the proof and while a wave bakes: what the readiness probes ask.';
  return [
    {
      said: [
        said,
        ...unused,
        ...(qualities.length === 0
          ? []
          : [
              `Service qualities of the set: ${qualities.join('; ')}. As a check: - serviceQuality: { name: ${serviceQualities[0]?.name ?? ''} }`,
            ]),
      ],
      name: 'health',
      value: checks.length === 0 ? [{ conditions: ['Ready'] }] : checks,
    },
  ];
}

type Health = { readonly check: Written } | { readonly unused: string } | { readonly none: true };

function healthOf({ name, readiness }: ContainerDescription): Health {
  if (!readiness) return { none: true };
  if ('other' in readiness)
    return { unused: `The readiness probe of ${name} is ${readiness.other}, which hotwave does not speak.` };
  const check = checkOf(name, readiness);
  if (!healthCheck.safeParse(check).success || secretIn(check))
    return { unused: `The readiness probe of ${name} cannot be a check of a release: write one of your own.` };
  return { check };
}

function checkOf(container: string, probe: Exclude<ReadinessProbe, { readonly other: string }>): Written {
  if ('tcp' in probe) return { tcp: { port: probe.tcp.port } };
  if ('exec' in probe) return { exec: { container, command: probe.exec.command } };
  const { port, path, isTls } = probe.http;
  // The kubelet verifies no certificate.
  return { http: { port, path, ...(isTls ? { https: { verify: 'none' } } : {}) } };
}
