/** Reasons of logins, client ids and bans. */

import { type LoginFault, type Reason, reason } from "./reason.ts";

export const CLIENT_ID_LENGTH = reason("client-id-length", {
  tag: "auth-failed",
  text: "The client id is shorter or longer than it may be",
  advice: "See auth.min-client-id-length and auth.max-client-id-length",
});
export const BANNED = reason("banned", {
  tag: "banned",
  text: "The client is banned",
  advice: "The log line says by which ban, why and until when; lift it if the client may connect",
});
export const CLIENT_ID_PATTERN = reason("client-id-pattern", {
  tag: "auth-failed",
  text: "The client id does not match auth.client-id-pattern as a whole",
  advice: "Name the client as the pattern says, or change auth.client-id-pattern",
});
export const CLIENT_ID_BINDING = reason("client-id-binding", {
  tag: "auth-failed",
  text: "The client id does not go with the proved user name, as auth.client-id-binding asks",
  advice: "Name the client after its user (see auth.client-id-binding); without a proved name no id goes with it",
});
export const CLIENT_ID_NOT_OWNED = reason("client-id-not-owned", {
  tag: "auth-failed",
  text: "The client id is none of those that this user may have",
  advice: "Add the id to client-ids of the user, or to what its token or backend names",
});
export const CLIENT_ID_IN_USE = reason("client-id-in-use", {
  tag: "auth-failed",
  text:
    "Another identity is connected under this client id, and auth.duplicate-client-id does not let it be taken over",
  advice: "Two devices share one id, or somebody tries to take a device's place: look at both addresses",
});
export const USERNAME_MISMATCH = reason("username-mismatch", {
  tag: "auth-failed",
  text: "The user name in the CONNECT is not the one that the token or certificate proves",
  advice: 'Let the client send the proved name or none, or set auth.username-mismatch to "allow"',
});
export const AUTH_PENDING = reason("auth-pending", {
  tag: "auth-pending",
  severity: "notice",
  text: "Proving the login takes longer than the proxy waits; the work goes on, and its result waits for the client",
  advice: "The client reconnects and is answered at once; if not, its reconnect delay is longer than ten minutes",
});
export const LOGIN_REVOKED = reason("login-revoked", {
  tag: "auth-failed",
  text: "What proved this client when it connected does not hold any more: the user, key or provider changed",
  advice: "The client reconnects and proves itself anew; if it cannot, look at what changed",
});
export const TOKEN_EXPIRED = reason("token-expired", {
  tag: "auth-failed",
  severity: "notice",
  text: "The token, certificate or user has expired",
  advice: "Let the client fetch a new token before the old one expires, and look at its clock",
});
export const CLAIMED_ACL_INVALID = reason("acl-claim-invalid", {
  tag: "auth-failed",
  text: "The rules that the login carries cannot be read, so nothing would be allowed by them",
  advice: "Look at the acl that the token or the backend carries: the log line says what is wrong with it",
});
export const ACL_CLAIM = reason("acl-claim", {
  tag: "acl-denied",
  text: "The rules that this client's token or backend carries do not allow this",
  advice: "Let the issuer add the topic to the acl of this client; its rules only narrow those of the configuration",
});

const LOGIN_ADVICE = "The log line says which provider said what";
const loginReasons: Readonly<Record<LoginFault, Reason>> = {
  "wrong-password": reason("wrong-password", {
    tag: "auth-failed",
    text: "The password is wrong, or there is none",
    advice: "Give the device its password again, or look at who tries",
  }),
  "user-disabled": reason("user-disabled", {
    tag: "auth-failed",
    text: "The user is disabled",
    advice: 'Set "enabled" of the user to true if it may connect',
  }),
  "user-expired": reason("user-expired", {
    tag: "auth-failed",
    text: "The user has expired",
    advice: 'Move "expires" of the user if it may connect',
  }),
  "password-too-long": reason("password-too-long", {
    tag: "auth-failed",
    text: "The password has more than 72 bytes, of which bcrypt sees only the first 72",
    advice: "Use a shorter password, or a generated secret (users add --generate)",
  }),
  "token-invalid": reason("token-invalid", {
    tag: "auth-failed",
    text: "The token cannot be trusted",
    advice: LOGIN_ADVICE,
  }),
  "token-expired": TOKEN_EXPIRED,
  "token-not-yet-valid": reason("token-not-yet-valid", {
    tag: "auth-failed",
    text: "The token is not valid yet",
    advice: "Compare the clocks of the issuer and of this machine",
  }),
  "certificate-invalid": reason("certificate-invalid", {
    tag: "auth-failed",
    text: "The client certificate cannot be trusted",
    advice: LOGIN_ADVICE,
  }),
  "certificate-ambiguous": reason("certificate-ambiguous", {
    tag: "auth-failed",
    text: "The client certificate, or the header that carries it, names more than one",
    advice:
      "Let the proxy overwrite the header that carries the certificate, and the correlation id headers of clients",
  }),
  "backend-denied": reason("backend-denied", {
    tag: "auth-failed",
    text: "The authentication backend refuses the client",
    advice: "Ask the backend's log about this client",
  }),
  "anonymous": reason("anonymous-refused", {
    tag: "auth-failed",
    text: "The client shows no credentials",
    advice: "Give the device a user name and password, or set auth.allow-anonymous",
  }),
  "nobody-knows": reason("credentials-unknown", {
    tag: "auth-failed",
    text: "No provider knows these credentials",
    advice: LOGIN_ADVICE,
  }),
  "provider-error": reason("provider-error", {
    tag: "auth-failed",
    severity: "error",
    text: "A provider could not tell who the client is, and that counts as a refusal",
    advice: LOGIN_ADVICE,
  }),
  "locked": reason("locked-out", {
    tag: "auth-failed",
    text: "Too many logins failed with this name from this address, or with many names from it",
    advice: "Look at who guesses; auth.lockout says how many failures lock, and for how long",
  }),
};

/** The reason that goes with a failed login; the client only ever learns "not authorised". */
export function loginReason(fault: LoginFault): Reason {
  return loginReasons[fault];
}

export const USERNAME_TOO_LONG = reason("username-too-long", {
  tag: "limit-exceeded",
  text: "The user name has more than 16 KiB",
  advice: "No system has such names: look at who sends this",
});
export const ENHANCED_AUTH = reason("enhanced-auth", {
  tag: "auth-failed",
  text: "The client asks for an authentication method that is not let through",
  advice: "Name the method in auth.enhanced-auth if the broker handles it",
});
