/**
 * True if an IPv4 address begins at `at` that is of no private, local or link-local network (RFC 1918, 3927, 6598): its
 * first two numbers say it.
 */
export function isPublicAddress(bytes: Uint8Array, at: number): boolean {
  let i = at;
  const next = (): number => {
    let value = -1;
    for (const stop = i + 3; i < stop; i++) {
      const digit = (bytes[i] ?? 0) - 0x30;
      if (digit < 0 || digit > 9) break;
      value = Math.max(value, 0) * 10 + digit;
    }
    return value;
  };
  const first = next();
  if (bytes[i++] !== 0x2e) return false;
  const second = next();
  if (bytes[i] !== 0x2e || first <= 0 || first > 223 || second < 0) return false;
  if (first === 10 || first === 127) return false;
  return !(first === 192 && second === 168) && !(first === 172 && second >= 16 && second < 32) &&
    !(first === 169 && second === 254) && !(first === 100 && second >= 64 && second < 128);
}
