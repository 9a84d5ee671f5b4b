import { readFile } from 'node:fs/promises';
import { formatDiagnostic } from '../release/spec/diagnose.ts';
import { fileTrouble } from '../release/spec/file-trouble.ts';
import type { Policy } from '../release/policy/policy-spec.ts';
import { readPolicyFile } from '../release/policy/read-policy.ts';
import { changesOf } from '../release/policy/describe-policy.ts';
import { EXIT_USAGE, StartFailure } from './start-failure.ts';
import type { PolicySource } from '../activities/ports/policy.ts';

/** Where a changed or a broken policy is told. */
export interface PolicyLog {
  info(message: string): void;
  warn(message: string): void;
}

/**
 * The policy of the cluster, a YAML file that HOTWAVE_POLICY names. It is read anew each time that somebody asks, so a
 * change counts at once, and is logged. While the file is broken, what it said last counts: a slip of the editor must
 * neither let everybody decide nor keep the people on call from a rollback.
 *
 * @throws StartFailure with exit code 64 when there is a file and it cannot be used
 */
export async function openPolicy(path: string | undefined, log: PolicyLog): Promise<PolicySource | undefined> {
  if (path === undefined) return undefined;
  const first = await readPolicy(path);
  if ('problem' in first) throw new StartFailure(EXIT_USAGE, first.problem);
  return new PolicyFile(path, first.policy, log);
}

class PolicyFile implements PolicySource {
  readonly #path: string;
  readonly #log: PolicyLog;
  #policy: Policy;
  #problem: string | undefined;

  constructor(path: string, policy: Policy, log: PolicyLog) {
    this.#path = path;
    this.#policy = policy;
    this.#log = log;
  }

  async read(): Promise<{ policy: Policy; problem?: string | undefined }> {
    const reading = await readPolicy(this.#path);
    if ('problem' in reading) this.#tellProblem(reading.problem);
    else this.#take(reading.policy);
    return { policy: this.#policy, problem: this.#problem };
  }

  #tellProblem(problem: string): void {
    if (problem !== this.#problem) this.#log.warn(`${problem}; what it said last counts`);
    this.#problem = problem;
  }

  #take(policy: Policy): void {
    const changes = changesOf(this.#policy, policy);
    if (changes.length > 0) this.#log.info(`the policy of the cluster has changed: ${changes.join('; ')}`);
    else if (this.#problem !== undefined) this.#log.info('the policy of the cluster can be read again');
    this.#policy = policy;
    this.#problem = undefined;
  }
}

async function readPolicy(path: string): Promise<{ readonly policy: Policy } | { readonly problem: string }> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    return { problem: `the policy of the cluster, HOTWAVE_POLICY ${path}, cannot be read: ${fileTrouble(error)}` };
  }
  const reading = readPolicyFile(text);
  if ('policy' in reading) return reading;
  const [first, ...others] = reading.diagnostics.map((diagnostic) => formatDiagnostic(path, diagnostic));
  const more = others.length === 0 ? '' : ` (and ${others.length} more)`;
  return { problem: `the policy of the cluster is broken: ${first ?? path}${more}` };
}
