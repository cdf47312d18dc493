import { describe, expect, it } from "vitest";
import { isAddress, judgeUrl, kindOfAddress } from "../../../../lib/peers/http/address-rules.ts";

describe("kindOfAddress", () => {
  it.each(["1.1.1.1", "93.184.216.34", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "2a00:1450:4001::200e"])(
    "%s is public",
    (address) => expect(kindOfAddress(address)).toBe("public"),
  );

  it.each([
    "127.0.0.1",
    "127.255.255.254",
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.1",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.1.1",
    "100.64.0.1",
    "192.0.2.1",
    "198.18.0.1",
    "203.0.113.9",
    "240.0.0.1",
    "::",
    "::1",
    "fc00::1",
    "fd12:3456::1",
    "fec0::1",
    "::ffff:127.0.0.1",
    "::ffff:8.8.8.8",
    "::127.0.0.1",
    "64:ff9b::a00:1",
    "64:ff9b::808:808",
    "64:ff9b:1::1",
    "2002:7f00:1::",
    "2002:808:808::",
    "2001:0:1234::1",
    "2001:db8::1",
    "100::1",
    "3fff::1",
    "4000::1",
  ])("%s is not public", (address) => expect(kindOfAddress(address)).toBe("private"));

  it.each([
    "169.254.169.254",
    "169.254.170.2",
    "169.254.0.1",
    "100.100.100.200",
    "fd00:ec2::254",
    "fd00:ec2::23",
    "fe80::1",
    "fe80::1%eth0",
    "::ffff:169.254.169.254",
    "::169.254.169.254",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::a9fe:a9fe",
    "2002:a9fe:a9fe::1",
    "224.0.0.1",
    "255.255.255.255",
    "ff02::1",
    "no address",
    "",
  ])("%s is never connected to", (address) => expect(kindOfAddress(address)).toBe("never"));
});

