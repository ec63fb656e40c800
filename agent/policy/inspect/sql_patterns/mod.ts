import type { Pattern } from "../pattern.ts";
import { BREAKOUTS } from "./breakouts.ts";
import { CONDITIONS } from "./conditions.ts";
import { KEY_VALUE } from "./key_value.ts";
import { LDAP } from "./ldap.ts";
import { MONGO } from "./mongo.ts";
import { PROBES } from "./probes.ts";
import { QUERY_LANGUAGES } from "./query_languages.ts";
import { SELECTS } from "./selects.ts";
import { SERVER_ACCESS } from "./server_access.ts";
import { STATEMENTS } from "./statements.ts";

/**
 * SQL injection: what would change a statement that a backend builds from a payload, a topic or a client id.
 *
 * Where several are called for a token, they are asked in this order, and the first one that refuses is told.
 */
export const SQL_PATTERNS: readonly Pattern[] = [
  SELECTS.union,
  CONDITIONS.tautology,
  CONDITIONS.quoted,
  CONDITIONS.cut,
  BREAKOUTS.comment,
  STATEMENTS.stacked,
  STATEMENTS.alone,
  SELECTS.nested,
  SERVER_ACCESS.delay,
  SERVER_ACCESS.files,
  SERVER_ACCESS.catalog,
  SERVER_ACCESS.variable,
  PROBES.order,
  PROBES.error,
  BREAKOUTS.operator,
  BREAKOUTS.versionedComment,
  MONGO.operator,
  STATEMENTS.administration,
  MONGO.mapReduce,
  MONGO.shell,
  QUERY_LANGUAGES.pipe,
  QUERY_LANGUAGES.secrets,
  QUERY_LANGUAGES.selector,
  QUERY_LANGUAGES.graph,
  LDAP.filter,
  KEY_VALUE.strings,
  KEY_VALUE.command,
  KEY_VALUE.line,
  SELECTS.inText,
  CONDITIONS.dangling,
];
