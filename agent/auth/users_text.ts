import { ConfigDocument } from "../config/document.ts";
import type { HashLimits } from "./password_hash.ts";
import { readUsers, type UsersReading } from "./users_file.ts";
import { isYamlPath } from "./users_load.ts";
import { YamlDocument } from "./users_yaml.ts";

/**
 * Reads the text of a users file as what its path says it is. Imports the YAML library, so not for the frame path's
 * thread: `loadUsers` is.
 */
export function readUsersText(path: string, text: string, limits: HashLimits): UsersReading {
  return readUsers(isYamlPath(path) ? new YamlDocument(path, text) : ConfigDocument.ofText(path, text), limits);
}
