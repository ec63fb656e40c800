/** The command `users`: who is in a users file. Import it when it is asked for, it loads libraries the agent has no use for. */
import { Command, CommanderError, InvalidArgumentError, Option } from "commander";
import { bcryptPasswordFault, generateSecret, hashOfGenerated, secretMatches } from "../agent/auth/password_hash.ts";
import { hashBcrypt, verifyBcrypt } from "../agent/auth/bcrypt.ts";
import { isUsableName } from "../agent/auth/proved_name.ts";
import type { UsersEdit } from "../agent/auth/user_change.ts";
import { editUsers, emptyUsersText } from "../agent/auth/users_edit.ts";
import { type UserEntry, UsersTableBuilder } from "../agent/auth/users_table.ts";
import { readUsersText } from "../agent/auth/users_text.ts";
import { quote, quoteWhole } from "../agent/config/quote.ts";
import { readText } from "../agent/config/read_text.ts";
import { replaceFile } from "./replace_file.ts";
import { type SecretInput, SecretReader } from "./secret_input.ts";
import { userAsJson, userTable } from "./users_list.ts";

/** As everywhere: 0 done, 1 failure, 2 bad arguments, 3 a users file with problems. */
const EXIT = { OK: 0, FAILURE: 1, ARGUMENTS: 2, CONFIGURATION: 3 } as const;

/** Where the command reads and writes; standard input, output and error unless a test says otherwise. */
export interface UsersConsole {
  readonly input: SecretInput;
  /** What was asked for. */
  out(text: string): void;
  /** What a person should know. */
  note(text: string): void;
  readonly wallMs: () => number;
}

/** Ends the command with a message and an exit code. */
class Stop extends Error {
  constructor(readonly code: number, message: string) {
    super(message);
  }
}

/** All that bcrypt can: which costs the agent takes is in its configuration, which this command does not read. */
const LIMITS = { minBcryptCost: 4, maxBcryptCost: 31 } as const;
const DEFAULT_COST = 12;
/** `auth.max-bcrypt-cost` where nobody set it. */
const USUAL_MAX_COST = 14;

const EXAMPLES = `
The password is asked for, or is the first line of standard input; it is never an argument, which every process could
see. --generate makes a secret of 160 random bits, prints it once and keeps a fast hash of it, which is right for
devices: a fleet that comes back at once is in within seconds.

Examples:
  users add admin --groups admin --file users.json
  users add sensor-001 --groups sensors,zone-a --client-ids sensor-001 --generate --file users.json
  users list --file users.json
  users verify admin --file users.json < password.txt

Exit codes: 0 ok, 1 failure, 2 bad arguments, 3 the users file has problems.`;

interface FileFlag {
  file: string;
}

interface PasswordFlags extends FileFlag {
  generate: boolean;
  cost: number;
}

interface AddFlags extends PasswordFlags {
  groups: string[];
  clientIds?: string[];
}

/** Runs `users …`, the arguments being those behind that word; resolves to the exit code. */
export async function usersCommand(args: string[], given: Partial<UsersConsole> = {}): Promise<number> {
  const on: UsersConsole = {
    input: given.input ?? new SecretReader(),
    out: given.out ?? ((text) => console.log(text)),
    note: given.note ?? ((text) => console.error(text)),
    wallMs: given.wallMs ?? Date.now,
  };
  try {
    await commands(on).parseAsync(args, { from: "user" });
    return EXIT.OK;
  } catch (error) {
    // Help ends here too, with 0; what is wrong with the arguments was written.
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.OK : EXIT.ARGUMENTS;
    if (error instanceof Stop) {
      on.note(error.message);
      return error.code;
    }
    if (!isSystemError(error)) throw error;
    on.note(`Cannot go on: ${error.message}`);
    return EXIT.FAILURE;
  }
}

