/** Ends `child` with this program, should it leave by an error or `Deno.exit` before it has stopped it; until it has ended. */
export function endWithThisProgram(child: Deno.ChildProcess): void {
  const kill = () => child.kill("SIGKILL");
  addEventListener("unload", kill);
  child.status.then(() => removeEventListener("unload", kill));
}
