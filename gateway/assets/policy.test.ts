import { expect, it } from "vitest";
import { coloKeepSeconds, headersOf, isHashedName } from "./policy.ts";

it.each([
  ["app.0a1b2c3d.js", true],
  ["css/site.9f86d081884c7d659a2feaa0c55ad015.css", true],
  ["app.js", false],
  ["app.deadbeef.js", false],
  ["app.production1.js", false],
  ["app.0a1b2c3.js", false],
  ["0a1b2c3d.js", false],
  ["app.0a1b2c3d", false],
  ["app.0a1b2c3d.js/x", false],
])("the name %s promises bytes that never change: %s", (key, isHashed) => {
  expect(isHashedName(key)).toBe(isHashed);
  expect(headersOf(key)["cache-control"]?.includes("immutable")).toBe(isHashed);
});

it.each([
  ["app.js", "text/javascript; charset=utf-8", "public, max-age=3600", 3_600],
  ["LOGO.PNG", "image/png", "public, max-age=86400", 3_600],
  ["app.0a1b2c3d.js", "text/javascript; charset=utf-8", "public, max-age=31536000, immutable", 86_400],
  ["unknown.bin", "application/octet-stream", "public, max-age=3600", 3_600],
  ["constructor.__proto__", "application/octet-stream", "public, max-age=3600", 3_600],
  ["README", "application/octet-stream", "public, max-age=3600", 3_600],
])("%s is %s, kept %s, and in a colo for %i s", (key, type, cacheControl, seconds) => {
  expect(headersOf(key)).toMatchObject({ "content-type": type, "cache-control": cacheControl, "x-content-type-options": "nosniff" });
  expect(coloKeepSeconds(key)).toBe(seconds);
});

it.each(["page.html", "feed.xml", "report.pdf", "anything", "a.exe", "a.xhtml", "a.swf"])(
  "%s is saved and never shown at this origin",
  (key) => {
    expect(headersOf(key)).toMatchObject({
      "content-disposition": "attachment",
      "content-security-policy": expect.stringContaining("sandbox"),
    });
  },
);

it("an SVG can be shown, but runs nothing", () => {
  const headers = headersOf("logo.svg");
  expect(headers["content-security-policy"]).toContain("sandbox; default-src 'none'");
  expect(headers["content-disposition"]).toBeUndefined();
});
