use super::*;
use crate::client::ClientNetwork;
use crate::policy::ProviderId;
use crate::policy::denial::Denial;
use crate::time::UnixTime;

/// SHA-256 of "right", the cheapest hash there is.
const RIGHT: &str = "27042f4e6eca7d0b2a7ee4026df2ecfa51d3339e6d122aa099118ecd8563bad9";

fn users(names: &[&str]) -> Users {
    let mut users = Users::default();
    for name in names {
        let claims = ClaimSet::parse(format!(r#"{{"sub":"{name}"}}"#).as_bytes()).unwrap();
        users.add(name, PasswordHash::parse(RIGHT).unwrap(), claims);
    }
    users
}

fn attempt<'a>(username: &'a str, client: &'a str) -> Attempt<'a> {
    Attempt {
        provider: ProviderId(0),
        username,
        client: ClientNetwork::parse(client),
        throttle: Throttle {
            attempts: 3,
            per: Duration::from_secs(60),
        },
    }
}

#[test]
fn credentials_are_decoded_strictly() {
    let encoded = |text: &[u8]| decode(&STANDARD.encode(text));
    let pair = |name: &str, password: &str| Some((name.to_owned(), password.to_owned()));
    assert_eq!(encoded(b"alice:secret"), pair("alice", "secret"));
    assert_eq!(encoded(b"alice:a:b"), pair("alice", "a:b"));
    assert_eq!(encoded(b":"), pair("", ""));
    assert_eq!(
        encoded("zo\u{eb}:\u{20ac}".as_bytes()),
        pair("zo\u{eb}", "\u{20ac}")
    );
    assert_eq!(encoded(b"alice"), None);
    assert_eq!(encoded(b"alice:\xff"), None);
    assert_eq!(encoded(b"alice:\0"), None);
    assert_eq!(encoded(b"al\nice:x"), None);
    for text in ["YWxp*#Y2U6eA==", "YWxpY2U6eA", "YWxpY2U6eB==", "====", ""] {
        assert_eq!(decode(text), None, "{text}");
    }
}

#[test]
fn a_password_is_its_users_own() {
    let users = users(&["alice", "bob"]);
    for lot in 0..4 {
        let subject = |name, password: &str| {
            let claims = users.verify(name, password.as_bytes(), lot)?;
            claims.subject().map(str::to_owned)
        };
        assert_eq!(subject("alice", "right"), Some("alice".to_owned()));
        assert_eq!(subject("bob", "right"), Some("bob".to_owned()));
        assert_eq!(subject("alice", "wrong"), None);
        // The decoy's password does not open the door.
        assert_eq!(subject("nobody", "right"), None);
        assert_eq!(subject("", "right"), None);
    }
    assert!(Users::default().verify("alice", b"right", 7).is_none());
}

#[test]
fn wrong_passwords_are_counted_by_user_and_by_address() {
    let (store, users) = (PasswordStore::new([7; 32]), users(&["alice", "bob"]));
    let now = UnixTime::from_secs(1000);
    let try_at = |name, client, password, now| {
        store
            .verify(attempt(name, client), &users, password, now)
            .map(|claims| claims.subject().unwrap_or_default().to_owned())
    };
    for _ in 0..3 {
        assert_eq!(
            try_at("alice", "10.0.0.1", "x", now),
            Err(Denial::BadPassword)
        );
    }
    let throttled = Err(Denial::Throttled { retry_after: 60 });
    // By the user's name from elsewhere, by the address for another name, also with the right password.
    assert_eq!(try_at("alice", "10.0.0.2", "right", now), throttled);
    assert_eq!(try_at("bob", "10.0.0.1", "right", now), throttled);
    assert_eq!(
        try_at("bob", "10.0.0.2", "right", now),
        Ok("bob".to_owned())
    );
    let later = now.plus(Duration::from_secs(60));
    assert_eq!(
        try_at("alice", "10.0.0.1", "right", later),
        Ok("alice".to_owned())
    );
}

#[test]
fn a_user_who_is_signed_in_is_not_locked_out() {
    let (store, users) = (PasswordStore::new([7; 32]), users(&["alice"]));
    let now = UnixTime::from_secs(1000);
    let try_it = |client, password| store.verify(attempt("alice", client), &users, password, now);
    assert!(try_it("10.0.0.1", "right").is_ok());
    for _ in 0..5 {
        assert!(try_it("10.0.0.9", "x").is_err());
    }
    assert!(try_it("10.0.0.1", "right").is_ok());
}

#[test]
fn a_host_without_addresses_counts_by_user() {
    let (store, users) = (PasswordStore::new([7; 32]), users(&["alice", "bob"]));
    let now = UnixTime::from_secs(1000);
    for _ in 0..3 {
        drop(store.verify(attempt("alice", ""), &users, "x", now));
    }
    assert!(matches!(
        store.verify(attempt("alice", ""), &users, "right", now),
        Err(Denial::Throttled { .. })
    ));
    assert!(
        store
            .verify(attempt("bob", ""), &users, "right", now)
            .is_ok()
    );
}

#[test]
fn two_providers_share_nothing() {
    let (store, users) = (PasswordStore::new([7; 32]), users(&["alice"]));
    let now = UnixTime::from_secs(1000);
    let of = |provider| Attempt {
        provider: ProviderId(provider),
        ..attempt("alice", "10.0.0.1")
    };
    assert!(store.verify(of(0), &users, "right", now).is_ok());
    // Another provider's alice has not signed in, and does not exist there.
    let nobody = Users::default();
    let got = store.verify(of(1), &nobody, "right", now);
    assert_eq!(got.map(drop), Err(Denial::BadPassword));
    for _ in 0..5 {
        drop(store.verify(of(1), &nobody, "x", now));
    }
    assert!(store.verify(of(2), &users, "right", now).is_ok());
}

#[test]
fn a_network_is_one_address() {
    let now = UnixTime::from_secs(1000);
    let rows = [
        ("[2001:db8:1:2::1]", "[2001:db8:1:2:ffff::9]", true),
        ("2001:db8:1:2::1", "[2001:DB8:1:2::9]", true),
        ("[2001:db8:1:2::1]", "[2001:db8:1:3::1]", false),
        ("[::ffff:192.0.2.1]", "192.0.2.1", true),
        ("[::ffff:192.0.2.1]", "[::ffff:192.0.2.2]", false),
        ("192.0.2.1", "192.0.2.2", false),
        ("/run/a.sock", "/run/a.sock", false),
        ("/run/a.sock", "/run/b.sock", false),
    ];
    for (client, other, want) in rows {
        let (store, users) = (PasswordStore::new([7; 32]), users(&["alice", "bob"]));
        for _ in 0..3 {
            drop(store.verify(attempt("alice", client), &users, "x", now));
        }
        let got = store.verify(attempt("bob", other), &users, "right", now);
        assert_eq!(got.is_err(), want, "{client} and {other}");
    }
}
