/**
 * Payload inspection: a configuration compiled once (`compileInspection`, `compileSchemas`), each part of a packet searched
 * (`inspect`), each payload held against its schema (`checkSchema`). Synchronous, on plain data: a worker can do it too.
 */
export type { InspectionConfig, JsonSchemaConfig, PartName, Severity } from "./config.ts";
export {
  ALL_PATTERNS,
  compileInspection,
  type Findings,
  type Hit,
  inspect,
  type InspectionPlan,
  type InspectionProblem,
} from "./inspect.ts";
export { checkSchema, compileSchemas, type SchemaFailure, type SchemaProblem, type SchemaSet } from "./json_schema.ts";
export type { Category, Pattern } from "./pattern.ts";
