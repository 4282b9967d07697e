const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;

/** Clock turns instants and sizes into the words of one language, seen from now. */
export interface Clock {
  now(): number;
  /** Short, as beside a name: "now", "5 min ago", "yesterday", "12 Nov". */
  ago(at: number): string;
  /** In a sentence: "today, 18:20", "Thursday, 18:20", "12 November". */
  at(at: number): string;
  /** Month and year. */
  month(at: number): string;
  /** "2.4 MB". */
  bytes(n: number): string;
}

/** The digits of the messages, which are those of addresses and links too. */
const digits = { numberingSystem: "latn" } as const;

/** clockFor returns the clock of a language tag; `now` in milliseconds since the epoch, and `comma` between a day and a time. */
export function clockFor(tag: string, now: () => number, comma: string): Clock {
  const relative = new Intl.RelativeTimeFormat(tag, { numeric: "auto", style: "short", ...digits });
  const format = (at: number, parts: Intl.DateTimeFormatOptions): string => new Intl.DateTimeFormat(tag, { ...parts, ...digits }).format(at);
  const sameYear = (at: number): boolean => new Date(at).getFullYear() === new Date(now()).getFullYear();

  const since = (at: number): string => {
    const age = Math.max(0, now() - at);
    if (age < hour) return relative.format(-Math.round(age / minute), "minute");
    if (daysBetween(at, now()) === 0) return relative.format(-Math.round(age / hour), "hour");
    if (daysBetween(at, now()) < 7) return relative.format(-daysBetween(at, now()), "day");
    return format(at, { day: "numeric", month: "short", ...(sameYear(at) ? {} : { year: "numeric" }) });
  };
  // A sentence that ends with an abbreviation has a stop of its own.
  const ago = (at: number): string => since(at).replace(/\.$/, "");
  const at = (when: number): string => {
    const days = daysBetween(now(), when);
    const time = format(when, { hour: "numeric", minute: "2-digit" });
    if (Math.abs(days) < 2) return new Intl.RelativeTimeFormat(tag, { numeric: "auto" }).format(days, "day") + comma + time;
    if (Math.abs(days) < 7) return format(when, { weekday: "long" }) + comma + time;
    return format(when, { day: "numeric", month: "long", ...(sameYear(when) ? {} : { year: "numeric" }) });
  };
  return { now, ago, at, month: (when) => format(when, { month: "long", year: "numeric" }), bytes: (n) => bytesIn(tag, n) };
}

/** Midnights between two instants; negative when `to` is earlier. */
function daysBetween(from: number, to: number): number {
  return Math.round((new Date(to).setHours(0, 0, 0, 0) - new Date(from).setHours(0, 0, 0, 0)) / day);
}

function bytesIn(tag: string, n: number): string {
  const units = ["byte", "kilobyte", "megabyte", "gigabyte"] as const;
  const power = n < 1000 ? 0 : Math.min(3, Math.floor(Math.log10(n) / 3));
  const unit = units[power] ?? "byte";
  const most = power > 1 ? 1 : 0;
  return new Intl.NumberFormat(tag, { style: "unit", unit, unitDisplay: power === 0 ? "long" : "short", maximumFractionDigits: most, ...digits }).format(n / 1000 ** power);
}
