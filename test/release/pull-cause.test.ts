import { describe, expect, test } from 'vitest';
import { pullCauseOf } from '../../release/checks/pull-cause.ts';

const IMAGE = 'r.test/scripts:v2.0';
const containerd = `rpc error: code = Unknown desc = failed to pull and unpack image "${IMAGE}": failed to resolve reference "${IMAGE}": `;

// As public reports quote kubelets, containerd, CRI-O, Docker and registries.
describe('an image that could not be pulled', () => {
  test.for([
    `${containerd}unexpected status from HEAD request to https://r.test/v2/scripts/manifests/v2.0: 502 Bad Gateway`,
    `${containerd}unexpected status code https://r.test/v2/scripts/manifests/v2.0: 503 Service Unavailable`,
    `${containerd}failed to copy: httpReadSeeker: failed open: unexpected status code 429 Too Many Requests`,
    'toomanyrequests: You have reached your pull rate limit. You may increase the limit by authenticating and upgrading',
    `${containerd}failed to do request: Head "https://r.test/v2/": dial tcp: lookup r.test on 10.0.0.10:53: no such host`,
    `${containerd}failed to do request: Head "https://r.test/v2/": dial tcp 10.0.0.9:443: i/o timeout`,
    `${containerd}failed to do request: Head "https://r.test/v2/": net/http: TLS handshake timeout`,
    'dial tcp: lookup r.test on 10.0.0.10:53: server misbehaving',
    'Get "https://r.test/v2/": read tcp 10.0.0.1:1->10.0.0.2:443: read: connection reset by peer',
    'pull QPS exceeded',
    `${containerd}failed to do request: Head "https://r.test/v2/": http2: server sent GOAWAY and closed the connection`,
    `${containerd}unexpected status from HEAD request to https://r.test/v2/scripts/manifests/v2.0: 522 <none>`,
    'received unexpected HTTP status: 502 Bad Gateway',
    'registry answered HTTP 503',
    'error: unexpected status code 429',
    'failed to extract layer: write /var/lib/containerd/x: no space left on device',
  ])('for a cause that may pass: %s', (message) => {
    expect(pullCauseOf(message, IMAGE)).toBe('transient');
  });

  test.for([
    `rpc error: code = NotFound desc = failed to pull and unpack image "${IMAGE}": failed to resolve reference "${IMAGE}": ${IMAGE}: not found`,
    'Error response from daemon: manifest for r.test/scripts:v2.0 not found: manifest unknown: manifest unknown',
    `${containerd}pull access denied, repository does not exist or may require authorization: server message: insufficient_scope: authorization failed`,
    `${containerd}unexpected status from HEAD request to https://r.test/v2/scripts/manifests/v2.0: 403 Forbidden`,
    `${containerd}failed to authorize: failed to fetch anonymous token: unexpected status: 401 Unauthorized`,
    'no match for platform in manifest: not found',
    `${containerd}reading manifest 2.0.502 in r.test/scripts: manifest unknown`,
    `${containerd}unexpected status from HEAD request to https://r.test/v2/scripts/manifests/1.500: 403 Forbidden`,
    `${containerd}unexpected status from HEAD request to https://r.test/v2/scripts/manifests/1.429: 403 Forbidden`,
    `${containerd}unexpected status from HEAD request to https://r.test/v2/scripts/manifests/502: 403 Forbidden`,
    `${containerd}unexpected status from HEAD request to https://r.io/502/scripts/manifests/v2: 403 Forbidden`,
  ])('for one that will not: %s', (message) => {
    expect(pullCauseOf(message, IMAGE)).toBe('final');
  });

  test.for(['', `Back-off pulling image "${IMAGE}"`, 'ImagePullBackOff'])('without a word why: "%s"', (message) => {
    expect(pullCauseOf(message, IMAGE)).toBeUndefined();
  });

  test('for no cause that its own name spells', () => {
    const image = 'r.test/not-found/denied:429';
    expect(pullCauseOf(`Back-off pulling image "${image}"`, image)).toBeUndefined();
  });
});
