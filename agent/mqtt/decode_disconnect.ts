import { cursor } from "./cursor.ts";
import { AUTH_METHOD_MISSING, DISCONNECT_LEVEL, SERVER_SESSION_EXPIRY } from "./faults.ts";
import { type Auth, type Disconnect, PACKET } from "./packet.ts";
import { properties, PROPERTY } from "./properties.ts";
import { checkReasonCode } from "./reason_codes.ts";

/** Decodes a DISCONNECT at the cursor, section 3.14. */
export function decodeDisconnect(level: number): Disconnect {
  let reasonCode = 0;
  properties.clear();
  if (level !== 5) {
    if (!cursor.strict) cursor.odd(DISCONNECT_LEVEL);
  } else if (!cursor.atEnd()) {
    // Section 3.14.2.1: code and properties may be left out, the properties also alone.
    reasonCode = cursor.u8();
    checkReasonCode(PACKET.DISCONNECT, reasonCode, level);
    if (!cursor.atEnd()) properties.read(PACKET.DISCONNECT);
  }
  const hasExpiry = properties.has(PROPERTY.SESSION_EXPIRY);
  if (hasExpiry && !cursor.strict) cursor.odd(SERVER_SESSION_EXPIRY);
  return {
    type: PACKET.DISCONNECT,
    reasonCode,
    sessionExpirySecs: hasExpiry ? properties.number(PROPERTY.SESSION_EXPIRY, 0) : null,
    reasonString: properties.takeText(PROPERTY.REASON_STRING),
    userProperties: properties.takeUserProperties(),
  };
}

/** Decodes an AUTH at the cursor, section 3.15. */
export function decodeAuth(): Auth {
  let reasonCode = 0;
  properties.clear();
  if (!cursor.atEnd()) reasonCode = cursor.u8();
  checkReasonCode(PACKET.AUTH, reasonCode, 5);
  // Section 3.15.2.1: code and properties are left out together.
  if (!cursor.atEnd()) properties.read(PACKET.AUTH);
  const authenticationMethod = properties.takeText(PROPERTY.AUTHENTICATION_METHOD);
  if (authenticationMethod === null) cursor.odd(AUTH_METHOD_MISSING);
  return {
    type: PACKET.AUTH,
    reasonCode,
    authenticationMethod,
    reasonString: properties.takeText(PROPERTY.REASON_STRING),
    userProperties: properties.takeUserProperties(),
  };
}
