//! Credentials that browsers send by themselves, on every host.

use serde_json::json;

use crate::fixture::{inline, token};
use crate::message::Request;
use crate::personality::Personality;
use crate::process::Process;

#[test]
fn another_site_changes_nothing_in_somebody_s_name() {
    let token = token(&json!({}));
    let session = || Request::get("/api").header("Cookie", format!("t={token}"));
    let post = || session().method("POST");
    for host in Personality::ALL {
        let mut config = inline();
        config["providers"]["main"]["from_cookies"] = json!(["t"]);
        config["providers"]["main"]["csrf"] = json!({ "origins": ["https://spa.example"] });
        // Not every host can take a cookie out.
        config["providers"]["main"]["forward"] = json!(true);
        let mut process = Process::start(host, 1, &config);
        for (request, want) in [
            (session(), 200),
            (post(), 403),
            (post().header("Sec-Fetch-Site", "same-origin"), 200),
            (post().header("Sec-Fetch-Site", "same-site"), 403),
            (post().header("Origin", "https://api.example"), 200),
            (post().header("Origin", "https://evil.example"), 403),
            (post().header("Origin", "null"), 403),
            (post().header("Origin", "https://spa.example"), 200),
            (
                session()
                    .header("Connection", "Upgrade")
                    .header("Upgrade", "websocket")
                    .header("Origin", "https://evil.example"),
                403,
            ),
        ] {
            let id = process.ask(request.clone());
            assert_eq!(process.status(id), want, "{host:?} {request:?}");
            if want == 403 {
                let refused = process.refused(id);
                let body = &refused.body;
                assert!(body.contains("Cross-site request refused"), "{body}");
            }
        }
        process.is_sound();
    }
}

#[test]
fn what_did_not_hold_stays_here_where_the_host_can() {
    for host in Personality::ALL {
        let mut config = inline();
        config["providers"]["main"]["forward"] = json!(true);
        config["providers"]["main"]["from_headers"] = json!([{ "name": "x-token" }]);
        config["providers"]["main"]["from_cookies"] = json!(["t"]);
        config["providers"]["main"]["from_params"] = json!(["t"]);
        config["providers"]["other"] = config["providers"]["main"].clone();
        config["providers"]["other"]["from_headers"] = json!([{ "name": "x-other-token" }]);
        config["rules"] = json!([{ "match": {}, "require": { "provider": "main" } }]);
        let mut process = Process::start(host, 1, &config);
        let request = Request::get("/api?a=1")
            .header("X-Token", token(&json!({})))
            .header("X-Other-Token", "forged");
        let id = process.ask(request);
        let arrived = process.upstream(id, "x-other-token");
        assert_eq!(arrived.is_empty(), !host.is_nginx(), "{host:?}");
        assert_eq!(process.upstream(id, "x-token").len(), 1, "{host:?}");
        let request = Request::get("/api?a=1&t=forged").header("X-Token", token(&json!({})));
        let id = process.ask(request);
        // Two of one provider's are one too many.
        assert_eq!(process.status(id), 400, "{host:?}");
        process.is_sound();
    }
}
