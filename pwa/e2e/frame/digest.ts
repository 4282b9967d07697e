/** digest returns the SHA-256 of a text in hex. */
export async function digest(text: string): Promise<string> {
  const sum = new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text)));
  return Array.from(sum, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
