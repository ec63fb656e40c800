import { readText } from "../config/read_text.ts";
import { whenStarted } from "./threads.ts";
import { PIECE_USERS, unreadable, type UsersOrder, type UsersReport } from "./users_load.ts";
import { readUsersText } from "./users_text.ts";

whenStarted((port) => {
  let rest: Iterator<UsersReport> | null = null;
  port.onmessage = ({ data: order }: MessageEvent<UsersOrder>) => {
    if (order.kind === "read") rest = reports(order);
    const next = rest?.next();
    if (next?.done === false) port.postMessage(next.value);
  };
});

function* reports({ path, limits }: Extract<UsersOrder, { kind: "read" }>): Iterator<UsersReport> {
  const found = readText(path);
  if ("fault" in found) return yield { kind: "problems", problems: [unreadable(path, found.fault)] };
  const reading = readUsersText(path, found.text, limits);
  if ("problems" in reading) return yield { kind: "problems", problems: reading.problems };
  const { records } = reading;
  for (let at = 0; at === 0 || at < records.length; at += PIECE_USERS) {
    const last = at + PIECE_USERS >= records.length;
    yield { kind: "users", records: records.slice(at, at + PIECE_USERS), last };
  }
}
