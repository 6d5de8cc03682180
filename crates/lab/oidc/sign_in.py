"""Signs a user in at the lab's OpenID provider as a browser would, and prints the tokens as JSON."""

import json
import re
import sys
from urllib.parse import parse_qs, urlsplit

import httpx

issuer, user, resource = sys.argv[1:]
callback = "http://127.0.0.1/callback"
browser = httpx.Client(base_url=issuer)
request = {
    "client_id": "web",
    "response_type": "code",
    "redirect_uri": callback,
    "scope": "openid email profile orders:read",
    "resource": resource,
}
answer = browser.get("/auth", params=request)
while True:
    location = answer.headers.get("location")
    if location and location.startswith(callback):
        break
    if location:
        answer = browser.get(location)
        continue
    form = re.search(r'action="([^"]+)"', answer.text)
    prompt = re.search(r'name="prompt" value="([^"]+)"', answer.text)
    if answer.status_code != 200 or not form or not prompt:
        sys.exit(f"no form in the answer {answer.status_code}: {answer.text}")
    fields = {"prompt": prompt[1], "login": user, "password": "any"}
    answer = browser.post(form[1], data=fields)
code = parse_qs(urlsplit(location).query)["code"][0]
grant = {
    "grant_type": "authorization_code",
    "code": code,
    "redirect_uri": callback,
    "resource": resource,
}
answer = browser.post("/token", data=grant, auth=("web", "web-secret"))
print(json.dumps(answer.json()))
