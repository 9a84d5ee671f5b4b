import { expect, test } from 'vitest';
import { timeLeft } from '../lab/build-time.ts';

test.each([
  [
    ['etcd', 'kube-apiserver', 'kube-controller-manager', 'kruise', 'kruise-game', 'kwok', 'kubelet'],
    'about 6 minutes',
  ],
  [['kruise-game', 'kwok', 'kubelet'], 'about 2 minutes'],
  [['kwok'], 'less than a minute'],
] as const)('before anything is measured, %j take %s', (names, sentence) => {
  expect(timeLeft([], names, 0)).toBe(sentence);
});

test('a slow machine is known by its first programs: the rest takes longer by the same factor', () => {
  expect(timeLeft(['etcd'], ['kube-apiserver', 'kwok'], 3 * 32)).toBe('about 7 minutes');
  expect(timeLeft(['etcd'], ['kube-apiserver', 'kwok'], 16)).toBe('about 1 minute');
});

test('a program that takes its time brings the end no nearer than its own usual time would', () => {
  const usual = timeLeft(['etcd'], ['kube-apiserver', 'kwok'], 32, 10);
  expect(usual).toBe('about 2 minutes');
  expect(timeLeft(['etcd'], ['kube-apiserver', 'kwok'], 32, 1_000)).toBe('less than a minute');
});
