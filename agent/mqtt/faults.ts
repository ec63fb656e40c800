/**
 * Everything that the decoder can find wrong with MQTT bytes, one value per distinct fault. Statement numbers are those of MQTT 5.0 unless the text says otherwise;
 * where the standard has no numbered statement the section stands there.
 *
 * From a client each of them is final. From a broker most are only noted, see `cursor.ts`.
 */

import { violation } from "./violation.ts";

// Fixed header, sections 2.1 and 1.5.5.
export const CONNECT_FIRST = violation("mqtt-connect-first", "MQTT-3.1.0-1", "The first packet is not CONNECT");
export const SECOND_CONNECT = violation("mqtt-second-connect", "MQTT-3.1.0-2", "A second CONNECT on one connection");
export const PACKET_TYPE = violation("mqtt-packet-type", "section 2.1.2", "Packet type 0 is reserved");
export const SERVER_PACKET = violation(
  "mqtt-server-packet",
  "section 2.1.2",
  "A packet that only a server sends came from a client",
);
export const CLIENT_PACKET = violation(
  "mqtt-client-packet",
  "section 2.1.2",
  "A packet that only a client sends came from the broker",
);
export const AUTH_LEVEL = violation("mqtt-auth-level", "section 2.1.2", "Packet type 15 is reserved before MQTT 5.0");
export const FIXED_HEADER_FLAGS = violation(
  "mqtt-fixed-header-flags",
  "MQTT-2.1.3-1",
  "Reserved flags of the fixed header are not as the standard sets them",
);
export const PUBLISH_QOS = violation("mqtt-publish-qos", "MQTT-3.3.1-4", "PUBLISH with QoS 3");
export const PUBLISH_DUP = violation("mqtt-publish-dup", "MQTT-3.3.1-2", "PUBLISH with QoS 0 is marked as sent again");
export const REMAINING_LENGTH = violation(
  "mqtt-remaining-length",
  "section 2.1.4",
  "Remaining length takes more than four bytes",
);
export const REMAINING_LENGTH_MINIMAL = violation(
  "mqtt-remaining-length-minimal",
  "MQTT-1.5.5-1",
  "Remaining length takes more bytes than it needs",
);
export const PACKET_LENGTH = violation(
  "mqtt-packet-length",
  "section 2.1.4",
  "Remaining length is too small for this type of packet",
);
export const TRAILING_BYTES = violation("mqtt-trailing-bytes", "section 2.1.4", "Bytes behind the last field");
export const FIELD_PAST_END = violation("mqtt-field-past-end", "section 2.1.4", "A field reaches past its packet");
export const UNBUFFERABLE = violation(
  "mqtt-unbufferable",
  "section 4.13",
  "More would have to be kept before it can be judged than any packet may take",
);
export const BYTES_SKIPPED = violation(
  "mqtt-bytes-skipped",
  "section 4.13",
  "Bytes of this direction were left unread, so packet boundaries are unknown",
);

// Fields, section 1.5.
export const PACKET_ID = violation("mqtt-packet-id", "MQTT-2.2.1-3", "Packet identifier is 0");
export const UTF8 = violation("mqtt-utf8", "MQTT-1.5.4-1", "Text is not well-formed UTF-8");
export const UTF8_NULL = violation("mqtt-utf8-null", "MQTT-1.5.4-2", "Text holds U+0000");
export const CONTROL_CHARACTER = violation(
  "mqtt-control-character",
  "section 1.5.4",
  "A topic, filter, client id or user name holds a control character",
);
export const NONCHARACTER = violation(
  "mqtt-noncharacter",
  "section 1.5.4",
  "A topic, filter, client id or user name holds a Unicode non-character",
);
export const VARIABLE_INTEGER = violation(
  "mqtt-variable-integer",
  "section 1.5.5",
  "A variable byte integer takes more than four bytes",
);
export const VARIABLE_INTEGER_MINIMAL = violation(
  "mqtt-variable-integer-minimal",
  "MQTT-1.5.5-1",
  "A variable byte integer takes more bytes than it needs",
);

