import type { Pattern } from "../pattern.ts";
import { HANDLERS } from "./handlers.ts";
import { OBJECT_WALKS } from "./object_walks.ts";
import { PROTOTYPES } from "./prototypes.ts";
import { RESPONSE_HEADERS } from "./response_headers.ts";
import { SCRIPT_CALLS } from "./script_calls.ts";
import { SERVER_MARKUP } from "./server_markup.ts";
import { TAGS } from "./tags.ts";
import { TEMPLATES } from "./templates.ts";
import { URLS } from "./urls.ts";

/**
 * Script injection: what a browser, a template engine or a parser of markup would run of a value.
 *
 * Where several are called for a token, they are asked in this order, and the first one that refuses is told.
 */
export const SCRIPT_PATTERNS: readonly Pattern[] = [
  TAGS.script,
  HANDLERS.attribute,
  URLS.script,
  URLS.data,
  TAGS.loading,
  TAGS.style,
  SERVER_MARKUP.code,
  SERVER_MARKUP.xslt,
  SERVER_MARKUP.tag,
  SCRIPT_CALLS.breakout,
  SCRIPT_CALLS.known,
  SCRIPT_CALLS.letterless,
  PROTOTYPES.constructorChain,
  PROTOTYPES.write,
  TEMPLATES.braces,
  TEMPLATES.expression,
  TEMPLATES.razor,
  TEMPLATES.velocity,
  TEMPLATES.directive,
  TEMPLATES.square,
  RESPONSE_HEADERS.header,
  OBJECT_WALKS.names,
  SCRIPT_CALLS.plain,
];
