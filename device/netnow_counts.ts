// How many frames were taken, and how many were refused for which reason; `stats` tells them.

export class NetnowCounts {
  accepted: number;
  /** Alternating reason and count, in the order in which the reasons came up. */
  private readonly reasons: (string | number)[];

  constructor() {
    this.accepted = 0;
    this.reasons = [];
  }

  /** A frame was refused for a reason, or taken when there is none; true when it was taken. */
  judge(reason: string | undefined): boolean {
    if (reason === undefined) this.accepted++;
    else this.refuse(reason);
    return reason === undefined;
  }

  refuse(reason: string): void {
    const at = this.reasons.indexOf(reason);
    if (at >= 0) (this.reasons[at + 1] as number)++;
    else this.reasons.push(reason, 1);
  }

  /** Of one reason. */
  of(reason: string): number {
    const at = this.reasons.indexOf(reason);
    return at >= 0 ? (this.reasons[at + 1] as number) : 0;
  }

  /** `accepted 12 hmac 1 replay 2` */
  text(): string {
    return `accepted ${this.accepted}${this.reasons.length > 0 ? ` ${this.reasons.join(" ")}` : ""}`;
  }
}
