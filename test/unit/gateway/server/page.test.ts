import { expect, test } from "bun:test";
import { takesGzip } from "../../../../src/gateway/server/page.ts";

test.each(["gzip", "gzip, deflate, br, zstd", "br;q=1.0, GZIP ; q=0.5", "gzip;q=0.001"])(
  "a browser that says %j gets the page compressed",
  (accepted) => {
    expect(takesGzip(accepted)).toBeTrue();
  },
);

test.each([null, "", "identity", "*", "br", "x-gzip", "gzip;q=0", "gzip; Q=0.000, br"])(
  "one that says %j does not",
  (accepted) => {
    expect(takesGzip(accepted)).toBeFalse();
  },
);
