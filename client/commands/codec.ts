import { serve } from '@hono/node-server';
import { codecApp } from '../../codec/codec-app.ts';
import type { CodecAccess } from '../../codec/codec-app.ts';
import { keysOf } from '../../codec/data-converter.ts';
import { encryptionCodec } from '../../codec/payload-codec.ts';
import { listenAddress } from '../../release/settings/listen-address.ts';
import { SettingTrouble } from '../../release/settings/environment.ts';
import { EXIT } from '../terminal/exit-codes.ts';
import type { ExitCode } from '../terminal/exit-codes.ts';
import { listening } from '../terminal/listening.ts';
import { readNamedFile, say } from '../terminal/io.ts';
import type { Io } from '../terminal/io.ts';

/** Flags of `codec`. */
export interface CodecFlags {
  readonly http?: string | undefined;
}

const VARIABLE = 'HOTWAVE_CODEC_HTTP';
const STANDARD = '127.0.0.1:8234';
const LOOPBACK = /^(?:127\.|::1$|localhost$)/;

/** Decrypts payloads for the Temporal UI and the `temporal` command until it is interrupted. */
export async function runCodec(io: Io, flags: CodecFlags): Promise<ExitCode> {
  const keys = await keysOf(io.env, () => io.now());
  if (!keys) throw new SettingTrouble('HOTWAVE_ENCRYPTION_KEYS_FILE is not set: there is nothing to decrypt with');
  const where = listenAddress(
    flags.http === undefined ? VARIABLE : '--http',
    flags.http ?? io.env[VARIABLE] ?? STANDARD,
    STANDARD,
  );
  const access = await accessOf(io);
  if (access.tokens.length === 0 && !LOOPBACK.test(where.host))
    throw new SettingTrouble(
      `anybody who reaches ${where.host} could read every release: set HOTWAVE_CODEC_TOKEN_FILE, or listen on 127.0.0.1 behind a proxy that knows people`,
    );
  const { fetch } = codecApp(encryptionCodec(keys), access);
  const server = serve({ fetch, hostname: where.host, port: where.port });
  say(io, `codec at ${await listening(server, where, VARIABLE)}; Ctrl-C ends it`);
  await new Promise<void>((resolve) => void io.onInterrupt(resolve));
  if ('closeAllConnections' in server) server.closeAllConnections();
  server.close();
  return EXIT.ok;
}

async function accessOf(io: Io): Promise<CodecAccess> {
  const { HOTWAVE_CODEC_TOKEN_FILE: file, HOTWAVE_CODEC_ORIGINS: origins = '', TEMPORAL_UI_URL: ui } = io.env;
  const tokens = file === undefined ? [] : (await readNamedFile(io, file)).split('\n').map((line) => line.trim());
  const named = origins.split(/[\s,]+/).filter(Boolean);
  for (const origin of named)
    if (!URL.canParse(origin) || new URL(origin).origin !== origin)
      throw new SettingTrouble(
        `HOTWAVE_CODEC_ORIGINS: ${JSON.stringify(origin.slice(0, 100))}: expected an origin such as https://temporal.example.com`,
      );
  const given = tokens.filter(Boolean);
  if (file !== undefined && given.length === 0) throw new SettingTrouble(`HOTWAVE_CODEC_TOKEN_FILE: ${file} is empty`);
  return { tokens: given, origins: ui !== undefined && URL.canParse(ui) ? [...named, new URL(ui).origin] : named };
}