describe("the edges of the networks", () => {
  it.each([
    ["0.0.0.0", "0.255.255.255", "private", "1.0.0.0"],
    ["10.0.0.0", "10.255.255.255", "private", "11.0.0.0"],
    ["100.64.0.0", "100.127.255.255", "private", "100.63.255.255"],
    ["127.0.0.0", "127.255.255.255", "private", "126.255.255.255"],
    ["169.254.0.0", "169.254.255.255", "never", "169.253.255.255"],
    ["172.16.0.0", "172.31.255.255", "private", "172.15.255.255"],
    ["192.0.0.0", "192.0.0.191", "private", "191.255.255.255"],
    ["192.0.0.192", "192.0.0.192", "never", "192.0.1.0"],
    ["192.0.2.0", "192.0.2.255", "private", "192.0.3.0"],
    ["192.31.196.0", "192.31.196.255", "private", "192.31.197.0"],
    ["192.52.193.0", "192.52.193.255", "private", "192.52.192.255"],
    ["192.88.99.0", "192.88.99.255", "private", "192.88.100.0"],
    ["192.168.0.0", "192.168.255.255", "private", "192.169.0.0"],
    ["192.175.48.0", "192.175.48.255", "private", "192.175.49.0"],
    ["198.18.0.0", "198.19.255.255", "private", "198.17.255.255"],
    ["198.51.100.0", "198.51.100.255", "private", "198.51.101.0"],
    ["203.0.113.0", "203.0.113.255", "private", "203.0.112.255"],
    ["224.0.0.0", "239.255.255.255", "never", "223.255.255.255"],
    ["2001::1", "2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff", "private", "2001:200::"],
    ["2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", "private", "2001:db9::"],
    ["2002::", "2002:a9fd:ffff:ffff:ffff:ffff:ffff:ffff", "private", "2003::"],
    ["2620:4f:8000::", "2620:4f:8000:ffff:ffff:ffff:ffff:ffff", "private", "2620:4f:8001::"],
    ["3fff::", "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff", "private", "3fff:1000::"],
    ["4000::", "fe7f:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "private", "3ffe:ffff::"],
  ] as const)("from %s to %s it is %s, and %s is public", (first, last, kind, outside) => {
    expect([first, last, outside].map(kindOfAddress)).toEqual([kind, kind, "public"]);
  });

  it.each([
    ["240.0.0.0", "255.255.255.254", "private"],
    ["255.255.255.255", "::ffff:255.255.255.255", "never"],
    ["fe80::", "febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "never"],
    ["fec0::", "feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "private"],
    ["ff00::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "never"],
    ["fd00:ec2::", "fd00:ec2:ffff:ffff:ffff:ffff:ffff:ffff", "never"],
    ["fd00:ec1:ffff:ffff:ffff:ffff:ffff:ffff", "fd00:ec3::", "private"],
  ] as const)("%s and %s are %s", (first, last, kind) => {
    expect([first, last].map(kindOfAddress)).toEqual([kind, kind]);
  });

  it("finds a forbidden address inside another however that one is spelt", () => {
    const spellings = [
      "::ffff:a9fe:a9fe",
      "0:0:0:0:0:FFFF:A9FE:A9FE",
      "0000:0000:0000:0000:0000:ffff:169.254.169.254",
      "::ffff:0:169.254.169.254",
      "2001::5601:5601",
      "2001:0:1:2:3:4:5601:5601",
      "2002:A9FE:A9FE:1:2:3:4:5",
      "64:ff9b:1:2:3:4:169.254.169.254",
    ];
    expect(spellings.filter((address) => kindOfAddress(address) !== "never")).toEqual([]);
  });

  it.each([
    "0x7f.1",
    "2130706433",
    "127.1",
    "0177.0.0.1",
    "127.0.0.1.",
    "[::1]",
    "::127.0.0.01",
    "1::2::3",
    "::1/64",
    "1:2",
  ])("%s is no address as a resolver spells it", (text) =>
    expect([kindOfAddress(text), isAddress(text)]).toEqual(["never", false]),
  );
});

describe("judgeUrl", () => {
  const strict = { allowHttp: false, allowPrivate: false };
  const open = { allowHttp: true, allowPrivate: true };

  it.each(["https://example.com/a", "https://example.com:8443/", "https://1.1.1.1/", "https://[2606:4700::1111]/a"])(
    "lets %s pass",
    (url) => expect(judgeUrl(url, strict)).toBeInstanceOf(URL),
  );

  it.each([
    "http://example.com/",
    "https://2130706433/",
    "https://0x7f000001/",
    "https://0x7f.1/",
    "https://0177.0.0.1/",
    "https://017700000001/",
    "https://127.1/",
    "https://127.0.0.1./",
    "https://①②⑦.⓪.⓪.①/",
    "https://[::1]/",
    "https://[::ffff:7f00:1]/",
    "https://[0:0:0:0:0:ffff:127.0.0.1]/",
    "https://localhost/",
    "https://LOCALHOST./",
    "https://a.localhost/",
    "https://169.254.169.254/latest/meta-data/",
    "https://2852039166/",
    "https://0xA9FEA9FE/",
    "https://0251.0376.0251.0376/",
    "https://[64:ff9b::169.254.169.254]/",
    "https://[fd00:ec2::254]/",
    "https://user@example.com/",
    "https://user:pw@example.com/",
    "ftp://example.com/",
    "file:///etc/passwd",
    "data:text/plain,x",
    "https://",
    "//example.com",
    "example.com",
    "",
    "https://example.com:0/",
    `https://example.com/${"x".repeat(5000)}`,
  ])("refuses %s", (url) => expect(judgeUrl(url, strict)).toHaveProperty("refused"));

  it.each(["http://127.0.0.1:3000/x", "http://localhost:3000/", "http://[::1]:1/", "http://10.0.0.1/"])(
    "lets %s pass where private peers and http are allowed",
    (url) => expect(judgeUrl(url, open)).toBeInstanceOf(URL),
  );

  it.each([
    "http://169.254.169.254/",
    "http://0xa9fea9fe/",
    "http://[::ffff:169.254.169.254]/",
    "http://[fd00:ec2::254]/",
    "http://u:p@127.0.0.1/",
  ])("refuses %s even there", (url) => expect(judgeUrl(url, open)).toHaveProperty("refused"));
});
