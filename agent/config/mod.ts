/**
 * The configuration: read from its layers, brought into one form, checked, merged, frozen. Imports nothing of ours.
 */
export type { Environment } from "./expand.ts";
export { type LoadedConfig, type LoadResult, providerFiles, type RefusedConfig, resolveLayers } from "./layers.ts";
export { jsonPieces, jsonSteps } from "./json_pieces.ts";
export { loadConfig, loadConfigSteps, type LoadOptions } from "./load.ts";
export { NOT_YET, type NotYet, type NotYetTable } from "./not_yet.ts";
export { type Fault, formatPath, type Path, type Place, type Problem, type ProblemKind } from "./problem.ts";
export { type ReadResult, type ReadText, readText } from "./read_text.ts";
export type { AclConfig, AclTestConfig, MatchConfig, RuleConfig } from "./schema/acl.ts";
export type { AuthConfig, ProviderConfig } from "./schema/auth.ts";
export { CONFIG, type Config } from "./schema/config.ts";
export type { GeneralConfig } from "./schema/general.ts";
export type { InspectionConfig } from "./schema/inspection.ts";
export type { LimitConfig, QosConfig, RateLimitConfig, RetainedConfig } from "./schema/limits.ts";
export type { AdminConfig, AgentConfig, AuditConfig, AutoBanConfig, BansConfig } from "./schema/operation.ts";
export type { LayerName, Origin } from "./sources.ts";
export { finished, inTurns, type Steps, turnGiver } from "./steps.ts";
