/** A change of one user in a users file, and how a new user is written. */
export type UsersEdit =
  | { readonly kind: "add"; readonly name: string; readonly user: NewUser }
  | { readonly kind: "set-hash"; readonly name: string; readonly hash: string }
  | { readonly kind: "remove"; readonly name: string };

export interface NewUser {
  readonly hash: string;
  readonly groups: readonly string[];
  /** Null: any. */
  readonly clientIds: readonly string[] | null;
}

/** As it is written: `password_hash` is the product page's spelling. */
export function writtenUser({ hash, groups, clientIds }: NewUser): Record<string, unknown> {
  return {
    password_hash: hash,
    ...(groups.length === 0 ? {} : { groups }),
    ...(clientIds === null ? {} : { "client-ids": clientIds }),
  };
}

export const HASH_KEYS = ["password_hash", "password-hash"] as const;
