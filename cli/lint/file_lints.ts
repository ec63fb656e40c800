import { bcryptCost, isGeneratedHash } from "../../agent/auth/password_hash.ts";
import { readUsers, type UserRecord, type UsersDocument } from "../../agent/auth/users_file.ts";
import { isYamlPath } from "../../agent/auth/users_load.ts";
import { YamlDocument } from "../../agent/auth/users_yaml.ts";
import { ConfigDocument } from "../../agent/config/document.ts";
import type { Config, Path, Place } from "../../agent/config/mod.ts";
import { quote, quoteWhole } from "../../agent/config/quote.ts";
import type { Doubt, Lint, LintGround } from "./lint.ts";
import { secretsInFiles } from "./secret_lints.ts";

/** Files that too many may read or change, and weak hashes in them. */
export const FILE_LINTS: readonly Lint[] = [
  {
    code: "file-mode",
    summary: "a file with secrets that others may read, or one that decides and others may write",
    advice: "chmod it to 0600, or to 0640 with the agent's group",
    find: looseModes,
  },
  {
    code: "bcrypt-cost",
    summary: "a password hash that is quick to guess",
    advice: "Set the password again: users passwd NAME --cost 12, and raise auth.min-bcrypt-cost",
    find: (on) =>
      users(on, ({ name, hash }) => {
        const cost = bcryptCost(hash);
        return cost !== null && cost < USUAL_LEAST_COST ? `user ${quote(name)} has a bcrypt cost of ${cost}` : null;
      }),
  },
  {
    code: "sha256-by-hand",
    summary: "a fast hash of a secret that was not generated here",
    advice: "Let the secret be generated: users passwd NAME --generate. Any other one needs a slow hash, bcrypt",
    find: (on) =>
      users(
        on,
        ({ name, hash }) =>
          hash.startsWith("$sha256$") && !isGeneratedHash(hash)
            ? `user ${quote(name)} has a fast hash that was not made by "users --generate"`
            : null,
      ),
  },
];

/** What OWASP asks for at least. */
const USUAL_LEAST_COST = 10;
const ALL_COSTS = { minBcryptCost: 4, maxBcryptCost: 31 } as const;

/** `secret`: to be read by nobody else. `trusted`: only to be changed by nobody else. */
interface NamedFile {
  readonly file: string;
  readonly path: Path;
  /** Where it is named, if that is not where the path is written. */
  readonly place?: Place;
  readonly kind: "secret" | "trusted";
}

const WORLD_READ = 0o004;
const WORLD_WRITE = 0o002;
const GROUP_WRITE = 0o020;

function looseModes(on: LintGround): Doubt[] {
  const found = new Map<string, Doubt>();
  for (const { kind, file, ...where } of namedFiles(on)) {
    const mode = on.files.mode(file);
    const who = mode === null ? null : fault(mode, kind);
    if (mode === null || who === null || found.has(file)) continue;
    const octal = (mode & 0o777).toString(8).padStart(4, "0");
    found.set(file, { ...where, text: `${quoteWhole(file)} has the mode ${octal}: ${who}` });
  }
  return [...found.values()];
}

function fault(mode: number, kind: NamedFile["kind"]): string | null {
  if ((mode & WORLD_WRITE) !== 0) return "everybody may change it";
  // Many systems give every user a group of his own, and let it write: only where a secret is at stake that matters.
  if (kind === "trusted") return null;
  if ((mode & GROUP_WRITE) !== 0) return "its group may change it";
  return (mode & WORLD_READ) !== 0 ? "everybody may read it" : null;
}

