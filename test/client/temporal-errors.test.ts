import { QueryNotRegisteredError, ServiceError, WorkflowFailedError } from '@temporalio/client';
import { ActivityFailure, ApplicationFailure, NamespaceNotFoundError } from '@temporalio/common';
import { describe, expect, test } from 'vitest';
import { ExitError } from '../../client/terminal/exit-error.ts';
import { queryOf } from '../../client/temporal/list-releases.ts';
import { explainTemporalError, isUnknownAttribute, unreachable } from '../../client/temporal/temporal-errors.ts';

const destination = { address: '127.0.0.1:7233', namespace: 'games' };

function grpc(code: number, details: string): ServiceError {
  const cause = Object.assign(new Error(`${code} ${details}`), { code, details, metadata: {} });
  return new ServiceError('request failed', { cause });
}

/** A workflow of a question that failed with what the activity threw. */
function unanswered(type: string, message: string): WorkflowFailedError {
  const cause = ApplicationFailure.create({ type, message, nonRetryable: true });
  const failure = new ActivityFailure(
    'Activity task failed',
    'planRelease',
    '1',
    'MAXIMUM_ATTEMPTS_REACHED',
    '',
    cause,
  );
  return new WorkflowFailedError('Workflow execution failed', failure, 'MAXIMUM_ATTEMPTS_REACHED');
}

describe('what the worker could not answer', () => {
  test.each([
    ['Cluster.unreachable', 'the API server at https://k8s does not answer: connection refused', 7],
    ['Cluster.overloaded', 'the API server at https://k8s is overloaded', 7],
    ['Cluster.forbidden', 'the API server at https://k8s refuses: pods is forbidden', 6],
  ])('because of its cluster (%s) is said in the words of the worker', (type, message, code) => {
    expect(explainTemporalError(unanswered(type, message), destination)).toMatchObject({ code, message });
  });

  test('because of a mistake in the worker is a failure', () => {
    expect(explainTemporalError(unanswered('TypeError', 'x is undefined'), destination)).toMatchObject({
      code: 1,
      message: 'the worker could not answer: x is undefined',
    });
  });
});

describe('trouble with Temporal', () => {
  test.each([
    ['nobody listens', grpc(14, 'no connection'), 7, /127\.0\.0\.1:7233 does not answer.*TEMPORAL_ADDRESS.*--address/],
    ['no worker', grpc(4, 'deadline exceeded'), 7, /no worker answered/],
    ['no worker was seen lately', grpc(9, 'no poller seen for task queue recently'), 7, /no worker answered/],
    ['no access', grpc(7, 'request unauthorized'), 7, /refuses access/],
    ['a missing search attribute', grpc(3, 'invalid search attribute: HotwaveSet'), 7, /search attribute HotwaveSet/],
    ['a wrong filter', grpc(3, 'invalid query: syntax error'), 64, /does not take this filter/],
    ['a missing namespace', new NamespaceNotFoundError('games'), 7, /no namespace games/],
    ['a missing namespace, said otherwise', grpc(5, 'Namespace games is not found.'), 7, /no namespace games/],
  ])('%s', (_, error, code, message) => {
    const explained = explainTemporalError(error, destination);
    expect(explained).toBeInstanceOf(ExitError);
    expect(explained).toMatchObject({ code, message: expect.stringMatching(message) as string });
  });

  test('a release that another version of hotwave has started is said to be one', () => {
    const message = '[TMPRL1100] Nondeterminism error: Complete workflow machine does not handle this event';
    // The SDK exports the type of the status codes, but the codes themselves only from a package of its own.
    // eslint-disable-next-line @typescript-eslint/no-unsafe-enum-assignment
    const explained = explainTemporalError(new QueryNotRegisteredError(message, 3), destination);
    expect(explained).toMatchObject({
      code: 7,
      message: expect.stringContaining('another version of hotwave') as string,
    });
  });

  test('the namespace in a command to paste is one word', () => {
    const namespace = 'games; reboot';
    expect(explainTemporalError(new NamespaceNotFoundError(namespace), { ...destination, namespace })).toMatchObject({
      hints: [expect.stringContaining("namespace create 'games; reboot'")],
    });
  });

  test('what is no trouble of Temporal stays a mistake of ours', () => {
    const mistake = new TypeError('x is undefined');
    expect(explainTemporalError(mistake, destination)).toBe(mistake);
  });

  test('an older server that lacks one of its own search attributes is known by the name', () => {
    const error = grpc(3, 'invalid query: unable to convert filter expression: TemporalReportedProblems is not valid');
    expect(isUnknownAttribute(error, 'TemporalReportedProblems')).toBe(true);
    expect(isUnknownAttribute(grpc(3, 'invalid query: syntax error'), 'TemporalReportedProblems')).toBe(false);
  });

  test('says what to set when nothing can be connected to', () => {
    expect(unreachable('t:1').message).toBe(
      'Temporal at t:1 does not answer: start it or set TEMPORAL_ADDRESS / --address',
    );
  });
});

describe('a list filter', () => {
  test('stays within the releases of hotwave, whatever is added', () => {
    expect(queryOf({ query: "A = 'x' OR B = 'y'", cluster: "e'u" })).toBe(
      "WorkflowType IN ('hotUpdate', 'rollBackFromCluster') AND ExecutionStatus != 'ContinuedAsNew' AND HotwaveCluster = 'eu' AND (A = 'x' OR B = 'y')",
    );
  });

  test('is of one set, or of all sets of a namespace', () => {
    expect(queryOf({ set: 'arena/duel' })).toContain(" AND HotwaveSet = 'arena/duel'");
    expect(queryOf({ set: 'arena/' })).toContain(" AND HotwaveSet STARTS_WITH 'arena/'");
  });
});
