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
