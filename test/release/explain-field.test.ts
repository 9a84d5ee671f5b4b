import { describe, expect, test } from 'vitest';
import { explainField, isFieldPath } from '../../release/spec/explain-field.ts';
import type { FieldExplanation } from '../../release/spec/explain-field.ts';

function fieldAt(path: string): FieldExplanation {
  const field = explainField(path);
  if ('problem' in field) throw new Error(field.problem);
  return field;
}

function problemAt(path: string): string {
  const field = explainField(path);
  return 'problem' in field ? field.problem : '';
}

describe('a field of the release file', () => {
  test.each(['spec.gates[].timeout', 'spec.gates.timeout', 'spec.gates[3].timeout'])(
    'is found however its list is written: %s',
    (path) => {
      expect(fieldAt(path)).toMatchObject({ path: 'spec.gates[].timeout', default: '"4h"', isRequired: false });
    },
  );

  test('says what may be written and whether it must be', () => {
    expect(fieldAt('spec.strategy')).toMatchObject({
      values: ['rolling', 'targeted', 'newServersOnly'],
      default: '"rolling"',
      isRequired: false,
    });
    expect(fieldAt('spec.images')).toMatchObject({ type: 'entries by name', isRequired: true });
    expect(fieldAt('spec.gates.before')).toMatchObject({ type: 'a whole number from 1 to 1000', isRequired: true });
  });

  test('is found under a name that people choose, and not under one that is not allowed there', () => {
    expect(fieldAt('spec.onFailure.classes.imagePull.then').values).toEqual(['rollback', 'pause', 'retry']);
    expect(fieldAt('spec.approvers.ops')).toMatchObject({ type: 'a list' });
    expect(problemAt('spec.onFailure.classes.pull')).toContain('it has imagePull,');
  });

  test('that is written wrong is answered with the one that is meant', () => {
    expect(explainField('spec.gates.timout')).toEqual({
      problem:
        'spec.gates has no field "timout" (did you mean timeout?): it has before, approvals, groups, notRequester, timeout, onTimeout, remindEvery, promoteAfter',
    });
    expect(explainField('spec.bake.x')).toEqual({ problem: 'spec.bake has no fields inside, so it has no "x"' });
    expect(problemAt('spec.constructor')).toContain('spec has no field');
  });

  test.each(['spec', 'spec.gates', 'spec.onFailure', 'spec.target'])(
    '%s says of all that it is made of what it means',
    (path) => {
      const unexplained = fieldAt(path).fields.filter(({ description }) => description === undefined);
      const plain = ['gameServerSet', 'namespace'];
      expect(unexplained.map(({ name }) => name).filter((name) => !plain.includes(name))).toEqual([]);
    },
  );
});

test('a set is no field, whatever it is called', () => {
  expect(['spec', 'spec.gates', 'spec[0]', 'metadata.name'].map(isFieldPath)).toEqual([true, true, true, true]);
  expect(['special', 'arena/spec', 'kinder', 'duel'].map(isFieldPath)).toEqual([false, false, false, false]);
});
