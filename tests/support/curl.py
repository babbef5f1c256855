"""A stand-in for curl that knows the options of the example's README, for machines that have none."""

import argparse
import sys
import time
from http.cookiejar import DefaultCookiePolicy, MozillaCookieJar
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import HTTPCookieProcessor, HTTPRedirectHandler, Request, build_opener


class StayHere(HTTPRedirectHandler):
    """Redirects are answers, without `-L`."""

    def redirect_request(self, *_: object) -> None:
        return None


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(allow_abbrev=False)
    parser.add_argument("url")
    parser.add_argument("-s", "-S", "-sS", action="store_true", dest="silent")
    parser.add_argument("-L", action="store_true", dest="follow")
    parser.add_argument("-X", dest="method")
    parser.add_argument("-H", dest="headers", action="append", default=[])
    parser.add_argument("-d", dest="fields", action="append", default=[])
    parser.add_argument("--json")
    parser.add_argument("-b", dest="send_cookies")
    parser.add_argument("-c", dest="keep_cookies")
    parser.add_argument("-o", dest="output")
    parser.add_argument("-w", dest="write_out", default="")
    parser.add_argument("--retry", type=int, default=0)
    parser.add_argument("--retry-delay", type=float, default=1)
    parser.add_argument("--retry-connrefused", action="store_true")
    return parser.parse_intermixed_args()


def main() -> None:
    options = parse()
    headers = dict(header.split(": ", 1) for header in options.headers)
    data = None
    if options.json is not None:
        headers |= {"Content-Type": "application/json", "Accept": "application/json"}
        data = options.json
    elif options.fields:
        data = "&".join(options.fields)
    request = Request(options.url, data.encode() if data is not None else None, headers, method=options.method)
    # Browsers and curl send the cookies of secure connections within a machine, too.
    cookies = MozillaCookieJar(policy=DefaultCookiePolicy(secure_protocols=("http", "https")))
    if options.send_cookies:
        cookies.load(options.send_cookies, ignore_discard=True)
    opener = build_opener(HTTPCookieProcessor(cookies), *([] if options.follow else [StayHere]))
    for attempt in range(options.retry + 1):
        try:
            body = opener.open(request).read()
            break
        except HTTPError as answer:
            body = answer.read()
            break
        except URLError:
            if attempt == options.retry or not options.retry_connrefused:
                raise
            time.sleep(options.retry_delay)
    if options.keep_cookies:
        cookies.save(options.keep_cookies, ignore_discard=True)
    if options.output is None:
        sys.stdout.buffer.write(body)
    else:
        Path(options.output).write_bytes(body)
    sys.stdout.write(options.write_out.replace("\\n", "\n"))


if __name__ == "__main__":
    main()
