const seconds = 30;
const pause = 50;

/** until asks again and again, and resolves when the answer is true; it rejects after 30 s. */
export async function until(check: () => Promise<boolean> | boolean): Promise<void> {
  const deadline = Date.now() + seconds * 1000;
  while (!(await check())) {
    if (Date.now() > deadline) throw new Error(`wait: not so after ${seconds} s`);
    await new Promise((resolve) => setTimeout(resolve, pause));
  }
}
