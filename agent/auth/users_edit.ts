/**
 * Changes one user in the text of a users file and leaves all else as it stands: comments, order, spelling. For the
 * command line: it imports libraries that take the agent's start too long to load.
 */
import type { HashLimits } from "./password_hash.ts";
import type { UsersEdit } from "./user_change.ts";
import { editJson } from "./users_edit_json.ts";
import { editYaml } from "./users_edit_yaml.ts";
import { isYamlPath } from "./users_load.ts";
import { UsersTableBuilder } from "./users_table.ts";
import { readUsersText } from "./users_text.ts";

export type EditResult = { readonly text: string } | { readonly fault: string };

/** A file without users. */
export function emptyUsersText(path: string): string {
  return isYamlPath(path) ? "users: {}\n" : '{\n  "users": {}\n}\n';
}

/**
 * The text after the change, or why it could not be made. `text` must be without problems. The result was read again, and
 * differs in that one user and nothing else.
 */
export function editUsers(path: string, text: string, edit: UsersEdit, limits: HashLimits): EditResult {
  const changed = isYamlPath(path) ? editYaml(text, edit) : editJson(text, edit);
  if (changed === null) return { fault: "it is written in a way that can only be edited by hand" };
  const before = readUsersText(path, text, limits);
  const after = readUsersText(path, changed, limits);
  const fault = "the change would have changed more than that user: edit it by hand";
  if ("problems" in before || "problems" in after) return { fault };
  const old = new UsersTableBuilder();
  for (const record of before.records) old.add(record);
  const builder = new UsersTableBuilder(old.finish());
  for (const record of after.records) builder.add(record);
  const { users, changed: count } = builder.finish();
  const hash = users.get(edit.name)?.credential.hash;
  const wanted = edit.kind === "remove" ? undefined : edit.kind === "add" ? edit.user.hash : edit.hash;
  return count === 1 && hash === wanted ? { text: changed } : { fault };
}
