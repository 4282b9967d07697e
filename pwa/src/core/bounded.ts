/** Reading the body of an answer that may be longer than is good for us. */

import { type Bytes, join } from "./bytes.ts";

/** bounded returns the whole body; rejects with a RangeError when it has more than `max` bytes. */
export async function bounded(answer: Response, max: number): Promise<Bytes> {
  const parts: Uint8Array[] = [];
  let size = 0;
  const reader = answer.body?.getReader();
  for (;;) {
    const next = await reader?.read();
    if (next === undefined || next.done) return join(...parts);
    size += next.value.length;
    if (size > max) {
      await reader?.cancel();
      throw new RangeError(`read answer: more than ${max} bytes`);
    }
    parts.push(next.value);
  }
}
