//! The pages, as Chromium shows them.

use std::process::Command;

use lab::client::Request;
use lab::debian;
use lab::process::run;
use lab::tools::lab_dir;

use crate::databases::Db;
use crate::service::{Service, done, file};

on_each_database!(
    a_browser_shows_who_has_what_and_why,
    many_subjects_come_in_pages_and_in_order,
);

/// What Chromium makes of an address: the document, and what it complains of.
fn browse(url: &str, more: &[&str]) -> (String, String) {
    let profile = lab_dir("chromium").unwrap();
    let output = Command::new(debian::program("chromium").unwrap())
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
        ])
        .args([
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
        ])
        .args([
            "--disable-dev-shm-usage",
            "--enable-logging=stderr",
            "--window-size=900,1100",
        ])
        .arg(format!("--user-data-dir={}", profile.display()))
        .args(more)
        .arg(url)
        .output()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (text(&output.stdout), text(&output.stderr))
}

fn a_browser_shows_who_has_what_and_why(db: &Db) {
    let hostile = "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>&amp;'";
    for arguments in [
        &[
            "grant",
            "add",
            "ann",
            "--group",
            "staff",
            "--permission",
            "report.read",
            "--permission",
            hostile,
        ][..],
        &["grant", "add", hostile, "--group", hostile],
        &[
            "grant",
            "add",
            "staff",
            "--to",
            "group",
            "--role",
            "editor",
            "--permission",
            "door.open",
        ],
        &[
            "grant",
            "add",
            "editor",
            "--to",
            "role",
            "--permission",
            "page.write",
            "--permission",
            "report.read",
        ],
        &[
            "key",
            "add",
            "ann",
            "--group",
            "machines",
            "--expires",
            "2099-01-01T00:00:00Z",
        ],
    ] {
        done(db, arguments, "");
    }
    let profile = serde_json::json!({ "floor": 2, "<b>": hostile }).to_string();
    done(
        db,
        &[
            "user",
            "add",
            "ann",
            "--name",
            "Ann Lee",
            "--profile",
            &profile,
        ],
        "secret\n",
    );
    let tokens = file("page-tokens", "a-token-for-the-page\n");
    let service = Service::with(&db.url, &["--page-token-file", &tokens]);
    let origin = format!("http://anybody:a-token-for-the-page@{}", service.addr);

    let (document, complaints) = browse(&format!("{origin}/"), &["--dump-dom"]);
    assert!(
        document.contains("<a href=\"/subject?name=ann\"><bdi>ann</bdi></a>"),
        "{document}\n{complaints}"
    );
    assert!(
        document.contains("<title>Subjects - directory</title>"),
        "{document}"
    );
    assert!(
        !document.contains("<img") && !document.contains("<script"),
        "{document}"
    );
    assert!(
        !complaints.contains("Content Security Policy"),
        "{complaints}"
    );

    let (document, complaints) = browse(&format!("{origin}/subject?name=ann"), &["--dump-dom"]);
    let plain = document
        .replace("<bdi>", "")
        .replace("</bdi>", "")
        .replace("<th scope=\"row\">", "<th>");
    for want in [
        "<th>report.read</th><td>granted directly, from the role editor</td>",
        "<th>door.open</th><td>from the group staff</td>",
        "<th>page.write</th><td>from the role editor</td>",
        "<th>editor</th><td>from the group staff</td>",
        "<th>staff</th><td>granted directly</td>",
        "<th>name</th><td>Ann Lee</td>",
        "<th>Password</th><td>is set</td>",
        "groups: machines; ends 2099-01-01T00:00:00Z",
        "<title>ann - directory</title>",
    ] {
        assert!(plain.contains(want), "{want}\n{document}\n{complaints}");
    }
    assert!(
        !document.contains("<img") && !document.contains("<script"),
        "{document}"
    );
    assert!(
        !complaints.contains("Content Security Policy"),
        "{complaints}"
    );
    assert!(
        !document.contains("argon2") && !document.contains("secret"),
        "{document}"
    );

    let picture = lab_dir("page").unwrap().join("page.png");
    browse(
        &format!("{origin}/subject?name=ann"),
        &[&format!("--screenshot={}", picture.display())],
    );
    let size = std::fs::metadata(&picture)
        .map(|picture| picture.len())
        .unwrap_or(0);
    assert!(size > 5_000, "{}: {size} bytes", picture.display());
    drop(run(Command::new("ls").arg("-l").arg(&picture)).map(|line| print!("{line}")));

    let ask = |path: &str| {
        Request::get(path)
            .header("authorization", "Basic eDphLXRva2VuLWZvci10aGUtcGFnZQ==")
            .send(service.addr)
            .unwrap()
    };
    let answer = ask("/subject?name=nobody");
    assert_eq!(
        (
            answer.status,
            answer.text().contains("Nothing is known of this subject")
        ),
        (404, true)
    );
    assert_eq!(ask("/subject").status, 400);
    assert_eq!(
        ask("/subject?name=%3Cscript%3E%00")
            .text()
            .matches("<script")
            .count(),
        0
    );
    let policy = answer.header("content-security-policy").unwrap();
    assert!(
        policy.starts_with("default-src 'none'; style-src 'sha256-")
            && policy.contains("frame-ancestors 'none'"),
        "{policy}"
    );
    assert_eq!(
        answer.header("x-content-type-options").as_deref(),
        Some("nosniff")
    );
    for answer in [service.get("/"), service.get("/subject?name=ann")] {
        assert_eq!(answer.status, 401);
        assert!(
            answer
                .header("www-authenticate")
                .unwrap()
                .starts_with("Basic realm=")
        );
    }
}

fn many_subjects_come_in_pages_and_in_order(db: &Db) {
    let mut want: Vec<String> = (0..107).map(|n| format!("user-{n:03}")).collect();
    want.extend(["User-050", "user_050", "user%", "zo\u{eb}", "\u{1f980}"].map(str::to_owned));
    let rows: String = want
        .iter()
        .map(|name| format!("permission,{name},p\ngroup,{name},g\n"))
        .collect();
    done(
        db,
        &[
            "import",
            &file("many.csv", &format!("kind,holder,value\n{rows}")),
        ],
        "",
    );
    let service = Service::start(db);
    let names = |page: &str| -> Vec<String> {
        let shown = page
            .split("<li>")
            .skip(1)
            .filter_map(|item| item.split("<bdi>").nth(1)?.split("</bdi>").next());
        shown.map(str::to_owned).collect()
    };
    want.sort_unstable();
    let (mut got, mut path, mut pages) = (Vec::new(), "/".to_owned(), 0);
    loop {
        let page = service.get(&path).text();
        got.extend(names(&page));
        pages += 1;
        let Some(next) = page
            .split("<a href=\"")
            .find(|part| part.contains("rel=\"next\""))
        else {
            break;
        };
        path = next.split('"').next().unwrap().replace("&amp;", "&");
    }
    assert_eq!((got, pages), (want, 3));
    let found = |query: &str| names(&service.get(&format!("/?q={query}")).text());
    assert_eq!(found("user-05").len(), 10);
    assert_eq!(found("User-"), ["User-050"]);
    assert_eq!(found("user_"), ["user_050"]);
    assert_eq!(found("user%25"), ["user%"]);
    assert_eq!(found("%F0%9F%A6%80"), ["\u{1f980}"]);
    assert!(found("%27%20OR%201%3D1").is_empty());
    assert!(
        service
            .get("/?q=%3Cb%3E")
            .text()
            .contains("value=\"&lt;b&gt;\"")
    );
    assert_eq!(service.get("/?q=%ff").status, 200);
}
