import type { WorkflowHandle } from '@temporalio/client';

type Events = NonNullable<Awaited<ReturnType<WorkflowHandle['fetchHistory']>>['events']>;

/** The events that woke one task of a workflow, and its commands, in words: `activityTaskScheduled openWave`. */
interface Task {
  readonly causes: readonly string[];
  readonly commands: readonly string[];
}

/** The activity by which a release hands its notices to the courier of its set; and the wait for the last of them. */
const OF_HAND_OVERS = /^(activityTask\w+ tellCourier|timer\w+ last notices)$/;
/** The next step after the end of a hand-over: the next one, and the end of the release. */
const MAY_FOLLOW = /^(activityTaskScheduled tellCourier|timerCanceled last notices|workflowExecutionCompleted)$/;

/** The commands of a release in their order, but for those that hand notices over. */
export async function commandsBesideHandOvers(handle: WorkflowHandle): Promise<readonly string[]> {
  const tasks = await tasksOf(handle);
  return tasks.flatMap(({ commands }) => commands).filter((name) => !OF_HAND_OVERS.test(name));
}

/** The acts of a release because a hand-over had ended and for no other reason: all that is here has waited for it. */
export async function waitedForHandOvers(handle: WorkflowHandle): Promise<readonly string[]> {
  const tasks = await tasksOf(handle);
  return tasks
    .filter(({ causes }) => causes.length > 0 && causes.every((name) => OF_HAND_OVERS.test(name)))
    .flatMap(({ commands }) => commands)
    .filter((name) => !MAY_FOLLOW.test(name));
}

async function tasksOf(handle: WorkflowHandle): Promise<readonly Task[]> {
  const { events } = await handle.fetchHistory();
  const all = events ?? [];
  const tasks: { readonly causes: string[]; readonly commands: string[] }[] = [];
  let causes: string[] = [];
  for (const event of all) {
    const { kind, attributes } = kindOf(event);
    const name = `${kind} ${subjectOf(event, all)}`.trim();
    if (kind === 'workflowTaskStarted') {
      tasks.push({ causes, commands: [] });
      causes = [];
    } else if ('workflowTaskCompletedEventId' in attributes) tasks.at(-1)!.commands.push(name);
    // An update comes with the task itself.
    else if (kind.startsWith('workflowExecutionUpdate')) tasks.at(-1)!.causes.push(name);
    else if (!kind.startsWith('workflowTask') && kind !== 'activityTaskStarted') causes.push(name);
  }
  return tasks;
}

/** Ids are whole numbers of a type of their own. */
interface Whole {
  toString(): string;
}

/** The words of events for the event that began what they end. */
interface Attributes {
  readonly scheduledEventId?: Whole;
  readonly startedEventId?: Whole;
}

/** `timerStarted`, and what the event says. */
function kindOf(event: Events[number]): { readonly kind: string; readonly attributes: Attributes } {
  const entries = Object.entries(event as Readonly<Record<string, Attributes | null>>);
  const [key, attributes] = entries.find(([name, value]) => name.endsWith('EventAttributes') && value !== null)!;
  return { kind: key.replace('EventAttributes', ''), attributes: attributes! };
}

/** Which activity, or which timer by its summary. */
function subjectOf(event: Events[number], all: Events): string {
  const { scheduledEventId, startedEventId } = kindOf(event).attributes;
  const began = (scheduledEventId ?? startedEventId)?.toString();
  const first = all.find(({ eventId }) => began !== undefined && eventId?.toString() === began) ?? event;
  const summary = first.timerStartedEventAttributes && first.userMetadata?.summary?.data;
  if (summary) return JSON.parse(Buffer.from(summary).toString('utf8')) as string;
  return first.activityTaskScheduledEventAttributes?.activityType?.name ?? '';
}
