import type { Activities } from '../activities/index.ts';
import { answered } from '../activities/answered.ts';
import {
  auditInputSchema,
  checkedInput,
  describeInputSchema,
  inspectInputSchema,
  planInputSchema,
} from '../workflows/input-schemas.ts';
import type {
  AuditInput,
  AuditResult,
  DescribeInput,
  DescribeResult,
  InspectInput,
  InspectResult,
  PlanInput,
  PlanResult,
  QUESTIONS,
} from '../workflows/messages.ts';

/** The activities that answer questions; the workflows of the same answers are for a Temporal without standalone activities. */
interface QuestionActivities extends Record<(typeof QUESTIONS)[keyof typeof QUESTIONS], unknown> {
  answerPlan(input: PlanInput): Promise<PlanResult>;
  answerInspection(input: InspectInput): Promise<InspectResult>;
  answerAudit(input: AuditInput): Promise<AuditResult>;
  answerDescription(input: DescribeInput): Promise<DescribeResult>;
}

/** The questions of reading commands as standalone activities (decision 0033): anybody may start one, so the input is checked. */
export function questionActivities(activities: Activities): QuestionActivities {
  return {
    answerPlan: async (input) => {
      const { file, cluster } = checkedInput(planInputSchema, input);
      return await activities.planRelease({ file, cluster });
    },
    answerInspection: async (input) => {
      const { namespace } = checkedInput(inspectInputSchema, input);
      return { lines: await activities.inspectCluster({ namespace }) };
    },
    answerDescription: (input) => {
      const { namespace, name } = checkedInput(describeInputSchema, input);
      return answered(() => activities.describeSet({ namespace, name }));
    },
    answerAudit: async (input) => await activities.answerAudit(checkedInput(auditInputSchema, input)),
  };
}
