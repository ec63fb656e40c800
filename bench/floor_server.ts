import { serveConstant } from "./constant_server.ts";

/** The floor: messages are told apart and not looked at. `deno run --allow-net --allow-read --allow-write floor_server.ts SOCKET` */
if (import.meta.main) await serveConstant(Deno.args[0] ?? "", () => {});
