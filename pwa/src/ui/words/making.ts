/** What messages are made with in more than one language. */

/** count says one thing for one and another for many. */
export const count = (n: number, one: string, many: string): string => (n === 1 ? one : many);

/** namesIn returns what joins names as a sentence of the language does: "Ana", "Ana and Ben", "Ana, Ben and 3 more". Of
 * more than `shown` the last are counted. */
export function namesIn(tag: string, more: (n: number) => string): (list: readonly string[], shown?: number) => string {
  const all = new Intl.ListFormat(tag);
  return (list, shown = 3) => all.format(list.length <= shown ? list : [...list.slice(0, shown - 1), more(list.length - shown + 1)]);
}
