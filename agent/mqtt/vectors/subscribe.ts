import { ALL, delivered, noted, OLD, read, refused, unreadable, V3, V4, V5, type Vector } from "./vector.ts";

const PLAIN = { qos: 0, noLocal: false, retainAsPublished: false, retainHandling: 0 };

/** SUBSCRIBE, SUBACK, UNSUBSCRIBE and UNSUBACK, sections 3.8 to 3.11. */
export const SUBSCRIBE_VECTORS: readonly Vector[] = [
  read(OLD, "SUBSCRIBE", `82 { 0001 "a/#" 00 "+/b" 02 "ok" 01 }`, {
    type: 8,
    packetId: 1,
    subscriptions: [
      { ...PLAIN, filter: "a/#" },
      { ...PLAIN, filter: "+/b", qos: 2 },
      { ...PLAIN, filter: "ok", qos: 1 },
    ],
    subscriptionId: 0,
    userProperties: [],
  }),
  read(V5, "SUBSCRIBE with options and properties", `82 { 0001 { 0b ffffff7f 26 "k" "v" } "a/#" 2e "$share/g/b" 19 }`, {
    subscriptions: [
      { filter: "a/#", qos: 2, noLocal: true, retainAsPublished: true, retainHandling: 2 },
      { filter: "$share/g/b", qos: 1, noLocal: false, retainAsPublished: true, retainHandling: 1 },
    ],
    subscriptionId: 268_435_455,
    userProperties: [["k", "v"]],
  }),
  ...["#", "+", "/", "//", "+/+", "+/#", "/#", "a//#", "$SYS/#", "$share", "$sharex/#", "$SHARE//x", "a b", "ä/+/ö"]
    .map((
      filter,
    ) => read(OLD, `filter ${filter}`, `82 { 0001 "${filter}" 00 }`, { subscriptions: [{ ...PLAIN, filter }] })),
  ...["$share/g/#", "$share/g/+", "$share/g//", "$share/g/a/b", "$share/$share/x"].map((filter) =>
    read(OLD, `shared filter ${filter}`, `82 { 0001 "${filter}" 00 }`, { subscriptions: [{ ...PLAIN, filter }] })
  ),
  read(V3, "SUBSCRIBE that is sent again", `8a { 0001 "a" 00 }`, { packetId: 1 }),
  refused(V4, "SUBSCRIBE that is sent again", `8a { 0001 "a" 00 }`, "mqtt-fixed-header-flags", { refusedAfter: 1 }),
  refused(V5, "SUBSCRIBE that is sent again", `8a { 0001 {} "a" 00 }`, "mqtt-fixed-header-flags", { refusedAfter: 1 }),
  refused(ALL, "SUBSCRIBE with flags 0000", `80 { 0001 "a/x" 00 }`, "mqtt-fixed-header-flags", { refusedAfter: 1 }),
  refused(ALL, "SUBSCRIBE with flags 0011", `83 { 0001 "a/x" 00 }`, "mqtt-fixed-header-flags", { refusedAfter: 1 }),
  refused(ALL, "empty SUBSCRIBE packet", `82 00`, "mqtt-packet-length", { refusedAfter: 2 }),
  refused(ALL, "half a packet identifier", `82 01 00`, "mqtt-packet-length", { refusedAfter: 2 }),
  refused(OLD, "SUBSCRIBE without filters", `82 { 0001 }`, "mqtt-subscribe-empty"),
  refused(V5, "SUBSCRIBE without filters", `82 { 0001 {} }`, "mqtt-subscribe-empty"),
  refused(OLD, "packet identifier 0", `82 { 0000 "a" 00 }`, "mqtt-packet-id"),
  refused(V5, "packet identifier 0", `82 { 0000 {} "a" 00 }`, "mqtt-packet-id"),
  refused(OLD, "QoS 3", `82 { 0001 "a/x" 03 }`, "mqtt-subscribe-qos"),
  refused(V5, "QoS 3", `82 { 0001 {} "a/x" 03 }`, "mqtt-subscribe-qos"),
  ...[0x04, 0x08, 0x10, 0x20, 0x40, 0x80].map((bit) =>
    refused(OLD, `option bit ${bit}`, `82 { 0001 "a" ${hex(bit)} }`, "mqtt-subscribe-options")
  ),
  ...[0x40, 0x80, 0xc0].map((bit) =>
    refused(V5, `option bit ${bit}`, `82 { 0001 {} "a" ${hex(bit)} }`, "mqtt-subscribe-options")
  ),
  refused(V5, "retain handling 3", `82 { 0001 {} "a" 30 }`, "mqtt-retain-handling"),
  refused(V5, "No Local on a shared subscription", `82 { 0001 {} "$share/g/a" 04 }`, "mqtt-no-local-shared"),
  read(V5, "No Local on $share without group", `82 { 0001 {} "$share" 04 }`),
  refused(OLD, "filter without options", `82 { 0001 "a" }`, "mqtt-field-past-end"),
  refused(OLD, "filter past the packet", `82 { 0001 0003 'a' 00 }`, "mqtt-field-past-end"),
  refused(OLD, "half a filter length", `82 { 0001 "a" 00 00 }`, "mqtt-field-past-end"),
  refused(V5, "SUBSCRIBE without property length", `82 { 0001 }`, "mqtt-packet-length", { refusedAfter: 2 }),
  refused(V5, "subscription identifier 0", `82 { 0001 { 0b 00 } "a" 00 }`, "mqtt-subscription-id"),
  refused(V5, "two subscription identifiers", `82 { 0001 { 0b 01 0b 02 } "a" 00 }`, "mqtt-property-duplicate"),
  refused(
    V5,
    "subscription identifier of two bytes for one",
    `82 { 0001 { 0b 8100 } "a" 00 }`,
    "mqtt-variable-integer-minimal",
  ),
  refused(V5, "subscription identifier of five bytes", `82 { 0001 { 0b 8080808001 } "a" 00 }`, "mqtt-variable-integer"),
  refused(V5, "subscription identifier past its section", `82 { 0001 { 0b 80 } "a" 00 }`, "mqtt-field-past-end"),
  refused(V5, "topic alias", `82 { 0001 { 23 0001 } "a" 00 }`, "mqtt-property-misplaced"),
  refused(V5, "reason string", `82 { 0001 { 1f "x" } "a" 00 }`, "mqtt-property-misplaced"),
  ...malformedFilters((filter) => `82 { 0001 "ok" 00 ${filter} 00 }`, "SUBSCRIBE"),
  refused(V5, "filter a/x#", `82 { 0001 {} "a/x#" 00 }`, "mqtt-filter-multi-level"),
  refused(V5, "filter $share//x", `82 { 0001 {} "$share//x" 00 }`, "mqtt-share-group"),

  read(OLD, "UNSUBSCRIBE", `a2 { 0002 "a/#" "ok" }`, {
    type: 10,
    packetId: 2,
    filters: ["a/#", "ok"],
    userProperties: [],
  }),
  read(V5, "UNSUBSCRIBE", `a2 { 0002 { 26 "k" "v" } "$share/g/a" }`, {
    filters: ["$share/g/a"],
    userProperties: [["k", "v"]],
  }),
  read(V3, "UNSUBSCRIBE that is sent again", `aa { 0002 "a" }`, { packetId: 2 }),
  refused(V4, "UNSUBSCRIBE that is sent again", `aa { 0002 "a" }`, "mqtt-fixed-header-flags", { refusedAfter: 1 }),
  refused(ALL, "UNSUBSCRIBE with flags 0000", `a0 { 0002 "a" }`, "mqtt-fixed-header-flags", { refusedAfter: 1 }),
  refused(ALL, "empty UNSUBSCRIBE packet", `a2 00`, "mqtt-packet-length", { refusedAfter: 2 }),
  refused(OLD, "UNSUBSCRIBE without filters", `a2 { 0001 }`, "mqtt-unsubscribe-empty"),
  refused(V5, "UNSUBSCRIBE without filters", `a2 { 0001 {} }`, "mqtt-unsubscribe-empty"),
  refused(OLD, "UNSUBSCRIBE with packet identifier 0", `a2 { 0000 "a" }`, "mqtt-packet-id"),
  refused(V5, "UNSUBSCRIBE with a subscription identifier", `a2 { 0001 { 0b 01 } "a" }`, "mqtt-property-misplaced"),
  refused(OLD, "UNSUBSCRIBE whose filter is past the packet", `a2 { 0001 0002 'a' }`, "mqtt-field-past-end"),
  ...malformedFilters((filter) => `a2 { 0001 "ok" ${filter} }`, "UNSUBSCRIBE"),

  refused(ALL, "SUBACK from a client", `90 { 0001 00 }`, "mqtt-server-packet", { refusedAfter: 1 }),
  refused(ALL, "UNSUBACK from a client", `b0 { 0001 }`, "mqtt-server-packet", { refusedAfter: 1 }),

  delivered(V4, "SUBACK", `90 { 0001 00 01 02 80 }`, { type: 9, packetId: 1, reasonCodes: "hex:00010280" }),
  delivered(V5, "SUBACK", `90 { 0001 { 1f "ok" 26 "a" "b" } 02 87 }`, { packetId: 1, reasonCodes: "hex:0287" }),
  delivered(OLD, "UNSUBACK", `b0 { 0001 }`, { type: 11, packetId: 1, reasonCodes: "hex:" }),
  delivered(V5, "UNSUBACK", `b0 { 0001 {} 00 11 }`, { packetId: 1, reasonCodes: "hex:0011" }),
  noted(V4, "SUBACK with an unknown code", `90 { 0001 03 }`, "mqtt-suback-reason", { reasonCodes: "hex:03" }),
  noted(V5, "SUBACK with an unknown code", `90 { 0001 {} 11 }`, "mqtt-suback-reason", { reasonCodes: "hex:11" }),
  noted(V5, "UNSUBACK with an unknown code", `b0 { 0001 {} 01 }`, "mqtt-unsuback-reason", { reasonCodes: "hex:01" }),
  noted(V4, "SUBACK without codes", `90 { 0001 }`, "mqtt-suback-empty", { reasonCodes: "hex:" }),
  noted(V5, "UNSUBACK without codes", `b0 { 0001 {} }`, "mqtt-suback-empty", { reasonCodes: "hex:" }),
  noted(OLD, "SUBACK for packet 0", `90 { 0000 00 }`, "mqtt-packet-id", { packetId: 0 }),
  noted(V4, "UNSUBACK with codes", `b0 { 0001 00 }`, "mqtt-trailing-bytes", { packetId: 1, reasonCodes: "hex:" }),
  noted(V4, "SUBACK with flags", `91 { 0001 00 }`, "mqtt-fixed-header-flags", { packetId: 1 }),
  unreadable(ALL, "SUBACK too short", `90 01 00`, "mqtt-packet-length", { refusedAfter: 2 }),
  unreadable(V5, "SUBACK without property length", `90 { 0001 }`, "mqtt-packet-length", { refusedAfter: 2 }),
  unreadable(V5, "SUBACK properties past the packet", `90 { 0001 05 00 }`, "mqtt-property-length"),
  unreadable(V4, "SUBSCRIBE", `82 { 0001 "a" 00 }`, "mqtt-client-packet", { refusedAfter: 1 }),
  unreadable(V5, "UNSUBSCRIBE", `a2 { 0001 {} "a" }`, "mqtt-client-packet", { refusedAfter: 1 }),
];

