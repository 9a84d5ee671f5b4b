import { Command } from '@commander-js/extra-typings';
import { describe, expect, test } from 'vitest';
import { meantBy } from '../../client/shell/kubeconfig.ts';
import { addKubectlFlags } from '../../client/shell/kubectl.ts';
import { recordedIo } from './support.ts';

const KUBECONFIG = `
current-context: eu
contexts:
  - { name: eu, context: { cluster: one, user: one, namespace: arena } }
  - { name: us, context: { cluster: two, user: two } }
  - { name: 'arn:aws:eks:eu-1:7:cluster/live', context: { cluster: three, user: three } }
`;
const FILES = {
  '/first': 'current-context: us\n',
  '/second': KUBECONFIG,
  '/broken': ': [',
  '/home/.kube/config': KUBECONFIG,
};
const io = (env: Record<string, string> = {}): ReturnType<typeof recordedIo> =>
  recordedIo({ files: FILES, env: { HOME: '/home', ...env } });

describe('kubectl hotwave', () => {
  test('takes the namespace of the current context, and no cluster that nobody named', async () => {
    expect(await meantBy(io(), {})).toEqual({ namespace: 'arena', cluster: undefined });
    expect(await meantBy(io({ HOTWAVE_CONTEXTS: 'eu=europe' }), {})).toEqual({ namespace: 'arena', cluster: 'europe' });
  });

  test('takes from several files what the first one says', async () => {
    expect(await meantBy(io({ KUBECONFIG: '/none:/first:/second' }), {})).toEqual({});
    expect(await meantBy(io({ KUBECONFIG: '/second:/first' }), {})).toMatchObject({ namespace: 'arena' });
    expect(await meantBy(io({ KUBECONFIG: '/none' }), {})).toEqual({});
  });

  test('takes a context that is named for the cluster of that name, unless HOTWAVE_CONTEXTS says another', async () => {
    expect(await meantBy(io(), { context: 'us' })).toEqual({ namespace: undefined, cluster: 'us' });
    expect(await meantBy(io(), { kubeconfig: '/second' })).toEqual({ namespace: 'arena', cluster: 'eu' });
    const contexts = { HOTWAVE_CONTEXTS: 'arn:aws:eks:eu-1:7:cluster/live=live, us=america' };
    expect(await meantBy(io(contexts), { context: 'us' })).toMatchObject({ cluster: 'america' });
    expect(await meantBy(io(contexts), { context: 'arn:aws:eks:eu-1:7:cluster/live' })).toMatchObject({
      cluster: 'live',
    });
  });

  test.each([
    [{ context: 'nobody' }, {}, '--context "nobody": no kubeconfig has that context'],
    [{ kubeconfig: '/none' }, {}, '--kubeconfig /none: it cannot be read as a kubeconfig'],
    [{ kubeconfig: '/broken' }, {}, '--kubeconfig /broken: it cannot be read as a kubeconfig'],
    [{ kubeconfig: '/first' }, {}, '--kubeconfig /first: it has no current context; add --context'],
    [{ context: 'arn:aws:eks:eu-1:7:cluster/live' }, {}, /does not say which cluster of hotwave it is: add --cluster/],
    [{}, { HOTWAVE_CONTEXTS: 'eu:europe' }, 'HOTWAVE_CONTEXTS: expected CONTEXT=CLUSTER,..., and "eu:europe" is not'],
  ])('says what it cannot honour: %o', async (flags, env, sentence) => {
    await expect(meantBy(io(env), flags)).rejects.toThrow(sentence);
  });

  /** The flags that a verb gets. */
  async function flagsOf(...argv: string[]): Promise<unknown> {
    let flags: unknown;
    const program = new Command().exitOverride();
    program
      .command('verb')
      .option('--cluster <name>')
      .option('-n, --namespace <name>', '', 'default')
      .action((given) => {
        flags = given;
      });
    program
      .command('every')
      .option('--cluster <name>')
      .option('-n, --namespace <name>')
      .action((given) => {
        flags = given;
      });
    addKubectlFlags(program, io());
    await program.parseAsync(argv, { from: 'user' });
    return flags;
  }

  test('leaves alone what is typed, and verbs that are about every namespace', async () => {
    expect(await flagsOf('verb')).toEqual({ namespace: 'arena' });
    expect(await flagsOf('verb', '-n', 'lobby', '--context', 'us')).toMatchObject({
      namespace: 'lobby',
      cluster: 'us',
    });
    expect(await flagsOf('verb', '--context', 'us')).toMatchObject({ namespace: 'default', cluster: 'us' });
    expect(await flagsOf('verb', '--context', 'us', '--cluster', 'mine')).toMatchObject({ cluster: 'mine' });
    expect(await flagsOf('every')).toEqual({});
  });
});
