/**
 * Fair turns for many busy connections.
 *
 * Deno polls all pending reads in one tokio task. tokio lets a task complete 128 operations a poll; what is ready beyond
 * that is put back on a stack (last in, first out). A connection that is read again at once stands above those that
 * wait, so from about 128 connections busy at the same time on some wait for ever (measured: 256 connections, 0.1 to
 * 0.7 s). The cure: while that many are open, a connection that was served is read again only when its round is over,
 * that is after a turn of the event loop which the budget did not cut short.
 *
 * Costs nothing up to FREE_CONNECTIONS, above that one `setImmediate` a turn and one promise a round.
 */
const FREE_CONNECTIONS = 96;
/** 128, less what other operations of the process (admin, gRPC, accept) may take in the same poll. */
const FULL_TURN = 120;

export class ReadRounds {
  #open = 0;
  /** Served since the round began: they have no read pending. */
  #parked = 0;
  #turn = 0;
  #turnEnds = false;
  #round: Promise<void> | null = null;
  #endRound = () => {};
  #timer: ReturnType<typeof setTimeout> | undefined;
  #trusted = 0;

  opened(): void {
    this.#open++;
  }

  closed(): void {
    this.#open--;
  }

  /** After a connection was served and before it is read again: null is "at once", otherwise wait for it. */
  next(): Promise<void> | null {
    if (this.#open <= FREE_CONNECTIONS && this.#round === null) return null;
    this.#parked++;
    this.#turn++;
    if (!this.#turnEnds) {
      this.#turnEnds = true;
      setImmediate(this.#endTurn);
    }
    return this.#round ??= new Promise<void>((resolve) => this.#endRound = resolve);
  }

  readonly #endTurn = (): void => {
    this.#turnEnds = false;
    clearTimeout(this.#timer);
    if (this.#turn >= FULL_TURN && this.#parked < this.#open && this.#trusted-- <= 0) {
      this.#turn = 0;
      this.#trusted = 0;
      // Others are ready and come with the next turn, which ends the round.
      this.#timer = setTimeout(this.#nobodyWaits, 0);
      return;
    }
    this.#turn = 0;
    this.#parked = 0;
    this.#round = null;
    this.#endRound();
  };

  /** There were exactly as many as fit. The timer takes 2 ms, so the next few full turns are believed to be the same. */
  readonly #nobodyWaits = (): void => {
    setImmediate(this.#confirm, 2);
  };

  readonly #confirm = (left: number): void => {
    if (this.#turnEnds) return;
    if (left > 0) {
      setImmediate(this.#confirm, left - 1);
      return;
    }
    if (this.#round === null) return;
    this.#trusted = 4;
    this.#endTurn();
  };
}
