import { expect, test } from "bun:test";
import { tokenFrom, tokenOfPage, withoutToken } from "../../../static/session/token.ts";

test("a token comes with the page's fragment or query, the fragment first", () => {
  expect(tokenOfPage("http://host/?topic=a#token=a.b-c")).toBe("a.b-c");
  expect(tokenOfPage("http://host/?token=x&topic=a")).toBe("x");
  expect(tokenOfPage("http://host/?token=x#token=y")).toBe("y");
});

test("without one, or with one that could not travel in a header, there is none", () => {
  for (const page of [
    "http://host/",
    "http://host/#section",
    "http://host/?token=",
    "http://host/#token=a%0Ab",
  ])
    expect(tokenOfPage(page)).toBeUndefined();
});

test("the address to share has no token, and all else that it had", () => {
  expect(withoutToken("http://host/chat/?topic=a#token=a.b-c")).toBe("http://host/chat/?topic=a");
  expect(withoutToken("http://host/?token=x&topic=a%26b")).toBe("http://host/?topic=a%26b");
  expect(withoutToken("http://host/?token=x#token=y&section=2")).toBe("http://host/#section=2");
  expect(withoutToken("http://host/?topic=a#section")).toBe("http://host/?topic=a#section");
});

test("a token that was pasted may have spaces around it, and Bearer before it", () => {
  expect(tokenFrom("  Bearer a.b.c\n")).toBe("a.b.c");
  expect(tokenFrom(" ")).toBeUndefined();
  expect(tokenFrom("a\nb")).toBeUndefined();
});
