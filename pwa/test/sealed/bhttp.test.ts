import { describe, expect, it } from "vitest";
import { type Bytes, join, utf8 } from "../../src/core/bytes.ts";
import { decodeRequest, decodeResponse, encodeRequest, encodeResponse } from "../../src/core/sealed/bhttp.ts";
import { flipped, random } from "./people.ts";

const hex = (digits: string): Bytes => new Uint8Array(Buffer.from(digits.replace(/\s/g, ""), "hex"));
const request = { method: "GET", scheme: "https", authority: "a.example", path: "/x?y", fields: [["if-match", '"1"'], ["range", "bytes=0-1"]] as const, body: utf8("body") };

describe("binary HTTP", () => {
  it("comes back as it was written", () => {
    expect(decodeRequest(encodeRequest(request))).toEqual(request);
    const response = { status: 206, fields: [["etag", '"é"']] as const, body: new Uint8Array(70_000) };
    expect(decodeResponse(encodeResponse(response))).toEqual(response);
  });

  it("is read as RFC 9292 §5.1 shows, of known and of indeterminate length", () => {
    const known = hex(`00 03474554 056874747073 00 0a2f68656c6c6f2e747874
      406c 0a757365722d6167656e74 34 6375726c2f372e31362e33206c69626375726c2f372e31362e33204f70656e53534c2f302e392e376c207a6c69622f312e322e33
      04686f7374 0f7777772e6578616d706c652e636f6d 0f6163636570742d6c616e6775616765 06656e2c206d69 00 00`);
    const { method, scheme, authority, path, fields, body } = decodeRequest(known);
    expect([method, scheme, authority, path, body.length]).toEqual(["GET", "https", "", "/hello.txt", 0]);
    expect(fields.map(([name]) => name)).toEqual(["user-agent", "host", "accept-language"]);
    const chunked = join(Uint8Array.of(2), known.slice(1, 22), known.slice(24, -2), Uint8Array.of(0, 0, 0), new Uint8Array(10));
    expect(decodeRequest(chunked).fields).toEqual(fields);
  });

  it("leaves informational responses and trailers out", () => {
    const known = hex("01 4066 09 07 72756e6e696e67 00 40c8 00 03 616263 04 0178 0179");
    expect(decodeResponse(known)).toEqual({ status: 200, fields: [], body: utf8("abc") });
    expect(decodeResponse(hex("03 40c8 00 02 6162 01 63 00 0178 0179 00 00"))).toEqual({ status: 200, fields: [], body: utf8("abc") });
  });

  it("may end where only what is empty follows, and be followed by zeros", () => {
    const bare = hex("00 03474554 056874747073 00 012f");
    for (const tail of ["", "00", "0000", "000000", "00000000000000"]) expect(decodeRequest(join(bare, hex(tail))).body).toHaveLength(0);
    expect(() => decodeRequest(join(bare, hex("00000001")))).toThrow();
  });

  it.each([
    ["a framing of the other kind", "01"],
    ["a control line that is cut off", "00 0347"],
    ["a relative path", "00 03474554 056874747073 00 0178"],
    ["a path with a space", "00 03474554 056874747073 00 022f20"],
    ["a method that is no token", "00 03472054 056874747073 00 012f"],
    ["an upper-case field", "00 03474554 056874747073 00 012f 04 0141 0178 00 00"],
    ["a pseudo-field", "00 03474554 056874747073 00 012f 05 023a61 0178 00 00"],
    ["a field without a name", "00 03474554 056874747073 00 012f 03 00 0178 00 00"],
    ["a line break in a value", "00 03474554 056874747073 00 012f 05 0161 02780a 00 00"],
    ["a space around a value", "00 03474554 056874747073 00 012f 05 0161 027820 00 00"],
    ["a line beyond its section", "00 03474554 056874747073 00 012f 02 0161 0178 00"],
    ["a section beyond the message", "00 03474554 056874747073 00 012f 20 0161 0178 00"],
    ["content beyond the message", "00 03474554 056874747073 00 012f 00 05 6162"],
    ["a length of 2^62-1", "00 ffffffffffffffff"],
    ["chunks without their end", "02 03474554 056874747073 00 012f 00 0161"],
  ])("refuses %s", (_, digits) => {
    expect(() => decodeRequest(hex(digits))).toThrow();
  });

  it("refuses a head of more than 16 KiB and more than 256 lines", () => {
    const fields = (count: number, length: number): [string, string][] => Array.from({ length: count }, (_, i) => [`f${i}`, "x".repeat(length)]);
    expect(decodeRequest(encodeRequest({ ...request, fields: fields(256, 10) })).fields).toHaveLength(256);
    expect(() => decodeRequest(encodeRequest({ ...request, fields: fields(257, 10) }))).toThrow();
    expect(() => decodeRequest(encodeRequest({ ...request, fields: fields(2, 8192) }))).toThrow();
    expect(() => decodeRequest(encodeRequest({ ...request, path: `/${"x".repeat(16 << 10)}` }))).toThrow();
  });

  it("gives a value or throws, whatever comes", () => {
    const whole = encodeRequest(request);
    for (let at = 0; at < whole.length; at++) {
      for (const bytes of [whole.slice(0, at), flipped(whole, at), join(whole.slice(0, at), random(8))]) {
        for (const decode of [decodeRequest, decodeResponse]) {
          try {
            expect(decode(bytes)).toHaveProperty("body");
          } catch (error) {
            expect(error).toBeInstanceOf(RangeError);
          }
        }
      }
    }
  });
});
