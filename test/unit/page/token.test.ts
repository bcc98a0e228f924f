import { expect, test } from "bun:test";
import { tokenOfPage } from "../../../static/session/token.ts";

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