// Topics, section 4.7.
export const TOPIC_EMPTY = violation("mqtt-topic-empty", "MQTT-4.7.3-1", "Topic name is empty");
export const TOPIC_WILDCARD = violation("mqtt-topic-wildcard", "MQTT-3.3.2-2", "Topic name holds a wildcard");
export const TOPIC_MISSING = violation(
  "mqtt-topic-missing",
  "section 3.3.2.1",
  "PUBLISH has neither a topic name nor a topic alias",
);
export const FILTER_EMPTY = violation("mqtt-filter-empty", "MQTT-4.7.3-1", "Topic filter is empty");
export const FILTER_MULTI_LEVEL = violation(
  "mqtt-filter-multi-level",
  "MQTT-4.7.1-1",
  'Topic filter has a "#" that is not its last level alone',
);
export const FILTER_SINGLE_LEVEL = violation(
  "mqtt-filter-single-level",
  "MQTT-4.7.1-2",
  'Topic filter has a "+" that is not a level of its own',
);
export const SHARE_GROUP = violation("mqtt-share-group", "MQTT-4.8.2-1", "Shared subscription has no group");
export const SHARE_GROUP_WILDCARD = violation(
  "mqtt-share-group-wildcard",
  "MQTT-4.8.2-2",
  "Group of a shared subscription holds a wildcard",
);
export const SHARE_FILTER = violation(
  "mqtt-share-filter",
  "MQTT-4.8.2-2",
  "Shared subscription has no topic filter behind its group",
);

// Properties, section 2.2.2.
export const PROPERTY_LENGTH = violation("mqtt-property-length", "section 2.2.2.1", "Properties reach past the packet");
export const PROPERTY_UNKNOWN = violation("mqtt-property-unknown", "section 2.2.2.2", "Unknown property identifier");
export const PROPERTY_MISPLACED = violation(
  "mqtt-property-misplaced",
  "section 2.2.2.2",
  "A property that does not belong to this type of packet",
);
export const PROPERTY_DUPLICATE = violation(
  "mqtt-property-duplicate",
  "section 2.2.2.2",
  "A property that may stand once stands twice",
);
export const PROPERTY_VALUE = violation(
  "mqtt-property-value",
  "section 2.2.2.2",
  "A property whose value may be 0 or 1 holds another",
);
export const TOPIC_ALIAS = violation("mqtt-topic-alias", "MQTT-3.3.2-8", "Topic alias is 0");
export const SUBSCRIPTION_ID = violation("mqtt-subscription-id", "section 3.8.2.1.2", "Subscription identifier is 0");
export const SUBSCRIPTION_ID_PUBLISHED = violation(
  "mqtt-subscription-id-published",
  "MQTT-3.3.4-6",
  "PUBLISH of a client carries a subscription identifier",
);
export const RECEIVE_MAXIMUM = violation("mqtt-receive-maximum", "section 3.1.2.11.3", "Receive maximum is 0");
export const MAXIMUM_PACKET_SIZE = violation(
  "mqtt-maximum-packet-size",
  "section 3.1.2.11.4",
  "Maximum packet size is 0",
);
export const RESPONSE_TOPIC_EMPTY = violation("mqtt-response-topic-empty", "MQTT-4.7.3-1", "Response topic is empty");
export const RESPONSE_TOPIC_WILDCARD = violation(
  "mqtt-response-topic-wildcard",
  "MQTT-3.3.2-14",
  "Response topic holds a wildcard",
);
export const PAYLOAD_FORMAT = violation(
  "mqtt-payload-format",
  "section 3.3.2.3.2",
  "Payload is announced as UTF-8 and is not",
);

// CONNECT, section 3.1, and CONNACK, section 3.2.
export const PROTOCOL_VERSION = violation(
  "mqtt-protocol-version",
  "MQTT-3.1.2-1",
  "Protocol name and level are not those of MQTT 3.1, 3.1.1 or 5.0",
);
export const CONNECT_FLAGS = violation("mqtt-connect-flags", "MQTT-3.1.2-3", "Reserved flag of CONNECT is set");
export const WILL_QOS = violation("mqtt-will-qos", "MQTT-3.1.2-12", "Will QoS is 3");
export const WILL_QOS_ALONE = violation("mqtt-will-qos-alone", "MQTT-3.1.2-11", "Will QoS without a Will");
export const WILL_RETAIN_ALONE = violation("mqtt-will-retain-alone", "MQTT-3.1.2-13", "Will Retain without a Will");
export const WILL_TOPIC_EMPTY = violation("mqtt-will-topic-empty", "MQTT-4.7.3-1", "Will topic is empty");
export const WILL_TOPIC_WILDCARD = violation(
  "mqtt-will-topic-wildcard",
  "MQTT-4.7.0-1",
  "Will topic holds a wildcard",
);
export const WILL_PAYLOAD_FORMAT = violation(
  "mqtt-will-payload-format",
  "section 3.1.3.2.3",
  "Will payload is announced as UTF-8 and is not",
);
export const PASSWORD_ALONE = violation(
  "mqtt-password-alone",
  "MQTT-3.1.2-22",
  "Password without a user name (MQTT 3.1 and 3.1.1)",
);
export const CLIENT_ID_EMPTY = violation(
  "mqtt-client-id-empty",
  "MQTT-3.1.3-7",
  "Empty client id without clean session (MQTT 3.1.1), or at all (MQTT 3.1)",
);
export const AUTH_DATA_ALONE = violation(
  "mqtt-auth-data-alone",
  "section 3.1.2.11.10",
  "Authentication data without an authentication method",
);
export const CONNACK_FLAGS = violation("mqtt-connack-flags", "MQTT-3.2.2-1", "Reserved flags of CONNACK are set");
export const SESSION_PRESENT = violation(
  "mqtt-session-present",
  "MQTT-3.2.2-6",
  "CONNACK refuses the connection and claims a session",
);

