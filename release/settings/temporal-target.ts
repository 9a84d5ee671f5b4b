import { fileTrouble } from '../spec/file-trouble.ts';
import { plainText } from '../spec/plain-text.ts';
import { characterTrouble, SettingTrouble } from './environment.ts';
import type { Environment } from './environment.ts';

/** How a person says where Temporal is; what is not said comes from the environment and Temporal's configuration file. */
export interface TemporalFlags {
  readonly address?: string | undefined;
  readonly temporalNamespace?: string | undefined;
  readonly profile?: string | undefined;
}

/** A profile as `@temporalio/envconfig` (1.24) gives it, the configuration file and the environment together. */
export interface TemporalProfile {
  address?: string;
  namespace?: string;
  apiKey?: string;
  tls?: { readonly clientCert?: unknown; readonly clientKey?: unknown };
  grpcMeta?: Record<string, string>;
}

/** Where Temporal is. `connection` may hold credentials: it is never shown. */
export interface TemporalTarget<Connection> {
  readonly address: string;
  readonly namespace: string;
  readonly connection: Connection & { readonly address: string };
}

/** The parts of the outside that reading the settings needs. */
export interface TemporalSettingsSource<Profile, Connection> {
  /** `loadClientConfigProfile` */
  readonly load: (options: {
    profile?: string;
    overrideEnvVars: Record<string, string>;
    disableFile?: boolean;
  }) => Profile;
  /** `toClientOptions` */
  readonly connect: (profile: Profile) => { readonly connectionOptions: Connection };
  readonly exists: (path: string) => boolean;
}

/** HOST:PORT, the host a name, an IPv4 address, or an IPv6 address in brackets. */
export const ADDRESS = /^(?<host>\[[\da-f:.]+\]|[^\s:[\]/@]+):(?<port>\d{1,5})$/i;

/** Temporal's configuration file, for sentences. */
const FILE = 'the Temporal configuration file';

/**
 * Where Temporal is and how to get in, from flags, environment and configuration file; all of them trimmed, and what is
 * empty is as if it were not there.
 * @param environment as `settingsOf` gives it
 * @throws SettingTrouble about the first value that cannot work
 */
export function temporalTarget<Profile extends TemporalProfile, Connection>(
  flags: TemporalFlags,
  environment: Environment,
  source: TemporalSettingsSource<Profile, Connection>,
): TemporalTarget<Connection> {
  const profile = loadedProfile(flags, environment, source);
  const address = flags.address ?? profile.address ?? '127.0.0.1:7233';
  const { host = '', port = '' } = ADDRESS.exec(address)?.groups ?? {};
  if (host === '' || Number(port) > 65_535)
    throw new SettingTrouble(
      `${originOf('--address', flags.address, 'TEMPORAL_ADDRESS', environment)} ${JSON.stringify(plainText(address.replace(/:[^:@]*@/, ':[redacted]@'), 200))}: ` +
        'expected HOST:PORT such as 127.0.0.1:7233',
    );
  const { connectionOptions } = said(FILE, () => source.connect(profile));
  return {
    address,
    namespace: flags.temporalNamespace ?? profile.namespace ?? 'default',
    connection: { ...connectionOptions, address },
  };
}

function originOf(flag: string, given: string | undefined, variable: string, environment: Environment): string {
  if (given !== undefined) return flag;
  return environment[variable] === undefined ? `the address in ${FILE}` : variable;
}

function loadedProfile<Profile extends TemporalProfile>(
  { profile: named }: TemporalFlags,
  environment: Environment,
  { load, exists }: TemporalSettingsSource<Profile, unknown>,
): Profile {
  const { TEMPORAL_CONFIG_FILE: file } = environment;
  // The SDK takes a file that is not there for an empty one.
  if (file !== undefined && !exists(file))
    throw new SettingTrouble(`TEMPORAL_CONFIG_FILE ${plainText(file, 200)}: there is no such file`);
  const variables = Object.entries(environment).filter((entry): entry is [string, string] => entry[1] !== undefined);
  const options = {
    ...(named === undefined ? {} : { profile: named }),
    overrideEnvVars: Object.fromEntries(variables),
  };
  const profile = said(file ?? FILE, () => {
    try {
      return load(options);
    } catch (error) {
      // A file without any profile makes the SDK trip over its own feet.
      if (!(error instanceof TypeError)) throw error;
      const { profile: wanted = environment['TEMPORAL_PROFILE'] } = options;
      if (wanted !== undefined) throw new Error(`Profile '${wanted}' not found in config data`, { cause: error });
      return load({ ...options, disableFile: true });
    }
  });
  const trimmed = { ...profile, ...trimmedFields(profile) };
  if (trimmed.tls && (trimmed.tls.clientCert === undefined) !== (trimmed.tls.clientKey === undefined))
    throw new SettingTrouble(
      'of the client certificate for Temporal and its key one is missing: set both (TEMPORAL_TLS_CLIENT_CERT_PATH and TEMPORAL_TLS_CLIENT_KEY_PATH), or none',
    );
  return trimmed;
}

const FIELDS = { address: 'address', namespace: 'namespace', apiKey: 'api_key' } as const;

/** A configuration file may hold anything: numbers, line breaks, nothing. */
function trimmedFields(profile: TemporalProfile): TemporalProfile {
  const fields = (Object.keys(FIELDS) as (keyof typeof FIELDS)[]).map((field) => {
    const value: unknown = profile[field];
    const name = `${FIELDS[field]} in ${FILE}`;
    if (value !== undefined && typeof value !== 'string')
      throw new SettingTrouble(`${name} is not text: put it in quotes`);
    const text = value?.trim();
    const trouble = text && characterTrouble(name, text, field === 'apiKey');
    if (trouble) throw new SettingTrouble(trouble);
    return [field, text === '' ? undefined : text] as const;
  });
  return Object.fromEntries(fields);
}

/** Runs what reads files; its errors quote them, and they hold credentials. */
function said<Result>(file: string, read: () => Result): Result {
  try {
    return read();
  } catch (error) {
    throw new SettingTrouble(`the Temporal connection settings cannot be used: ${troubleOf(file, error)}`);
  }
}

function troubleOf(file: string, error: unknown): string {
  if (!(error instanceof Error)) return `${file} cannot be read`;
  if ('line' in error && 'column' in error)
    return `${plainText(file, 200)} is no valid TOML at line ${String(error.line)}, column ${String(error.column)}`;
  if ('code' in error) {
    const path = 'path' in error && typeof error.path === 'string' ? error.path : file;
    return `${plainText(path, 200)}: ${fileTrouble(error)}`;
  }
  return plainText(error.message, 200);
}
