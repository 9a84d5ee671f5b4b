import { describe, expect, test } from 'vitest';
import { versionsLine } from '../../release/plan/tried-versions.ts';

describe('versions that were found', () => {
  test('are fine when hotwave was tried on each', () => {
    expect(
      versionsLine([
        ['kubernetes', { version: 'v1.37.2' }],
        ['kruise', { version: 'v1.8.3' }],
        ['kruise-game', { version: '1.0.0' }],
      ]),
    ).toEqual({
      title: 'versions',
      status: 'ok',
      detail: 'Kubernetes v1.37.2 was tried; OpenKruise v1.8.3 was tried; OpenKruiseGame 1.0.0 was tried',
    });
  });

  test('are warned of when hotwave never ran on one, and the tried ones are named', () => {
    expect(
      versionsLine([
        ['kubernetes', { version: 'v1.33.1' }],
        ['kruise', { version: 'v1.9.0' }],
      ]),
    ).toEqual({
      title: 'versions',
      status: 'warning',
      detail:
        'Kubernetes v1.33.1 was never tried (1.30.14 and 1.37.2 were); OpenKruise v1.9.0 was never tried (1.8.0 and 1.8.3 were)',
    });
  });

  test('that nobody may read are no fault, and it is said why', () => {
    expect(versionsLine([['kruise', { unknown: 'the worker may not get it' }]])).toEqual({
      title: 'versions',
      status: 'ok',
      detail: 'OpenKruise is not known: the worker may not get it',
    });
  });

  test.each([
    ['v1.30.14-gke.100', 'ok'],
    ['v1.30.14+k3s1', 'ok'],
    ['v1.30.14-eks-a737599', 'ok'],
    ['1.30.14', 'ok'],
    ['v1.37.2-aliyun.1', 'ok'],
    ['v1.37.2-rc.0', 'warning'],
    ['v1.37.2-alpha.3.12+abc', 'warning'],
    ['v1.30.140', 'warning'],
    ['v1.30.14.1', 'warning'],
    ['v11.30.14', 'warning'],
    ['v1.30', 'warning'],
    ['latest', 'warning'],
    ['', 'warning'],
  ])('of Kubernetes: %j is %s', (version, status) => {
    expect(versionsLine([['kubernetes', { version }]]).status).toBe(status);
  });
});