// SUBSCRIBE and UNSUBSCRIBE, sections 3.8 and 3.10.
export const SUBSCRIBE_EMPTY = violation("mqtt-subscribe-empty", "MQTT-3.8.3-2", "SUBSCRIBE has no topic filter");
export const UNSUBSCRIBE_EMPTY = violation(
  "mqtt-unsubscribe-empty",
  "MQTT-3.10.3-2",
  "UNSUBSCRIBE has no topic filter",
);
export const SUBSCRIBE_OPTIONS = violation(
  "mqtt-subscribe-options",
  "MQTT-3.8.3-5",
  "Reserved bits of the subscription options are set",
);
export const SUBSCRIBE_QOS = violation("mqtt-subscribe-qos", "section 3.8.3.1", "SUBSCRIBE asks for QoS 3");
export const RETAIN_HANDLING = violation("mqtt-retain-handling", "section 3.8.3.1", "Retain handling is 3");
export const NO_LOCAL_SHARED = violation(
  "mqtt-no-local-shared",
  "MQTT-3.8.3-4",
  "No Local on a shared subscription",
);
export const SUBACK_EMPTY = violation("mqtt-suback-empty", "MQTT-3.8.4-6", "SUBACK or UNSUBACK has no reason code");

// Reason codes and the end of a connection.
export const CONNACK_REASON = violation("mqtt-connack-reason", "MQTT-3.2.2-8", "Reason code is none of CONNACK");
export const PUBACK_REASON = violation(
  "mqtt-puback-reason",
  "MQTT-3.4.2-1",
  "Reason code is none that this side may send in PUBACK",
);
export const PUBREC_REASON = violation(
  "mqtt-pubrec-reason",
  "MQTT-3.5.2-1",
  "Reason code is none that this side may send in PUBREC",
);
export const PUBREL_REASON = violation("mqtt-pubrel-reason", "MQTT-3.6.2-1", "Reason code is none of PUBREL");
export const PUBCOMP_REASON = violation("mqtt-pubcomp-reason", "MQTT-3.7.2-1", "Reason code is none of PUBCOMP");
export const SUBACK_REASON = violation("mqtt-suback-reason", "MQTT-3.9.3-2", "Reason code is none of SUBACK");
export const UNSUBACK_REASON = violation("mqtt-unsuback-reason", "MQTT-3.11.3-2", "Reason code is none of UNSUBACK");
export const DISCONNECT_REASON = violation(
  "mqtt-disconnect-reason",
  "MQTT-3.14.2-1",
  "Reason code is none that this side may send in DISCONNECT",
);
export const AUTH_REASON = violation(
  "mqtt-auth-reason",
  "MQTT-3.15.2-1",
  "Reason code is none that this side may send in AUTH",
);
export const DISCONNECT_LEVEL = violation(
  "mqtt-disconnect-level",
  "section 3.14",
  "DISCONNECT of a broker before MQTT 5.0",
);
export const SERVER_SESSION_EXPIRY = violation(
  "mqtt-server-session-expiry",
  "MQTT-3.14.2-2",
  "DISCONNECT of a broker sets a session expiry",
);
export const SESSION_EXPIRY_RAISED = violation(
  "mqtt-session-expiry-raised",
  "section 3.14.2.2.2",
  "DISCONNECT sets a session expiry where CONNECT set none",
);
export const AUTH_METHOD_MISSING = violation(
  "mqtt-auth-method-missing",
  "section 3.15.2.2.2",
  "AUTH without an authentication method",
);
export const AUTH_METHOD_CHANGED = violation(
  "mqtt-auth-method-changed",
  "MQTT-4.12.0-5",
  "AUTH names another authentication method than CONNECT",
);
export const AUTH_UNEXPECTED = violation(
  "mqtt-auth-unexpected",
  "MQTT-4.12.0-7",
  "AUTH after a CONNECT without authentication method",
);

/** No standard forbids so many, but nobody sends them, and to read a million would take longer than a verdict may. */
export const MAX_ENTRIES = 16_384;
export const USER_PROPERTIES_MANY = violation(
  "mqtt-user-properties-many",
  "section 2.2.2.2",
  "More than 16,384 user properties in one packet",
);
export const FILTERS_MANY = violation(
  "mqtt-filters-many",
  "section 3.8.3",
  "More than 16,384 topic filters in one packet",
);