/** Every way a filter can be malformed, in a packet that `packet` makes of it. */
function malformedFilters(packet: (filter: string) => string, type: string): Vector[] {
  const rows: [filter: string, code: string][] = [
    [`""`, "mqtt-filter-empty"],
    [`"a/x#"`, "mqtt-filter-multi-level"],
    [`"a#/b"`, "mqtt-filter-multi-level"],
    [`"#/a"`, "mqtt-filter-multi-level"],
    [`"#/"`, "mqtt-filter-multi-level"],
    [`"##"`, "mqtt-filter-multi-level"],
    [`"a/#/b"`, "mqtt-filter-multi-level"],
    [`"a/+#"`, "mqtt-filter-single-level"],
    [`"a/#+"`, "mqtt-filter-multi-level"],
    [`"a+"`, "mqtt-filter-single-level"],
    [`"+a/b"`, "mqtt-filter-single-level"],
    [`"a/++/b"`, "mqtt-filter-single-level"],
    [`"$share/"`, "mqtt-share-group"],
    [`"$share//x"`, "mqtt-share-group"],
    [`"$share/g"`, "mqtt-share-filter"],
    [`"$share/g/"`, "mqtt-share-filter"],
    [`"$share/+/x"`, "mqtt-share-group-wildcard"],
    [`"$share/a#/x"`, "mqtt-share-group-wildcard"],
    [`"$share/#"`, "mqtt-share-group-wildcard"],
    [`"$share/g/a#"`, "mqtt-filter-multi-level"],
    [`"$share/g/b+"`, "mqtt-filter-single-level"],
    [`0002 'a' 00`, "mqtt-utf8-null"],
    [`0002 'a' 0d`, "mqtt-control-character"],
    [`0002 'a' ff`, "mqtt-utf8"],
    [`0004 'a' efbfbf`, "mqtt-noncharacter"],
  ];
  return rows.map(([filter, code]) => refused(OLD, `${type} with filter ${filter}`, packet(filter), code));
}

function hex(byte: number): string {
  return byte.toString(16).padStart(2, "0");
}
