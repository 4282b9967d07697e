/** Doing many things a few at a time. */

/** pool runs `act` for each item, at most `width` at once; it rejects with the first error once those under way have ended. */
export async function pool<T>(width: number, items: readonly T[], act: (item: T) => Promise<unknown>): Promise<void> {
  let next = 0;
  let failed = false;
  const worker = async (): Promise<void> => {
    while (!failed && next < items.length) {
      const item = items[next++] as T;
      try {
        await act(item);
      } catch (error) {
        failed = true;
        throw error;
      }
    }
  };
  const ended = await Promise.allSettled(Array.from({ length: Math.min(width, items.length) }, worker));
  const broken = ended.find((each) => each.status === "rejected");
  if (broken !== undefined) throw broken.reason;
}
