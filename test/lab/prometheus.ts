import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fetch } from 'undici';
import { stringify } from 'yaml';
import { provideDebianPackages } from './debian-packages.ts';
import type { Lab } from './lab-contract.ts';
import { claimPorts } from './ports.ts';
import { Supervisor } from './process.ts';

/**
 * Adds a real Prometheus (Debian's, unpacked, not installed) to a running fleet lab. It scrapes the simulated engines
 * four times a second and ends with the lab.
 * @returns its base address, once it has scraped them
 * @throws Error with the end of its log when it does not get ready
 */
export async function startPrometheus(lab: Lab, log: (line: string) => void = () => undefined): Promise<string> {
  const packages = await provideDebianPackages(log, ['prometheus']);
  const port = await claimPorts(lab.directory).take();
  const url = `http://127.0.0.1:${port}`;
  const config = join(lab.directory, 'prometheus.yaml');
  writeFileSync(
    config,
    stringify({
      global: { scrape_interval: '250ms', scrape_timeout: '200ms' },
      scrape_configs: [{ job_name: 'engines', static_configs: [{ targets: [`127.0.0.1:${lab.enginePort}`] }] }],
    }),
  );
  // The same folder as the lab's own supervisor: the lab ends it with everything else.
  const supervisor = new Supervisor(lab.directory);
  await supervisor.start({
    name: 'prometheus',
    command: join(packages, 'usr/bin/prometheus'),
    args: [
      `--config.file=${config}`,
      `--storage.tsdb.path=${join(lab.directory, 'prometheus')}`,
      `--web.listen-address=127.0.0.1:${port}`,
      // A value that is gone from the page is gone from the answer at once, and old ones are not looked for.
      '--query.lookback-delta=2s',
      '--log.level=warn',
    ],
  });
  await supervisor.waitFor('prometheus', { what: 'Prometheus to scrape the engines', deadlineMs: 60_000 }, async () => {
    const answer = await fetch(`${url}/api/v1/query?query=up`);
    return (await answer.text()).includes('"1"]');
  });
  return url;
}
