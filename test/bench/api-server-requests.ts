import type { Api } from '../lab/api.ts';
import type { RequestCounts } from './mode.ts';

/** The answers of the API server so far, to whomever, by verb and resource: it shows who else works on an update. */
export async function apiServerRequests(api: Api): Promise<RequestCounts> {
  return countsIn(await api.text('/metrics'));
}

/** The counts of `apiserver_request_total` in a Prometheus text, as `PATCH gameservers` or `PUT pods/status`. */
export function countsIn(metrics: string): RequestCounts {
  const counts: Record<string, number> = {};
  for (const [, labels = '', count] of metrics.matchAll(/^apiserver_request_total\{([^}]*)\} (\S+)/gm)) {
    const label = (name: string): string => new RegExp(`(?:^|,)${name}="([^"]*)"`).exec(labels)?.[1] ?? '';
    const subresource = label('subresource');
    const name = `${label('verb')} ${label('resource')}${subresource === '' ? '' : `/${subresource}`}`;
    counts[name] = (counts[name] ?? 0) + Number(count);
  }
  return counts;
}
