import type { Command } from '@commander-js/extra-typings';
import { clusterFlags, connectionFlags, helpEnd, namespaceFlag, outputFlag } from './shared.ts';
import type { Run } from './shared.ts';

/** The flags of `hotwave worker` as they were typed. */
interface WorkerFlags {
  readonly address?: string | undefined;
  readonly temporalNamespace?: string | undefined;
  readonly profile?: string | undefined;
  readonly cluster?: string | undefined;
  readonly kubeconfig?: string | undefined;
  readonly context?: string | undefined;
  readonly http?: string | undefined;
  readonly logLevel?: string | undefined;
  readonly buildId?: string | undefined;
  readonly concurrency?: string | undefined;
}

/** Runs a worker until it is stopped; returns the exit code. */
export type RunWorker = (flags: WorkerFlags) => Promise<number>;

/** `doctor`, `setup` and, where there is one to run, `worker`: the verbs about the installation. */
export function addInstallationVerbs(program: Command, run: Run, runWorker: RunWorker | undefined): void {
  addDoctor(program, run);
  addSetup(program, run);
  if (runWorker) addWorker(program, run, runWorker);
  addGateway(program, run);
  addCodec(program, run);
}

function addDoctor(program: Command, { io, finish }: Run): void {
  outputFlag(namespaceFlag(clusterFlags(program.command('doctor'))))
    .summary('check Temporal, workers and the cluster')
    .description(
      'Checks everything that a release needs, from Temporal to the permissions of the worker, and says what to do.',
    )
    .addHelpText('after', helpEnd(['hotwave doctor', 'hotwave doctor -n arena --cluster eu'], [0, 1, 7]))
    .action(async (flags) => {
      const { runDoctor } = await import('../commands/doctor.ts');
      finish(await runDoctor(io, flags));
    });
}

function addSetup(program: Command, { io, finish }: Run): void {
  outputFlag(connectionFlags(program.command('setup')))
    .summary('prepare a Temporal namespace')
    .description(
      'Registers the search attributes of releases in the Temporal namespace. Running it again changes nothing.',
    )
    .addHelpText('after', helpEnd(['hotwave setup', 'hotwave setup --temporal-namespace games'], [0, 6, 7]))
    .action(async (flags) => {
      const { runSetup } = await import('../commands/setup.ts');
      finish(await runSetup(io, flags));
    });
}

function addWorker(program: Command, { finish }: Run, runWorker: RunWorker): void {
  clusterFlags(program.command('worker'))
    .option('--kubeconfig <path>', 'kubeconfig of the cluster (KUBECONFIG, ~/.kube/config, then the service account)')
    .option('--context <name>', 'context of the kubeconfig')
    .option('--http <host:port|off>', 'where health and metrics are served (HOTWAVE_HTTP; default 127.0.0.1:9464)')
    .option('--log-level <level>', 'trace, debug, info, warn or error (HOTWAVE_LOG_LEVEL; default info)')
    .option('--build-id <id>', 'turns worker versioning on (HOTWAVE_BUILD_ID)')
    .option('--concurrency <count>', 'activities at once (HOTWAVE_CONCURRENCY; default 100)')
    .summary('run a worker for a cluster')
    .description(
      'Runs a worker: it carries out the releases of one cluster until it is stopped. Releases outlive it. ' +
        'Health checks by Prometheus may ask what HOTWAVE_METRICS_URLS names, with HOTWAVE_METRICS_TOKEN if it is set. ' +
        'HOTWAVE_CALENDAR names a file with freeze windows for every release of the cluster.',
    )
    .addHelpText(
      'after',
      helpEnd(['hotwave worker', 'hotwave worker --cluster eu --kubeconfig ~/.kube/eu'], [0, 1, 7, 64]),
    )
    .action(async (flags) => finish(await runWorker(flags)));
}

function addGateway(program: Command, { io, finish }: Run): void {
  connectionFlags(program.command('gateway'))
    .summary('run a gateway to chats')
    .description(
      'Runs a gateway: it shows releases as cards in Slack, Feishu or Lark, takes signed decisions from there and from ' +
        'programs (Standard Webhooks), and remembers nothing. HOTWAVE_SIGN_KEY names the key that it signs decisions with; ' +
        'docs/chat.md and docs/settings.md have the other settings.',
    )
    .addHelpText(
      'after',
      helpEnd(
        [
          'HOTWAVE_SIGN_KEY=/keys/gateway HOTWAVE_WEBHOOK_KEYS_FILE=/keys/webhooks hotwave gateway',
          'HOTWAVE_GATEWAY_HTTP=0.0.0.0:9465 hotwave gateway --temporal-namespace games',
        ],
        [0, 64],
      ),
    )
    .action(async (flags) => {
      const [{ serveGateway }, { openLater, withTemporal }] = await Promise.all([
        import('../gateway/serve.ts'),
        import('../temporal/connect.ts'),
      ]);
      finish(await withTemporal(io, flags, (temporal) => serveGateway(io, temporal), openLater));
    });
}

function addCodec(program: Command, { io, finish }: Run): void {
  program
    .command('codec')
    .option('--http <host:port>', 'where it listens (HOTWAVE_CODEC_HTTP; default 127.0.0.1:8234)')
    .summary('run a codec server')
    .description(
      'Runs a codec server: it decrypts for the Temporal UI and the temporal command what workers with ' +
        'HOTWAVE_ENCRYPTION_KEYS_FILE encrypt. HOTWAVE_CODEC_TOKEN_FILE names bearer tokens, and HOTWAVE_CODEC_ORIGINS (or ' +
        'TEMPORAL_UI_URL) the pages that may ask; docs/encryption.md says how the UI is told.',
    )
    .addHelpText(
      'after',
      helpEnd(
        [
          'HOTWAVE_ENCRYPTION_KEYS_FILE=keys.yaml TEMPORAL_UI_URL=http://127.0.0.1:8233 hotwave codec',
          'temporal workflow show --workflow-id ID --codec-endpoint http://127.0.0.1:8234',
        ],
        [0, 64],
      ),
    )
    .action(async (flags) => {
      const { runCodec } = await import('../commands/codec.ts');
      finish(await runCodec(io, flags));
    });
}