/** The configuration's own files, and those that it names and that are there on this machine. */
function* namedFiles(on: LintGround): Generator<NamedFile> {
  const { file, rulesFile, config } = on;
  if (file !== null) {
    yield { file, path: [], place: fileItself(file), kind: secretsInFiles(on).length > 0 ? "secret" : "trusted" };
  }
  const { agent, admin, acl } = config;
  if (rulesFile !== null && acl["rules-file"] !== undefined) {
    yield { file: rulesFile, path: ["acl", "rules-file"], kind: "trusted" };
  }
  yield* providerFiles(config);
  if (admin["users-file"] !== undefined) {
    yield { file: admin["users-file"], path: ["admin", "users-file"], kind: "secret" };
  }
  if (admin.tls?.["key-file"] !== undefined) {
    yield { file: admin.tls["key-file"], path: ["admin", "tls", "key-file"], kind: "secret" };
  }
  if (agent["grpc-tls"]?.["key-file"] !== undefined) {
    yield { file: agent["grpc-tls"]["key-file"], path: ["agent", "grpc-tls", "key-file"], kind: "secret" };
  }
}

function fileItself(file: string): Place {
  return { source: quoteWhole(file), file };
}

function* providerFiles({ auth }: Config): Generator<NamedFile> {
  for (const [index, provider] of auth.providers.entries()) {
    const named = (key: string, file: string | undefined, kind: NamedFile["kind"]): NamedFile[] =>
      file === undefined ? [] : [{ file, path: ["auth", "providers", index, key], kind }];
    switch (provider.type) {
      case "file":
        yield* named("path", provider.path, "secret");
        break;
      case "jwt":
        yield* named("jwks-file", provider["jwks-file"], "trusted");
        yield* named("public-key-file", provider["public-key-file"], "trusted");
        break;
      case "http":
        yield* named("tls-ca-file", provider["tls-ca-file"], "trusted");
        break;
      case "certificate":
        yield* named("trusted-ca-file", provider["trusted-ca-file"], "trusted");
        break;
      default:
        provider satisfies never;
    }
  }
}

/** What is said of users, each where his hash is. A file that cannot be read or has problems is another's business. */
function* users(on: LintGround, saidOf: (user: UserRecord) => string | null): Generator<Doubt> {
  const seen = new Set<string>();
  for (const [index, provider] of on.config.auth.providers.entries()) {
    if (provider.type !== "file" || seen.has(provider.path)) continue;
    seen.add(provider.path);
    const found = usersIn(provider.path, on);
    if (found === null) continue;
    const { document, records } = found;
    const said = records.flatMap((user) => {
      const text = saidOf(user);
      return text === null ? [] : [{ user, text }];
    });
    const places = document.places(said.map(({ user }) => ({ raw: hashPath(document, user.name), of: "value" })));
    for (const [at, { text }] of said.entries()) {
      const place = places[at];
      yield { path: ["auth", "providers", index, "path"], text, ...(place === undefined ? {} : { place }) };
    }
  }
}

interface UsersFound {
  readonly document: UsersDocument;
  readonly records: readonly UserRecord[];
}

/** What was read for one lint is there for the next. */
const readings = new WeakMap<LintGround, Map<string, UsersFound | null>>();

function usersIn(path: string, on: LintGround): UsersFound | null {
  let byPath = readings.get(on);
  if (byPath === undefined) readings.set(on, byPath = new Map());
  let found = byPath.get(path);
  if (found === undefined) byPath.set(path, found = readUsersIn(path, on));
  return found;
}

function readUsersIn(path: string, on: LintGround): UsersFound | null {
  const found = on.files.read(path);
  if ("fault" in found) return null;
  const document = documentOf(path, found.text);
  const reading = readUsers(document, ALL_COSTS);
  return "problems" in reading ? null : { document, records: reading.records };
}

function documentOf(path: string, text: string): UsersDocument {
  return isYamlPath(path) ? new YamlDocument(path, text) : ConfigDocument.ofText(path, text);
}

function hashPath({ value }: UsersDocument, name: string): Path {
  const { users } = value as { users: Readonly<Record<string, Readonly<Record<string, unknown>>>> };
  return ["users", name, Object.hasOwn(users[name] ?? {}, "password-hash") ? "password-hash" : "password_hash"];
}
