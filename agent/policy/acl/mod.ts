/**
 * Access control: configured rules compiled once, decisions over them. Compile (`compileAcl`), bind each client
 * (`bindSubject`), decide.
 */
export type { AclConfig, Action, MatchConfig, RuleConfig } from "./config.ts";
export type { AclSettings, CompiledAcl } from "./compiled_acl.ts";
export type { CompiledRule } from "./compiled_rule.ts";
export { compileAcl, type CompileAclOptions, compileAclSteps, type CompileResult } from "./compile.ts";
export { packAcl, type PackedAcl, unpackAcl } from "./packed_acl.ts";
export type { AclProblem } from "./rule_problems.ts";
export { ANONYMOUS_GROUP, type Subject } from "./match.ts";
export { bindSubject, type SubjectAcl } from "./subject.ts";
export {
  type AclDecision,
  type AclReason,
  decideConnect,
  decidePublish,
  decideReceive,
  decideSubscribe,
  decideUnsubscribe,
} from "./decide.ts";
export type { AclQuestion } from "./trace_rules.ts";
export { type EmbeddedTest, type EmbeddedTestFailure, embeddedTestSteps, runEmbeddedTests } from "./embedded_tests.ts";
