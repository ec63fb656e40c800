import type { CompiledAcl } from "./compiled_acl.ts";
import type { RuleClass } from "./compiled_rule.ts";
import { ANONYMOUS_GROUP, matchHolds, type Subject, type SubjectFacts } from "./match.ts";
import { type TemplateValues, usableValue } from "./topic_template.ts";

/**
 * Which rules concern one client in one snapshot. Immutable: bind again when the snapshot or the subject changes. A few
 * hundred bytes, more only for a client that many different matches hold for.
 */
export interface SubjectAcl {
  readonly acl: CompiledAcl;
  readonly subject: Subject;
  /** Classes that hold, by the order of their first rule. */
  readonly classes: readonly RuleClass[];
  /** The same for shadow rules. */
  readonly shadowClasses: readonly RuleClass[];
  /** Values of placeholders in allow rules and in deny rules. */
  readonly allowValues: TemplateValues;
  readonly denyValues: TemplateValues;
  /** Until when a rule that lists `receive` holds for this client, milliseconds since 1970; -infinity: none does. */
  readonly receiveListedUntilMs: number;
}

const NO_CLASSES: readonly RuleClass[] = [];
const NO_VALUES: TemplateValues = [];

/**
 * Finds the rules that concern the subject. O(what concerns it + regexes that begin with no text), whatever the number
 * of the other rules.
 */
export function bindSubject(acl: CompiledAcl, subject: Subject): SubjectAcl {
  const { matches, subjects, templates, groupsByUser } = acl.tables;
  const facts = subjectFacts(subject, groupsByUser);
  const classes: RuleClass[] = [];
  const shadowClasses: RuleClass[] = [];
  let receiveListedUntilMs = -Infinity;
  for (const number of subjects.candidates(facts)) {
    const match = matches.at(number);
    for (const candidate of matches.classesOf(number)) {
      if (!matchHolds(match, facts, candidate.allow)) continue;
      if (candidate.shadow) {
        shadowClasses.push(candidate);
      } else {
        classes.push(candidate);
        receiveListedUntilMs = Math.max(receiveListedUntilMs, candidate.listsReceiveUntilMs);
      }
    }
  }
  const denyValues = templates.variables.length === 0
    ? NO_VALUES
    : templates.variables.map((variable) => usableValue(variableValue(variable, subject)));
  const allowValues = subject.proved
    ? denyValues
    : denyValues.map((value, number) => needsProof(templates.variables[number]!) ? null : value);
  return {
    acl,
    subject,
    classes: inOrder(classes),
    shadowClasses: inOrder(shadowClasses),
    allowValues,
    denyValues,
    receiveListedUntilMs,
  };
}

/** The subject with the groups it has, by proof and by what it claims. */
export function subjectFacts(
  subject: Subject,
  groupsByUser: { get(user: string): readonly string[] | undefined },
): SubjectFacts {
  const provedGroups = new Set(subject.groups);
  provedGroups.delete(ANONYMOUS_GROUP);
  if (subject.anonymous) provedGroups.add(ANONYMOUS_GROUP);
  const byName = subject.username === null ? undefined : groupsByUser.get(subject.username);
  if (byName === undefined) return { subject, provedGroups, claimedGroups: provedGroups };
  const claimedGroups = new Set([...provedGroups, ...byName]);
  return { subject, provedGroups: subject.proved ? claimedGroups : provedGroups, claimedGroups };
}

function inOrder(classes: RuleClass[]): readonly RuleClass[] {
  if (classes.length === 0) return NO_CLASSES;
  // A copy, since a list that grew keeps room for seventeen, and there is one list per client.
  return classes.sort((a, b) => a.minOrder - b.minOrder).slice();
}

/** What a placeholder stands for, whether it can be put in or not. */
export function variableValue(variable: string, subject: Subject): string | null | undefined {
  switch (variable) {
    case "clientid":
      return subject.clientId;
    case "username":
      return subject.username;
    case "ip":
      return subject.address?.text;
    default:
      return subject.attributes?.get(variable.slice("attr.".length));
  }
}

/** True for what follows from the user name. */
export function needsProof(variable: string): boolean {
  return variable !== "clientid" && variable !== "ip";
}
