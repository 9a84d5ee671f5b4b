import { z } from 'zod';

/** How the kubelet asks a container whether it is ready, in the words of a release file. */
export type ReadinessProbe =
  | { readonly http: { readonly port: number | string; readonly path: string; readonly isTls: boolean } }
  | { readonly tcp: { readonly port: number | string } }
  | { readonly exec: { readonly command: readonly string[] } }
  | { readonly other: string };

/** A container of a template, as far as a release file says something about it. */
export interface ContainerDescription {
  readonly name: string;
  readonly image: string;
  readonly ports: readonly { readonly name: string; readonly port: number; readonly protocol: string }[];
  readonly readiness?: ReadinessProbe | undefined;
  /** Where it sees the folders that containers share in memory of the pod: names of emptyDir volumes, with paths. */
  readonly folders: Readonly<Record<string, string>>;
}

/** A template as it describes its containers. */
export interface DescribedTemplate {
  readonly containers: readonly ContainerDescription[];
  /** The container that kubectl takes where none is named. */
  readonly defaultContainer?: string | undefined;
}

/** kubectl 1.20 and later. */
const DEFAULT_CONTAINER = 'kubectl.kubernetes.io/default-container';

const port = z.union([z.number(), z.string()]);
const probeSchema = z.object({
  httpGet: z
    .object({ port, path: z.string().default('/'), scheme: z.string().default('HTTP') })
    .nullish()
    .catch(undefined),
  tcpSocket: z.object({ port }).nullish().catch(undefined),
  exec: z
    .object({ command: z.array(z.string()).default([]) })
    .nullish()
    .catch(undefined),
  grpc: z.object({ port }).nullish().catch(undefined),
});

const containerSchema = z.object({
  name: z.string(),
  image: z.string().default(''),
  ports: z
    .array(z.object({ name: z.string().default(''), containerPort: z.number(), protocol: z.string().default('TCP') }))
    .nullish()
    .catch(undefined),
  readinessProbe: probeSchema.nullish().catch(undefined),
  volumeMounts: z
    .array(z.object({ name: z.string(), mountPath: z.string() }))
    .nullish()
    .catch(undefined),
});

const templateSchema = z.object({
  metadata: z
    .object({ annotations: z.record(z.string(), z.string()).nullish() })
    .nullish()
    .catch(undefined),
  spec: z.object({
    containers: z.array(containerSchema),
    volumes: z
      .array(z.looseObject({ name: z.string() }))
      .nullish()
      .catch(undefined),
  }),
});

/** Reads `spec.gameServerTemplate`. Never throws: what is not as it should be is left out. */
export function readTemplate(template: unknown): DescribedTemplate {
  const parsed = templateSchema.safeParse(template);
  if (!parsed.success) return { containers: [] };
  const { metadata, spec } = parsed.data;
  const shared = new Set((spec.volumes ?? []).filter((volume) => 'emptyDir' in volume).map(({ name }) => name));
  return {
    containers: spec.containers.map(({ name, image, ports, readinessProbe, volumeMounts }) => {
      const readiness = readinessProbe ? probeOf(readinessProbe) : undefined;
      const folders = (volumeMounts ?? []).filter((mount) => shared.has(mount.name));
      return {
        name,
        image,
        ports: (ports ?? []).map(({ containerPort, ...rest }) => ({ ...rest, port: containerPort })),
        ...(readiness ? { readiness } : {}),
        folders: Object.fromEntries(folders.map((mount) => [mount.name, mount.mountPath])),
      };
    }),
    defaultContainer: metadata?.annotations?.[DEFAULT_CONTAINER],
  };
}

function probeOf({ httpGet, tcpSocket, exec, grpc }: z.output<typeof probeSchema>): ReadinessProbe | undefined {
  if (httpGet) {
    const { port: number, path, scheme } = httpGet;
    return { http: { port: number, path, isTls: scheme.toUpperCase() === 'HTTPS' } };
  }
  if (tcpSocket) return { tcp: { port: tcpSocket.port } };
  if (exec) return { exec: { command: exec.command } };
  return grpc ? { other: 'gRPC' } : undefined;
}
