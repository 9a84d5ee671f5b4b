/** The import rule of the architecture (docs/decisions/0001-layout-and-import-rule.md), checked by `npm run check`. */
const own = '^(release|workflows|activities|codec|cluster|worker|client|bin|test|scripts)/';
const npm = 'node_modules/';

/** A rule: files under `folder` may import themselves, `allowed` folders and `packages`; nothing else. */
const only = (folder, { folders = [], files = [], packages = [], core = false }) => ({
  name: `${folder}-imports`,
  severity: 'error',
  from: { path: `^${folder}/` },
  to: {
    path: [own, npm].join('|'),
    pathNot: [
      `^${folder}/`,
      ...folders.map((name) => `^${name}/`),
      ...files.map((file) => `^${file}$`),
      ...packages.map((name) => `${npm}${name}/`),
    ],
    ...(core ? {} : {}),
  },
});

/** One rule for each folder of a room: what of its own room it may import. `.` is the room's own files. */
const within = (room, folders) =>
  Object.entries(folders).map(([folder, allowed]) => ({
    name: `${room}-${folder}-imports`,
    severity: 'error',
    from: { path: `^${room}/${folder}/` },
    to: {
      path: `^${room}/`,
      pathNot: [folder, ...allowed].map((name) => (name === '.' ? `^${room}/[^/]+$` : `^${room}/${name}/`)),
    },
  }));

module.exports = {
  forbidden: [
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    { name: 'nobody-imports-test', severity: 'error', from: { pathNot: '^(test|scripts)/' }, to: { path: '^test/' } },
    only('release', { packages: ['zod', 'yaml', 'luxon', '@types/luxon'] }),
    {
      name: 'release-has-no-io',
      severity: 'error',
      from: { path: '^(release|workflows)/' },
      to: { dependencyTypes: ['core'] },
    },
    only('workflows', {
      folders: ['release'],
      files: ['activities/(?!ports/).+[.]ts'],
      packages: ['@temporalio/(workflow|common)', 'zod'],
    }),
    {
      name: 'workflows-take-only-types-of-activities',
      severity: 'error',
      from: { path: '^workflows/' },
      to: { path: '^activities/', dependencyTypesNot: ['type-only'] },
    },
    only('activities', { folders: ['release'], packages: ['@temporalio/(activity|common)', 'p-limit', 'zod'] }),
    only('cluster', {
      folders: ['release'],
      files: ['activities/ports/[a-z-]+[.]ts'],
      packages: ['@kubernetes/client-node', 'undici', 'ws', '@types/ws', 'standardwebhooks', 'yaml', 'zod', 'p-limit'],
    }),
    only('codec', { folders: ['release'], packages: ['@temporalio/(common|proto)', 'hono', 'zod'] }),
    only('client', {
      folders: ['release', 'codec'],
      files: ['workflows/messages.ts'],
      packages: [
        '@temporalio/(client|common|envconfig)',
        'p-limit',
        'commander',
        '@commander-js/extra-typings',
        'zod',
        'yaml',
        '@clack/prompts',
        'log-update',
        'string-width',
        'wrap-ansi',
        'picocolors',
        'hono',
        '@hono/node-server',
        'undici',
        'dingtalk-stream',
        'pino',
        'standardwebhooks',
        '@slack/(web-api|socket-mode)',
        '@larksuiteoapi/node-sdk',
      ],
    }),
    only('worker', {
      folders: ['release', 'workflows', 'activities', 'codec', 'cluster'],
      packages: ['@temporalio/(worker|common|envconfig|client|activity)', 'p-limit', 'pino', 'prom-client', 'zod'],
    }),
    only('bin', { folders: ['client', 'worker'] }),
    ...within('release', {
      spec: [],
      settings: ['spec'],
      fleet: ['plan', 'spec'],
      record: ['fleet', 'plan', 'spec'],
      draft: ['fleet', 'record', 'spec'],
      patches: ['fleet', 'plan', 'record', 'spec'],
      checks: ['fleet', 'patches', 'plan', 'spec'],
      audit: ['fleet', 'record', 'spec'],
      monitor: ['audit', 'fleet', 'record', 'spec'],
      policy: ['decisions', 'notices', 'progress', 'spec'],
      plan: ['audit', 'fleet', 'narrate', 'patches', 'progress', 'record', 'spec'],
      progress: ['checks', 'decisions', 'fleet', 'narrate', 'patches', 'plan', 'spec'],
      decisions: ['checks', 'fleet', 'narrate', 'plan', 'progress', 'spec'],
      narrate: ['decisions', 'fleet', 'monitor', 'plan', 'progress', 'spec'],
      notices: ['checks', 'decisions', 'fleet', 'monitor', 'narrate', 'progress', 'spec'],
      wire: ['decisions', 'notices', 'progress'],
    }),
    ...within('workflows', { steps: ['.'] }),
    ...within('activities', {
      ports: [],
      probes: ['.', 'ports', 'servers'],
      servers: ['.', 'ports', 'probes'],
      set: ['.', 'ports'],
      'game-servers': ['.', 'ports', 'servers'],
      halt: ['.', 'policy', 'ports'],
      policy: ['.', 'ports'],
      preflight: ['.', 'notices', 'policy', 'ports', 'probes'],
      audit: ['.', 'ports', 'preflight', 'probes', 'servers'],
      monitor: ['.', 'ports', 'probes', 'servers'],
      notices: ['.', 'ports'],
    }),
    ...within('client', {
      verbs: ['commands', 'gateway', 'shell', 'temporal', 'terminal'],
      shell: ['terminal'],
      gateway: ['decisions', 'temporal', 'terminal'],
      commands: ['decisions', 'render', 'report', 'shell', 'temporal', 'terminal'],
      report: [],
      decisions: ['commands', 'render', 'temporal', 'terminal'],
      temporal: ['commands', 'decisions', 'render', 'terminal'],
      render: ['temporal', 'terminal'],
      terminal: ['render', 'temporal'],
    }),
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^dist/' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'types', 'default'],
      extensions: ['.ts', '.js'],
    },
  },
};
