import { ADDRESS } from './temporal-target.ts';
import { SettingTrouble } from './environment.ts';

/** Where a server listens. */
export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

/**
 * HOST:PORT as a setting has it, an IPv6 address in brackets.
 * @param setting how a person knows it, such as `HOTWAVE_CODEC_HTTP`
 * @throws SettingTrouble when it is none
 */
export function listenAddress(setting: string, text: string, example: string): ListenAddress {
  const { host, port } = ADDRESS.exec(text)?.groups ?? {};
  if (host === undefined || Number(port) > 65_535)
    throw new SettingTrouble(`${setting}: expected HOST:PORT such as ${example}`);
  return { host: host.replace(/^\[|\]$/g, ''), port: Number(port) };
}
