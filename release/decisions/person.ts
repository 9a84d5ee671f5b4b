/**
 * The common form of two spellings of one name: Unicode NFC, no blanks around, one blank between words, lower case. The
 * identity providers of chats and forges do not tell people apart by case, so neither does a gate that wants two people.
 */
export function personKey(name: string): string {
  return name.normalize('NFC').trim().replaceAll(/\s+/g, ' ').toLowerCase();
}

/** True when two names are one person's. */
export function isSamePerson(one: string, other: string): boolean {
  return personKey(one) === personKey(other);
}

/** True when a person is named among others. */
export function isAmong(people: readonly string[], person: string): boolean {
  return people.some((one) => isSamePerson(one, person));
}

/** The person who decides by the policy of the cluster, and what vouches for that; or why it does not count. */
export type Weighed =
  | {
      /** The name of the person in the policy; who is not in it is known by the name that was sent. */
      readonly person: string;
      /** `ann's key`, `the key of slack`; absent when the name is only claimed. */
      readonly vouchedBy?: string | undefined;
      /** Of the groups of the open gate that the policy has: whether the person is in them now. */
      readonly ofGroups?: Readonly<Record<string, boolean>> | undefined;
    }
  | { readonly refusal: string };