function commands(on: UsersConsole): Command {
  const program = new Command("users")
    .description("Adds, changes, lists and checks the users in a users file (JSON with comments, or YAML)")
    .addHelpText("after", EXAMPLES)
    .configureOutput({ writeOut: (text) => on.out(text.trimEnd()), writeErr: (text) => on.note(text.trimEnd()) })
    .exitOverride();
  const file = (): Option => new Option("-f, --file <path>", "users file").makeOptionMandatory();
  const generate = (): Option =>
    new Option("--generate", "make a secret of 160 random bits and print it once").default(false).conflicts("cost");
  const cost = (): Option => new Option("--cost <n>", "bcrypt cost, 4 to 31").argParser(costOf).default(DEFAULT_COST);
  program.command("add <name>").description("add a user; the file is made if there is none")
    .addOption(file()).addOption(generate()).addOption(cost())
    .addOption(new Option("--groups <a,b>", "groups of the user").argParser(listOf).default([], "none"))
    .addOption(new Option("--client-ids <a,b>", "client ids that the user may use; any, if left out").argParser(listOf))
    .action((name: string, flags: AddFlags) => addUser(on, nameOf(name), flags));
  program.command("passwd <name>").description("give a user another password")
    .addOption(file()).addOption(generate()).addOption(cost())
    .action((name: string, flags: PasswordFlags) => changePassword(on, name, flags));
  program.command("del <name>").description("remove a user")
    .addOption(file())
    .action((name: string, flags: FileFlag) => deleteUser(on, name, flags));
  program.command("list").description("show the users, never their hashes")
    .addOption(file()).addOption(new Option("--json", "as JSON").default(false))
    .action((flags: FileFlag & { json: boolean }) => listUsers(on, flags));
  program.command("verify <name>").description("check a user's password; exit code 1 if it would be refused")
    .addOption(file())
    .action((name: string, flags: FileFlag) => verifyUser(on, name, flags));
  return program;
}

async function addUser(on: UsersConsole, name: string, flags: AddFlags): Promise<void> {
  const found = usersIn(flags.file, { mayBeMissing: true });
  if (found.users.has(name)) fail(`Cannot add the user ${quote(name)}: there is one of that name`);
  const { hash, secret } = await newPassword(on, flags);
  const user = { hash, groups: flags.groups, clientIds: flags.clientIds ?? null };
  await change(flags.file, found, { kind: "add", name, user });
  tellChanged(on, `Added the user ${quote(name)}`, secret);
}

async function changePassword(on: UsersConsole, name: string, flags: PasswordFlags): Promise<void> {
  const found = usersIn(flags.file);
  entryOf(found, name);
  const { hash, secret } = await newPassword(on, flags);
  await change(flags.file, found, { kind: "set-hash", name, hash });
  tellChanged(on, `Changed the password of ${quote(name)}`, secret);
}

async function deleteUser(on: UsersConsole, name: string, { file }: FileFlag): Promise<void> {
  const found = usersIn(file);
  entryOf(found, name);
  await change(file, found, { kind: "remove", name });
  on.note(`Removed the user ${quote(name)}`);
}

function listUsers(on: UsersConsole, { file, json }: FileFlag & { json: boolean }): void {
  const { users } = usersIn(file);
  const entries = [...users.values()].sort(({ name: a }, { name: b }) => a < b ? -1 : 1);
  on.out(json ? JSON.stringify(entries.map(userAsJson), null, 2) : userTable(entries, on.wallMs()));
}

async function verifyUser(on: UsersConsole, name: string, { file }: FileFlag): Promise<void> {
  const { enabled, expiresAtMs, credential } = entryOf(usersIn(file), name);
  const password = await on.input.read(`Password of ${quote(name)}: `) ?? fail("Cannot verify: there is no password");
  const matches = credential.bcryptCost === null
    ? password.length > 0 && secretMatches(password, credential.hash)
    : await verifyBcrypt(password, credential.hash);
  const fault = password.length === 0 || credential.bcryptCost === null ? null : passwordFault(password);
  password.fill(0);
  if (!matches) fail(`The password of ${quote(name)} is wrong${fault === null ? "" : `: ${fault}`}`);
  if (!enabled) fail(`The password is right, but the user ${quote(name)} is disabled`);
  if (expiresAtMs <= on.wallMs()) fail(`The password is right, but the user ${quote(name)} has expired`);
  on.note(`The password of ${quote(name)} is right`);
}

