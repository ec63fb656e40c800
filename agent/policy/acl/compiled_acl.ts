import type { AclConfig, RuleConfig } from "./config.ts";
import type { GroupTable } from "./group_table.ts";
import type { LevelTable } from "./level_table.ts";
import type { MatchTable } from "./match_table.ts";
import type { OverlapIndex } from "./overlap_index.ts";
import type { RuleLists } from "./rule_lists.ts";
import type { RuleTable } from "./rule_table.ts";
import type { RuleTrie } from "./rule_trie.ts";
import type { SubjectIndex } from "./subject_index.ts";
import type { TemplateTable } from "./topic_template.ts";
import type { TopicRequest } from "./topic_request.ts";
import type { Unwrapper } from "./unwrap.ts";

/** The section without what is as long as its rules. */
export type AclSettings = Omit<AclConfig, "rules" | "groups">;

/** Rules as they are configured, by `CompiledRule.index`. */
export interface WrittenRules {
  readonly rules: readonly RuleConfig[];
  /** Number of the match of each, in `AclTables.matches`. */
  readonly matchOfRule: Int32Array;
}

/** One immutable snapshot of compiled rules. */
export interface CompiledAcl {
  readonly config: AclSettings;
  /**
   * The rules as they are configured, for who explains them. Null where they are not kept: ten thousand of them take 7 MB,
   * and decisions need none of it.
   */
  readonly written: WrittenRules | null;
  /** In the order of deciding: by priority, then as configured. A rule's place here is its *order*. */
  readonly rules: RuleTable;
  /** What decisions look things up in. Not for use outside this directory. */
  readonly tables: AclTables;
}

export interface AclTables {
  readonly trie: RuleTrie;
  readonly overlaps: OverlapIndex;
  readonly lists: RuleLists;
  readonly templates: TemplateTable;
  /** Numbers of the topics of `literal` rules. */
  readonly literals: LevelTable;
  /** Distinct matches, and the classes of rules that have them. */
  readonly matches: MatchTable;
  readonly subjects: SubjectIndex;
  readonly unwrapper: Unwrapper;
  readonly forbidden: readonly string[];
  /** User name to the groups that `acl.groups` gives it. */
  readonly groupsByUser: GroupTable;
  /** Filled again by each decision. */
  readonly request: TopicRequest;
}
