import type { CardModel, ButtonValue } from './card.ts';

/** A click that a vendor vouches for: its signature, its time and that it is no replay have been checked. */
export interface Click {
  /** `slack`, `feishu`, `dingtalk`, `webhook`: the channel of the decision. */
  readonly vendor: string;
  /** The message that holds the button. */
  readonly card: string;
  /** The identity of the policy, `slack:T1/U2`. */
  readonly actor: string;
  /** The vendor's own id of this click; the same when it is delivered again. */
  readonly click: string;
  readonly value: ButtonValue;
  readonly reason?: string | undefined;
  /** When the person clicked, milliseconds since the epoch. */
  readonly at: number;
}

/** Takes a click and gives, within about two seconds, one sentence for the person. Never throws. */
export type TakeClick = (click: Click) => Promise<string>;

/** An HTTP request of a vendor. The body is as it came: signatures are over bytes. */
export interface RawRequest {
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: string;
}

/** The answer to a vendor. */
export interface RawAnswer {
  readonly status: 200 | 400 | 401 | 409 | 413 | 503;
  readonly body?: object | undefined;
}

/** One chat. A further vendor is one file with this interface, its settings in settings.ts, and a line in serve.ts. */
export interface ChatVendor {
  readonly name: string;
  /**
   * Posts the card of a release, or updates the one of the receipt.
   * @param line also said in the thread of the card
   * @returns the receipt: which message the card is
   */
  readonly show: (card: CardModel, receipt: string | undefined, line: string | undefined) => Promise<string>;
  /** Answers the vendor's signed requests, at `/vendors/<name>`; absent where clicks come over a connection alone. */
  readonly answer?: (request: RawRequest, take: TakeClick) => Promise<RawAnswer>;
  /** Opens the vendor's connection for clicks; the result closes it. */
  readonly connect?: (take: TakeClick) => Promise<() => Promise<void>>;
}

/** The parts of the process that a vendor gets. */
export interface VendorTools {
  readonly now: () => number;
  readonly warn: (message: string, fields: Readonly<Record<string, string>>) => void;
}