/** The hash to keep, and the secret to print if it was made here. */
async function newPassword(
  on: UsersConsole,
  { generate, cost }: PasswordFlags,
): Promise<{ hash: string; secret: string | null }> {
  if (generate) {
    const secret = generateSecret();
    return { hash: hashOfGenerated(secret), secret: new TextDecoder().decode(secret) };
  }
  if (cost > USUAL_MAX_COST) {
    on.note(`The agent refuses a cost of ${cost} unless auth.max-bcrypt-cost is raised from ${USUAL_MAX_COST}`);
  }
  const password = await on.input.read("Password: ") ?? fail("Cannot set a password: there is none");
  try {
    const fault = passwordFault(password);
    if (fault !== null) fail(`Cannot use this password: ${fault}`);
    if (on.input.isTerminal) await readAgain(on, password);
    return { hash: await hashBcrypt(password, cost), secret: null };
  } finally {
    password.fill(0);
  }
}

async function readAgain(on: UsersConsole, password: Uint8Array): Promise<void> {
  const again = await on.input.read("The same again: ");
  const same = again !== null && again.length === password.length && again.every((byte, i) => byte === password[i]);
  again?.fill(0);
  if (!same) fail("Cannot use this password: the two are not the same");
}

function passwordFault(password: Uint8Array): string | null {
  const fault = bcryptPasswordFault(password);
  switch (fault) {
    case null:
      return null;
    case "empty":
      return "it is empty";
    case "too-long":
      return "it has more than 72 bytes, and bcrypt takes no more";
    case "nul":
      return "it holds a NUL byte, behind which bcrypt tools differ";
    default:
      return fault satisfies never;
  }
}

interface FoundUsers {
  /** Null where there is no file yet. */
  readonly text: string | null;
  readonly users: ReadonlyMap<string, UserEntry>;
}

/** The users of a file without problems; ends the command otherwise. */
function usersIn(path: string, { mayBeMissing = false } = {}): FoundUsers {
  if (mayBeMissing && !exists(path)) return { text: null, users: new Map() };
  const found = readText(path);
  if ("fault" in found) throw new Stop(EXIT.FAILURE, `Cannot read ${quoteWhole(path)}: ${found.fault}`);
  const reading = readUsersText(path, found.text, LIMITS);
  if ("problems" in reading) {
    throw new Stop(EXIT.CONFIGURATION, reading.problems.map(({ message }) => message).join("\n"));
  }
  const builder = new UsersTableBuilder();
  for (const record of reading.records) builder.add(record);
  return { text: found.text, users: builder.finish().users };
}

function entryOf({ users }: FoundUsers, name: string): UserEntry {
  return users.get(name) ?? fail(`Cannot find the user ${quote(name)}: there is none of that name`);
}

async function change(path: string, { text }: FoundUsers, edit: UsersEdit): Promise<void> {
  const edited = editUsers(path, text ?? emptyUsersText(path), edit, LIMITS);
  if ("fault" in edited) throw new Stop(EXIT.FAILURE, `Cannot change ${quoteWhole(path)}: ${edited.fault}`);
  const replaced = await replaceFile(path, text, edited.text);
  if ("fault" in replaced) throw new Stop(EXIT.FAILURE, `Cannot write ${quoteWhole(path)}: ${replaced.fault}`);
}

/** A secret alone on standard output, so that a script can take it. */
function tellChanged(on: UsersConsole, what: string, secret: string | null): void {
  on.note(secret === null ? what : `${what}; the secret is shown this once:`);
  if (secret !== null) on.out(secret);
}

function fail(message: string): never {
  throw new Stop(EXIT.FAILURE, message);
}

function nameOf(name: string): string {
  if (!isUsableName(name)) {
    throw new Stop(EXIT.ARGUMENTS, `Cannot add the user ${quote(name)}: no MQTT client can have that name`);
  }
  return name;
}

function listOf(text: string): string[] {
  const items = text.split(",").map((item) => item.trim());
  if (items.some((item) => item === "")) throw new InvalidArgumentError("say one or more, with commas between them");
  return items;
}

function costOf(text: string): number {
  const cost = /^[0-9]{1,2}$/.test(text) ? Number(text) : NaN;
  if (!(cost >= LIMITS.minBcryptCost && cost <= LIMITS.maxBcryptCost)) {
    throw new InvalidArgumentError("say a whole number from 4 to 31");
  }
  return cost;
}

function exists(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch (error) {
    return !(error instanceof Deno.errors.NotFound);
  }
}

function isSystemError(error: unknown): error is Error {
  return error instanceof Error && Object.values(Deno.errors).some((type) => error instanceof type);
}
