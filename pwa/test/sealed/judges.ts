/** Judges of the shared vectors of sealed requests. */

import { b64u, type Bytes, fromB64u } from "../../src/core/bytes.ts";
import { decodeRequest, decodeResponse, encodeRequest, encodeResponse } from "../../src/core/sealed/bhttp.ts";
import { type Judge, Refused, type Vector } from "../webid/judge.ts";

/** bytes reads base64url. */
function bytes(written: string): Bytes {
  const read = fromB64u(written);
  if (read === undefined) throw new Error(`read vector: ${written} is no base64url`);
  return read;
}

/** reading gives what a decoder throws the word of the vectors. */
function reading<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof RangeError) throw new Refused("malformed");
    throw error;
  }
}

/** What the app leaves out is not compared: informational responses and trailers. */
function known(vector: Vector, written: Bytes): object {
  return "interim" in vector || "trailer" in vector ? {} : { known: b64u(written) };
}

export const sealedJudges: Readonly<Record<string, Judge>> = {
  "bhttp.json": async (vector, text) => {
    const message = bytes(text("message"));
    if (text("kind") === "response") {
      const response = reading(() => decodeResponse(message));
      return { status: response.status, header: response.fields, content: b64u(response.body), ...known(vector, encodeResponse(response)) };
    }
    const { fields, body, ...control } = reading(() => decodeRequest(message));
    return { ...control, header: fields.map(([name, value]) => [name, Buffer.from(value, "latin1").toString()]), content: b64u(body), ...known(vector, encodeRequest({ ...control, fields, body })) };
  },
};
