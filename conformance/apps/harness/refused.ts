import { expect } from "vitest";

/** refused expects that the library's call rejects with an error that carries this status. */
export async function refused(call: Promise<unknown>, status: number): Promise<void> {
  const answered = await call.then(
    () => "done",
    (error: unknown) => (error as { statusCode?: number }).statusCode ?? error,
  );
  expect(answered).toBe(status);
}
