import type { AclSettings, CompiledAcl } from "./compiled_acl.ts";
import { GroupTable, type PackedGroups } from "./group_table.ts";
import { LevelTable, type PackedLevels } from "./level_table.ts";
import { MatchTable, type PackedMatches } from "./match_table.ts";
import { OverlapIndex, type PackedOverlaps } from "./overlap_index.ts";
import { type PackedLists, RuleLists } from "./rule_lists.ts";
import { type PackedRules, RuleTable } from "./rule_table.ts";
import { type PackedTrie, RuleTrie } from "./rule_trie.ts";
import { type PackedSubjects, SubjectIndex } from "./subject_index.ts";
import { type PackedTemplates, TemplateTable } from "./topic_template.ts";
import { TopicRequest } from "./topic_request.ts";
import { Unwrapper } from "./unwrap.ts";

/**
 * Compiled rules as plain data, which another thread can be given: nearly all of it arrays of integers, whose memory
 * changes hands without a copy, so that ten thousand rules cost whoever takes them no time and the heap no objects.
 */
export interface PackedAcl {
  readonly settings: AclSettings;
  readonly rules: PackedRules;
  readonly trie: PackedTrie;
  readonly overlaps: PackedOverlaps;
  readonly lists: PackedLists;
  readonly templates: PackedTemplates;
  readonly literals: PackedLevels;
  readonly matches: PackedMatches;
  readonly subjects: PackedSubjects;
  readonly groups: PackedGroups;
  readonly levels: PackedLevels;
  readonly deepest: number;
}

/** A copy of what was compiled, as plain data. The rules as they are written are not in it. */
export function packAcl({ config, rules, tables }: CompiledAcl): PackedAcl {
  return {
    settings: config,
    rules: rules.pack(),
    trie: tables.trie.pack(),
    overlaps: tables.overlaps.pack(),
    lists: tables.lists.pack(),
    templates: tables.templates.pack(),
    literals: tables.literals.pack(),
    matches: tables.matches.pack(),
    subjects: tables.subjects.pack(),
    groups: tables.groupsByUser.pack(),
    levels: tables.request.levels.pack(),
    deepest: tables.request.deepest,
  };
}

/** What was packed, taken over. Its regexes are not compiled yet: `tables.matches.buildRegexes()`. */
export function unpackAcl(packed: PackedAcl): CompiledAcl {
  const { settings } = packed;
  const lists = RuleLists.unpack(packed.lists);
  const templates = TemplateTable.unpack(packed.templates);
  return {
    config: settings,
    written: null,
    rules: RuleTable.unpack(packed.rules),
    tables: {
      trie: RuleTrie.unpack(packed.trie, lists, templates),
      overlaps: OverlapIndex.unpack(packed.overlaps, lists, templates),
      lists,
      templates,
      literals: LevelTable.unpack(packed.literals),
      matches: MatchTable.unpack(packed.matches),
      subjects: SubjectIndex.unpack(packed.subjects),
      unwrapper: new Unwrapper(settings.unwrap),
      forbidden: [...new Set(settings["forbid-characters"] ?? "")],
      groupsByUser: GroupTable.unpack(packed.groups),
      request: new TopicRequest(LevelTable.unpack(packed.levels), packed.deepest),
    },
  };
}
