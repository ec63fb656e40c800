import { parseAddress } from "./address.ts";

for (const text of ["203.0.113.5", "203.0.113.5:51234", "2001:db8::1", "[2001:db8::1]:443", "unknown"]) {
  Deno.bench(`parseAddress("${text}")`, () => {
    parseAddress(text);
  });
}
