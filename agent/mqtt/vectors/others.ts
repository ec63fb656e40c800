import { ALL, delivered, noted, OLD, read, refused, unreadable, V3, V4, V5, type Vector } from "./vector.ts";

const SCRAM = `10 { "MQTT" 05 02 003c { 15 "SCRAM" } "a" }`;
const KEPT = `10 { "MQTT" 05 02 003c { 11 0000000a } "a" }`;
const ACKS = [["40", 4, "PUBACK"], ["50", 5, "PUBREC"], ["62", 6, "PUBREL"], ["70", 7, "PUBCOMP"]] as const;

/** Which reason codes a client may send in the packet that begins with `first`, and that all others are refused. */
function clientCodes(
  first: string,
  body: (code: string) => string,
  allowed: number[],
  fault: string,
  more = {},
): Vector[] {
  return Array.from({ length: 256 }, (_, code) => {
    const bytes = `${first} { ${body(code.toString(16).padStart(2, "0"))} }`;
    const what = `reason code ${code} in ${first}`;
    return allowed.includes(code)
      ? read(V5, what, bytes, { reasonCode: code }, more)
      : refused(V5, what, bytes, fault, more);
  });
}

/** CONNACK, the acknowledgements of PUBLISH, pings, DISCONNECT and AUTH. */
export const OTHER_VECTORS: readonly Vector[] = [
  // What may not come at all.
  ...["00 00", "c0 00", '30 { "a" }', "e0 00", "f0 00", 'a2 { 0001 "x" }', "20 { 0000 }"].map((bytes) =>
    refused(V4, `${bytes} before CONNECT`, bytes, "mqtt-connect-first", { connect: "", refusedAfter: 1 })
  ),
  refused(ALL, "packet type 0", `00 00`, "mqtt-packet-type", { refusedAfter: 1 }),
  refused(ALL, "packet type 0 with flags", `0f 00`, "mqtt-packet-type", { refusedAfter: 1 }),
  refused(OLD, "AUTH", `f0 00`, "mqtt-auth-level", { refusedAfter: 1 }),
  refused(ALL, "CONNACK from a client", `20 { 00 00 }`, "mqtt-server-packet", { refusedAfter: 1 }),
  refused(ALL, "PINGRESP from a client", `d0 00`, "mqtt-server-packet", { refusedAfter: 1 }),
  unreadable(ALL, "packet type 0", `00 00`, "mqtt-packet-type", { refusedAfter: 1 }),

  // Pings.
  read(ALL, "PINGREQ", `c0 00`, { type: 12 }),
  refused(ALL, "PINGREQ with a flag", `c1 00`, "mqtt-fixed-header-flags", { refusedAfter: 1 }),
  refused(ALL, "PINGREQ with bytes behind it", `c0 03 'abc'`, "mqtt-trailing-bytes", { refusedAfter: 2 }),
  refused(ALL, "PINGREQ whose length takes two bytes", `c0 80 00`, "mqtt-remaining-length-minimal", {
    refusedAfter: 3,
  }),
  refused(ALL, "PINGREQ whose length takes four bytes", `c0 80 80 80 00`, "mqtt-remaining-length-minimal"),
  refused(ALL, "PINGREQ whose length takes five bytes", `c0 80 80 80 80 00`, "mqtt-remaining-length", {
    refusedAfter: 5,
  }),
  delivered(ALL, "PINGRESP", `d0 00`, { type: 13 }),
  noted(ALL, "PINGRESP with bytes behind it", `d0 { 01 02 }`, "mqtt-trailing-bytes", { type: 13 }),
  noted(ALL, "PINGRESP with a flag", `d8 00`, "mqtt-fixed-header-flags", { type: 13 }),
  noted(ALL, "PINGRESP whose length takes four bytes", `d0 80 80 80 00`, "mqtt-remaining-length-minimal", { type: 13 }),
  unreadable(ALL, "PINGREQ", `c0 00`, "mqtt-client-packet", { refusedAfter: 1 }),

  // Acknowledgements.
  ...ACKS.flatMap(([first, type, name]) => [
    read(ALL, name, `${first} { 000a }`, { type, packetId: 10, reasonCode: 0 }),
    refused(ALL, `${name} of packet 0`, `${first} { 0000 }`, "mqtt-packet-id"),
    refused(ALL, `empty ${name}`, `${first} 00`, "mqtt-packet-length", { refusedAfter: 2 }),
    refused(ALL, `${name} with half an identifier`, `${first} 01 00`, "mqtt-packet-length", { refusedAfter: 2 }),
    refused(OLD, `${name} with a byte behind it`, `${first} { 000a 00 }`, "mqtt-trailing-bytes", { refusedAfter: 2 }),
    read(V5, `${name} with a code`, `${first} { 000a 92 }`.replace("92", type < 6 ? "97" : "92"), {
      reasonCode: type < 6 ? 0x97 : 0x92,
    }),
    read(V5, `${name} with properties`, `${first} { 000a 00 { 1f "fine" 26 "k" "v" 26 "k" "v" } }`, { packetId: 10 }),
    read(V5, `${name} with a property length of 0`, `${first} { 000a 00 {} }`, { packetId: 10 }),
    refused(V5, `${name} with bytes behind its properties`, `${first} { 000a 00 {} 00 }`, "mqtt-trailing-bytes"),
    refused(V5, `${name} with two reason strings`, `${first} { 000a 00 { 1f "" 1f "" } }`, "mqtt-property-duplicate"),
    refused(V5, `${name} with a topic alias`, `${first} { 000a 00 { 23 0001 } }`, "mqtt-property-misplaced"),
    refused(V5, `${name} with properties past its end`, `${first} { 000a 00 03 1f }`, "mqtt-property-length"),
    delivered(ALL, `${name} of the broker`, `${first} { 000a }`, { type, packetId: 10 }),
    noted(ALL, `${name} of the broker for packet 0`, `${first} { 0000 }`, "mqtt-packet-id", { packetId: 0 }),
    noted(OLD, `${name} of the broker with a byte behind it`, `${first} { 000a 97 }`, "mqtt-trailing-bytes", {
      packetId: 10,
      reasonCode: 0,
    }),
    noted(
      V5,
      `${name} of the broker with an unknown code`,
      `${first} { 000a 7f }`,
      `mqtt-${name.toLowerCase()}-reason`,
      {
        reasonCode: 0x7f,
      },
    ),
    unreadable(ALL, `${name} of the broker with half an identifier`, `${first} 01 00`, "mqtt-packet-length"),
  ]),
  delivered(V5, "PUBACK that tells of no subscribers", `40 { 000a 10 }`, { reasonCode: 0x10 }),
  refused(ALL, "PUBREL with flags 0000", `60 { 0001 }`, "mqtt-fixed-header-flags", { refusedAfter: 1 }),
  read(V3, "PUBREL that is sent again", `6a { 0001 }`, { packetId: 1 }),
  refused(V4, "PUBREL that is sent again", `6a { 0001 }`, "mqtt-fixed-header-flags", { refusedAfter: 1 }),
  refused(ALL, "PUBACK with flags", `42 { 0001 }`, "mqtt-fixed-header-flags", { refusedAfter: 1 }),
  noted(ALL, "PUBREL of the broker with flags 0000", `60 { 0001 }`, "mqtt-fixed-header-flags", { packetId: 1 }),
  ...clientCodes("40", (code) => `0001 ${code}`, [0, 0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99], "mqtt-puback-reason"),
  ...clientCodes("50", (code) => `0001 ${code}`, [0, 0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99], "mqtt-pubrec-reason"),
  ...clientCodes("62", (code) => `0001 ${code}`, [0, 0x92], "mqtt-pubrel-reason"),
  ...clientCodes("70", (code) => `0001 ${code}`, [0, 0x92], "mqtt-pubcomp-reason"),

  // CONNACK.
  delivered(OLD, "CONNACK", `20 { 00 00 }`, {
    type: 2,
    sessionPresent: false,
    reasonCode: 0,
    assignedClientId: null,
    serverKeepAliveSecs: null,
    topicAliasMaximum: 0,
    maximumQos: 2,
    retainAvailable: true,
    wildcardAvailable: true,
    subscriptionIdsAvailable: true,
    sharedAvailable: true,
    maximumPacketBytes: null,
    receiveMaximum: 65_535,
  }),
  delivered(V4, "CONNACK with a session", `20 { 01 00 }`, { sessionPresent: true }),
  delivered(V4, "CONNACK that refuses", `20 { 00 05 }`, { reasonCode: 5 }),
  delivered(
    V5,
    "CONNACK with all its properties",
    `20 { 01 00 { 11 00000001 21 0014 24 01 25 00 27 00000100 12 "auto-1" 22 000a 1f "hi" 26 "a" "b" 28 00 29 00 2a 00 13 001e 1a "r" 1c "s" 15 "m" 16 0000 } }`,
    {
      sessionPresent: true,
      assignedClientId: "auto-1",
      serverKeepAliveSecs: 30,
      topicAliasMaximum: 10,
      maximumQos: 1,
      retainAvailable: false,
      wildcardAvailable: false,
      subscriptionIdsAvailable: false,
      sharedAvailable: false,
      maximumPacketBytes: 256,
      receiveMaximum: 20,
    },
  ),
  delivered(V5, "CONNACK with server keep alive 0", `20 { 00 00 { 13 0000 } }`, { serverKeepAliveSecs: 0 }),
  delivered(V5, "CONNACK that refuses", `20 { 00 87 {} }`, { reasonCode: 0x87 }),
  noted(V5, "CONNACK of a broker that knows only 3.1.1", `20 { 00 01 }`, "mqtt-packet-length", { reasonCode: 1 }),
  noted(V4, "CONNACK with reserved flags", `20 { 02 00 }`, "mqtt-connack-flags", { sessionPresent: false }),
  delivered(V3, "CONNACK with something in the unused byte", `20 { fe 00 }`, { sessionPresent: false }),
  noted(V4, "CONNACK that refuses with a session", `20 { 01 05 }`, "mqtt-session-present", { reasonCode: 5 }),
  noted(V4, "CONNACK with an unknown code", `20 { 00 06 }`, "mqtt-connack-reason", { reasonCode: 6 }),
  noted(V5, "CONNACK with an unknown code", `20 { 00 01 {} }`, "mqtt-connack-reason", { reasonCode: 1 }),
  noted(V4, "CONNACK with properties in 3.1.1", `20 { 00 00 {} }`, "mqtt-trailing-bytes", { reasonCode: 0 }),
  noted(V5, "CONNACK with receive maximum 0", `20 { 00 00 { 21 0000 } }`, "mqtt-receive-maximum", {
    receiveMaximum: 65_535,
  }),
  noted(V5, "CONNACK with maximum packet size 0", `20 { 00 00 { 27 00000000 } }`, "mqtt-maximum-packet-size", {
    maximumPacketBytes: null,
  }),
  noted(V5, "CONNACK with maximum QoS 2", `20 { 00 00 { 24 02 } }`, "mqtt-property-value", { maximumQos: 2 }),
  noted(V5, "CONNACK whose retain available is 7", `20 { 00 00 { 25 07 } }`, "mqtt-property-value", {
    retainAvailable: true,
  }),
  unreadable(ALL, "CONNACK of one byte", `20 01 00`, "mqtt-packet-length", { refusedAfter: 2 }),
  unreadable(ALL, "empty CONNACK", `20 00`, "mqtt-packet-length", { refusedAfter: 2 }),
  unreadable(V5, "CONNACK properties past its end", `20 { 00 00 05 }`, "mqtt-property-length"),

  // DISCONNECT.
  read(ALL, "DISCONNECT", `e0 00`, { type: 14, reasonCode: 0, sessionExpirySecs: null, userProperties: [] }),
  refused(ALL, "DISCONNECT with a flag", `e1 00`, "mqtt-fixed-header-flags", { refusedAfter: 1 }),
  refused(OLD, "DISCONNECT with a byte behind it", `e0 01 00`, "mqtt-trailing-bytes", { refusedAfter: 2 }),
  read(V5, "DISCONNECT with a code", `e0 { 04 }`, { reasonCode: 4 }),
  read(V5, "DISCONNECT with a property length of 0", `e0 { 00 {} }`, { reasonCode: 0 }),
  read(V5, "DISCONNECT with properties", `e0 { 04 { 11 0000000a 1f "bye" 26 "k" "v" } }`, {
    sessionExpirySecs: 10,
    userProperties: [["k", "v"]],
  }, { connect: KEPT }),
  read(V5, "DISCONNECT that ends a session at once", `e0 { 00 { 11 00000000 } }`, { sessionExpirySecs: 0 }),
  refused(
    V5,
    "DISCONNECT that raises a session expiry of 0",
    `e0 { 00 { 11 00000001 } }`,
    "mqtt-session-expiry-raised",
  ),
  refused(
    V5,
    "DISCONNECT with two session expiries",
    `e0 { 00 { 11 00000000 11 00000000 } }`,
    "mqtt-property-duplicate",
  ),
  refused(V5, "DISCONNECT with a topic alias", `e0 { 00 { 23 0001 } }`, "mqtt-property-misplaced"),
  refused(V5, "DISCONNECT with bytes behind its properties", `e0 { 00 {} 00 }`, "mqtt-trailing-bytes"),
  ...clientCodes(
    "e0",
    (code) => code,
    [0, 4, 0x80, 0x81, 0x82, 0x83, 0x90, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99],
    "mqtt-disconnect-reason",
  ),
  delivered(V5, "DISCONNECT of the broker", `e0 { 8b { 1f "restart" 1c "other" } }`, { reasonCode: 0x8b }),
  noted(OLD, "DISCONNECT of the broker", `e0 00`, "mqtt-disconnect-level", { reasonCode: 0 }),
  noted(V5, "DISCONNECT of the broker with the code of a client", `e0 { 04 }`, "mqtt-disconnect-reason", {
    reasonCode: 4,
  }),
  noted(
    V5,
    "DISCONNECT of the broker with a session expiry",
    `e0 { 00 { 11 00000005 } }`,
    "mqtt-server-session-expiry",
    {
      sessionExpirySecs: 5,
    },
  ),

  // AUTH.
  read(V5, "AUTH that goes on", `f0 { 18 { 15 "SCRAM" 16 0001 ff 1f "x" 26 "k" "v" } }`, {
    type: 15,
    reasonCode: 0x18,
    authenticationMethod: "SCRAM",
  }, { connect: SCRAM }),
  read(V5, "AUTH that begins again", `f0 { 19 { 15 "SCRAM" } }`, { reasonCode: 0x19 }, { connect: SCRAM }),
  refused(V5, "AUTH with a flag", `f1 00`, "mqtt-fixed-header-flags", { connect: SCRAM, refusedAfter: 1 }),
  refused(V5, "AUTH after a CONNECT without method", `f0 { 18 { 15 "SCRAM" } }`, "mqtt-auth-unexpected"),
  refused(V5, "AUTH without anything", `f0 00`, "mqtt-auth-reason", { connect: SCRAM }),
  refused(V5, "AUTH without properties", `f0 { 18 }`, "mqtt-auth-method-missing", { connect: SCRAM }),
  refused(V5, "AUTH without method", `f0 { 18 {} }`, "mqtt-auth-method-missing", { connect: SCRAM }),
  refused(V5, "AUTH with another method", `f0 { 18 { 15 "PLAIN" } }`, "mqtt-auth-method-changed", { connect: SCRAM }),
  refused(V5, "AUTH with two methods", `f0 { 18 { 15 "SCRAM" 15 "SCRAM" } }`, "mqtt-property-duplicate", {
    connect: SCRAM,
  }),
  refused(V5, "AUTH with bytes behind its properties", `f0 { 18 { 15 "SCRAM" } 00 }`, "mqtt-trailing-bytes", {
    connect: SCRAM,
  }),
  refused(V5, "AUTH with a session expiry", `f0 { 18 { 11 00000001 } }`, "mqtt-property-misplaced", { connect: SCRAM }),
  ...clientCodes("f0", (code) => `${code} { 15 "SCRAM" }`, [0x18, 0x19], "mqtt-auth-reason", { connect: SCRAM }),
  delivered(V5, "AUTH of the broker", `f0 { 18 { 15 "SCRAM" 16 0000 } }`, { reasonCode: 0x18 }),
  noted(V5, "AUTH of the broker without anything", `f0 00`, "mqtt-auth-method-missing", { authenticationMethod: null }),
  noted(V5, "AUTH of the broker with the code of a client", `f0 { 19 { 15 "m" } }`, "mqtt-auth-reason"),
  unreadable(OLD, "AUTH", `f0 { 18 { 15 "m" } }`, "mqtt-auth-level", { refusedAfter: 1 }),

  // A broker that sends what a client sends.
  unreadable(V4, "CONNECT", `10 { "MQTT" 04 02 003c "a" }`, "mqtt-client-packet", { refusedAfter: 1 }),
];
